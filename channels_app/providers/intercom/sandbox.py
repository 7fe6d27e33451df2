"""The stand-in Intercom: keeps contacts, takes their events once, refuses as the real one does."""

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json; charset=utf-8"}
KEPT = 1000
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
VERSION = re.compile(r"2\.[0-9]{1,2}|1\.[0-4]")
MOST_FACTS = 10
WHO = ("id", "user_id", "email")
# Seconds between 2000 and 2100: a moment in milliseconds is none.
MOMENTS = range(946_684_800, 4_102_444_800)
# Customers who stand for what can go wrong, by what is before the @.
ARCHIVED, LAGGING, FRESH = "archived", "lagging", "fresh"
WORDS = {
    400: "parameter_invalid",
    401: "unauthorized",
    403: "action_forbidden",
    404: "not_found",
    409: "conflict",
    422: "unprocessable_entity",
    429: "rate_limit_exceeded",
    503: "service_unavailable",
}


class Refused(Exception):
    """An answer outside 2xx."""

    def __init__(self, status: int, message: str, code: str = "", field: str = "") -> None:
        super().__init__(status)
        self.reply = Reply(status, error_body(status, message, code, field), JSON)


@dataclass(slots=True)
class Contact:
    """A contact of the workspace."""

    id: str
    email: str
    name: str
    unsubscribed: bool
    ready: bool = True  # whether events find it

    def as_json(self) -> dict[str, Any]:
        """The contact in an answer."""
        return {
            "type": "contact",
            "id": self.id,
            "role": "user",
            "email": self.email,
            "name": self.name or None,
            "unsubscribed_from_emails": self.unsubscribed,
        }


def demo_credentials() -> dict[str, str]:
    """A workspace that exists nowhere else."""
    return {"access_token": secrets.token_urlsafe(45), "region": "us"}


class IntercomSandbox(SandboxEnd):
    """Contacts, their events, and whose token it is."""

    slug = "intercom"

    def __init__(self) -> None:
        self._contacts: OrderedDict[str, Contact] = OrderedDict()
        self._events: OrderedDict[tuple[str, str, int], None] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer the four requests that we make; 404 for all else."""
        try:
            check_headers(call, accounts)
            return self._route(call)(call)
        except Refused as no:
            return no.reply, None

    def fault_body(self, status: int) -> bytes:
        """An error in Intercom's form."""
        return error_body(status, "Something went wrong")

    def _route(self, call: Call) -> Callable[[Call], tuple[Reply, Taken | None]]:
        known = {
            ("GET", "/me"): self._me,
            ("POST", "/contacts/search"): self._search,
            ("POST", "/contacts"): self._create,
            ("POST", "/events"): self._event,
        }
        if (call.method, call.path) not in known:
            raise Refused(404, "The requested resource was not found")
        return known[call.method, call.path]

    def _me(self, call: Call) -> tuple[Reply, Taken | None]:
        app = {"type": "app", "id_code": "demo", "name": "Demo"}
        return answer(200, {"type": "admin", "id": "1", "name": "Hub", "app": app}), None

    def _search(self, call: Call) -> tuple[Reply, Taken | None]:
        """By email, as we ask. `lagging@` is there, but is not found yet."""
        query = part(body_of(call).get("query"))
        if (query.get("field"), query.get("operator")) != ("email", "="):
            raise Refused(400, "Invalid query", "parameter_invalid", "query")
        email = text_of(query.get("value"))
        found = [one.as_json() for one in self._contacts.values() if one.email == email]
        found = [] if email.startswith(f"{LAGGING}@") else found
        return answer(200, {"type": "list", "data": found, "total_count": len(found)}), None

    def _create(self, call: Call) -> tuple[Reply, Taken | None]:
        asked = body_of(call)
        email = text_of(asked.get("email"))
        if not EMAIL.fullmatch(email):
            raise Refused(400, "email is invalid", "parameter_invalid", "email")
        if email.startswith(f"{ARCHIVED}@"):
            raise Refused(
                409, "An archived contact matching those details already exists with id=1"
            )
        known = next((one for one in self._contacts.values() if one.email == email), None)
        if known is not None:
            words = f"A contact matching those details already exists with id={known.id}"
            raise Refused(409, words)
        unsubscribed = asked.get("unsubscribed_from_emails") is True
        made = Contact(secrets.token_hex(12), email, text_of(asked.get("name")), unsubscribed)
        made.ready = not email.startswith(f"{FRESH}@")
        self._contacts[made.id] = made
        trim(self._contacts, KEPT)
        return answer(200, made.as_json()), None

    def _event(self, call: Call) -> tuple[Reply, Taken | None]:
        """A repeat is taken and forgotten, as the real one does it."""
        event = body_of(call)
        check_event(event)
        contact = self._whose(event)
        if contact is None or not contact.ready:
            if contact is not None:
                contact.ready = True
            raise Refused(404, "User Not Found")
        key = contact.id, event["event_name"], event["created_at"]
        if key in self._events:
            return Reply(202), None
        self._events[key] = None
        trim(self._events, KEPT)
        return Reply(202), taken(event, contact)

    def _whose(self, event: Mapping[str, Any]) -> Contact | None:
        if "id" in event:
            return self._contacts.get(text_of(event["id"]))
        email = text_of(event.get("email"))
        return next((one for one in self._contacts.values() if one.email == email), None)


