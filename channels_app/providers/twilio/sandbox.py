"""Twilio's stand-in: messages, their list, signed receipts and texts from people.

An account with a Messaging Service has Advanced Opt-Out switched on, as Twilio
does it: STOP blocks the pair until START, and inbound texts carry OptOutType.
An account with a plain number has it off. Every content template exists here:
the person reads its id and what fills it in.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.providers.twilio.callbacks import SIGNATURE, STATUSES, signature
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from channels_app.wire import twilio_stand_in as dialect

_PATH = re.compile(r"/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})(/Messages)?\.json")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_CONTENT = re.compile(r"HX[0-9a-fA-F]{32}")
LONGEST_VALIDITY = 36_000
# Numbers that always fail, as with Twilio's own test credentials.
_MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
_MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
# A template that does not exist.
NO_TEMPLATE = "HX" + "0" * 32
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_HELP = frozenset({"HELP", "INFO"})


def demo_credentials() -> dict[str, str]:
    """An account that exists nowhere else."""
    return {
        "account_sid": f"AC{dialect.new_token()}",
        "auth_token": dialect.new_token(),
        "from_number": "+12025550100",
    }


class TwilioSandbox(dialect.MessagesStandIn):
    """Validates as api.twilio.com does, and remembers what it took."""

    slug = "twilio"
    account = "account_sid"
    logins = (("account_sid", "auth_token"), ("api_key_sid", "api_key_secret"))

    def __init__(self) -> None:
        super().__init__()
        self._blocked: set[tuple[str, str]] = set()

    def new_sid(self) -> str:
        """SM and 32 digits."""
        return f"SM{dialect.new_token()}"

    def path_of(self, account_sid: str) -> str:
        """Below the account."""
        return f"/2010-04-01/Accounts/{account_sid}/Messages"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST makes a message, GET lists them, or shows the account."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return _refuse(404, 20404, "The requested resource was not found"), None
        if not self.authorized(call, found[1], accounts):
            return _refuse(401, 20003, "Authenticate"), None
        if call.method == "GET":
            return self._shown(call, found), None
        if call.method != "POST" or not found[2]:
            return _refuse(405, 20004, "Method not allowed"), None
        form = dialect.form_of(call)
        code = self._objection(form)
        if code:
            status = 429 if code == 21611 else 400
            return _refuse(status, code, "The message cannot be created"), None
        return self.create(found[1], form, _rendered(form))

    def _shown(self, call: Call, found: re.Match[str]) -> Reply:
        """The list of messages, or the account, which an API key may not see."""
        if found[2]:
            return self.listed(call.query)
        if (dialect.basic(call) or ("", ""))[0].startswith("SK"):
            return _refuse(401, 20003, "Authenticate")
        return dialect.reply(200, _account(found[1]))

    def _objection(self, form: Mapping[str, str]) -> int:
        """The code of the first thing that is wrong, or 0."""
        to, sender = form.get("To", ""), form.get("From", "")
        service = form.get("MessagingServiceSid", "")
        callback = form.get("StatusCallback", "")
        checks = (
            (to in _MAGIC_TO, _MAGIC_TO.get(to, 0)),
            (not _NUMBER.fullmatch(to), 21211),
            (not sender and not service, 21603),
            (sender in _MAGIC_FROM, _MAGIC_FROM.get(sender, 0)),
            (True, _content_objection(form)),
            (not dialect.is_validity(form.get("ValidityPeriod", "1"), LONGEST_VALIDITY), 21624),
            (bool(callback) and not dialect.is_callback(callback), 21609),
            ((service or sender, to) in self._blocked, 21610),
        )
        return next((code for wrong, code in checks if wrong and code), 0)

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A status callback. `undelivered:30005` reports that error code."""
        word, _colon, code = status.partition(":")
        if word not in STATUSES or not taken.callback_url:
            return None
        return _signed(taken.callback_url, dialect.receipt_fields(taken, word, code), account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A text from `sender` to the account's number."""
        known = account.credentials
        service = known.get("messaging_service_sid", "")
        to = known.get("from_number") or "+12025550100"
        fields = dialect.inbound_fields(known["account_sid"], self.new_sid(), sender, to, text)
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


def _content_objection(form: Mapping[str, str]) -> int:
    """What is wrong with the text, or with the template that takes its place."""
    body, content = form.get("Body", ""), form.get("ContentSid", "")
    if not content and not body.strip():
        return 21602
    if not content:
        return 21617 if len(body) > 1600 else 0
    if not _CONTENT.fullmatch(content) or content == NO_TEMPLATE:
        return 21654
    return 0 if _variables(form) is not None else 21656


def _variables(form: Mapping[str, str]) -> dict[str, str] | None:
    """What fills the template in; None when it is unreadable, empty, or on several lines."""
    try:
        found = json.loads(form.get("ContentVariables", "{}"))
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    fits = all(
        isinstance(v, str) and v and not re.search(r"[\n\t]|     ", v) for v in found.values()
    )
    return found if fits else None


def _rendered(form: Mapping[str, str]) -> str:
    """What the person reads."""
    if "ContentSid" not in form:
        return form["Body"]
    return " ".join([f"[{form['ContentSid']}]", *(_variables(form) or {}).values()])


def _account(sid: str) -> dict[str, Any]:
    """An account as the API shows it."""
    return {
        "sid": sid,
        "friendly_name": "Sandbox",
        "status": "active",
        "type": "Full",
        "owner_account_sid": sid,
        "uri": f"/2010-04-01/Accounts/{sid}.json",
    }


def _refuse(status: int, code: int, message: str) -> Reply:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return dialect.reply(
        status, {"code": code, "message": message, "more_info": more, "status": status}
    )


def _signed(url: str, fields: Mapping[str, str], account: Account) -> CallbackRequest:
    """A form post to `url`, signed with the account's token."""
    headers = {
        "user-agent": "TwilioProxy/1.1",
        "i-twilio-idempotency-token": dialect.new_token(),
    }
    key = account.credentials.get("auth_token", "")
    return dialect.signed_call(
        url, fields, headers, lambda url, pairs: {SIGNATURE: signature(url, pairs, key).decode()}
    )


SANDBOX = TwilioSandbox()
