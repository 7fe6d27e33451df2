"""What Messenger is sent, what it answers, and what it posts to us."""

import json
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    Message,
    ProviderTemplate,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.wire.meta_graph import signature
from tests.cases import CallbackCase, SendCase

TOKEN = "EAAtestpagetoken0123456789"
SECRET = "test_app_secret"
PAGE = "102290129340398"
PERSON = "7204011122233344"
CREDENTIALS = {
    "page_id": PAGE,
    "page_username": "bella.napoli",
    "access_token": TOKEN,
    "app_secret": SECRET,
    "verify_token": "test-verify-token",
    "graph_version": "",
}
URL = f"https://graph.facebook.com/v26.0/{PAGE}/messages"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": f"Bearer {TOKEN}",
}
LINK = "https://orders.example.com/t/abc/"
PLAIN = Message(to=PERSON, text="Your order #1024 is ready.", ref="ref-1", window_open=True)
TEMPLATE = ProviderTemplate("order_ready", "en_US", {"1": "1024", "reply:0": "ack:1"})
HEAD = f'{{"recipient":{{"id":"{PERSON}"}},"messaging_type":'


def answer(status: int, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **headers}, raw)


def taken(name: str = "m_A") -> Response:
    return answer(200, {"recipient_id": PERSON, "message_id": name})


def error(status: int, code: int, subcode: int = 0, said: str = "No") -> Response:
    told = {"message": f"(#{code}) {said} {PERSON}", "type": "OAuthException", "code": code}
    return answer(status, {"error": told | ({"error_subcode": subcode} if subcode else {})})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


