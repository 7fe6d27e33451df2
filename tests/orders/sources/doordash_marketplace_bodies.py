"""Bodies of DoorDash Marketplace, of our own writing, after its field definitions."""

from typing import Any

ORDER_ID = "0da8b530-7c4c-4925-8785-cd843b797d64"


def marketplace_order(**more: Any) -> dict[str, Any]:
    """A new order inside its envelope; `more` changes the order."""
    item = {
        "merchant_supplied_id": "pizza",
        "name": "Pizza Margherita",
        "quantity": 2,
        "price": 900,
        "special_instructions": "well done",
        "extras": [{"name": "Sauce", "options": [{"name": "Ketchup", "quantity": 1}]}],
    }
    order = {
        "id": ORDER_ID,
        "delivery_short_code": "a1b2c3",
        "categories": [
            {"name": "Mains", "items": [item, {**item, "extras": [], "quantity": 1}]},
            {"name": "Drinks", "items": [{"name": "Cola", "quantity": 1}]},
        ],
        "consumer": {
            "first_name": "Kelley",
            "last_name": "W.",
            "phone": "+12025550143",
            "email": "masked@example.com",
        },
        "store": {"merchant_supplied_id": "main-street", "provider_type": "nonna"},
        "estimated_pickup_time": "2026-11-21T18:50:00Z",
        "is_pickup": False,
        "fulfillment_type": "dx_delivery",
        "experience": "DOORDASH",
        "order_special_instructions": "ring twice",
        "subtotal": 2000,
        "tax": 300,
        **more,
    }
    return {"event": {"type": "OrderCreate", "status": "NEW"}, "order": order}


def dasher_status(word: str, **more: Any) -> dict[str, Any]:
    """Where the Dasher is."""
    return {
        "dasher_status": word,
        "external_order_id": ORDER_ID,
        "client_order_id": "321",
        "created_at": "2026-11-21T18:40:00Z",
        "dasher": {"first_name": "Kelley", "masked_phone_number": "2025550199"},
        **more,
    }


def release() -> dict[str, Any]:
    """The Dasher has come near the store."""
    return {
        "dasher": {"first_name": "Kelley", "masked_phone_number": "2025550199"},
        "distance_from_store": 460.2,
        "store": {"provider_type": "nonna", "merchant_supplied_id": "main-street"},
        "external_order_id": ORDER_ID,
        "client_order_id": "321",
    }
