"""The WooCommerce source: the ping, the signature, the key, and which topic goes where."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import Item, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import identifier, parse_json, text
from orders.signatures import WOOCOMMERCE, header, verify
from orders.sources.woocommerce.orders import action_event, deleted_order, order_event
from orders.sources.woocommerce.statuses import STATUSES, slug_of

TOPIC = ("x-wc-webhook-topic",)
DELIVERY_ID = ("x-wc-webhook-delivery-id",)
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


class WooCommerce(OrderSource):
    """Webhooks of a WooCommerce shop."""

    slug = "woocommerce"
    name = "WooCommerce"
    mapper_version = "woocommerce/v3/1"
    STATUSES = STATUSES
    SETTINGS = {
        "status_map": ({}, 'Your own status slugs in our words: {"in-the-oven": "preparing"}.'),
        "completed_means": (
            "auto",
            "What Completed is here: auto (picked up or delivered, by the shipping method), "
            "delivered, picked_up or out_for_delivery.",
        ),
        "no_shipping_means": (
            "pickup",
            "What an order without a shipping method is: pickup, dine_in, digital or delivery.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body."""
        verify(WOOCOMMERCE, raw, secrets)

    def handshake(self, raw: Raw, secrets: Sequence[str]) -> tuple[int, str] | None:
        """The unsigned form that WooCommerce posts when a webhook is saved wants exactly 200."""
        kind = raw.headers.get("content-type", "").partition(";")[0].strip().lower()
        form = kind == "application/x-www-form-urlencoded"
        return (200, "") if form and _PING.fullmatch(raw.body.strip()) else None

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its content: the delivery id repeats within a second."""
        value = parse_json(raw.body)
        topic = text(header(raw, TOPIC), 120).lower()
        order = value if isinstance(value, dict) else {}
        parts = [
            topic,
            text(order.get("id"), 120),
            text(order.get("date_modified_gmt"), 40),
            slug_of(order),
            sha256(raw.body).hexdigest(),
        ]
        if not slug_of(order):
            # A bare id says the same words each time; only the delivery tells them apart.
            parts.append(text(header(raw, DELIVERY_ID), 120))
        return [Item(sha256("\n".join(parts).encode()).hexdigest(), topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says. Built when it was sent, so it is the order's state, not a change."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable(
                "The body is a list, no order. Create the webhook with the topic Order updated."
            )
        event = _event(topic, value, settings)
        return [event] if event else []


def _event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent | None:
    if topic.startswith("action."):
        return action_event(topic, body, settings)
    if topic == "order.deleted":
        return deleted_order(topic, body)
    if topic and not topic.startswith("order."):
        order_id = identifier(body.get("id")) or "?"
        raise Unmappable(f"{topic} (id {order_id}) is not about an order. Delete that webhook.")
    return order_event(topic, body, settings)


SOURCE = WooCommerce()