def check_headers(call: Call, accounts: Sequence[Account]) -> None:
    """A token of an account of ours, and a version that exists."""
    given = call.headers.get("authorization", "")
    known = {f"Bearer {account.credentials.get('access_token', '')}" for account in accounts}
    if not given.startswith("Bearer ") or (known and given not in known):
        raise Refused(401, "Access Token Invalid")
    if not VERSION.fullmatch(call.headers.get("intercom-version", "")):
        raise Refused(400, "Requested version does not exist", "intercom_version_invalid")


def check_event(event: Mapping[str, Any]) -> None:
    """A name, a moment in seconds, somebody, and facts that are flat."""
    if not text_of(event.get("event_name")):
        raise Refused(400, "event_name is required", "parameter_not_found", "event_name")
    if type(event.get("created_at")) is not int or event["created_at"] not in MOMENTS:
        raise Refused(400, "created_at is invalid", "parameter_invalid", "created_at")
    if not any(text_of(event.get(name)) for name in WHO):
        raise Refused(400, "id, user_id or email is required", "parameter_not_found", "id")
    given = event.get("metadata", {})
    if not isinstance(given, dict) or any(isinstance(one, list) for one in given.values()):
        raise Refused(400, "metadata is invalid", "parameter_invalid", "metadata")


def body_of(call: Call) -> dict[str, Any]:
    """The JSON object of a request."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "Content-Type must be application/json", "media_type_not_acceptable")
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(400, "Invalid JSON", "bad_request") from None


def answer(status: int, body: Mapping[str, Any]) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(body).encode(), JSON)


def error_body(status: int, message: str, code: str = "", field: str = "") -> bytes:
    """Intercom's list of errors."""
    error = {"code": code or WORDS.get(status, "server_error"), "message": message}
    if field:
        error["field"] = field
    found = {"type": "error.list", "request_id": secrets.token_hex(8), "errors": [error]}
    return json.dumps(found).encode()


def taken(event: Mapping[str, Any], contact: Contact) -> Taken:
    """What the phones page shows: the words among the facts. Only ten facts are kept."""
    given = dict([*part(event, "metadata").items()][:MOST_FACTS])
    return Taken(
        id=f"event_{secrets.token_hex(8)}",
        to=contact.email,
        text=text_of(given.get("message"), 65_000) or event["event_name"],
        subject=event["event_name"],
        extra={"metadata": given, "created_at": event["created_at"]},
    )


SANDBOX = IntercomSandbox()
