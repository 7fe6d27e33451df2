"""What Slack is sent, what it answers, and what it calls us with."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from channels_app.contract import (
    Accepted,
    CallbackRequest,
    InboundMessage,
    IncidentAction,
    Message,
    Request,
    Response,
    Told,
)
from channels_app.failures import FailureKind
from tests.cases import CallbackCase, SendCase

CREDENTIALS = {
    "bot_token": "xoxb-test-000000000001",
    "signing_secret": "0123456789abcdef0123456789abcdef",
}
URL = "https://slack.com/api/chat.postMessage"
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Authorization": "Bearer xoxb-test-000000000001",
}
PLAIN = Message(to="C0KITCHEN", text="Order #1024 is late.", ref="ref-1")
FULL = Message(
    to="C0KITCHEN",
    subject="Nobody reached <Ada>",
    text="Call <Ada> & say sorry \U0001f355",
    ref="ref-2",
    language="es",
    url="https://hub.example.com/orders/7/",
    actions=[("I call her", "ack:7")],
    data={"order": {"number": "#1024"}, "store": {"name": "Centro & Sons"}},
)

TOKEN = "5f0c" * 10
ALERT = Message(
    to="C0KITCHEN",
    subject="Ada was not told",
    text="Call Ada.",
    ref="ref-3",
    url="https://hub.example.com/a/t1/",
    data={
        "incident": {
            "token": TOKEN,
            "kind": "unreached",
            "title": "Ada was not told",
            "state": "open",
            "url": "https://hub.example.com/a/t1/",
        }
    },
)


def answer(status: int, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


TAKEN = answer(200, {"ok": True, "channel": "C0KITCHEN", "ts": "1795289400.000100", "message": {}})


def said(word: str, kind: FailureKind, wait: float | None = None, status: int = 200) -> SendCase:
    response = answer(status, {"ok": False, "error": word})
    return SendCase(f"{status} {word}", PLAIN, response, None, kind, wait)


KINDS = {
    FailureKind.RECIPIENT_INVALID: (
        "channel_not_found not_in_channel is_archived user_not_found restricted_action "
        "restricted_action_read_only_channel restricted_action_thread_only_channel"
    ),
    FailureKind.MISCONFIGURED: (
        "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope "
        "no_permission ekm_access_denied access_denied as_user_not_supported "
        "deprecated_endpoint message_limit_exceeded"
    ),
    FailureKind.CONTENT_REJECTED: (
        "no_text msg_too_long msg_blocks_too_long invalid_blocks too_many_attachments "
        "invalid_arguments invalid_arg_name invalid_form_data invalid_post_type "
        "missing_post_type invalid_charset a_word_that_we_do_not_know"
    ),
    FailureKind.THROTTLED: "ratelimited rate_limited",
    FailureKind.TRANSIENT: "internal_error request_timeout service_unavailable",
    FailureKind.UNKNOWN: "fatal_error",
}
SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            b'{"channel":"C0KITCHEN","text":"Order #1024 is late.","blocks":[{"type":"section",'
            b'"text":{"type":"mrkdwn","text":"Order #1024 is late."}}],"unfurl_links":false,'
            b'"unfurl_media":false}',
        ),
        Accepted("C0KITCHEN:1795289400.000100"),
    ),
    SendCase(
        "heading, escaped text, context, a button and a link",
        FULL,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"channel":"C0KITCHEN",'
                '"text":"Nobody reached &lt;Ada&gt;: Call &lt;Ada&gt; &amp; say sorry \U0001f355",'
                '"blocks":[{"type":"header","text":{"type":"plain_text",'
                '"text":"Nobody reached <Ada>","emoji":false}},'
                '{"type":"section","text":{"type":"mrkdwn",'
                '"text":"Call &lt;Ada&gt; &amp; say sorry \U0001f355"}},'
                '{"type":"context","elements":[{"type":"mrkdwn",'
                '"text":"#1024 · Centro &amp; Sons"}]},'
                '{"type":"actions","elements":[{"type":"button",'
                '"action_id":"answer_'
                + hashlib.sha256(b"ack:7").hexdigest()[:16]
                + '","text":{"type":"plain_text","text":"I call her","emoji":false},'
                '"value":"ack:7"},{"type":"button","action_id":"open_link",'
                '"text":{"type":"plain_text","text":"Ver pedido","emoji":false},'
                '"url":"https://hub.example.com/orders/7/"}]}],'
                '"unfurl_links":false,"unfurl_media":false}'
            ).encode(),
        ),
        Accepted("C0KITCHEN:1795289400.000100"),
    ),
    SendCase(
        "an alert with its three buttons",
        ALERT,
        TAKEN,
        Request(
            "POST",
            URL,
            HEADERS,
            (
                '{"channel":"C0KITCHEN","text":"Ada was not told: Call Ada.",'
                '"blocks":[{"type":"header","text":{"type":"plain_text",'
                '"text":"Ada was not told","emoji":false}},'
                '{"type":"section","text":{"type":"mrkdwn","text":"Call Ada."}},'
                '{"type":"actions","elements":['
                '{"type":"button","action_id":"incident_acknowledge","text":{'
                '"type":"plain_text","text":"Acknowledge","emoji":false},'
                f'"value":"{TOKEN}","style":"primary"}},'
                '{"type":"button","action_id":"incident_snooze_15","text":{'
                '"type":"plain_text","text":"Snooze 15 min","emoji":false},'
                f'"value":"{TOKEN}"}},'
                '{"type":"button","action_id":"incident_resolve","text":{'
                '"type":"plain_text","text":"Resolve","emoji":false},'
                f'"value":"{TOKEN}"}},'
                '{"type":"button","action_id":"open_alert","text":{"type":"plain_text",'
                '"text":"Open alert","emoji":false},"url":"https://hub.example.com/a/t1/"}]}],'
                '"unfurl_links":false,"unfurl_media":false}'
            ).encode(),
        ),
        Accepted("C0KITCHEN:1795289400.000100"),
    ),
    *(said(word, kind) for kind, words in KINDS.items() for word in words.split()),
    said("org_login_required", FailureKind.MISCONFIGURED, 3600.0),
    said("team_added_to_org", FailureKind.MISCONFIGURED, 3600.0),
    SendCase(
        "429 with a wait",
        PLAIN,
        answer(429, {"ok": False, "error": "ratelimited"}, retry_after="30"),
        None,
        FailureKind.THROTTLED,
        30.0,
    ),
    SendCase(
        "429 without words",
        PLAIN,
        answer(429, b"", retry_after="3"),
        None,
        FailureKind.THROTTLED,
        3.0,
    ),
    SendCase("a page with 503", PLAIN, answer(503, b"<html>"), None, FailureKind.TRANSIENT),
    said("fatal_error", FailureKind.UNKNOWN, status=500),
    SendCase("a 200 that is not JSON", PLAIN, answer(200, b"<html>"), None, FailureKind.UNKNOWN),
    SendCase("a 200 with nothing in it", PLAIN, answer(200, {}), None, FailureKind.UNKNOWN),
    SendCase(
        "a 200 without a name", PLAIN, answer(200, {"ok": True}), None, FailureKind.UNKNOWN
    ),
]  # fmt: skip

# As the vendor's page shows it.
WHO = {
    "ok": True,
    "url": "https://subarachnoid.slack.com/",
    "team": "Subarachnoid Workspace",
    "user": "grace",
    "team_id": "T12345678",
    "user_id": "W12345678",
}
VERIFY_CASES = [
    (answer(200, WHO), "Slack knows the app as grace in the workspace Subarachnoid Workspace."),
    (answer(200, {"ok": True}), "Slack knows the app as ? in the workspace ?."),
    (answer(200, {"ok": False, "error": "invalid_auth"}), FailureKind.MISCONFIGURED),
    (answer(200, {"ok": False, "error": "account_inactive"}), FailureKind.MISCONFIGURED),
    (answer(429, {"ok": False, "error": "ratelimited"}), FailureKind.THROTTLED),
    (answer(503, b"<html>"), FailureKind.TRANSIENT),
    (answer(200, b"<html>"), FailureKind.UNKNOWN),
]

STAMP = 1795289400
NOW = datetime.fromtimestamp(STAMP, UTC)


def call(body: bytes, content_type: str, stamp: int = STAMP) -> CallbackRequest:
    base = b"v0:%d:" % stamp + body
    secret = CREDENTIALS["signing_secret"].encode()
    headers = {
        "content-type": content_type,
        "x-slack-request-timestamp": str(stamp),
        "x-slack-signature": "v0=" + hmac.new(secret, base, hashlib.sha256).hexdigest(),
    }
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


def form(payload: Any) -> CallbackRequest:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return call(body, "application/x-www-form-urlencoded")


def event(body: Any) -> CallbackRequest:
    return call(json.dumps(body).encode(), "application/json")


def press(*actions: dict[str, Any], kind: str = "block_actions") -> CallbackRequest:
    return form(
        {
            "type": kind,
            "user": {"id": "U0ADA", "username": "ada", "name": "ada"},
            "channel": {"id": "C0KITCHEN", "name": "kitchen"},
            "container": {"type": "message", "message_ts": "1795289400.000100"},
            "response_url": "https://hooks.example.com/actions/1",
            "actions": list(actions),
        }
    )


BUTTON = {
    "type": "button",
    "action_id": "answer_1",
    "value": "ack:7",
    "action_ts": "1795289460.5",
}


def message_event(**fields: Any) -> CallbackRequest:
    inner = {"type": "message", "user": "U0ADA", "text": "2 &lt; 3 &amp; 4", **fields}
    return event({"type": "event_callback", "event_id": "Ev01", "event": inner})


def case(label: str, request: CallbackRequest, *expected: Told) -> CallbackCase:
    return CallbackCase(label, request, expected, CREDENTIALS)


def alert_button(action_id: str) -> dict[str, Any]:
    """A button of an alert, as Slack reports that it was pressed."""
    return {**BUTTON, "action_id": action_id, "value": TOKEN}


def did(verb: str, action_id: str, minutes: int | None = None) -> IncidentAction:
    number = f"1795289400.000100:1795289460.5:U0ADA:{action_id}"
    return IncidentAction(TOKEN, verb, "ada", minutes, number, "C0KITCHEN")


CALLBACK_CASES = [
    case(
        "a pressed button",
        press(BUTTON),
        InboundMessage(
            "1795289400.000100:1795289460.5:U0ADA:answer_1",
            "U0ADA",
            action="ack:7",
            sender_name="ada",
        ),
    ),
    *(
        case(f"{verb} on an alert", press(alert_button(name)), did(verb, name, minutes))
        for verb, name, minutes in (
            ("acknowledge", "incident_acknowledge", None),
            ("snooze", "incident_snooze_15", 15),
            ("snooze", "incident_snooze_60", 60),
            ("resolve", "incident_resolve", None),
        )
    ),
    case("an alert that was opened", press({"type": "button", "action_id": "open_alert"})),
    case("a link that was opened", press({"type": "button", "action_id": "open_link"})),
    case("a window that was closed", press(BUTTON, kind="view_closed")),
    case("a message", message_event(), InboundMessage("Ev01", "U0ADA", text="2 < 3 & 4")),
    case("an edited message", message_event(subtype="message_changed")),
    case("a message of an app", message_event(bot_id="B01")),
    case("a reaction", message_event(type="reaction_added")),
    case("a limit that was reached", event({"type": "app_rate_limited"})),
]
