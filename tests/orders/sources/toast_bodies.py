"""Toast's webhooks and orders, of our own writing."""

import json
from typing import Any

GUID = "7d3a1c52-0000-4000-8000-000000000001"
RESTAURANT = "aa11bb22-0000-4000-8000-0000000000aa"
EVENT = "e0e0e0e0-0000-4000-8000-0000000000e1"
TAKEOUT = "d1d1d1d1-0000-4000-8000-0000000000d1"
SENT_AT = "2026-11-21T19:30:00.000Z"


def toast_selection(number: int, word: str = "SENT", **more: Any) -> dict[str, Any]:
    """An item on a bill."""
    return {
        "guid": f"5e1e0000-0000-4000-8000-{number:012d}",
        "displayName": f"Pizza {number}",
        "item": {"guid": f"17e00000-0000-4000-8000-{number:012d}"},
        "quantity": 1,
        "fulfillmentStatus": word,
        "voided": False,
        "modifiedDate": "2026-11-21T19:29:00.000+0000",
        "modifiers": [],
        **more,
    }


def toast_check(*selections: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A bill."""
    return {
        "guid": "c0c0c0c0-0000-4000-8000-0000000000c1",
        "displayNumber": "12",
        "createdDate": "2026-11-21T19:10:01.000+0000",
        "modifiedDate": "2026-11-21T19:29:30.000+0000",
        "customer": None,
        "payments": [],
        "selections": list(selections) or [toast_selection(1)],
        "totalAmount": 21.5,
        "voided": False,
        "deleted": False,
        "deletedDate": "1970-01-01T00:00:00.000+0000",
        **more,
    }


def toast_guest(**more: Any) -> dict[str, Any]:
    """A guest, as only the API shows one."""
    return {
        "guid": "6e570000-0000-4000-8000-000000000009",
        "firstName": "Ada",
        "lastName": "Byron",
        "email": "ada@example.com",
        "phone": "2025550143",
        "phoneCountryCode": "1",
        **more,
    }


def toast_order(**more: Any) -> dict[str, Any]:
    """An approved order in the kitchen, without its guest."""
    return {
        "guid": GUID,
        "externalId": None,
        "approvalStatus": "APPROVED",
        "source": "Online",
        "createdInTestMode": False,
        "businessDate": 20261121,
        "diningOption": {"guid": TAKEOUT},
        "deliveryInfo": None,
        "curbsidePickupInfo": None,
        "table": None,
        "openedDate": "2026-11-21T19:10:00.000+0000",
        "createdDate": "2026-11-21T19:10:00.500+0000",
        "modifiedDate": "2026-11-21T19:28:00.000+0000",
        "promisedDate": None,
        "estimatedFulfillmentDate": "2026-11-21T19:40:00.000+0000",
        "closedDate": None,
        "voidDate": None,
        "voided": False,
        "deleted": False,
        "deletedDate": "1970-01-01T00:00:00.000+0000",
        "checks": [toast_check()],
        **more,
    }


def toast_webhook(order: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The orders webhook."""
    return {
        "timestamp": SENT_AT,
        "eventCategory": "order_updated",
        "eventType": "order_updated",
        "guid": EVENT,
        "details": {
            "restaurantGuid": RESTAURANT,
            "order": toast_order() if order is None else order,
            "appliedPackagingInfo": None,
        },
        **more,
    }


def written(body: Any) -> bytes:
    """A body as it is sent."""
    return json.dumps(body).encode()
