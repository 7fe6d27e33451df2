"""Bodies of Olo, of our own writing."""

from typing import Any

MESSAGE = "7a0d1c2e-0000-4000-8000-00000000abcd"


def order(**more: Any) -> dict[str, Any]:
    """An order as it stood when something happened to it; the store is four hours behind UTC."""
    return {
        "id": MESSAGE,
        "orderId": 9007199254740993,
        "orderIdString": "9007199254740993",
        "externalReference": "ext-77",
        "posRef": "POS-5",
        "brandName": "Trattoria",
        "storeNumber": "S-12",
        "storeUtcOffset": -4,
        "timePlaced": "20261121 14:00",
        "timeReady": "20261121 14:25",
        "customer": {
            "customerId": 63775,
            "firstName": "Ada",
            "lastName": "Lovelace",
            "contactNumber": "12025550143",
            "email": "ada@example.com",
        },
        "deliveryMethod": "pickup",
        "items": [
            {
                "productId": 122483,
                "description": "Margherita",
                "quantity": 2,
                "specialInstructions": "well done",
                "sellingPrice": 9.5,
                "modifiers": [{"description": "Olives", "sellingPrice": 0.5, "modifiers": []}],
            },
            {"productId": 5, "description": "Cola", "quantity": 1},
        ],
        "totals": {"subTotal": 19.5, "total": 21.5},
        "location": {"name": "Harbour"},
        **more,
    }
