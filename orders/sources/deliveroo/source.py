"""The Deliveroo source: which signature, which key, and which event goes to which reader."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import parse_json, text
from orders.sources.deliveroo.orders import order_event
from orders.sources.deliveroo.riders import rider_event
from orders.sources.deliveroo.signing import check
from orders.sources.deliveroo.statuses import STATUSES

ABOUT_RIDERS = "rider.status_update"
NOT_ORDERS = ("menu.", "delivery.", "riders.")


class Deliveroo(OrderSource):
    """The order and rider events of Deliveroo's partner platform."""

    slug = "deliveroo"
    name = "Deliveroo"
    mapper_version = "deliveroo/v1/1"
    approval = (
        "Needs Deliveroo's approval: an integration account on its developer portal, and the "
        "brand's consent that its sites send their orders there."
    )
    contact_use = (
        "The number is Deliveroo's own and asks for an access code: call it about this order "
        "only, while the order is open. No SMS, no WhatsApp, nothing after the end, no marketing."
    )
    contact_hours = 2
    STATUSES = STATUSES
    SETTINGS = {
        "status_map": ({}, 'Deliveroo\'s words in ours: {"confirmed": "confirmed"}.'),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the sequence id and the body, joined as the event's age demands."""
        check(raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its content: a repeat may come under a new sequence id."""
        value = parse_json(raw.body)
        topic = text(value.get("event"), 120).lower() if isinstance(value, dict) else ""
        if not topic:
            raise Malformed("The body has no member event: is this Deliveroo?")
        return [Item(f"{topic}:{sha256(raw.body).hexdigest()}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says. The newest entry of the status log counts, not the event's name."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable(f"The body of {topic} is no object.")
        if topic.startswith(NOT_ORDERS):
            raise Unmappable(f"{topic} is not about an order. Send it to another address.")
        if topic == ABOUT_RIDERS:
            return [rider_event(topic, value, settings)]
        event = order_event(topic, value, settings)
        return [event] if event else []


SOURCE = Deliveroo()
