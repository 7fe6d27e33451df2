"""What WhatsApp is sent, what it answers, and what it posts to us."""

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

TOKEN = "EAAtestaccesstoken0123456789"
SECRET = "test_app_secret"
CREDENTIALS = {
    "phone_number_id": "106540352242922",
    "access_token": TOKEN,
    "app_secret": SECRET,
    "verify_token": "test-verify-token",
    "graph_version": "",
    "phone_number": "+15550783881",
}
URL = "https://graph.facebook.com/v26.0/106540352242922/messages"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": f"Bearer {TOKEN}",
}
USER_ID = "US.13491208655302741918"
PLAIN = Message(to="+16505551234", text="Your order #1024 is ready.", ref="ref-1", window_open=True)
TEMPLATE = ProviderTemplate("order_ready", "en_US", {"1": "1024", "2": "Nonna"})
HEAD = b'{"messaging_product":"whatsapp","recipient_type":"individual",'


def answer(status: int, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **headers}, raw)


def taken(name: str = "wamid.A", status: str = "accepted") -> Response:
    contact = {"input": "+16505551234", "wa_id": "16505551234"}
    message = {"id": name, "message_status": status}
    return answer(
        200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
    )


def error(status: int, code: int, subcode: int = 0, transient: bool = False) -> Response:
    told: dict[str, Any] = {"message": f"(#{code}) to +16505551234", "type": "OAuthException"}
    told |= {"code": code, "fbtrace_id": "A", "is_transient": transient}
    if subcode:
        told["error_subcode"] = subcode
    return answer(status, {"error": told})


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


USAGE = json.dumps(
    {
        "1": [
            {"type": "whatsapp", "call_count": 100, "estimated_time_to_regain_access": 19},
            {"type": "messenger", "estimated_time_to_regain_access": 3},
        ]
    }
)

