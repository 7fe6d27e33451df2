"""The body of a CRM, help desk or flow as flat members: JSON or a form, under our names or theirs.

Such senders write every value as text, leave empty what they do not know, and now and then
send a placeholder that was never filled in. Everything here is pure and forgives that much.
"""

import json
import re
import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from orders.contract import Malformed, Unmappable
from orders.parsing import identifier, number_text, parse_json, text, timestamp

MOST_FORM_FIELDS = 300
# Our member -> the names under which a body may hold it; `fields` of a connection replaces them.
NAMES: Mapping[str, Sequence[str]] = {
    "order_id": ("order_id", "external_id", "id"),
    "order_number": ("order_number", "number", "display_number"),
    "fulfilment": ("fulfilment", "fulfillment", "method"),
    "location": ("store", "location"),
    "lines": ("lines", "items"),
}
_MADE_BY = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
UNFILLED = re.compile(r"\{\{[^}]*\}\}|\$\{[^}]*\}|\{![^}]*\}|@\{[^}]*\}|<%[^%]*%>")


def is_form(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a body is a form; some senders call their JSON one."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded" and body.lstrip()[:1] not in (b"{", b"[")


def read_object(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The members of a JSON object, or of a form. Raises Malformed for anything else."""
    if is_form(headers, body):
        return _form(body)
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Malformed("The body must be an object with the member order_id.")
    return value


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), True, errors="strict", max_num_fields=MOST_FORM_FIELDS
        )
    except ValueError:
        raise Malformed("The body is not a form in UTF-8, or has too many fields.") from None
    if not pairs or any("\x00" in name + value for name, value in pairs):
        raise Malformed("The form is empty or holds a NUL character.")
    return dict(pairs)


def written(value: Any) -> bytes:
    """`value` as JSON again; whole numbers stay exact, others become text."""

    def plain(number: Any) -> str:
        return number_text(number) if isinstance(number, Decimal) else str(number)

    return json.dumps(value, ensure_ascii=False, default=plain).encode()


def flat(value: Mapping[str, Any], wrappers: Sequence[str] = ("order",)) -> dict[str, Any]:
    """One level of members: those of a wrapper count as the body's own, others get a prefix.

    >>> flat({"order": {"id": 1}, "customer": {"name": "Ada"}})
    {'customer_name': 'Ada', 'id': 1}
    """
    found = {name: one for name, one in value.items() if not isinstance(one, dict)}
    inner = [(name, one) for name, one in value.items() if isinstance(one, dict)]
    for name, one in inner:
        if name not in wrappers:
            found |= {f"{name}_{below}": member for below, member in one.items()}
    for name, one in inner:
        if name in wrappers:
            found |= flat(one, wrappers)
    return found


class Members:
    """Flat members of a body, under our names. Empty and unfilled ones were not said."""

    def __init__(
        self,
        value: Mapping[str, Any],
        settings: Mapping[str, Any],
        names: Mapping[str, Sequence[str]] = NAMES,
    ) -> None:
        self.value, self.settings, self.names = value, settings, names
        self.bare = {bare(name): one for name, one in value.items() if one not in (None, "")}

    def find(self, name: str) -> Any:
        """The value of our member `name` as it was sent, or None. "Order ID" is order_id too."""
        for one in names_of(name, self.settings, self.names):
            said = self.value.get(one)
            said = self.bare.get(bare(one)) if said in (None, "") else said
            if said is not None:
                return said
        return None

    def text(self, name: str, limit: int = 255) -> str:
        """A clean line; "" when it is a placeholder that nobody filled in."""
        found = text(self.find(name), limit)
        return "" if UNFILLED.search(found) else found

    def needed(self, name: str, limit: int = 120) -> str:
        """As `text`, for what must not silently be missing: raises Unmappable when unfilled."""
        found = text(self.find(name), limit)
        if UNFILLED.search(found):
            raise Unmappable(f"{name}: the placeholder {found} was not filled in.")
        return found

    def identifier(self, name: str) -> str:
        """An id. Raises Unmappable when it cannot be one."""
        self.needed(name)
        return identifier(self.find(name), name)

    def flag(self, name: str) -> bool | None:
        """Yes, no, or not said."""
        value = self.find(name)
        return value if isinstance(value, bool) else _MADE_BY.get(text(value, 10).lower())

    def time(self, name: str) -> datetime | None:
        """A time; one without a zone is read only when the connection says in which it is."""
        value = self.find(name)
        zone = text(self.settings.get("time_zone"), 60)
        read = timestamp(value)
        naive = timestamp(value, naive_is_utc=True) if zone and read is None else None
        if naive is None:
            return read
        try:
            return naive.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(UTC)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise Unmappable(f"time_zone is {zone!r}; write it like Europe/Berlin.") from None

    def version(self) -> int | None:
        """A whole number that grows with each change."""
        number = self.text("version", 20)
        return int(number) if re.fullmatch(r"[0-9]{1,15}", number) else None


def names_of(
    name: str, settings: Mapping[str, Any], names: Mapping[str, Sequence[str]] = NAMES
) -> Sequence[str]:
    """Where our member `name` is looked for: where the connection says, else the usual names."""
    fields = settings.get("fields")
    own = fields.get(name) if isinstance(fields, dict) else None
    return (own,) if isinstance(own, str) and own else names.get(name, (name,))


def spelled(word: str) -> str:
    """A word as we write ours: "Out for delivery" is out_for_delivery."""
    return re.sub(r"[\s\-]+", "_", word.strip().lower())


def bare(name: str) -> str:
    """A member's name without what people write differently: orderId, Order ID, order_id."""
    return re.sub(r"[\W_]", "", name).lower()
