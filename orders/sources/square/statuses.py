"""Square's states, and what they are in ours."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Unmappable
from orders.parsing import text, translate
from orders.statuses import Status

# The state of a fulfilment, alone or with its type. Only the type says what COMPLETED is.
STATUSES: Mapping[str, str] = {
    "PROPOSED": Status.PLACED,
    "RESERVED": Status.CONFIRMED,
    "PREPARED": Status.READY,
    "COMPLETED PICKUP": Status.PICKED_UP,
    "COMPLETED SHIPMENT": Status.OUT_FOR_DELIVERY,
    "COMPLETED DELIVERY": Status.DELIVERED,
    "COMPLETED DIGITAL": Status.DELIVERED,
    "CANCELED": Status.CANCELLED,
}
FAILED = "FAILED"  # says why a part will not come, not where it is
METHODS: Mapping[str, str] = {
    "PICKUP": "pickup",
    "SHIPMENT": "shipping",
    "DELIVERY": "delivery",
    "DIGITAL": "digital",
}
# The state of an order that has no fulfilment: sold over the counter, or on a table's ticket.
COUNTER: Mapping[str, str] = {"OPEN": Status.PLACED, "COMPLETED": Status.PICKED_UP}
DRAFT = "DRAFT"
ORDER_STATES = frozenset({"OPEN", "COMPLETED", "CANCELED", DRAFT})

RESERVED_CHOICES = (Status.CONFIRMED, Status.PREPARING)
COUNTER_CHOICES = ("track", "ignore")


def fulfilment_status(state: str, kind: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """(our status, the words that nobody has translated) of a fulfilment."""
    for word in (f"{state} {kind}", state):
        mapped = translate(word, _table(settings), settings)
        if mapped is not None:
            return (mapped, "") if mapped in Status.values else ("", "")
    return "", "" if state in ("", FAILED) else f"{state} {kind}".strip()


def _table(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """The table, with this connection's meaning of RESERVED."""
    return {**STATUSES, "RESERVED": choice(settings, "reserved_means", RESERVED_CHOICES)}


def choice(settings: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """What the connection has chosen; the first of `choices` by default."""
    chosen = text(settings.get(name), 30) or choices[0]
    if chosen not in choices:
        raise Unmappable(f"{name} is {chosen!r}; it must be one of {', '.join(choices)}.")
    return chosen


def counter_status(state: str) -> str:
    """The status of an order without any fulfilment."""
    return COUNTER.get(state, "")
