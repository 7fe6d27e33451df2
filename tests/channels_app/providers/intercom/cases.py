"""What Intercom is sent, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import SendCase

CREDENTIALS = {"access_token": "dG9rOjEyMzQ1Njc4OTA", "region": "eu", "version": "2.16"}
ROOT = "https://api.eu.intercom.io"
SIGNED = {
    "Authorization": "Bearer dG9rOjEyMzQ1Njc4OTA",
    "Intercom-Version": "2.16",
    "Accept": "application/json",
}
HEADERS = {"Content-Type": "application/json; charset=utf-8", **SIGNED}
CONTACT = "5ba682d23d7cf92bef87bfd4"

READY = Message(
    to="Order",
    text="#1024 is ready, Ada. ¡Buen provecho!",
    ref="ref-1",
    url="https://hub.example.com/t/1/",
    data={
        "event": "ready",
        "occurred_at": "2026-11-21T12:00:05.123456+00:00",
        "brand": "Nonna",
        "order": {
            "id": "77",
            "external_id": "5001",
            "number": "#1024",
            "status": "ready",
            "fulfilment": "pickup",
            "currency": "EUR",
            "total_minor": 3490,
        },
        "items": [
            {"id": "1", "name": "Margherita", "quantity": 2},
            {"id": "2", "name": "Tiramisù", "quantity": 1},
        ],
        "store": {"slug": "harbour", "name": "Nonna Harbour"},
        "customer": {
            "id": "9",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+34600111222",
            "opted_out": ["sms"],
        },
    },
)
SEARCH = Request(
    "POST",
    f"{ROOT}/contacts/search",
    HEADERS,
    b'{"query":{"field":"email","operator":"=","value":"ada@example.com"},'
    b'"pagination":{"per_page":5}}',
)


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def contact(id: str = CONTACT, role: str = "user") -> dict[str, Any]:
    return {"type": "contact", "id": id, "role": role, "email": "ada@example.com"}


def listed(*contacts: Any) -> Response:
    return answer(200, {"type": "list", "data": list(contacts), "total_count": len(contacts)})


def refused(
    status: int,
    code: str,
    message: str = "ada@example.com",
    headers: Mapping[str, str] | None = None,
    **more: str,
) -> Response:
    errors = [{"code": code, "message": message, **more}]
    body = {"type": "error.list", "request_id": "req-1", "errors": errors}
    return answer(status, body, headers)


def case(label: str, response: Response, expected: Any, wait: float | None = None) -> SendCase:
    return SendCase(label, READY, response, None, expected, wait)


def failing(status: int, code: str, kind: FailureKind) -> SendCase:
    return case(f"{status} {code}", refused(status, code), kind)


TAKEN = answer(202, b"")
# The window is over at 12:00:10; Intercom's clock says 12:00:03.
WINDOW = {"date": "Sat, 21 Nov 2026 12:00:03 GMT", "x-ratelimit-reset": "1795262410"}
SEND_CASES = [
    SendCase("the contact is searched for, and the event was taken", READY, TAKEN, SEARCH,
             Accepted(handed_off=True)),
    SendCase("by the moment of sending, where there is no other",
             replace(READY, data={"sent_at": "2026-11-21T12:00:06+00:00",
                                  "customer": {"email": "ada@example.com"}}),
             TAKEN, SEARCH, Accepted(handed_off=True)),
    case("a contact instead of nothing", answer(200, contact()), FailureKind.UNKNOWN),
    case("not readable", answer(200, b"<html>"), FailureKind.UNKNOWN),
    failing(401, "unauthorized", FailureKind.MISCONFIGURED),
    failing(401, "token_revoked", FailureKind.MISCONFIGURED),
    failing(400, "token_not_found", FailureKind.MISCONFIGURED),
    failing(403, "forbidden", FailureKind.MISCONFIGURED),
    failing(403, "action_forbidden", FailureKind.MISCONFIGURED),
    failing(403, "api_plan_restricted", FailureKind.MISCONFIGURED),
    failing(400, "unsupported", FailureKind.MISCONFIGURED),
    failing(400, "intercom_version_invalid", FailureKind.MISCONFIGURED),
    failing(400, "parameter_invalid", FailureKind.CONTENT_REJECTED),
    failing(400, "parameter_not_found", FailureKind.CONTENT_REJECTED),
    failing(400, "type_mismatch", FailureKind.CONTENT_REJECTED),
    failing(422, "data_invalid", FailureKind.CONTENT_REJECTED),
    failing(422, "unprocessable_entity", FailureKind.CONTENT_REJECTED),
    failing(400, "a_new_word", FailureKind.CONTENT_REJECTED),
    failing(418, "a_new_word", FailureKind.CONTENT_REJECTED),
    failing(408, "request_timeout", FailureKind.TRANSIENT),
    failing(409, "conflict", FailureKind.TRANSIENT),
    failing(409, "resource_conflict", FailureKind.TRANSIENT),
    failing(500, "server_error", FailureKind.TRANSIENT),
    failing(503, "service_unavailable", FailureKind.TRANSIENT),
    case("an email that is none", refused(400, "parameter_invalid", field="email"),
         FailureKind.CONTENT_REJECTED),
    case("a contact that is not there yet", refused(404, "not_found"), FailureKind.TRANSIENT, 5.0),
    case("no such call", answer(404, b"<html>"), FailureKind.MISCONFIGURED),
    case("too many requests", refused(429, "rate_limit_exceeded", headers=WINDOW),
         FailureKind.THROTTLED, 7.0),
    case("too many, told in seconds", refused(429, "too_many_requests",
         headers={**WINDOW, "retry-after": "2"}), FailureKind.THROTTLED, 2.0),
    case("too many, told nothing", answer(429, b""), FailureKind.THROTTLED),
    case("too many, told nonsense", answer(429, b"", {**WINDOW, "x-ratelimit-reset": "soon"}),
         FailureKind.THROTTLED),
    case("away for longer than we wait", answer(503, b"", {"retry-after": "7200"}),
         FailureKind.TRANSIENT, 900.0),
]  # fmt: skip
CALLBACK_CASES: list[Any] = []
VERIFY_CASES = [
    (
        answer(200, {"type": "admin", "id": "7", "app": {"name": "Nonna", "region": "EU"}}),
        "Intercom takes the token for the workspace Nonna.",
    ),
    (
        answer(200, {"type": "admin", "id": "7"}),
        "Intercom takes the token for the workspace it belongs to.",
    ),
    (answer(200, {"type": "admin"}), FailureKind.MISCONFIGURED),
    (refused(401, "unauthorized"), FailureKind.MISCONFIGURED),
    (answer(500, b""), FailureKind.TRANSIENT),
]
