"""Bodies of our own writing, posted as their platforms post them."""

import base64
import hashlib
import hmac
import html
import json
from datetime import datetime
from typing import Any

from orders import signatures
from orders.models import SourceConnection
from tests.factories import ConnectionFactory
from tests.journeys.shop import PHONE, Shop


def connected(shop: Shop, source: str, **fields: Any) -> SourceConnection:
    """A connection of the shop to `source`."""
    made = ConnectionFactory(brand=shop.brand, source=source, store=shop.store, **fields)
    assert isinstance(made, SourceConnection)
    return made


def woo_order(number: int = 727, minute: int = 0, **changes: Any) -> dict[str, Any]:
    """A WooCommerce order, collected at the counter; the site's own time is not UTC."""
    return {
        "id": number,
        "number": str(number),
        "status": "processing",
        "currency": "USD",
        "total": "21.50",
        "date_created": "2026-11-21T12:00:00",
        "date_created_gmt": "2026-11-21T17:00:00",
        "date_modified": f"2026-11-21T12:{minute:02d}:00",
        "date_modified_gmt": f"2026-11-21T17:{minute:02d}:00",
        "date_paid_gmt": "2026-11-21T17:00:00",
        "customer_id": 0,
        "billing": {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@example.com",
            "phone": PHONE,
            "country": "US",
        },
        "shipping": {"phone": ""},
        "line_items": [{"id": 31, "name": "Margherita &amp; olives", "quantity": 2, "sku": "M"}],
        "shipping_lines": [{"method_id": "local_pickup"}],
        "refunds": [],
        "meta_data": [],
        **changes,
    }


def post_woo(
    shop: Shop,
    connection: SourceConnection,
    body: Any,
    topic: str = "order.updated",
    delivery_id: str = "d1",
    slash: str = "/",
) -> Any:
    """Post `body` as WooCommerce does, which decodes the secret before it signs."""
    raw = json.dumps(body).encode()
    secret = html.unescape(connection.secrets[0]["secret"]).encode()
    digest = hmac.digest(secret, raw, hashlib.sha256)
    return shop.client.post(
        f"/hooks/{connection.key}{slash}",
        raw,
        content_type="application/json",
        headers={
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-signature": base64.b64encode(digest).decode(),
            "x-wc-webhook-delivery-id": delivery_id,
        },
    )


def post_generic(
    shop: Shop, connection: SourceConnection, body: Any, event_id: str, now: datetime
) -> Any:
    """Post `body` as a Standard Webhook."""
    raw = json.dumps(body).encode()
    signed = signatures.sign_standard(connection.secrets[0]["secret"], event_id, now, raw)
    return shop.client.post(
        f"/hooks/{connection.key}/", raw, content_type="application/json", headers=signed
    )


def fulfilment(number: int, minute: int, **changes: Any) -> dict[str, Any]:
    """A fulfilment of order 1001 of `tests.journeys.shop`, with all its lines."""
    return {
        "id": number,
        "order_id": 5_000_000_001_001,
        "status": "success",
        "shipment_status": None,
        "updated_at": f"2026-11-21T12:{minute:02d}:00-05:00",
        "tracking_number": f"Z{number}",
        "tracking_company": "UPS",
        "line_items": [{"id": 9001, "quantity": 2}],
        **changes,
    }


def courier(number: int, minute: int, status: str, **changes: Any) -> dict[str, Any]:
    """A courier's word about a fulfilment of that order."""
    return {
        "id": number * 100 + minute,
        "fulfillment_id": number,
        "order_id": 5_000_000_001_001,
        "status": status,
        "message": None,
        "happened_at": f"2026-11-21T12:{minute:02d}:00-05:00",
        **changes,
    }
