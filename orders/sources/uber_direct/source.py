"""The Uber Direct source: which notification says what, and what has to be asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

from orders import uber_api
from orders.contract import (
    Api,
    Ask,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Raw,
    Token,
    Told,
    Unmappable,
)
from orders.parsing import dig, identifier, parse_json, text, timestamp, unique, web_address
from orders.signatures import verify
from orders.sources.uber_direct.legs import Leg, leg_event, read_leg
from orders.sources.uber_direct.statuses import ARRIVED, OLDER, STATUSES

SCOPE = "eats.deliveries"
POSITION = "event.courier_update"
POINTER = "dapi.status_changed"
STATUS_EVENTS = frozenset({"event.delivery_status", "event.delivery_return", ""})
# Money between the shop and Uber, and a courier's walk through the shelves.
INTERNAL = frozenset({"event.refund_request", "event.shopping_progress"})


class UberDirect(OrderSource):
    """Webhooks of Uber Direct: legs of orders that another connection brings."""

    slug = "uber_direct"
    name = "Uber Direct"
    mapper_version = "uber_direct/v1/1"
    api_base = uber_api.API
    STATUSES = STATUSES
    courier: ClassVar[bool] = True  # its word counts on the way to the door, and for nothing else
    SETTINGS = {
        "orders_of": (
            "",
            "Name of the connection whose orders the couriers bring. Empty: any of the brand.",
        ),
        "creates_orders": (
            False,
            "A delivery is an order of its own. For shops whose orders come from nowhere else.",
        ),
        "courier_updates": (
            False,
            "Take new times of arrival from event.courier_update, sent every 20 seconds.",
        ),
    }
    CREDENTIALS = {
        "client_id": "Client ID, in the Developer tab of the Direct dashboard.",
        "client_secret": "Client Secret, beside it.",
        "customer_id": "Customer ID, beside it; a UUID, or it starts with cus_.",
    }
    contact_use = (
        "The name and phone of the person at the door were given for this delivery. "
        "Use them for it only."
    )

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body."""
        verify(uber_api.SIGNED, raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by Uber's id for it."""
        body = parse_json(raw.body)
        if not isinstance(body, dict):
            raise Malformed("The body must be one event.")
        topic = text(body.get("kind") or body.get("event_type"), 120)
        unique_id = text(body.get("event_id"), 120)
        if topic.startswith("event."):  # only there is `id` the event's; else the delivery's
            unique_id = unique_id or text(body.get("id"), 120)
        return [Item(f"{topic}:{unique_id or sha256(raw.body).hexdigest()}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the leg says. The state in it counts, not the moment at which it was sent."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable("The body is no object.")
        event, answer = _taken_apart(value)
        kind = text(event.get("kind") or event.get("event_type"), 120)
        if kind in INTERNAL or (kind == POSITION and settings.get("courier_updates") is not True):
            return []
        if kind == POINTER:
            return [leg_event(kind, _older_leg(event, answer), {}, settings)]
        if kind in STATUS_EVENTS or kind in ("delivery", POSITION):
            delivery, at = _delivery(event, answer)
            return [leg_event(topic, read_leg(delivery, at), delivery, settings)]
        raise Unmappable(f"{kind} says nothing of a delivery. Untick it in the Direct dashboard.")

    # -- what has to be asked for --

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The delivery, where the event only points at it and we may ask."""
        event = parse_json(body)
        if not isinstance(event, dict) or not uber_api.has_credentials(api):
            return None
        if event.get("event_type") == POINTER:
            order = uber_api.safe_id(dig(event, "meta", "order_id"))
            return uber_api.get(api, f"/v1/eats/deliveries/orders/{order}") if order else None
        delivery = uber_api.safe_id(event.get("delivery_id"))
        owner = event.get("customer_id") or api.credentials.get("customer_id")
        customer = uber_api.safe_id(owner)
        if isinstance(event.get("data"), dict) or not (delivery and customer):
            return None
        return uber_api.get(api, f"/v1/customers/{customer}/deliveries/{delivery}")

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The event and the delivery that it points at."""
        return uber_api.together(body, uber_api.answered(told))

    def token_ask(self, api: Api, now: datetime) -> Ask | None:
        """A token for 30 days."""
        return uber_api.token_ask(api, SCOPE)

    def token(self, told: Told, now: datetime) -> Token:
        """The token in the answer."""
        return uber_api.token(told, now)


def _taken_apart(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the event, what was fetched for it)."""
    event, answer = value.get("event"), value.get("answer")
    if isinstance(event, dict) and isinstance(answer, dict):
        return event, answer
    return value, {}


def _delivery(
    event: dict[str, Any], answer: dict[str, Any]
) -> tuple[dict[str, Any], datetime | None]:
    """The delivery in an event, with what only its envelope says; and when it was sent."""
    data = answer or event.get("data")
    if not isinstance(data, dict):
        if "delivery_id" not in event:
            return event, None  # a delivery as the API gives it
        data = {}
    outer = {"id": event.get("delivery_id"), "status": event.get("status")}
    outer["live_mode"] = event.get("live_mode")
    inner = {name: value for name, value in data.items() if value is not None}
    return {**outer, **inner}, timestamp(event.get("created"))


def _older_leg(event: dict[str, Any], answer: dict[str, Any]) -> Leg:
    """The older notification: its words, and what was fetched, which is newer."""
    meta = event.get("meta")
    word = text(dig(meta, "status"), 80)
    if answer.get("order_status") in ("COMPLETED", "FAILED"):
        word = text(answer["order_status"], 80)
    order_id = identifier(dig(meta, "order_id"), "order_id")
    if not order_id:
        raise Unmappable("The notification names no delivery.")
    reference = identifier(dig(meta, "external_order_id") or answer.get("external_order_id"))
    return Leg(
        order_id,
        OLDER.get(word, word),
        near=word in ARRIVED,
        at=timestamp(event.get("event_time")),
        references=unique([reference]),
        way_back=dig(meta, "is_returning") is True,
        tracking_url=web_address(answer.get("order_tracking_url")),
    )


SOURCE = UberDirect()
