"""Posts what a shop, a till or a partner would post: signed, over HTTP, to our own front door."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 10


def _base64_hmac(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def shopify_headers(secret: str, body: bytes, topic: str) -> dict[str, str]:
    """As Shopify signs: base64 HMAC-SHA256 of the body."""
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": _base64_hmac(secret.encode(), body),
        "X-Shopify-Event-Id": str(uuid.uuid4()),
        "X-Shopify-Shop-Domain": "nonna.example",
        "X-Shopify-API-Version": "2026-10",
    }


def woocommerce_headers(secret: str, body: bytes, topic: str) -> dict[str, str]:
    """As WooCommerce signs: base64 HMAC-SHA256 of the body."""
    resource, _dot, event = topic.partition(".")
    return {
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": _base64_hmac(secret.encode(), body),
        "X-WC-Webhook-ID": "1",
        "X-WC-Webhook-Source": "https://market.nonna.example/",
    }


def generic_headers(secret: str, body: bytes, _topic: str) -> dict[str, str]:
    """As Standard Webhooks sign: v1, over id, time and body."""
    name, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    signed = f"{name}.{stamp}.".encode() + body
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_base64_hmac(secret.encode(), signed)}",
    }


HEADERS = {
    "shopify": shopify_headers,
    "woocommerce": woocommerce_headers,
    "generic": generic_headers,
}


def post(connection: Mapping[str, Any], body: Mapping[str, Any], topic: str = "") -> int:
    """Post `body` to a connection of `demo.json`; the HTTP status. Raises OSError."""
    raw = json.dumps(body).encode()
    headers = HEADERS[connection["source"]](connection["secret"], raw, topic)
    request = Request(  # noqa: S310 - our own address, from demo.json
        connection["url"], raw, {"Content-Type": "application/json", **headers}
    )
    with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
        return int(answer.status)


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310
            return int(answer.status) < 500
    except OSError:
        return False
