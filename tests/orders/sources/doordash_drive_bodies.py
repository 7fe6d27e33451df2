"""Bodies of DoorDash Drive, of our own writing, after its field definitions."""

from typing import Any


def drive_event(name: str = "DASHER_CONFIRMED", **more: Any) -> dict[str, Any]:
    """An event of a delivery of the shop's order 1001."""
    return {
        "created_at": "2026-11-21T18:30:00.791883Z",
        "event_name": name,
        "external_delivery_id": "1001",
        "dasher_id": 123212,
        "dasher_name": "John D.",
        "dasher_dropoff_phone_number": "+12025550143",
        "dasher_location": {"lat": 43.333333333, "lng": -79.333333333},
        "dropoff_time_estimated": "2026-11-21T18:50:00Z",
        "order_value": 5555,
        "currency": "USD",
        "fee": 975,
        "tip": 230,
        "tracking_url": "https://doordash.com/drive/portal/track/53904a0b",
        "contactless": False,
        **more,
    }
