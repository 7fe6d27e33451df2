"""An order with all that hangs on it, in memory, and what is to be said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from orders.clocks import canonical
from orders.contract import OrderEvent
from orders.models import FulfilmentGroup, Order, OrderLine

# Why nobody is told of a status that was older than what we knew already.
LATE = "stale"


@dataclass(slots=True)
class Entry:
    """A line for the timeline, before it is stored."""

    fact: str
    occurrence: str
    group_key: str = ""
    status: str = ""
    previous: str = ""
    part: bool = False
    applied: bool = True
    silent_why: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(slots=True)
class Aggregate:
    """One order with everything that hangs on it, in memory."""

    order: Order
    lines: dict[str, OrderLine] = field(default_factory=dict)
    groups: list[FulfilmentGroup] = field(default_factory=list)
    fresh: bool = False  # made by the very event that is being merged
    region: str = ""  # reads national phone numbers
    aliases: set[str] = field(default_factory=set)
    contact_changed: bool = False
    legs: set[tuple[int, str]] = field(default_factory=set)  # (courier's connection, delivery)


def canonical_at(event: OrderEvent) -> str:
    """When an event happened, as text; the same for every copy of it."""
    return iso(event.clock.at or event.occurred_at) or ""


def iso(value: datetime | None) -> str | None:
    """A time as text."""
    return value.isoformat() if value else None


def happening(kind: str, at: str, data: Mapping[str, Any]) -> str:
    """A name for one happening, the same however often and by whichever way it is told."""
    return f"{kind}:{at}:{sha256(canonical(data).encode()).hexdigest()[:12]}"[:80]


def plain(quantity: Decimal) -> str:
    """A quantity as people write it: 2, or 1.5."""
    return f"{quantity.normalize():f}"
