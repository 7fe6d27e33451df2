"""What Google Chat is sent and answers. `pinned()` is an app with a token."""

from typing import Any

from channels_app.contract import Accepted, Message, Request, Response
from channels_app.failures import FailureKind
from channels_app.providers.google_chat.provider import GoogleChat
from tests.cases import CallbackCase, SendCase
from tests.channels_app.google import ACCESS, KEY_FILE, answer, detail, google_says

CREDENTIALS = {"way": "app", "webhook_url": "", "service_account": KEY_FILE}
WEBHOOK = {
    "way": "webhook",
    "webhook_url": (
        "https://chat.googleapis.com/v1/spaces/AAAAB3Nza/messages?key=AIza-test&token=to%3Dken-test"
    ),
    "service_account": "",
}
URL = "https://chat.googleapis.com/v1/spaces/AAAAB3Nza/messages"
HEADERS = {"Content-Type": "application/json; charset=utf-8", "Authorization": "Bearer ya29.test"}
PLAIN = Message(to="spaces/AAAAB3Nza", text="Order #1024 is late.", ref="ref-1")
FULL = Message(
    to="AAAAB3Nza",
    subject="Nobody reached <Ada>",
    text="Call <users/all> & say sorry \U0001f355\nSoon.",
    ref="ref-2",
    language="es",
    collapse_key="order-7",
    url="https://hub.example.com/orders/7/",
    data={"order": {"number": "#1024"}, "store": {"name": "Centro & Sons"}},
)
ALERT = Message(
    to="AAAAB3Nza",
    subject="Ada was not told",
    text="Call Ada.",
    ref="ref-3",
    collapse_key="incident-9",
    url="https://hub.example.com/a/t1/",
    data={
        "incident": {
            "token": "5f0c" * 10,
            "kind": "unreached",
            "title": "Ada was not told",
            "state": "open",
            "url": "https://hub.example.com/a/t1/",
        }
    },
)
NAME = "spaces/AAAAB3Nza/messages/UMxbHmzDlr4.UMxbHmzDlr4"
TAKEN = answer(200, {"name": NAME, "thread": {"name": "spaces/AAAAB3Nza/threads/UMxbHmzDlr4"}})


def pinned(base: str = "", credentials: dict[str, str] = CREDENTIALS) -> GoogleChat:
    """A provider with a token."""
    provider = GoogleChat(credentials, base)
    provider.access = ACCESS
    return provider


def info(reason: str) -> dict[str, Any]:
    return detail("google.rpc.ErrorInfo", reason=reason, domain="googleapis.com")


def word(
    status: int, name: str, *details: dict[str, Any], said: str = "x", **headers: str
) -> Response:
    return answer(status, google_says(status, name, *details, said=said), **headers)


def refused(
    label: str, response: Response, kind: FailureKind, wait: float | None = None
) -> SendCase:
    return SendCase(label, PLAIN, response, None, kind, wait)


