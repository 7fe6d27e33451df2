"""Mailgun's stand-in: validates mail of a domain, and posts events with a signed token."""

import json
import re
import secrets
import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from channels_app.contract import CallbackRequest
from channels_app.providers.mailgun.callbacks import REASONS, signature
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken

_PATH = re.compile(r"/v3/([A-Za-z0-9.-]+)/messages")
_EMAIL = re.compile(r"(?:[^<>]*<)?[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+>?")
_WITHIN = re.compile(r"(?=.)(?:\d+h)?(?:\d+m)?")
LARGEST_OPTIONS = 16 * 1024
NO_TEMPLATE = "no-such-template"
# Our words, for the control API, in Mailgun's.
_WORDS = {
    "queued": "accepted",
    "sent": "accepted",
    "deferred": "temporary_fail",
    "read": "opened",
    "failed": "permanent_fail",
}
_EVENTS = {
    **dict.fromkeys(("temporary_fail", "permanent_fail"), "failed"),
    **{
        word: word
        for word in (
            *("accepted", "delivered", "opened", "clicked"),
            *("complained", "unsubscribed", "rejected"),
        )
    },
}
# Addresses (before the @) that Mailgun takes, and then cannot deliver: event and reason.
_FAILS = {
    "bounce": ("permanent_fail", "bounce"),
    "suppressed": ("permanent_fail", "suppress-bounce"),
    "unsubscribed": ("permanent_fail", "suppress-unsubscribe"),
    "busy": ("temporary_fail", "generic"),
    "old": ("permanent_fail", "old"),
}


def demo_credentials() -> dict[str, str]:
    """A domain that exists nowhere else."""
    return {
        "domain": f"{secrets.token_hex(4)}.example.com",
        "api_key": f"{secrets.token_hex(16)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}",
        "region": "",
        "from_email": "orders@example.com",
        "from_name": "",
        "webhook_signing_key": secrets.token_hex(16),
    }


class MailgunSandbox(SandboxEnd):
    """Validates as api.mailgun.net does."""

    slug = "mailgun"
    progress = ((0.1, "accepted"), (0.8, "delivered"))

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST messages of a domain."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return _refuse(404, "Not Found"), None
        if call.method != "POST":
            return _refuse(405, "Method not allowed"), None
        known = _account(call, found[1], accounts)
        if known is None:
            return Reply(401, b"Forbidden", {"Content-Type": "text/plain"}), None
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        if words := _objection(form):
            return _refuse(400, words), None
        if form["to"].startswith("stranger@"):
            return _refuse(403, "Domain is not allowed to send: authorize the recipient."), None
        taken = _taken(form, found[1], known.callback_url)
        return _reply(200, {"id": f"<{taken.id}>", "message": "Queued. Thank you."}), taken

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """One event. `permanent_fail:suppress-complaint` names the reason."""
        word, _colon, reason = status.partition(":")
        word = _WORDS.get(word, word)
        local = taken.to.partition("@")[0]
        if word == "delivered" and local in _FAILS:
            word, reason = _FAILS[local]
        if word not in _EVENTS:
            return None
        body = {"signature": _proof(account), "event-data": _event(taken, word, reason)}
        head = {"content-type": "application/json", "user-agent": "mailgun/treq-22.4.0"}
        return CallbackRequest("POST", account.callback_url, head, json.dumps(body).encode())

    def fault_body(self, status: int) -> bytes:
        """Mailgun's error body: of a 401 a bare word, of a 429 a sentence with the time in it."""
        if status == 401:
            return b"Forbidden"
        if status != 429:
            return _refuse(status, "Internal Server Error").body
        words = "account-requests-per-sec limit exceeded, try again after 2 seconds"
        return _refuse(status, f"Domain example.com is not allowed to send: {words}").body


