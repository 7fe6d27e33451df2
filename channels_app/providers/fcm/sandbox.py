"""The stand-in Firebase: gives tokens, checks a message, and shows it.

Any id is an installed app. The token "unregistered" is one that was removed, "malformed" is no
token, "other-project" belongs elsewhere, "no-apple-key" lacks the project's key, and "too-many"
got too much at once.
"""

import itertools
import json
import re
import time
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

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
SEND = re.compile(r"/v1/projects/(?P<project>[^/]+)/messages:send")
SECONDS = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?s")
TOPIC = re.compile(r"[A-Za-z0-9_-]{0,32}")
TARGETS = ("fid", "token", "topic", "condition")
RESERVED = re.compile(r"(from|message_type)\Z|google\.|gcm\.notification\.")
LARGEST = 4096
TYPES = "type.googleapis.com/"
SPECIAL: Mapping[str, tuple[int, str, str]] = {
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED"),
    "malformed": (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    "other-project": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    "no-apple-key": (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"),
    "too-many": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
}
FAULTS: Mapping[int, tuple[str, str]] = {
    404: ("NOT_FOUND", "UNREGISTERED"),
    429: ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    500: ("INTERNAL", "INTERNAL"),
    503: ("UNAVAILABLE", "UNAVAILABLE"),
}
# Starting at the clock keeps ids apart from those of an earlier run.
_numbers = itertools.count(int(time.time() * 1000))


class Refused(Exception):
    """What Firebase answers instead."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.status))
        self.reply = reply


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {"service_account": demo_key_file("orderbell-demo")}


class FcmSandbox(SandboxEnd):
    """Tokens at /token, messages at /v1/projects/<project>/messages:send."""

    slug = "fcm"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer `call`."""
        known = accounts_in(one.credentials.get("service_account", "") for one in accounts)
        if call.path == "/token":
            return token_reply(call, known, SCOPE), None
        try:
            project = called(call)
            if not holds_token(call.headers.get("authorization", ""), known, SCOPE):
                raise Refused(error_reply(401, "UNAUTHENTICATED", "Invalid credentials."))
            if accounts and project not in projects(accounts):
                raise Refused(error_reply(403, "PERMISSION_DENIED", "Permission denied."))
            return take(call, project)
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Firebase's form."""
        word, code = FAULTS.get(status, ("INTERNAL", ""))
        if status in (401, 403):
            word = "UNAUTHENTICATED" if status == 401 else "PERMISSION_DENIED"
        return fcm_error(status, word, code).body


def projects(accounts: Sequence[Account]) -> set[str]:
    """The projects that our channels write to."""
    given = [one.credentials.get("project_id", "") for one in accounts]
    files = [one.credentials.get("service_account", "") for one in accounts]
    return {*filter(None, given), *(one.project for one in accounts_in(files))}


def fcm_error(status: int, word: str, code: str) -> Reply:
    """An error, with Firebase's own word where it has one."""
    detail = {"@type": f"{TYPES}google.firebase.fcm.v1.FcmError", "errorCode": code}
    return error_reply(status, word, "Sandbox.", *([detail] if code else []))


def bad_field(name: str) -> Refused:
    """A part of the message that is not valid."""
    detail = {
        "@type": f"{TYPES}google.rpc.BadRequest",
        "fieldViolations": [{"field": name, "description": f"Invalid value at '{name}'"}],
    }
    return Refused(error_reply(400, "INVALID_ARGUMENT", f"Invalid value at '{name}'", detail))


def called(call: Call) -> str:
    """The project in the path."""
    found = SEND.fullmatch(call.path)
    if call.method != "POST" or found is None:
        raise Refused(Reply(404, b"<html>Not found</html>", {"content-type": "text/html"}))
    return found["project"]


def take(call: Call, project: str) -> tuple[Reply, Taken | None]:
    """Check the message as Firebase does, and take it unless it was only to be checked."""
    try:
        body = json_object(call.body)
    except ValueError:
        raise bad_field("message") from None
    message = part(body, "message")
    kind, to = recipient(message)
    check_data(message)
    check_platforms(message)
    shown = part(message, "notification")
    size = len(json.dumps([shown, part(message, "data")], ensure_ascii=False).encode())
    if size > LARGEST:
        raise Refused(error_reply(400, "INVALID_ARGUMENT", "Android message is too big"))
    if body.get("validateOnly") is True:
        return answered(f"projects/{project}/messages/fake_message_id"), None
    if to in SPECIAL:
        raise Refused(fcm_error(*SPECIAL[to]))
    name = f"projects/{project}/messages/{next(_numbers)}"
    extra = {**part(message, "data"), "kind": kind, "priority": part(message, "android")}
    taken = Taken(name, to, text_of(shown.get("body")), text_of(shown.get("title")), extra=extra)
    return answered(name), taken


def answered(name: str) -> Reply:
    """The answer to a message that was taken."""
    return Reply(200, json.dumps({"name": name}).encode(), JSON)


def recipient(message: Mapping[str, Any]) -> tuple[str, str]:
    """The one target of the message: its kind and its id."""
    given = [(name, message[name]) for name in TARGETS if name in message]
    if len(given) != 1 or not text_of(given[0][1]):
        raise bad_field("message")
    return given[0]


def check_data(message: Mapping[str, Any]) -> None:
    """Texts only, under names that are free."""
    for key, value in part(message, "data").items():
        if not isinstance(value, str) or RESERVED.match(key):
            raise bad_field(f"message.data[{key}]")


def check_platforms(message: Mapping[str, Any]) -> None:
    """The parts for Android, Apple and browsers."""
    android, apple = part(message, "android"), part(message, "apns")
    if android and not SECONDS.fullmatch(text_of(android.get("ttl", "0s"))):
        raise bad_field("message.android.ttl")
    if android.get("priority", "NORMAL") not in ("NORMAL", "HIGH", "normal", "high"):
        raise bad_field("message.android.priority")
    headers = {**part(apple, "headers"), **part(message, "webpush", "headers")}
    if any(not isinstance(value, str) for value in headers.values()):
        raise bad_field("message.apns.headers")
    if len(headers.get("apns-collapse-id", "")) > 64 or not TOPIC.fullmatch(
        headers.get("Topic", "")
    ):
        raise bad_field("message.webpush.headers")
    link = part(message, "webpush", "fcmOptions").get("link", "https://")
    if not text_of(link).startswith("https://"):
        raise bad_field("message.webpush.fcm_options.link")


SANDBOX = FcmSandbox()
