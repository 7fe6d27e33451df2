"""The DoorDash Drive source: a fixed header, flat bodies, the event in `event_name`."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from orders.contract import (
    BadSignature,
    Item,
    Malformed,
    OrderEvent,
    OrderSource,
    Raw,
    Unmappable,
)
from orders.parsing import parse_json, text
from orders.signatures import verify_token
from orders.sources.doordash_drive.legs import leg_event
from orders.sources.doordash_drive.statuses import STATUSES


class DoorDashDrive(OrderSource):
    """Webhooks of DoorDash Drive: legs of orders that another connection brings."""

    slug = "doordash_drive"
    name = "DoorDash Drive"
    mapper_version = "doordash_drive/v2/1"
    STATUSES = STATUSES
    courier: ClassVar[bool] = True  # its word counts on the way to the door, and for nothing else
    approval = "DoorDash gives access to Drive's production environment on request only."
    SETTINGS = {
        "orders_of": (
            "",
            "Name of the connection whose orders the Dashers bring. Empty: any of the brand.",
        ),
        "creates_orders": (
            False,
            "A delivery is an order of its own. For shops whose orders come from nowhere else.",
        ),
        "id_prefix": (
            "",
            "What your shop writes before the order's number in external_delivery_id.",
        ),
        "id_mark": (
            "",
            "What stands before a delivery's own count in external_delivery_id, such as _ .",
        ),
    }
    contact_use = "DoorDash's events hold no customer. The Dasher's phone number is not kept."

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
        """DoorDash gives events no id: delivery, name and time together know one again."""
        body = parse_json(raw.body)
        if not isinstance(body, dict):
            raise Malformed("The body must be one event.")
        name = _name(body)
        known = [text(body.get(key), 120) for key in ("external_delivery_id", "created_at")]
        key = f"{name}:{known[1]}:{known[0]}" if name and all(known) else ""
        return [Item(key or sha256(raw.body).hexdigest(), name)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the event says of the order."""
        value = parse_json(body)
        name = _name(value) if isinstance(value, dict) else ""
        if not name:
            raise Unmappable(
                "The body has no event_name. Is the address entered for DoorDash Drive? "
                "(delivery_status stands only in answers of its API.)"
            )
        return [leg_event(name, value, settings)]


def _name(body: dict[str, Any]) -> str:
    """The event's name in capitals: some of DoorDash's events are written in small letters."""
    return text(body.get("event_name"), 120).upper()


SOURCE = DoorDashDrive()
