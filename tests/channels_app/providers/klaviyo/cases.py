"""What Klaviyo is sent, and what it answers. It calls us never."""

import json
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "private_key": "pk_0123456789abcdef0123456789abcdef00",
    "revision": "2026-07-15",
    "identify_by": "email",
}
URL = "https://a.klaviyo.com/api/events"
HEADERS = {
    "Content-Type": "application/vnd.api+json",
    "Authorization": "Klaviyo-API-Key pk_0123456789abcdef0123456789abcdef00",
    "revision": "2026-07-15",
}
CUSTOMER = {
    "id": "88",
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "email": "ada@example.com",
    "phone": "+34600000001",
    "language": "es",
    "opted_out": ["sms"],
}
ORDER = {
    "id": "7",
    "external_id": "5001",
    "number": "#1024",
    "status": "ready",
    "previous_status": "preparing",
    "fulfilment": "pickup",
    "currency": "EUR",
    "total_minor": 2150,
    "refunded_minor": 0,
    "placed_at": "2026-11-21T18:55:00+00:00",
    "tracking_url": "https://hub.example.com/t/abc/",
    "source": "shopify",
    "attributes": {"table": 4, "gift": False, "nested": {"x": 1}},
}
DATA: dict[str, Any] = {
    "event": "ready",
    "sent_at": "2026-11-21T19:30:00+00:00",
    "occurred_at": "2026-11-21T19:29:58+00:00",
    "brand": "Nonna",
    "order": ORDER,
    "part": None,
    "groups": [{"key": "main", "status": "ready", "ready_at": None}],
    "items": [{"id": "1", "name": "Margherita", "quantity": 2}],
    "tracking": [{"number": "Z9", "carrier": "DHL", "url": ""}],
    "store": {"slug": "centro", "name": "Centro"},
    "customer": CUSTOMER,
}
MESSAGE = Message(
    to="Order {event}",
    text="Ada, your order #1024 is ready ¡ya!",
    ref="ref-1",
    language="es",
    url="https://hub.example.com/t/abc/",
    data=DATA,
)
BODY = (
    '{"data":{"type":"event","attributes":{"properties":{"OrderId":"7","ExternalId":"5001",'
    '"OrderNumber":"#1024","Status":"ready","PreviousStatus":"preparing","Fulfilment":"pickup",'
    '"Currency":"EUR","PlacedAt":"2026-11-21T18:55:00+00:00",'
    '"TrackingUrl":"https://hub.example.com/t/abc/","Source":"shopify","Event":"ready",'
    '"Brand":"Nonna","Store":"Centro","Message":"Ada, your order #1024 is ready ¡ya!",'
    '"Url":"https://hub.example.com/t/abc/","Language":"es","Total":21.5,"Refunded":0.0,'
    '"OptedOut":["sms"],"Attributes":{"table":4,"gift":false},'
    '"Items":[{"id":"1","name":"Margherita","quantity":2}],'
    '"Tracking":[{"number":"Z9","carrier":"DHL"}],"Groups":[{"key":"main","status":"ready"}]},'
    '"metric":{"data":{"type":"metric","attributes":{"name":"Order ready"}}},'
    '"profile":{"data":{"type":"profile","attributes":{"email":"ada@example.com",'
    '"first_name":"Ada"}}},"unique_id":"ref-1","time":"2026-11-21T19:29:58+00:00","value":21.5,'
    '"value_currency":"EUR"}}}'
).encode()
BARE = Message(
    to="Order news", text="News.", ref="ref-2", data={"customer": {"phone": "+34600000001"}}
)
BARE_BODY = (
    b'{"data":{"type":"event","attributes":{"properties":{"Message":"News.","Language":"en"},'
    b'"metric":{"data":{"type":"metric","attributes":{"name":"Order news"}}},'
    b'"profile":{"data":{"type":"profile","attributes":{"phone_number":"+34600000001"}}},'
    b'"unique_id":"ref-2"}}}'
)


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def errors(code: str, pointer: str = "", detail: str = "ada@example.com is wrong") -> Any:
    error = {"id": "e1", "code": code, "title": "T", "detail": detail}
    return {"errors": [{**error, "source": {"pointer": pointer}}]}


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


CONTENT, CONFIG = FailureKind.CONTENT_REJECTED, FailureKind.MISCONFIGURED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
EMAIL = "/data/attributes/profile/data/attributes/email"
TAKEN = Accepted(handed_off=True)
SEND_CASES = [
    SendCase("a whole order", MESSAGE, answer(202), Request("POST", URL, HEADERS, BODY), TAKEN),
    SendCase("hardly anything", BARE, answer(202), Request("POST", URL, HEADERS, BARE_BODY), TAKEN),
    SendCase(
        "409: it has it already",
        MESSAGE,
        answer(409, errors("duplicate_event")),
        None,
        Accepted(detail="Klaviyo has had it before.", handed_off=True),
    ),
    refused("409 for another reason", answer(409, errors("conflict")), CONTENT),
    refused("400: the email", answer(400, errors("invalid", EMAIL)), CONTENT),
    refused("400: the event", answer(400, errors("invalid", "/data/attributes/time")), CONTENT),
    refused("400 without words", answer(400), CONTENT),
    refused("401", answer(401, errors("not_authenticated")), CONFIG),
    refused("403: a right is missing", answer(403, errors("permission_denied")), CONFIG),
    refused("404", answer(404, errors("not_found")), CONFIG),
    refused("405", answer(405, errors("method_not_allowed")), CONFIG),
    refused("410: retired", answer(410, errors("gone")), CONFIG),
    refused("415", answer(415, errors("unsupported_media_type")), CONFIG),
    refused("413", answer(413), CONTENT),
    refused("429", answer(429, errors("throttled"), retry_after="17"), THROTTLED, 17.0),
    refused("429 with a reset", answer(429, b"", ratelimit_reset="9"), THROTTLED, 9.0),
    refused("500", answer(500, errors("internal")), TRANSIENT),
    refused("503 with a wait", answer(503, b"<html>", retry_after="5"), TRANSIENT, 5.0),
    refused("504", answer(504), TRANSIENT),
    refused("524", answer(524, b"<html>"), TRANSIENT),
    refused("a 200 that is not its answer", answer(200, b"<html>"), FailureKind.UNKNOWN),
]
ACCOUNT = {
    "data": [
        {
            "type": "account",
            "id": "AbC123",
            "attributes": {"contact_information": {"organization_name": "Bella Napoli"}},
        }
    ]
}
VERIFY_CASES: list[tuple[Response, str | FailureKind]] = [
    (answer(200, ACCOUNT), "Klaviyo knows the key. It is of the account Bella Napoli."),
    (
        answer(200, {"data": [{"type": "account", "id": "AbC123"}]}),
        "Klaviyo knows the key. It is of the account AbC123.",
    ),
    (answer(401, errors("not_authenticated")), CONFIG),
    (answer(403, errors("permission_denied")), CONFIG),
    (answer(200, {"data": []}), FailureKind.UNKNOWN),
    (answer(200, b"<html>"), FailureKind.UNKNOWN),
    (answer(503), TRANSIENT),
]
CALLBACK_CASES: list[CallbackCase] = []
