"""Plivo's stand-in: messages, the account, signed receipts and texts from people.

As the real one it answers STOP, START and HELP itself, and says so.
"""

import json
import re
import secrets
import string
import uuid
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from channels_app.contract import CallbackRequest
from channels_app.providers.plivo.callbacks import NONCE, SIGNATURES, STATUSES, signature
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire import sms

_PATH = re.compile(r"/v1/Account/((?:MA|SA)[A-Z0-9]{18})/(Message/)?")
_NUMBER = re.compile(r"[1-9]\d{6,13}")
_KNOWN = frozenset(
    {
        *("src", "powerpack_uuid", "dst", "text", "type", "url", "method", "log", "trackable"),
        *("message_expiry", "dlt_entity_id", "dlt_template_id", "dlt_template_category"),
    }
)
_LOGS = (None, "true", "false", "number_only", "content_only")
# Our own: Plivo has no numbers for tests. Status and words, or the code that receipts will carry.
_REFUSED = {
    "15005550001": (400, "'15005550001' is not a valid phone number."),
    "15005550003": (403, "Message to this country is not enabled."),
}
_FAILS = {"+15005550004": "200", "+15005550005": "50", "+15005550006": "900"}
_INTENTS = {
    **dict.fromkeys(("STOP", "END", "QUIT", "CANCEL", "UNSUB", "STOP ALL"), "optout"),
    **dict.fromkeys(("START", "UNSTOP"), "optin"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}


def demo_credentials() -> dict[str, str]:
    """An account that exists nowhere else."""
    letters = string.ascii_uppercase + string.digits
    return {
        "auth_id": "MA" + "".join(secrets.choice(letters) for _place in range(18)),
        "auth_token": secrets.token_urlsafe(30),
        "from_number": "+12025550100",
    }


class PlivoSandbox(SandboxEnd):
    """Validates as api.plivo.com does."""

    slug = "plivo"
    progress = ((0.05, "queued"), (0.4, "sent"), (1.2, "delivered"))

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST Message/ makes a message; GET shows the account, or an empty list."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return _refuse(404, "not found"), None
        if not _authorized(call, found[1], accounts):
            return _refuse(401, "Authentication failed."), None
        if call.method == "GET":
            return _shown(found), None
        if call.method != "POST" or not found[2]:
            return _refuse(405, "method not allowed"), None
        try:
            value = json.loads(call.body)
            objection = _objection(value, call.headers.get("content-type", ""))
        except (ValueError, TypeError, AttributeError):
            return _refuse(400, "The body is not JSON."), None
        if objection is not None:
            return _refuse(*objection), None
        taken = _taken(value)
        answer = {"message": "message(s) queued", "message_uuid": [taken.id]}
        return _reply(202, answer), taken

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A status callback. `undelivered:80` reports that error code."""
        word, _colon, code = status.partition(":")
        if word not in STATUSES or not taken.callback_url:
            return None
        if word != "queued" and taken.to in _FAILS:
            word, code = "failed", _FAILS[taken.to]
        fields = {
            "MessageUUID": taken.id,
            "From": taken.extra["src"].removeprefix("+"),
            "To": taken.to.removeprefix("+"),
            "Type": "sms",
            "Status": word,
            "Units": str(sms.segments(taken.text)),
            "TotalRate": "0.00000",
            "TotalAmount": "0.00000",
        }
        if word == "delivered":
            fields["ErrorCode"] = "000"
        elif word in ("failed", "undelivered"):
            fields["ErrorCode"] = code or "1000"
        return _signed(taken.callback_url, fields, account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A text from `sender` to the account's number."""
        to = account.credentials.get("from_number") or "+12025550100"
        fields = {
            "MessageUUID": str(uuid.uuid4()),
            "From": sender.removeprefix("+"),
            "To": to.removeprefix("+"),
            "Text": text,
            "Type": "sms",
            "Units": str(sms.segments(text)),
            "MessageIntent": _INTENTS.get(text.strip().upper(), ""),
        }
        return _signed(account.callback_url, fields, account)

    def fault_body(self, status: int) -> bytes:
        """Plivo's error body for `status`."""
        return _refuse(status, "Something went wrong").body


def _authorized(call: Call, auth_id: str, accounts: Sequence[Account]) -> bool:
    """Basic auth as the account; without known accounts any well-formed one."""
    scheme, _space, value = call.headers.get("authorization", "").partition(" ")
    try:
        user, _colon, password = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return False
    if scheme.lower() != "basic" or user != auth_id or not password:
        return False
    known = [(a.credentials.get("auth_id"), a.credentials.get("auth_token")) for a in accounts]
    return not known or (user, password) in known


def _shown(found: re.Match[str]) -> Reply:
    """The list of messages; or the account, which a subaccount may not see."""
    if found[2]:
        meta = {"limit": 20, "next": None, "offset": 0, "previous": None}
        return _reply(200, {"meta": meta, "objects": []})
    if found[1].startswith("SA"):
        return _refuse(401, "Authentication failed.")
    account = {"auth_id": found[1], "name": "Sandbox", "cash_credits": "100.00000"}
    return _reply(200, account | {"account_type": "standard", "billing_mode": "prepaid"})


def _objection(value: Mapping[str, Any], content_type: str) -> tuple[int, str] | None:
    """(status, words) of the first thing that is wrong."""
    number = re.sub(r"[-/.+()\s]", "", value.get("dst", ""))
    text, expiry = value.get("text", ""), value.get("message_expiry", 10_799)
    too_long = sms.gsm_length(text) > 1600 if sms.is_gsm(text) else len(text) > 737
    both = bool(value.get("src")) == bool(value.get("powerpack_uuid"))
    checks = (
        (not content_type.startswith("application/json"), (400, "Send JSON.")),
        (bool(set(value) - _KNOWN), (400, "unknown parameter")),
        (number in _REFUSED, _REFUSED.get(number, (400, ""))),
        (both, (400, "Specify either powerpack_uuid or src in request params.")),
        (not number, (400, "dst parameter not present")),
        (not _NUMBER.fullmatch(number), (400, f"'{number}' is not a valid phone number.")),
        (not text.strip(), (400, "text parameter not present")),
        (too_long, (400, "text is too long")),
        (not isinstance(expiry, int) or not 5 <= expiry <= 10_799, (400, "message_expiry")),
        (value.get("log") not in _LOGS, (400, "log")),
    )
    return next((words for wrong, words in checks if wrong), None)


def _taken(value: Mapping[str, Any]) -> Taken:
    dlt = {name: value[name] for name in sorted(value) if name.startswith("dlt_")}
    return Taken(
        str(uuid.uuid4()),
        value["dst"],
        value["text"],
        callback_url=value.get("url", ""),
        extra={"src": value.get("src", "12025550100"), **dlt},
    )


def _reply(status: int, value: Mapping[str, Any]) -> Reply:
    body = json.dumps({"api_id": str(uuid.uuid4()), **value}).encode()
    return Reply(status, body, {"Content-Type": "application/json"})


def _refuse(status: int, words: str) -> Reply:
    return _reply(status, {"error": words})


def _signed(url: str, fields: Mapping[str, str], account: Account) -> CallbackRequest:
    """A form post to `url`, signed with the token of the account and that of its main account."""
    known = account.credentials
    query = dict(parse_qsl(urlsplit(url).query))
    head = {"content-type": "application/x-www-form-urlencoded", NONCE: secrets.token_hex(10)}
    call = CallbackRequest("POST", url, head, urlencode(fields).encode(), query)
    own = signature(call, head[NONCE], known.get("auth_token", "")).decode()
    main = known.get("main_auth_token") or known.get("auth_token", "")
    signed = {SIGNATURES[0]: own, SIGNATURES[1]: signature(call, head[NONCE], main).decode()}
    return replace(call, headers={**head, **signed})


SANDBOX = PlivoSandbox()
