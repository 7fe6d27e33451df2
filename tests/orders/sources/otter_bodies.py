"""Otter's webhooks, of our own writing."""

import json
from typing import Any

ORDER = "7a1d0000-0000-4000-8000-000000000001"
EVENT = "e7e70000-0000-4000-8000-0000000000e7"
STORE = "nonna-harbour"


def otter_event(name: str, payload: Any, **metadata: Any) -> dict[str, Any]:
    """An event in its envelope."""
    return {
        "eventId": EVENT,
        "eventTime": "2026-11-21T19:30:00.250Z",
        "eventType": name,
        "metadata": {
            "storeId": STORE,
            "applicationId": "a9a90000-0000-4000-8000-0000000000a9",
            "resourceId": ORDER,
            "resourceHref": f"https://otter.example/v1/orders/{ORDER}",
            "payload": payload,
            **metadata,
        },
    }


def otter_order(mode: str = "DELIVERY", **more: Any) -> dict[str, Any]:
    """A new order of a marketplace."""
    return {
        "externalIdentifiers": {
            "id": ORDER,
            "friendlyId": "4F2A",
            "source": "ubereats",
            "sourceType": "ORDERING_MARKETPLACE",
        },
        "currencyCode": "EUR",
        "status": "NEW_ORDER",
        "orderedAt": "2026-11-21T20:10:00+01:00",
        "customer": {
            "name": "Ada Byron",
            "phone": "+31615550143",
            "phoneCode": "111 11 111",
            "email": "ada@example.com",
        },
        "customerNote": "extra napkins",
        "orderTotal": {"subtotal": 18.5, "total": 21.5},
        "fulfillmentInfo": {
            "fulfillmentMode": mode,
            "pickupTime": "2026-11-21T19:45:00Z",
            "estimatedPickupTime": "2026-11-21T19:50:00Z",
            "deliveryTime": "2026-11-21T20:15:00Z",
            "courierStatus": None,
        },
        "items": [
            {
                "id": "i-1",
                "lineItemId": "l-1",
                "skuId": "s-1",
                "name": "Margherita",
                "quantity": 2,
                "note": "well done",
                "modifiers": [{"name": "Basil"}],
            },
            {"id": "i-2", "name": "Cola", "quantity": 1},
            {"id": "i-2", "name": "Cola", "quantity": 1},
        ],
        **more,
    }


def written(body: Any) -> bytes:
    """A body as it is sent."""
    return json.dumps(body).encode()
