"""WooCommerce's status slugs, and what they are in ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orders.contract import Unmappable
from orders.parsing import dig, objects, text, translate
from orders.statuses import Fact, Status

STATUSES: Mapping[str, str] = {
    "pending": Status.PLACED,
    "on-hold": Status.PLACED,
    "processing": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
    "refunded": Status.REFUNDED,
}
DRAFTS = frozenset({"checkout-draft", "auto-draft", "draft"})
COMPLETED_CHOICES = ("auto", Status.DELIVERED, Status.PICKED_UP, Status.OUT_FOR_DELIVERY)
PICKUP_METHODS = frozenset({"local_pickup", "pickup_location", "local_pickup_plus"})
NO_SHIPPING_CHOICES = ("pickup", "dine_in", "digital", "delivery")
IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a slug says of an order."""

    status: str = ""
    unmapped: str = ""
    cancel_reason: str = ""
    facts: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    archived: bool = False
    ignored: bool = False


def slug_of(body: Mapping[str, Any]) -> str:
    """The order's status slug, without the prefix that the database uses."""
    return text(body.get("status"), 80).lower().removeprefix("wc-")


def meaning(slug: str, method: str, paid: bool, settings: Mapping[str, Any]) -> Meaning:
    """What `slug` says; a slug that nobody has translated changes nothing and is reported."""
    mapped = translate(slug, STATUSES, settings)
    if mapped == IGNORE or (mapped is None and slug in DRAFTS):
        return Meaning(ignored=True)
    if mapped in Status.values:
        return Meaning(mapped)
    if slug == "trash":
        return Meaning(archived=True)
    if slug == "completed":
        return Meaning(completed(method, settings))
    if slug == "failed":
        return _payment_failed(paid)
    return Meaning(unmapped=slug)


def completed(method: str, settings: Mapping[str, Any]) -> str:
    """WooCommerce has one good end; the connection says which of ours it is.

    A pickup is never delivered by a courier, whatever the rest of the shop does.
    """
    means = text(settings.get("completed_means"), 30) or "auto"
    if means not in COMPLETED_CHOICES:
        known = ", ".join(COMPLETED_CHOICES)
        raise Unmappable(f"completed_means is {means!r}; it must be one of {known}.")
    if method == "pickup" and means in ("auto", Status.OUT_FOR_DELIVERY):
        return Status.PICKED_UP
    return Status.DELIVERED if means == "auto" else means


def _payment_failed(paid: bool) -> Meaning:
    """Before the order was paid that is its end; later it is only news about money."""
    if paid:
        return Meaning(facts=((Fact.PAYMENT, {"state": "failed"}),))
    return Meaning(Status.CANCELLED, cancel_reason="payment_failed")


def fulfilment_type(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How the order reaches the customer, by its shipping method; "" when the body is silent."""
    if not isinstance(body.get("shipping_lines"), list):
        return ""
    methods = [
        text(dig(line, "method_id"), 80).partition(":")[0]
        for line in objects(body["shipping_lines"])
    ]
    if any(method in PICKUP_METHODS for method in methods):
        return "pickup"
    if methods:
        return "delivery"
    means = text(settings.get("no_shipping_means"), 20) or "pickup"
    return means if means in NO_SHIPPING_CHOICES else ""
