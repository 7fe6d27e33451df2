"""The external id of a ticket: which order it is about."""

from collections.abc import Mapping
from typing import Any

from orders.automation_members import written
from orders.parsing import text

PREFIX = "order:"


def order_of(external_id: Any) -> str:
    """The order that a ticket's external id names: "order:1001" is 1001."""
    return text(external_id, 160).removeprefix(PREFIX).strip()


def order_name(members: Mapping[str, Any]) -> bytes:
    """The body of a trigger, its order id without the prefix that tickets use."""
    names = [name for name in ("order_id", "external_id") if isinstance(members.get(name), str)]
    return written({**members, **{name: order_of(members[name]) for name in names}})
