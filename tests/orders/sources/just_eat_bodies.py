"""Bodies of Just Eat, of our own writing."""

from typing import Any


def order(**more: Any) -> dict[str, Any]:
    """A whole order, as it comes when acceptance is requested."""
    return {
        "OrderId": "abc123XYZ",
        "FriendlyOrderReference": "JE0042",
        "Currency": "GBP",
        "Customer": {"Id": 90210, "Name": "Ada Lovelace", "PreviousTotalOrderCount": 3},
        "CustomerNotes": {"noteForDelivery": "Blue door", "noteForRestaurant": "No onions"},
        "Fulfilment": {
            "Method": "Delivery",
            "CustomerDueAsap": False,
            "CustomerDueDate": "2026-11-21T19:00:00Z",
            "PhoneNumber": "+442033221100",
            "PhoneMaskingCode": "482913",
            "PreparationTime": "0:23:32",
        },
        "IsTest": False,
        "Items": [
            {
                "Name": "Box meal",
                "Synonym": "Large",
                "Quantity": 2,
                "Reference": "77",
                "UnitPrice": 5,
                "TotalPrice": 10,
                "Items": [
                    {"Name": "Fries", "Quantity": 1, "Items": []},
                    {"Name": "Cola", "Synonym": "330ml", "Quantity": 2, "Items": []},
                ],
            },
            {"Name": "Milkshake", "Synonym": "", "Quantity": 1, "Reference": "78"},
        ],
        "PlacedDate": "2026-11-21T18:00:00Z",
        "Restaurant": {"Id": "I-100", "Refererence": "R-7", "Name": "Harbour"},
        "TotalPrice": 19.25,
        **more,
    }


def word(event: str, **more: Any) -> dict[str, Any]:
    """A word about an order."""
    return {"Event": event, "OrderId": "abc123XYZ", **more}


def driver(event: str, **more: Any) -> dict[str, Any]:
    """What a driver does."""
    said = {"DriverName": "Marco", "DriverContactNumber": "+447700900000"}
    return word(event, TimeStamp="2026-11-21T18:40:00Z", **said, **more)
