"""Zendesk's Ticketing API: find the order's ticket, then open it or set its state."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

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
from channels_app.providers.zendesk.errors import failure
from channels_app.providers.zendesk.settings import (
    DEFAULT_PREFIX,
    DOMAIN,
    ZendeskCredentials,
    place_of,
    states_of,
    subdomain_of,
)
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
LONGEST_KEY = 255
# Zendesk may fill in {{these}} where an agent writes them; an order's text must stay as it is.
_PLACEHOLDER = re.compile(r"\{(?=[{%])")


class Zendesk(Provider):
    """One account. `Message.to` says which group, form, brand and tags new tickets get."""

    slug = "zendesk"
    name = "Zendesk"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(
        subject=True, idempotency=Idempotency.KEY, personal=True, hands_off=True
    )
    Credentials = ZendeskCredentials
    base_url = f"https://subdomain.{DOMAIN}"
    in_flight = 2  # an account may update 100 tickets a minute

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The subdomain decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            name = subdomain_of(credentials.get("subdomain", ""))
            self.base = f"https://{name}.{DOMAIN}" if name else ""

    def request(self, message: Message) -> Request:
        """Ask for the tickets of the order."""
        place_of(message.to)
        return self._get("/tickets", f"external_id={quote(external_id(message), safe='')}")

    def following(self, message: Message, response: Response) -> Request | None:
        """After the list: open a ticket, or set the state of the one that is there."""
        if not response.ok:
            return None
        known = part(response.json()).get("tickets")
        if not isinstance(known, list):
            return None
        ticket = newest(known)
        if ticket is None:
            return self._open(message)
        if ticket.status == "closed":
            return self._open(message, ticket)
        return None if self._has(ticket, message) else self._update(message, ticket)

    def accepted(self, response: Response) -> Accepted:
        """A ticket as it is now, or the list that showed that nothing is left to do."""
        if not response.ok:
            raise failure(response)
        answer = part(response.json())
        known = answer.get("tickets")
        ticket = newest(known if isinstance(known, list) else [answer.get("ticket")])
        if ticket is None:
            detail = "Zendesk does not say which ticket it wrote."
            raise SendError(FailureKind.UNKNOWN, str(response.status), detail)
        return Accepted(ticket.id, handed_off=True)

    def verification(self) -> Request:
        """Who we are to Zendesk."""
        return self._get("/users/me")

    def verified(self, response: Response) -> str:
        """An agent, or Zendesk does not know us: strangers get an answer, too."""
        if not response.ok:
            raise failure(response)
        user = part(response.json(), "user")
        role = text_of(user.get("role"), 30)
        if not id_of(user.get("id")) or role not in ("agent", "admin"):
            detail = "Zendesk does not take this account for an agent's. Check email and token."
            raise SendError(FailureKind.MISCONFIGURED, "role", detail)
        return f"Zendesk knows the account. Its role is {role}."

    def _get(self, path: str, query: str = "") -> Request:
        url = f"{self._root()}{path}" + (f"?{query}" if query else "")
        return Request.get(url, headers=self._signed())

    def _root(self) -> str:
        if not self.base:
            detail = "The subdomain is not a Zendesk one. Enter it again."
            raise SendError(FailureKind.MISCONFIGURED, "subdomain", detail)
        return f"{self.base}{PATH}"

    def _signed(self) -> dict[str, str]:
        known = self.credentials
        if token := known.get("access_token"):
            return {"Authorization": f"Bearer {token}"}
        pair = f"{known.get('email', '')}/token:{known.get('api_token', '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _open(self, message: Message, closed: "Ticket | None" = None) -> Request:
        """A new ticket; a closed one cannot be changed, so it gets a follow-up."""
        place, state = place_of(message.to), self._state(message)
        tags = [OURS, *place.tags, *wishes(message), *([state] if self._tags() else [])]
        ticket: dict[str, Any] = {
            "subject": literal(subject_of(message))[:LONGEST_SUBJECT],
            "comment": self._comment(message),
            "requester": requester(message),
            "external_id": external_id(message),
            "tags": [*dict.fromkeys(tags)],
            "custom_fields": self._fields(message, state),
            **place.ids,
        }
        if closed is not None:
            ticket["via_followup_source_id"] = int(closed.id)
        # The same for every try: a second one gets the first one's ticket.
        headers = {**self._signed(), "Idempotency-Key": message.ref[:LONGEST_KEY]}
        return Request.json(f"{self._root()}/tickets", {"ticket": ticket}, headers)

    def _update(self, message: Message, known: "Ticket") -> Request:
        """The state, and what we say if we say anything."""
        state = self._state(message)
        ticket: dict[str, Any] = {"custom_fields": self._fields(message, state)}
        if self.credentials.get("comment", "none") in ("private", "public"):
            ticket["comment"] = self._comment(message)
        if self._tags():
            # Tags are replaced as a whole: only if nobody changed the ticket since we read it.
            kept = [tag for tag in known.tags if not self._is_state(tag)]
            ticket |= {
                "tags": [*kept, state],
                "updated_stamp": known.updated_at,
                "safe_update": True,
            }
        made = Request.json(
            f"{self._root()}/tickets/{known.id}", {"ticket": ticket}, self._signed()
        )
        return Request("PUT", made.url, made.headers, made.body)

    def _has(self, ticket: "Ticket", message: Message) -> bool:
        """Whether an earlier try wrote this message there."""
        field = self.credentials.get("reference_field", "")
        return bool(field) and ticket.fields.get(field) == message.ref

    def _state(self, message: Message) -> str:
        """The word for where the order is: staff's own for the event or status, else ours."""
        order = part(message.data.get("order"))
        event = text_of(message.data.get("event"), 40)
        status = text_of(order.get("status"), 40) or event
        table = states_of(self.credentials.get("states", ""))
        prefix = self.credentials.get("state_prefix", "") or DEFAULT_PREFIX
        return table.get(event) or table.get(status) or f"{prefix}{status or 'unknown'}"

    def _is_state(self, tag: str) -> bool:
        """Whether `tag` was, or may have been, set by us as a state."""
        prefix = self.credentials.get("state_prefix", "") or DEFAULT_PREFIX
        own = states_of(self.credentials.get("states", "")).values()
        return tag.startswith(prefix) or tag in own

    def _tags(self) -> bool:
        return self.credentials.get("mark", "") in ("tag", "both")

    def _fields(self, message: Message, state: str) -> list[dict[str, Any]]:
        """The ticket's own fields for the state and for our reference."""
        known = self.credentials
        field = "" if known.get("mark") == "tag" else known.get("state_field", "")
        values = {field: state, known.get("reference_field", ""): message.ref}
        return [{"id": int(name), "value": value} for name, value in values.items() if name]

    def _comment(self, message: Message) -> dict[str, Any]:
        """What we say. Never public for somebody who wants no mail: Zendesk would mail it."""
        public = self.credentials.get("comment") == "public" and "no_email" not in wishes(message)
        return {"body": literal(message.text), "public": public}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What we read of a ticket."""

    id: str
    status: str
    updated_at: str
    tags: Sequence[str]
    fields: Mapping[str, Any]


def newest(found: Sequence[Any]) -> Ticket | None:
    """The ticket to go on with: the last that is not closed, else the last; None for none."""
    known = [ticket for value in found if (ticket := read(value)) is not None]
    return max(known, key=lambda t: (t.status != "closed", int(t.id)), default=None)


def read(value: Any) -> Ticket | None:
    """A ticket in an answer; None for anything else."""
    ticket = part(value)
    found, tags, fields = id_of(ticket.get("id")), ticket.get("tags"), ticket.get("custom_fields")
    if not (found.isascii() and found.isdigit()):
        return None
    listed = [part(field) for field in fields] if isinstance(fields, list) else []
    return Ticket(
        found,
        text_of(ticket.get("status"), 20),
        text_of(ticket.get("updated_at"), 40),
        [text_of(tag, 80) for tag in tags] if isinstance(tags, list) else [],
        {id_of(field.get("id")): field.get("value") for field in listed},
    )


def external_id(message: Message) -> str:
    """The name under which Zendesk keeps the order."""
    return f"{OURS}:{order_of(message, 'Zendesk')}"


def requester(message: Message) -> dict[str, str]:
    """The customer. Zendesk wants a name, and a ticket needs somebody to answer to."""
    customer = part(message.data.get("customer"))
    email = text_of(customer.get("email"), 254)
    if not email:
        detail = "The customer has no email, so Zendesk has nobody to open a ticket for."
        raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", detail)
    return {"name": name_of(customer) or email.partition("@")[0], "email": email}


def literal(text: str) -> str:
    """`text` as it is: nothing in it is filled in by Zendesk."""
    return _PLACEHOLDER.sub("{ ", text)


PROVIDER = Zendesk
