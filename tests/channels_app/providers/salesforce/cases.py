"""What Salesforce is sent, and what it answers."""

import json
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import Accepted, Access, Message, Request, Response
from channels_app.failures import FailureKind
from channels_app.providers.salesforce.provider import Salesforce
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "domain": "nonna.my.salesforce.com",
    "client_id": "3MVG9test",
    "client_secret": "TESTSECRET0001",
}
HOST = "https://nonna.my.salesforce.com"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATA: dict[str, Any] = {
    "event": "ready",
    "occurred_at": "2026-11-21T12:00:00+00:00",
    "brand": "Nonna",
    "order": {
        "id": "77",
        "external_id": "gid/1024",
        "number": "#1024",
        "status": "ready",
        "currency": "EUR",
        "total_minor": 2150,
        "refunded_minor": 100,
    },
    "items": [{"id": "1", "name": "Margherita", "quantity": 2}],
    "store": {"slug": "harbour", "name": "Harbour"},
    "customer": {"id": "5", "name": "Ada Novák", "email": "ada@example.com", "opted_out": ["sms"]},
}
MESSAGE = Message(to="Order_Status__e", text="Order #1024 is ready.", ref="ref-1", data=DATA)
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Bearer 00Dtest!session",
}
BODY = (
    '{"Message_Id__c":"ref-1","Order_Id__c":"gid/1024","Order_Number__c":"#1024",'
    '"Status__c":"ready","Text__c":"Order #1024 is ready.","Customer_Name__c":"Ada Novák",'
    '"Customer_Email__c":"ada@example.com"}'
).encode()
PUBLISH = Request("POST", f"{HOST}/services/data/v67.0/sobjects/Order_Status__e/", HEADERS, BODY)
UUID = "b0f1c2d3-0000-4000-8000-00000000aaaa"


def pinned(**changes: str) -> Salesforce:
    """A provider that has its token."""
    provider = Salesforce({**CREDENTIALS, **changes})
    provider.access = Access("00Dtest!session", NOW, {"instance_url": HOST})
    return provider


def answer(status: int, value: Any = None, **headers: str) -> Response:
    body = b"" if value is None else json.dumps(value).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, body)


def error(status: int, code: str, message: str = "no", fields: list[str] | None = None) -> Response:
    return answer(status, [{"message": message, "errorCode": code, "fields": fields or []}])


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


CONFIG, CONTENT = FailureKind.MISCONFIGURED, FailureKind.CONTENT_REJECTED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
QUEUED = {"statusCode": "OPERATION_ENQUEUED", "message": UUID, "fields": []}
SEND_CASES = [
    SendCase(
        "an event: the errors of a success are not empty",
        MESSAGE,
        answer(201, {"id": "e01xx0000000001AAA", "success": True, "errors": [QUEUED]}),
        PUBLISH,
        Accepted(UUID, handed_off=True),
    ),
    SendCase(
        "a record is new",
        MESSAGE,
        answer(201, {"id": "a01", "success": True, "errors": [], "created": True}),
        None,
        Accepted("a01", handed_off=True),
    ),
    SendCase(
        "a success with another note is known by its id",
        MESSAGE,
        answer(200, {"id": "a02", "success": True, "errors": [{"message": "slow"}]}),
        None,
        Accepted("a02", handed_off=True),
    ),
    SendCase("a record was there", MESSAGE, answer(204), None, Accepted(handed_off=True)),
    refused("a success that is none", answer(200, {"id": "a01"}), FailureKind.UNKNOWN),
    refused(
        "a result that failed",
        answer(200, {"success": False, "errors": [{"statusCode": "INVALID_FIELD"}]}),
        CONFIG,
    ),
    refused("a proxy that says 200", Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("the session ended", error(401, "INVALID_SESSION_ID"), CONFIG),
    refused("no such field", error(400, "INVALID_FIELD", fields=["Status__c"]), CONFIG),
    refused("no such object", error(404, "NOT_FOUND"), CONFIG),
    refused("no such type", error(400, "INVALID_TYPE"), CONFIG),
    refused("no right", error(403, "INSUFFICIENT_ACCESS_OR_READONLY"), CONFIG),
    refused("a right is missing at the object", error(400, "INSUFFICIENT_ACCESS"), CONFIG),
    refused("an old version", error(400, "UNSUPPORTED_API_VERSION"), CONFIG),
    refused("a field is empty", error(400, "REQUIRED_FIELD_MISSING"), CONTENT),
    refused("a rule", error(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"), CONTENT),
    refused("too long", error(400, "STRING_TOO_LONG"), CONTENT),
    refused("a number for a text", error(400, "JSON_PARSER_ERROR"), CONTENT),
    refused("a bad address", error(400, "INVALID_EMAIL_ADDRESS"), CONTENT),
    refused("deleted", error(404, "ENTITY_IS_DELETED"), CONTENT),
    refused("not unique", error(400, "DUPLICATE_VALUE"), CONTENT),
    refused("several records", answer(300, ["/services/data/1"]), CONTENT),
    refused(
        "the day's requests are used up",
        error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        THROTTLED,
        3600.0,
    ),
    refused(
        "too many at once",
        error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
        THROTTLED,
        30.0,
    ),
    refused("the hour's events are used up", error(400, "LIMIT_EXCEEDED"), THROTTLED, 900.0),
    refused("too many, with a time", answer(429, retry_after="5"), THROTTLED, 5.0),
    refused(
        "events are out of order",
        answer(
            200,
            {
                "success": False,
                "errors": [{"statusCode": "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE"}],
            },
        ),
        TRANSIENT,
    ),
    refused("a row is locked", error(400, "UNABLE_TO_LOCK_ROW"), TRANSIENT),
    refused("out of order", error(503, "SERVER_UNAVAILABLE"), TRANSIENT),
    refused("an inner error", answer(500), TRANSIENT),
    refused("a redirect", answer(302, location="/x"), CONFIG),
]
CALLBACK_CASES: list[CallbackCase] = []

RESOURCES = {"sobjects": "/services/data/v67.0/sobjects"}
VERIFY_CASES: list[tuple[Response, Any]] = [
    (
        answer(200, RESOURCES, sforce_limit_info="api-usage=18/5000"),
        "Salesforce answers with API version 67.0. 18 of 5000 requests of 24 hours are used.",
    ),
    (answer(200, RESOURCES), "Salesforce answers with API version 67.0."),
    (answer(200, {}), CONFIG),
    (error(401, "INVALID_SESSION_ID"), CONFIG),
    (error(404, "NOT_FOUND"), CONFIG),
    (answer(503), TRANSIENT),
]
