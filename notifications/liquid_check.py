"""What is wrong with a template, and where, before it is saved."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from liquid import RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.expression import Expression

from notifications.liquid import FENCE, SOURCE_CEILING, syntax_error
from notifications.liquid_filters import FILTERS

ANYTHING = object()  # the shape of a value that only the render will know
LOOP = dict.fromkeys(("first", "index", "index0", "last", "length", "rindex", "rindex0"), "")
MAX_PROBLEMS = 20
# A shape is "" for a value, {name: shape} for a group of values, [shape] for a list.
Shape = Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. Lines and columns count from 1."""

    line: int
    column: int
    message: str
    field: str = "body"

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


def check(source: str, allowed: Mapping[str, Shape]) -> list[Problem]:
    """Everything that keeps `source` from being used with the variables `allowed`."""
    if len(source) > SOURCE_CEILING:
        much = f"This is {len(source):,} characters long; at most {SOURCE_CEILING:,} are possible."
        return [Problem(1, 1, much)]
    if wrong := syntax_error(source):
        return [_problem(source, *wrong)]
    found = sorted(set(_Checker(source, allowed).run()))
    return [_problem(source, *one) for one in found[:MAX_PROBLEMS]]


def _problem(source: str, offset: int, message: str) -> Problem:
    before = source[:offset]
    return Problem(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, message)


class _Checker:
    """Walks a parsed template with the shapes of the names that are in scope."""

    def __init__(self, source: str, allowed: Mapping[str, Shape]) -> None:
        self.template = FENCE.parse_fenced(source)
        self.context = RenderContext(self.template)
        self.scope: dict[str, Shape] = dict(allowed)

    def run(self) -> Iterator[tuple[int, str]]:
        return self._nodes(self.template.nodes)

    def _nodes(self, nodes: Iterable[Node]) -> Iterator[tuple[int, str]]:
        for node in nodes:
            for expression in node.expressions():
                yield from self._expression(expression)
            if isinstance(node, OutputNode):
                yield from self._printed(node)
            if isinstance(node, AssignNode):
                self.scope[str(node.name)] = self._value(node.expression)
            children = node.children(self.context, include_partials=False)
            if isinstance(node, ForNode):
                yield from self._loop(node, children)
            else:
                yield from self._nodes(children)

    def _loop(self, node: ForNode, children: Iterable[Node]) -> Iterator[tuple[int, str]]:
        outer = dict(self.scope)
        items = self._value(node.expression.iterable)
        inner = items[0] if isinstance(items, list) and items else ANYTHING
        self.scope |= {node.expression.identifier: inner, "forloop": LOOP}
        yield from self._nodes(children)
        # What the loop assigned stays; its own two names end with it.
        for name in (node.expression.identifier, "forloop"):
            self.scope.pop(name, None)
            if name in outer:
                self.scope[name] = outer[name]

    def _expression(self, expression: Expression) -> Iterator[tuple[int, str]]:
        if isinstance(expression, Path):
            yield from self._path(expression)
        if isinstance(expression, FilteredExpression):
            for one in expression.filters or ():
                if one.name not in FILTERS:
                    yield one.token.start_index, _unknown("filter", one.name, FILTERS)
        for child in expression.children():
            yield from self._expression(child)

    def _path(self, path: Path) -> Iterator[tuple[int, str]]:
        place, shape, said = path.token.start_index, self.scope, ""
        for segment in path.path:
            if isinstance(segment, Path):
                yield place, f"Write the name itself instead of “[{segment}]”."
                return
            step = _step(shape, segment)
            if step is None:
                yield place, _unknown("variable", f"{said}{segment}", _names(shape, said))
                return
            shape, said = step, f"{said}{segment}."

    def _value(self, expression: Expression) -> Shape:
        """The shape of what `expression` gives, as far as it can be known."""
        if isinstance(expression, FilteredExpression) and not expression.filters:
            expression = expression.left
        if not isinstance(expression, Path):
            return ANYTHING
        shape: Shape = self.scope
        for segment in expression.path:
            shape = _step(shape, segment)
            if shape is None:
                return ANYTHING
        return shape

    def _printed(self, node: OutputNode) -> Iterator[tuple[int, str]]:
        """A group or a list has no text of its own."""
        shape = self._value(node.expression)
        name = str(node.expression)
        place = node.expression.token.start_index
        if isinstance(shape, dict):
            first = next(iter(shape), "")
            yield (
                place,
                f"“{name}” is a group of values; write one of them, such as {name}.{first}.",
            )
        elif isinstance(shape, list):
            yield place, f"“{name}” is a list; go through it with {{% for one in {name} %}}."


def _step(shape: Shape, segment: Any) -> Shape | None:
    """The shape of `segment` inside `shape`; None when there is no such thing."""
    if shape is ANYTHING or isinstance(segment, Path):
        return ANYTHING
    if isinstance(shape, dict):
        return shape.get(segment)
    if isinstance(shape, list):
        if segment == "size":
            return ""
        return shape[0] if isinstance(segment, int) or segment in ("first", "last") else None
    return "" if segment == "size" else None


def _names(shape: Shape, said: str) -> list[str]:
    if isinstance(shape, list):
        return [f"{said}{name}" for name in ("first", "last", "size")]
    return [f"{said}{name}" for name in shape] if isinstance(shape, dict) else []


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The refusal, with the nearest name that exists."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(names[:12])}."
    return f"There is no {what} “{name[:60]}”" + (f"; {hint}" if names else ".")
