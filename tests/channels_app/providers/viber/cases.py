"""What Viber is sent, what it answers, and what it posts to us."""

import json
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    Message,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.providers.viber.callbacks import signature
from tests.cases import CallbackCase, SendCase

# The key of the vendor's own example.
TOKEN = "44dafb7e0f40021e-61a47a1e6778d187-f2c5a676a07050b3"
CREDENTIALS = {"auth_token": TOKEN, "sender_name": "Bella Napoli", "bot_uri": "bellanapoli"}
URL = "https://chatapi.viber.com/pa/send_message"
HEADERS = {"Content-Type": "application/json; charset=utf-8", "X-Viber-Auth-Token": TOKEN}
PERSON = "01234567890A="
LINK = "https://orders.example.com/t/abc/"
PLAIN = Message(to=PERSON, text="Your order #1024 is ready.", ref="ref-1")
NAME = 4912661846655238145  # more than a float can hold
HEAD = b'{"receiver":"01234567890A=","min_api_version":1,"sender":{"name":"Bella Napoli"},'


def answer(status: int, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **headers}, raw)


def told(status: int, said: str = "no") -> Response:
    return answer(200, {"status": status, "status_message": f"{said} {PERSON}"})


TAKEN = answer(
    200,
    b'{"status":0,"status_message":"ok","message_token":4912661846655238145,'
    b'"chat_hostname":"SN-CHAT-01_","billing_status":1}',
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
        Request("POST", URL, HEADERS, HEAD + b'"type":"text","text":"Your order #1024 is ready."}'),
        Accepted("4912661846655238145"),
    ),
    SendCase(
        "a keyboard with answers and the link; labels are HTML, texts are not",
        Message(
            to=PERSON,
            text="<b>2 & 3</b> ¡listo!",
            ref="ref-2",
            language="es-MX",
            url=LINK,
            actions=[("Voy <3", "ack:1")],
        ),
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD
            + '"type":"text","text":"<b>2 & 3</b> ¡listo!",'
            '"keyboard":{"Type":"keyboard","DefaultHeight":false,"Buttons":['
            '{"Columns":6,"Rows":1,"ActionType":"reply","ActionBody":"ack:1",'
            '"Text":"Voy &lt;3"},'
            '{"Columns":6,"Rows":1,"ActionType":"open-url",'
            '"ActionBody":"https://orders.example.com/t/abc/","Text":"Ver pedido"}]}}'.encode(),
        ),
        Accepted("4912661846655238145"),
    ),
    refused("nobody", told(5), FailureKind.RECIPIENT_INVALID),
    refused("not subscribed", told(6), FailureKind.OPTED_OUT),
    refused("no device for it", told(11), FailureKind.RECIPIENT_INVALID),
    refused("an app that is too old", told(13), FailureKind.RECIPIENT_INVALID),
    *[
        refused(f"the account, status {status}", told(status), FailureKind.MISCONFIGURED)
        for status in (1, 2, 7, 8, 9, 10, 15)
    ],
    *[
        refused(f"the message, status {status}", told(status), FailureKind.CONTENT_REJECTED)
        for status in (3, 4, 14, 16, 17, 18, 19, 20, 99)
    ],
    refused("too fast", told(12), FailureKind.THROTTLED),
    refused(
        "too fast, from what is in front of Viber",
        answer(429, b"slow down", **{"retry-after": "20"}),
        FailureKind.THROTTLED,
        20.0,
    ),
    refused("a hiccup", told(21, "General error"), FailureKind.TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>Bad Gateway</html>"), FailureKind.TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), FailureKind.UNKNOWN),
    refused("a 200 without a status", answer(200, {}), FailureKind.UNKNOWN),
    refused("a 200 without a message", answer(200, {"status": 0}), FailureKind.UNKNOWN),
]

