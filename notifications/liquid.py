"""The template language: Liquid, cut down to what a message needs and fenced in.

Templates see plain dictionaries, lists, text and numbers, never objects. Loops,
output, nesting, memory and time have ceilings, so that the worst template that
somebody saves costs one message and no more. `check` says before saving what is
wrong and where; `render` never lets a template's fault out as anything but
`RenderFailed`.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.tags import (
    assign_tag,
    case_tag,
    comment_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import (
    BlockNestingError,
    ContextDepthError,
    LiquidError,
    LiquidSyntaxError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
)
from liquid.expression import Expression
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap

from notifications.liquid_filters import FILTERS

SOURCE_CEILING = 4_000  # characters of a template
BUDGET_SECONDS = 0.25  # of the processor: a busy machine makes no template slow
TAGS = (
    content.Literal,
    output.Output,
    illegal.Illegal,
    assign_tag.AssignTag,
    case_tag.CaseTag,
    comment_tag.CommentTag,
    for_tag.ForTag,
    if_tag.IfTag,
    inline_comment_tag.InlineCommentTag,
    unless_tag.UnlessTag,
)
_TAG = re.compile(r"{%-?\s*(end)?(if|unless|case|for|comment|raw)\b")


class RenderFailed(Exception):
    """A template that cannot be used; the message is a sentence for staff."""


class OutOfTime(LiquidError):
    """The template used up its time."""


class Budget(RenderContext):
    """A render that watches the clock and counts every turn of every loop."""

    __slots__ = ("deadline", "turns")

    def __init__(self, template: BoundTemplate, **kwargs: Any) -> None:
        super().__init__(template, **kwargs)
        # Without the library's `now` and `today`: those are the server's clock, not the store's.
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self.deadline = time.thread_time() + BUDGET_SECONDS
        self.turns = 0

    def tick(self) -> None:
        """Stop when the time is up."""
        if time.thread_time() > self.deadline:
            raise OutOfTime("time is up", token=None)

    def loop(self, namespace: Mapping[str, object], forloop: Any) -> Any:
        """Enter a loop whose every turn is counted, also against its neighbours' turns."""
        forloop.it = self._counted(forloop.it)
        return super().loop(namespace, forloop)

    def _counted(self, items: Iterable[object]) -> Iterator[object]:
        for item in items:
            self.turns += 1
            if self.turns > (self.env.loop_iteration_limit or 0):
                raise LoopIterationLimitError("too many turns", token=None)
            self.tick()
            yield item

    def filter(self, name: str, token: Token | None) -> Any:
        """The filter called `name`, if there is time left for it."""
        self.tick()
        return super().filter(name, token)


class FencedTemplate(BoundTemplate):
    """A parsed template that renders within a budget."""

    context_class = Budget


class Fence(Environment):
    """The language: its tags, its filters, its ceilings. It can load nothing."""

    block_nesting_limit: ClassVar[int] = 6
    context_depth_limit: ClassVar[int] = 10
    loop_iteration_limit: ClassVar[int | None] = 1_000
    local_namespace_limit: ClassVar[int | None] = 50_000
    output_stream_limit: ClassVar[int | None] = 20_000
    template_class = FencedTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """Only what is listed here, whatever the library adds in later versions."""
        for tag in TAGS:
            self.add_tag(tag)
        self.filters.update(FILTERS)

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        """Raise with a place: an error at the end of an expression points at its start."""
        if isinstance(exc, LiquidError) and (exc.token is None or exc.token.start_index < 0):
            exc.token = token
        super().error(exc, msg, token)

    def parse_fenced(self, source: str) -> BoundTemplate:
        """Parse, and refuse ranges: a range is the one value that is large and short to write."""
        template = self.from_string(source)
        for expression in expressions(template):
            if isinstance(expression, RangeLiteral):
                raise LiquidSyntaxError("ranges are not available", token=expression.token)
        return template


FENCE = Fence()


def nodes(template: BoundTemplate) -> Iterator[Node]:
    """Every node of the tree, parents first."""
    context = RenderContext(template)
    waiting = list(reversed(template.nodes))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(node.children(context, include_partials=False))))


