"""The Shopify source: which header means what, and which topic goes to which reader."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from orders.contract import Clock, Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import identifier, parse_json, text, timestamp
from orders.signatures import SHOPIFY, header, verify
from orders.sources.shopify.fulfilments import (
    courier_event,
    fulfilment_event,
    fulfilment_order_events,
)
from orders.sources.shopify.orders import deleted_order, edited_order, order_event
from orders.sources.shopify.refunds import is_test, read_refund, shop_currency
from orders.sources.shopify.statuses import SHIPMENT

# The Admin API's webhooks first, then the same without the prefix (Events, a preview).
HEADERS: Mapping[str, Sequence[str]] = {
    "topic": ("x-shopify-topic", "shopify-topic"),
    "event_id": ("x-shopify-event-id", "shopify-event-id"),
    "delivery_id": ("x-shopify-webhook-id", "shopify-webhook-id"),
    "triggered_at": ("x-shopify-triggered-at", "shopify-triggered-at"),
    "test": ("x-shopify-test", "shopify-test"),
}
SNAPSHOTS = frozenset(
    f"orders/{what}"
    for what in (
        "create",
        "updated",
        "cancelled",
        "fulfilled",
        "partially_fulfilled",
        "paid",
    )
)


class Shopify(OrderSource):
    """Webhooks of a Shopify shop."""

    slug = "shopify"
    name = "Shopify"
    mapper_version = "shopify/2026-10/1"
    STATUSES = SHIPMENT
    SETTINGS = {
        "auto_accept": (
            True,
            "A paid, authorised or confirmed order counts as confirmed. Off: it stays placed "
            "until somebody confirms it.",
        ),
        "pickup_titles": ([], "Words in a shipping method's title that make it a pickup."),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body."""
        verify(SHOPIFY, raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its topic and Shopify's event id."""
        topic = text(header(raw, HEADERS["topic"]), 120).lower()
        if not topic:
            raise Malformed("The header X-Shopify-Topic is missing: is this Shopify?")
        parse_json(raw.body)
        ids = (header(raw, HEADERS[name]) for name in ("event_id", "delivery_id"))
        unique_id = next((one for one in ids if one), "") or sha256(raw.body).hexdigest()
        return [Item(f"{topic}:{unique_id}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says. The state in it counts, not the name of the topic."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable(f"The body of {topic} is no object.")
        raw = Raw(headers, body)
        events = _events(topic.lower(), value, raw, settings)
        test = header(raw, HEADERS["test"]).lower() == "true"
        return [replace(event, test=True) if test else event for event in events]


def _events(
    topic: str, body: dict[str, Any], raw: Raw, settings: Mapping[str, Any]
) -> list[OrderEvent]:
    if topic in SNAPSHOTS:
        return [order_event(topic, body, settings)]
    if topic == "orders/edited":
        return [edited_order(topic, body)]
    if topic == "orders/delete":
        return [deleted_order(topic, body)]
    if topic in ("fulfillments/create", "fulfillments/update"):
        return [fulfilment_event(topic, body)]
    if topic == "fulfillment_events/create":
        return [courier_event(topic, body)]
    if topic == "refunds/create":
        return _refund_events(topic, body)
    if topic.startswith("fulfillment_orders/"):
        triggered_at = Clock(at=timestamp(header(raw, HEADERS["triggered_at"])))
        return fulfilment_order_events(topic, body, triggered_at)
    raise Unmappable(f"{topic} says nothing of an order's progress. Unsubscribe it in Shopify.")


def _refund_events(topic: str, body: dict[str, Any]) -> list[OrderEvent]:
    """Money went back on an order that we know; nothing when none did."""
    order_id = identifier(body.get("order_id"), "order_id")
    if not order_id:
        raise Unmappable("The refund does not say which order it belongs to.")
    currency = shop_currency(body)
    if not currency:
        raise Unmappable("The refund does not say in which currency it is.")
    refund = read_refund(body, currency)
    if refund is None:
        return []
    event = OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(at=refund.at),
        occurred_at=refund.at,
        currency=currency,
        refunds=[refund],
        test=is_test(body),
        may_create=False,
    )
    return [event]


SOURCE = Shopify()
