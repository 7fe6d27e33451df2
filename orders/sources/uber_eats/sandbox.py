"""A stand-in of the Uber Eats API: tokens, and a few orders."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Ask, Told
from orders.uber_api import CLIENT_ID, CLIENT_SECRET, UberStandIn, moment

PATH = "/v2/eats/order/"
# order id -> (state of the order, how it reaches the guest, state of the delivery)
HELD: Mapping[str, tuple[str, str, str]] = {
    "sandbox-created": ("CREATED", "DELIVERY_BY_UBER", ""),
    "sandbox-accepted": ("ACCEPTED", "PICK_UP", ""),
    "sandbox-courier": ("ACCEPTED", "DELIVERY_BY_UBER", "ARRIVED_AT_PICKUP"),
    "sandbox-on-its-way": ("ACCEPTED", "DELIVERY_BY_UBER", "EN_ROUTE_TO_DROPOFF"),
    "sandbox-delivered": ("FINISHED", "DELIVERY_BY_UBER", "COMPLETED"),
    "sandbox-denied-order": ("DENIED", "DELIVERY_BY_UBER", ""),
    "sandbox-late": ("CREATED", "PICK_UP", ""),
}


def order(order_id: str) -> dict[str, Any] | None:
    """The order with that id, as the API writes it."""
    if order_id not in HELD:
        return None
    state, kind, delivery = HELD[order_id]
    legs = [{"id": f"leg-{order_id}", "first_name": "Bruce", "current_state": delivery}]
    return {
        "id": order_id,
        "display_id": order_id[-5:].upper(),
        "external_reference_id": "Check 146",
        "current_state": state,
        "type": kind,
        "brand": "UBER_EATS",
        "store": {"id": "store-uuid", "name": "Nonna", "merchant_store_id": "main-street"},
        "eater": {
            "first_name": "Larry",
            "phone": "+1 202-555-0143",
            "phone_code": "555 55 555",
        },
        "cart": {"items": [_item("pizza-1", "Pizza Margherita", 2), _item("cola-1", "Cola", 1)]},
        "payment": {"charges": {"total": {"amount": 2150, "currency_code": "USD"}}},
        "placed_at": moment(0),
        "estimated_ready_for_pickup_at": moment(20),
        "deliveries": legs if delivery else [],
    }


def _item(instance: str, title: str, quantity: int) -> dict[str, Any]:
    return {"id": title, "instance_id": instance, "title": title, "quantity": quantity}


class UberEatsStandIn:
    """Answers what the source asks for."""

    def __init__(self) -> None:
        self.end = UberStandIn(self._shelf, "eats.order")

    def handle(self, ask: Ask) -> Told:
        """Answer as the real API does."""
        return self.end.handle(ask)

    def _shelf(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        return order(path.removeprefix(PATH)) if path.startswith(PATH) else None


SANDBOX = UberEatsStandIn()


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "scope": "eats.order"}
