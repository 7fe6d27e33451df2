"""Reading a JSON object member by member, where a wrong one is refused by its name."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.contract import Malformed, Unmappable
from orders.parsing import identifier, minor_units, quantity, text, timestamp, web_address

LARGEST = 2**53


class Node:
    """An object and the path to it. Members that are absent or null were not said.

    Every reader takes one or more names for the same thing and uses the first present.
    """

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self.value = value
        self.path = path

    def where(self, name: str) -> str:
        """The full name of a member, for messages."""
        return f"{self.path}.{name}" if self.path else name

    def find(self, *names: str) -> tuple[str, Any]:
        """(full name, value) of the first of `names` that says something."""
        for name in names:
            if self.value.get(name) is not None:
                return self.where(name), self.value[name]
        return self.where(names[0]), None

    def has(self, *names: str) -> bool:
        """Whether one of `names` says something."""
        return self.find(*names)[1] is not None

    def text(self, *names: str, limit: int = 255) -> str:
        """A clean line of text, "" when not said."""
        where, value = self.find(*names)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise Malformed(f"{where}: must be a text.")
        return text(value, limit)

    def identifier(self, *names: str) -> str:
        """An id as text, "" when not said."""
        where, value = self.find(*names)
        try:
            return identifier(value, where)
        except Unmappable as problem:
            raise Malformed(str(problem)) from None

    def time(self, *names: str) -> datetime | None:
        """A time; one without a zone could mean anything and is refused."""
        where, value = self.find(*names)
        if value is None or value == "":
            return None
        read = timestamp(value)
        if read is None:
            raise Malformed(f"{where}: must be a time with its zone, such as 2026-11-21T19:30:00Z.")
        return read

    def flag(self, *names: str) -> bool | None:
        """True or false."""
        where, value = self.find(*names)
        if value is not None and not isinstance(value, bool):
            raise Malformed(f"{where}: must be true or false.")
        return value

    def whole(self, *names: str) -> int | None:
        """A whole number from 0."""
        where, value = self.find(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST:
            raise Malformed(f"{where}: must be a whole number from 0.")
        return value

    def quantity(self, *names: str, default: str) -> str:
        """A quantity as decimal text."""
        where, value = self.find(*names)
        if value is None:
            return default
        read = quantity(value)
        if not read:
            raise Malformed(f"{where}: must be a quantity such as 1 or 1.5.")
        return read

    def money(self, currency: str, *names: str) -> int | None:
        """An amount in the currency's main unit, as minor units."""
        where, value = self.find(*names)
        if value is None:
            return None
        if not currency:
            raise Malformed(f"{where}: order.currency is needed to read it.")
        try:
            return minor_units(value, currency)
        except Unmappable as problem:
            raise Malformed(f"{where}: {problem}") from None

    def url(self, *names: str) -> str:
        """An http(s) address."""
        where, value = self.find(*names)
        read = web_address(value)
        if value not in (None, "") and not read:
            raise Malformed(f"{where}: must be an http or https address of 500 characters at most.")
        return read

    def child(self, *names: str) -> "Node | None":
        """An object."""
        where, value = self.find(*names)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Malformed(f"{where}: must be an object.")
        return Node(value, where)

    def children(self, *names: str) -> "Sequence[Node] | None":
        """A list of objects."""
        where, value = self.find(*names)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise Malformed(f"{where}: must be a list of objects.")
        return [Node(one, f"{where}[{n}]") for n, one in enumerate(value)]

    def texts(self, *names: str) -> list[str]:
        """A list of texts; objects in it count by their `id`."""
        where, value = self.find(*names)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Malformed(f"{where}: must be a list.")
        ids = [one.get("id") if isinstance(one, dict) else one for one in value]
        read = [text(one, 160) for one in ids]
        if not all(read):
            raise Malformed(f"{where}: must hold texts only.")
        return read
