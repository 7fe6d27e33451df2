"""Orders that changed, as Shopify lists them, and which webhooks it has for us."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from orders.contract import Api, Ask, Item, Malformed, Page, Told
from orders.parsing import dig, plain, text
from orders.sources.shopify import documents
from orders.sources.shopify.calling import data_of, graphql
from orders.sources.shopify.graph import nodes, order_body
from orders.sources.shopify.pointers import LISTED

# What we ask Shopify to send, as its headers write it. `orders/updated` is the safety net.
TOPICS: Sequence[str] = (
    "orders/create",
    "orders/updated",
    "orders/edited",
    "orders/cancelled",
    "orders/delete",
    "fulfillments/create",
    "fulfillments/update",
    "fulfillment_events/create",
    "fulfillment_orders/line_items_prepared_for_pickup",
    "fulfillment_orders/line_items_prepared_for_local_delivery",
    "fulfillment_orders/progress_reported",
    "fulfillment_orders/placed_on_hold",
    "fulfillment_orders/hold_released",
    "fulfillment_orders/rescheduled",
    "fulfillment_orders/moved",
    "fulfillment_orders/split",
    "fulfillment_orders/merged",
    "fulfillment_orders/cancelled",
    "refunds/create",
)


def list_ask(since: datetime, cursor: str, api: Api) -> Ask:
    """The orders that changed since, the longest unchanged first, so that none slips by."""
    stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    variables = {"since": f"updated_at:>='{stamp}'", "after": cursor or None}
    return graphql(api, documents.CHANGED, variables)


def listed(told: Told) -> Page:
    """The orders, each as a webhook would have brought it."""
    found = data_of(told, "orders")
    if not isinstance(dig(found, "nodes"), list):
        raise Malformed("Shopify's answer holds no list of orders.")
    more = dig(found, "pageInfo", "hasNextPage") is True
    cursor = text(dig(found, "pageInfo", "endCursor"), 500)
    return Page(
        [_item(node) for node in nodes({"orders": found}, "orders")], cursor if more else ""
    )


def _item(node: Mapping[str, Any]) -> Item:
    body = json.dumps(plain(order_body(node)), sort_keys=True).encode()
    return Item(f"{LISTED}:{sha256(body).hexdigest()}", LISTED, body)


def missing_topics(told: Told, url: str) -> list[str]:
    """What no subscription of the app brings to `url`."""
    hooks = nodes({"hooks": data_of(told, "webhookSubscriptions")}, "hooks")
    ours = {
        text(hook.get("topic"), 120)
        for hook in hooks
        if text(hook.get("uri"), 1000).rstrip("/") == url.rstrip("/")
        and hook.get("format") in ("JSON", None)
    }
    return [topic for topic in TOPICS if enum_of(topic) not in ours]


def enum_of(topic: str) -> str:
    """A topic as the Admin API writes it: orders/create is ORDERS_CREATE."""
    return topic.replace("/", "_").upper()


def subscribe_ask(topic: str, url: str, api: Api) -> Ask | None:
    """A new subscription. Whole bodies: a part of one would be taken for a repeat there."""
    if topic not in TOPICS:
        return None
    hook = {"uri": url, "format": "JSON"}
    return graphql(api, documents.HOOK, {"topic": enum_of(topic), "hook": hook})
