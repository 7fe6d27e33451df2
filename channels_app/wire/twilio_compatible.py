"""Twilio's message API as others speak it too: forms in, JSON out, signed forms back.

The words are the same, their meaning is not: what an error code says, how a
repeated field is signed and how an account logs in belongs to each provider.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from channels_app.contract import (
    Accepted,
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Message,
    Provider,
    Receipt,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status

ErrorTable = Mapping[str, tuple[FailureKind, str]]
Fields = Sequence[tuple[str, str]]

PAGE = 100
# Their clock and ours need not agree to the second.
CLOCK_SLACK = timedelta(seconds=5)
MOST_FIELDS = 200
OPT_OUT_WORDS = frozenset({"STOP", "START", "HELP"})


class TwilioCompatible(Provider):
    """Texts over POST Messages; a lost answer is found out by listing."""

    errors: ClassVar[ErrorTable]
    longest_validity: ClassVar[int]

    @property
    def messages_url(self) -> str:
        """Where messages are made and listed."""
        raise NotImplementedError

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of HTTP Basic."""
        raise NotImplementedError

    def sender(self) -> dict[str, str]:
        """The field that says who writes."""
        raise NotImplementedError

    def content(self, message: Message) -> dict[str, str]:
        """The fields that say what is written."""
        return {"Body": message.text}

    def request(self, message: Message) -> Request:
        """POST Messages, as a form."""
        fields = {"To": message.to, **self.content(message), **self.sender()}
        if message.callback_url:
            # The reference finds the delivery even when the receipt overtakes the answer.
            fields["StatusCallback"] = f"{message.callback_url}?{urlencode({'ref': message.ref})}"
        fields["ValidityPeriod"] = str(min(max(message.ttl_seconds, 1), self.longest_validity))
        return Request.form(self.messages_url, fields, self.headers)

    def accepted(self, response: Response) -> Accepted:
        """201 and a sid, or the provider's own code."""
        value = self.value_of(response)
        if not isinstance(value, dict) or not value.get("sid"):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The answer holds no message SID."
            )
        return Accepted(str(value["sid"]), str(value.get("status", "")))

    def lookup(self, message: Message, since: datetime) -> Request:
        """GET the day's messages to this number; the API cannot filter finer."""
        day = (since - CLOCK_SLACK).astimezone(UTC).date().isoformat()
        query = {"To": message.to, "DateSent>": day, "PageSize": str(PAGE)}
        return Request.get(self.messages_url, query, self.headers)

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """The one with this text that was made since then."""
        page = self.value_of(response)
        for found in page["messages"]:
            made_since = parsedate_to_datetime(found["date_created"]) >= since - CLOCK_SLACK
            if made_since and self.is_ours(found, message):
                return Accepted(str(found["sid"]), str(found.get("status", "")))
        if page.get("next_page_uri"):
            raise SendError(FailureKind.UNKNOWN, "", "The list of messages is too long to search.")
        return None

    def is_ours(self, found: Mapping[str, Any], message: Message) -> bool:
        """Whether a listed message says what `message` says. The list is trimmed; words stay."""
        theirs = found.get("body")
        return isinstance(theirs, str) and theirs.split() == message.text.split()

    def verification(self) -> Request | None:
        """GET one message: what a key for sending may do, and what a lookup needs."""
        return Request.get(self.messages_url, {"PageSize": "1"}, self.headers)

    def verified(self, response: Response) -> str:
        """The list was given out. What is in it is nobody's business here."""
        value = self.known_account(response)
        if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The answer holds no list of messages."
            )
        return f"{self.name} lets this login read the account's messages."

    def known_account(self, response: Response) -> Any:
        """The answer's JSON, where a 404 is about the account."""
        if response.status == 404:
            raise SendError(
                FailureKind.MISCONFIGURED, "404", f"{self.name} does not know this account there."
            )
        return self.value_of(response)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP Basic."""
        return {"Authorization": f"Basic {b64encode(':'.join(self.login).encode()).decode()}"}

    def value_of(self, response: Response) -> Any:
        """The answer's JSON; raises SendError for anything but a 2xx."""
        if response.ok:
            return response.json()
        code = error_code(response.body)
        kind, detail = self.errors.get(code, (kind_of_status(response.status), ""))
        if not detail and response.status in (401, 403):
            detail = f"{self.name} refuses the login. Check it, and what it may do there."
        raise SendError(
            kind,
            code[:20] or str(response.status),
            detail or f"{self.name} answered with HTTP status {response.status}.",
            response.retry_after,
        )


