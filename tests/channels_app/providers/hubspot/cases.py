"""What HubSpot is sent, and what it answers."""

import json
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "service_key": "pat-eu1-0000-test-0000-0001",
    "mode": "orders",
    "stages": "ready = 4b27-ready",
}
DATA: dict[str, Any] = {
    "event": "ready",
    "occurred_at": "2026-11-21T12:00:00+00:00",
    "brand": "Nonna",
    "order": {
        "id": "77",
        "external_id": "gid/1024",
        "number": "#1024",
        "status": "ready",
        "previous_status": "preparing",
        "currency": "EUR",
        "total_minor": 2150,
        "refunded_minor": 0,
    },
    "items": [{"id": "1", "name": "Margherita", "quantity": 2}],
    "store": {"slug": "harbour", "name": "Harbour"},
    "customer": {"id": "5", "name": "Ada Novak", "email": "ada@example.com", "opted_out": ["sms"]},
}
MESSAGE = Message(to="pipe-7", text="Order #1024 is ready.", ref="ref-1", data=DATA)
BEARER = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Bearer pat-eu1-0000-test-0000-0001",
}
BODY = (
    '{"properties":{"hs_order_name":"#1024 · Nonna","hs_external_order_id":"gid/1024",'
    '"hs_external_order_status":"ready","hs_currency_code":"EUR","hs_total_price":"21.50","hs_source_store":"Harbour",'
    '"hs_pipeline_stage":"4b27-ready"}}'
).encode()
UPDATE = Request(
    "PATCH",
    "https://api.hubapi.com/crm/objects/2026-09/orders/gid%2F1024?idProperty=orderbell_order_id",
    BEARER,
    BODY,
)


def answer(status: int, value: Any = None, **headers: str) -> Response:
    body = b"" if value is None else json.dumps(value).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, body)


def error(status: int, category: str, message: str = "no", **more: Any) -> Response:
    return answer(status, {"status": "error", "category": category, "message": message, **more})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, MESSAGE, response, None, kind, wait)


def detail(code: str, message: str = "no") -> Response:
    """A refusal of values, with one detail."""
    return error(400, "VALIDATION_ERROR", errors=[{"code": code, "message": message}])


CONFIG, CONTENT = FailureKind.MISCONFIGURED, FailureKind.CONTENT_REJECTED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
RECORD = {"id": "10457", "properties": {}, "archived": False}
SEND_CASES = [
    SendCase("changed", MESSAGE, answer(200, RECORD), UPDATE, Accepted("10457", handed_off=True)),
    SendCase("made", MESSAGE, answer(201, RECORD), None, Accepted("10457", handed_off=True)),
    refused("taken, it seems, but not named", answer(200, {}), FailureKind.UNKNOWN),
    refused("a proxy that says 200", Response(200, {}, b"<html>"), FailureKind.UNKNOWN),
    refused("still at the contact", answer(200, {"results": [{"id": "1"}]}), TRANSIENT),
    refused("the key is not known", error(401, "INVALID_AUTHENTICATION"), CONFIG),
    refused("a scope is missing", error(403, "MISSING_SCOPES"), CONFIG),
    refused("the record is gone", error(404, "OBJECT_NOT_FOUND"), CONTENT),
    refused("no such version", answer(404), CONFIG),
    refused("no such property", detail("PROPERTY_DOESNT_EXIST"), CONFIG),
    refused("no such option", detail("INVALID_OPTION"), CONFIG),
    refused(
        "the key is not unique",
        error(400, "VALIDATION_ERROR", "Unable to perform update/upsert by non-unique 0-123 x"),
        CONFIG,
    ),
    refused("a bad email address", detail("INVALID_EMAIL"), CONTENT),
    refused("a rule of the account", error(400, "VALIDATION_ERROR", "Total must be > 0"), CONTENT),
    refused("somebody else was first", error(409, "CONFLICT"), TRANSIENT),
    refused("locked", answer(423), TRANSIENT),
    refused("the account moves", answer(477, retry_after="86400"), TRANSIENT, 86400.0),
    refused(
        "too many in ten seconds",
        error(429, "RATE_LIMITS", policyName="TEN_SECONDLY_ROLLING"),
        THROTTLED,
        10.0,
    ),
    refused(
        "too many today", error(429, "RATE_LIMITS", policyName="DAILY"), THROTTLED, 3600.0
    ),
    refused("too many, with a time", answer(429, retry_after="7"), THROTTLED, 7.0),
    refused("too large", answer(413), CONTENT),
    refused("an inner error", answer(500), TRANSIENT),
    refused("a gateway's page", Response(502, {}, b"<html>"), TRANSIENT),
    refused("a gateway of Cloudflare's", answer(524), TRANSIENT),
    refused("a redirect", answer(302, location="/x"), CONFIG),
]  # fmt: skip
CALLBACK_CASES: list[CallbackCase] = []

UNIQUE = {"name": "orderbell_order_id", "label": "Orderbell id", "hasUniqueValue": True}
VERIFY_CASES: list[tuple[Response, Any]] = [
    (answer(200, UNIQUE), "HubSpot knows orders by “Orderbell id”."),
    (answer(200, {**UNIQUE, "hasUniqueValue": False}), CONFIG),
    (answer(404), CONFIG),
    (error(401, "INVALID_AUTHENTICATION"), CONFIG),
    (error(429, "RATE_LIMITS"), THROTTLED),
    (answer(503), TRANSIENT),
]
