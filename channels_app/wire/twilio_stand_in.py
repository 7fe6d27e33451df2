"""What the stand-ins of Twilio and of those who speak like it have in common."""

import json
import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from channels_app.contract import CallbackRequest
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.sms import segments

# Which pairs of credentials log in; the first of each is the user name.
Logins = Sequence[tuple[str, str]]


class MessagesStandIn(SandboxEnd):
    """Makes messages, keeps them and lists them. What is refused is each provider's own."""

    progress = ((0.05, "queued"), (0.4, "sent"), (1.2, "delivered"))
    logins: ClassVar[Logins]
    # What belongs to the account's path: the credential that names the account.
    account: ClassVar[str]

    def __init__(self) -> None:
        self.kept: deque[dict[str, Any]] = deque(maxlen=5000)

    def new_sid(self) -> str:
        """An id in the provider's style."""
        raise NotImplementedError

    def path_of(self, account_sid: str) -> str:
        """Where the account's messages live."""
        raise NotImplementedError

    def create(self, account_sid: str, form: Mapping[str, str], body: str) -> tuple[Reply, Taken]:
        """Take the message in `form`; `body` is what the person reads."""
        sid = self.new_sid()
        message = _resource(self.path_of(account_sid), account_sid, sid, form, body)
        self.kept.appendleft(message)
        taken = Taken(
            sid,
            form["To"],
            body,
            callback_url=form.get("StatusCallback", ""),
            extra={
                "account_sid": account_sid,
                "from": form.get("From", ""),
                "service": form.get("MessagingServiceSid", ""),
            },
        )
        return reply(201, message), taken

    def listed(self, query: Mapping[str, str]) -> Reply:
        """Newest first; the filters that we use."""
        wanted = [
            message
            for message in self.kept
            if query.get("To") in (None, message["to"])
            and query.get("From") in (None, message["from"])
        ]
        size = int(query.get("PageSize", "50"))
        more = "/next" if len(wanted) > size else None
        return reply(
            200,
            {"messages": wanted[:size], "page": 0, "page_size": size, "next_page_uri": more},
        )

    def authorized(self, call: Call, account_sid: str, accounts: Sequence[Account]) -> bool:
        """Basic auth as one of the accounts; without known accounts any well-formed one."""
        pair = basic(call)
        if pair is None:
            return False
        known = [account.credentials for account in accounts]
        return not known or any(
            one.get(self.account) == account_sid
            and pair in [(one.get(user), one.get(password)) for user, password in self.logins]
            for one in known
        )


def basic(call: Call) -> tuple[str, str] | None:
    """User name and password of HTTP Basic, or None."""
    scheme, _space, value = call.headers.get("authorization", "").partition(" ")
    try:
        user, _colon, password = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return None
    return (user, password) if scheme.lower() == "basic" and user and password else None


def form_of(call: Call) -> dict[str, str]:
    """The form that came."""
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def is_callback(url: str) -> bool:
    """Whether `url` can be called back: no underscore in the host."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in parts.netloc


def is_validity(text: str, longest: int) -> bool:
    """Whether `text` is a validity period in seconds."""
    return text.isdigit() and 1 <= int(text) <= longest


def receipt_fields(taken: Taken, word: str, code: str) -> dict[str, str]:
    """The form that reports `word`; `code` says why it failed."""
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
    return fields


def inbound_fields(account_sid: str, sid: str, sender: str, to: str, text: str) -> dict[str, str]:
    """The form that brings what `sender` wrote."""
    return {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "Body": text,
        "From": sender,
        "To": to,
        "MessageSid": sid,
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "NumMedia": "0",
        "NumSegments": str(segments(text)),
    }


def signed_call(
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    sign: Callable[[str, list[tuple[str, str]]], Mapping[str, str]],
) -> CallbackRequest:
    """A form post to `url`; `sign` gives the headers that prove it."""
    head = {
        "content-type": "application/x-www-form-urlencoded",
        **headers,
        **sign(url, list(fields.items())),
    }
    query = dict(parse_qsl(urlsplit(url).query))
    return CallbackRequest("POST", url, head, urlencode(fields).encode(), query)


def reply(status: int, value: Any) -> Reply:
    """JSON."""
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def new_token() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def _resource(
    path: str, account_sid: str, sid: str, form: Mapping[str, str], body: str
) -> dict[str, Any]:
    """A message as the API shows it."""
    now = format_datetime(datetime.now(UTC))
    uri = f"{path}/{sid}"
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": body,
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": str(segments(body)),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "accepted" if form.get("MessagingServiceSid") else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": form["To"],
        "uri": f"{uri}.json",
    }
