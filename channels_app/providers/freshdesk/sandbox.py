"""The stand-in Freshdesk: keeps tickets, lists and searches them, refuses as the real one does."""

import json
import re
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from channels_app.providers.freshdesk.settings import DEFAULTS
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json; charset=utf-8"}
API = "/api/v2"
KEPT = 1000
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
SEARCH = re.compile(r'"(cf_[a-z0-9_]+):\'([^\'"]*)\'"')
NUMBERS = {"status": (2, 3, 4, 5), "priority": (1, 2, 3, 4), "source": (1, 2, 3, 7, 9, 10)}
CUSTOM = ("order_field", "state_field", "text_field")
LONGEST_TAG = 32
# Requesters who stand for what can go wrong, by what is before the @.
UNWANTED, BUSY = "blocked", "busy"
BUDGET = {"x-ratelimit-total": "100", "x-ratelimit-remaining": "99"}


class Refused(Exception):
    """An answer outside 2xx."""

    def __init__(self, status: int, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(status)
        self.reply = Reply(status, json.dumps(body).encode() if body else b"", JSON)


@dataclass(slots=True)
class Ticket:
    """A ticket as the help desk keeps it."""

    id: int
    email: str
    phone: str
    subject: str
    status: int
    tags: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The ticket in an answer."""
        return {
            "id": self.id,
            "subject": self.subject,
            "status": self.status,
            "tags": self.tags,
            "custom_fields": self.fields,
        }


def demo_credentials() -> dict[str, str]:
    """A help desk that exists nowhere else."""
    return {
        "domain": f"demo-{secrets.token_hex(4)}",
        "api_key": secrets.token_urlsafe(15),
        "mark": "both",
        "text_field": "cf_order_message",
    }


class FreshdeskSandbox(SandboxEnd):
    """Tickets, and whose key it is."""

    slug = "freshdesk"

    def __init__(self) -> None:
        self._tickets: OrderedDict[int, Ticket] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer the five requests that we make; 404 for all else."""
        try:
            check_credentials(call, accounts)
            return self._route(call)(call, custom_names(accounts))
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Freshdesk's form."""
        return json.dumps({"code": "error", "message": f"Error {status}"}).encode()

    def _route(self, call: Call) -> Callable[[Call, frozenset[str]], tuple[Reply, Taken | None]]:
        path = f"{API}/tickets/*" if call.path.startswith(f"{API}/tickets/") else call.path
        known = {
            ("GET", f"{API}/agents/me"): self._me,
            ("GET", f"{API}/tickets"): self._list,
            ("GET", f"{API}/search/tickets"): self._search,
            ("POST", f"{API}/tickets"): self._open,
            ("PUT", f"{API}/tickets/*"): self._update,
        }
        if (call.method, path) not in known:
            raise Refused(404)
        return known[call.method, path]

    def _me(self, call: Call, names: frozenset[str]) -> tuple[Reply, Taken | None]:
        return answer(200, {"id": 1, "type": "support_agent", "contact": {"name": "Hub"}}), None

    def _list(self, call: Call, names: frozenset[str]) -> tuple[Reply, Taken | None]:
        """Newest first; somebody who is not known yet is an error, not an empty list."""
        email, most = call.query.get("email", ""), call.query.get("per_page", "30")
        found = [ticket for ticket in self._tickets.values() if ticket.email == email]
        if not found:
            raise invalid("email", "There is no contact matching the given email")
        if not most.isdigit() or not 1 <= int(most) <= 100:
            raise invalid("per_page", "It should be a Positive Integer less than or equal to 100")
        return answer(200, [t.as_json() for t in reversed(found)][: int(most)]), None

    def _search(self, call: Call, names: frozenset[str]) -> tuple[Reply, Taken | None]:
        asked = SEARCH.fullmatch(call.query.get("query", ""))
        if asked is None or asked[1] not in names:
            raise invalid("query", "The query is invalid")
        found = [t.as_json() for t in self._tickets.values() if t.fields.get(asked[1]) == asked[2]]
        return answer(200, {"results": found[:30], "total": len(found)}), None

    def _open(self, call: Call, names: frozenset[str]) -> tuple[Reply, Taken | None]:
        asked = body_of(call)
        check_requester(asked)
        for name in ("subject", "description"):
            if not text_of(asked.get(name)).strip():
                raise invalid(name, "It should not be blank as this is a mandatory field")
        for name, allowed in NUMBERS.items():
            if asked.get(name) not in allowed:
                raise invalid(name, f"It should be one of these values: '{allowed}'")
        ticket = Ticket(
            id=1 + max(self._tickets, default=0),
            email=text_of(asked.get("email")),
            phone=text_of(asked.get("phone")),
            subject=asked["subject"],
            status=asked["status"],
            tags=tags_in(asked),
            fields=fields_in(asked, names),
        )
        self._tickets[ticket.id] = ticket
        trim(self._tickets, KEPT)
        return answer(201, ticket.as_json()), taken(ticket, plain(asked["description"]))

    def _update(self, call: Call, names: frozenset[str]) -> tuple[Reply, Taken | None]:
        number = call.path.rpartition("/")[2]
        ticket = self._tickets.get(int(number)) if number.isdigit() else None
        if ticket is None:
            raise Refused(404)
        asked = body_of(call)
        tags, fields = tags_in(asked), fields_in(asked, names)
        ticket.tags = tags if "tags" in asked else ticket.tags
        ticket.fields |= fields
        return answer(200, ticket.as_json()), taken(ticket, "")


def check_credentials(call: Call, accounts: Sequence[Account]) -> None:
    """Only the key of an account of ours, as a user name."""
    keys = [account.credentials.get("api_key", "") for account in accounts]
    known = {f"Basic {b64encode(f'{key}:X'.encode()).decode()}" for key in keys}
    given = call.headers.get("authorization", "")
    if not given.startswith("Basic ") or (known and given not in known):
        words = "You have to be logged in to perform this action."
        raise Refused(401, {"code": "invalid_credentials", "message": words})


def custom_names(accounts: Sequence[Account]) -> frozenset[str]:
    """The fields of their own that the accounts have."""
    found = {
        account.credentials.get(name, "") or DEFAULTS.get(name, "")
        for account in accounts
        for name in CUSTOM
    }
    return frozenset(found - {""})


def check_requester(asked: Mapping[str, Any]) -> None:
    """Somebody must be named, and a phone wants a name."""
    email, phone = text_of(asked.get("email")), text_of(asked.get("phone"))
    if not email and not (phone and text_of(asked.get("name"))):
        raise invalid("email", "Please fill at least 1 of email, phone with name", "missing_field")
    if email and not EMAIL.fullmatch(email):
        raise invalid("email", "It should be in the 'valid email address' format")
    if email.startswith(f"{UNWANTED}@"):
        raise invalid("email", "This contact is blocked")
    if email.startswith(f"{BUSY}@"):
        raise Refused(409, {"code": "conflict", "message": "Conflict"})


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object of a request."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, {"code": "invalid_content_type", "message": "Use application/json"})
    try:
        return json_object(call.body)
    except ValueError:
        words = "Request body has invalid json format"
        raise Refused(400, {"code": "invalid_json", "message": words}) from None


def tags_in(asked: Mapping[str, Any]) -> list[str]:
    """The tags, which are short."""
    tags = asked.get("tags", [])
    if not isinstance(tags, list) or not all(1 <= len(text_of(tag)) <= LONGEST_TAG for tag in tags):
        raise invalid("tags", f"It should contain elements with at most {LONGEST_TAG} characters")
    return tags


def fields_in(asked: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The account's own fields; others are refused by name."""
    fields = asked.get("custom_fields", {})
    if not isinstance(fields, dict):
        raise invalid("custom_fields", "Value set is of type Other. It should be a/an key/value")
    for name in fields:
        if name not in names:
            raise invalid(name, "Unexpected/invalid field in request", "invalid_field")
    return fields


def invalid(name: str, words: str, code: str = "invalid_value") -> Refused:
    """Freshdesk's 400."""
    errors = [{"field": name, "message": words, "code": code}]
    return Refused(400, {"description": "Validation failed", "errors": errors})


def answer(status: int, body: Any) -> Reply:
    """An answer with the budget that is left."""
    return Reply(status, json.dumps(body).encode(), JSON | BUDGET)


def plain(markup: str) -> str:
    """The words of a description."""
    return unescape(re.sub(r"<[^>]*>", "", markup.replace("<br>", "\n")))


def taken(ticket: Ticket, words: str) -> Taken:
    """What the phones page shows: what was said, else the ticket's state."""
    said = words or text_of(ticket.fields.get("cf_order_message"), 65_000)
    state = ", ".join([*ticket.tags, *(str(value) for value in ticket.fields.values())])
    return Taken(
        id=str(ticket.id),
        to=ticket.email or ticket.phone,
        text=said or state,
        subject=ticket.subject,
        extra={"tags": ticket.tags, "fields": ticket.fields, "status": ticket.status},
    )


SANDBOX = FreshdeskSandbox()
