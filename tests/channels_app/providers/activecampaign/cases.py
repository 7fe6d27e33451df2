"""What ActiveCampaign is sent, step by step, and what it answers. It calls us never."""

import json
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "account_url": "https://bella.api-us1.com",
    "api_token": "0123456789abcdef0123456789abcdef",
    "tags": "preparing = 13\nready = 14\ndelivered=15",
    "number_field": "1",
    "status_field": "2",
    "text_field": "3",
    "link_field": "4",
}
API = "https://bella.api-us1.com/api/3"
KEY = {"Api-Token": "0123456789abcdef0123456789abcdef", "Accept": "application/json"}
HEADERS = {"Content-Type": "application/json; charset=utf-8", **KEY}
DATA: dict[str, Any] = {
    "event": "ready",
    "order": {"number": "#1024", "status": "ready", "tracking_url": "https://hub.example.com/t/a/"},
    "customer": {
        "id": "88",
        "given_name": "Ada",
        "email": "ada@example.com",
        "phone": "+34600000001",
    },
}
MESSAGE = Message(to="status", text="Ada, your order #1024 is ready ¡ya!", ref="ref-1", data=DATA)
BODY = (
    '{"contact":{"email":"ada@example.com","firstName":"Ada","phone":"+34600000001","fieldValues":['
    '{"field":"1","value":"#1024"},{"field":"2","value":"ready"},'
    '{"field":"3","value":"Ada, your order #1024 is ready ¡ya!"},'
    '{"field":"4","value":"https://hub.example.com/t/a/"}]}}'
).encode()


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


SYNCED = answer(200, {"fieldValues": [], "contact": {"email": "ada@example.com", "id": "113"}})
TAGGED = answer(201, {"contactTag": {"contact": "113", "tag": "14", "id": "77"}})
TAGS = answer(
    200,
    {
        "contactTags": [
            {"contact": "113", "tag": "99", "id": "70"},
            {"contact": "113", "tag": "13", "id": "71"},
            {"contact": "113", "tag": "14", "id": "77"},
        ]
    },
)
REMOVED = answer(200, {})
NO_SUCH_LINK = answer(404, {"message": "No Result found for SubscriberTag with id 71"})


def said(title: str, pointer: str = "", code: str = "") -> Any:
    error = {"title": title, "detail": "ada@example.com", "code": code}
    return {"errors": [{**error, "source": {"pointer": pointer}}]}


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


CONTENT, CONFIG = FailureKind.CONTENT_REJECTED, FailureKind.MISCONFIGURED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
TAKEN = Accepted(handed_off=True)
SEND_CASES = [
    SendCase(
        "a contact with its fields",
        MESSAGE,
        SYNCED,
        Request("POST", f"{API}/contact/sync", HEADERS, BODY),
        TAKEN,
    ),
    SendCase("a new contact", MESSAGE, answer(201, {"contact": {"id": "1"}}), None, TAKEN),
    SendCase("a tag was put on", MESSAGE, TAGGED, None, TAKEN),
    SendCase("no tag to take off", MESSAGE, TAGS, None, TAKEN),
    SendCase("a tag was taken off", MESSAGE, REMOVED, None, TAKEN),
    SendCase("a tag had gone already", MESSAGE, NO_SUCH_LINK, None, TAKEN),
    refused("400", answer(400, said("Bad")), CONTENT),
    refused("401", answer(401), CONFIG),
    refused("402: not paid", answer(402, {"message": "Payment required"}), CONFIG),
    refused("403: the key", answer(403, {"message": "Unauthorized"}), CONFIG),
    refused("404: the host", answer(404, b"<html>"), CONFIG),
    refused("404: the tag", answer(404, said("Tag not found")), CONTENT),
    refused("404: the contact", answer(404, said("Contact not found")), TRANSIENT),
    refused(
        "404: the contact, in other words",
        answer(404, {"message": "No Result found for Subscriber with id 1"}),
        TRANSIENT,
    ),
    refused("422: the email", answer(422, said("Bad", "/data/attributes/email")), CONTENT),
    refused("422: the phone", answer(422, said("Phone is invalid")), CONTENT),
    refused("422: a field", answer(422, said("Bad", "/data/attributes/field")), CONTENT),
    refused("429", answer(429, {}, retry_after="4"), THROTTLED, 4.0),
    refused("500", answer(500, {"message": "x"}), TRANSIENT),
    refused("503", answer(503, b"<html>", retry_after="9"), TRANSIENT, 9.0),
    refused("a 200 that is not JSON", answer(200, b"<html>"), FailureKind.UNKNOWN),
]
VERIFY_CASES: list[tuple[Response, str | FailureKind]] = [
    (
        answer(200, {"user": {"id": "1", "username": "ada", "email": "ada@example.com"}}),
        "ActiveCampaign knows the API key of the account at bella.api-us1.com.",
    ),
    (answer(403, {"message": "Unauthorized"}), CONFIG),
    (answer(404, b"<html>"), CONFIG),
    (answer(200, {}), FailureKind.UNKNOWN),
    (answer(500), TRANSIENT),
]
CALLBACK_CASES: list[CallbackCase] = []