def error_code(body: bytes) -> str:
    """The code in an error body: {code}, or the first of {errors: [{code}]}; empty without."""
    try:
        value = json.loads(body)
        if "code" not in value:
            value = value["errors"][0]
        return str(value["code"])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return ""


# --- calls to us ---


def signature(
    url: str, fields: Iterable[tuple[str, str]], key: str, digest: Callable[..., Any] = hashlib.sha1
) -> bytes:
    """The URL and every field in the order given; HMAC; base64."""
    text = url + "".join(name + value for name, value in fields)
    return b64encode(hmac.new(key.encode(), text.encode(), digest).digest())


def spellings(url: str) -> tuple[str, str]:
    """`url` without and with its port: which one is signed depends on their mood."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (
        parts._replace(netloc=host).geturl(),
        parts._replace(netloc=f"{host}:{port}").geturl(),
    )


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """The form in `body`; raises ValueError when it is none."""
    return parse_qsl(
        body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS
    )


def signed_fields(request: CallbackRequest) -> Fields:
    """The form's fields; none for a JSON body, whose hash is part of the signed URL instead."""
    claimed = parse_qs(urlsplit(request.url).query).get("bodySHA256", [""])[0]
    if claimed:
        real = hashlib.sha256(request.body).hexdigest()
        if not hmac.compare_digest(real.encode(), claimed.lower().encode()):
            raise CallbackRefused("The body is not the one that was signed.")
        return ()
    try:
        return form_fields(request.body)
    except ValueError:
        raise CallbackRefused("The body is no form, so no signature can fit it.") from None


class FormCallbacks(Callbacks):
    """Receipts to StatusCallback, and what people text back; `verify` is each provider's own."""

    name: ClassVar[str]
    statuses: ClassVar[Mapping[str, ReceiptStatus]]
    errors: ClassVar[ErrorTable]

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """A receipt, or a text."""
        form = dict(form_fields(request.body))
        words = (form.get("SmsStatus"), form.get("MessageStatus"))
        if "received" in words or "MessageStatus" not in form:
            return [_inbound(form)]
        return self._receipts(form, request.query.get("ref", ""))

    def answer(self, request: CallbackRequest) -> Answer:
        """An empty document in the provider's markup: say nothing back."""
        return Answer(200, "<Response/>", "text/xml")

    def _receipts(self, form: Mapping[str, str], ref: str) -> Sequence[Receipt]:
        word = form["MessageStatus"]
        status = self.statuses.get(word)
        if status is None:
            return ()
        sid, code = form["MessageSid"], form.get("ErrorCode", "")
        failure, detail = None, ""
        if status is ReceiptStatus.FAILED:
            failure, detail = self._reason(code)
        return [
            Receipt(
                sid,
                status,
                ref=ref,
                code=code,
                detail=detail,
                failure=failure,
                event_id=f"{sid}:{word}",
                opt_out=failure is FailureKind.OPTED_OUT,
                address=form.get("To", ""),
            )
        ]

    def _reason(self, code: str) -> tuple[FailureKind, str]:
        """Why it failed; without a code nobody says, and the carrier may do better next time."""
        if not code:
            return FailureKind.TRANSIENT, f"{self.name} gave no reason."
        unlisted = (FailureKind.CONTENT_REJECTED, f"Look the code up at {self.name}.")
        return self.errors.get(code, unlisted)


def _inbound(form: Mapping[str, str]) -> InboundMessage:
    """What a person wrote. Where the provider judges STOP itself, its verdict counts."""
    verdict = form.get("OptOutType", "").upper()
    handled = verdict in OPT_OUT_WORDS
    return InboundMessage(
        form["MessageSid"],
        form["From"],
        text=verdict if handled else form.get("Body", ""),
        action=form.get("ButtonPayload", ""),
        sender_name=form.get("ProfileName", ""),
        stop_handled=handled,
    )
