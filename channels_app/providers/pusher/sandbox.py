"""The stand-in Pusher: checks signatures, times, names and sizes, and plays pages and webhooks.

An event for a channel whose name begins with over-quota is answered 403.
"""

import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from channels_app.contract import CallbackRequest
from channels_app.providers.pusher.names import NAME
from channels_app.providers.pusher.signing import checksum, digest, query_signature
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of

JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain"}
PATH = re.compile(r"/apps/([\w-]+)/(events|channels)\Z", re.ASCII)
SIGNED = ("auth_key", "auth_timestamp", "auth_version", "auth_signature")
TOLERANCE = 600  # seconds
LARGEST_DATA = 10 * 1024
MOST_CHANNELS = 100
WEBHOOKS = ("channel_occupied", "channel_vacated")
FAULTS = {
    401: "Unknown auth_key",
    403: "Account over quota",
    404: "Unknown app",
    413: "The data content of this event exceeds the allowed maximum (10240 bytes)",
}


class Refused(Exception):
    """The status of a refusal, and Pusher's words."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def demo_credentials() -> dict[str, str]:
    """An app that exists nowhere else."""
    return {
        "app_id": str(1_000_000 + secrets.randbelow(1_000_000)),
        "key": secrets.token_hex(10),
        "secret_key": secrets.token_hex(10),
        "cluster": "eu",
        "host": "",
    }


class PusherSandbox(SandboxEnd):
    """Events, and the list of channels; webhooks and pages on demand."""

    slug = "pusher"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer an event, or the question for the channels."""
        try:
            what = checked_call(call, accounts)
            if what == "channels":
                return Reply(200, b'{"channels":{}}', JSON), None
            return Reply(200, b"{}", JSON), event_of(call)
        except Refused as no:
            return Reply(no.status, str(no).encode(), TEXT), None

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """`sender` is a channel's name: somebody's page asks to listen ("subscribe"), or a webhook.

        "channel_occupied" and "channel_vacated" are what Pusher itself reports.
        """
        if text == "subscribe":
            socket_id = f"{secrets.randbelow(10**6)}.{secrets.randbelow(10**6)}"
            body = urlencode({"socket_id": socket_id, "channel_name": sender}).encode()
            headers = {"content-type": "application/x-www-form-urlencoded"}
            return CallbackRequest("POST", account.callback_url, headers, body)
        return webhook(text, sender, account) if text in WEBHOOKS else None

    def fault_body(self, status: int) -> bytes:
        """Pusher explains in plain words."""
        return FAULTS.get(status, "Internal server error" if status >= 500 else "Error").encode()


def webhook(event: str, channel: str, account: Account) -> CallbackRequest:
    """What Pusher posts about a channel, signed."""
    told = {"time_ms": int(time.time() * 1000), "events": [{"name": event, "channel": channel}]}
    body = json.dumps(told).encode()
    headers = {
        "content-type": "application/json",
        "x-pusher-key": account.credentials.get("key", ""),
        "x-pusher-signature": digest(account.credentials.get("secret_key", ""), body),
    }
    return CallbackRequest("POST", account.callback_url, headers, body)


def checked_call(call: Call, accounts: Sequence[Account]) -> str:
    """What is asked for, by an app of ours that signed it a moment ago."""
    found = PATH.match(call.path)
    if found is None:
        raise Refused(404, "Unknown path")
    if call.method != ("POST" if found[2] == "events" else "GET"):
        raise Refused(405, "Method not allowed")
    if any(not call.query.get(name) for name in SIGNED) or call.query["auth_version"] != "1.0":
        raise Refused(401, "Missing or wrong auth parameters")
    known = {one.credentials.get("key", ""): one.credentials for one in accounts}
    credentials = known.get(call.query["auth_key"])
    if accounts and credentials is None:
        raise Refused(401, "Unknown auth_key")
    if credentials is not None:
        check_proof(call, credentials)
        if credentials.get("app_id") != found[1]:
            raise Refused(404, "Unknown app")
    return found[2]


def check_proof(call: Call, credentials: Mapping[str, str]) -> None:
    """Time, checksum and signature of a request."""
    stamp = call.query["auth_timestamp"]
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > TOLERANCE:
        raise Refused(401, f"Timestamp expired: Given timestamp ({stamp}) not within 600s")
    if call.body and call.query.get("body_md5") != checksum(call.body):
        raise Refused(401, "Invalid body_md5")
    signed = {name: value for name, value in call.query.items() if name != "auth_signature"}
    wanted = query_signature(credentials.get("secret_key", ""), call.method, call.path, signed)
    if not hmac.compare_digest(call.query["auth_signature"].encode(), wanted.encode()):
        raise Refused(401, "Invalid signature: auth_timestamp and the rest do not match")


def event_of(call: Call) -> Taken:
    """Check an event as Pusher does, and take it."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "Expected JSON")
    try:
        fields = json_object(call.body)
    except ValueError:
        raise Refused(400, "Invalid JSON") from None
    name, data = text_of(fields.get("name")), fields.get("data")
    if not 0 < len(name) <= 200 or not isinstance(data, str):
        raise Refused(400, "The name and the data of the event are required")
    if len(data.encode()) > LARGEST_DATA:
        raise Refused(413, FAULTS[413])
    channel = checked_channel(fields)
    told = told_in(data)
    text = text_of(told.get("text")) or text_of(told.get("event")) or name
    return Taken(secrets.token_hex(8), channel, text, name, extra={"data": told})


def checked_channel(fields: Mapping[str, Any]) -> str:
    """The channel of an event."""
    given = fields.get("channels", [fields.get("channel")])
    if not isinstance(given, list) or not 0 < len(given) <= MOST_CHANNELS:
        raise Refused(400, "Between 1 and 100 channels are required")
    for channel in given:
        if not NAME.match(text_of(channel, 1000)):
            raise Refused(400, "Invalid channel name")
        if channel.startswith("over-quota"):
            raise Refused(403, FAULTS[403])
    return str(given[0])


def told_in(data: str) -> dict[str, Any]:
    """What a page would make of the data."""
    try:
        return json_object(data.encode())
    except ValueError:
        return {}


SANDBOX = PusherSandbox()
