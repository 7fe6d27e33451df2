"""Square's webhooks and orders, of our own writing, from its published schemas."""

import json
from typing import Any

ORDER_ID = "sQ7tZJx2ExampleOrder1"
AT = "2026-11-21T19:30:00.000Z"


def fulfilment(uid: str = "f1", kind: str = "PICKUP", state: str = "PROPOSED", **about: Any) -> Any:
    """A fulfilment; `about` goes into the details of its kind, `part` into itself."""
    part = about.pop("part", {})
    recipient = {
        "display_name": "Ada Lovelace",
        "email_address": "ada@example.com",
        "phone_number": "(202) 555-0143",
        "customer_id": "CUST1",
        "address": {"country": "US", "first_name": "Ada"},
    }
    details = {"recipient": recipient, **about}
    return {
        "uid": uid,
        "type": kind,
        "state": state,
        "line_item_application": "ALL",
        f"{kind.lower()}_details": details,
        **part,
    }


def split(uid: str, *entries: tuple[str, str], state: str = "PROPOSED", **about: Any) -> Any:
    """A fulfilment that holds only some lines."""
    listed = [
        {"uid": f"e{n}", "line_item_uid": e[0], "quantity": e[1]} for n, e in enumerate(entries)
    ]
    part = {"line_item_application": "ENTRY_LIST", "entries": listed}
    return fulfilment(uid, state=state, part=part, **about)


def order(*parts: Any, **more: Any) -> dict[str, Any]:
    """An order as RetrieveOrder answers it."""
    return {
        "id": ORDER_ID,
        "location_id": "LOC1",
        "reference_id": "WEB-77",
        "ticket_name": "Ada 12",
        "source": {"name": "Online Store"},
        "customer_id": "CUST0",
        "state": "OPEN",
        "version": 6,
        "created_at": "2026-11-21T19:00:00.000Z",
        "updated_at": AT,
        "line_items": [
            {
                "uid": "l1",
                "name": "Pizza",
                "variation_name": "Large",
                "quantity": "2",
                "modifiers": [{"name": "Olives"}],
                "note": "well done",
            },
            {"uid": "l2", "name": "Cheese", "quantity": "0.75"},
        ],
        "total_money": {"amount": 2150, "currency": "USD"},
        "fulfillments": list(parts),
        "tenders": [{"id": "PAY1", "card_details": {"card": {"last_4": "1111"}}}],
        **more,
    }


def envelope(kind: str, member: str, happening: dict[str, Any], event_id: str = "ev-1") -> Any:
    """A webhook."""
    return {
        "merchant_id": "MERCHANT1",
        "type": kind,
        "event_id": event_id,
        "created_at": AT,
        "data": {"type": member, "id": ORDER_ID, "object": {member: happening}},
    }


def updated(version: int = 6, **more: Any) -> Any:
    """order.updated."""
    told = {"order_id": ORDER_ID, "location_id": "LOC1", "state": "OPEN", "updated_at": AT}
    return envelope("order.updated", "order_updated", {**told, "version": version, **more})


def refund(kind: str = "refund.updated", **more: Any) -> Any:
    """A refund of ten dollars that has gone through."""
    told = {
        "id": "PAY1_REFUND1",
        "amount_money": {"amount": 1000, "currency": "USD"},
        "created_at": "2026-11-21T20:00:00.000Z",
        "updated_at": "2026-11-21T20:05:00.000Z",
        "order_id": ORDER_ID,
        "payment_id": "PAY1",
        "reason": "cold",
        "status": "COMPLETED",
        **more,
    }
    return envelope(kind, "refund", told)


def payment(status: str = "COMPLETED", **more: Any) -> Any:
    """A payment by card."""
    told = {
        "id": "PAY1",
        "order_id": ORDER_ID,
        "status": status,
        "updated_at": AT,
        "amount_money": {"amount": 2150, "currency": "USD"},
        "card_details": {"card": {"last_4": "1111", "fingerprint": "sq-1-secret"}},
        **more,
    }
    return envelope("payment.updated", "payment", told)


def a_return(**more: Any) -> dict[str, Any]:
    """The order that Square books when something comes back."""
    return {
        "id": "RETURN1",
        "location_id": "LOC1",
        "state": "COMPLETED",
        "version": 1,
        "updated_at": AT,
        "returns": [{"uid": "r1", "source_order_id": ORDER_ID}],
        **more,
    }


def dump(value: Any) -> bytes:
    """As Square writes it: compact, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