SEND_CASES = [
    SendCase(
        "free words within the window",
        PLAIN,
        taken(),
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD + b'"to":"+16505551234","type":"text",'
            b'"text":{"body":"Your order #1024 is ready.","preview_url":false},'
            b'"biz_opaque_callback_data":"ref-1"}',
        ),
        Accepted("wamid.A", "accepted"),
    ),
    SendCase(
        "a link becomes a button, in the customer's language",
        Message(
            to="16505551234",
            text="¡Listo!",
            ref="ref-2",
            language="es-MX",
            url="https://orders.example.com/t/abc/",
            window_open=True,
        ),
        taken("wamid.B"),
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD
            + '"to":"16505551234","type":"interactive",'
            '"interactive":{"type":"cta_url","body":{"text":"¡Listo!"},"action":{"name":"cta_url",'
            '"parameters":{"display_text":"Ver pedido","url":"https://orders.example.com/t/abc/"}}},'
            '"biz_opaque_callback_data":"ref-2"}'.encode(),
        ),
        Accepted("wamid.B", "accepted"),
    ),
    SendCase(
        "buttons to answer with, and the link below the text",
        Message(
            to="+16505551234",
            text="Ready.",
            ref="ref-3",
            url="https://orders.example.com/t/abc/",
            actions=[("I am coming", "ack:1"), ("I shall be a little late", "late:1")],
            window_open=True,
        ),
        taken("wamid.C"),
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD
            + '"to":"+16505551234","type":"interactive",'
            '"interactive":{"type":"button",'
            '"body":{"text":"Ready.\\n\\nhttps://orders.example.com/t/abc/"},"action":{"buttons":['
            '{"type":"reply","reply":{"id":"ack:1","title":"I am coming"}},'
            '{"type":"reply","reply":{"id":"late:1","title":"I shall be a little…"}}]}},'
            '"biz_opaque_callback_data":"ref-3"}'.encode(),
        ),
        Accepted("wamid.C", "accepted"),
    ),
    SendCase(
        "a template outside the window",
        Message(to="+16505551234", text="Ready.", ref="ref-4", template=TEMPLATE),
        taken("wamid.D", "held_for_quality_assessment"),
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD + b'"to":"+16505551234","type":"template","template":{"name":"order_ready",'
            b'"language":{"code":"en_US"},"components":[{"type":"body","parameters":['
            b'{"type":"text","text":"1024"},{"type":"text","text":"Nonna"}]}]},'
            b'"biz_opaque_callback_data":"ref-4"}',
        ),
        Accepted("wamid.D", "held_for_quality_assessment"),
    ),
    SendCase(
        "a template with names in its gaps, a header and buttons, to a user id",
        Message(
            to=USER_ID,
            text="Ready.",
            ref="ref-5",
            template=ProviderTemplate(
                "order_ready_2",
                "es",
                {
                    "header:1": "Nonna",
                    "number": "1024\n(a  gift)",
                    "button:0": "abc",
                    "reply:1": "ack:1",
                },
            ),
        ),
        taken("wamid.E"),
        Request(
            "POST",
            URL,
            HEADERS,
            HEAD + b'"recipient":"US.13491208655302741918","type":"template",'
            b'"template":{"name":"order_ready_2","language":{"code":"es"},"components":['
            b'{"type":"header","parameters":[{"type":"text","text":"Nonna"}]},'
            b'{"type":"body","parameters":['
            b'{"type":"text","parameter_name":"number","text":"1024 (a gift)"}]},'
            b'{"type":"button","sub_type":"url","index":"0","parameters":['
            b'{"type":"text","text":"abc"}]},'
            b'{"type":"button","sub_type":"quick_reply","index":"1","parameters":['
            b'{"type":"payload","payload":"ack:1"}]}]},"biz_opaque_callback_data":"ref-5"}',
        ),
        Accepted("wamid.E", "accepted"),
    ),
    refused("our own number", error(400, 131021), FailureKind.RECIPIENT_INVALID),
    refused("not on WhatsApp", error(400, 131026), FailureKind.WINDOW_CLOSED),
    refused("outside the window", error(400, 131047), FailureKind.WINDOW_CLOSED),
    refused("held back by Meta", error(400, 131049), FailureKind.WINDOW_CLOSED),
    refused("no more marketing", error(400, 131050), FailureKind.CONTENT_REJECTED),
    refused("a wrong token", error(401, 190), FailureKind.MISCONFIGURED),
    refused("a missing permission", error(403, 230), FailureKind.MISCONFIGURED),
    refused("a missing scope", error(403, 10), FailureKind.MISCONFIGURED),
    refused("a wrong sender", error(400, 100, 33), FailureKind.MISCONFIGURED),
    refused("a deleted number", error(400, 33), FailureKind.MISCONFIGURED),
    refused("no payment", error(400, 131042), FailureKind.MISCONFIGURED),
    refused("a locked account", error(403, 131031), FailureKind.MISCONFIGURED),
    refused("a wrong parameter", error(400, 100), FailureKind.CONTENT_REJECTED),
    refused("no such template", error(404, 132001), FailureKind.CONTENT_REJECTED),
    refused("a paused template", error(400, 132015), FailureKind.CONTENT_REJECTED),
    refused("a code that nobody knows", error(400, 139999), FailureKind.CONTENT_REJECTED),
    refused("too fast, without a word of when", error(429, 130429), FailureKind.THROTTLED),
    refused(
        "too fast, with the wait in the header",
        answer(429, {"error": {"code": 130429}}, **{"retry-after": "30"}),
        FailureKind.THROTTLED,
        30.0,
    ),
    refused(
        "too many calls, with minutes in the usage header",
        answer(400, {"error": {"code": 80007}}, **{"x-business-use-case-usage": USAGE}),
        FailureKind.THROTTLED,
        1140.0,
    ),
    refused("too much to one person", error(400, 131056), FailureKind.THROTTLED, 6.0),
    refused("a hiccup", error(500, 131000), FailureKind.TRANSIENT),
    refused("a service that is down", error(503, 131016), FailureKind.TRANSIENT),
    refused("what Meta calls transient", error(400, 139998, 0, True), FailureKind.TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>"), FailureKind.TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), FailureKind.UNKNOWN),
    refused("a 200 without a message", answer(200, {"messages": []}), FailureKind.UNKNOWN),
    refused("a 200 that is an error", error(200, 131000), FailureKind.TRANSIENT),
]

