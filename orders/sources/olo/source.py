"""The Olo source: the signature, the message's id, and the event types."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import parse_json, text
from orders.signatures import header
from orders.sources.olo.orders import read_event
from orders.sources.olo.signing import MESSAGE_ID, check
from orders.sources.olo.statuses import STATUSES

EVENT_TYPE = ("x-olo-event-type",)


class Olo(OrderSource):
    """The webhooks of Olo."""

    slug = "olo"
    name = "Olo"
    mapper_version = "olo/v1/2"
    approval = (
        "Needs an Olo account with access to webhooks, and a user of Olo's Dashboard with the "
        "permission Developer Tools."
    )
    contact_use = (
        "The brand's own guests: use their contact data for this order. Orders that came through "
        "a marketplace carry that marketplace's numbers: set masked_contacts for them."
    )
    contact_hours = 24
    STATUSES = STATUSES
    SETTINGS = {
        "status_map": ({}, 'Event types in our words: {"TypeOfOlo": "preparing"}, or "ignore".'),
        "members": (
            {},
            'Where Olo\'s bodies hold what no public page says: {"order": "the.name.of.it"}; also '
            "number, store, name, given_name, email, phone and item_name.",
        ),
        "destination_url": (
            "",
            "The address as it stands in Olo, when it differs from this connection's.",
        ),
        "masked_contacts": (
            False,
            "The numbers in these orders belong to marketplaces: no SMS, no WhatsApp.",
        ),
        "currency": ("USD", "The currency of the brand's prices; Olo names none."),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over address, body, message id and time."""
        check(raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its message id. The type is not signed, so it is no part."""
        value = parse_json(raw.body)
        topic = text(header(raw, EVENT_TYPE), 120)
        if not isinstance(value, dict) or not topic:
            raise Malformed("The header X-Olo-Event-Type or an object is missing: is this Olo?")
        message = header(raw, MESSAGE_ID)
        return [Item(message or sha256(raw.body).hexdigest(), topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable(f"The body of {topic} is no object.")
        event = read_event(topic, value, settings)
        return [event] if event else []


SOURCE = Olo()
