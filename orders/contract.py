"""What a source is, and the normalised event that its bodies become.

A source is one folder, `orders/sources/<slug>/source.py`, that holds a subclass
of `OrderSource` named `SOURCE`. Everything in it is pure: it reads bytes and
headers and returns values. Storing, comparing clocks and writing the timeline
is done once, for all sources, in `orders.intake` and `orders.timeline`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar


class SourceError(Exception):
    """A body that cannot be used; the message tells a person what to do about it."""


class BadSignature(SourceError):
    """The request is not from who it says it is; answered 401, body not stored."""


class Malformed(SourceError):
    """The body is not what the protocol promises; answered 400."""


class Unmappable(SourceError):
    """Authentic, but we cannot say what it means; stored and shown in the inbox."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A request as it arrived: header names in lower case, body untouched."""

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    method: str = "POST"
    received_at: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)  # the connection's own choices


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to store: its key is unique within the connection."""

    event_key: str
    topic: str
    body: bytes | None = None  # when one request holds several (a CloudEvents batch)


@dataclass(frozen=True, slots=True)
class Clock:
    """When the sender says this was true, by its own clock. A version beats a time."""

    version: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom an order belongs to; `phone` as the source wrote it, `proxy` for masked numbers."""

    external_id: str = ""
    name: str = ""
    given_name: str = ""
    email: str = ""
    phone: str = ""
    phone_pin: str = ""
    proxy: bool = False
    language: str = ""
    country: str = ""  # ISO 3166 alpha-2, to read a national phone number
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An order line; quantities are decimals as text because 1.5 occurs."""

    line_id: str
    name: str
    quantity: str = "1"
    sku: str = ""
    removed_quantity: str = "0"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tracking:
    """A parcel or a courier leg."""

    number: str = ""
    carrier: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back; `amount_minor` in the order's currency, always positive."""

    refund_id: str
    amount_minor: int
    reason: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Facts about one part of an order. Empty means not said."""

    key: str = "main"
    aliases: Sequence[str] = ()
    method: str = ""  # pickup, curbside, delivery, shipping, dine_in, digital
    status: str = ""
    source_status: str = ""
    sub_status: str = ""
    lines: Sequence[tuple[str, str]] = ()  # (line id, quantity)
    ready_at: datetime | None = None
    deliver_from: datetime | None = None
    deliver_to: datetime | None = None
    delay_reason: str = ""
    delayed: bool | None = None
    tracking: Sequence[Tracking] = ()
    courier: str = ""
    clock: Clock | None = None  # when it differs from the event's


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One normalised fact, or a whole snapshot, about one order. Absent members mean not said."""

    external_id: str
    topic: str
    clock: Clock = field(default_factory=Clock)
    occurred_at: datetime | None = None
    display_number: str = ""
    aliases: Sequence[str] = ()
    location: str = ""
    status: str = ""
    source_status: str = ""
    unmapped_status: str = ""  # the source's word, when we have no translation for it
    cancel_reason: str = ""
    fulfilment_type: str = ""
    currency: str = ""
    total_minor: int | None = None
    placed_at: datetime | None = None
    contact: Contact | None = None
    lines: Sequence[Line] = ()
    lines_complete: bool = False  # the lines are all lines, so a missing one was removed
    groups: Sequence[Group] = ()
    refunds: Sequence[Refund] = ()
    refunded_in_full: bool = False
    edited: Mapping[str, Any] | None = None  # {"added", "removed"} when only a delta is known
    facts: Sequence[tuple[str, Mapping[str, Any]]] = ()  # (Fact, data): attempted, failed...
    status_page: str = ""
    note: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    test: bool = False
    may_create: bool = True  # False: a pointer or a delta, useless before the order is known
    archived: bool | None = None  # deleted at the source, or brought back


