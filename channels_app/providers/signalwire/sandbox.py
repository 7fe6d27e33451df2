"""SignalWire's stand-in: messages of a space, their list, signed receipts and texts from people.

As the real one it leaves STOP to us. Its errors come in the three shapes that
its documentation shows.
"""

import re
import secrets
import uuid
from collections.abc import Mapping, Sequence

from channels_app.contract import CallbackRequest
from channels_app.providers.signalwire.callbacks import SIGNATURE, STATUSES, signature
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from channels_app.wire import twilio_stand_in as dialect

_PATH = re.compile(r"/api/laml/2010-04-01/Accounts/([0-9a-fA-F-]{36})/Messages(?:\.json)?")
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_VALIDITY = 172_800
# Our own: SignalWire has no numbers for tests.
_MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21606,
    "+15005550004": 21610,
    "+15005550005": 4001,
    "+15005550008": 21611,
}


def demo_credentials() -> dict[str, str]:
    """A project that exists nowhere else."""
    return {
        "space": "sandbox",
        "project_id": str(uuid.uuid4()),
        "api_token": f"PT{secrets.token_hex(24)}",
        "from_number": "+12025550100",
        "signing_key": f"PSK_{secrets.token_urlsafe(24)}",
    }


class SignalWireSandbox(dialect.MessagesStandIn):
    """Validates as a space does, and remembers what it took."""

    slug = "signalwire"
    account = "project_id"
    logins = (("project_id", "api_token"),)

    def new_sid(self) -> str:
        """A UUID."""
        return str(uuid.uuid4())

    def path_of(self, account_sid: str) -> str:
        """Below the project."""
        return f"/api/laml/2010-04-01/Accounts/{account_sid}/Messages"

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """POST makes a message, GET lists them."""
        found = _PATH.fullmatch(call.path)
        if found is None:
            return _refuse(404, 0, "Not found"), None
        if not self.authorized(call, found[1], accounts):
            return _refuse(401, 0, "Unauthorized"), None
        if call.method == "GET":
            return self.listed(call.query), None
        if call.method != "POST":
            return _refuse(405, 0, "Method not allowed"), None
        if "form-urlencoded" not in call.headers.get("content-type", ""):
            return _refuse(415, 0, "Unsupported media type"), None
        form = dialect.form_of(call)
        code = _objection(form)
        if code:
            status = 429 if code == 21611 else 422
            return _refuse(status, code, "The message cannot be created"), None
        return self.create(found[1], form, form["Body"])

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A status callback. `undelivered:30005` reports that error code."""
        word, _colon, code = status.partition(":")
        if word not in STATUSES or not taken.callback_url:
            return None
        return _signed(taken.callback_url, dialect.receipt_fields(taken, word, code), account)

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """A text from `sender` to the project's number."""
        known = account.credentials
        to = known.get("from_number") or "+12025550100"
        fields = dialect.inbound_fields(known["project_id"], self.new_sid(), sender, to, text)
        return _signed(account.callback_url, fields, account)

    def fault_body(self, status: int) -> bytes:
        """SignalWire's error body for `status`."""
        code = {429: 20429, 500: 20001, 504: 20504}.get(status, 0)
        return _refuse(status, code, "Something went wrong").body


def _objection(form: Mapping[str, str]) -> int:
    """The code of the first thing that is wrong, or 0."""
    to, body = form.get("To", ""), form.get("Body", "")
    checks = (
        (to in _MAGIC_TO, _MAGIC_TO.get(to, 0)),
        (not to, 21604),
        (not _NUMBER.fullmatch(to), 21211),
        (not form.get("From") and not form.get("MessagingServiceSid"), 21603),
        (not body.strip(), 21602),
        (len(body) > 1600, 21617),
        (not dialect.is_validity(form.get("ValidityPeriod", "1"), LONGEST_VALIDITY), 21624),
    )
    return next((code for wrong, code in checks if wrong), 0)


def _refuse(status: int, code: int, message: str) -> Reply:
    """One of the three shapes: without a code, in a list, or alone."""
    if not code:
        return dialect.reply(status, {"errors": [message]})
    error = {"code": str(code), "message": message, "more_info": "https://example.com/errors"}
    if status == 422:
        return dialect.reply(status, {"errors": [error]})
    return dialect.reply(status, {**error, "status": status})


def _signed(url: str, fields: Mapping[str, str], account: Account) -> CallbackRequest:
    """A form post to `url`, signed with the project's signing key."""
    key = account.credentials.get("signing_key", "")
    return dialect.signed_call(
        url, fields, {}, lambda url, pairs: {SIGNATURE: signature(url, pairs, key).decode()}
    )


SANDBOX = SignalWireSandbox()
