"""The stand-in Zendesk: keeps tickets, recognises repeats, and refuses as the real one does."""

import hashlib
import json
import re
import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json; charset=utf-8"}
API = "/api/v2"
KEPT = 1000
LONGEST_KEY = 255
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Requesters who stand for what can go wrong, by what is before the @.
UNWANTED, CLOSING, BUSY = "suspended", "closing", "busy"


class Refused(Exception):
    """An answer outside 2xx: status, body, headers."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.reply = Reply(status, json.dumps(body).encode(), JSON | dict(headers or {}))


@dataclass(slots=True)
class Ticket:
    """A ticket as the help desk keeps it."""

    id: int
    external_id: str
    email: str
    subject: str
    tags: list[str]
    status: str = "open"
    changes: int = 0
    fields: dict[int, Any] = field(default_factory=dict)

    @property
    def updated_at(self) -> str:
        """A moment that is another after every change."""
        return f"2026-11-21T12:{self.changes // 60 % 60:02}:{self.changes % 60:02}Z"

    def as_json(self) -> dict[str, Any]:
        """The ticket in an answer."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "status": self.status,
            "subject": self.subject,
            "tags": self.tags,
            "updated_at": self.updated_at,
            "custom_fields": [{"id": name, "value": value} for name, value in self.fields.items()],
        }


def demo_credentials() -> dict[str, str]:
    """A help desk that exists nowhere else."""
    return {
        "subdomain": f"demo-{secrets.token_hex(4)}",
        "email": "hub@example.com",
        "api_token": secrets.token_urlsafe(30),
        "mark": "both",
        "state_field": "360001",
        "reference_field": "360002",
        "comment": "private",
    }


class ZendeskSandbox(SandboxEnd):
    """Tickets, and who we are."""

    slug = "zendesk"

    def __init__(self) -> None:
        self._tickets: OrderedDict[int, Ticket] = OrderedDict()
        self._keys: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer the four requests that we make; 404 for all else."""
        try:
            check_credentials(call, accounts)
            return self._route(call)(call)
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Zendesk's form."""
        word = {401: "Couldn't authenticate you", 429: "APIRateLimitExceeded"}
        return json.dumps({"error": word.get(status, "InternalError")}).encode()

    def _route(self, call: Call) -> Callable[[Call], tuple[Reply, Taken | None]]:
        path = call.path.removesuffix(".json")
        if path.startswith(f"{API}/tickets/"):
            path = f"{API}/tickets/*"
        known = {
            ("GET", f"{API}/users/me"): self._me,
            ("GET", f"{API}/tickets"): self._list,
            ("POST", f"{API}/tickets"): self._open,
            ("PUT", f"{API}/tickets/*"): self._update,
        }
        if (call.method, path) not in known:
            raise Refused(404, {"error": "InvalidEndpoint", "description": "Not found"})
        return known[call.method, path]

    def _me(self, call: Call) -> tuple[Reply, Taken | None]:
        return answer(200, {"user": {"id": 1, "name": "Hub", "role": "agent"}}), None

    def _list(self, call: Call) -> tuple[Reply, Taken | None]:
        wanted = call.query.get("external_id", "")
        found = [t.as_json() for t in self._tickets.values() if t.external_id == wanted]
        return answer(200, {"tickets": found, "count": len(found), "next_page": None}), None

    def _open(self, call: Call) -> tuple[Reply, Taken | None]:
        key, digest = call.headers.get("idempotency-key", ""), hashlib.sha256(call.body).hexdigest()
        if len(key) > LONGEST_KEY:
            raise Refused(400, {"error": "IdempotentRequestError", "description": "Key too long"})
        if key in self._keys:
            return self._repeated(self._keys[key], digest), None
        asked = ticket_in(call)
        ticket = self._checked(asked)
        self._keep(ticket)
        reply = answer(201, {"ticket": ticket.as_json(), "audit": {}}, "miss" if key else "")
        if key:
            self._keys[key] = digest, reply.body
        if ticket.email.startswith(f"{CLOSING}@"):
            ticket.status = "closed"
        return reply, taken(ticket, asked)

    def _repeated(self, known: tuple[str, bytes], digest: str) -> Reply:
        if known[0] != digest:
            words = "Idempotency key was used with other parameters"
            raise Refused(400, {"error": "IdempotentRequestError", "description": words})
        return Reply(201, known[1], JSON | {"x-idempotency-lookup": "hit"})

    def _checked(self, asked: Mapping[str, Any]) -> Ticket:
        """A new ticket; raises Refused as the real one would."""
        requester, comment = part(asked, "requester"), part(asked, "comment")
        email = text_of(requester.get("email"))
        if not text_of(comment.get("body")).strip():
            raise invalid("comment", "Comment: cannot be blank")
        if not EMAIL.fullmatch(email) or not text_of(requester.get("name")).strip():
            raise invalid("requester", "Requester: Email is not properly formatted")
        if email.startswith(f"{UNWANTED}@"):
            raise invalid("requester", "Requester: this user is suspended")
        if email.startswith(f"{BUSY}@"):
            raise Refused(409, {"error": "Conflict", "description": "Request in progress"})
        source = asked.get("via_followup_source_id")
        if source is not None and getattr(self._tickets.get(source), "status", "") != "closed":
            raise invalid("via_followup_source_id", "Source: is not a closed ticket")
        ticket = Ticket(
            id=1 + max(self._tickets, default=0),
            external_id=text_of(asked.get("external_id")),
            email=email,
            subject=text_of(asked.get("subject")),
            tags=tags_in(asked),
        )
        ticket.fields.update(fields_in(asked))
        return ticket

    def _keep(self, ticket: Ticket) -> None:
        self._tickets[ticket.id] = ticket
        for kept in (self._tickets, self._keys):
            trim(kept, KEPT)

    def _update(self, call: Call) -> tuple[Reply, Taken | None]:
        number = call.path.removesuffix(".json").rpartition("/")[2]
        ticket = self._tickets.get(int(number)) if number.isdigit() else None
        if ticket is None:
            raise Refused(404, {"error": "RecordNotFound", "description": "Not found"})
        asked = ticket_in(call)
        if ticket.status == "closed":
            raise invalid("status", "Status: closed prevents ticket update")
        if asked.get("safe_update") and asked.get("updated_stamp") != ticket.updated_at:
            words = "Safe Update prevented the update due to outdated ticket data"
            raise Refused(409, {"error": "UpdateConflict", "description": words})
        if "tags" in asked:
            ticket.tags = tags_in(asked)
        ticket.fields.update(fields_in(asked))
        ticket.changes += 1
        return answer(200, {"ticket": ticket.as_json(), "audit": {}}), taken(ticket, asked)


