"""The Deliverect source: the signature, and telling its bodies apart."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from orders.contract import Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import parse_json
from orders.signatures import Scheme, verify
from orders.sources.deliverect.orders import (
    courier_event,
    kind_of,
    order_event,
    status_event,
    time_event,
)
from orders.sources.deliverect.statuses import STATUSES

DELIVERECT = Scheme(headers=("x-server-authorization-hmac-sha256",), encoding="hex")


class Deliverect(OrderSource):
    """Orders of delivery platforms, as Deliverect hands them on."""

    slug = "deliverect"
    name = "Deliverect"
    mapper_version = "deliverect/2026-09/1"
    STATUSES = STATUSES
    approval = (
        "Needs Deliverect's approval: its webhooks go to certified partners, and the reporting "
        "service has a price."
    )
    contact_use = (
        "Customers of delivery platforms may only be told about this order, and mostly through "
        "a masked number that takes calls with a code but no texts, and ends with the order."
    )
    contact_hours = 24
    SETTINGS = {
        "status_map": ({}, 'Deliverect\'s numbers in our words: {"60": "preparing"}.'),
        "currency": ("", "The currency of the amounts, such as EUR; Deliverect names none."),
        "direct_channels": (
            [],
            "Numbers of the channels that are your own shop: their customers' phones are real.",
        ),
        "finalized_means": (
            "auto",
            "What 90 (finalized) is: auto (by the order type, if the body names it), picked_up, "
            "delivered, out_for_delivery or nothing.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Check the HMAC over the body."""
        verify(DELIVERECT, raw, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its content: Deliverect numbers none."""
        return [Item(sha256(raw.body).hexdigest(), kind_of(_object(raw.body)))]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says."""
        value = _object(body)
        if value.get("isIgnoredPOSStatus") is True:
            return []  # the POS said it, and Deliverect did not take it over
        return [_event(kind_of(value), value, settings)]


def _object(body: bytes) -> dict[str, Any]:
    value = parse_json(body)
    if not isinstance(value, dict):
        raise Malformed("The body is no object.")
    return value


def _event(kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    if kind == "order":
        return order_event(kind, body, settings)
    if kind == "status":
        return status_event(kind, body, settings)
    if kind == "courier":
        return courier_event(kind, body, settings)
    if kind == "time":
        return time_event(kind, body)
    raise Unmappable(
        "The body is about no order. Give this address to Deliverect for orders, their statuses, "
        "couriers and preparation times only."
    )


SOURCE = Deliverect()
