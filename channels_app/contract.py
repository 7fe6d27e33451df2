"""What a provider is: it describes a request and reads a response; it never does I/O.

A provider is one folder, `channels_app/providers/<slug>/`, with

* `provider.py`   a subclass of `Provider` named `PROVIDER`;
* `callbacks.py`  (when it calls us) `CALLBACKS`, an instance of a subclass of `Callbacks`;
* `sandbox.py`    its stand-in end, `SANDBOX`, see `channels_app.sandbox.contract`;
* `guide.md`      how to set it up, for the page in the product.

and a logo in `static/img/providers/<slug>.svg`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from django import forms

from channels_app.failures import FailureKind, SendError
from channels_app.wire import waiting


class Family(StrEnum):
    """Kinds of channel; a template is written per family."""

    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"  # a messenger that a person uses: Telegram, WhatsApp, Viber
    PUSH = "push"
    TEAM = "team"  # where staff talk: Slack, Teams
    WEBHOOK = "webhook"  # a partner's endpoint
    EVENT = "event"  # the operator's other systems: CRM, help desk, shop; they act on it


class AddressKind(StrEnum):
    """What a recipient needs to be reached, where several providers share it.

    People of a provider that gives them ids of its own are known by that provider's slug.
    """

    PHONE = "phone"
    EMAIL = "email"
    TELEGRAM = "telegram"
    PUSH = "push"
    ROOM = "room"  # a destination that staff configured
    URL = "url"


class ReceiptStatus(StrEnum):
    """What a provider can tell us later, in our words."""

    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Idempotency(StrEnum):
    """How the fate of a send can be found out when the answer was lost."""

    KEY = "key"  # send again with the same key: the provider de-duplicates
    LOOKUP = "lookup"  # ask the provider whether it has it
    RECEIPT = "receipt"  # wait: a receipt that carries our reference tells
    NONE = "none"  # nobody can say


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do. Nothing that is not declared here is ever shown or relied on."""

    max_text: int = 0  # characters; 0 is no limit worth naming
    subject: bool = False
    html: bool = False
    receipts: frozenset[ReceiptStatus] = frozenset()
    inbound: bool = False
    idempotency: Idempotency = Idempotency.NONE
    needs_join: bool = False  # a person must write to us before we may write to them
    needs_opt_in: bool = False  # its rules want a recorded yes; having the address is not enough
    handles_stop: bool = False  # the provider itself answers STOP
    window_hours: int = 0  # free words only so long after they wrote; 0: always
    templates: bool = False  # can send texts that are kept, and approved, at the provider
    personal: bool = False  # gets the customer's name and addresses in `Message.data`
    hands_off: bool = False  # what becomes of it is the operator's own automation's affair


@dataclass(frozen=True, slots=True)
class ProviderTemplate:
    """A text kept at the provider: its id there, its language there, and what fills it in."""

    id: str
    language: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)  # in the order of the gaps