def _account(call: Call, domain: str, accounts: Sequence[Account]) -> Account | None:
    """The account whose key and domain came; without known accounts any well-formed key."""
    scheme, _space, value = call.headers.get("authorization", "").partition(" ")
    try:
        user, _colon, key = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    if scheme.lower() != "basic" or user != "api" or not key:
        return None
    if not accounts:
        return Account("", {})
    pairs = [(a, (a.credentials.get("domain"), a.credentials.get("api_key"))) for a in accounts]
    return next((account for account, pair in pairs if pair == (domain, key)), None)


def _objection(form: Mapping[str, str]) -> str:
    """The words about the first thing that is wrong, or nothing."""
    options = sum(len(name) + len(v) for name, v in form.items() if name[:2] in _OPTIONS)
    checks = (
        (not form.get("from"), "from parameter is missing"),
        (not form.get("to"), "to parameter is missing"),
        (not _EMAIL.fullmatch(form.get("from", "")), _invalid("from")),
        (not _EMAIL.fullmatch(form.get("to", "")), _invalid("to")),
        (
            not any(form.get(name) for name in ("text", "html", "amp-html", "template")),
            "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified.",
        ),
        (
            "html" in form and "template" in form,
            "Only one parameters 'html' or 'template' is allowed.",
        ),
        (
            options > LARGEST_OPTIONS,
            "Send options (parameters starting with o:, h:, or v:) are limited to 16KB total",
        ),
        (form.get("template") == NO_TEMPLATE, f"template {NO_TEMPLATE} not found"),
        (_variables(form) is None, "t:variables is not valid JSON"),
        (
            not _WITHIN.fullmatch(form.get("o:deliver-within", "5m")),
            "o:deliver-within is not valid",
        ),
    )
    return next((words for wrong, words in checks if wrong), "")


_OPTIONS = ("o:", "h:", "v:", "t:")


def _invalid(name: str) -> str:
    return f"{name} parameter is not a valid address. please check documentation."


def _variables(form: Mapping[str, str]) -> dict[str, Any] | None:
    """What fills the template in; None when it is no JSON object."""
    try:
        found = json.loads(form.get("t:variables", "{}"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _taken(form: Mapping[str, str], domain: str, callback_url: str) -> Taken:
    text = form.get("text", "")
    if "template" in form:  # whose words are only at Mailgun
        filled = " ".join(f"{name}={value}" for name, value in (_variables(form) or {}).items())
        text = f"[{form['template']}] {filled}".strip()
    variables = {name[2:]: value for name, value in form.items() if name.startswith("v:")}
    return Taken(
        f"{time.strftime('%Y%m%d%H%M%S')}.{secrets.token_hex(8)}@{domain}",
        form["to"],
        text,
        form.get("subject", ""),
        form.get("html", ""),
        callback_url,
        {"variables": variables, "domain": domain},
    )


def _event(taken: Taken, word: str, reason: str) -> dict[str, Any]:
    """An event as the webhook shows it."""
    event: dict[str, Any] = {
        "id": secrets.token_urlsafe(16),
        "event": _EVENTS[word],
        "timestamp": time.time(),
        "recipient": taken.to,
        "domain": {"name": taken.extra["domain"]},
        "message": {"headers": {"message-id": taken.id, "to": taken.to}},
        "user-variables": taken.extra["variables"],
    }
    if word == "permanent_fail":
        reason = reason if reason in REASONS else "bounce"
        code = 605 if reason.startswith("suppress") else 550
        event |= {"severity": "permanent", "reason": reason, "delivery-status": {"code": code}}
    elif word == "temporary_fail":
        status = {"code": 451, "message": "Busy", "retry-seconds": 600}
        event |= {"severity": "temporary", "reason": "generic", "delivery-status": status}
    elif word == "delivered":
        event["delivery-status"] = {"code": 250, "message": "OK"}
    return event


def _proof(account: Account) -> dict[str, str]:
    """A time and a token, and the signature over them."""
    stamp, token = str(int(time.time())), secrets.token_hex(25)
    key = account.credentials.get("webhook_signing_key", "")
    return {"timestamp": stamp, "token": token, "signature": signature(stamp, token, key)}


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _refuse(status: int, words: str) -> Reply:
    return _reply(status, {"message": words})


SANDBOX = MailgunSandbox()
