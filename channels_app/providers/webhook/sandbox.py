"""A stand-in partner: checks the signature and the time, and knows a repeat by its id.

An address that ends in /gone answers 410, one in /busy 503.
"""

import hashlib
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Sequence
from secrets import token_bytes
from threading import Lock

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of
from channels_app.wire.stand_ins import trim

TOLERANCE = 300  # seconds
REMEMBERED = 50_000
JSON = {"content-type": "application/json"}


class Refused(Exception):
    """The status that the partner answers instead of 200."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def demo_credentials() -> dict[str, str]:
    """A secret that no partner knows."""
    return {"signing_secret": f"whsec_{b64encode(token_bytes(32)).decode()}"}


class WebhookSandbox(SandboxEnd):
    """Takes events at /endpoint?to=<the partner's address>."""

    slug = "webhook"

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._lock = Lock()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer an event; a repeat is answered well and not taken again."""
        try:
            to = checked_address(call)
            webhook_id = checked_signature(call, accounts)
            taken = event_of(call, to, webhook_id)
        except Refused as no:
            headers = {**JSON, "retry-after": "30"} if no.status == 503 else JSON
            return Reply(no.status, json.dumps({"error": str(no)}).encode(), headers), None
        repeat = self._is_repeat(to, webhook_id)
        body = json.dumps({"received": webhook_id, "repeat": repeat}).encode()
        return Reply(200, body, JSON), None if repeat else taken

    def fault_body(self, status: int) -> bytes:
        """What a partner's server might say."""
        return json.dumps({"error": f"status {status}"}).encode()

    def _is_repeat(self, to: str, webhook_id: str) -> bool:
        with self._lock:
            known = (to, webhook_id) in self._seen
            self._seen[to, webhook_id] = None
            trim(self._seen, REMEMBERED)
        return known


def checked_address(call: Call) -> str:
    """The partner that the call is for."""
    to = call.query.get("to", "")
    if call.path != "/endpoint" or not to:
        raise Refused(404, "no such endpoint")
    if call.method != "POST":
        raise Refused(405, "only POST")
    path = to.split("?")[0]
    if path.endswith("/gone"):
        raise Refused(410, "stop")
    if path.endswith("/busy"):
        raise Refused(503, "busy")
    return to


def checked_signature(call: Call, accounts: Sequence[Account]) -> str:
    """The event's id, when one of the signatures is right for one of our channels."""
    webhook_id = call.headers.get("webhook-id", "")
    stamp = call.headers.get("webhook-timestamp", "")
    given = call.headers.get("webhook-signature", "")
    if not (webhook_id and given and stamp.isdecimal()):
        raise Refused(400, "the webhook- headers are missing")
    if abs(time.time() - int(stamp)) > TOLERANCE:
        raise Refused(400, "the timestamp is too old or too new")
    signed = f"{webhook_id}.{stamp}.".encode() + call.body
    keys = [key for account in accounts for key in keys_of(account)]
    if accounts and not any(is_signed(signed, key, given) for key in keys):
        raise Refused(401, "no signature matches")
    return webhook_id


def keys_of(account: Account) -> list[bytes]:
    """The keys of one channel; two while it rotates."""
    secrets = account.credentials.get("signing_secret", "").split()
    return [b64decode(secret.removeprefix("whsec_") + "==") for secret in secrets]


def is_signed(signed: bytes, key: bytes, given: str) -> bool:
    """Whether one signature of version 1 in `given` is made with `key`."""
    expected = hmac.digest(key, signed, hashlib.sha256)
    for entry in given.split(" "):
        version, _comma, value = entry.partition(",")
        try:
            if version == "v1" and hmac.compare_digest(b64decode(value), expected):
                return True
        except ValueError:
            continue
    return False


def event_of(call: Call, to: str, webhook_id: str) -> Taken:
    """The event as the phones page shows it."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "send JSON")
    try:
        body = json_object(call.body)
    except ValueError:
        raise Refused(400, "the body is not JSON") from None
    kind, data = text_of(body.get("type")), body.get("data")
    if not kind or not isinstance(data, dict) or not text_of(body.get("timestamp")):
        raise Refused(422, "type, timestamp and data are needed")
    text = text_of(body.get("text")) or kind
    return Taken(webhook_id, to, text, kind, extra={"ref": webhook_id, "data": data})


SANDBOX = WebhookSandbox()