RECIPIENT, CONFIG = FailureKind.RECIPIENT_INVALID, FailureKind.MISCONFIGURED
CONTENT, THROTTLED = FailureKind.CONTENT_REJECTED, FailureKind.THROTTLED
TRANSIENT, UNKNOWN = FailureKind.TRANSIENT, FailureKind.UNKNOWN
SEND_CASES = [
    SendCase(
        "a plain text",
        PLAIN,
        TAKEN,
        Request(
            "POST",
            f"{URL}?requestId=db50efbc-4a89-5196-b646-4a6af949a288",
            HEADERS,
            b'{"fallbackText":"Order #1024 is late.","cardsV2":[{"cardId":"message","card":'
            b'{"sections":[{"widgets":[{"textParagraph":{"text":"Order #1024 is late."}}]}]}}]}',
        ),
        Accepted(NAME),
    ),
    SendCase(
        "heading, escaped text, context and a link, in a thread",
        FULL,
        TAKEN,
        Request(
            "POST",
            f"{URL}?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
            "&requestId=6f236639-3f37-59e3-8086-a4d587c6d11d",
            HEADERS,
            (
                '{"fallbackText":"Nobody reached <Ada>: Call <users/all> & say sorry \U0001f355'
                '\\nSoon.","cardsV2":[{"cardId":"message","card":'
                '{"header":{"title":"Nobody reached <Ada>"},"sections":[{"widgets":['
                '{"textParagraph":{"text":"Call &lt;users/all&gt; &amp; say sorry \U0001f355'
                '<br>Soon."}},'
                '{"decoratedText":{"text":"#1024 · Centro &amp; Sons","wrapText":true}},'
                '{"buttonList":{"buttons":[{"text":"Ver pedido","onClick":{"openLink":'
                '{"url":"https://hub.example.com/orders/7/"}}}]}}]}]}}],'
                '"thread":{"threadKey":"order-7"}}'
            ).encode(),
        ),
        Accepted(NAME),
    ),
    SendCase(
        "an alert with the link to its page",
        ALERT,
        TAKEN,
        Request(
            "POST",
            f"{URL}?messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
            "&requestId=4eb00761-7d88-5bb6-9da8-b4b3dbe8d6f2",
            HEADERS,
            b'{"fallbackText":"Ada was not told: Call Ada.","cardsV2":[{"cardId":"message",'
            b'"card":{"header":{"title":"Ada was not told"},"sections":[{"widgets":['
            b'{"textParagraph":{"text":"Call Ada."}},{"buttonList":{"buttons":['
            b'{"text":"Open alert","onClick":{"openLink":{"url":"https://hub.example.com/a/t1/"}}}'
            b']}}]}]}}],"thread":{"threadKey":"incident-9"}}',
        ),
        Accepted(NAME),
    ),
    SendCase(
        "a message that is there already",
        PLAIN,
        word(409, "ALREADY_EXISTS"),
        None,
        Accepted(detail="It was there already."),
    ),
    refused("the space is gone", word(404, "NOT_FOUND"), RECIPIENT),
    refused("the app was removed", word(403, "PERMISSION_DENIED"), RECIPIENT),
    refused(
        "the app was never set up",
        word(404, "NOT_FOUND", said="Google Chat app not found. To create a Chat app, ..."),
        CONFIG,
    ),
    refused(
        "the interface is off", word(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")), CONFIG
    ),
    refused("a token that has ended", word(401, "UNAUTHENTICATED"), CONFIG),
    refused("a page with 404", answer(404, b"<html>"), CONFIG),
    refused("a card that is not valid", word(400, "INVALID_ARGUMENT"), CONTENT),
    refused(
        "a bad key", word(400, "INVALID_ARGUMENT", said="API key not valid. Please pass"), CONFIG
    ),
    refused("too large", answer(413), CONTENT),
    refused("too many", word(429, "RESOURCE_EXHAUSTED"), THROTTLED),
    refused("many, with a wait", word(429, "RESOURCE_EXHAUSTED", retry_after="7"), THROTTLED, 7.0),
    refused("an inner error", word(500, "INTERNAL"), TRANSIENT),
    refused("overloaded", word(503, "UNAVAILABLE"), TRANSIENT),
    refused("a gateway's page", answer(502, b"<html>"), TRANSIENT),
    refused("a 200 that is not JSON", answer(200, b"<html>"), UNKNOWN),
    refused("a 200 without a name", answer(200, {}), UNKNOWN),
]  # fmt: skip
CALLBACK_CASES: list[CallbackCase] = []
VERIFY_CASES = [
    (
        answer(200, {"spaces": [{"name": "spaces/A"}, {"name": "spaces/B"}]}),
        "The Chat app works. It is in 2 spaces.",
    ),
    (answer(200, {"spaces": [{"name": "spaces/A"}]}), "The Chat app works. It is in 1 space."),
    (
        answer(200, {"spaces": [{"name": "spaces/A"}] * 100, "nextPageToken": "x"}),
        "The Chat app works. It is in more than 100 spaces.",
    ),
    (answer(200, {}), "The Chat app works, but is in no space yet. Add it to one."),
    (word(401, "UNAUTHENTICATED"), CONFIG),
    (word(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")), CONFIG),
    (answer(503), TRANSIENT),
]
