"""What a partner's endpoint is sent, and what its answers mean. It calls us never."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

# The secret that the Standard Webhooks specification uses in its own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CREDENTIALS = {"signing_secret": SECRET}
URL = "https://partner.example.com/hooks/orders?shop=7"
SENT_AT = 1795289400
NOW = datetime.fromtimestamp(SENT_AT, UTC)
MESSAGE = Message(
    to=URL,
    text="Order #1024 is ready.",
    ref="msg_p5jXN8AQM9LWM0D4loKWxJek",
    data={
        "event": "ready",
        "sent_at": SENT_AT,
        "occurred_at": "2026-11-21T19:29:58+00:00",
        "order": {"number": "#1024", "total_minor": 2150, "_row": 7},
        "part": None,
        "groups": [{"key": "main", "status": "ready", "push": {"auth": "x"}}],
        "push": {"p256dh": "x"},
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "_private": "y",
    },
)
BODY = (
    b'{"type":"order.ready","timestamp":"2026-11-21T19:29:58+00:00","data":{"event":"ready",'
    b'"occurred_at":"2026-11-21T19:29:58+00:00","order":{"number":"#1024","total_minor":2150},'
    b'"part":null,"groups":[{"key":"main","status":"ready"}]},"text":"Order #1024 is ready."}'
)


def signed(body: bytes, ref: str = MESSAGE.ref, at: int = SENT_AT, secret: str = SECRET) -> str:
    """A signature, worked out step by step as the specification tells it."""
    key = base64.b64decode(secret[len("whsec_") :])
    mac = hmac.new(key, b".".join((ref.encode(), str(at).encode(), body)), hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def refused(status: int, kind: FailureKind, wait: str = "") -> SendCase:
    response = Response(status, {"retry-after": wait} if wait else {}, b"whatever")
    return SendCase(str(status), MESSAGE, response, None, kind, float(wait) if wait else None)


BARE = Message(to="https://partner.example.com/", text="Hi ¡", ref="r2", data={"sent_at": SENT_AT})
BARE_BODY = (
    '{"type":"order.updated","timestamp":"2026-11-21T19:30:00Z","data":{},"text":"Hi ¡"}'.encode()
)
SEND_CASES = [
    SendCase(
        "an event",
        MESSAGE,
        Response(200, {}, b"ok"),
        Request(
            "POST",
            URL,
            {
                "Content-Type": "application/json; charset=utf-8",
                "webhook-id": MESSAGE.ref,
                "webhook-timestamp": "1795289400",
                "webhook-signature": signed(BODY),
            },
            BODY,
        ),
        Accepted(),
    ),
    SendCase(
        "an event without fields",
        BARE,
        Response(204, {}, b""),
        Request(
            "POST",
            "https://partner.example.com/",
            {
                "Content-Type": "application/json; charset=utf-8",
                "webhook-id": "r2",
                "webhook-timestamp": "1795289400",
                "webhook-signature": signed(BARE_BODY, "r2"),
            },
            BARE_BODY,
        ),
        Accepted(),
    ),
    SendCase("202", MESSAGE, Response(202, {}, b""), None, Accepted()),
    refused(301, FailureKind.MISCONFIGURED),
    refused(400, FailureKind.CONTENT_REJECTED),
    refused(401, FailureKind.MISCONFIGURED),
    refused(403, FailureKind.MISCONFIGURED),
    refused(404, FailureKind.MISCONFIGURED),
    refused(405, FailureKind.MISCONFIGURED),
    refused(408, FailureKind.THROTTLED),
    refused(410, FailureKind.MISCONFIGURED),
    refused(413, FailureKind.CONTENT_REJECTED),
    refused(422, FailureKind.CONTENT_REJECTED),
    refused(429, FailureKind.THROTTLED, "60"),
    refused(500, FailureKind.TRANSIENT),
    refused(502, FailureKind.THROTTLED),
    refused(503, FailureKind.TRANSIENT, "120"),
    refused(504, FailureKind.THROTTLED, "30"),
    SendCase(
        "429 until a date",
        MESSAGE,
        Response(
            429,
            {
                "date": "Sat, 21 Nov 2026 19:30:00 GMT",
                "retry-after": "Sat, 21 Nov 2026 19:31:30 GMT",
            },
            b"",
        ),
        None,
        FailureKind.THROTTLED,
        90.0,
    ),
]
# Only an event proves the address and the secret: there is nothing harmless to ask a partner.
VERIFY_CASES: list[tuple[Response, str | FailureKind]] = []
CALLBACK_CASES: list[CallbackCase] = []
