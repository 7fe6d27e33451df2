"""The stand-in Discord: webhooks that exist because a channel of ours knows them.

Special thread ids: eighteen ones are nobody's, eighteen twos are locked.
"""

import hmac
import itertools
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from channels_app.providers.discord.dialect import unescape
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of

JSON = {"content-type": "application/json"}
PATH = re.compile(r"/api(?:/v\d{1,2})?/webhooks/(\d{17,20})/([\w-]+)\Z", re.ASCII)
THREADS = {"1" * 18: (404, 10003), "2" * 18: (403, 160005)}
ROOM = "199737254929760257"
WORDS = {
    10003: "Unknown Channel",
    10015: "Unknown Webhook",
    50006: "Cannot send an empty message",
    50013: "Missing Permissions",
    50027: "Invalid Webhook Token",
    50035: "Invalid Form Body",
    50109: "The request body contains invalid JSON.",
    160005: "Thread is locked",
}
FAULTS = {400: 50035, 401: 50027, 403: 50013, 404: 10015}
LONGEST = {"title": 256, "description": 4096}
_numbers = itertools.count()


class Refused(Exception):
    """The status, the code, and what is wrong where."""

    def __init__(self, status: int, code: int, errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(WORDS.get(code, ""))
        self.status, self.code, self.errors = status, code, errors


def demo_credentials() -> dict[str, str]:
    """A webhook that exists nowhere else."""
    number = str(10**17 + secrets.randbelow(9 * 10**17))
    return {"webhook_url": f"https://discord.com/api/webhooks/{number}/{secrets.token_hex(34)}"}


class DiscordSandbox(SandboxEnd):
    """Takes messages at /api/v10/webhooks/<id>/<token>, and says whose webhook it is."""

    slug = "discord"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer a message, or the question for the webhook."""
        try:
            number, token = checked_webhook(call.path, accounts)
            if call.method == "GET":
                return Reply(200, webhook(number, token), JSON), None
            if call.method != "POST":
                raise Refused(405, 0)
            return posted(call, number)
        except Refused as no:
            return Reply(no.status, error_body(no.code, no.errors), JSON), None

    def fault_body(self, status: int) -> bytes:
        """An error in Discord's form."""
        if status == 429:
            said = {"message": "You are being rate limited.", "retry_after": 1.0, "global": False}
            return json.dumps(said).encode()
        return error_body(FAULTS.get(status, 0), None)


def error_body(code: int, errors: Mapping[str, Any] | None) -> bytes:
    """The body of a refusal."""
    said: dict[str, Any] = {"message": WORDS.get(code, "General error"), "code": code}
    return json.dumps(said | ({"errors": errors} if errors else {})).encode()


def checked_webhook(path: str, accounts: Sequence[Account]) -> tuple[str, str]:
    """Id and token of a webhook that one of our channels knows."""
    found = PATH.match(path)
    if found is None:
        raise Refused(404, 0)
    known = [PATH.match(urlsplit(one.credentials.get("webhook_url", "")).path) for one in accounts]
    tokens = [one[2] for one in known if one and one[1] == found[1]]
    if accounts and not tokens:
        raise Refused(404, 10015)
    if tokens and not any(hmac.compare_digest(found[2], token) for token in tokens):
        raise Refused(401, 50027)
    return found[1], found[2]


def webhook(number: str, token: str) -> bytes:
    """What Discord says about a webhook."""
    known = {"id": number, "type": 1, "name": "Orderbell", "avatar": None, "token": token}
    where = {"channel_id": ROOM, "guild_id": "199737254929760256", "application_id": None}
    return json.dumps(known | where).encode()


def posted(call: Call, number: str) -> tuple[Reply, Taken]:
    """Check a message as Discord does, and take it."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, 50035)
    try:
        fields = json_object(call.body)
    except ValueError:
        raise Refused(400, 50109) from None
    thread = call.query.get("thread_id", "")
    if thread in THREADS:
        raise Refused(*THREADS[thread])
    shown = checked_embed(fields)
    message = str(10**18 + time.time_ns() // 1000 * 100 + next(_numbers) % 100)
    taken = Taken(message, thread or ROOM, **shown)
    if call.query.get("wait") != "true":
        return Reply(204), taken
    answer = {"id": message, "channel_id": taken.to, "webhook_id": number, "type": 0, **fields}
    return Reply(200, json.dumps(answer).encode(), JSON), taken


def checked_embed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What staff see of the one embed."""
    embeds = fields.get("embeds", [])
    if not isinstance(embeds, list) or len(embeds) > 10:
        raise Refused(400, 50035, wrong("embeds", "BASE_TYPE_MAX_LENGTH"))
    first = part(embeds[0]) if embeds else {}
    if not (text_of(fields.get("content")) or text_of(first.get("description"))):
        raise Refused(400, 50006)
    for name, longest in LONGEST.items():
        if len(str(first.get(name, ""))) > longest:
            inner = {"0": wrong(name, "BASE_TYPE_MAX_LENGTH")}
            raise Refused(400, 50035, {"embeds": inner})
    named = first.get("fields", [])
    if not isinstance(named, list) or not all(is_field(part(one)) for one in named):
        raise Refused(400, 50035, {"embeds": {"0": wrong("fields", "BASE_TYPE_REQUIRED")}})
    buttons = [{"label": one["name"], "url": one["value"]} for one in named]
    return {
        "subject": unescape(text_of(first.get("title"))),
        "text": unescape(text_of(first.get("description")) or text_of(fields.get("content"))),
        "extra": {"buttons": buttons, "mentions": fields.get("allowed_mentions")},
    }


def is_field(field: Mapping[str, Any]) -> bool:
    """Whether a field has a name and a value of their lengths."""
    name, value = text_of(field.get("name")), text_of(field.get("value"))
    return 0 < len(name) <= 256 and 0 < len(value) <= 1024


def wrong(name: str, code: str) -> dict[str, Any]:
    """An error about one field."""
    return {name: {"_errors": [{"code": code, "message": "The value is not valid."}]}}


SANDBOX = DiscordSandbox()
