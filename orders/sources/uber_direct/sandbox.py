"""A stand-in of Uber Direct's API: tokens, and a handful of deliveries."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Ask, Told
from orders.uber_api import CLIENT_ID, CLIENT_SECRET, UberStandIn, moment

CUSTOMER = "cus_sandbox"
OLDER_PATH = "/v1/eats/deliveries/orders/"
STATUSES = ("pending", "pickup", "pickup_complete", "dropoff", "delivered", "canceled", "returned")


def delivery(number: int) -> dict[str, Any]:
    """A delivery of the shop's order #100<number>; the number says how far it is."""
    status = STATUSES[number % len(STATUSES)]
    known = {
        "id": f"del_sandbox{number}",
        "kind": "delivery",
        "status": status,
        "complete": status in STATUSES[4:],
        "live_mode": True,
        "external_id": f"100{number}",
        "manifest": {"reference": f"#100{number}", "total_value": 2150},
        "manifest_items": [{"name": "Pizza Margherita", "quantity": 2, "size": "medium"}],
        "currency": "usd",
        "fee": 799,
        "tracking_url": f"https://www.ubereats.com/orders/sandbox{number}",
        "created": moment(0),
        "updated": moment(number + 1),
        "dropoff_ready": moment(10),
        "dropoff_eta": moment(35),
        "dropoff_deadline": moment(50),
        "courier_imminent": False,
        "dropoff": {"name": "Ada L.", "phone_number": "+12025550143"},
        "pickup": {"name": "Nonna", "external_store_id": "main-street"},
    }
    courier = {"name": "Cori R.", "vehicle_type": "bicycle"}
    return {**known, **({"courier": courier} if status != "pending" else {})}


def _older(order_id: str) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "order_status": "ACTIVE",
        "external_order_id": "1001",
        "order_tracking_url": f"https://www.ubereats.com/orders/{order_id}",
        "created_at": 1795284000000,
        "courier_trips": [],
        "return_status": "",
    }


class UberDirectStandIn:
    """Answers what the source asks for."""

    def __init__(self) -> None:
        self.held = {one["id"]: one for one in map(delivery, range(len(STATUSES)))}
        self.end = UberStandIn(self._shelf, "eats.deliveries")

    def handle(self, ask: Ask) -> Told:
        """Answer as the real API does."""
        return self.end.handle(ask)

    def _shelf(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        if path.startswith(OLDER_PATH):
            return _older(path.removeprefix(OLDER_PATH))
        name = path.removeprefix(f"/v1/customers/{CUSTOMER}/deliveries/")
        if name.endswith("late"):
            return {**delivery(3), "id": name}
        return self.held.get(name)


SANDBOX = UberDirectStandIn()


def demo_credentials() -> dict[str, str]:
    """Credentials that the stand-in takes."""
    return {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "customer_id": CUSTOMER}
