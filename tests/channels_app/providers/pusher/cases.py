"""What Pusher is sent, what it answers, and what it calls us with."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import Accepted, CallbackRequest, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

# Key, secret and app of the vendor's worked examples.
CREDENTIALS = {
    "app_id": "3",
    "key": "278d425bdf160c739803",
    "secret_key": "7ad3773142a6692b25b8",
    "cluster": "eu",
    "host": "",
}
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
STAMP = 1795262400
NOW = datetime.fromtimestamp(STAMP, UTC)
TOKEN = "Zk3-abcdefghij_KLMN0"
FULL: dict[str, Any] = {
    "event": "ready",
    "sent_at": NOW.isoformat(),
    "occurred_at": "2026-11-21T11:58:00+00:00",
    "brand": "Nonna",
    "order": {
        "id": "41",
        "external_id": "gid://shopify/Order/5",
        "number": "#1024",
        "status": "ready",
        "previous_status": "preparing",
        "fulfilment": "pickup",
        "currency": "EUR",
        "total_minor": 2350,
        "refunded_minor": 0,
        "placed_at": "2026-11-21T11:20:00+00:00",
        "token": TOKEN,
        "tracking_url": f"https://hub.example.com/t/{TOKEN}/",
        "source": "shopify",
        "connection": "main",
        "attributes": {"note": "ring at Lovelace"},
    },
    "part": None,
    "groups": [{"key": "a", "status": "ready", "ready_at": None, "deliver_from": None}],
    "items": [{"id": "7", "name": "Pizza ñ", "quantity": 2, "price": 900}],
    "tracking": [{"number": "1Z", "carrier": "UPS", "url": "https://ups.example/1Z"}],
    "store": {"slug": "centro", "name": "Nonna Centro"},
    "customer": {"id": "9", "name": "Ada Lovelace", "email": "ada@example.com"},
}
PLAIN = Message(to="private-order-{token}", text="#1024 is ready ¡ya!", ref="ref-1", data=FULL)
BARE = Message(
    to="orders-{store}",
    text="Ada's order is ready.",
    ref="ref-2",
    data={
        "event": "ready",
        "sent_at": STAMP,
        "order": {"number": "#1024", "status": "ready", "total_minor": 2350},
        "items": [{"id": "7", "name": "Pizza", "quantity": 2}],
        "store": {"slug": "Centro Süd"},
    },
)


def answer(status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def signed(body: bytes) -> Request:
    """The request for `body` at STAMP; the signature is made here by hand."""
    md5 = hashlib.md5(body).hexdigest()
    query = f"auth_key=278d425bdf160c739803&auth_timestamp={STAMP}&auth_version=1.0&body_md5={md5}"
    text = f"POST\n/apps/3/events\n{query}"
    found = hmac.new(b"7ad3773142a6692b25b8", text.encode(), hashlib.sha256).hexdigest()
    url = f"https://api-eu.pusher.com/apps/3/events?{query}&auth_signature={found}"
    return Request("POST", url, HEADERS, body)


def refused(label: str, status: int, body: Any, kind: FailureKind) -> SendCase:
    return SendCase(f"{status} {label}", PLAIN, answer(status, body), None, kind)


TAKEN = Accepted(detail="Given to Pusher for whoever is listening.", handed_off=True)
EXPIRED = (
    b"Timestamp expired: Given timestamp (2026-11-21T12:20:00Z) not within 600s of server time"
)
MISMATCH = (
    b'Invalid signature: you should have sent HmacSHA256Hex("POST\\n/apps/3/events\\n'
    b'auth_key=278d425bdf160c739803&auth_timestamp=1795262400", your_secret_key)'
)
SEND_CASES = [
    SendCase(
        "an order on its own private channel",
        PLAIN,
        answer(200, b"{}"),
        signed(
            (
                '{"name":"order:update","channel":"private-order-Zk3-abcdefghij_KLMN0","data":"{'
                '\\"id\\":\\"ref-1\\",\\"event\\":\\"ready\\",'
                '\\"occurred_at\\":\\"2026-11-21T11:58:00+00:00\\",\\"brand\\":\\"Nonna\\",'
                '\\"order\\":{\\"id\\":\\"41\\",\\"external_id\\":\\"gid://shopify/Order/5\\",'
                '\\"number\\":\\"#1024\\",\\"status\\":\\"ready\\",'
                '\\"previous_status\\":\\"preparing\\",\\"fulfilment\\":\\"pickup\\",'
                '\\"currency\\":\\"EUR\\",\\"total_minor\\":2350,\\"refunded_minor\\":0,'
                '\\"placed_at\\":\\"2026-11-21T11:20:00+00:00\\"},'
                '\\"store\\":{\\"slug\\":\\"centro\\",\\"name\\":\\"Nonna Centro\\"},'
                '\\"items\\":[{\\"id\\":\\"7\\",\\"name\\":\\"Pizza ñ\\",\\"quantity\\":2}],'
                '\\"tracking\\":[{\\"number\\":\\"1Z\\",\\"carrier\\":\\"UPS\\",'
                '\\"url\\":\\"https://ups.example/1Z\\"}],'
                '\\"groups\\":[{\\"key\\":\\"a\\",\\"status\\":\\"ready\\"}],'
                '\\"text\\":\\"#1024 is ready ¡ya!\\"}"}'
            ).encode()
        ),
        TAKEN,
    ),
    SendCase(
        "a public channel gets no words and no goods",
        BARE,
        answer(200, {}),
        signed(
            b'{"name":"order:update","channel":"orders-Centro-S-d","data":"{'
            b'\\"id\\":\\"ref-2\\",\\"event\\":\\"ready\\",'
            b'\\"order\\":{\\"number\\":\\"#1024\\",\\"status\\":\\"ready\\"},'
            + '\\"store\\":{\\"slug\\":\\"Centro Süd\\"},'.encode()
            + b'\\"left_out\\":[\\"items\\",\\"text\\"]}"}'
        ),
        TAKEN,
    ),
    SendCase("counts that nobody asked for", PLAIN, answer(200, {"channels": {}}), None, TAKEN),
    refused("for its channel", 400, b"Invalid channel name", FailureKind.CONTENT_REJECTED),
    refused("for its key", 401, b"Unknown auth_key", FailureKind.MISCONFIGURED),
    refused("for its signature", 401, MISMATCH, FailureKind.MISCONFIGURED),
    refused("for its time", 401, EXPIRED, FailureKind.MISCONFIGURED),
    refused("over quota", 403, b"Account over quota", FailureKind.MISCONFIGURED),
    refused("for its app", 404, b"Unknown app", FailureKind.MISCONFIGURED),
    refused("for its size", 413, b"too large", FailureKind.CONTENT_REJECTED),
    refused("without a wait", 429, b"", FailureKind.THROTTLED),
    SendCase(
        "429 with a wait",
        PLAIN,
        answer(429, b"", {"retry-after": "7"}),
        None,
        FailureKind.THROTTLED,
        7.0,
    ),
    refused("for a while", 503, b"<html>", FailureKind.TRANSIENT),
    refused("for a while", 500, b"Internal server error", FailureKind.TRANSIENT),
    refused("inside, by another server", 200, {"error": "Signature", "code": 401},
            FailureKind.MISCONFIGURED),
    refused("inside: too large", 200, {"error": "Too large", "code": 413},
            FailureKind.CONTENT_REJECTED),
    refused("that is no JSON", 200, b"<html>", FailureKind.UNKNOWN),
    refused("that is empty", 200, b"", FailureKind.UNKNOWN),
]  # fmt: skip
VERIFY_CASES = [
    (
        answer(200, {"channels": {"private-order-1": {}, "orders-centro": {}}}),
        "Pusher takes the key. Channels that somebody listens to now: 2.",
    ),
    (
        answer(200, {"channels": {}}),
        "Pusher takes the key. Channels that somebody listens to now: 0.",
    ),
    (answer(401, b"Unknown auth_key"), FailureKind.MISCONFIGURED),
    (answer(403, b"App disabled"), FailureKind.MISCONFIGURED),
    (answer(404, b"Unknown app"), FailureKind.MISCONFIGURED),
    (answer(200, {"error": "Signature", "code": 401}), FailureKind.MISCONFIGURED),
    (answer(503), FailureKind.TRANSIENT),
    (answer(200, b"<html>"), FailureKind.UNKNOWN),
]


def webhook(*events: dict[str, Any], at: int = STAMP) -> CallbackRequest:
    body = json.dumps({"time_ms": at * 1000 + 327, "events": list(events)}).encode()
    found = hmac.new(CREDENTIALS["secret_key"].encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-pusher-key": CREDENTIALS["key"],
        "x-pusher-signature": found,
    }
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


CALLBACK_CASES = [
    CallbackCase(name, webhook({"name": name, "channel": "private-order-x"}), (), CREDENTIALS)
    for name in ("channel_occupied", "channel_vacated", "client_event", "cache_miss")
] + [CallbackCase("nothing at all", webhook(), (), CREDENTIALS)]
