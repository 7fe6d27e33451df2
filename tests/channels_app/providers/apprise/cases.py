"""What an Apprise API server is sent, and what it answers. It calls us never."""

import json
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "server_url": "https://apprise.example.com",
    "notification_urls": (
        "kitchen = ntfys://user:secret@ntfy.example.com/kitchen?priority=high\n"
        "Night shift=gotifys://gotify.example.com/AbCdEf.123\n"
        "lan = gotify://192.168.7.7/AbCdEf.123"
    ),
    "username": "orderbell",
    "password": "correct horse",
}
URL = "https://apprise.example.com/notify"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Accept": "application/json",
    "Authorization": "Basic b3JkZXJiZWxsOmNvcnJlY3QgaG9yc2U=",
}
PLAIN = Message(to="kitchen", text="Order #1024 is late ¡ya!", ref="ref-1")


def incident(state: str = "open", kind: str = "unreached") -> dict[str, Any]:
    return {
        "incident": {
            "token": "5f0c" * 10,
            "kind": kind,
            "title": "Ada was not told",
            "state": state,
            "url": "https://hub.example.com/a/t1/",
        }
    }


ALERT = Message(
    to="Night shift",
    subject="Ada was not told",
    text="Call <Ada> & say *sorry*.",
    ref="ref-2",
    language="es",
    url="https://hub.example.com/orders/7/",
    data=incident(),
)


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def refused(status: int, kind: FailureKind, wait: str = "") -> SendCase:
    headers = {"retry_after": wait} if wait else {}
    body = {"error": "One or more: ntfys://user:secret@ntfy.example.com", "details": []}
    response = answer(status, body, **headers)
    return SendCase(str(status), PLAIN, response, None, kind, float(wait) if wait else None)


CONTENT, CONFIG = FailureKind.CONTENT_REJECTED, FailureKind.MISCONFIGURED
THROTTLED, TRANSIENT = FailureKind.THROTTLED, FailureKind.TRANSIENT
UNKNOWN = FailureKind.UNKNOWN
TAKEN = answer(200, {"error": None, "details": [["INFO", "2026-11-21", "Sent."]]})
SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            '{"urls":"ntfys://user:secret@ntfy.example.com/kitchen?priority=high","title":"",'
            '"body":"Order #1024 is late ¡ya!","type":"info","format":"text"}'.encode(),
        ),
        Accepted(),
    ),
    SendCase(
        "an alert with its links",
        ALERT,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b'{"urls":"gotifys://gotify.example.com/AbCdEf.123","title":"Ada was not told",'
            b'"body":"Call <Ada> & say *sorry*.\\n\\nAbrir aviso: https://hub.example.com/a/t1/'
            b'\\n\\nVer pedido: https://hub.example.com/orders/7/","type":"failure",'
            b'"format":"text"}',
        ),
        Accepted(),
    ),
    SendCase(
        "204: a URL that it cannot call",
        PLAIN,
        answer(204),
        None,
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(400, CONTENT),
    refused(401, CONFIG),
    refused(403, CONFIG),
    refused(404, CONFIG),
    refused(405, CONFIG),
    refused(406, CONFIG),
    refused(421, CONFIG),
    refused(424, TRANSIENT),
    refused(429, THROTTLED, "12"),
    refused(431, CONTENT),
    refused(500, TRANSIENT),
    refused(503, TRANSIENT, "5"),
    SendCase("a 200 with an error", PLAIN, answer(200, {"error": "x"}), None, UNKNOWN),
    SendCase("a 200 of something else", PLAIN, answer(200, {"ok": 1}), None, UNKNOWN),
    SendCase("a 200 that is not JSON", PLAIN, answer(200, b"<html>"), None, UNKNOWN),
]
SAYS = "Whether the rooms work is not said."
STATUS = {"config_lock": False, "status": {"can_write_config": True, "details": ["OK"]}}
ILL = {"status": {"details": ["CONFIG_PERMISSION_ISSUE", "ATTACH_PERMISSION_ISSUE"]}}
VERIFY_CASES: list[tuple[Response, str | FailureKind]] = [
    (answer(200, STATUS), f"The Apprise server answers: OK. {SAYS}"),
    (
        answer(417, ILL),
        f"The Apprise server answers: CONFIG_PERMISSION_ISSUE, ATTACH_PERMISSION_ISSUE. {SAYS}",
    ),
    (answer(401), CONFIG),
    (answer(404, b"<html>"), CONFIG),
    (answer(200, {"hello": "world"}), UNKNOWN),
    (answer(200, b"<html>"), UNKNOWN),
    (answer(502), TRANSIENT),
]
CALLBACK_CASES: list[CallbackCase] = []
