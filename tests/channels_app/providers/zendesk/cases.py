"""What Zendesk is sent, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import SendCase

CREDENTIALS = {
    "subdomain": "nonna",
    "email": "hub@example.com",
    "api_token": "tok-0123456789",
    "mark": "field",
    "state_field": "360001",
    "reference_field": "360002",
    "comment": "private",
}
ROOT = "https://nonna.zendesk.com/api/v2"
# printf 'hub@example.com/token:tok-0123456789' | base64
SIGNED = {"Authorization": "Basic aHViQGV4YW1wbGUuY29tL3Rva2VuOnRvay0wMTIzNDU2Nzg5"}
JSON = {"Content-Type": "application/json; charset=utf-8"}

READY = Message(
    to="group:21 harbour",
    subject="Nonna",
    text="#1024 is ready, Ada. ¡Buen provecho!",
    ref="ref-1",
    data={
        "event": "ready",
        "occurred_at": "2026-11-21T12:00:00+00:00",
        "brand": "Nonna",
        "order": {
            "id": "77",
            "external_id": "5001",
            "number": "#1024",
            "status": "ready",
            "previous_status": "preparing",
        },
        "customer": {
            "id": "9",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+34600111222",
            "opted_out": [],
        },
    },
)
ASKED = Request("GET", f"{ROOT}/tickets?external_id=orderbell%3A77", SIGNED)


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def ticket(number: int = 35, status: str = "open", reference: str = "ref-0") -> dict[str, Any]:
    return {
        "id": number,
        "external_id": "orderbell:77",
        "status": status,
        "updated_at": "2026-11-21T11:59:00Z",
        "tags": ["orderbell", "vip", "order_preparing"],
        "custom_fields": [
            {"id": 360001, "value": "order_preparing"},
            {"id": 360002, "value": reference},
            {"id": 5, "value": None},
        ],
    }


def listed(*tickets: Any) -> Response:
    return answer(200, {"tickets": list(tickets), "count": len(tickets), "next_page": None})


def invalid(name: str, words: str) -> Response:
    details = {name: [{"description": words, "error": "InvalidValue"}]}
    body = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": details,
    }
    return answer(422, body)


def case(label: str, response: Response, expected: Any, wait: float | None = None) -> SendCase:
    return SendCase(label, READY, response, None, expected, wait)


BUDGET = {"x-rate-limit": "700", "x-rate-limit-remaining": "0", "ratelimit-reset": "31"}
SEND_CASES = [
    SendCase(
        "the order's ticket is asked for, and was changed",
        READY,
        answer(200, {"ticket": ticket(), "audit": {"id": 1}}),
        ASKED,
        Accepted("35", handed_off=True),
    ),
    SendCase(
        "another order, by its number at the shop",
        replace(READY, data={"order": {"external_id": "50/01 x"}}),
        answer(201, {"ticket": ticket(36)}),
        Request("GET", f"{ROOT}/tickets?external_id=orderbell%3A50%2F01%20x", SIGNED),
        Accepted("36", handed_off=True),
    ),
    case("an earlier try wrote it", listed(ticket(35, reference="ref-1")),
         Accepted("35", handed_off=True)),
    case("no ticket in the answer", answer(201, {"ticket": None}), FailureKind.UNKNOWN),
    case("not readable", answer(200, b"<html>"), FailureKind.UNKNOWN),
    case("wrong credentials", answer(401, {"error": "Couldn't authenticate you"}),
         FailureKind.MISCONFIGURED),
    case("not allowed",
         answer(403, {"error": {"title": "Forbidden", "message": "You do not have access"}}),
         FailureKind.MISCONFIGURED),
    case("no such help desk", answer(404, b"<html>No help desk at nonna.zendesk.com"),
         FailureKind.MISCONFIGURED),
    case("the ticket is gone",
         answer(404, {"error": "RecordNotFound", "description": "Not found"}),
         FailureKind.TRANSIENT),
    case("a key with other parameters",
         answer(400, {"error": "IdempotentRequestError", "description": "ada@example.com"}),
         FailureKind.CONTENT_REJECTED),
    case("an attribute of the wrong kind",
         answer(400, {"error": {"title": "Invalid attribute", "message": "ticket"}}),
         FailureKind.CONTENT_REJECTED),
    case("the same request is under way", answer(409, {"error": "Conflict"}),
         FailureKind.TRANSIENT, 5.0),
    case("somebody changed the ticket",
         answer(409, {"error": "UpdateConflict"}, {"retry-after": "2"}),
         FailureKind.TRANSIENT, 2.0),
    case("too long", answer(413, b""), FailureKind.CONTENT_REJECTED),
    case("a suspended requester", invalid("requester", "Requester: Ada is suspended"),
         FailureKind.CONTENT_REJECTED),
    case("an unusable email", invalid("email", "Email: ada@example is not properly formatted"),
         FailureKind.CONTENT_REJECTED),
    case("a field that is none", invalid("custom_fields", "Custom field 360001 is invalid"),
         FailureKind.MISCONFIGURED),
    case("a field that must be filled", invalid("base", "Order state: is required"),
         FailureKind.MISCONFIGURED),
    case("a group that is none", invalid("group_id", "Group: is invalid"),
         FailureKind.RECIPIENT_INVALID),
    case("closed in this moment", invalid("status", "Status: closed prevents ticket update"),
         FailureKind.TRANSIENT),
    case("invalid for another reason", invalid("tags", "Tags: are invalid"),
         FailureKind.CONTENT_REJECTED),
    case("too many requests", answer(429, {"error": "APIRateLimitExceeded"},
         {"retry-after": "93", **BUDGET}), FailureKind.THROTTLED, 93.0),
    case("too many, told by the budget", answer(429, b"", BUDGET), FailureKind.THROTTLED, 31.0),
    case("too many, told nothing", answer(429, b"Rate limit"), FailureKind.THROTTLED),
    case("maintenance", answer(503, b"", {"retry-after": "3600"}), FailureKind.TRANSIENT, 900.0),
    case("an error of theirs", answer(500, {"error": "InternalError"}), FailureKind.TRANSIENT),
]  # fmt: skip
CALLBACK_CASES: list[Any] = []
VERIFY_CASES = [
    (
        answer(200, {"user": {"id": 7, "name": "Hub", "role": "admin"}}),
        "Zendesk knows the account. Its role is admin.",
    ),
    (
        answer(200, {"user": {"id": None, "name": "Anonymous user", "role": "end-user"}}),
        FailureKind.MISCONFIGURED,
    ),
    (answer(200, {"user": {"id": 8, "role": "end-user"}}), FailureKind.MISCONFIGURED),
    (answer(401, {"error": "Couldn't authenticate you"}), FailureKind.MISCONFIGURED),
    (answer(503, b""), FailureKind.TRANSIENT),
]