NUMBER = {"verified_name": "Nonna", "display_phone_number": "+1 555-078-3881", "id": "1"}
VERIFY_CASES = [
    (
        answer(200, {**NUMBER, "quality_rating": "GREEN"}),
        "The number is +1 555-078-3881 (Nonna). Its quality rating is green.",
    ),
    (
        answer(200, {"display_phone_number": "+1 555-078-3881"}),
        "The number is +1 555-078-3881 (no name yet). Its quality rating is unknown.",
    ),
    (error(401, 190), FailureKind.MISCONFIGURED),
    (error(400, 100, 33), FailureKind.MISCONFIGURED),
    (answer(200, {"id": "1"}), FailureKind.TRANSIENT),
]

AT = datetime(2025, 6, 18, 15, 22, 53, tzinfo=UTC)
CALLBACK_URL = "https://hub.example.com/receipts/k/"


def call(body: Any) -> CallbackRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature(SECRET, raw)}
    return CallbackRequest("POST", CALLBACK_URL, headers, raw)


def notice(field: str = "messages", **value: Any) -> dict[str, Any]:
    change = {"field": field, "value": {"messaging_product": "whatsapp", **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def status(word: str, **more: Any) -> dict[str, Any]:
    told = {"id": "wamid.X", "status": word, "timestamp": "1750260173"}
    return {**told, "recipient_id": "16505551234", "biz_opaque_callback_data": "ref-1", **more}


def receipt(word: ReceiptStatus, **more: Any) -> Receipt:
    fields: dict[str, Any] = {"address": "+16505551234", **more}
    return Receipt("wamid.X", word, ref="ref-1", at=AT, event_id=f"wamid.X:{word}", **fields)


def failed(*errors: dict[str, Any]) -> dict[str, Any]:
    return notice(statuses=[status("failed", errors=list(errors))])


def said(**fields: Any) -> dict[str, Any]:
    message = {"from": "16505551234", "id": "wamid.Y", "timestamp": "1750260173", **fields}
    contact = {"profile": {"name": "Ada"}, "wa_id": "16505551234", "user_id": USER_ID}
    return notice(contacts=[contact], messages=[message])


def case(label: str, body: Any, *expected: Any) -> CallbackCase:
    return CallbackCase(label, call(body), expected, CREDENTIALS)


ADA = InboundMessage("wamid.Y", "+16505551234", sender_name="Ada")


def ada(**fields: str) -> InboundMessage:
    return InboundMessage("wamid.Y", "+16505551234", sender_name="Ada", **fields)


# The vector of the signature, with no reference of ours in it.
VECTOR = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages",'
    b'"value":{"messaging_product":"whatsapp","statuses":[{"id":"wamid.X","status":"delivered",'
    b'"timestamp":"1750263773","recipient_id":"16505551234"}]}}]}]}'
)
VECTOR_SIGNATURE = "sha256=39e0c1ac65be4f3b70310757217755c6e048ee4c00a8508144502107627b2ada"
REASON = "They are not on WhatsApp, or their app is too old."

CALLBACK_CASES = [
    case("sent", notice(statuses=[status("sent")]), receipt(ReceiptStatus.SENT)),
    case("delivered", notice(statuses=[status("delivered")]), receipt(ReceiptStatus.DELIVERED)),
    case("read", notice(statuses=[status("read")]), receipt(ReceiptStatus.READ)),
    case(
        "failed, with a reason",
        failed({"code": 131026, "title": "Message undeliverable"}),
        receipt(
            ReceiptStatus.FAILED,
            code="131026",
            detail=REASON,
            failure=FailureKind.WINDOW_CLOSED,
        ),
    ),
    case(
        "failed, without one",
        failed(),
        receipt(
            ReceiptStatus.FAILED,
            detail="WhatsApp gave no reason.",
            failure=FailureKind.TRANSIENT,
        ),
    ),
    case(
        "failed, for a reason that nobody knows",
        failed({"code": 139999}),
        receipt(
            ReceiptStatus.FAILED,
            code="139999",
            detail="Look the code up at WhatsApp.",
            failure=FailureKind.CONTENT_REJECTED,
        ),
    ),
    case(
        "a receipt of a person without a number",
        notice(statuses=[{**status("read", recipient_user_id=USER_ID), "recipient_id": None}]),
        receipt(ReceiptStatus.READ, address=USER_ID),
    ),
    case("a voice message was played", notice(statuses=[status("played")])),
    case(
        "two receipts and a message at once",
        {
            "object": "whatsapp_business_account",
            "entry": [
                *notice(statuses=[status("delivered"), status("read")])["entry"],
                *said(type="text", text={"body": "STOP"})["entry"],
            ],
        },
        receipt(ReceiptStatus.DELIVERED),
        receipt(ReceiptStatus.READ),
        ada(text="STOP"),
    ),
    case("a text", said(type="text", text={"body": "Where is it?"}), ada(text="Where is it?")),
    case(
        "a start by the link",
        said(type="text", text={"body": "/start ord_4b0c7e1f"}),
        ada(text="/start ord_4b0c7e1f"),
    ),
    case(
        "a quick reply of a template",
        said(type="button", button={"text": "Stop", "payload": "stop"}, context={"id": "wamid.X"}),
        ada(text="Stop", action="stop"),
    ),
    case(
        "a pressed button",
        said(
            type="interactive",
            interactive={"type": "button_reply", "button_reply": {"id": "ack:1", "title": "Yes"}},
        ),
        ada(text="Yes", action="ack:1"),
    ),
    case(
        "a chosen line",
        said(
            type="interactive",
            interactive={"type": "list_reply", "list_reply": {"id": "l:1", "title": "One"}},
        ),
        ada(text="One", action="l:1"),
    ),
    case("a picture with words", said(type="image", image={"caption": "Here"}), ada(text="Here")),
    case("a sound", said(type="audio", audio={"id": "7"}), ada(text="[audio]")),
    case(
        "a person without a number",
        notice(
            contacts=[{"profile": {"name": "Ada", "username": "ada"}, "user_id": USER_ID}],
            messages=[
                {
                    "from_user_id": USER_ID,
                    "id": "wamid.Y",
                    "type": "text",
                    "text": {"body": "Hi"},
                }
            ],
        ),
        InboundMessage("wamid.Y", USER_ID, text="Hi", sender_name="Ada"),
    ),
    case(
        "a person whom only the contact names",
        notice(
            contacts=[{"profile": {"name": "Ada"}, "wa_id": "16505551234"}],
            messages=[{"id": "wamid.Y", "type": "text", "text": {"body": "Hi"}}],
        ),
        ada(text="Hi"),
    ),
    case("a changed number", said(type="system", system={"type": "user_changed_number"})),
    case("a heart", said(type="reaction", reaction={"emoji": "x"})),
    case("another subject", notice("account_update", event="DISABLED_UPDATE")),
    case("another product", {"object": "page", "entry": []}),
    CallbackCase(
        "the vector of the signature",
        CallbackRequest("POST", CALLBACK_URL, {"x-hub-signature-256": VECTOR_SIGNATURE}, VECTOR),
        [
            Receipt(
                "wamid.X",
                ReceiptStatus.DELIVERED,
                at=datetime(2025, 6, 18, 16, 22, 53, tzinfo=UTC),
                event_id="wamid.X:delivered",
                address="+16505551234",
            )
        ],
        CREDENTIALS,
    ),
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
