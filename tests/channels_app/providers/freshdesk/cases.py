"""What Freshdesk is sent, and what it answers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import SendCase

CREDENTIALS = {"domain": "nonna", "api_key": "key-0123456789", "text_field": "cf_order_message"}
ROOT = "https://nonna.freshdesk.com/api/v2"
# printf 'key-0123456789:X' | base64
SIGNED = {"Authorization": "Basic a2V5LTAxMjM0NTY3ODk6WA=="}
JSON = {"Content-Type": "application/json; charset=utf-8"}

READY = Message(
    to="group:21 harbour",
    subject="Nonna",
    text="#1024 is ready <now>, Ada.\n¡Buen provecho!",
    ref="ref-1",
    data={
        "event": "ready",
        "order": {
            "id": "77",
            "external_id": "5001",
            "number": "#1024",
            "status": "ready",
            "placed_at": "2026-11-21T12:30:00+01:00",
        },
        "customer": {
            "id": "9",
            "name": "Ada Lovelace",
            "email": "ada+x@example.com",
            "phone": "+34600111222",
            "opted_out": [],
        },
    },
)
BY_PHONE = replace(
    READY, data={"order": {"id": "77"}, "customer": {"phone": "+34600111222", "name": "Ada"}}
)
ASKED = Request(
    "GET",
    f"{ROOT}/tickets?email=ada%2Bx%40example.com&updated_since=2026-11-20T11%3A30%3A00Z"
    "&order_by=created_at&order_type=desc&per_page=15",
    SIGNED,
)
SEARCHED = Request(
    "GET", f"{ROOT}/search/tickets?query=%22cf_order_id%3A%27orderbell-77%27%22", SIGNED
)


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def ticket(number: int = 35, order: str = "orderbell-77", **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "status": 2,
        "subject": "Nonna",
        "tags": ["orderbell", "vip", "order_preparing"],
        "custom_fields": {"cf_order_id": order, "cf_order_status": "preparing", **fields},
    }


def refused(name: str, words: str, code: str = "invalid_value") -> Response:
    errors = [{"field": name, "message": words, "code": code}]
    return answer(400, {"description": "Validation failed", "errors": errors})


STRANGER = refused("email", "There is no contact matching the given email")


def case(label: str, response: Response, expected: Any, wait: float | None = None) -> SendCase:
    return SendCase(label, READY, response, None, expected, wait)


SEND_CASES = [
    SendCase(
        "the customer's tickets are asked for, and one was changed",
        READY,
        answer(200, ticket()),
        ASKED,
        Accepted("35", handed_off=True),
    ),
    SendCase(
        "without an email the order is searched for",
        BY_PHONE,
        answer(201, ticket(36)),
        SEARCHED,
        Accepted("36", handed_off=True),
    ),
    case("no ticket in the answer", answer(201, {"id": None}), FailureKind.UNKNOWN),
    case("a list instead of a ticket", answer(200, [ticket()]), FailureKind.UNKNOWN),
    case("not readable", answer(200, b"<html>"), FailureKind.UNKNOWN),
    case("wrong key", answer(401, {"code": "invalid_credentials", "message": "ada"}),
         FailureKind.MISCONFIGURED),
    case("not allowed", answer(403, {"code": "access_denied", "message": "no"}),
         FailureKind.MISCONFIGURED),
    case("no such help desk", answer(404, b"<html>There is no helpdesk here!"),
         FailureKind.MISCONFIGURED),
    case("the ticket is gone", answer(404, b""), FailureKind.TRANSIENT),
    case("an email that is none", refused("email", "ada is not a valid email address"),
         FailureKind.CONTENT_REJECTED),
    case("a name is missing", refused("name", "mandatory", "missing_field"),
         FailureKind.CONTENT_REJECTED),
    case("a field that is none", refused("cf_order_id", "Unexpected", "invalid_field"),
         FailureKind.MISCONFIGURED),
    case("an option that is none", refused("cf_order_status", "It should be one of these values"),
         FailureKind.MISCONFIGURED),
    case("a status that is none", refused("status", "It should be one of these values"),
         FailureKind.MISCONFIGURED),
    case("a field that must be filled", refused("type", "mandatory", "missing_field"),
         FailureKind.MISCONFIGURED),
    case("a group that is none", refused("group_id", "It should be a valid group"),
         FailureKind.RECIPIENT_INVALID),
    case("a tag that is too long", refused("tags", "too long"), FailureKind.CONTENT_REJECTED),
    case("refused without a field", answer(400, {"code": "invalid_json", "message": "x"}),
         FailureKind.CONTENT_REJECTED),
    case("a conflict", answer(409, {"code": "conflict"}), FailureKind.TRANSIENT),
    case("a call that the plan lacks", answer(405, b""), FailureKind.MISCONFIGURED),
    case("another content type", answer(415, b""), FailureKind.MISCONFIGURED),
    case("too many requests", answer(429, {"message": "You have exceeded the limit"},
         {"retry-after": "34", "x-ratelimit-remaining": "0"}), FailureKind.THROTTLED, 34.0),
    case("too many for an hour", answer(429, b"", {"retry-after": "3000"}),
         FailureKind.THROTTLED, 900.0),
    case("too many, told nothing", answer(429, b""), FailureKind.THROTTLED),
    case("an error of theirs", answer(500, {"message": "We're sorry"}), FailureKind.TRANSIENT),
    case("maintenance", answer(503, b"", {"retry-after": "30"}), FailureKind.TRANSIENT, 30.0),
]  # fmt: skip
CALLBACK_CASES: list[Any] = []
VERIFY_CASES = [
    (
        answer(200, {"id": 7, "type": "support_agent", "contact": {"name": "Hub"}}),
        "Freshdesk takes the key. It is an agent's.",
    ),
    (answer(200, {}), FailureKind.MISCONFIGURED),
    (answer(401, {"code": "invalid_credentials"}), FailureKind.MISCONFIGURED),
    (answer(500, b""), FailureKind.TRANSIENT),
]