SEND_CASES = [
    SendCase(
        "free words within the window",
        PLAIN,
        taken(),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                HEAD + '"RESPONSE","message":{"text":"Your order #1024 is ready.",'
                '"metadata":"ref-1"}}'
            ).encode(),
        ),
        Accepted("m_A"),
    ),
    SendCase(
        "buttons to answer with, and one for the link",
        Message(
            to=PERSON,
            text="¡Listo!",
            ref="ref-2",
            language="es",
            url=LINK,
            actions=[("Voy", "ack:1")],
            window_open=True,
        ),
        taken("m_B"),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                HEAD + '"RESPONSE","message":{"attachment":{"type":"template","payload":{'
                '"template_type":"button","text":"¡Listo!","buttons":['
                '{"type":"postback","title":"Voy","payload":"ack:1"},'
                f'{{"type":"web_url","url":"{LINK}","title":"Ver pedido"}}]}}}},'
                '"metadata":"ref-2"}}'
            ).encode(),
        ),
        Accepted("m_B"),
    ),
    SendCase(
        "more answers than buttons",
        Message(
            to=PERSON,
            text="Ready.",
            ref="ref-3",
            url=LINK,
            actions=[("One", "1"), ("Two", "2"), ("Three, which is the longest", "3")],
            window_open=True,
        ),
        taken("m_C"),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                HEAD + f'"RESPONSE","message":{{"text":"Ready.\\n\\n{LINK}","quick_replies":['
                '{"content_type":"text","title":"One","payload":"1"},'
                '{"content_type":"text","title":"Two","payload":"2"},'
                '{"content_type":"text","title":"Three, which is the…","payload":"3"}],'
                '"metadata":"ref-3"}}'
            ).encode(),
        ),
        Accepted("m_C"),
    ),
    SendCase(
        "a utility template outside the window",
        Message(to=PERSON, text="Ready.", ref="ref-4", template=TEMPLATE),
        taken("m_D"),
        Request(
            "POST",
            URL,
            HEADERS,
            (
                HEAD + '"UTILITY","message":{"template":{"name":"order_ready",'
                '"language":{"code":"en_US"},"components":['
                '{"type":"body","parameters":[{"type":"text","text":"1024"}]},'
                '{"type":"buttons","parameters":[{"type":"POSTBACK","payload":"ack:1"}]}]}}}'
            ).encode(),
        ),
        Accepted("m_D"),
    ),
    refused("unreachable", error(400, 551), FailureKind.RECIPIENT_INVALID),
    refused("nobody", error(400, 100, 2018001), FailureKind.RECIPIENT_INVALID),
    refused("cannot receive", error(403, 10, 2018108), FailureKind.RECIPIENT_INVALID),
    refused(
        "blocked, which only the words tell",
        error(403, 200, 0, "This person isn't receiving messages from you right now."),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused(
        "the same with a typographic apostrophe",
        error(403, 200, 0, "This person isn’t receiving messages from you right now."),
        FailureKind.RECIPIENT_INVALID,
    ),
    refused("a permission", error(403, 200), FailureKind.MISCONFIGURED),
    refused("outside the window", error(403, 10, 2018278), FailureKind.WINDOW_CLOSED),
    refused("the same in older words", error(403, 10, 2018065), FailureKind.WINDOW_CLOSED),
    refused("a wrong token", error(401, 190, 463), FailureKind.MISCONFIGURED),
    refused("an app that is not live", error(403, 10), FailureKind.MISCONFIGURED),
    refused("a restricted Page", error(403, 10, 1893063), FailureKind.MISCONFIGURED),
    refused("privacy terms", error(400, 2, 2018344), FailureKind.MISCONFIGURED),
    refused("a restricted account", error(403, 368), FailureKind.MISCONFIGURED),
    refused("a retired tag", error(400, 100), FailureKind.CONTENT_REJECTED),
    refused("nothing in it", error(400, 100, 2018034), FailureKind.CONTENT_REJECTED),
    refused("too fast", error(400, 613), FailureKind.THROTTLED),
    refused("too many calls", error(400, 4, 2018022), FailureKind.THROTTLED),
    refused(
        "too many calls, with minutes in the usage header",
        answer(
            400,
            {"error": {"code": 32}},
            **{"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":2}]}'},
        ),
        FailureKind.THROTTLED,
        120.0,
    ),
    refused(
        "too fast, with the wait in the header",
        answer(429, {"error": {"code": 80006}}, **{"retry-after": "9"}),
        FailureKind.THROTTLED,
        9.0,
    ),
    refused("a hiccup", error(500, 1200), FailureKind.TRANSIENT),
    refused("a service that is down", error(400, 2), FailureKind.TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>"), FailureKind.TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), FailureKind.UNKNOWN),
    refused("a 200 without a message", answer(200, {}), FailureKind.UNKNOWN),
]

VERIFY_CASES = [
    (answer(200, {"id": PAGE, "name": "Bella Napoli"}), "The Page is Bella Napoli."),
    (answer(200, {"id": PAGE}), "The Page is without a name."),
    (answer(200, {"id": "1", "name": "Another"}), FailureKind.MISCONFIGURED),
    (error(401, 190), FailureKind.MISCONFIGURED),
    (error(400, 100, 33), FailureKind.MISCONFIGURED),
    (answer(503, b""), FailureKind.TRANSIENT),
]

AT = datetime(2026, 11, 21, 19, 30, 0, 500_000, UTC)
STAMP = int(AT.timestamp() * 1000)
CALLBACK_URL = "https://hub.example.com/receipts/k/"


def call(body: Any) -> CallbackRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature(SECRET, raw)}
    return CallbackRequest("POST", CALLBACK_URL, headers, raw)


def notice(*events: Any) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": PAGE, "time": STAMP, "messaging": list(events)}]}