def expressions(template: BoundTemplate) -> Iterator[Expression]:
    """Every expression of the tree, with the expressions inside it."""
    for node in nodes(template):
        waiting = list(node.expressions())
        while waiting:
            expression = waiting.pop()
            yield expression
            waiting.extend(expression.children())


@lru_cache(maxsize=2_000)
def compiled(source: str) -> BoundTemplate:
    """The parsed template: parsed once, shared by all who have the same words.

    Raises RenderFailed when the source is not valid; that can only be one that was
    not checked before it was saved.
    """
    try:
        if len(source) > SOURCE_CEILING:
            raise RenderFailed(f"The template is longer than {SOURCE_CEILING:,} characters.")
        return FENCE.parse_fenced(source)
    except (LiquidError, RecursionError, ValueError) as error:
        raise RenderFailed(f"The template has an error: {_plain(error)}.") from error


def render(source: str, variables: Mapping[str, Any]) -> str:
    """The words. Missing values are empty; raises RenderFailed when a ceiling is hit."""
    template = compiled(source)
    try:
        return template.render(variables)
    except tuple(_CEILINGS) as error:
        raise RenderFailed(_CEILINGS[type(error)]) from error
    except Exception as error:
        # Whatever a template manages to provoke, it costs this one message only.
        raise RenderFailed(f"The template could not be filled in: {_plain(error)}.") from error


_CEILINGS: dict[type[Exception], str] = {
    OutOfTime: "The template took longer than 250 ms; use fewer loops.",
    LoopIterationLimitError: "The template loops more than 1,000 times; use fewer loops.",
    OutputStreamLimitError: "The message became longer than 20,000 bytes; shorten it.",
    LocalNamespaceLimitError: "The template keeps too much text in `assign`; shorten it.",
    ContextDepthError: "The template's loops are nested too deeply.",
}


def _plain(error: Exception) -> str:
    """The library's sentence without its drawing of the source."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.strip().rstrip(".")[:200]


def syntax_error(source: str) -> tuple[int, str] | None:
    """The offset and the sentence of the first syntax error of `source`, or None."""
    try:
        FENCE.parse_fenced(source)
    except LiquidError as error:
        return _place(source, error), _sentence(_plain(error))
    except (RecursionError, ValueError) as error:
        return 0, f"This cannot be read: {_plain(error)}."
    return None


def _place(source: str, error: LiquidError) -> int:
    if isinstance(error, BlockNestingError):
        return _open_blocks(source, Fence.block_nesting_limit)
    token = error.token
    if token is not None and 0 <= token.start_index <= len(source):
        return token.start_index
    return _open_blocks(source)


def _open_blocks(source: str, most: int = SOURCE_CEILING) -> int:
    """Where the block opens that nothing closes, or the first that is more than `most` deep."""
    stack: list[tuple[str, int]] = []
    for found in _TAG.finditer(source):
        if not found[1]:
            stack.append((found[2], found.start()))
        elif stack and stack[-1][0] == found[2]:
            stack.pop()
        if len(stack) > most:
            break
    return stack[-1][1] if stack else max(len(source) - 1, 0)


def _sentence(message: str) -> str:
    """Our words for the commonest of the library's."""
    if found := re.fullmatch(r"unexpected tag '(.*)'", message):
        names = "assign, case, comment, for, if, raw, unless"
        return f"The tag “{found[1]}” does not belong here; there are: {names}."
    if found := re.match(r"expected tag end(\w+), found end", message):
        return f"“{found[1]}” is never closed; add {{% end{found[1]} %}}."
    if "block nesting limit" in message:
        return f"Blocks are nested more than {Fence.block_nesting_limit} deep; make it simpler."
    if "ranges" in message:
        return "Ranges such as (1..9) are not available; loop over a list, such as items."
    clearer = message.replace("a primitive expression", "a name").replace(
        "end of expression", "the end"
    )
    return f"This cannot be read: {clearer}."
