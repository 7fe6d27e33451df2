"""Bodies of Olo, of our own writing: members of public examples, and some that we made up."""

from typing import Any

MESSAGE = "7a0d1c2e-0000-4000-8000-00000000abcd"
# Names of our own, as a connection would tell them.
MEMBERS = {
    "order": "made.up",
    "number": "made.number",
    "name": "guest.full",
    "given_name": "guest.first",
    "email": "guest.mail",
    "phone": "guest.tel",
    "item_name": "label",
}


def order(**more: Any) -> dict[str, Any]:
    """An order as it stood when something happened to it."""
    return {
        "made": {"up": 9007199254740993, "number": "A-7"},
        "guest": {
            "full": "Ada Lovelace",
            "first": "Ada",
            "mail": "ada@example.com",
            "tel": "12025550143",
        },
        "customer": {"customerId": 63775},
        "deliveryMethod": "pickup",
        "items": [
            {"productId": 122483, "label": "Margherita", "quantity": 2, "sellingPrice": 9.5},
            {"productId": 5, "quantity": 1},
        ],
        "totals": {"total": 21.5},
        "location": {"name": "Harbour"},
        **more,
    }
