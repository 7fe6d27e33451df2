"""What Firebase is sent and answers. `pinned()` stops the clock that Apple's part needs."""

from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from channels_app.providers.fcm.provider import Fcm
from tests.cases import CallbackCase, SendCase
from tests.channels_app.google import ACCESS, KEY_FILE, answer, detail, google_says

CREDENTIALS = {"service_account": KEY_FILE, "project_id": "", "android_channel_id": "orders"}
CLOCK = 1795289400.0
URL = "https://fcm.googleapis.com/v1/projects/bella-napoli/messages:send"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Bearer ya29.test",
}
FID = "cT3stInstallationId_-0"
TOKEN = f"{FID}:APA91bH-" + "x_Y" * 40  # a token begins with such an id
FULL = Message(
    to=FID,
    subject="Bella Napoli",
    text="Your order #1024 is “ready” \U0001f355",
    ref="ref-1",
    urgent=True,
    ttl_seconds=1800,
    collapse_key="order-7",
    url="https://orders.example.com/t/abc/",
    data={
        "event": "ready",
        "brand": "Nonna",
        "order": {"external_id": "gid-1", "number": "#1024", "status": "ready"},
    },
)
PLAIN = Message(to=TOKEN, text="Hola.", ref="ref-2", language="es-MX", ttl_seconds=60)
NAME = "projects/bella-napoli/messages/0:1500415314455276%31bd1c96"
TAKEN = answer(200, {"name": NAME})


def pinned(base: str = "") -> Fcm:
    """A provider with a token, at one moment."""
    provider = Fcm(CREDENTIALS, base)
    provider.clock = lambda: CLOCK
    provider.access = ACCESS
    return provider


def fcm(code: str) -> dict[str, Any]:
    """Firebase's own word."""
    return detail("google.firebase.fcm.v1.FcmError", errorCode=code)


def field(name: str) -> dict[str, Any]:
    """The part of the request that is wrong."""
    rows = [{"field": name, "description": "x"}]
    return detail("google.rpc.BadRequest", fieldViolations=rows)


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


def word(status: int, name: str, *details: dict[str, Any], **headers: str) -> Response:
    return answer(status, google_says(status, name, *details), **headers)


RECIPIENT, CONFIG = FailureKind.RECIPIENT_INVALID, FailureKind.MISCONFIGURED
CONTENT, THROTTLED = FailureKind.CONTENT_REJECTED, FailureKind.THROTTLED
TRANSIENT, UNKNOWN = FailureKind.TRANSIENT, FailureKind.UNKNOWN
SEND_CASES = [
    SendCase(
        "an urgent note to an installation id",
        FULL,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"message":{"fid":"cT3stInstallationId_-0",'
                '"notification":{"title":"Bella Napoli",'
                '"body":"Your order #1024 is “ready” \U0001f355"},'
                '"data":{"ref":"ref-1","url":"https://orders.example.com/t/abc/",'
                '"tag":"order-7","event":"ready","order_external_id":"gid-1",'
                '"order_number":"#1024","order_status":"ready"},'
                '"android":{"priority":"HIGH","ttl":"1800s","collapseKey":"order-7",'
                '"notification":{"channelId":"orders","tag":"order-7"}},'
                '"apns":{"headers":{"apns-priority":"10","apns-expiration":"1795291200",'
                '"apns-collapse-id":"order-7"},"payload":{"aps":{"sound":"default"}}},'
                '"webpush":{"headers":{"TTL":"1800","Urgency":"high","Topic":"order-7"},'
                '"fcmOptions":{"link":"https://orders.example.com/t/abc/"}}}}'
            ).encode(),
        ),
        Accepted(NAME),
    ),
    SendCase(
        "a plain note to a registration token",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            (
                f'{{"message":{{"token":"{TOKEN}",'
                '"notification":{"title":"Novedades de su pedido","body":"Hola."},'
                '"data":{"ref":"ref-2"},'
                '"android":{"priority":"NORMAL","ttl":"60s",'
                '"notification":{"channelId":"orders"}},'
                '"apns":{"headers":{"apns-priority":"5","apns-expiration":"1795289460"},'
                '"payload":{"aps":{"sound":"default"}}},'
                '"webpush":{"headers":{"TTL":"60","Urgency":"normal"}}}}'
            ).encode(),
        ),
        Accepted(NAME),
    ),
    refused("the app was removed", word(404, "NOT_FOUND", fcm("UNREGISTERED")), RECIPIENT),
    refused("no id", word(400, "INVALID_ARGUMENT", fcm("INVALID_ARGUMENT")), RECIPIENT),
    refused(
        "no id, and the part that is wrong",
        word(400, "INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), field("message.token")),
        RECIPIENT,
    ),
    refused(
        "of another project", word(403, "PERMISSION_DENIED", fcm("SENDER_ID_MISMATCH")), RECIPIENT
    ),
    refused(
        "a part of the message is not valid",
        word(400, "INVALID_ARGUMENT", field("message.data[0].value")),
        CONTENT,
    ),
    refused(
        "a part of the message, and Firebase's word, too",
        word(400, "INVALID_ARGUMENT", field("message.android.ttl"), fcm("INVALID_ARGUMENT")),
        CONTENT,
    ),
    refused("too large", word(400, "INVALID_ARGUMENT"), CONTENT),
    refused("no key of Apple", word(401, "UNAUTHENTICATED", fcm("THIRD_PARTY_AUTH_ERROR")), CONFIG),
    refused("a token that has ended", word(401, "UNAUTHENTICATED"), CONFIG),
    refused(
        "the interface is off",
        word(403, "PERMISSION_DENIED", detail("google.rpc.ErrorInfo", reason="SERVICE_DISABLED")),
        CONFIG,
    ),
    refused("no such project", word(404, "NOT_FOUND"), CONFIG),
    refused("a page with 404", answer(404, b"<html>"), CONFIG),
    refused(
        "too many, with a wait",
        word(429, "RESOURCE_EXHAUSTED", fcm("QUOTA_EXCEEDED"), retry_after="30"),
        THROTTLED,
        30.0,
    ),
    refused(
        "too many, without a wait",
        word(429, "RESOURCE_EXHAUSTED", fcm("QUOTA_EXCEEDED")),
        THROTTLED,
        60.0,
    ),
    refused(
        "overloaded",
        word(503, "UNAVAILABLE", fcm("UNAVAILABLE"), retry_after="Sat, 21 Nov 2026 12:00:20 GMT",
             date="Sat, 21 Nov 2026 12:00:00 GMT"),
        TRANSIENT,
        20.0,
    ),
    refused("an inner error", word(500, "INTERNAL", fcm("INTERNAL")), TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>"), TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), UNKNOWN),
    refused("a 200 without a name", answer(200, {}), UNKNOWN),
]  # fmt: skip
CALLBACK_CASES: list[CallbackCase] = []
VERIFY_CASES = [
    (
        answer(200, {"name": "projects/bella-napoli/messages/fake_message_id"}),
        "Firebase takes messages for the project bella-napoli.",
    ),
    (word(403, "PERMISSION_DENIED"), CONFIG),
    (word(404, "NOT_FOUND"), CONFIG),
    (answer(503), TRANSIENT),
]
