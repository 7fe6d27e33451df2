"""Freshdesk's API v2: find the order's ticket, then open it or set its fields and tags."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Family,
    Idempotency,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.freshdesk.errors import failure, is_stranger
from channels_app.providers.freshdesk.settings import (
    DEFAULTS,
    DOMAIN,
    LONGEST_TAG,
    FreshdeskCredentials,
    domain_of,
    place_of,
    states_of,
)
from channels_app.wire import clock
from channels_app.wire.reading import id_of, part, text_of
from channels_app.wire.tickets import (
    LONGEST_SUBJECT,
    OURS,
    name_of,
    order_of,
    subject_of,
    wishes,
)

PATH = "/api/v2"
# How many of a customer's tickets are looked through: an answer beyond 64 KB could not be read.
PAGE = 15
# A ticket of ours is younger than its order; a day for clocks that differ.
SLACK = timedelta(days=1)


class Freshdesk(Provider):
    """One account. `Message.to` says which group, product and tags new tickets get."""

    slug = "freshdesk"
    name = "Freshdesk"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(
        subject=True, idempotency=Idempotency.LOOKUP, personal=True, hands_off=True
    )
    Credentials = FreshdeskCredentials
    base_url = f"https://domain.{DOMAIN}"
    in_flight = 2  # the smallest plans take 80 tickets and 20 lists a minute

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The domain decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            name = domain_of(credentials.get("domain", ""))
            self.base = f"https://{name}.{DOMAIN}" if name else ""

    def request(self, message: Message) -> Request:
        """Ask for the customer's tickets; without an email, search for the order's."""
        place_of(message.to)
        order, email = order_id(message), contact(message).get("email")
        if email:
            query = {"email": email, **since(message), "order_by": "created_at"}
            query |= {"order_type": "desc", "per_page": str(PAGE)}
            return Request.get(f"{self._root()}/tickets", query, self._signed())
        query = {"query": f"\"{self._setting('order_field')}:'{order}'\""}
        return Request.get(f"{self._root()}/search/tickets", query, self._signed())

    def following(self, message: Message, response: Response) -> Request | None:
        """After the list: open a ticket, or set what is new on the one that is there."""
        if is_stranger(response):
            return self._open(message)
        if not response.ok:
            return None
        known = tickets_in(response)
        if known is None:
            return None
        ticket = self._match(known, message)
        return self._update(message, ticket) if ticket else self._open(message)

    def accepted(self, response: Response) -> Accepted:
        """A ticket, as it is now."""
        if not response.ok:
            raise failure(response)
        ticket = read(response.json())
        if ticket is None:
            detail = "Freshdesk does not say which ticket it wrote."
            raise SendError(FailureKind.UNKNOWN, str(response.status), detail)
        return Accepted(ticket.id, handed_off=True)

    def lookup(self, message: Message, since: datetime) -> Request:
        """The same question that a send begins with."""
        return self.request(message)

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """The order's ticket, if it shows already what this message would set."""
        if is_stranger(response):
            return None
        if not response.ok:
            raise failure(response)
        ticket = self._match(tickets_in(response) or [], message)
        shows = ticket is not None and self._shows(ticket, message)
        return Accepted(ticket.id, handed_off=True) if ticket and shows else None

    def verification(self) -> Request:
        """Whose key it is."""
        return Request.get(f"{self._root()}/agents/me", headers=self._signed())

    def verified(self, response: Response) -> str:
        """An agent."""
        if not response.ok:
            raise failure(response)
        if not id_of(part(response.json()).get("id")):
            detail = "Freshdesk does not say whose key this is. Copy the agent's key again."
            raise SendError(FailureKind.MISCONFIGURED, "agent", detail)
        return "Freshdesk takes the key. It is an agent's."

    def _root(self) -> str:
        if not self.base:
            detail = "The domain is not a Freshdesk one. Enter it again."
            raise SendError(FailureKind.MISCONFIGURED, "domain", detail)
        return f"{self.base}{PATH}"

    def _signed(self) -> dict[str, str]:
        pair = f"{self.credentials.get('api_key', '')}:X"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _setting(self, name: str) -> str:
        return self.credentials.get(name, "") or DEFAULTS.get(name, "")

    def _open(self, message: Message) -> Request:
        """A new ticket, in the customer's name."""
        place, tag = place_of(message.to), self._tag(message)
        tags = [OURS, *place.tags, *wishes(message), *([tag] if self._marks("tag") else [])]
        ticket: dict[str, Any] = {
            **requester(message),
            "subject": subject_of(message)[:LONGEST_SUBJECT],
            "description": as_html(message.text),
            **{name: int(self._setting(name)) for name in ("status", "priority", "source")},
            "tags": [*dict.fromkeys(tags)],
            "custom_fields": self._fields(message),
            **place.ids,
        }
        return Request.json(f"{self._root()}/tickets", ticket, self._signed())

    def _update(self, message: Message, known: "Ticket") -> Request:
        """Only what is ours; tags are replaced as a whole, so the others are sent back."""
        ticket: dict[str, Any] = {"custom_fields": self._fields(message)}
        if self._marks("tag"):
            prefix = self._setting("tag_prefix")
            kept = [tag for tag in known.tags if not tag.startswith(prefix)]
            ticket["tags"] = [*kept, self._tag(message)]
        made = Request.json(f"{self._root()}/tickets/{known.id}", ticket, self._signed())
        return Request("PUT", made.url, made.headers, made.body)

    def _match(self, known: Sequence["Ticket"], message: Message) -> "Ticket | None":
        """The order's ticket; of several the first, as every try does."""
        field, order = self._setting("order_field"), order_id(message)
        mine = [ticket for ticket in known if ticket.fields.get(field) == order]
        return min(mine, key=lambda ticket: int(ticket.id), default=None)

    def _shows(self, ticket: "Ticket", message: Message) -> bool:
        """Whether the ticket has all that this message sets."""
        wanted = self._fields(message)
        tagged = not self._marks("tag") or self._tag(message) in ticket.tags
        return tagged and all(ticket.fields.get(name) == value for name, value in wanted.items())

    def _marks(self, place: str) -> bool:
        return (self.credentials.get("mark", "") or "field") in (place, "both")

    def _state(self, message: Message) -> tuple[str, str]:
        """Where the order is: in our word, and in the option's that staff gave it."""
        event = text_of(message.data.get("event"), 40)
        status = text_of(part(message.data.get("order")).get("status"), 40) or event or "unknown"
        table = states_of(self.credentials.get("states", ""))
        word = event if event in table else status
        return word, table.get(word, word)

    def _tag(self, message: Message) -> str:
        return f"{self._setting('tag_prefix')}{self._state(message)[0]}"[:LONGEST_TAG]

    def _fields(self, message: Message) -> dict[str, str]:
        """The account's own fields: the order, its state, and what we say."""
        found = {self._setting("order_field"): order_id(message)}
        if self._marks("field"):
            found[self._setting("state_field")] = self._state(message)[1]
        if field := self._setting("text_field"):
            found[field] = message.text
        return found


