"""Bodies of Uber Direct, of our own writing, after its field definitions."""

from typing import Any

UPDATED = "2026-11-21T18:30:00.000Z"


def delivery(**more: Any) -> dict[str, Any]:
    """A delivery of the shop's order 5001, which its people call #1001."""
    return {
        "id": "del_one",
        "kind": "delivery",
        "uuid": "9c3f0d4e",
        "status": "pickup",
        "complete": False,
        "live_mode": True,
        "external_id": "5001",
        "manifest": {"reference": "#1001", "description": "", "total_value": 2150},
        "manifest_items": [
            {"name": "Pizza Margherita", "quantity": 2, "size": "medium"},
            {"name": "Cola", "quantity": 1, "size": "small"},
        ],
        "currency": "usd",
        "fee": 799,
        "tracking_url": "https://www.ubereats.com/orders/one",
        "created": "2026-11-21T18:00:00.000Z",
        "updated": UPDATED,
        "pickup_eta": "2026-11-21T18:35:00.000Z",
        "dropoff_ready": "2026-11-21T18:20:00.000Z",
        "dropoff_eta": "2026-11-21T18:50:00.000Z",
        "dropoff_deadline": "2026-11-21T19:10:00.000Z",
        "courier_imminent": False,
        "courier": {
            "name": "Cori R.",
            "phone_number": "+12025550199",
            "vehicle_type": "car",
            "location": {"lat": 40.71093, "lng": -74.0119},
        },
        "dropoff": {
            "name": "Ada Lovelace",
            "phone_number": "(202) 555-0143",
            "address": "1 Main Street",
            "detailed_address": {"country": "US"},
        },
        "pickup": {"name": "Nonna", "external_store_id": "main-street"},
        "related_deliveries": None,
        **more,
    }


def status_event(status: str = "pickup", **more: Any) -> dict[str, Any]:
    """event.delivery_status about that delivery; `more` changes the delivery."""
    return {
        "kind": "event.delivery_status",
        "id": f"evt_{status}",
        "status": status,
        "created": "2026-11-21T18:30:01.500Z",
        "delivery_id": more.get("id", "del_one"),
        "live_mode": True,
        "customer_id": "cus_sandbox",
        "data": delivery(status=status, **more),
    }


def older(status: str, **more: Any) -> dict[str, Any]:
    """dapi.status_changed: a notification that points at a delivery."""
    return {
        "event_id": "d1122602-45c4-4851-a91e-b35354a233b7",
        "event_type": "dapi.status_changed",
        "event_time": 1795285800,
        "resource_href": "https://evil.example/steal",
        "meta": {
            "order_id": "8a8972cf-2331-4f77-85c0-d84fbed6bf53",
            "external_order_id": "5001",
            "courier_trip_id": "759de859",
            "status": status,
            "is_returning": False,
            **more,
        },
    }
