"""The stand-in ActiveCampaign: keeps contacts and their tags, and refuses as the real one does.

A contact at invalid@ is refused, one at throttle@ must wait. The tags 1 to 999 exist.
"""

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import id_of, json_object, part, text_of
from channels_app.wire.stand_ins import trim

JSON = {"content-type": "application/json"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
TAGS_OF = re.compile(r"/api/3/contacts/(\d+)/contactTags\Z")
ONE_LINK = re.compile(r"/api/3/contactTags/(\d+)\Z")
LAST_TAG = 999
KEPT = 10_000


class Refused(Exception):
    """A status, and the body that says why."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(status))
        self.status, self.body = status, body


def demo_credentials() -> dict[str, str]:
    """A key that opens nothing outside the sandbox."""
    return {
        "account_url": "https://sandbox.api-us1.com",
        "api_token": secrets.token_hex(36),
        "tags": "placed = 11\naccepted = 12\npreparing = 13\nready = 14\ndelivered = 15",
        "number_field": "1",
        "status_field": "2",
        "text_field": "3",
        "link_field": "4",
    }


def error(title: str, code: str = "", pointer: str = "") -> dict[str, Any]:
    """One of the shapes of an error."""
    return {
        "errors": [{"title": title, "detail": "", "code": code, "source": {"pointer": pointer}}]
    }


class ActiveCampaignSandbox(SandboxEnd):
    """Contacts, their tags, and whose key it is."""

    slug = "activecampaign"

    def __init__(self) -> None:
        self._contacts: OrderedDict[str, str] = OrderedDict()  # email -> id
        self._links: OrderedDict[str, tuple[str, str]] = OrderedDict()  # id -> contact, tag
        self._number = 100
        self._lock = Lock()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Answer one call; a synced contact is what counts as taken."""
        try:
            account = checked_key(call, accounts)
            with self._lock:
                status, body, taken = self._answer(call, account)
        except Refused as no:
            headers = {**JSON, "retry-after": "3"} if no.status == 429 else JSON
            return Reply(no.status, json.dumps(no.body).encode(), headers), None
        return Reply(status, json.dumps(body).encode(), JSON), taken

    def fault_body(self, status: int) -> bytes:
        """An error in one of ActiveCampaign's forms."""
        return json.dumps({"message": f"status {status}"} if status >= 500 else {}).encode()

    def _answer(self, call: Call, account: Mapping[str, str]) -> tuple[int, Any, Taken | None]:
        known: dict[tuple[str, str], Callable[[], tuple[int, Any, Taken | None]]] = {
            ("GET", "/api/3/users/me"): lambda: (200, {"user": {"id": "1", "username": "x"}}, None),
            ("POST", "/api/3/contact/sync"): lambda: self._sync(call, account),
            ("POST", "/api/3/contactTags"): lambda: self._tag(call),
        }
        if act := known.get((call.method, call.path)):
            return act()
        if call.method == "GET" and (match := TAGS_OF.match(call.path)):
            return 200, {"contactTags": self._tags(match[1])}, None
        if call.method == "DELETE" and (match := ONE_LINK.match(call.path)):
            return self._untag(match[1])
        raise Refused(404, {})

    def _sync(self, call: Call, account: Mapping[str, str]) -> tuple[int, Any, Taken]:
        contact = part(body_of(call).get("contact"))
        email = text_of(contact.get("email"))
        if not EMAIL.match(email) or email.startswith("invalid@"):
            raise Refused(422, error("Email address is invalid", "", "/data/attributes/email"))
        if email.startswith("throttle@"):
            raise Refused(429, {})
        values = checked_values(contact.get("fieldValues", []))
        status = 200 if email in self._contacts else 201
        found = self._contacts.setdefault(email, self._next())
        trim(self._contacts, KEPT)
        text = values.get(account.get("text_field", ""), "") or "Contact synced"
        answer = {"fieldValues": [], "contact": {"email": email, "id": found}}
        extra = {"contact": dict(contact), "fields": values}
        return status, answer, Taken(f"{found}-{self._next()}", email, text, extra=extra)

    def _tag(self, call: Call) -> tuple[int, Any, None]:
        asked = part(body_of(call).get("contactTag"))
        contact, tag = id_of(asked.get("contact")), id_of(asked.get("tag"))
        if contact not in self._contacts.values():
            raise Refused(404, error("Contact not found"))
        if not (tag.isdecimal() and 0 < int(tag) <= LAST_TAG):
            raise Refused(404, error("Tag not found"))
        there = [link for link, pair in self._links.items() if pair == (contact, tag)]
        link = there[0] if there else self._next()
        self._links[link] = (contact, tag)
        trim(self._links, KEPT)
        answer = {"contacts": [], "contactTag": {"contact": contact, "tag": tag, "id": link}}
        return 200 if there else 201, answer, None

    def _tags(self, contact: str) -> list[dict[str, str]]:
        return [
            {"contact": contact, "tag": tag, "id": link}
            for link, (owner, tag) in self._links.items()
            if owner == contact
        ]

    def _untag(self, link: str) -> tuple[int, Any, None]:
        if self._links.pop(link, None) is None:
            raise Refused(404, {"message": f"No Result found for SubscriberTag with id {link}"})
        return 200, {}, None

    def _next(self) -> str:
        self._number += 1
        return str(self._number)


def checked_key(call: Call, accounts: Sequence[Account]) -> Mapping[str, str]:
    """The settings of the channel whose key it is. A wrong key is a 403 there, not a 401."""
    given = call.headers.get("api-token", "")
    for account in accounts:
        if given and account.credentials.get("api_token") == given:
            return account.credentials
    if accounts or not given:
        raise Refused(403, {"message": "Unauthorized"})
    return {"text_field": "3"}


def body_of(call: Call) -> dict[str, Any]:
    """The JSON of a call."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, error("Send JSON"))
    try:
        return json_object(call.body)
    except ValueError:
        raise Refused(400, error("The body is not JSON")) from None


def checked_values(given: Any) -> dict[str, str]:
    """Field -> value."""
    if not isinstance(given, list):
        raise Refused(422, error("fieldValues must be a list", "", "/data/attributes/fieldValues"))
    found = {id_of(part(one).get("field")): text_of(part(one).get("value")) for one in given}
    if not all(field.isdecimal() for field in found):
        raise Refused(422, error("Field does not exist", "", "/data/attributes/field"))
    return found


SANDBOX = ActiveCampaignSandbox()