BOT = {"status": 0, "status_message": "ok", "name": "Bella Napoli", "subscribers_count": 35}
VERIFY_CASES = [
    (
        answer(200, {**BOT, "webhook": "https://hub.example.com/receipts/k/"}),
        "The bot is Bella Napoli, with 35 subscribers.",
    ),
    (
        answer(200, BOT),
        "The bot is Bella Napoli, with 35 subscribers. It has no webhook yet: nobody can join.",
    ),
    (told(2, "invalidAuthToken"), FailureKind.MISCONFIGURED),
    (answer(503, b""), FailureKind.TRANSIENT),
]

AT = datetime(2026, 11, 21, 19, 30, 0, 500_000, UTC)
STAMP = int(AT.timestamp() * 1000)
CALLBACK_URL = "https://hub.example.com/receipts/k/"
USER = {
    "id": PERSON,
    "name": "Ada L",
    "avatar": "https://avatar.example.com/1",
    "country": "ES",
    "language": "es",
    "api_version": 10,
}


def call(body: Any) -> CallbackRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "content-type": "application/json",
        "x-viber-content-signature": signature(TOKEN, raw),
    }
    return CallbackRequest("POST", CALLBACK_URL, headers, raw)


def event(word: str, **fields: Any) -> dict[str, Any]:
    return {"event": word, "timestamp": STAMP, "message_token": NAME, **fields}


def opened(**fields: Any) -> dict[str, Any]:
    return event("conversation_started", type="open", user=USER, **fields)


def case(label: str, body: Any, *expected: Any) -> CallbackCase:
    return CallbackCase(label, call(body), expected, CREDENTIALS)


def receipt(status: ReceiptStatus, word: str, **fields: Any) -> Receipt:
    return Receipt(str(NAME), status, at=AT, event_id=f"{NAME}:{word}", address=PERSON, **fields)


def ada(text: str) -> InboundMessage:
    return InboundMessage(str(NAME), PERSON, text=text, sender_name="Ada L", language="es")


VECTOR = b'{"event":"webhook","timestamp":4977069964384421269,"message_token":1478683725125}'
VECTOR_SIGNATURE = "d21b343448c8aee33b8e93768ef6ceb64a6ba6163099973a2b8bd028fea510ef"

CALLBACK_CASES = [
    case(
        "delivered",
        event("delivered", user_id=PERSON),
        receipt(ReceiptStatus.DELIVERED, "delivered"),
    ),
    case("seen", event("seen", user_id=PERSON), receipt(ReceiptStatus.READ, "seen")),
    case(
        "failed",
        event("failed", user_id=PERSON, desc="failure description"),
        receipt(
            ReceiptStatus.FAILED,
            "failed",
            detail="Viber could not deliver it, and gives no code.",
            failure=FailureKind.TRANSIENT,
        ),
    ),
    case(
        "a text",
        event("message", sender=USER, message={"type": "text", "text": "STOP"}),
        ada("STOP"),
    ),
    case(
        "a pressed button, which is a text",
        event("message", sender=USER, message={"type": "text", "text": "/start ord_4b0c7e1f"}),
        ada("/start ord_4b0c7e1f"),
    ),
    case(
        "a picture",
        event("message", sender=USER, message={"type": "picture", "media": "https://x.example/"}),
        ada("[picture]"),
    ),
    case(
        "somebody subscribed opened the link",
        opened(context="ord_4b0c7e1f", subscribed=True),
        ada("/start ord_4b0c7e1f"),
    ),
    case(
        "a subscription by the link",
        event("subscribed", user=USER, context="ord_4b0c7e1f"),
        ada("/start ord_4b0c7e1f"),
    ),
    case("a subscription without a link", event("subscribed", user=USER)),
    case("somebody new opened the link", opened(context="ord_4b0c7e1f", subscribed=False)),
    case("somebody subscribed opened the bot", opened(subscribed=True)),
    case(
        "somebody left",
        event("unsubscribed", user_id=PERSON),
        InboundMessage(str(NAME), PERSON, left=True),
    ),
    case("a kind that we do not know", event("client_status", user={"id": PERSON})),
    CallbackCase(
        "the vector of the signature",
        CallbackRequest(
            "POST", CALLBACK_URL, {"x-viber-content-signature": VECTOR_SIGNATURE}, VECTOR
        ),
        [],
        CREDENTIALS,
    ),
]
