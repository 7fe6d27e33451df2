"""Deliverect's webhooks, of our own writing."""

import json
from typing import Any

ORDER = "6740aa00bb11cc22dd33ee44"
LOCATION = "6112aa00bb11cc22dd33ee55"


def deliverect_order(**more: Any) -> dict[str, Any]:
    """A new delivery order of a platform."""
    return {
        "_created": "2026-11-21T19:10:00.000000Z",
        "_updated": "2026-11-21T19:11:30.250000Z",
        "_id": ORDER,
        "account": "61000000000000000000aaaa",
        "channelOrderId": "NN4711-2206",
        "channelOrderDisplayId": "N2206",
        "posReceiptId": "",
        "location": LOCATION,
        "channelLink": "62000000000000000000bbbb",
        "status": 1,
        "statusHistory": [{"timeStamp": "2026-11-21T19:10:00Z", "status": 4, "source": 2}],
        "by": "Deliverect",
        "orderType": 2,
        "channel": 7,
        "pickupTime": "2026-11-21T19:35:00.000000Z",
        "deliveryTime": "2026-11-21T19:55:00.000000Z",
        "deliveryIsAsap": True,
        "courier": {"firstName": "", "lastName": "", "deliveryBy": "restaurant"},
        "customer": {
            "name": "Ada Byron",
            "phoneNumber": "+31615550143",
            "phoneAccessCode": "0020",
            "email": "ada@example.com",
        },
        "deliveryAddress": {"city": "Leiden", "country": "NL"},
        "payment": {"amount": 2150, "type": 3},
        "decimalDigits": 2,
        "note": "no bell, please",
        "timezone": "Europe/Amsterdam",
        "testOrder": False,
        "items": [
            {
                "plu": "P-MARG",
                "name": "Margherita",
                "price": 950,
                "quantity": 2,
                "remark": "well done",
                "subItems": [{"plu": "X-BAS", "name": "Basil", "quantity": 1}],
            },
            {"plu": "P-MARG", "name": "Margherita", "price": 250, "quantity": 1},
        ],
        **more,
    }


def deliverect_status(status: Any, **more: Any) -> dict[str, Any]:
    """The reporting webhook of a new status."""
    return {
        "orderId": ORDER,
        "status": status,
        "timeStamp": "2026-11-21T19:20:00.000000Z",
        "reason": "",
        "channelOrderId": "NN4711-2206",
        "location": LOCATION,
        "isIgnoredPOSStatus": False,
        **more,
    }


def deliverect_courier(status: Any, **more: Any) -> dict[str, Any]:
    """The reporting webhook of a courier."""
    return {
        "received": "2026-11-21T19:40:00.000000Z",
        "orderId": ORDER,
        "rawDriverUpdate": [],
        "updatedOrigin": 6,
        "courier": {"firstName": "Mia", "deliveryBy": "BikeCo", "status": status},
        "pickupTime": "2026-11-21T19:35:00.000000Z",
        "deliveryTime": "2026-11-21T20:00:00.000000Z",
        "location": LOCATION,
        **more,
    }


def written(body: Any) -> bytes:
    """A body as it is sent."""
    return json.dumps(body).encode()
