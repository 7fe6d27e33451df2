"""The stand-in Slack: checks a chat.postMessage, and presses buttons.

Rooms are ids such as C0KITCHEN. C0ARCHIVED is archived, C0PRIVATE has not invited the bot.
"""

import hashlib
import hmac
import itertools
import json
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from channels_app.contract import CallbackRequest
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.markup import unescape
from channels_app.wire.reading import json_object, part, text_of

ROOM = re.compile(r"[CGDU][A-Z0-9]{2,40}\Z")
ROOM_ERRORS = {"C0ARCHIVED": "is_archived", "C0PRIVATE": "not_in_channel"}
JSON = {"content-type": "application/json; charset=utf-8"}
FAULTS = {
    401: "invalid_auth",
    429: "ratelimited",
    500: "internal_error",
    503: "service_unavailable",
}
_numbers = itertools.count()


class Refused(Exception):
    """Slack's word for what is wrong."""


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {
        "bot_token": "xoxb-demo-orderbell-slack-0001",
        "signing_secret": "0demo0orderbell0slack0signing0s0",
    }


class SlackSandbox(SandboxEnd):
    """The two methods that we call."""

    slug = "slack"

    def __init__(self) -> None:
        self._shown: deque[Taken] = deque(maxlen=500)  # newest first

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer chat.postMessage and auth.test; Slack says 200 to refusals, too."""
        try:
            if call.path == "/auth.test":
                return whose_token(call, accounts), None
            reply, taken = post_message(call, accounts)
        except Refused as no:
            return Reply(200, error_body(str(no)), JSON), None
        self._shown.appendleft(taken)
        return reply, taken

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest:
        """`sender` presses the button whose value is `text`.

        "button:acknowledge", "button:snooze" and "button:resolve" press that button of the
        newest alert that has one; "button:resolve:<token>" that of the alert with this token.
        """
        now = f"{time.time():.6f}"
        pressed, room, ts = self._button(text, now)
        payload = {
            "type": "block_actions",
            "user": {"id": sender, "username": sender.lower(), "name": sender.lower()},
            "channel": {"id": room, "name": room.lower()},
            "container": {"type": "message", "message_ts": ts, "channel_id": room},
            "trigger_id": f"{next(_numbers)}.demo",
            "actions": [{"type": "button", "action_ts": now, **pressed}],
        }
        body = urlencode({"payload": json.dumps(payload)}).encode()
        stamp = now.split(".")[0]
        secret = account.credentials.get("signing_secret", "").encode()
        mac = hmac.new(secret, f"v0:{stamp}:".encode() + body, hashlib.sha256)
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={mac.hexdigest()}",
        }
        return CallbackRequest("POST", account.callback_url, headers, body)

    def _button(self, text: str, now: str) -> tuple[dict[str, str], str, str]:
        """The button that `text` means, its room, and the time of its message."""
        if not text.startswith("button:"):
            return {"action_id": "answer", "value": text}, "C0KITCHEN", now
        _button, _colon, wanted = text.partition(":")
        verb, _colon, token = wanted.partition(":")
        for taken in self._shown:
            for button in taken.extra["buttons"]:
                named = str(button["action_id"]).startswith(f"incident_{verb}")
                if named and token in ("", button["value"]):
                    pressed = {"action_id": button["action_id"], "value": button["value"]}
                    return pressed, taken.to, taken.id.partition(":")[2]
        raise LookupError(f"No message has a button to {verb} such an alert.")

    def fault_body(self, status: int) -> bytes:
        """An error in Slack's form."""
        return error_body(FAULTS.get(status, "fatal_error" if status >= 500 else "access_denied"))


def error_body(word: str) -> bytes:
    """The body of a refusal."""
    return json.dumps({"ok": False, "error": word}).encode()


def whose_token(call: Call, accounts: Sequence[Account]) -> Reply:
    """Say whom the token belongs to."""
    check_token(call.headers.get("authorization", ""), accounts)
    known = {"url": "https://demo.slack.com/", "team": "Demo", "user": "orderbell"}
    ids = {"team_id": "T0DEMO", "user_id": "U0DEMO", "bot_id": "B0DEMO"}
    return Reply(200, json.dumps({"ok": True, **known, **ids}).encode(), JSON)


def post_message(call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken]:
    """Check a message as Slack does, and take it."""
    if call.path != "/chat.postMessage" or call.method != "POST":
        raise Refused("unknown_method")
    check_token(call.headers.get("authorization", ""), accounts)
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused("invalid_post_type")
    try:
        fields = json_object(call.body)
    except ValueError:
        raise Refused("invalid_json") from None
    channel = checked_room(fields.get("channel"))
    content = checked_content(fields)
    ts = f"{int(time.time())}.{next(_numbers) % 1_000_000:06d}"
    message = {"type": "message", "text": fields["text"], "ts": ts, "bot_id": "B0DEMO"}
    answer = {"ok": True, "channel": channel, "ts": ts, "message": message}
    taken = Taken(f"{channel}:{ts}", channel, **content)
    return Reply(200, json.dumps(answer).encode(), JSON), taken


def check_token(header: str, accounts: Sequence[Account]) -> None:
    """The bearer token of one of our channels."""
    scheme, _space, token = header.partition(" ")
    if scheme != "Bearer" or not token:
        raise Refused("not_authed")
    known = [account.credentials.get("bot_token") for account in accounts]
    if not token.startswith("xoxb-") or (known and token not in known):
        raise Refused("invalid_auth")


def checked_room(value: Any) -> str:
    """The id of a room that exists and that the bot is in."""
    room = text_of(value)
    if not ROOM.match(room):
        raise Refused("channel_not_found")
    if room in ROOM_ERRORS:
        raise Refused(ROOM_ERRORS[room])
    return room


def checked_content(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What staff see: subject, text, and the buttons in `extra`."""
    given = fields.get("blocks", [])
    if not text_of(fields.get("text")) and not given:
        raise Refused("no_text")
    if not isinstance(given, list) or len(given) > 50:
        raise Refused("invalid_blocks")
    found = {block.get("type"): block for block in map(part, given)}
    buttons = part(found.get("actions")).get("elements", [])
    subject = part(found.get("header"), "text").get("text", "")
    text = part(found.get("section"), "text").get("text", fields.get("text", ""))
    if len(subject) > 150 or len(text) > 3000 or not buttons_are_valid(buttons):
        raise Refused("invalid_blocks")
    shown = [
        {
            "label": button["text"]["text"],
            "action_id": button.get("action_id"),
            "value": button.get("value"),
            "url": button.get("url"),
        }
        for button in buttons
    ]
    return {"subject": subject, "text": unescape(text), "extra": {"buttons": shown}}


def buttons_are_valid(buttons: Sequence[Mapping[str, Any]]) -> bool:
    """At most 25, each with a short label, and no id twice."""
    names = [button.get("action_id") for button in buttons]
    labels = [part(button, "text").get("text", "") for button in buttons]
    return (
        len(buttons) <= 25
        and len(set(names)) == len(names)
        and all(0 < len(label) <= 75 for label in labels)
        and all(len(button.get("value") or "-") <= 2000 for button in buttons)
    )


SANDBOX = SlackSandbox()
