"""What a sample holds, and what of it no field uses: for the page on which mappings are written."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orders.contract import Unmappable
from orders.parsing import number_text, text
from orders.sources.generic.expressions import Budget, Interpreter
from orders.sources.generic.mapped import one, put

MOST_PATHS = 400
DEEPEST = 12


class Sample:
    """A parsed body and its leaves: path -> an example. Lists count once: `items[].title`."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.leaves: dict[str, str] = {}
        self.paths: dict[int, str] = {}  # id of an object or list -> its path
        self.touched: set[str] = set()
        self._learn(value, "", 1)

    def _learn(self, value: Any, path: str, depth: int) -> None:
        if len(self.leaves) >= MOST_PATHS or depth > DEEPEST:
            return
        if isinstance(value, dict | list):
            self.paths[id(value)] = path
            for name, member in _members(value):
                self._learn(member, joined(path, name), depth + 1)
        elif path:
            self.leaves.setdefault(path, _example(value))

    def touch(self, value: Any, name: str) -> None:
        """A member was looked at; of a list of texts or numbers all of them were."""
        path = self.paths.get(id(value))
        if path is None:
            return
        self.touched.add(joined(path, name))
        member = value.get(name) if isinstance(value, dict) else None
        if isinstance(member, list) and not any(isinstance(x, dict | list) for x in member):
            self.touched.add(joined(joined(path, name), "[]"))

    def touch_whole(self, value: Any, depth: int = 1) -> None:
        """All of a value was taken over, or read by a function."""
        if not isinstance(value, dict | list) or depth > DEEPEST:
            return
        for name, member in _members(value):
            self.touch(value, name)
            self.touch_whole(member, depth + 1)

    def unused(self, limit: int = 60) -> list[tuple[str, str]]:
        """(path, example) of the leaves that nothing looked at."""
        return [pair for pair in self.leaves.items() if pair[0] not in self.touched][:limit]


def _members(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else [("[]", x) for x in value[:50]]


def joined(path: str, name: str) -> str:
    """A path and one step more, as an expression writes it."""
    if name == "[]":
        return f"{path}[]"
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit()
    step = name if plain else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path}.{step}" if path else step


def _example(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return number_text(value) if isinstance(value, int | Decimal) else text(value, 60)


def tried(
    fields: Mapping[str, str], sample: Sample
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """(the body in our own shape, field -> what was found, field -> what is wrong with it)."""
    walker = _watching(sample)
    budget = Budget()
    body: dict[str, Any] = {"order": {}}
    results: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field, written in fields.items():
        try:
            results[field] = one(field, written, sample.value, budget, walker)
            put(body, field, results[field])
            sample.touch_whole(results[field])
        except Unmappable as problem:
            wrong[field] = str(problem)
    return body, results, wrong


def _watching(sample: Sample) -> type[Interpreter]:
    class Watching(Interpreter):
        """Notes which members of the sample an expression looks at."""

        def visit_field(self, node: Any, value: Any) -> Any:
            """A member by its name."""
            sample.touch(value, node["value"])
            return super().visit_field(node, value)

        def visit_index(self, node: Any, value: Any) -> Any:
            """An element by its place."""
            sample.touch(value, "[]")
            return super().visit_index(node, value)

    return Watching