class TryLater(SourceError):
    """The source's API cannot answer now; `seconds` when it says how long to wait."""

    def __init__(self, sentence: str, seconds: float | None = None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class NoAccess(SourceError):
    """The source's API refuses our credentials: a person must look."""


class TokenRefused(NoAccess):
    """The fetched token is no longer good: a new one is fetched, and the call made once more."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to a source's API, as it will leave."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """What the API answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """A token that the API handed out for a while (OAuth)."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Api:
    """How to reach the API of one connection: `base` without a slash at its end."""

    base: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    token: str = ""  # where `token_ask` asks for one


@dataclass(frozen=True, slots=True)
class Page:
    """Orders as the API lists them, each as a body that `map` understands; `next`: a cursor."""

    items: Sequence[Item]
    next: str = ""


class OrderSource:
    """A kind of ordering platform. Subclasses declare and map; they never do I/O.

    `secrets` are the connection's signing secrets, newest first; `settings` its
    own choices (see `SETTINGS_HELP`).
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    mapper_version: ClassVar[str] = "1"
    unsigned_ok: ClassVar[bool] = False
    # name -> (default, what it does); shown in the admin and checked by apply_config
    SETTINGS: ClassVar[Mapping[str, tuple[Any, str]]] = {}
    # name -> what it is and where to find it: what the API is called with, kept encrypted
    CREDENTIALS: ClassVar[Mapping[str, str]] = {}
    api_base: ClassVar[str] = ""  # where the API lives, unless the credentials say otherwise
    approval: ClassVar[str] = ""  # a sentence, where the platform must approve first
    # What the contact data may be used for, and for how long; a sentence for staff.
    contact_use: ClassVar[str] = ""
    courier: ClassVar[bool] = False  # brings orders of other connections, see orders.legs
    contact_hours: ClassVar[int] = 0  # masked numbers and PINs are purged so long after the end
    # the source's word -> ours; a connection's `status_map` setting adds to it
    STATUSES: ClassVar[Mapping[str, str]] = {}

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Raise BadSignature unless `raw` was signed with one of `secrets`."""
        raise BadSignature("This source does not know how to check a signature.")

    def handshake(self, raw: Raw, secrets: Sequence[str]) -> tuple[int, str] | None:
        """Answer a set-up request (status, body), or None when `raw` is an ordinary event."""
        return None

    def identify(self, raw: Raw) -> Sequence[Item]:
        """The events in `raw`, each with a key under which a repeat is recognised.

        Raises Malformed when the body is not what the protocol promises.
        """
        raise Malformed("This source does not accept events.")

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the stored body means. Raises Unmappable with a sentence for the inbox."""
        raise Unmappable("This source has no mapping.")

    def acknowledgement(self, raw: Raw) -> tuple[str, str] | None:
        """What the sender wants to hear once its events are stored: (content type, body)."""
        return None

    def base(self, credentials: Mapping[str, str]) -> str:
        """Where the API of a connection with these credentials lives."""
        return self.api_base

    def mapper_version_for(self, settings: Mapping[str, Any]) -> str:
        """Which mapping a connection with these settings is read by."""
        return self.mapper_version

    def ask(self, topic: str, headers: Mapping[str, str], body: bytes, api: Api) -> Ask | None:
        """The request for what `body` only points at; None when `map` needs nothing more."""
        return None

    def fetched(self, topic: str, body: bytes, told: Told) -> bytes:
        """The body for `map`, from the answer to `ask`; raises TryLater, NoAccess, SourceError.

        404 is TryLater: some sources ring before their own API knows the order.
        """
        raise SourceError("This source fetches nothing.")

    def token_ask(self, api: Api, now: datetime) -> Ask | None:
        """For OAuth: the request that fetches a token. None: the credentials need none."""
        return None

    def token(self, told: Told, now: datetime) -> Token:
        """The token in the answer to `token_ask`; raises TryLater or NoAccess."""
        raise NoAccess("This source hands out no tokens.")

    def list_ask(self, since: datetime, cursor: str, api: Api) -> Ask | None:
        """The request for orders changed since; None where the API lists none."""
        return None

    def listed(self, told: Told) -> Page:
        """The orders in the answer to `list_ask`; raises TryLater, NoAccess or Malformed."""
        raise Malformed("This source lists nothing.")

    def subscriptions_ask(self, api: Api) -> Ask | None:
        """The request that shows what the source sends us; None where its API cannot say."""
        return None

    def missing_topics(self, told: Told, url: str) -> Sequence[str]:
        """What the source does not send to `url`, from the answer to `subscriptions_ask`."""
        return ()

    def subscribe_ask(self, topic: str, url: str, api: Api) -> Ask | None:
        """The request that makes the source send `topic` to `url`."""
        return None