def event(**fields: Any) -> dict[str, Any]:
    return {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": STAMP, **fields}


def echo(**fields: Any) -> dict[str, Any]:
    ours = {"is_echo": True, "app_id": 1517776481860111, "mid": "m_A", "text": "Ready"}
    ends = {"sender": {"id": PAGE}, "recipient": {"id": PERSON}, "timestamp": STAMP}
    return {**ends, "message": {**ours, **fields}}


def case(label: str, body: Any, *expected: Any) -> CallbackCase:
    return CallbackCase(label, call(body), expected, CREDENTIALS)


def delivered(name: str) -> Receipt:
    return Receipt(
        name,
        ReceiptStatus.DELIVERED,
        at=AT,
        event_id=f"{name}:delivered",
        address=PERSON,
    )


def said(text: str = "", action: str = "", name: str = "m_1") -> InboundMessage:
    return InboundMessage(name, PERSON, text=text, action=action)


REFERRAL = {"ref": "ord_4b0c7e1f", "source": "SHORTLINK", "type": "OPEN_THREAD"}
CAME = f"{PERSON}:{STAMP}"
CALLBACK_CASES = [
    case(
        "two messages were delivered",
        notice(event(delivery={"mids": ["m_A", "m_B"], "watermark": STAMP})),
        delivered("m_A"),
        delivered("m_B"),
    ),
    case("delivered, but not which", notice(event(delivery={"watermark": STAMP}))),
    case("read, but not which", notice(event(read={"watermark": STAMP}))),
    case(
        "the echo of a message of ours",
        notice(echo(metadata="ref-1")),
        Receipt("m_A", ReceiptStatus.SENT, ref="ref-1", at=AT, event_id="m_A:sent", address=PERSON),
    ),
    case("the echo of what a person at the Page wrote", notice(echo())),
    case("a text", notice(event(message={"mid": "m_1", "text": "STOP"})), said("STOP")),
    case(
        "a quick reply",
        notice(event(message={"mid": "m_1", "text": "Voy", "quick_reply": {"payload": "ack:1"}})),
        said("Voy", "ack:1"),
    ),
    case(
        "a picture",
        notice(event(message={"mid": "m_1", "attachments": [{"type": "image", "payload": {}}]})),
        said("[image]"),
    ),
    case(
        "a pressed button",
        notice(event(postback={"mid": "m_1", "title": "Voy", "payload": "ack:1"})),
        said(action="ack:1"),
    ),
    case(
        "a start by a link, new to the Page",
        notice(event(postback={"mid": "m_1", "payload": "/start", "referral": REFERRAL})),
        said("/start ord_4b0c7e1f"),
    ),
    case(
        "a start without a link",
        notice(event(postback={"mid": "m_1", "title": "Get started", "payload": "/start"})),
        said("/start"),
    ),
    case(
        "a link into a chat that exists",
        notice(event(referral=REFERRAL)),
        said("/start ord_4b0c7e1f", name=CAME),
    ),
    case(
        "a plug-in on a page of ours",
        notice(event(optin={"ref": "ord_4b0c7e1f"})),
        said("/start ord_4b0c7e1f", name=CAME),
    ),
    case(
        "an agreement to marketing, which is another matter",
        notice(event(optin={"type": "notification_messages", "title": "Offers"})),
    ),
    case("a referral of an advertisement", notice(event(referral={"source": "ADS"}))),
    case(
        "somebody without an id",
        notice({**event(message={"mid": "m_1", "text": "Hi"}), "sender": {"user_ref": "U"}}),
    ),
    case("a reaction", notice(event(reaction={"emoji": "x", "mid": "m_A"}))),
    case(
        "two events, and events for another app",
        {
            "object": "page",
            "entry": [
                {
                    "id": PAGE,
                    "messaging": [
                        event(message={"mid": "m_1", "text": "Hi"}),
                        event(delivery={"mids": ["m_A"], "watermark": STAMP}),
                    ],
                },
                {"id": PAGE, "standby": [event(message={"mid": "m_2", "text": "Hi"})]},
            ],
        },
        said("Hi"),
        delivered("m_A"),
    ),
    case("another product", {"object": "instagram", "entry": []}),
    CallbackCase(
        "the GET of the set-up",
        CallbackRequest(
            "GET",
            CALLBACK_URL,
            {},
            b"",
            {
                "hub.mode": "subscribe",
                "hub.verify_token": "test-verify-token",
                "hub.challenge": "1158201444",
            },
        ),
        [],
        CREDENTIALS,
    ),
]
