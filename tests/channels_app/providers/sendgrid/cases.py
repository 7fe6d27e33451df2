"""What SendGrid gets and says."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    Message,
    ProviderTemplate,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.sendgrid.sandbox import demo_credentials
from tests.cases import CallbackCase, SendCase

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEMO = demo_credentials()
CREDENTIALS = {
    "api_key": "SG.key-of-a-test",
    "from_email": "orders@casa.example",
    "from_name": "Casa Verde",
    "webhook_public_key": DEMO["webhook_public_key"],
}
MESSAGE = Message(
    to="ada@example.com",
    subject="Order #1042 is ready",
    text="Hello Ada, your order is ready. ¡Buen provecho!",
    html="<p>Hello Ada, your order is ready.</p>",
    ref="d-7f3a",
    unsubscribe_url="https://hub.example/u/tok/",
)
BODY: dict[str, Any] = {
    "personalizations": [
        {"to": [{"email": "ada@example.com"}], "custom_args": {"ob_ref": "d-7f3a"}}
    ],
    "from": {"email": "orders@casa.example", "name": "Casa Verde"},
    "subject": "Order #1042 is ready",
    "content": [
        {"type": "text/plain", "value": "Hello Ada, your order is ready. ¡Buen provecho!"},
        {"type": "text/html", "value": "<p>Hello Ada, your order is ready.</p>"},
    ],
    "tracking_settings": {"subscription_tracking": {"enable": False}},
    "headers": {
        "List-Unsubscribe": "<https://hub.example/u/tok/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    },
}

TEMPLATE_ID = "d-0123456789abcdef0123456789abcdef"
TEMPLATED = replace(
    MESSAGE,
    template=ProviderTemplate(TEMPLATE_ID, "es", {"number": "1042", "store": "Café Sur"}),
)
TEMPLATE_BODY = {
    "personalizations": [
        {
            "to": [{"email": "ada@example.com"}],
            "custom_args": {"ob_ref": "d-7f3a"},
            "dynamic_template_data": {"number": "1042", "store": "Café Sur"},
        }
    ],
    "from": {"email": "orders@casa.example", "name": "Casa Verde"},
    "template_id": TEMPLATE_ID,
    "tracking_settings": {"subscription_tracking": {"enable": False}},
    "headers": BODY["headers"],
}


def sent_as(body: dict[str, Any]) -> Request:
    return Request(
        "POST",
        "https://api.sendgrid.com/v3/mail/send",
        {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": "Bearer SG.key-of-a-test",
        },
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
    )


def error(status: int, message: str = "no", field: str | None = None, **headers: str) -> Response:
    value = {"errors": [{"message": message, "field": field, "help": None}]}
    return Response(status, headers, json.dumps(value).encode())


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a mail says everything that we rely on",
        MESSAGE,
        Response(202, {"x-message-id": "ZrG2zQ"}, b""),
        sent_as(BODY),
        Accepted("ZrG2zQ"),
    ),
    SendCase(
        "a dynamic template brings its own subject and words",
        TEMPLATED,
        Response(202, {"x-message-id": "ZrG2zQ"}, b""),
        sent_as(TEMPLATE_BODY),
        Accepted("ZrG2zQ"),
    ),
    refused(
        "an address that is none",
        error(400, "Does not contain a valid address.", "personalizations.0.to.0.email"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused("no subject", error(400, "required", "subject"), FailureKind.CONTENT_REJECTED),
    refused("a mail too large", error(413), FailureKind.CONTENT_REJECTED),
    refused("a wrong key", error(401), FailureKind.MISCONFIGURED),
    refused("a sender that is not verified", error(403), FailureKind.MISCONFIGURED),
    refused("a wrong address of the API", error(404), FailureKind.MISCONFIGURED),
    refused("too many requests", error(429), FailureKind.THROTTLED),
    refused(
        "too many requests, with a moment",
        error(
            429,
            **{"x-ratelimit-reset": "1795262430", "date": "Sat, 21 Nov 2026 12:00:00 GMT"},
        ),
        FailureKind.THROTTLED,
        30.0,
    ),
    refused(
        "too many requests, with seconds",
        error(429, **{"retry-after": "12", "x-ratelimit-reset": "1795262430"}),
        FailureKind.THROTTLED,
        12.0,
    ),
    refused("an error inside", error(500), FailureKind.TRANSIENT),
    refused("out of order", Response(503, {}, b"<html>"), FailureKind.TRANSIENT),
    refused("a redirect", Response(301, {"location": "/x"}, b""), FailureKind.MISCONFIGURED),
    refused("a proxy that says 200", Response(200, {}, b"<html>Hi"), FailureKind.UNKNOWN),
]


def signed(body: bytes, at: datetime = NOW) -> CallbackRequest:
    """A call as SendGrid signs it."""
    key = load_der_private_key(b64decode(DEMO["webhook_private_key"]), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    stamp = str(int(at.timestamp()))
    signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "content-type": "application/json",
        "x-twilio-email-event-webhook-signature": b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": stamp,
    }
    return CallbackRequest("POST", "https://hub.example/receipts/k1/", headers, body)


def event(word: str, **more: Any) -> dict[str, Any]:
    return {
        "event": word,
        "email": "ada@example.com",
        "timestamp": 1795262400,
        "sg_event_id": f"e-{word}",
        "sg_message_id": "ZrG2zQ.recvd-5d9f7c6b8-x2x4m-1-66FA2B1C-3F.0",
        "smtp-id": "<ZrG2zQ@geopod-ismtpd-3>",
        "ob_ref": "d-7f3a",
    } | more


def batch(*events: dict[str, Any]) -> CallbackRequest:
    return signed((json.dumps(events) + "\r\n").encode())


def read_as(word: str, status: ReceiptStatus, **more: Any) -> Receipt:
    return Receipt(
        "ZrG2zQ",
        status,
        ref="d-7f3a",
        at=NOW,
        event_id=f"e-{word}",
        address="ada@example.com",
        **more,
    )


def case(word: str, receipt: Receipt | None, label: str = "", **more: Any) -> CallbackCase:
    expected = [] if receipt is None else [receipt]
    return CallbackCase(label or f"{word} alone", batch(event(word, **more)), expected)


FAILED = ReceiptStatus.FAILED


def dropped(reason: str, kind: FailureKind) -> CallbackCase:
    receipt = read_as(
        "dropped",
        FAILED,
        failure=kind,
        detail=f"SendGrid did not send it: {reason}.",
        opt_out=kind is FailureKind.OPTED_OUT,
    )
    return case("dropped", receipt, f"dropped: {reason}", reason=reason)


CALLBACK_CASES = [
    case("processed", read_as("processed", ReceiptStatus.QUEUED)),
    case(
        "deferred",
        read_as("deferred", ReceiptStatus.DEFERRED, detail="The mail server asked to wait."),
        response="451 4.3.0 ada@example.com is busy",
    ),
    case("delivered", read_as("delivered", ReceiptStatus.DELIVERED), response="250 OK"),
    case("open", read_as("open", ReceiptStatus.READ), sg_machine_open=False),
    case("open", None, "opened by a machine", sg_machine_open=True),
    case("click", read_as("click", ReceiptStatus.READ), url="https://x.example/"),
    case(
        "bounce",
        read_as(
            "bounce",
            FAILED,
            code="5.1.1",
            failure=FailureKind.RECIPIENT_INVALID,
            detail="The address does not exist.",
        ),
        type="bounce",
        status="5.1.1",
        reason="550 5.1.1 ada@example.com: no such user",
    ),
    case(
        "bounce",
        read_as(
            "bounce",
            FAILED,
            code="4.7.0",
            failure=FailureKind.TRANSIENT,
            detail="The recipient's mail server refuses mail from us at the moment.",
        ),
        "a block",
        type="blocked",
        status="4.7.0",
    ),
    dropped("Invalid", FailureKind.RECIPIENT_INVALID),
    dropped("Bounced Address", FailureKind.RECIPIENT_INVALID),
    dropped("Unsubscribed Address", FailureKind.OPTED_OUT),
    dropped("Spam Reporting Address", FailureKind.OPTED_OUT),
    dropped("Spam Content", FailureKind.CONTENT_REJECTED),
    case(
        "spamreport",
        read_as("spamreport", ReceiptStatus.DELIVERED, opt_out=True, detail="Reported as spam."),
    ),
    case("unsubscribe", read_as("unsubscribe", ReceiptStatus.DELIVERED, opt_out=True)),
    case("group_unsubscribe", read_as("group_unsubscribe", ReceiptStatus.DELIVERED, opt_out=True)),
    case("group_resubscribe", None),
    case("account_status_change", None),
    CallbackCase(
        "a batch that repeats itself",
        batch(event("processed"), event("delivered"), event("delivered")),
        [
            read_as("processed", ReceiptStatus.QUEUED),
            read_as("delivered", ReceiptStatus.DELIVERED),
            read_as("delivered", ReceiptStatus.DELIVERED),
        ],
    ),
]


def scopes(*names: str) -> Response:
    return Response(200, {}, json.dumps({"scopes": names}).encode())


VERIFY_CASES = [
    (scopes("mail.send", "2fa_required"), "The key may send mail."),
    (
        scopes("mail.send", *(f"templates.{number}" for number in range(11))),
        "The key may send mail. "
        "It may do much more than that: a key with Mail Send alone is safer.",
    ),
    (scopes("mail.batch.read"), FailureKind.MISCONFIGURED),
    (error(401), FailureKind.MISCONFIGURED),
    (error(403), FailureKind.MISCONFIGURED),
    (error(429), FailureKind.THROTTLED),
    (Response(200, {}, b"{}"), FailureKind.UNKNOWN),
    (Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    (Response(503, {}, b""), FailureKind.TRANSIENT),
]
