"""Twilio's stand-in: messages, their list, signed receipts and texts from people.

An account with a Messaging Service has Advanced Opt-Out switched on, as Twilio
does it: STOP blocks the pair until START, and inbound texts carry OptOutType.
An account with a plain number has it off.
"""

import json
import re
import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from channels_app.contract import CallbackRequest
from channels_app.providers.twilio.callbacks import SIGNATURE, STATUSES, signature
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken

_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages\.json")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
# Numbers that always fail, as with Twilio's own test credentials.
_MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
_MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_HELP = frozenset({"HELP", "INFO"})
# GSM-7 counts 160 to a part, anything else 70; parts of a longer text a little less.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def demo_credentials() -> dict[str, str]:
    """An account that exists nowhere else."""
    return {
        "account_sid": f"AC{secrets.token_hex(16)}",
        "auth_token": secrets.token_hex(16),
        "from_number": "+12025550100",
    }


def segments(text: str) -> int:
    """Into how many parts a text is cut."""
    plain = all(character in _GSM for character in text)
    size = len(text) if plain else len(text.encode("utf-16-le")) // 2
    single, part = (160, 153) if plain else (70, 67)
    return 1 if size <= single else -(-size // part)


class TwilioSandbox(SandboxEnd):
    """Validates as api.twilio.com does, and remembers what it took."""

    slug = "twilio"
    progress = ((0.05, "queued"), (0.4, "sent"), (1.2, "delivered"))

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=5000)
        self._blocked: set[tuple[str, str]] = set()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST makes a message, GET lists them."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return _refuse(404, 20404, "The requested resource was not found"), None
        if not _authorized(call, found[1], accounts):
            return _refuse(401, 20003, "Authenticate"), None
        if call.method == "GET":
            return self._list(call.query), None
        if call.method != "POST":
            return _refuse(405, 20004, "Method not allowed"), None
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        code = self._objection(form)
        if code:
            status = 429 if code == 21611 else 400
            return _refuse(status, code, "The message cannot be created"), None
        return self._create(found[1], form)

    def _objection(self, form: Mapping[str, str]) -> int:
        """The code of the first thing that is wrong, or 0."""
        to, sender = form.get("To", ""), form.get("From", "")
        service = form.get("MessagingServiceSid", "")
        validity = form.get("ValidityPeriod", "36000")
        callback = form.get("StatusCallback", "")
        checks = (
            (to in _MAGIC_TO, _MAGIC_TO.get(to, 0)),
            (not _NUMBER.fullmatch(to), 21211),
            (not sender and not service, 21603),
            (sender in _MAGIC_FROM, _MAGIC_FROM.get(sender, 0)),
            (not form.get("Body", "").strip(), 21602),
            (len(form.get("Body", "")) > 1600, 21617),
            (not validity.isdigit() or not 1 <= int(validity) <= 36_000, 21624),
            (bool(callback) and not _is_callback(callback), 21609),
            ((service or sender, to) in self._blocked, 21610),
        )
        return next((code for wrong, code in checks if wrong), 0)

    def _create(self, account_sid: str, form: Mapping[str, str]) -> tuple[Reply, Taken]:
        sid = f"SM{secrets.token_hex(16)}"
        message = _resource(account_sid, sid, form)
        self._kept.appendleft(message)
        taken = Taken(
            sid,
            form["To"],
            form["Body"],
            callback_url=form.get("StatusCallback", ""),
            extra={
                "account_sid": account_sid,
                "from": form.get("From", ""),
                "service": form.get("MessagingServiceSid", ""),
            },
        )
        return _reply(201, message), taken

    def _list(self, query: Mapping[str, str]) -> Reply:
        """Newest first; the filters that we use."""
        wanted = [
            message
            for message in self._kept
            if query.get("To") in (None, message["to"])
            and query.get("From") in (None, message["from"])
        ]
        size = int(query.get("PageSize", "50"))
        more = "/next" if len(wanted) > size else None
        return _reply(
            200,
            {"messages": wanted[:size], "page": 0, "page_size": size, "next_page_uri": more},
        )

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A status callback. `undelivered:30005` reports that error code."""
        word, _colon, code = status.partition(":")
        if word not in STATUSES or not taken.callback_url:
            return None
        fields = {
            "AccountSid": taken.extra["account_sid"],
            "ApiVersion": "2010-04-01",
            "From": taken.extra["from"],
            "To": taken.to,
            "MessageSid": taken.id,
            "MessageStatus": word,
            "SmsSid": taken.id,
            "SmsStatus": word,
        }
        if taken.extra["service"]:
            fields["MessagingServiceSid"] = taken.extra["service"]
        if word in ("failed", "undelivered"):
            fields["ErrorCode"] = code or "30008"
        return _signed(taken.callback_url, fields, account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A text from `sender` to the account's number."""
        sid = f"SM{secrets.token_hex(16)}"
        service = account.credentials.get("messaging_service_sid", "")
        fields = {
            "AccountSid": account.credentials["account_sid"],
            "ApiVersion": "2010-04-01",
            "Body": text,
            "From": sender,
            "To": account.credentials.get("from_number") or "+12025550100",
            "MessageSid": sid,
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": str(segments(text)),
        }
        if service:
            fields["MessagingServiceSid"] = service
            if verdict := self._opt_out((service, sender), text):
                fields["OptOutType"] = verdict
        return _signed(account.callback_url, fields, account)

    def _opt_out(self, pair: tuple[str, str], text: str) -> str:
        """What Advanced Opt-Out makes of `text`."""
        word = text.strip().upper()
        if word in _STOP:
            self._blocked.add(pair)
            return "STOP"
        if word in _START:
            self._blocked.discard(pair)
            return "START"
        return "HELP" if word in _HELP else ""

    def fault_body(self, status: int) -> bytes:
        """Twilio's error body for `status`."""
        code = {401: 20003, 403: 20003, 404: 20404, 429: 20429}.get(status, 20500)
        return _refuse(status, code if status < 500 else 20500, "Something went wrong").body


