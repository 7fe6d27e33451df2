"""The Uber Eats source: notifications that only point, and the order that is fetched for them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from orders import uber_api
from orders.contract import (
    Api,
    Ask,
    Clock,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Raw,
    Token,
    Told,
    Unmappable,
)
from orders.parsing import dig, identifier, parse_json, text, timestamp
from orders.signatures import verify
from orders.sources.uber_eats.orders import STORE_IDS, order_event
from orders.sources.uber_eats.statuses import ABOUT_ORDERS, ENDED, STATUSES
from orders.statuses import Status

SCOPE = "eats.order"


class UberEats(OrderSource):
    """Notifications of the Uber Eats marketplace."""

    slug = "uber_eats"
    name = "Uber Eats"
    mapper_version = "uber_eats/v2/1"
    api_base = uber_api.API
    STATUSES = STATUSES
    approval = (
        "Needs Uber's written approval: an application with the Eats scopes, to which Uber "
        "has added your stores."
    )
    SETTINGS = {
        "store_id": (
            "id",
            f"Which of Uber's names for a store its external refs hold: {', '.join(STORE_IDS)}.",
        ),
    }
    CREDENTIALS = {
        "client_id": "Client ID of your application, in Uber's developer dashboard.",
        "client_secret": "Client secret, beside it; the connection's secret is the same word.",
        "scope": "OAuth scope that Uber gave the application for reading orders; eats.order.",
    }
    contact_use = (
        "The phone is a number of Uber's that rings through with its PIN until the order is over. "
        "Call it about this order only. Messages to guests whom Uber delivers to are Uber's."
    )
    contact_hours = 1

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body; its key is the application's client secret."""
        verify(uber_api.SIGNED, raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One notification, known again by its id."""
        body = parse_json(raw.body)
        if not isinstance(body, dict):
            raise Malformed("The body must be one notification.")
        topic = text(body.get("event_type"), 120)
        event_id = text(body.get("event_id"), 120) or sha256(raw.body).hexdigest()
        return [Item(f"{topic}:{event_id}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """The order that was fetched, or the little that a notification says by itself."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable("The body is no object.")
        event, answer = value.get("event"), value.get("answer")
        if not (isinstance(event, dict) and isinstance(answer, dict)):
            event, answer = value, (value if "event_type" not in value else None)
        kind = text(event.get("event_type"), 120)
        if kind.startswith("store."):
            return []
        clock = Clock(at=timestamp(event.get("event_time")))
        found = _event(kind or topic, event, answer, clock, settings)
        sandbox = headers.get("x-environment", "").strip().lower() == "sandbox"
        return [replace(found, test=True) if sandbox else found]

    # -- the order is fetched --

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The order that the notification names. What has ended is known without asking."""
        event = parse_json(body)
        kind = text(dig(event, "event_type"), 120)
        order_id = uber_api.safe_id(dig(event, "meta", "resource_id"))
        if kind not in ABOUT_ORDERS - ENDED or not order_id or not uber_api.has_credentials(api):
            return None
        return uber_api.get(api, f"/v2/eats/order/{order_id}")

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The notification and its order."""
        return uber_api.together(body, uber_api.answered(told))

    def token_ask(self, api: Api, now: datetime) -> Ask | None:
        """A token for 30 days."""
        return uber_api.token_ask(api, api.credentials.get("scope") or SCOPE)

    def token(self, told: Told, now: datetime) -> Token:
        """The token in the answer."""
        return uber_api.token(told, now)


def _event(
    kind: str, event: dict[str, Any], answer: Any, clock: Clock, settings: Mapping[str, Any]
) -> OrderEvent:
    if kind in ENDED:
        return _ended(kind, event, clock)
    if isinstance(answer, dict):
        return order_event(kind, answer, clock, settings)
    if kind in ABOUT_ORDERS:
        raise Unmappable(
            "The notification only names an order. Enter client_id and client_secret, so that it "
            "can be fetched, then replay this event."
        )
    raise Unmappable(f"{kind or 'The body'} says nothing of an order. Unsubscribe it at Uber.")


def _ended(kind: str, event: dict[str, Any], clock: Clock) -> OrderEvent:
    order_id = identifier(dig(event, "meta", "resource_id"), "resource_id")
    if not order_id:
        raise Unmappable("The notification names no order.")
    return OrderEvent(
        order_id,
        kind,
        clock=clock,
        occurred_at=clock.at,
        status=Status.CANCELLED,
        source_status=kind,
        may_create=False,
    )


SOURCE = UberEats()
