"""The Otter source: the signature, the event's id, and which event goes where."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import parse_json, text
from orders.signatures import Scheme, verify
from orders.sources.otter.orders import (
    bare_event,
    delivery_event,
    history_event,
    order_event,
)
from orders.sources.otter.statuses import BARE_EVENTS, STATUSES

OTTER = Scheme(headers=("x-hmac-sha256",))
Mapper = Callable[[str, Mapping[str, Any], Mapping[str, Any]], OrderEvent]
MAPPERS: Mapping[str, Mapper] = {
    "orders.new_order": order_event,
    "orders.update": order_event,
    "orders.order_status_update": history_event,
    "delivery.delivery_status_update": delivery_event,
    **dict.fromkeys(BARE_EVENTS, bare_event),
}
# One address gets everything; these are for those who sell, print or ride.
NOT_OURS = frozenset({"orders.pos_injection_state_update"})
OTHER_SUBJECTS = ("menus", "storefront", "reports", "ping", "stores", "reviews", "finance")
DELIVERY_JOBS = frozenset(
    {"delivery.request_quote", "delivery.accept", "delivery.cancel", "delivery.update_request"}
)


class Otter(OrderSource):
    """Orders of delivery platforms, as Otter hands them on."""

    slug = "otter"
    name = "Otter"
    mapper_version = "otter/v1/1"
    STATUSES = STATUSES
    approval = "Needs Otter's approval: an account representative registers your application."
    contact_use = (
        "Customers of delivery platforms may only be told about this order, and mostly through "
        "a masked number that takes calls with a code but no texts, and ends with the order."
    )
    contact_hours = 24
    SETTINGS = {
        "status_map": ({}, 'Otter\'s words in ours: {"PREPARED": "preparing"}.'),
        "direct_sources": (
            [],
            "Sources that are your own shop, by name: their customers' phones are real.",
        ),
        "handed_off_means": (
            "auto",
            "What a hand-off is when the event does not say how the customer gets the order: "
            "auto (nothing), out_for_delivery, picked_up, delivered or nothing.",
        ),
        "fulfilled_means": (
            "auto",
            "What fulfilled is when the event does not say how the customer gets the order: "
            "auto (nothing), delivered, picked_up, out_for_delivery or nothing.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body."""
        verify(OTTER, raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its id."""
        body = _object(raw.body)
        event_id = text(body.get("eventId"), 120)
        return [Item(event_id or sha256(raw.body).hexdigest(), _topic(body))]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the event says; nothing for events about menus, shops and reports."""
        value = _object(body)
        name = _topic(value) or topic
        if name in MAPPERS:
            return [MAPPERS[name](name, value, settings)]
        if name in NOT_OURS or name in DELIVERY_JOBS or name.partition(".")[0] in OTHER_SUBJECTS:
            return []
        raise Unmappable(
            f"The event {name or '(without a name)'} has no meaning here. If it is about an "
            "order, report it; else unsubscribe it at Otter."
        )


def _object(body: bytes) -> dict[str, Any]:
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Malformed("The body is no object.")
    return value


def _topic(body: Mapping[str, Any]) -> str:
    """The event's name, however it is capitalised."""
    return text(body.get("eventType"), 120).lower()


SOURCE = Otter()
