"""The Square source: the signature over address and body, and what each webhook points at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Page,
    Raw,
    SourceError,
    Told,
    TryLater,
    Unmappable,
)
from orders.parsing import dig, identifier, parse_json, text
from orders.signatures import Scheme, header, verify
from orders.sources.square import api as square
from orders.sources.square.money import payment_events, refund_events
from orders.sources.square.orders import order_events, pointer_event, read_clock
from orders.sources.square.statuses import COUNTER_CHOICES, DRAFT, RESERVED_CHOICES, STATUSES

SIGNATURE = Scheme(headers=("x-square-hmacsha256-signature",), template="{url}{body}")
ENVIRONMENT = ("square-environment",)
TOPICS = (
    "order.created",
    "order.updated",
    "order.fulfillment.updated",
    "payment.updated",
    "refund.created",
    "refund.updated",
)
# topic -> the member of data.object that holds what happened
MEMBERS: Mapping[str, str] = {
    "order.created": "order_created",
    "order.updated": "order_updated",
    "order.fulfillment.updated": "order_fulfillment_updated",
    "payment.created": "payment",
    "payment.updated": "payment",
    "refund.created": "refund",
    "refund.updated": "refund",
}
TEST_TOPIC = "webhooks.test_notification"


class Square(OrderSource):
    """Webhooks of a Square application, and the orders that they point at."""

    slug = "square"
    name = "Square"
    mapper_version = f"square/{square.API_VERSION}/1"
    api_base = square.BASES["production"]
    STATUSES = STATUSES
    contact_use = (
        "For messages about this order. Square hands it over for serving the sale; marketing needs "
        "the customer's own consent."
    )
    contact_hours = 24  # a courier company's masked number is of no use after its delivery
    CREDENTIALS = {
        "access_token": "The application's personal access token: Developer Console, Credentials.",
        "environment": "production (default) or sandbox: which of Square's two worlds it is for.",
    }
    SETTINGS = {
        "notification_url": (
            "",
            "The webhook's address as Square shows it, when it is not the one shown here. "
            "Square signs it together with the body.",
        ),
        "locations": ([], "Ids of the locations to look through for missed orders, at most ten."),
        "status_map": (
            {},
            'Square\'s states in our words, with or without the type: {"PREPARED SHIPMENT": '
            '"preparing"}.',
        ),
        "reserved_means": (
            RESERVED_CHOICES[0].value,
            "What RESERVED (in progress) is here: confirmed or preparing.",
        ),
        "counter_sales": (
            COUNTER_CHOICES[0],
            "An order without any fulfilment: track (open is placed, completed is picked up) or "
            "ignore.",
        ),
        "reference_is_order_id": (
            False,
            "On when reference_id is another system's order number and never used twice: then "
            "both are one order.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the registered address and the body."""
        url = text(raw.settings.get("notification_url"), 500) or raw.url
        if not url:
            raise BadSignature("Square signs the webhook's address, and it is not known.")
        verify(SIGNATURE, replace(raw, url=url), secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event. Square has sent two kinds under one event_id, so the type is in the key."""
        value = parse_json(raw.body)
        topic, event_id = text(dig(value, "type"), 120), text(dig(value, "event_id"), 120)
        if not topic or not event_id:
            raise Malformed("The members type and event_id are missing: is this Square?")
        return [Item(f"{topic}:{event_id}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body means, best with the order that `fetched` has put into it."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable("The body is no object.")
        events = _events(topic, value, settings)
        test = header(Raw(headers, b""), ENVIRONMENT).lower() == "sandbox"
        return [replace(event, test=True) if test else event for event in events]

    # -- the API ------------------------------------------------------------------------------

    def base(self, credentials: Mapping[str, str]) -> str:
        """The host of the environment that the credentials name."""
        return square.base(credentials)

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The order that the webhook points at; nothing for drafts, tests and listed orders."""
        happening = _happening(parse_json(body))
        order_id = _order_id(happening)
        if not order_id or happening.get("state") == DRAFT:
            return None
        return square.order_ask(order_id, api)

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The webhook with the order in it. An order older than the webhook is asked for again."""
        event = parse_json(body)
        order = square.answered(told).get("order")
        happening = _happening(event)
        if not isinstance(order, dict) or order.get("id") != _order_id(happening):
            raise SourceError("Square's answer is not the order that was asked for.")
        announced = read_clock(happening).version if topic.startswith("order.") else None
        if announced is not None and (read_clock(order).version or announced) < announced:
            raise TryLater("Square's answer is older than its webhook.", square.STALE_SECONDS)
        return square.written({**_slim_event(event), "order": square.slim(order)})

    def list_ask(self, since: datetime, cursor: str, api: Api) -> Ask | None:
        """Orders changed since, in the locations that the connection names."""
        return square.search_ask(since, cursor, api)

    def listed(self, told: Told) -> Page:
        """One page of them."""
        return square.page(told)

    def subscriptions_ask(self, api: Api) -> Ask | None:
        """The application's subscriptions; needs its personal access token."""
        return square.subscriptions_ask(api)

    def missing_topics(self, told: Told, url: str) -> Sequence[str]:
        """Topics that no enabled subscription sends to `url`."""
        sent = square.subscribed(told, url)
        return [topic for topic in TOPICS if topic not in sent]


def _happening(value: Any) -> dict[str, Any]:
    """What the webhook is about: the member of data.object; {} for a body without one."""
    member = MEMBERS.get(text(dig(value, "type"), 120), "")
    found = dig(value, "data", "object", member) if member else None
    return found if isinstance(found, dict) else {}


def _order_id(happening: Mapping[str, Any]) -> str:
    return identifier(happening.get("order_id"), "order_id", 192)


def _slim_event(event: Any) -> dict[str, Any]:
    """The webhook without cards: of a payment only what is read."""
    if not isinstance(event, dict) or not text(event.get("type"), 120).startswith("payment."):
        return event if isinstance(event, dict) else {}
    kept = ("id", "order_id", "status", "updated_at", "amount_money")
    payment = {name: _happening(event).get(name) for name in kept}
    return {**event, "data": {"type": "payment", "object": {"payment": payment}}}


def _events(topic: str, value: dict[str, Any], settings: Mapping[str, Any]) -> list[OrderEvent]:
    kind = text(value.get("type"), 120)
    order = value.get("order")
    if not kind:
        return order_events(topic, order if isinstance(order, dict) else value, settings)
    if kind == TEST_TOPIC:
        return []
    if kind not in MEMBERS:
        raise Unmappable(f"{kind} says nothing of an order. Unsubscribe it in Square.")
    happening = _happening(value)
    if not _order_id(happening):
        if kind.startswith("order."):
            raise Unmappable("The webhook does not say which order it is about.")
        return []  # money without an order
    return _of_kind(kind, happening, order if isinstance(order, dict) else {}, settings)


def _of_kind(
    kind: str, happening: dict[str, Any], order: dict[str, Any], settings: Mapping[str, Any]
) -> list[OrderEvent]:
    """`order` is {} when nothing was fetched."""
    if kind.startswith("refund."):
        return [*_snapshot(kind, order, settings), *refund_events(kind, happening, order)]
    if kind.startswith("payment."):
        snapshot = _snapshot(kind, order, settings)
        known = bool(snapshot) or not order
        paid = payment_events(kind, happening, _order_id(happening)) if known else []
        return [*snapshot, *paid]
    if order:
        return _snapshot(kind, order, settings)
    return [] if happening.get("state") == DRAFT else [pointer_event(kind, happening, settings)]


def _snapshot(kind: str, order: dict[str, Any], settings: Mapping[str, Any]) -> list[OrderEvent]:
    return order_events(kind, order, settings) if order else []


SOURCE = Square()