def check_credentials(call: Call, accounts: Sequence[Account]) -> None:
    """Only an account of ours, signed in the way that its credentials say."""
    given = call.headers.get("authorization", "")
    known = {signed(account.credentials) for account in accounts}
    if not given.startswith(("Basic ", "Bearer ")) or (known and given not in known):
        raise Refused(401, {"error": "Couldn't authenticate you"})


def signed(credentials: Mapping[str, str]) -> str:
    """The header that goes with `credentials`."""
    if token := credentials.get("access_token"):
        return f"Bearer {token}"
    pair = f"{credentials.get('email', '')}/token:{credentials.get('api_token', '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def ticket_in(call: Call) -> dict[str, Any]:
    """The ticket in a request's body."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, {"error": "Unsupported Media Type"})
    try:
        found = json_object(call.body).get("ticket")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, {"error": {"title": "Invalid attribute", "message": "Bad ticket"}})
    return found


def tags_in(asked: Mapping[str, Any]) -> list[str]:
    """The tags, which hold no spaces."""
    tags = asked.get("tags", [])
    if not isinstance(tags, list) or not all(text_of(t) and " " not in t for t in tags):
        raise invalid("tags", "Tags: are invalid")
    return tags


def fields_in(asked: Mapping[str, Any]) -> dict[int, Any]:
    """The ticket's own fields, by number."""
    fields = asked.get("custom_fields", [])
    if not isinstance(fields, list) or not all(type(part(f).get("id")) is int for f in fields):
        raise invalid("custom_fields", "Custom field: is invalid")
    return {one["id"]: one.get("value") for one in fields}


def invalid(name: str, words: str) -> Refused:
    """Zendesk's 422."""
    details = {name: [{"description": words, "error": "InvalidValue"}]}
    body = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": details,
    }
    return Refused(422, body)


def answer(status: int, body: Mapping[str, Any], lookup: str = "") -> Reply:
    """An answer; `lookup` says whether an idempotency key was known."""
    headers = {"x-idempotency-lookup": lookup} if lookup else {}
    return Reply(status, json.dumps(body).encode(), JSON | headers)


def taken(ticket: Ticket, asked: Mapping[str, Any]) -> Taken:
    """What the phones page shows: the comment, else the ticket's state."""
    comment = part(asked, "comment")
    state = ", ".join([*ticket.tags, *(str(value) for value in ticket.fields.values())])
    return Taken(
        id=str(ticket.id),
        to=ticket.email,
        text=text_of(comment.get("body"), 65_000) or state,
        subject=ticket.subject,
        extra={"tags": ticket.tags, "public": comment.get("public"), "fields": ticket.fields},
    )


SANDBOX = ZendeskSandbox()
