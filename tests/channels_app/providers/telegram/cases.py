"""What Telegram is sent, what it answers, and what it posts to us."""

import json
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    Message,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

TOKEN = "987654321:test-bot-token-test-bot-token-0001"
CREDENTIALS = {
    "bot_token": TOKEN,
    "bot_username": "bella_napoli_bot",
    "webhook_secret": "test_webhook_secret_1",
}
URL = f"https://api.telegram.org/bot{TOKEN}/sendMessage"
JSON = {"Content-Type": "application/json; charset=utf-8"}
PLAIN = Message(to="5550143", text="Your order #1024 is ready.", ref="ref-1")


def answer(status: int, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **headers}, raw)


def error(code: int, said: str, **parameters: int) -> Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": said}
    return answer(code, {**body, "parameters": parameters} if parameters else body)


TAKEN = answer(
    200,
    {
        "ok": True,
        "result": {
            "message_id": 77,
            "date": 1795289400,
            "chat": {"id": 5550143, "type": "private"},
            "text": "Your order #1024 is ready.",
        },
    },
)


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            URL,
            JSON,
            b'{"chat_id":5550143,"text":"Your order #1024 is ready.","parse_mode":"HTML",'
            b'"link_preview_options":{"is_disabled":true}}',
        ),
        Accepted("5550143:77"),
    ),
    SendCase(
        "markup is escaped, buttons come one a row, a group's number is negative",
        Message(
            to="-1001234567890",
            text="<b>2 & 3</b> \u00a1listo! \U0001f355",
            ref="ref-2",
            language="es-MX",
            url="https://orders.example.com/t/abc/",
            actions=[("Voy", "ack:1"), ("Llego tarde", "late:1")],
        ),
        answer(200, {"ok": True, "result": {"message_id": 5, "chat": {"id": -1001234567890}}}),
        Request(
            "POST",
            URL,
            JSON,
            (
                '{"chat_id":-1001234567890,"text":"&lt;b&gt;2 &amp; 3&lt;/b&gt; '
                '¡listo! \U0001f355",'
                '"parse_mode":"HTML","link_preview_options":{"is_disabled":true},'
                '"reply_markup":{"inline_keyboard":['
                '[{"text":"Voy","callback_data":"ack:1"}],'
                '[{"text":"Llego tarde","callback_data":"late:1"}],'
                '[{"text":"Ver pedido","url":"https://orders.example.com/t/abc/"}]]}}'
            ).encode(),
        ),
        Accepted("-1001234567890:5"),
    ),
    refused(
        "the user blocked the bot",
        error(403, "Forbidden: bot was blocked by the user"),
        FailureKind.OPTED_OUT,
    ),
    refused(
        "a deleted account",
        error(403, "Forbidden: user is deactivated"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "removed from a group",
        error(403, "Forbidden: bot was kicked from the supergroup chat"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "never started",
        error(403, "Forbidden: bot can't initiate conversation with a user"),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "no such chat", error(400, "Bad Request: chat not found"), FailureKind.RECIPIENT_INVALID
    ),
    refused(
        "a group that became a supergroup",
        error(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            migrate_to_chat_id=-1009876543210,
        ),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "an empty text",
        error(400, "Bad Request: message text is empty"),
        FailureKind.CONTENT_REJECTED,
    ),
    refused(
        "broken markup",
        error(400, "Bad Request: can't parse entities: unsupported start tag"),
        FailureKind.CONTENT_REJECTED,
    ),
    refused("a wrong token", error(401, "Unauthorized"), FailureKind.MISCONFIGURED),
    refused("a malformed token", error(404, "Not Found"), FailureKind.MISCONFIGURED),
    refused(
        "somebody else polls",
        error(409, "Conflict: terminated by other getUpdates request"),
        FailureKind.MISCONFIGURED,
    ),
    refused(
        "too many, with the wait in the body",
        error(429, "Too Many Requests: retry after 17", retry_after=17),
        FailureKind.THROTTLED,
        17.0,
    ),
    refused(
        "too many, with the wait in the header",
        answer(429, {"ok": False, "error_code": 429}, **{"retry-after": "9"}),
        FailureKind.THROTTLED,
        9.0,
    ),
    refused("an inner error", error(500, "Internal Server Error"), FailureKind.TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>Bad Gateway</html>"), FailureKind.TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), FailureKind.UNKNOWN),
    refused("a 200 without a message", answer(200, {"ok": True}), FailureKind.UNKNOWN),
]

BOT_OF_OURS = {"id": 987654321, "is_bot": True, "first_name": "Bella"}
VERIFY_CASES = [
    (
        answer(200, {"ok": True, "result": {**BOT_OF_OURS, "username": "Bella_Napoli_bot"}}),
        "The bot is @Bella_Napoli_bot, named Bella.",
    ),
    (
        answer(200, {"ok": True, "result": {**BOT_OF_OURS, "username": "another_bot"}}),
        FailureKind.MISCONFIGURED,
    ),
    (error(401, "Unauthorized"), FailureKind.MISCONFIGURED),
    (error(404, "Not Found"), FailureKind.MISCONFIGURED),
    (answer(200, {"ok": True, "result": True}), FailureKind.TRANSIENT),
    (answer(502, b"<html>"), FailureKind.TRANSIENT),
]

USER = {
    "id": 5550143,
    "is_bot": False,
    "first_name": "Ada",
    "last_name": "L",
    "language_code": "en",
}
CHAT = {"id": 5550143, "type": "private", "first_name": "Ada"}
GROUP = {"id": -100777, "type": "supergroup", "title": "Kitchen"}
BOT = {"id": 987654321, "is_bot": True, "first_name": "Bella"}
OURS = {"message_id": 77, "date": 1795289400, "chat": CHAT, "from": BOT, "text": "Ready"}


def call(update: Any) -> CallbackRequest:
    headers = {
        "content-type": "application/json",
        "x-telegram-bot-api-secret-token": CREDENTIALS["webhook_secret"],
    }
    body = update if isinstance(update, bytes) else json.dumps(update).encode()
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


def message(**fields: Any) -> dict[str, Any]:
    return {"message_id": 9, "date": 1795289400, "chat": CHAT, "from": USER, **fields}


def member(chat: Any, status: str) -> dict[str, Any]:
    user = {"user": BOT}
    return {
        "chat": chat,
        "from": USER,
        "date": 1795289400,
        "old_chat_member": {**user, "status": "member"},
        "new_chat_member": {**user, "status": status, "until_date": 0},
    }


def case(label: str, update: Any, *expected: InboundMessage) -> CallbackCase:
    return CallbackCase(label, call(update), expected, CREDENTIALS)


ADA: dict[str, Any] = {"sender_name": "Ada L", "language": "en"}
CALLBACK_CASES = [
    case(
        "a text",
        {"update_id": 1001, "message": message(text="STOP")},
        InboundMessage("u1001", "5550143", text="STOP", **ADA),
    ),
    case(
        "a start by a link keeps its payload",
        {"update_id": 1002, "message": message(text="/start ord_4b0c7e1f")},
        InboundMessage("u1002", "5550143", text="/start ord_4b0c7e1f", **ADA),
    ),
    case(
        "a pressed button",
        {
            "update_id": 1003,
            "callback_query": {
                "id": "4382",
                "from": USER,
                "chat_instance": "1",
                "message": OURS,
                "data": "ack:1",
            },
        },
        InboundMessage("u1003", "5550143", action="ack:1", **ADA),
    ),
    case(
        "a button pressed in a group",
        {
            "update_id": 1004,
            "callback_query": {
                "id": "4383",
                "from": USER,
                "chat_instance": "1",
                "message": {**OURS, "chat": GROUP},
                "data": "ack:2",
            },
        },
        InboundMessage("u1004", "-100777", action="ack:2", **ADA),
    ),
    case(
        "the bot was blocked",
        {"update_id": 1005, "my_chat_member": member(CHAT, "kicked")},
        InboundMessage("u1005", "5550143", left=True, **ADA),
    ),
    case(
        "the bot was unblocked: only a start of their own counts",
        {"update_id": 1006, "my_chat_member": member(CHAT, "member")},
    ),
    case("talk in a group", {"update_id": 1007, "message": message(chat=GROUP, text="STOP")}),
    case("a sticker", {"update_id": 1008, "message": message(sticker={"emoji": "x"})}),
    case("an edit", {"update_id": 1009, "edited_message": message(text="STOP")}),
    case("another bot", {"update_id": 1010, "message": {**message(text="hi"), "from": BOT}}),
    case("a kind that we do not know", {"update_id": 1011, "poll": {"id": "1"}}),
]
