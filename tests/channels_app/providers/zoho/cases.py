"""What Zoho CRM is sent, and what it answers."""

import json
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import Accepted, Access, Message, Request, Response
from channels_app.failures import FailureKind
from channels_app.providers.zoho.provider import Zoho
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "centre": "eu",
    "client_id": "1000.TEST",
    "client_secret": "test-secret-1",
    "refresh_token": "1000.test.refresh",
    "stages": "ready = Ready to collect\ndelivered = Closed Won",
}
HOST = "https://www.zohoapis.eu"
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
    },
    "items": [{"id": "1", "name": "Margherita", "quantity": 2}],
    "store": {"slug": "harbour", "name": "Harbour"},
    "customer": {"id": "5", "name": "Ada Novák", "email": "ada@example.com", "opted_out": ["sms"]},
}
MESSAGE = Message(to="Deals", text="Order #1024 is ready.", ref="ref-1", data=DATA)
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Zoho-oauthtoken 1000.access",
}
RECORD = (
    '{"Orderbell_ID":"gid/1024","Deal_Name":"#1024 · Nonna","Order_Status":"ready",'
    '"Order_Text":"Order #1024 is ready.","Customer_Email":"ada@example.com",'
    '"Stage":"Ready to collect"}'
)
UPSERT = Request(
    "POST",
    f"{HOST}/crm/v8/Deals/upsert",
    HEADERS,
    (
        f'{{"data":[{RECORD}],"duplicate_check_fields":["Orderbell_ID"],"trigger":["workflow"]}}'
    ).encode(),
)


def pinned(**changes: str) -> Zoho:
    """A provider that has its token."""
    provider = Zoho({**CREDENTIALS, **changes})
    provider.access = Access("1000.access", NOW, {"api_domain": HOST})
    return provider


def answer(status: int, value: Any = None, **headers: str) -> Response:
    body = b"" if value is None else json.dumps(value).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, body)


def problem(code: str, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": "error"}


def error(status: int, code: str, **headers: str) -> Response:
    """A refusal of the call as a whole."""
    return answer(status, problem(code), **headers)


def in_record(code: str, status: int = 200, **details: Any) -> Response:
    """A refusal of the one record, in an answer that went well."""
    return answer(status, {"data": [problem(code, **details)]})


def taken(action: str) -> dict[str, Any]:
    details = {"id": "411000000082001", "Modified_Time": "2026-11-21T12:00:00+00:00"}
    return {"data": [{"code": "SUCCESS", "action": action, "details": details}]}


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


CONFIG, CONTENT = FailureKind.MISCONFIGURED, FailureKind.CONTENT_REJECTED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
ACCEPTED = Accepted("411000000082001", handed_off=True)
SEND_CASES = [
    SendCase("inserted", MESSAGE, answer(201, taken("insert")), UPSERT, ACCEPTED),
    SendCase("updated", MESSAGE, answer(200, taken("update")), None, ACCEPTED),
    SendCase("one of several codes", MESSAGE, answer(207, taken("update")), None, ACCEPTED),
    refused("nothing is said", answer(200, {"data": []}), FailureKind.UNKNOWN),
    refused("a proxy that says 200", Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("the token ended", error(401, "INVALID_TOKEN"), CONFIG),
    refused("the token is wrong", error(401, "AUTHENTICATION_FAILURE"), CONFIG),
    refused("a scope is missing", error(401, "OAUTH_SCOPE_MISMATCH"), CONFIG),
    refused("no right", error(403, "NO_PERMISSION"), CONFIG),
    refused("no such module", error(400, "INVALID_MODULE"), CONFIG),
    refused("a wrong address", error(404, "INVALID_URL_PATTERN"), CONFIG),
    refused("nothing there", answer(404), CONFIG),
    refused(
        "a field of another kind, with 200",
        in_record("INVALID_DATA", api_name="Order_Status", expected_data_type="integer"),
        CONFIG,
    ),
    refused("a field that is not ours", in_record("INVALID_DATA", 400, api_name="Stage"), CONFIG),
    refused(
        "a text too long",
        in_record("INVALID_DATA", api_name="Order_Text", maximum_length=2000),
        CONTENT,
    ),
    refused(
        "the customer's address",
        in_record("INVALID_DATA", api_name="Customer_Email", expected_data_type="email"),
        CONTENT,
    ),
    refused("a value, unnamed", in_record("INVALID_DATA", 202), CONTENT),
    refused(
        "a field that no line fills",
        in_record("MANDATORY_NOT_FOUND", api_name="Closing_Date"),
        CONFIG,
    ),
    refused(
        "a field that this order leaves empty",
        in_record("MANDATORY_NOT_FOUND", api_name="Customer_Email"),
        CONTENT,
    ),
    refused("not unique", in_record("DUPLICATE_DATA", api_name="Phone", id="1"), CONTENT),
    refused("in a blueprint", in_record("RECORD_IN_BLUEPRINT"), CONTENT),
    refused("changed meanwhile", error(412, "RECORD_MODIFIED"), TRANSIENT),
    refused("changed meanwhile, without words", answer(412), TRANSIENT),
    refused("locked", in_record("RECORD_LOCKED"), TRANSIENT),
    refused("too many at once", error(429, "TOO_MANY_REQUESTS"), THROTTLED, 10.0),
    refused(
        "the day's credits are used up",
        error(429, "TOO_MANY_REQUESTS", x_api_credits_remaining="0"),
        THROTTLED,
        3600.0,
    ),
    refused(
        "too many at once, with credits",
        error(429, "TOO_MANY_REQUESTS", x_api_credits_remaining="2412"),
        THROTTLED,
        10.0,
    ),
    refused("too many, with a time", answer(429, retry_after="5"), THROTTLED, 5.0),
    refused("an error that says success", answer(500, taken("insert")), TRANSIENT),
    refused("an inner error", error(500, "INTERNAL_ERROR"), TRANSIENT),
    refused("a gateway's page", Response(502, {}, b"<html>"), TRANSIENT),
    refused("a redirect", answer(302, location="/x"), CONFIG),
]
CALLBACK_CASES: list[CallbackCase] = []

VERIFY_CASES: list[tuple[Response, Any]] = [
    (answer(200, {"org": [{"company_name": "Nonna Ltd"}]}), "Zoho CRM answers for Nonna Ltd."),
    (answer(200, {"org": [{"id": "1"}]}), "Zoho CRM answers for the account."),
    (answer(200, {"org": []}), CONFIG),
    (error(401, "INVALID_TOKEN"), CONFIG),
    (error(401, "OAUTH_SCOPE_MISMATCH"), CONFIG),
    (error(429, "TOO_MANY_REQUESTS"), THROTTLED),
    (answer(503), TRANSIENT),
]
