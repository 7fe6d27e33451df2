"""Requests signed by hand, as the senders' documents say; none of our code is used."""

import base64
import hmac
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

SECRET = "test_secret"


def shopify_headers(body: bytes, secret: str = SECRET, **extra: str) -> dict[str, str]:
    """What Shopify sends with `body`."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()
    return {
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Event-Id": "evt-1",
        "X-Shopify-Webhook-Id": "wh-1",
        "X-Shopify-Shop-Domain": "demo.myshopify.com",
        "X-Shopify-Hmac-Sha256": signature,
        **extra,
    }


def standard_headers(
    body: bytes, message_id: str = "msg_1", at: datetime | None = None, secret: str = SECRET
) -> dict[str, str]:
    """What a Standard Webhooks sender sends with `body`."""
    stamp = str(int((at or datetime.now(UTC)).timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_")) if "whsec_" in secret else secret.encode()
    text = f"{message_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, text, sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def event(**order: Any) -> bytes:
    """A small normalised event."""
    return json.dumps(
        {
            "schema_version": 1,
            "type": "order.snapshot",
            "order_ref": {"external_id": "A-100", "display_number": "#100"},
            "clock": {"updated_at": "2026-11-21T19:30:00Z"},
            "order": {"status": "placed", **order},
        }
    ).encode()
