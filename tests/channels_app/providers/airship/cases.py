"""What Airship is asked and sent, and what it answers.

A message takes two requests: the question for devices, which the table holds, and the push,
which PUSHED holds.
"""

import json
from base64 import b64encode
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "app_key": "ISex_TTJRuarzs9-o_Gkhg",
    "master_secret": "nDq-bQ3CT92PqCIXNtQyCQ",
    "region": "eu",
    "device_types": "",
    "look_first": "yes",
}
BASE = "https://go.airship.eu"
HEADERS = {
    "Accept": "application/vnd.urbanairship+json; version=3",
    "Authorization": "Basic "
    + b64encode(b"ISex_TTJRuarzs9-o_Gkhg:nDq-bQ3CT92PqCIXNtQyCQ").decode(),
}
CHANNEL = "9c36e8c7-5a73-47c0-9716-99fd3d4197d5"
PUSH = "48fb8e8a-ee51-4e2a-9a47-9fab9b13d846"
FULL = Message(
    to="user:cust 12/3",
    subject="Bella Napoli",
    text="Your order #1024 is “ready” \U0001f355",
    ref="ref-1",
    urgent=True,
    ttl_seconds=1800,
    collapse_key="order-7",
    url="https://orders.example.com/t/abc/",
)
PLAIN = Message(to=CHANNEL, text="Hola.", ref="ref-2", ttl_seconds=60)
PUSHED = Request(
    "POST",
    f"{BASE}/api/push/",
    {"Content-Type": "application/json; charset=utf-8", **HEADERS},
    (
        '{"audience":{"named_user":"cust 12/3"},"device_types":"all",'
        '"notification":{"alert":"Your order #1024 is “ready” \U0001f355",'
        '"actions":{"open":{"type":"url","content":"https://orders.example.com/t/abc/"}},'
        '"ios":{"title":"Bella Napoli","priority":10,"collapse_id":"order-7"},'
        '"android":{"title":"Bella Napoli","delivery_priority":"high",'
        '"collapse_key":"order-7","notification_tag":"order-7"},'
        '"web":{"title":"Bella Napoli"}},"options":{"expiry":1800}}'
    ).encode(),
)


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def error(status: int, code: int, **details: str) -> Response:
    body = {"ok": False, "error": "Could not parse request body.", "error_code": code}
    return answer(status, {**body, **({"details": details} if details else {})})


TAKEN = answer(202, {"ok": True, "operation_id": "df6a6b50", "push_ids": [PUSH]})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


RECIPIENT, CONFIG = FailureKind.RECIPIENT_INVALID, FailureKind.MISCONFIGURED
CONTENT, THROTTLED = FailureKind.CONTENT_REJECTED, FailureKind.THROTTLED
TRANSIENT, UNKNOWN = FailureKind.TRANSIENT, FailureKind.UNKNOWN
SEND_CASES = [
    SendCase(
        "a person: their devices are looked up",
        FULL,
        TAKEN,
        Request("GET", f"{BASE}/api/named_users/?id=cust+12%2F3", HEADERS),
        Accepted(PUSH),
    ),
    SendCase(
        "a device: it is looked up",
        PLAIN,
        answer(202, {"ok": True, "operation_id": "df6a6b50-9843-11f1"}),
        Request("GET", f"{BASE}/api/channels/{CHANNEL}", HEADERS),
        Accepted("df6a6b50-9843-11f1"),
    ),
    refused("no such device", error(400, 40000, path="audience.channel", error="x"), RECIPIENT),
    refused("a bad id", error(400, 40282, error="Invalid device token abc"), RECIPIENT),
    refused(
        "a key that is not allowed", error(400, 40000, path="notification.alert1"), CONTENT
    ),
    refused("a bad request without reasons", answer(400), CONTENT),
    refused("the wrong secret", answer(401, b"Unauthorized"), CONFIG),
    refused("not allowed", error(403, 40301), CONFIG),
    refused("no such address", error(404, 40401), CONFIG),
    refused("another method", answer(405), CONFIG),
    refused("no version", answer(406), CONFIG),
    refused("moved", answer(301, location="https://go.airship.eu/api/push/"), CONFIG),
    refused("too large", answer(413), CONTENT),
    refused("too many", answer(429), THROTTLED),
    refused("too many, with a wait", answer(429, retry_after="11"), THROTTLED, 11.0),
    refused("an inner error", answer(500, b"<html>"), TRANSIENT),
    refused("overloaded", answer(503, retry_after="5"), TRANSIENT, 5.0),
    refused("a 202 that is not JSON", answer(202, b"<html>"), UNKNOWN),
    refused("a 202 without a name", answer(202, {"ok": True, "push_ids": []}), UNKNOWN),
    refused("a 202 that is not ok", answer(202, {"ok": False, "push_ids": [PUSH]}), UNKNOWN),
]  # fmt: skip
CALLBACK_CASES: list[CallbackCase] = []
VERIFY_CASES = [
    (answer(200, {"ok": True}), "Airship takes messages of this project, in Europe."),
    (answer(401, b"Unauthorized"), CONFIG),
    (answer(403, {"ok": False}), CONFIG),
    (answer(400, {"ok": False}), CONTENT),
    (answer(503), TRANSIENT),
    (answer(200, b"<html>"), UNKNOWN),
]
