"""A stand-in push service, and the browsers behind it.

`demo_subscription(name)` is a browser whose private key the stand-in can work out again, so it
really decrypts. The browser called "gone" has unsubscribed. Messages for real browsers are taken,
and cannot be read.
"""

import itertools
import json
import re
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import http_ece  # type: ignore[import-untyped]
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from channels_app.contract import CallbackRequest
from channels_app.providers.webpush.keys import (
    application_server_key,
    decode64,
    derived_key,
    encode64,
    public_bytes,
    raw_private,
    receipt_token,
)
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of

HOST = "push.sandbox.example"
PATH = re.compile(r"/(?P<host>[^/]+)(?P<rest>/.*)\Z")
DEMO_NAME = re.compile(r"/demo/(?P<name>[A-Za-z0-9_.-]+)\Z")
AUTHORIZATION = re.compile(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+),\s*k=([\w-]+)\Z")
UNREADABLE = "(encrypted: only the browser can read it)"
EVENTS = {"delivered": "shown", "read": "clicked"}
# Starting at the clock keeps names apart from those of an earlier run.
_numbers = itertools.count(int(time.time() * 1000))


class Refused(Exception):
    """What the push service answers instead of 201."""

    def __init__(self, status: int, errno: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.errno = errno


def demo_credentials() -> dict[str, str]:
    """Credentials of the demo's channel. They open nothing outside the sandbox."""
    return {
        "vapid_private_key": raw_private(derived_key("orderbell demo: vapid")),
        "vapid_subject": "mailto:push@orderbell.example",
        "receipt_secret": "demo_webpush_receipt_secret",
    }


def demo_subscription(name: str) -> dict[str, str]:
    """The subscription of the demo browser `name`: letters, digits, dots, dashes, underscores."""
    return {
        "endpoint": f"https://{HOST}/demo/{name}",
        "p256dh": encode64(public_bytes(browser_key(name))),
        "auth": encode64(browser_secret(name)),
    }


def browser_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The private key of the demo browser `name`."""
    return derived_key(f"orderbell demo: browser {name}")


def browser_secret(name: str) -> bytes:
    """The authentication secret of the demo browser `name`."""
    return sha256(f"orderbell demo: auth {name}".encode()).digest()[:16]


class WebPushSandbox(SandboxEnd):
    """Takes messages at /<host of the endpoint>/<path of the endpoint>."""

    slug = "webpush"
    progress = ((0.8, "shown"),)

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Check a message as push services do, decrypt it if it is for a demo browser."""
        try:
            return take(call, accounts)
        except Refused as no:
            return Reply(no.status, error_body(no.status, no.errno), JSON), None

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """The service worker's report; `status` in its words or in ours."""
        event = EVENTS.get(status, status)
        ref = taken.extra.get("ref", "")
        if event not in ("shown", "clicked", "closed") or not ref:
            return None
        token = taken.extra.get("token") or receipt_token(
            account.credentials["receipt_secret"], ref
        )
        body = json.dumps({"ref": ref, "token": token, "event": event}).encode()
        url = taken.callback_url or account.callback_url
        return CallbackRequest("POST", url, {"content-type": "application/json"}, body)

    def fault_body(self, status: int) -> bytes:
        """An error in Mozilla's form."""
        errnos = {401: 109, 404: 102, 410: 106, 413: 104, 429: 120, 500: 999, 503: 201}
        return error_body(status, errnos.get(status, 999))


JSON = {"content-type": "application/json"}


def error_body(status: int, errno: int) -> bytes:
    """The body of an error."""
    return json.dumps({"code": status, "errno": errno, "error": "sandbox"}).encode()


def take(call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken]:
    """The answer 201 and the message; raises Refused."""
    path = PATH.match(call.path)
    if call.method != "POST" or path is None:
        raise Refused(404, 102, "no such endpoint")
    check_headers(call)
    check_signature(call.headers.get("authorization", ""), path["host"], accounts)
    demo = DEMO_NAME.match(path["rest"]) if path["host"] == HOST else None
    if demo and demo["name"] == "gone":
        raise Refused(410, 106, "unsubscribed")
    payload = decrypted(call.body, demo["name"]) if demo else {}
    query = urlencode(call.query)
    location = f"https://{path['host']}/m/{next(_numbers)}"
    taken = Taken(
        id=location,
        to=f"https://{path['host']}{path['rest']}" + (f"?{query}" if query else ""),
        text=text_of(payload.get("body")) if demo else UNREADABLE,
        subject=text_of(payload.get("title")),
        callback_url=text_of(payload.get("receipt_url")),
        extra={**payload, "urgency": call.headers.get("urgency", "")},
    )
    return Reply(201, b"", {"location": location, "ttl": call.headers["ttl"]}), taken


def check_headers(call: Call) -> None:
    """What a push service checks before it looks at the key."""
    if call.headers.get("content-encoding") != "aes128gcm":
        raise Refused(400, 110, "content-encoding must be aes128gcm")
    if not call.headers.get("ttl", "").isdecimal():
        raise Refused(400, 111, "ttl is missing")
    if not re.fullmatch(r"[\w-]{0,32}", call.headers.get("topic", ""), re.ASCII):
        raise Refused(400, 113, "topic is not valid")
    if call.headers.get("urgency", "normal") not in ("very-low", "low", "normal", "high"):
        raise Refused(400, 110, "urgency is not valid")
    if len(call.body) > 4096:
        raise Refused(413, 104, "too large")


def check_signature(header: str, host: str, accounts: Sequence[Account]) -> None:
    """The VAPID token: signed with its key, for this push service, for a day at most."""
    found = AUTHORIZATION.match(header)
    if found is None:
        raise Refused(401, 109, "no vapid token")
    head, claims, signature, key = found.groups()
    try:
        verify_token(f"{head}.{claims}".encode(), decode64(signature), decode64(key))
        said = json_object(decode64(claims))
    except (ValueError, InvalidSignature):
        raise Refused(401, 109, "the vapid token is not valid") from None
    left = float(said.get("exp") or 0) - time.time()
    if said.get("aud") not in (f"https://{host}", f"http://{host}") or not 0 < left <= 86400:
        raise Refused(401, 109, "the vapid token is for another service or time")
    if accounts and key not in known_keys(accounts):
        raise Refused(403, 109, "the subscription belongs to another vapid key")


def verify_token(signed: bytes, signature: bytes, key: bytes) -> None:
    """Raise InvalidSignature or ValueError unless `signature` is right."""
    if len(signature) != 64:
        raise ValueError("An ES256 signature has 64 bytes.")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    halves = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    public.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashes.SHA256()))


def known_keys(accounts: Sequence[Account]) -> set[str]:
    """The public keys of our channels."""
    given = (account.credentials.get("vapid_private_key", "") for account in accounts)
    return {application_server_key(key) for key in given if key}


def decrypted(body: bytes, name: str) -> Mapping[str, Any]:
    """The payload, read with the private key of the demo browser `name`."""
    try:
        plain = http_ece.decrypt(
            body, private_key=browser_key(name), auth_secret=browser_secret(name)
        )
        return part(json_object(plain))
    except (http_ece.ECEException, ValueError):
        raise Refused(400, 110, "the browser cannot decrypt this") from None


SANDBOX = WebPushSandbox()
