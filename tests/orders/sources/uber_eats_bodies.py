"""Bodies of Uber Eats, of our own writing, after its field definitions."""

from typing import Any


def notification(kind: str = "orders.notification", **more: Any) -> dict[str, Any]:
    """A notification that names an order."""
    return {
        "event_type": kind,
        "event_id": "c4d2261e-2779-4eb6-beb0-cb41235c751e",
        "event_time": 1795285800,
        "meta": {"resource_id": "sandbox-created", "status": "pos", "user_id": "store-uuid"},
        "resource_href": "https://evil.example/steal",
        **more,
    }


def eats_order(**more: Any) -> dict[str, Any]:
    """An accepted order that Uber brings."""
    return {
        "id": "f9f363d1",
        "display_id": "BC953",
        "external_reference_id": "Check 146",
        "current_state": "ACCEPTED",
        "type": "DELIVERY_BY_UBER",
        "store": {
            "id": "store-uuid",
            "integrator_store_id": "Store123",
            "merchant_store_id": "main-street",
        },
        "eater": {"first_name": "Larry", "phone": "+1 202-555-0143", "phone_code": "555 55 555"},
        "eaters": [{"id": "eater-uuid", "first_name": "Larry"}],
        "cart": {
            "items": [
                {
                    "id": "Muffin",
                    "instance_id": "Muffin-1",
                    "title": "Fresh-baked muffin",
                    "quantity": 2,
                    "selected_modifier_groups": [
                        {"id": "flavor", "selected_items": [{"title": "Chocolate deluxe"}]},
                        {"id": "milk", "selected_items": None},
                    ],
                },
                {
                    "id": "Coffee",
                    "instance_id": "Coffee-1",
                    "title": "Coffee",
                    "quantity": 1,
                    "special_instructions": "iced please",
                    "selected_modifier_groups": None,
                },
            ]
        },
        "payment": {
            "charges": {"total": {"amount": 1399, "currency_code": "USD"}},
            "accounting": {"tax_reporting": {"destination": {"country_iso2": "US"}}},
        },
        "placed_at": "2026-11-21T13:16:54-05:00",
        "estimated_ready_for_pickup_at": "2026-11-21T13:36:54-05:00",
        "deliveries": [],
        **more,
    }


def eats_leg(state: str, **more: Any) -> dict[str, Any]:
    """A courier of an order."""
    return {"id": "65d700da", "first_name": "Bruce", "current_state": state, **more}
