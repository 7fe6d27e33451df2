"""Intercom's REST API: find the customer's contact, make it if need be, send the event."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.intercom.errors import existing, failure
from channels_app.providers.intercom.facts import facts
from channels_app.wire import clock
from channels_app.wire.reading import id_of, list_of, part, text_of

# Where each region's workspaces live. No other host is ever called.
REGIONS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}
VERSION = "2.16"
PAGE = 5  # a contact is up to 3 KB, and one email has few
_NOT_IN_NAME = re.compile(r"[^a-z0-9]+")


class IntercomCredentials(Credentials):
    """The workspace's token, and what to do about customers it does not know."""

    secret = frozenset({"access_token"})

    access_token = forms.RegexField(
        r"^\S+$",
        label=_("Access token"),
        help_text=_("Developer hub, your app, Configure, Authentication."),
    )
    region = forms.ChoiceField(
        label=_("Region"),
        required=False,
        choices=[("us", _("United States")), ("eu", _("Europe")), ("au", _("Australia"))],
        help_text=_("Where the workspace lives. Empty: United States."),
    )
    version = forms.RegexField(
        r"^[0-9]{1,2}\.[0-9]{1,2}\Z",
        label=_("Version of the API"),
        required=False,
        help_text=_("Empty: 2.16."),
        error_messages={"invalid": _("It looks like 2.16.")},
    )
    strangers = forms.ChoiceField(
        label=_("A customer whom Intercom does not know"),
        required=False,
        choices=[("create", _("becomes a contact")), ("skip", _("is left out"))],
        help_text=_("Empty: becomes a contact."),
    )


class Intercom(Provider):
    """One workspace. `Message.to` begins the name of the event: `order` makes order-ready."""

    slug = "intercom"
    name = "Intercom"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.KEY, personal=True, hands_off=True)
    Credentials = IntercomCredentials
    base_url = REGIONS["us"]
    in_flight = 16  # 10 000 calls a minute, counted over ten seconds

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The region decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            self.base = REGIONS.get(credentials.get("region", ""), self.base_url)

    def request(self, message: Message) -> Request:
        """Ask for the customer's contacts."""
        event_name(message), moment(message)  # what can never be sent is not asked about
        query = {"field": "email", "operator": "=", "value": email_of(message)}
        return self._post("/contacts/search", {"query": query, "pagination": {"per_page": PAGE}})

    def following(self, message: Message, response: Response) -> Request | None:
        """After the search: the event, or the contact first. After the contact: the event."""
        if (known := existing(response)) is not None:
            return self._event(message, known)
        if not response.ok or not response.body.strip():
            return None
        answer = part(response.json())
        if answer.get("type") == "contact":
            return self._event(message, id_of(answer.get("id")))
        if answer.get("type") != "list":
            return None
        found = chosen(list_of(answer.get("data")))
        return self._event(message, found) if found else self._contact(message)

    def accepted(self, response: Response) -> Accepted:
        """A 202 without a word. What a workflow does then, nobody tells us."""
        if not response.ok:
            raise failure(response)
        if response.status != 202:
            detail = "Intercom does not say that it took the event."
            raise SendError(FailureKind.UNKNOWN, str(response.status), detail)
        return Accepted(handed_off=True)

    def verification(self) -> Request:
        """Whose token it is."""
        return Request.get(f"{self.base}/me", headers=self._signed())

    def verified(self, response: Response) -> str:
        """An admin of a workspace."""
        if not response.ok:
            raise failure(response)
        answer = part(response.json())
        if not id_of(answer.get("id")):
            detail = "Intercom does not say whose token this is. Copy it again."
            raise SendError(FailureKind.MISCONFIGURED, "admin", detail)
        workspace = text_of(part(answer.get("app")).get("name"), 80)
        return f"Intercom takes the token for the workspace {workspace or 'it belongs to'}."

    def _post(self, path: str, value: Any) -> Request:
        return Request.json(f"{self.base}{path}", value, self._signed())

    def _signed(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.credentials.get('access_token', '')}",
            "Intercom-Version": self.credentials.get("version", "") or VERSION,
            "Accept": "application/json",
        }

    def _contact(self, message: Message) -> Request:
        """A new contact, by email alone: an id of ours could hide one of the operator's app."""
        if self.credentials.get("strangers") == "skip":
            detail = "Intercom does not know this customer, and the channel makes no contacts."
            raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", detail)
        customer = part(message.data.get("customer"))
        name = text_of(customer.get("name"), 200) or text_of(customer.get("given_name"), 200)
        contact: dict[str, Any] = {"role": "user", "email": email_of(message)}
        if name.strip():
            contact["name"] = name.strip()
        if "email" in list_of(customer.get("opted_out")):
            contact["unsubscribed_from_emails"] = True
        return self._post("/contacts", contact)

    def _event(self, message: Message, contact: str) -> Request:
        """The event. Contact, name and second together tell Intercom a repeat."""
        who = {"id": contact} if contact else {"email": email_of(message)}
        event = {
            "event_name": event_name(message),
            "created_at": moment(message),
            **who,
            "metadata": facts(message),
        }
        return self._post("/events", event)


def event_name(message: Message) -> str:
    """The destination's address and the event, in Intercom's manner: order-picked-up."""
    first = _NOT_IN_NAME.sub("-", message.to.lower()).strip("-")
    if not first:
        detail = "The destination's address must hold a letter: it begins the event's name."
        raise SendError(FailureKind.RECIPIENT_INVALID, "destination", detail)
    event = text_of(message.data.get("event"), 40) or "updated"
    return f"{first}-{_NOT_IN_NAME.sub('-', event.lower())}"


def moment(message: Message) -> int:
    """When it happened, in seconds: the same for every try."""
    for name in ("occurred_at", "sent_at"):
        if found := clock.moment(message.data.get(name)):
            return int(found.timestamp())
    detail = "The message does not say when it happened. Send only events of orders to Intercom."
    raise SendError(FailureKind.CONTENT_REJECTED, "no_time", detail)


def email_of(message: Message) -> str:
    """By which Intercom knows the customer."""
    found = text_of(part(message.data.get("customer")).get("email"), 254)
    if not found:
        detail = "The customer has no email, so there is no contact at Intercom to write to."
        raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", detail)
    return found


def chosen(contacts: Sequence[Any]) -> str:
    """The contact to write to: a user before a lead; empty when there is none."""
    known = [part(contact) for contact in contacts]
    users = sorted(known, key=lambda contact: contact.get("role") != "user")
    return next((found for contact in users if (found := id_of(contact.get("id")))), "")


PROVIDER = Intercom
