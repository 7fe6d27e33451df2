"""Shopify's words, and what they are in ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.contract import Group
from orders.statuses import HANDED_OVER, Status, rank

# A fulfilment event, and the `shipment_status` of a fulfilment.
SHIPMENT: Mapping[str, str] = {
    "confirmed": Status.PREPARING,
    "label_purchased": Status.PREPARING,
    "label_printed": Status.PREPARING,
    "ready_for_pickup": Status.READY,
    "carrier_picked_up": Status.OUT_FOR_DELIVERY,
    "in_transit": Status.OUT_FOR_DELIVERY,
    "out_for_delivery": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "picked_up": Status.PICKED_UP,
}
# Words of the same list that say something besides a place in the life of an order.
SHIPMENT_FACTS = frozenset({"delayed", "attempted_delivery", "failure"})

# A fulfilment that is `success`, by how the order reaches the customer. Shopify has no word for
# "picked up": a fulfilled pickup is one.
FULFILLED: Mapping[str, str] = {
    "pickup": Status.PICKED_UP,
    "curbside": Status.PICKED_UP,
    "digital": Status.DELIVERED,
    "shipping": Status.OUT_FOR_DELIVERY,
    "delivery": Status.OUT_FOR_DELIVERY,
}
FULFILMENT: Mapping[str, str] = {
    "pending": Status.CONFIRMED,
    "open": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
}
FULFILMENT_FAILED = frozenset({"error", "failure"})

# delivery_method.method_type of a fulfilment order, delivery_category of a shipping line.
METHODS: Mapping[str, str] = {
    "pickup": "pickup",
    "pick_up": "pickup",
    "retail": "pickup",
    "pickup_point": "shipping",
    "local": "delivery",
    "local_delivery": "delivery",
    "shipping": "shipping",
    "none": "digital",
}
PAID = frozenset({"paid", "authorized", "partially_paid", "partially_refunded", "refunded"})
NOT_PAYING = frozenset({"voided", "expired"})


def shipment_status(word: str) -> tuple[str, str]:
    """(our status, the word if we do not know it) of a shipment status."""
    if not word or word in SHIPMENT_FACTS:
        return "", ""
    status = SHIPMENT.get(word, "")
    return status, "" if status else word


def order_status(body: Mapping[str, Any], groups: Sequence[Group], auto_accept: bool) -> str:
    """The status of the order as a whole, from its state and never from the topic."""
    if body.get("cancelled_at"):
        return Status.CANCELLED
    financial = str(body.get("financial_status") or "").lower()
    if financial == "refunded" and not any(group.status in HANDED_OVER for group in groups):
        return Status.REFUNDED
    if body.get("fulfillment_status") == "fulfilled":
        return _slowest(groups) or Status.CONFIRMED
    confirmed = body.get("confirmed") is True and financial not in NOT_PAYING
    accepted = auto_accept and (financial in PAID or confirmed)
    return Status.CONFIRMED if accepted else Status.PLACED


def _slowest(groups: Sequence[Group]) -> str:
    """The least advanced of the groups that are not cancelled; "" when one does not say."""
    alive = [group.status for group in groups if group.status != Status.CANCELLED]
    return min(alive, key=rank, default="") if all(alive) else ""
