"""What PagerDuty is sent, what it answers, and what it calls us with."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    IncidentAction,
    Message,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "routing_key": "0123456789abcdef0123456789ABCDEF",
    "webhook_secret": "secret+of/a+webhook0",
    "region": "us",
}
URL = "https://events.pagerduty.com/v2/enqueue"
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
TOKEN = "5f0c" * 10


def incident(state: str = "open", **changes: str) -> dict[str, Any]:
    """The fields of a message about an incident."""
    known = {
        "token": TOKEN,
        "kind": "unreached",
        "title": "Ada was not reached: #1024 is ready",
        "state": state,
        "url": "https://hub.example.com/a/t1/",
    }
    return {"brand": "Nonna", "incident": known | changes}


ALERT = Message(
    to="harbour",
    subject="Nonna",
    text="Ada was not reached: #1024 is ready.\nSince 12:05. Call Ada ¡ya!",
    ref="ref-1",
    urgent=True,
    url="https://hub.example.com/t/1/",
    data={
        **incident(),
        "order": {"number": "#1024", "status": "ready"},
        "store": {"name": "Nonna Harbour"},
    },
)
PLAIN = Message(to="harbour", text="#1024 · is late", ref="ref-2", data={"brand": "Nonna"})


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def taken(key: str) -> Response:
    return answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})


def refused(*errors: str) -> Response:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return answer(400, body)


def closing(action: str) -> Request:
    body = (
        '{"routing_key":"0123456789abcdef0123456789ABCDEF",'
        f'"event_action":"{action}","dedup_key":"{TOKEN}"}}'
    )
    return Request("POST", URL, HEADERS, body.encode())


def about(state: str) -> Message:
    return Message(to="harbour", text="It is over.", ref="ref-3", data=incident(state))


SEND_CASES = [
    SendCase(
        "an incident opens an alert under its own key",
        ALERT,
        taken(TOKEN),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"routing_key":"0123456789abcdef0123456789ABCDEF","event_action":"trigger",'
                f'"dedup_key":"{TOKEN}",'
                '"payload":{"summary":"Ada was not reached: #1024 is ready","source":"harbour",'
                '"severity":"error","component":"Nonna Harbour","group":"Nonna",'
                '"class":"unreached","custom_details":{'
                '"message":"Ada was not reached: #1024 is ready.\\nSince 12:05. Call Ada ¡ya!",'
                '"order":"#1024","status":"ready"}},'
                '"client":"Orderbell",'
                '"links":[{"href":"https://hub.example.com/a/t1/","text":"Open alert"},'
                '{"href":"https://hub.example.com/t/1/","text":"View order"}],'
                '"client_url":"https://hub.example.com/a/t1/"}'
            ).encode(),
        ),
        Accepted(TOKEN),
    ),
    SendCase(
        "a message about no incident is an alert by itself",
        PLAIN,
        taken("ref-2"),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"routing_key":"0123456789abcdef0123456789ABCDEF","event_action":"trigger",'
                '"dedup_key":"ref-2","payload":{"summary":"#1024 · is late","source":"harbour",'
                '"severity":"error","group":"Nonna",'
                '"custom_details":{"message":"#1024 · is late"}},'
                '"client":"Orderbell","links":[]}'
            ).encode(),
        ),
        Accepted("ref-2"),
    ),
    SendCase("the end of an incident resolves it there", about("resolved"), taken(TOKEN),
             closing("resolve"), Accepted(TOKEN)),
    SendCase("somebody is on it", about("acknowledged"), taken(TOKEN),
             closing("acknowledge"), Accepted(TOKEN)),
    SendCase("a key of the wrong length", ALERT,
             refused("Length of 'routing_key' is incorrect (should be 32 characters)"), None,
             FailureKind.MISCONFIGURED),
    SendCase("a key that nobody knows", ALERT,
             answer(400, {"status": "Bad Request", "message": "Invalid routing key"}), None,
             FailureKind.MISCONFIGURED),
    SendCase("a summary that is too long", ALERT, refused("'payload.summary' is too long"), None,
             FailureKind.CONTENT_REJECTED),
    SendCase("a 400 without words", ALERT, answer(400, b""), None, FailureKind.CONTENT_REJECTED),
    SendCase("a path that is not there", ALERT, answer(404, b""), None,
             FailureKind.MISCONFIGURED),
    SendCase("a 403", ALERT, answer(403, {"status": "forbidden"}), None,
             FailureKind.MISCONFIGURED),
    SendCase("an event that is too large", ALERT, answer(413, b""), None,
             FailureKind.CONTENT_REJECTED),
    SendCase("too many in a minute", ALERT,
             answer(429, {"status": "throttle exceeded", "message": "Slow down"}), None,
             FailureKind.THROTTLED, 30.0),
    SendCase("too many, with a wait", ALERT, answer(429, b"", {"retry-after": "5"}), None,
             FailureKind.THROTTLED, 5.0),
    SendCase("trouble at PagerDuty", ALERT,
             answer(500, {"status": "internal error", "message": "..."}), None,
             FailureKind.TRANSIENT),
    SendCase("a page with 503", ALERT, answer(503, b"<html>"), None, FailureKind.TRANSIENT),
    SendCase("a 202 that cannot be read", ALERT, answer(202, b"<html>"), None,
             FailureKind.UNKNOWN),
    SendCase("a 202 that is no success", ALERT, answer(202, {"status": "failed"}), None,
             FailureKind.UNKNOWN),
]  # fmt: skip


def signed(body: bytes, secret: str = CREDENTIALS["webhook_secret"]) -> CallbackRequest:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-pagerduty-signature": f"v1={mac}"}
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


def event(event_type: str, **changes: Any) -> dict[str, Any]:
    """A webhook's event, as PagerDuty's pages describe it."""
    return {
        "id": "01EVENT",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-11-21T12:07:00.000Z",
        "agent": {"id": "P0ROBIN", "type": "user_reference", "summary": "Robin Ortega"},
        "client": {"name": "PagerDuty"},
        "data": {
            "id": "Q0INCIDENT",
            "type": "incident",
            "number": 2,
            "status": "acknowledged",
            "incident_key": TOKEN,
            "title": "Ada was not reached",
        },
        **changes,
    }


def webhook(event_type: str, **changes: Any) -> CallbackRequest:
    return signed(json.dumps({"event": event(event_type, **changes)}).encode())


def did(verb: str, actor: str = "Robin Ortega") -> IncidentAction:
    return IncidentAction(TOKEN, verb, actor, event_id="01EVENT")


def case(label: str, request: CallbackRequest, *expected: IncidentAction) -> CallbackCase:
    return CallbackCase(label, request, expected, CREDENTIALS)


CALLBACK_CASES = [
    case("acknowledged", webhook("incident.acknowledged"), did("acknowledge")),
    case("resolved", webhook("incident.resolved"), did("resolve")),
    case("an acknowledgement that ran out", webhook("incident.unacknowledged", agent=None),
         did("reopen", "")),
    case("reopened", webhook("incident.reopened"), did("reopen")),
    case("an agent without a name",
         webhook("incident.resolved", agent={"id": "P0ROBIN"}), did("resolve", "P0ROBIN")),
    case("our own alert", webhook("incident.triggered")),
    case("a note", webhook("incident.annotated", data={"type": "incident_note"})),
    case("an incident without a key", webhook("incident.resolved", data={"incident_key": None})),
    case("the test that PagerDuty sends",
         webhook("pagey.ping", data={"type": "ping", "message": "Hello from your friend Pagey!"})),
    case("no event at all", signed(b"{}")),
]  # fmt: skip
