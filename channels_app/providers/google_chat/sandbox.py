"""The stand-in Google Chat: takes cards from webhooks and apps.

The space GONE does not exist, the app was removed from REMOVED, and BUSY has had too much.
"""

import html
import itertools
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.google_stand_in import (
    JSON,
    accounts_in,
    demo_key_file,
    error_reply,
    holds_token,
    token_reply,
)
from channels_app.wire.reading import json_object, part, text_of
from channels_app.wire.stand_ins import trim

SCOPE = "https://www.googleapis.com/auth/chat.bot"
MESSAGES = re.compile(r"/v1/spaces/(?P<space>[^/]+)/messages")
WEBHOOK = re.compile(r"https://[^/]+/v1/spaces/([^/]+)/messages\?(.+)")
LARGEST = 32_000  # bytes
REPLIES = ("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD", "REPLY_MESSAGE_OR_FAIL")
REMEMBERED = 1000
SPECIAL: Mapping[str, tuple[int, str, str]] = {
    "GONE": (404, "NOT_FOUND", "Space not found."),
    "REMOVED": (403, "PERMISSION_DENIED", "This Chat app is not a member of this space."),
    "BUSY": (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
}
FAULTS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_numbers = itertools.count(int(time.time() * 1000))


class Refused(Exception):
    """What Google Chat answers instead."""

    def __init__(self, status: int, word: str, said: str) -> None:
        super().__init__(said)
        self.reply = error_reply(status, word, said)


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {
        "way": "app",
        "webhook_url": "",
        "service_account": demo_key_file("orderbell-demo-chat"),
    }


def demo_webhook(space: str) -> str:
    """The address of a webhook in the sandbox, for the other way."""
    key, token = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
    return f"https://chat.googleapis.com/v1/spaces/{space}/messages?key={key}&token={token}"


class GoogleChatSandbox(SandboxEnd):
    """Tokens at /token, spaces at /v1/spaces, messages at /v1/spaces/<space>/messages."""

    slug = "google_chat"

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str], bytes] = OrderedDict()  # by an app's request id

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer `call`."""
        known = accounts_in(one.credentials.get("service_account", "") for one in accounts)
        if call.path == "/token":
            return token_reply(call, known, SCOPE), None
        by_app = holds_token(call.headers.get("authorization", ""), known, SCOPE)
        try:
            if call.path == "/v1/spaces" and call.method == "GET":
                return listed(by_app), None
            return self._create(call, accounts, by_app)
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Google's form."""
        return error_reply(status, FAULTS.get(status, "INTERNAL"), "Sandbox.").body

    def _create(
        self, call: Call, accounts: Sequence[Account], by_app: bool
    ) -> tuple[Reply, Taken | None]:
        """A message; an app's request with a known id gets its first answer again."""
        found = MESSAGES.fullmatch(call.path)
        if found is None or call.method != "POST":
            raise Refused(404, "NOT_FOUND", "Method not found.")
        space = found["space"]
        if not by_app and not opens(call.query, space, accounts):
            raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if space in SPECIAL:
            raise Refused(*SPECIAL[space])
        once = (space, call.query.get("requestId", "") if by_app else "")
        if once in self._answers:
            return Reply(200, self._answers[once], JSON), None
        taken, body = take(call, space)
        if once[1]:
            self._answers[once] = body
            trim(self._answers, REMEMBERED)
        return Reply(200, body, JSON), taken


def listed(by_app: bool) -> Reply:
    """The spaces that the app is in."""
    if not by_app:
        raise Refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    spaces = [{"name": f"spaces/{name}", "spaceType": "SPACE"} for name in ("KITCHEN", "BAR")]
    return Reply(200, json.dumps({"spaces": spaces}).encode(), JSON)


def opens(query: Mapping[str, str], space: str, accounts: Sequence[Account]) -> bool:
    """Whether key and token are those of a webhook of this space."""
    given = (space, query.get("key", ""), query.get("token", ""))
    if not all(given):
        return False
    found = [WEBHOOK.match(one.credentials.get("webhook_url", "")) for one in accounts]
    known = [
        (one[1], *(part_of(one[2], name) for name in ("key", "token"))) for one in found if one
    ]
    return not accounts or given in known


def part_of(query: str, name: str) -> str:
    """One value of a query."""
    found = re.search(rf"(?:^|&){name}=([^&]*)", query)
    return found[1] if found else ""


def take(call: Call, space: str) -> tuple[Taken, bytes]:
    """Check the message as Google Chat does; (the message, the answer)."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "INVALID_ARGUMENT", "The body must be JSON.")
    if len(call.body) > LARGEST:
        raise Refused(400, "INVALID_ARGUMENT", "Message is too long.")
    try:
        body = json_object(call.body)
    except ValueError:
        raise Refused(400, "INVALID_ARGUMENT", "Invalid JSON payload received.") from None
    if call.query.get("messageReplyOption", REPLIES[0]) not in REPLIES:
        raise Refused(400, "INVALID_ARGUMENT", "messageReplyOption is not valid.")
    shown = read_cards(body)
    name = f"spaces/{space}/messages/{next(_numbers)}.sandbox"
    thread = text_of(part(body, "thread").get("threadKey"))
    extra = {"buttons": shown["buttons"], "thread": thread, "fallback": body.get("fallbackText")}
    taken = Taken(name, f"spaces/{space}", shown["text"], shown["title"], extra=extra)
    answer = {"name": name, "thread": {"name": f"spaces/{space}/threads/{thread or name[-12:]}"}}
    return taken, json.dumps({**body, **answer}).encode()


def read_cards(body: Mapping[str, Any]) -> dict[str, Any]:
    """Title, text and buttons of the first card, or the plain text."""
    cards = body.get("cardsV2")
    if not isinstance(cards, list) or not cards:
        text = text_of(body.get("text"))
        if not text:
            raise Refused(400, "INVALID_ARGUMENT", "Message cannot be empty.")
        return {"title": "", "text": text, "buttons": []}
    card = part(cards[0], "card")
    widgets = [
        part(widget)
        for section in card.get("sections") or []
        for widget in part(section).get("widgets") or []
    ]
    if not widgets or len(widgets) > 100:
        raise Refused(400, "INVALID_ARGUMENT", "A section must have a widget.")
    return {
        "title": text_of(part(card, "header").get("title")),
        "text": plain(text_of(first(widgets, "textParagraph").get("text"), LARGEST)),
        "buttons": [button(one) for one in first(widgets, "buttonList").get("buttons") or []],
    }


def first(widgets: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Any]:
    """The first widget of a kind; empty when there is none."""
    return next((part(one, kind) for one in widgets if kind in one), {})


def plain(markup: str) -> str:
    """What a reader sees of a card's text."""
    text = re.sub(r"<br>", "\n", markup)
    if "<" in text:
        raise Refused(400, "INVALID_ARGUMENT", "The text holds markup that is not expected here.")
    return html.unescape(text)


def button(value: Any) -> dict[str, str]:
    """A button with words and a link."""
    label = text_of(part(value).get("text"))
    url = text_of(part(value, "onClick", "openLink").get("url"))
    if not label or not url:
        raise Refused(400, "INVALID_ARGUMENT", "A button must have a text and an action.")
    return {"label": label, "url": url}


SANDBOX = GoogleChatSandbox()
