"""Otter's words for an order, its history and its delivery, and what they are in ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orders.contract import Unmappable
from orders.parsing import text, translate
from orders.statuses import Status

STATUSES: Mapping[str, str] = {
    # the status of a whole order
    "NEW_ORDER": Status.PLACED,
    "CONFIRMED": Status.CONFIRMED,
    "PREPARED": Status.READY,
    "CANCELED": Status.CANCELLED,
    "REJECTED": Status.CANCELLED,
    # the history of an order
    "ORDER_ACCEPTED": Status.CONFIRMED,
    "ORDER_READY_TO_PICKUP": Status.READY,
    # events that are a status by their name
    "orders.confirm": Status.CONFIRMED,
    "orders.order_ready": Status.READY,
    "orders.cancel_order": Status.CANCELLED,
    # a courier, as the order shows him
    "COURIER_PICKED_UP_FOOD": Status.OUT_FOR_DELIVERY,
    "COURIER_COMPLETED": Status.DELIVERED,
    # a delivery; the same words mean other things there
    "delivery:PICKED_UP": Status.OUT_FOR_DELIVERY,
    "delivery:ARRIVED_AT_DROP_OFF": Status.OUT_FOR_DELIVERY,
    "delivery:COMPLETED": Status.DELIVERED,
}
# Whose meaning depends on how the customer gets the order, and that a bare event does not say.
HANDED_OFF = frozenset({"PICKED_UP", "ORDER_HANDED_OFF", "orders.order_handed_off"})
FULFILLED = frozenset({"FULFILLED", "ORDER_FULFILLED", "orders.order_fulfilled"})
SILENT = frozenset(
    [
        "UNKNOWN",
        "COURIER_ASSIGNED",
        "COURIER_ON_ROUTE_TO_PICKUP",
        "COURIER_ARRIVED",
        "delivery:REQUESTED",
        "delivery:ALLOCATED",
        "delivery:ARRIVED_AT_PICKUP",
        "delivery:CANCELED",
    ]
)
BARE_EVENTS = ("orders.confirm", "orders.order_ready", "orders.order_handed_off",
               "orders.order_fulfilled", "orders.cancel_order")  # fmt: skip
SUB_STATUSES = {"delivery:ARRIVED_AT_DROP_OFF": "arriving"}
METHODS = {
    "DELIVERY": "delivery",
    "RESTAURANT_DELIVERY": "delivery",
    "PICKUP": "pickup",
    "DRIVE_THROUGH": "pickup",
    "DINE_IN": "dine_in",
}
AT_HAND_OFF = {
    "delivery": Status.OUT_FOR_DELIVERY,
    "pickup": Status.PICKED_UP,
    "dine_in": Status.DELIVERED,
}
AT_THE_END = {**AT_HAND_OFF, "delivery": Status.DELIVERED}
MEANS = ("auto", Status.OUT_FOR_DELIVERY, Status.PICKED_UP, Status.DELIVERED, "nothing")
IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word says."""

    status: str = ""
    unmapped: str = ""
    cancel_reason: str = ""


def meaning(word: str, method: str, settings: Mapping[str, Any]) -> Meaning:
    """What `word` says; one that nobody has translated changes nothing and is reported."""
    mapped = translate(word, STATUSES, settings)
    if mapped == IGNORE:
        return Meaning()
    if mapped in Status.values:
        reason = "rejected" if word == "REJECTED" else ""
        return Meaning(str(mapped), cancel_reason=reason)
    if mapped is not None:
        return Meaning(unmapped=word)
    if word in HANDED_OFF:
        return Meaning(_by_method(AT_HAND_OFF, method, "handed_off_means", settings))
    if word in FULFILLED:
        return Meaning(_by_method(AT_THE_END, method, "fulfilled_means", settings))
    return Meaning() if word in SILENT or not word else Meaning(unmapped=word)


def _by_method(
    table: Mapping[str, str], method: str, name: str, settings: Mapping[str, Any]
) -> str:
    """By how the customer gets it, where the body says so; else as the connection says."""
    means = text(settings.get(name), 30) or "auto"
    if means not in MEANS:
        raise Unmappable(f"{name} is {means!r}; it must be one of {', '.join(MEANS)}.")
    if method or means in ("auto", "nothing"):
        return table.get(method, "")
    return means
