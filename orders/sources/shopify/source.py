"""The Shopify source: which header means what, and which topic goes to which reader."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from orders.contract import (
    Api,
    Ask,
    Clock,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Page,
    Raw,
    Token,
    Told,
    Unmappable,
)
from orders.parsing import identifier, parse_json, text, timestamp
from orders.signatures import SHOPIFY, header, verify
from orders.sources.shopify import calling, listing, pointers
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
) | {pointers.LISTED}
# Marketing consent is no consent to hear of an order, and its lack no objection to that.
NOTHING_TO_TELL = frozenset(
    {"customers_email_marketing_consent/update", "customers_marketing_consent/update"}
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
        "own_tags": (
            "orderbell:",
            "Tags that begin like this are our own and not taken over from the shop.",
        ),
        "api_version": (calling.VERSION, "The version of the Admin API that is asked."),
        "fetch_parts": (
            True,
            "Ask the Admin API about parcels of orders that go out in parts. Off: only about what "
            "names no order.",
        ),
    }
    CREDENTIALS = calling.CREDENTIALS
    contact_use = (
        "Name, phone and e-mail are the customer's own, given for this order: messages about the "
        "order, as long as the shop keeps it. The shop's marketing consent is another thing."
    )

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

    # -- the Admin API ----------------------------------------------------------------------

    def base(self, credentials: Mapping[str, str]) -> str:
        """The shop's own host below myshopify.com; no other gets the token."""
        return calling.shop_base(credentials)

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The order, where `body` names only a part of it or a change to it."""
        return pointers.ask_for(topic.lower(), body, api) if calling.reachable(api) else None

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The order in the answer, with what `body` said."""
        return pointers.kept(topic.lower(), body, told)

    def token_ask(self, api: Api, now: datetime) -> Ask | None:
        """Client ID and secret for a token."""
        return calling.token_ask(api)

    def token(self, told: Told, now: datetime) -> Token:
        """The token, good for a day."""
        return calling.token_of(told, now)

    def list_ask(self, since: datetime, cursor: str, api: Api) -> Ask | None:
        """The orders that were updated since."""
        return listing.list_ask(since, cursor, api) if calling.reachable(api) else None

    def listed(self, told: Told) -> Page:
        """Each order as a body; of one with parcels or refunds `ask` then wants to see the rest."""
        return listing.listed(told)

    def subscriptions_ask(self, api: Api) -> Ask | None:
        """The app's own webhooks. Those made by hand in the admin are in no list."""
        document = listing.documents.HOOKS
        return calling.graphql(api, document, {}) if calling.reachable(api) else None

    def missing_topics(self, told: Told, url: str) -> Sequence[str]:
        """What no webhook of the app brings to `url`."""
        return listing.missing_topics(told, url)

    def subscribe_ask(self, topic: str, url: str, api: Api) -> Ask | None:
        """A webhook for `topic`."""
        return listing.subscribe_ask(topic, url, api) if calling.reachable(api) else None


def _events(
    topic: str, body: dict[str, Any], raw: Raw, settings: Mapping[str, Any]
) -> list[OrderEvent]:
    if whole := pointers.split_of(body):
        return _fetched_events(topic, *whole, raw, settings)
    if topic in NOTHING_TO_TELL:
        return []
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
    if topic.startswith(pointers.PART_TOPIC):
        return fulfilment_order_events(topic, body, _triggered_at(raw))
    raise Unmappable(f"{topic} says nothing of an order's progress. Unsubscribe it in Shopify.")


def _fetched_events(
    topic: str, said: Any, order: Any, part: Any, raw: Raw, settings: Mapping[str, Any]
) -> list[OrderEvent]:
    """The order as the API shows it, then what the topic adds to that."""
    whole = order_event(topic, order, settings)
    if isinstance(part, dict):
        at = _triggered_at(raw)
        event = pointers.part_event(topic, said, part, whole, at)
        return [whole, event] if event else [whole]
    if topic == pointers.LISTED or topic in SNAPSHOTS:
        return [whole]
    return [whole, *_events(topic, said, raw, settings)]


def _triggered_at(raw: Raw) -> Clock:
    return Clock(at=timestamp(header(raw, HEADERS["triggered_at"])))


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
