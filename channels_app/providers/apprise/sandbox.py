"""The stand-in Apprise API: checks a notification as the real one does, and "notifies".

A room at the host broken.example is one that does not take anything.
"""

import hmac
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from channels_app.providers.apprise.rooms import FIXED, SELF_HOSTED, Unusable, rooms_of
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of

JSON = {"content-type": "application/json"}
TYPES = ("info", "success", "warning", "failure")
FORMATS = ("text", "markdown", "html")
LARGEST = 3 * 1024 * 1024
BROKEN = "broken.example"


class Refused(Exception):
    """A status, and what the server says."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def demo_credentials() -> dict[str, str]:
    """A server and rooms that exist nowhere else."""
    return {
        "server_url": "https://apprise.example.com",
        "notification_urls": (
            f"kitchen = ntfys://ntfy.example.com/kitchen-{secrets.token_hex(6)}?priority=high\n"
            f"manager = gotifys://gotify.example.com/{secrets.token_urlsafe(12)}"
        ),
        "username": "orderbell",
        "password": secrets.token_urlsafe(16),
    }


class AppriseSandbox(SandboxEnd):
    """/notify and /status."""

    slug = "apprise"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Notify, or say why not."""
        try:
            check_password(call, accounts)
            if (call.method, call.path.rstrip("/")) == ("GET", "/status"):
                return status_reply(), None
            taken = notified(call, accounts)
        except Refused as no:
            return Reply(no.status, error_body(str(no)), JSON), None
        return Reply(200, json.dumps({"error": None, "details": []}).encode(), JSON), taken

    def fault_body(self, status: int) -> bytes:
        """An error in Apprise's form."""
        return error_body("One or more notifications could not be sent")


def error_body(said: str) -> bytes:
    """Apprise's form of an error."""
    return json.dumps({"error": said, "details": []}).encode()


def status_reply() -> Reply:
    """How the server is."""
    status = {"persistent_storage": True, "can_write_config": True, "details": ["OK"]}
    body = {"config_lock": False, "attach_lock": False, "status": status}
    return Reply(200, json.dumps(body).encode(), JSON)


def check_password(call: Call, accounts: Sequence[Account]) -> None:
    """The user of one of our channels, where they have any."""
    given = call.headers.get("authorization", "")
    known = [basic(account.credentials) for account in accounts]
    if known and not any(hmac.compare_digest(given, one) for one in known):
        raise Refused(401, "Authorization Required")


def basic(credentials: Mapping[str, str]) -> str:
    """The header of a channel; empty without a user name."""
    user, password = credentials.get("username", ""), credentials.get("password", "")
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""


def notified(call: Call, accounts: Sequence[Account]) -> Taken:
    """The notification, when it is as the server wants it."""
    if call.path.rstrip("/") != "/notify":
        raise Refused(404, "not found")
    if call.method != "POST":
        raise Refused(405, "method not allowed")
    if len(call.body) > LARGEST:
        raise Refused(431, "JSON Payload provided is to large")
    fields = fields_of(call)
    url = text_of(fields.get("urls"))
    if urlsplit(url).scheme not in FIXED | SELF_HOSTED:
        raise Refused(204, "There was no valid URLs provided to notify")
    if urlsplit(url).hostname == BROKEN:
        raise Refused(424, "One or more notifications could not be sent")
    title, body = text_of(fields.get("title")), text_of(fields.get("body"))
    extra = {"type": fields.get("type"), "format": fields.get("format")}
    return Taken(secrets.token_hex(8), room_of(url, accounts), body, title, extra=extra)


def fields_of(call: Call) -> dict[str, Any]:
    """The JSON of a call, with all that is needed."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "Bad FORM Payload provided")
    try:
        fields = json_object(call.body)
    except ValueError:
        raise Refused(400, "Invalid JSON Payload provided") from None
    if not text_of(fields.get("body")) or fields.get("type", "info") not in TYPES:
        raise Refused(400, "Payload lacks minimum requirements")
    if fields.get("format", "text") not in FORMATS:
        raise Refused(400, "An invalid body input format was specified")
    return fields


def room_of(url: str, accounts: Sequence[Account]) -> str:
    """The name that the channel gives this URL: what it holds is a secret."""
    for account in accounts:
        try:
            rooms = rooms_of(account.credentials.get("notification_urls", ""))
        except Unusable:
            continue
        for name, known in rooms.items():
            if known == url:
                return name
    return urlsplit(url).scheme


SANDBOX = AppriseSandbox()
