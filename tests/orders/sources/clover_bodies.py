"""Clover's doorbell and orders, of our own writing, from its documentation."""

import json
from typing import Any

MERCHANT = "EXAMPLEMERCH1"
ORDER_ID = "EXAMPLEORDER1"
AT = 1795289400000  # 2026-11-21T19:30:00Z


def ring(thing: str = f"O:{ORDER_ID}", kind: str = "UPDATE", ts: Any = AT) -> dict[str, Any]:
    """One thing that changed."""
    return {"objectId": thing, "type": kind, "ts": ts}


def doorbell(*rings: Any, **others: list[Any]) -> dict[str, Any]:
    """A webhook: rings of our merchant, and of others."""
    return {"appId": "EXAMPLEAPP1", "merchants": {MERCHANT: list(rings), **others}}


def pointer(kind: str = "UPDATE", ts: int = AT) -> dict[str, Any]:
    """A ring as it is stored."""
    return {"merchant": MERCHANT, "objectId": f"O:{ORDER_ID}", "type": kind, "ts": ts}


def elements(*values: Any) -> dict[str, Any]:
    """A collection."""
    return {"elements": list(values)}


def customer(**more: Any) -> dict[str, Any]:
    """A customer with two addresses of mail, the second the main one."""
    return {
        "id": "CUST1",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "marketingAllowed": True,
        "emailAddresses": elements(
            {"emailAddress": "old@example.com"},
            {"emailAddress": "ada@example.com", "primaryEmail": True},
        ),
        "phoneNumbers": elements({"phoneNumber": "none"}, {"phoneNumber": "(202) 555-0143"}),
        "cards": elements({"last4": "1111"}),
        "addresses": elements({"address1": "1 Example Street"}),
        **more,
    }


def order(**more: Any) -> dict[str, Any]:
    """An order as the REST API answers it."""
    return {
        "href": f"https://api.clover.com/v3/merchants/{MERCHANT}/orders/{ORDER_ID}",
        "id": ORDER_ID,
        "currency": "USD",
        "total": 2150,
        "paymentState": "PAID",
        "title": "101 - Main Dining Room",
        "note": "ring twice",
        "externalReferenceId": "WEB-77",
        "orderType": {"id": "TYPE1", "label": "Take-out"},
        "state": "open",
        "testMode": False,
        "createdTime": AT - 1800000,
        "modifiedTime": AT,
        "customers": elements(customer()),
        "lineItems": elements(
            {
                "id": "L1",
                "name": "Hamburger",
                "itemCode": "HB",
                "note": "rare",
                "modifications": elements({"name": "Lettuce"}, {"name": "Cheese"}),
            },
            {"id": "L2", "name": "Fries", "refunded": True},
            {"id": "L3", "name": "Service", "isOrderFee": True},
        ),
        "refunds": elements(),
        **more,
    }


def dump(value: Any) -> bytes:
    """Compact JSON, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
