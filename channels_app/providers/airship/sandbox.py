"""The stand-in Airship: finds devices, checks a push, and shows it.

Everybody has a device, except the named users "nobody" and "no-device"; "switched-off" allows no
notifications. The channel of zeros is gone.
"""

import json
import re
import secrets
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of

KIND = "application/vnd.urbanairship+json; version=3"
JSON = {"content-type": KIND}
CHANNEL = re.compile(r"/api/channels/(?P<id>[0-9a-f-]{36})")
GONE = "00000000-0000-0000-0000-000000000000"
PLATFORMS = {"ios", "android", "amazon", "web"}
PARTS = {"alert", "actions", *PLATFORMS}
OF_PLATFORM: Mapping[str, set[str]] = {
    "ios": {"alert", "title", "priority", "collapse_id", "expiry"},
    "android": {
        *("alert", "title", "delivery_priority", "collapse_key", "notification_tag"),
        "time_to_live",
    },
    "web": {"alert", "title"},
    "amazon": {"alert", "title"},
}


class Refused(Exception):
    """What Airship answers instead."""

    def __init__(self, status: int, code: int = 0, path: str = "", said: str = "Sandbox.") -> None:
        super().__init__(said)
        self.reply = error_reply(status, code, path, said)


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {
        "app_key": secrets.token_urlsafe(17)[:22],
        "master_secret": secrets.token_urlsafe(17)[:22],
        "region": "us",
        "device_types": "",
        "look_first": "yes",
    }


class AirshipSandbox(SandboxEnd):
    """Devices at /api/named_users/ and /api/channels/<id>, pushes at /api/push/."""

    slug = "airship"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer `call`."""
        try:
            if call.path in ("/api/push", "/api/push/validate"):
                return Reply(301, b"", {"location": f"{call.path}/"}), None
            check_caller(call, accounts)
            if call.method == "GET":
                return found(call), None
            return taken_push(call)
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Airship's form."""
        return error_reply(status, status * 100, "", "Sandbox.").body


def error_reply(status: int, code: int, path: str, said: str) -> Reply:
    """An error; the one about the keys is plain text."""
    if status == 401:
        return Reply(401, b"Unauthorized", {"content-type": "text/plain"})
    body: dict[str, Any] = {"ok": False, "error": said, "error_code": code or status * 100}
    if path:
        body["details"] = {"error": f"The key '{path}' is not valid", "path": path}
    return Reply(status, json.dumps(body).encode(), JSON)


def answered(status: int, body: Mapping[str, Any]) -> Reply:
    """An answer to something that went well."""
    return Reply(status, json.dumps({"ok": True, **body}).encode(), JSON)


def check_caller(call: Call, accounts: Sequence[Account]) -> None:
    """The version that is asked for, and the keys of one of our channels."""
    if call.headers.get("accept") != KIND:
        raise Refused(406)
    scheme, _space, given = call.headers.get("authorization", "").partition(" ")
    try:
        pair = b64decode(given, validate=True).decode()
    except ValueError:
        raise Refused(401) from None
    known = [
        f"{one.credentials.get('app_key')}:{one.credentials.get('master_secret')}"
        for one in accounts
    ]
    if scheme != "Basic" or (known and pair not in known):
        raise Refused(401)


def found(call: Call) -> Reply:
    """The devices of a person, or one device."""
    channel = CHANNEL.fullmatch(call.path)
    if channel is not None:
        if channel["id"] == GONE:
            raise Refused(404, 40401, said="Entity not found")
        return answered(200, {"channel": device(channel["id"])})
    person = call.query.get("id", "")
    if call.path != "/api/named_users/" or not person or person == "nobody":
        raise Refused(404, 40401, said="Entity not found")
    devices = [] if person == "no-device" else [device(str(uuid4()), person != "switched-off")]
    return answered(200, {"named_user": {"named_user_id": person, "channels": devices}})


def device(channel_id: str, opted_in: bool = True) -> dict[str, Any]:
    """A device as Airship describes it."""
    return {
        "channel_id": channel_id,
        "device_type": "android",
        "installed": True,
        "opt_in": opted_in,
        "background": True,
    }


def taken_push(call: Call) -> tuple[Reply, Taken | None]:
    """Check a push as Airship does, and take it unless it was only to be checked."""
    if call.path not in ("/api/push/", "/api/push/validate/"):
        raise Refused(404)
    if call.method != "POST":
        raise Refused(405)
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, 40000, said="Could not parse request body.")
    try:
        body = json_object(call.body)
    except ValueError:
        raise Refused(400, 40000, said="Could not parse request body.") from None
    to, notification = audience(body), part(body, "notification")
    check_push(body, notification)
    if call.path.endswith("/validate/"):
        return answered(200, {}), None
    push = str(uuid4())
    title = next(
        (text_of(part(notification, name).get("title")) for name in ("android", "ios")), ""
    )
    taken = Taken(push, to, text_of(notification.get("alert")), title, extra=dict(notification))
    return answered(202, {"operation_id": str(uuid4()), "push_ids": [push]}), taken


def audience(body: Mapping[str, Any]) -> str:
    """Whom the push is for, as our addresses write it."""
    given = part(body, "audience")
    person, channel = text_of(given.get("named_user")), text_of(given.get("channel"))
    if len(given) != 1 or not (person or channel):
        raise Refused(400, 40000, "audience")
    if channel and (channel == GONE or not CHANNEL.fullmatch(f"/api/channels/{channel}")):
        raise Refused(400, 40000, "audience.channel")
    return f"user:{person}" if person else channel


def check_push(body: Mapping[str, Any], notification: Mapping[str, Any]) -> None:
    """Known keys only, a text, and platforms that exist."""
    kinds = body.get("device_types")
    if kinds != "all" and (not isinstance(kinds, list) or not kinds or set(kinds) - PLATFORMS):
        raise Refused(400, 40000, "device_types")
    if not text_of(notification.get("alert")):
        raise Refused(400, 40000, "notification.alert")
    for key, value in notification.items():
        if key not in PARTS:
            raise Refused(400, 40000, f"notification.{key}")
        strange = set(part(value)) - OF_PLATFORM.get(key, set(part(value)))
        if strange:
            raise Refused(400, 40000, f"notification.{key}.{min(strange)}")
    if len(part(notification, "ios").get("collapse_id", "").encode()) > 64:
        raise Refused(400, 40000, "notification.ios.collapse_id")
    expiry = part(body, "options").get("expiry", 0)
    if type(expiry) is not int or expiry < 0:
        raise Refused(400, 40000, "options.expiry")
    if len(json.dumps(notification, ensure_ascii=False).encode()) > 4096:
        raise Refused(413)


SANDBOX = AirshipSandbox()
