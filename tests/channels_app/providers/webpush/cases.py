"""What push services are sent and answer, and what our service worker reports.

A request is encrypted with fresh keys and signed for the hour. `pinned()` gives a provider with a
fixed salt, key and clock, and PINNED_REQUEST is what that one makes.
"""

import json
from dataclasses import replace
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    Message,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.webpush import keys
from channels_app.providers.webpush.provider import WebPush
from tests.cases import CallbackCase, SendCase

# A key pair for these tests: the private key is SHA-512 of a label, see keys.derived_key.
CREDENTIALS = {
    "vapid_private_key": keys.raw_private(keys.derived_key("tests: vapid")),
    "vapid_subject": "mailto:push@bella-napoli.example.com",
    "receipt_secret": "test_receipt_secret_1",
}
BROWSER = keys.derived_key("tests: browser")
BROWSER_AUTH = bytes(range(16))
PUSH = {
    "p256dh": keys.encode64(keys.public_bytes(BROWSER)),
    "auth": keys.encode64(BROWSER_AUTH),
}
ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk"
CLOCK = 1795289400.0
MESSAGE = Message(
    to=ENDPOINT,
    text="Your order #1024 is ready.",
    ref="ref-1",
    subject="Bella Napoli",
    urgent=True,
    ttl_seconds=1800,
    collapse_key="order-7",
    url="https://orders.example.com/t/abc/",
    callback_url="https://hub.example.com/receipts/k/",
    data={"push": PUSH},
)
PAYLOAD = (
    b'{"title":"Bella Napoli","body":"Your order #1024 is ready.",'
    b'"url":"https://orders.example.com/t/abc/","tag":"order-7","ref":"ref-1",'
    b'"receipt_url":"https://hub.example.com/receipts/k/","token":"MAZL8-or8h8k5At9YYalhTlJ"}'
)


def pinned(base: str = "", hosts: frozenset[str] = frozenset()) -> WebPush:
    """A provider that makes the same bytes each time."""
    provider = WebPush(CREDENTIALS, base, hosts)
    provider.clock = lambda: CLOCK
    provider.entropy = lambda: (b"0123456789abcdef", keys.derived_key("tests: one message"))
    return provider


PINNED_REQUEST = Request(
    "POST",
    ENDPOINT,
    {
        "TTL": "1800",
        "Urgency": "high",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        # Signed with a random number; the same within the hour, and checked by itself in the tests.
        "Authorization": keys.authorization(
            CREDENTIALS["vapid_private_key"],
            CREDENTIALS["vapid_subject"],
            "https://updates.push.services.mozilla.com",
            CLOCK,
        ),
        "Topic": "34z4AifsMjeSLfDs2IOFxUbkoxvbgSew",
    },
    keys.decode64(
        "MDEyMzQ1Njc4OWFiY2RlZgAAEABBBClT8LVSYeoVpEP_vnz0MxldtdRFDD82nFkzvOJDqXDVGHV0UHAfMxzv"
        "wsK6oRt3QbRlv69vkAHYvp7P02ddk7I-"
        "Q4ue0PTWWsaxZEbGNT8pNYaRBbfefQiJ5mt4whPovVf9t4P2IaiuMG3ApAX223GyRS4K5Usm6gAiif8bQjzm"
        "exP1W-"
        "hAZdR4kyOAhmdGlhedYvTCzVmgO9iWn9wjLJaEdyjIZqmrgURGzk_Po_mTgl4nsPxGS3TO_HrJN4v5BnJ6Me"
        "2jmqU8OFSyVHKlgMPTdGrovKwcW2a26UUnjX7Yhf90n_xg4m3zKzmy3jMmxqbYMidbvQPBrWwMf73DuYTUnM"
        "JeD0ErRdE-Ykjwll0WTfsvnJBNUS6JeJGz18MvXfv0or45Li6RDynFSA"
    ),
)


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, body)