@dataclass(frozen=True, slots=True)
class Ticket:
    """What we read of a ticket."""

    id: str
    tags: Sequence[str]
    fields: Mapping[str, Any]


def tickets_in(response: Response) -> list[Ticket] | None:
    """The tickets of a list or a search; None for an answer that is neither."""
    answer = response.json()
    listed = answer if isinstance(answer, list) else part(answer).get("results")
    if not isinstance(listed, list):
        return None
    return [ticket for value in listed if (ticket := read(value)) is not None]


def read(value: Any) -> Ticket | None:
    """A ticket in an answer; None for anything else."""
    ticket = part(value)
    found, tags = id_of(ticket.get("id")), ticket.get("tags")
    if not (found.isascii() and found.isdigit()):
        return None
    listed = [text_of(tag, 80) for tag in tags] if isinstance(tags, list) else []
    return Ticket(found, listed, part(ticket, "custom_fields"))


def order_id(message: Message) -> str:
    """The name under which Freshdesk keeps the order."""
    # Quotes end a word in Freshdesk's search.
    return f"{OURS}-{order_of(message, 'Freshdesk')}".replace("'", "").replace('"', "")


def since(message: Message) -> dict[str, str]:
    """From when on tickets are of interest; Freshdesk lists 30 days by itself."""
    placed = clock.moment(part(message.data.get("order")).get("placed_at"))
    try:
        first = placed.astimezone(UTC) - SLACK if placed else None
    except OverflowError:
        return {}
    return {"updated_since": first.strftime("%Y-%m-%dT%H:%M:%SZ")} if first else {}


def contact(message: Message) -> dict[str, str]:
    """Email, phone and name of the customer, as far as they are known."""
    customer = part(message.data.get("customer"))
    found = {
        "email": text_of(customer.get("email"), 254),
        "phone": text_of(customer.get("phone"), 32),
        "name": name_of(customer),
    }
    return {key: value for key, value in found.items() if value}


def requester(message: Message) -> dict[str, str]:
    """Who the ticket is for: by email, else by phone, which Freshdesk takes only with a name."""
    known = contact(message)
    if "email" in known:
        return {key: known[key] for key in ("email", "name") if key in known}
    if "phone" in known:
        return {"phone": known["phone"], "name": known.get("name", known["phone"])}
    detail = "The customer has neither email nor phone, so Freshdesk has nobody for a ticket."
    raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", detail)


def as_html(text: str) -> str:
    """`text` as it is, for a field that takes markup."""
    return f"<div>{escape(text)}</div>".replace("\n", "<br>")


PROVIDER = Freshdesk