@dataclass(frozen=True, slots=True)
class Access:
    """A token that was fetched with the credentials (OAuth). `data`: what came along with it."""

    token: str
    expires_at: datetime
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What to say to whom, rendered. `ref` is ours, opaque, the same for every try."""

    to: str
    text: str
    ref: str
    subject: str = ""
    html: str = ""
    language: str = "en"
    urgent: bool = False
    ttl_seconds: int = 3600  # worthless after that
    collapse_key: str = ""  # the same for messages that replace each other (one per order)
    url: str = ""  # where a tap should lead
    unsubscribe_url: str = ""
    callback_url: str = ""  # where receipts of this channel go; carries no secret of the provider
    actions: Sequence[tuple[str, str]] = ()  # (label, value) buttons, where the family has them
    data: Mapping[str, Any] = field(default_factory=dict)  # the order in fields, for machines
    template: ProviderTemplate | None = None  # the text at the provider that says the same
    window_open: bool = False  # they wrote to us within the provider's `window_hours`


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it will leave: `channels_app.sending` adds nothing to it."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def json(cls, url: str, value: Any, headers: Mapping[str, str] | None = None) -> "Request":
        """A POST of `value` as UTF-8 JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        head = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        return cls("POST", url, head, body)

    @classmethod
    def form(
        cls,
        url: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None = None,
    ) -> "Request":
        """A POST of `fields` as a form."""
        head = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return cls("POST", url, head, urlencode(fields).encode())

    @classmethod
    def get(
        cls,
        url: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Request":
        """A GET of `url` with `query`."""
        return cls("GET", f"{url}?{urlencode(query)}" if query else url, headers or {})


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, at most 64 KiB of it. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; SendError when it is not: a 2xx may have been taken (UNKNOWN)."""
        try:
            return json.loads(self.body)
        except ValueError:
            kind = FailureKind.UNKNOWN if self.ok else FailureKind.TRANSIENT
            raise SendError(kind, str(self.status), "The answer is not readable as JSON.") from None

    @property
    def ok(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds of a Retry-After header, in either of its forms; None without one."""
        return waiting.retry_after(self.headers)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it. `message_id` is the provider's own, empty when it gives none."""

    message_id: str = ""
    detail: str = ""
    handed_off: bool = (
        False  # given to the operator's own automation; nobody knows what became of it
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's later word about a message; `ref` when it echoes ours."""

    message_id: str
    status: ReceiptStatus
    ref: str = ""
    at: datetime | None = None
    code: str = ""
    detail: str = ""
    failure: FailureKind | None = None  # for FAILED: what follows
    event_id: str = ""  # the provider's id of this notice, to recognise a repeat
    opt_out: bool = False  # a complaint or an unsubscribe at the provider
    address: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A person wrote, or pressed a button."""

    message_id: str
    sender: str  # an address of the channel's kind
    text: str = ""
    action: str = ""  # the value of a button
    sender_name: str = ""
    language: str = ""
    stop_handled: bool = False  # the provider has already answered this STOP/START/HELP itself
    left: bool = False  # they blocked or left us: an opt-out without words


@dataclass(frozen=True, slots=True)
class IncidentAction:
    """Somebody did something about an alert, where it reached them."""

    token: str  # the incident's, as the alert carried it
    verb: str  # acknowledge, snooze, resolve; reopen: it is nobody's again
    actor: str  # who, as the provider names them
    minutes: int | None = None  # for snooze
    event_id: str = ""  # the provider's id of this notice
    room: str = ""  # where it was done: an address of the channel's kind, empty when it has none


Told = Receipt | InboundMessage | IncidentAction  # what a callback can tell


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A provider's call to us: header names in lower case, body untouched, `url` the public one."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer a callback with, where the provider cares."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"


class CallbackRefused(Exception):
    """A callback that is not proven to be the provider's."""


class Credentials(forms.Form):
    """Base of a provider's credentials form. Names in `secret` are shown masked, always."""

    secret: ClassVar[frozenset[str]] = frozenset()


class Callbacks:
    """How to read a provider's calls to us. Pure, like the provider."""

    refusal_status: ClassVar[int] = 401  # some providers repeat a call until they hear another

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """Raise CallbackRefused unless the provider signed `request`. Compare in constant time."""
        raise CallbackRefused("This provider sends no callbacks.")

    def handshake(self, request: CallbackRequest, credentials: Mapping[str, str]) -> Answer | None:
        """The answer to a set-up request, or None for an ordinary one. Called after `verify`."""
        return None

    def read(self, request: CallbackRequest) -> Sequence[Told]:
        """What `request` tells. Unknown words are left out; a broken body raises ValueError."""
        return ()

    def answer(self, request: CallbackRequest) -> Answer:
        """What to answer when all went well."""
        return Answer()


class Provider:
    """A kind of channel. One instance serves one channel (a configured account)."""

    slug: ClassVar[str]
    name: ClassVar[str]
    family: ClassVar[Family]
    address: ClassVar[str]  # an AddressKind, or its own slug
    audiences: ClassVar[frozenset[str]] = frozenset({"customer"})
    capabilities: ClassVar[Capabilities] = Capabilities()
    Credentials: ClassVar[type[Credentials]] = Credentials
    base_url: ClassVar[str]
    in_flight: ClassVar[int] = 32  # calls at once per channel and process, unless the channel says
    # An alert stays open there: it is told when somebody is on it, and when it is over.
    resolves_incidents: ClassVar[bool] = False
    # A message wakes somebody: it goes there only where a rule or a policy names the place.
    pages_people: ClassVar[bool] = False

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """`base_url` replaces the provider's own; `allowed_hosts` widens a push provider's list."""
        self.credentials = credentials
        self.base = (base_url or self.base_url).rstrip("/")
        self.stand_in = bool(base_url)
        self.allowed_hosts = allowed_hosts
        self.access: Access | None = None  # put in before `request`, where `token_request` asks

    def request(self, message: Message) -> Request:
        """The request that sends `message`. Pure. Raises SendError for what can never be sent."""
        raise NotImplementedError

    def accepted(self, response: Response) -> Accepted:
        """Read the answer; raises SendError with the kind that the provider's code means."""
        raise NotImplementedError

    def following(self, message: Message, response: Response) -> Request | None:
        """The request that must follow `response` before `message` counts as sent, or None.

        Every step must be harmless when it is repeated: a lost answer leads back to the first.
        Raises SendError. `accepted` reads the answer to the last one.
        """
        return None

    def token_request(self, now: datetime) -> Request | None:
        """For OAuth: the request that fetches a token. None: the credentials need none."""
        return None

    def token(self, response: Response, now: datetime) -> Access:
        """The token in the answer to `token_request`; raises SendError."""
        raise NotImplementedError

    def verification(self) -> Request | None:
        """A harmless request that proves the credentials; None where only a message does."""
        return None

    def verified(self, response: Response) -> str:
        """A sentence about the account behind the credentials; raises SendError."""
        raise NotImplementedError

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """What is wrong with `template`, in sentences, as far as it can be seen from here."""
        return () if self.capabilities.templates else (f"{self.name} keeps no templates.",)

    def join_link(self, token: str) -> str:
        """Where a customer begins to talk to us; what they write first is "/start <token>"."""
        return ""

    def at(self, url: str) -> str:
        """`url` that the operator pasted, or the same path at the stand-in."""
        parts = urlsplit(url)
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        return self.base + rest if self.stand_in else url

    def lookup(self, message: Message, since: datetime) -> Request:
        """For Idempotency.LOOKUP: the request that asks whether `message` arrived after `since`."""
        raise NotImplementedError

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """For LOOKUP: the message, if the provider has it; SendError if it cannot say."""
        raise NotImplementedError

    def fit(self, message: Message) -> Message:
        """`message` cut to the declared maximum, at a word, with an ellipsis."""
        limit = self.capabilities.max_text
        if not limit or len(message.text) <= limit:
            return message
        head = message.text[: limit - 1]
        return replace(message, text=(head.rsplit(" ", 1)[0] or head) + "…")
