"""Deliverect's numbers for an order and for its courier, and what they are in ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orders.contract import Unmappable
from orders.parsing import text, translate
from orders.statuses import Status, rank

STATUSES: Mapping[str, str] = {
    "10": Status.PLACED,  # the POS has it
    "20": Status.CONFIRMED,  # accepted
    "40": Status.CONFIRMED,  # printed
    "50": Status.PREPARING,
    "60": Status.READY,  # prepared
    "70": Status.READY,  # ready for pickup
    "95": Status.CONFIRMED,  # accepted by a POS that will say no more; nothing is finished
    "100": Status.CANCELLED,  # the platform has cancelled; the POS is to follow with 110
    "110": Status.CANCELLED,
    "120": Status.CANCELLED,  # failed
    "35": Status.CANCELLED,  # denied
    # The same numbers mean other things when a courier says them.
    "courier:87": Status.OUT_FOR_DELIVERY,  # on the way to the door
    "courier:89": Status.OUT_FOR_DELIVERY,  # at the door
    "courier:90": Status.DELIVERED,
}
SUB_STATUSES: Mapping[str, str] = {
    "80": "courier_assigned",
    "81": "delivery_created",
    "83": "courier_to_pickup",
    "84": "courier_near_pickup",
    "85": "courier_at_pickup",
    "87": "courier_to_dropoff",
    "89": "arriving",
    "90": "delivered",
    "115": "delivery_cancelled",
}
# Steps between Deliverect's own machines, and a second copy of an order.
INTERNAL = frozenset({"1", "2", "3", "4", "5", "6", "7", "25", "30"})
FINALIZED = "90"  # said by the POS: it has finished with the order, nobody knows who has the food
DELIVERY_CANCELLED = "115"
REASONS = {"100": "cancelled_by_channel", "110": "voided", "120": "failed", "35": "denied"}
METHODS = {"1": "pickup", "2": "delivery", "3": "dine_in", "4": "curbside", "5": "pickup"}
FINALIZED_CHOICES = ("auto", Status.PICKED_UP, Status.DELIVERED, Status.OUT_FOR_DELIVERY, "nothing")
FINALIZED_AS = {
    "pickup": Status.PICKED_UP,
    "curbside": Status.PICKED_UP,
    "dine_in": Status.DELIVERED,
    "delivery": Status.OUT_FOR_DELIVERY,
}
IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a number says."""

    status: str = ""
    unmapped: str = ""
    cancel_reason: str = ""


def meaning(code: str, method: str, settings: Mapping[str, Any]) -> Meaning:
    """What the order status `code` says; one that nobody has translated changes nothing."""
    mapped = translate(code, STATUSES, settings)
    if mapped == IGNORE:
        return Meaning()
    if mapped in Status.values:
        reason = REASONS.get(code, "") if mapped == Status.CANCELLED else ""
        return Meaning(str(mapped), cancel_reason=reason)
    if mapped is None and code == FINALIZED:
        return Meaning(finalized(method, settings))
    if mapped is None and code in INTERNAL:
        return Meaning()
    if mapped is None and code in SUB_STATUSES:
        return courier_meaning(code, settings)
    return Meaning(unmapped=code)


def finalized(method: str, settings: Mapping[str, Any]) -> str:
    """What 90 is: by the order's type, where the body names it, or as the connection says."""
    means = text(settings.get("finalized_means"), 30) or "auto"
    if means not in FINALIZED_CHOICES:
        known = ", ".join(FINALIZED_CHOICES)
        raise Unmappable(f"finalized_means is {means!r}; it must be one of {known}.")
    if means == "nothing":
        return ""
    return FINALIZED_AS.get(method, "") if means == "auto" else means


def courier_meaning(code: str, settings: Mapping[str, Any]) -> Meaning:
    """What a courier's `code` says: 90 is at the door here, and 115 does not end the order."""
    mapped = translate(f"courier:{code}", STATUSES, settings)
    if mapped in Status.values:
        return Meaning(str(mapped))
    known = mapped == IGNORE or (mapped is None and code in SUB_STATUSES)
    return Meaning() if known else Meaning(unmapped=f"courier:{code}")


def so_far(codes: Sequence[str], method: str, settings: Mapping[str, Any]) -> Meaning:
    """The status of an order whose newest code is only between machines: the furthest before it."""
    newest = meaning(codes[0], method, settings) if codes else Meaning()
    if newest.status or newest.unmapped:
        return newest
    earlier = (meaning(code, method, settings).status for code in codes[1:])
    ends = (Status.CANCELLED, Status.REFUNDED)
    reached = max((status for status in earlier if status not in ends), key=rank, default="")
    return Meaning(reached or Status.PLACED)


def code_of(value: Any) -> str:
    """A status number as it is written in the tables."""
    return text(value, 20)
