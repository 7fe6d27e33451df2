"""What Discord is sent, and what it answers."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

WEBHOOK = "223704706495545344"
SECRET = "3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372ba29"
CREDENTIALS = {"webhook_url": f"https://discordapp.com/api/webhooks/{WEBHOOK}/{SECRET}"}
URL = f"https://discord.com/api/v10/webhooks/{WEBHOOK}/{SECRET}"
HEADERS = {"Content-Type": "application/json; charset=utf-8"}
TOKEN = "5f0c" * 10

PLAIN = Message(to="#kitchen", text="Order #1024 is late.", ref="ref-1")
ALERT = Message(
    to="199737254929760999",
    subject="Nobody reached [Ada](http://evil.example/a_b)",
    text="Call **Ada** @everyone 🍕\n# see https://hub.example.com/t/a_b*c\n- 2 < 3",
    ref="ref-2",
    language="es",
    url="https://hub.example.com/t/a_b/",
    data={
        "order": {"number": "#1024"},
        "store": {"name": "Centro_Sur_"},
        "incident": {
            "token": TOKEN,
            "kind": "unreached",
            "title": "Ada was not told",
            "state": "open",
            "url": "https://hub.example.com/a/t1/",
        },
    },
)


def answer(status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers or {}, raw)


def refused(status: int, code: int, kind: FailureKind) -> SendCase:
    body = {"message": "The words of Discord.", "code": code}
    return SendCase(f"{status} with {code}", PLAIN, answer(status, body), None, kind)


def bare(status: int, kind: FailureKind, body: bytes = b"<html>") -> SendCase:
    return SendCase(f"{status} without a code", PLAIN, answer(status, body), None, kind)


def limited(
    label: str, wait: float | None, body: Any, headers: Mapping[str, str] | None = None
) -> SendCase:
    response = answer(429, body, headers)
    return SendCase(f"429 {label}", PLAIN, response, None, FailureKind.THROTTLED, wait)


def slow(**changes: Any) -> dict[str, Any]:
    said = {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}
    return said | changes


TAKEN = answer(200, {"id": "1093000000000000001", "channel_id": "1", "type": 0, "embeds": []})
SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            f"{URL}?wait=true",
            HEADERS,
            b'{"embeds":[{"description":"Order #1024 is late."}],"allowed_mentions":{"parse":[]}}',
        ),
        Accepted("1093000000000000001"),
    ),
    SendCase(
        "an alert in a thread: escaped, coloured, with two links",
        ALERT,
        TAKEN,
        Request(
            "POST",
            f"{URL}?wait=true&thread_id=199737254929760999",
            HEADERS,
            (
                '{"embeds":[{"title":"Nobody reached \\\\[Ada\\\\](http://evil.example/a_b)",'
                '"description":"Call \\\\*\\\\*Ada\\\\*\\\\* @everyone 🍕\\n'
                '\\\\# see https://hub.example.com/t/a_b*c\\n\\\\- 2 \\\\< 3",'
                '"color":12597547,"fields":['
                '{"name":"Abrir aviso","value":"https://hub.example.com/a/t1/"},'
                '{"name":"Ver pedido","value":"https://hub.example.com/t/a_b/"}],'
                '"footer":{"text":"#1024 · Centro_Sur_"}}],"allowed_mentions":{"parse":[]}}'
            ).encode(),
        ),
        Accepted("1093000000000000001"),
    ),
    refused(404, 10003, FailureKind.RECIPIENT_INVALID),
    refused(400, 220001, FailureKind.RECIPIENT_INVALID),
    refused(400, 50083, FailureKind.RECIPIENT_INVALID),
    refused(403, 160005, FailureKind.RECIPIENT_INVALID),
    refused(404, 10015, FailureKind.MISCONFIGURED),
    refused(401, 50027, FailureKind.MISCONFIGURED),
    refused(403, 50013, FailureKind.MISCONFIGURED),
    refused(400, 50035, FailureKind.CONTENT_REJECTED),
    refused(400, 50006, FailureKind.CONTENT_REJECTED),
    refused(400, 0, FailureKind.CONTENT_REJECTED),
    refused(413, 40005, FailureKind.CONTENT_REJECTED),
    refused(400, 200000, FailureKind.CONTENT_REJECTED),
    refused(400, 240000, FailureKind.CONTENT_REJECTED),
    refused(400, 20028, FailureKind.THROTTLED),
    refused(400, 20029, FailureKind.THROTTLED),
    bare(401, FailureKind.MISCONFIGURED),
    bare(404, FailureKind.MISCONFIGURED),
    bare(413, FailureKind.CONTENT_REJECTED),
    limited("with a wait in the body", 64.57, slow()),
    limited("with a longer wait in the header", 65.0, slow(), {"retry-after": "65"}),
    limited("until the bucket is new", 70.5, slow(), {"x-ratelimit-reset-after": "70.5"}),
    limited("with no wait that can be read", None, slow(retry_after=True)),
    limited("of the guard before it", 600.0, b"error code: 1015"),
    limited("of the guard, for an hour", 3600.0, b"<html>", {"retry-after": "3600"}),
    bare(500, FailureKind.TRANSIENT, b'{"message":"500: Internal Server Error","code":0}'),
    bare(502, FailureKind.TRANSIENT),
    SendCase("a 204, as without waiting", PLAIN, answer(204), None, FailureKind.UNKNOWN),
    SendCase("a 200 without an id", PLAIN, answer(200, {"id": ""}), None, FailureKind.UNKNOWN),
    SendCase("a 200 that is no JSON", PLAIN, answer(200, b"<html>"), None, FailureKind.UNKNOWN),
]
CALLBACK_CASES: list[CallbackCase] = []

# As the vendor's page shows it.
KNOWN = {
    "name": "test webhook",
    "type": 1,
    "channel_id": "199737254929760256",
    "token": SECRET,
    "avatar": None,
    "guild_id": "199737254929760256",
    "id": WEBHOOK,
    "application_id": None,
}
VERIFY_CASES = [
    (
        answer(200, KNOWN),
        "Discord knows the webhook test webhook; it posts into the room 199737254929760256.",
    ),
    (answer(200, {"id": WEBHOOK}), "Discord knows the webhook ?; it posts into the room ?."),
    (answer(404, {"message": "Unknown Webhook", "code": 10015}), FailureKind.MISCONFIGURED),
    (answer(401, {"message": "Invalid", "code": 50027}), FailureKind.MISCONFIGURED),
    (answer(429, slow()), FailureKind.THROTTLED),
    (answer(503), FailureKind.TRANSIENT),
    (answer(200, {}), FailureKind.UNKNOWN),
    (answer(200, b"<html>"), FailureKind.UNKNOWN),
]