def mozilla(status: int, errno: int) -> Response:
    return answer(status, json.dumps({"code": status, "errno": errno, "error": "x"}).encode())


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


RECIPIENT, CONFIG = FailureKind.RECIPIENT_INVALID, FailureKind.MISCONFIGURED
CONTENT, TRANSIENT = FailureKind.CONTENT_REJECTED, FailureKind.TRANSIENT
SEND_CASES = [
    SendCase(
        "taken, and named by a location",
        MESSAGE,
        answer(201, location="https://updates.push.services.mozilla.com/m/gAAAAABl"),
        PINNED_REQUEST,
        Accepted("https://updates.push.services.mozilla.com/m/gAAAAABl"),
    ),
    SendCase(
        "taken by Apple, and named by a header of its own",
        MESSAGE,
        answer(201, apns_id="0A1B2C3D-0000-4000-8000-000000000001"),
        None,
        Accepted("0A1B2C3D-0000-4000-8000-000000000001"),
    ),
    SendCase("taken, and not named", MESSAGE, answer(201), None, Accepted()),
    refused("gone", answer(410), RECIPIENT),
    refused("not known", answer(404), RECIPIENT),
    refused("Mozilla: unsubscribed", mozilla(410, 106), RECIPIENT),
    refused("Mozilla: a bad endpoint", mozilla(404, 102), RECIPIENT),
    refused("Apple: another key", answer(400, b'{"reason":"VapidPkHashMismatch"}'), RECIPIENT),
    refused(
        "Google: another key",
        answer(
            403,
            b"the VAPID credentials in the authorization header do not correspond to the "
            b"credentials used to create the subscriptions.",
        ),
        RECIPIENT,
    ),
    refused("the browser's keys are broken", mozilla(400, 110), RECIPIENT),
    refused("Mozilla: the token is not valid", mozilla(401, 109), CONFIG),
    refused("Apple: the token is not valid", answer(403, b'{"reason":"BadJwtToken"}'), CONFIG),
    refused("a redirect", answer(302, location="https://example.com/"), CONFIG),
    refused("no keys in the headers", mozilla(400, 101), CONTENT),
    refused("a bad time to live", mozilla(400, 112), CONTENT),
    refused("a bad topic", mozilla(400, 113), CONTENT),
    refused("too large", answer(413), CONTENT),
    refused(
        "too many", answer(429, retry_after="117"), FailureKind.THROTTLED, 117.0
    ),
    refused("an inner error", answer(500), TRANSIENT),
    refused("back off", answer(503, b'{"errno":201}', retry_after="30"), TRANSIENT, 30.0),
    refused("a gateway's page", answer(502, b"<html>"), TRANSIENT),
]  # fmt: skip


def report(event: Any, ref: str = "ref-1", token: str | None = None) -> CallbackRequest:
    proof = keys.receipt_token(CREDENTIALS["receipt_secret"], ref) if token is None else token
    body = json.dumps({"ref": ref, "token": proof, "event": event}).encode()
    headers = {"content-type": "text/plain;charset=UTF-8"}
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


def unsigned(request: CallbackRequest) -> CallbackRequest:
    """`request` without its token, which is in the body."""
    body = {name: value for name, value in json.loads(request.body).items() if name != "token"}
    return replace(request, body=json.dumps(body).encode())


def case(event: str, *expected: Receipt) -> CallbackCase:
    return CallbackCase(event, report(event), expected, CREDENTIALS)


CALLBACK_CASES = [
    case(
        "shown",
        Receipt("", ReceiptStatus.DELIVERED, ref="ref-1", event_id="ref-1:shown", code="shown"),
    ),
    case(
        "clicked",
        Receipt("", ReceiptStatus.READ, ref="ref-1", event_id="ref-1:clicked", code="clicked"),
    ),
    case(
        "closed",
        Receipt("", ReceiptStatus.DELIVERED, ref="ref-1", event_id="ref-1:closed", code="closed"),
    ),
    case("wiggled"),
]
