"""YAML with its lines kept, so that an error can say where. Knows nothing of brands or rules."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

MAX_BYTES = 2_000_000
_construct = yaml.SafeLoader("")


class ConfigError(Exception):
    """A configuration file that cannot be applied; the message begins with file and line."""

    def __init__(self, filename: str, line: int, message: str) -> None:
        super().__init__(f"{filename}:{line}: {message}")


class Block:
    """One mapping of the file: a store, a channel. Reads its values in the type that is wanted.

    Numbers, dates and `no` are left as they are written where a text is wanted: a phone
    number, a clock time and Norway all come out whole.
    """

    def __init__(
        self, node: yaml.Node, what: str, known: Collection[str] | None, filename: str
    ) -> None:
        """Raise ConfigError for what is no mapping, and for a key that is not in `known`."""
        self.filename, self.what, self.line = filename, what, node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise self.error(f"expected a {what} with keys")
        self._nodes: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        for key, value in node.value:
            self._take(str(key.value), key.start_mark.line + 1, value, known)

    def _take(self, name: str, line: int, value: yaml.Node, known: Collection[str] | None) -> None:
        if known is not None and name not in known:
            listed = ", ".join(known)
            raise self.error(f"unknown key {name!r} in {self.what}; known: {listed}", line=line)
        if name in self._nodes:
            raise self.error(f"{name!r} is given twice in this {self.what}", line=line)
        self._nodes[name], self._lines[name] = value, line

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def error(self, message: str, name: str = "", line: int = 0) -> ConfigError:
        """The error to raise, at the line of key `name`, or at `line`, or at the block's own."""
        return ConfigError(self.filename, line or self.line_of(name), message)

    def line_of(self, name: str) -> int:
        """The line of key `name`; the block's first line when it has none."""
        return getattr(self, "_lines", {}).get(name, self.line)

    def is_null(self, name: str) -> bool:
        """Whether nothing, or null, is written."""
        node = self._nodes[name]
        return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")

    def text(self, name: str) -> str:
        """The text as it is written; empty for null."""
        node = self._nodes[name]
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(f"{name} must be a text", name)
        return "" if self.is_null(name) else str(node.value)

    def number(self, name: str) -> int | None:
        """A whole number, or None for null."""
        value = self.anything(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self.error(f"{name} must be a whole number", name)

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self.anything(name)
        if isinstance(value, bool):
            return value
        raise self.error(f"{name} must be true or false", name)

    def texts(self, name: str) -> list[str]:
        """A list of texts as they are written; empty for null."""
        found = self.written(name)
        if found == "":
            return []
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
        raise self.error(f"{name} must be a list, like [a, b]", name)

    def written(self, name: str) -> Any:
        """Lists and mappings as they are, everything in them as text."""
        return _as_text(self._nodes[name])

    def anything(self, name: str) -> Any:
        """The value as YAML understands it."""
        return _construct.construct_object(self._nodes[name], deep=True)

    def block(self, name: str, what: str, known: Collection[str] | None) -> "Block":
        """The mapping under key `name`."""
        return Block(self._nodes[name], what, known, self.filename)

    def blocks(self, name: str, what: str, known: Collection[str]) -> list["Block"]:
        """The list of mappings under key `name`; empty when it is not there."""
        if name not in self._nodes or self.is_null(name):
            return []
        node = self._nodes[name]
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"{name} must be a list: put a “-” before each {what}", name)
        return [Block(item, what, known, self.filename) for item in node.value]

    def secret(self, name: str, env: Mapping[str, str], must: bool) -> str:
        """What `env:NAME` stands for; a plain text too, unless it `must` not be in the file."""
        text = self.text(name)
        variable = text.removeprefix("env:")
        if variable == text:
            if must and text:
                raise self.error(f"secrets do not belong into a file: write {name}: env:NAME", name)
            return text
        if not env.get(variable):
            raise self.error(f"the environment has no {variable}: set it and try again", name)
        return env[variable]


def _as_text(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_as_text(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _as_text(value) for key, value in node.value}
    return "" if node.tag.endswith(":null") else str(node.value)


def read(text: str, filename: str, what: str, known: Collection[str]) -> Block | None:
    """The whole file as one block; None when it is empty."""
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(filename, 1, "the file is larger than 2 MB")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return Block(node, what, known, filename) if node else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", "") or str(error).splitlines()[0]
        raise ConfigError(filename, mark.line + 1 if mark else 1, f"not YAML: {problem}") from None
    except RecursionError:
        raise ConfigError(filename, 1, "not usable: nested too deeply") from None
