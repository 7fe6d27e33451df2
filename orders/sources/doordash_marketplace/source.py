"""The DoorDash Marketplace source: a fixed header, and four kinds of bodies."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import (
    BadSignature,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Raw,
    Unmappable,
)
from orders.parsing import dig, parse_json, text
from orders.signatures import verify_token
from orders.sources.doordash_marketplace.orders import (
    cancelled_order,
    created_order,
    dasher_event,
    released_order,
    topic_parts,
)
from orders.sources.doordash_marketplace.statuses import (
    CANCELLED,
    CREATED,
    DASHER_STATUS,
    RELEASED,
    STATUSES,
)


class DoorDashMarketplace(OrderSource):
    """Webhooks of DoorDash's marketplace."""

    slug = "doordash_marketplace"
    name = "DoorDash Marketplace"
    mapper_version = "doordash_marketplace/v1/1"
    STATUSES = STATUSES
    approval = (
        "Needs DoorDash's approval: the Marketplace API has limited access, and DoorDash "
        "certifies each integration."
    )
    contact_use = (
        "Phone and email are masks of DoorDash's, for calls about this order only. Messages to "
        "guests of the marketplace are DoorDash's."
    )
    contact_hours = 1

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Compare the fixed Authorization header: DoorDash signs nothing."""
        given = raw.headers.get("authorization", "").strip()
        if not given:
            raise BadSignature("The header Authorization is missing or empty.")
        try:
            verify_token(given, secrets)
        except BadSignature:
            verify_token(given.partition(" ")[2], secrets)  # saved without the word before it

    def identify(self, raw: Raw) -> Sequence[Item]:
        """DoorDash gives events no id: the order and what happened, or else the content."""
        body = parse_json(raw.body)
        if not isinstance(body, dict):
            raise Malformed("The body must be one event.")
        topic = _topic(body)
        order_id = text(dig(body, "order", "id"), 120)
        if topic.upper() == CREATED and order_id:
            return [Item(f"{CREATED}:{order_id}", topic)]
        return [Item(f"{topic}:{sha256(raw.body).hexdigest()}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says of the order."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable("The body is no object.")
        kind = _topic(value)
        if kind == DASHER_STATUS:
            return [dasher_event(kind, value, settings)]
        if kind == RELEASED:
            return [released_order(kind, value)]
        order = _object(value.get("order"))
        if kind.upper() in CANCELLED:
            return [cancelled_order(kind, value, order)]
        if kind.upper() == CREATED or not kind:
            word = topic_parts(value)[1]
            return [created_order(kind or topic, word, order if kind else value, settings)]
        raise Unmappable(f"{kind} says nothing of an order's progress. Remove that subscription.")


def _topic(body: dict[str, Any]) -> str:
    """What happened: the envelope's word, or what the shape of the body gives away."""
    said = topic_parts(body)[0]
    if said:
        return said
    if "dasher_status" in body:
        return DASHER_STATUS
    return RELEASED if "distance_from_store" in body else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


SOURCE = DoorDashMarketplace()