def _authorized(call: Call, account_sid: str, accounts: Sequence[Account]) -> bool:
    """Basic auth by the account or one of its keys; without known accounts any well-formed one."""
    scheme, _space, value = call.headers.get("authorization", "").partition(" ")
    try:
        user, _colon, password = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return False
    if scheme.lower() != "basic" or not user or not password:
        return False
    if not accounts:
        return True
    return any(
        known.get("account_sid") == account_sid
        and (user, password)
        in (
            (known.get("account_sid"), known.get("auth_token")),
            (known.get("api_key_sid"), known.get("api_key_secret")),
        )
        for known in (account.credentials for account in accounts)
    )


def _is_callback(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in parts.netloc


def _resource(account_sid: str, sid: str, form: Mapping[str, str]) -> dict[str, Any]:
    """A message as the API shows it."""
    now = format_datetime(datetime.now(UTC))
    path = f"/2010-04-01/Accounts/{account_sid}/Messages/{sid}"
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": str(segments(form["Body"])),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "accepted" if form.get("MessagingServiceSid") else "queued",
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": form["To"],
        "uri": f"{path}.json",
    }


def _reply(status: int, value: Any) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _refuse(status: int, code: int, message: str) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return _reply(status, {"code": code, "message": message, "more_info": more, "status": status})


def _signed(url: str, fields: Mapping[str, str], account: Account) -> CallbackRequest:
    """A form post to `url`, signed with the account's token."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "TwilioProxy/1.1",
        "i-twilio-idempotency-token": secrets.token_hex(16),
        SIGNATURE: signature(
            url, list(fields.items()), account.credentials.get("auth_token", "")
        ).decode(),
    }
    query = dict(parse_qsl(urlsplit(url).query))
    return CallbackRequest("POST", url, headers, urlencode(fields).encode(), query)


SANDBOX = TwilioSandbox()
