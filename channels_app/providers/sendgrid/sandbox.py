"""SendGrid's stand-in: validates mail, answers 202, posts signed batches of events.

The real account signs with a key that only SendGrid has. For the sandbox the
channel's credentials carry it as `webhook_private_key` (base64 PKCS 8), a name
that the real form does not know; `demo_credentials` makes a fresh pair.
"""

import json
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from channels_app.contract import CallbackRequest
from channels_app.providers.sendgrid.callbacks import SIGNATURE, TIMESTAMP
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken

_TEMPLATE = re.compile(r"d-[0-9a-f]{32}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_KNOWN = frozenset(
    {
        *("personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "headers"),
        *("attachments", "template_id", "categories", "custom_args", "send_at", "batch_id", "asm"),
        *("ip_pool_name", "mail_settings", "tracking_settings"),
    }
)
# Our words, for the control API, in SendGrid's.
_WORDS = {"queued": "processed", "sent": "processed", "read": "open", "failed": "bounce"}
_EVENTS = frozenset(
    {
        *("processed", "deferred", "delivered", "bounce", "blocked", "dropped", "open", "click"),
        *("spamreport", "unsubscribe", "group_unsubscribe"),
    }
)


def demo_credentials() -> dict[str, str]:
    """An account that exists nowhere else, and both halves of its webhook key."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "api_key": f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
        "from_email": "orders@example.com",
        "from_name": "",
        "webhook_public_key": b64encode(public).decode(),
        "webhook_private_key": b64encode(private).decode(),
    }


class SendGridSandbox(SandboxEnd):
    """Validates as api.sendgrid.com does."""

    slug = "sendgrid"
    progress = ((0.1, "processed"), (0.8, "delivered"))

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST /v3/mail/send, and GET /v3/scopes."""
        method = {"/v3/mail/send": "POST", "/v3/scopes": "GET"}.get(call.path)
        if method is None:
            return _refuse(404, "not found"), None
        if call.method != method:
            return _refuse(405, "method not allowed"), None
        known = _account(call, accounts)
        if known is None:
            text = "The provided authorization grant is invalid, expired, or revoked"
            return _refuse(401, text), None
        if method == "GET":
            return _reply(200, {"scopes": ["mail.send", "sender_verification_eligible"]}), None
        return self._send(call, known)

    def _send(self, call: Call, known: Account) -> tuple[Reply, Taken | None]:
        if not call.headers.get("content-type", "").startswith("application/json"):
            return _refuse(415, "Content-Type should be application/json."), None
        try:
            mail = json.loads(call.body)
            objection = _objection(mail)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return _refuse(400, "Bad Request"), None
        if objection:
            return _refuse(400, *objection), None
        taken = _taken(mail, known.callback_url)
        return Reply(202, b"", {"X-Message-Id": taken.id}), taken

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A batch with one event. `dropped:Bounced Address` names the reason."""
        word, _colon, reason = status.partition(":")
        word = _WORDS.get(word, word)
        if word not in _EVENTS:
            return None
        event = _event(taken, word, reason)
        # SendGrid repeats itself; those who listen must know a repeat by its id.
        events = [event, event] if word == "delivered" else [event]
        return _signed(account, (json.dumps(events) + "\r\n").encode())

    def fault_body(self, status: int) -> bytes:
        """SendGrid's error body."""
        return _refuse(status, "something went wrong").body


def _account(call: Call, accounts: Sequence[Account]) -> Account | None:
    """The account whose key came; without known accounts any well-formed key will do."""
    scheme, _space, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.startswith("SG."):
        return None
    if not accounts:
        return Account("", {})
    return next((a for a in accounts if a.credentials.get("api_key") == key), None)


def _objection(mail: Mapping[str, Any]) -> tuple[str, str] | None:
    """(message, field) of the first thing that is wrong."""
    unknown = sorted(set(mail) - _KNOWN)
    people = mail["personalizations"]
    addresses = [to["email"] for person in people for to in person["to"]]
    kinds = [part["type"] for part in mail.get("content", ())]
    templated = "template_id" in mail
    bad_address = not addresses or not all(_EMAIL.fullmatch(address) for address in addresses)
    checks = (
        (bool(unknown), f"Additional property {unknown[:1]} is not allowed", ""),
        (
            not people or len(people) > 1000,
            "The personalizations field is required",
            "personalizations",
        ),
        (bad_address, "Does not contain a valid address.", "personalizations.0.to"),
        (
            not _EMAIL.fullmatch(mail["from"]["email"]),
            "The from email does not contain a valid address.",
            "from.email",
        ),
        (
            templated and not _TEMPLATE.fullmatch(mail["template_id"]),
            "The template_id must be a valid GUID, you provided something else.",
            "template_id",
        ),
        (not templated and not mail.get("subject"), "The subject is required.", "subject"),
        (not templated and not kinds, "The content array is required.", "content"),
        (
            not all(part.get("value") for part in mail.get("content", ())),
            "The content value must be a string at least one character in length.",
            "content.0.value",
        ),
        (kinds != sorted(kinds, reverse=True), "text/plain must come first.", "content"),
    )
    return next(((message, field) for wrong, message, field in checks if wrong), None)


def _taken(mail: Mapping[str, Any], callback_url: str) -> Taken:
    person = mail["personalizations"][0]
    content = {part["type"]: part["value"] for part in mail.get("content", ())}
    if "template_id" in mail:  # whose words are only at SendGrid
        data = person.get("dynamic_template_data", {})
        filled = " ".join(f"{name}={value}" for name, value in data.items())
        content = {"text/plain": f"[{mail['template_id']}] {filled}".strip()}
    return Taken(
        secrets.token_urlsafe(16),
        person["to"][0]["email"],
        content.get("text/plain", ""),
        mail.get("subject", ""),
        content.get("text/html", ""),
        callback_url,
        {"custom_args": {**mail.get("custom_args", {}), **person.get("custom_args", {})}},
    )


def _event(taken: Taken, word: str, reason: str) -> dict[str, Any]:
    """One event as the webhook shows it; custom arguments are among its members."""
    event: dict[str, Any] = {
        **taken.extra["custom_args"],
        "email": taken.to,
        "event": "bounce" if word == "blocked" else word,
        "timestamp": int(time.time()),
        "sg_event_id": secrets.token_urlsafe(24),
        "sg_message_id": f"{taken.id}.recvd-5d9f7c6b8-x2x4m-1-66FA2B1C-3F.0",
        "smtp-id": f"<{taken.id}@geopod-ismtpd-3>",
    }
    more: dict[str, dict[str, Any]] = {
        "bounce": {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 No such user"},
        "blocked": {"type": "blocked", "status": "4.7.0", "reason": "421 4.7.0 Try again later"},
        "dropped": {"reason": reason or "Bounced Address"},
        "deferred": {"response": "451 4.3.0 Busy", "attempt": "1"},
        "delivered": {"response": "250 OK"},
        "open": {"sg_machine_open": False},
        "click": {"url": "https://example.com/"},
        "group_unsubscribe": {"asm_group_id": 1},
    }
    return event | more.get(word, {})


def _signed(account: Account, body: bytes) -> CallbackRequest | None:
    """A post of `body`, signed, if the account has the key for it."""
    private = account.credentials.get("webhook_private_key")
    if not private:
        return None
    key = load_der_private_key(b64decode(private), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("webhook_private_key is not a P-256 key.")
    stamp = str(int(time.time()))
    signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "content-type": "application/json",
        "user-agent": "SendGrid Event API",
        SIGNATURE: b64encode(signature).decode(),
        TIMESTAMP: stamp,
    }
    return CallbackRequest("POST", account.callback_url, headers, body)


def _refuse(status: int, message: str, field: str = "") -> Reply:
    return _reply(status, {"errors": [{"message": message, "field": field or None, "help": None}]})


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


SANDBOX = SendGridSandbox()
