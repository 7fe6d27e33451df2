"""HubSpot's CRM objects API and its custom events, at paths that carry a date.

An order is one record, known by a property with unique values that holds its id. A change is one
PATCH of that record. Where HubSpot has none (404), the customer's contact is found or made by
email, and the record is made together with the link to it, so that a workflow that starts with the
record can already write to somebody. A batch upsert would be one call less, but cannot carry the
link. Every step does the same when it is repeated.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Access,
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
from channels_app.providers.hubspot import errors, mapping
from channels_app.wire import oauth, record_fields
from channels_app.wire.lines import checked
from channels_app.wire.reading import first_of, id_of, object_in, part, text_of

VERSION = "2026-09"
ID_PROPERTY = "orderbell_order_id"
NO_PIPELINE = "default"  # as `Message.to`: wherever HubSpot puts new records by itself
ORDERS, DEALS, EVENT = "orders", "deals", "event"
# What is written where the settings name nothing else.
FIELDS: Mapping[str, Mapping[str, str]] = {
    ORDERS: {
        "hs_order_name": "title",
        "hs_external_order_id": "order.external_id",
        "hs_external_order_status": "order.status",
        "hs_currency_code": "order.currency",
        "hs_total_price": "order.total",
        "hs_source_store": "store.name",
    },
    DEALS: {"dealname": "title", "amount": "order.total", "description": "text"},
    EVENT: {
        "order_id": "order.external_id",
        "order_number": "order.number",
        "order_status": "order.status",
        "order_event": "event",
        "order_text": "text",
    },
}
# object -> (property of the stage, property of the pipeline, type of the link to a contact)
SHAPES: Mapping[str, tuple[str, str, int]] = {
    ORDERS: ("hs_pipeline_stage", "hs_pipeline", 507),
    DEALS: ("dealstage", "pipeline", 3),
}
_REFRESH = ("client_id", "client_secret", "refresh_token")


class HubSpotCredentials(Credentials):
    """The key, or what fetches tokens; and what is written where."""

    secret = frozenset({"service_key", "client_secret", "refresh_token"})

    service_key = forms.CharField(
        label=_("Service key"),
        required=False,
        validators=[RegexValidator(r"^[\x21-\x7e]{20,}\Z")],
        help_text=_("Or the token of a project app. Without it, fill in the next three."),
    )
    client_id = forms.CharField(label=_("Client id of the app"), required=False)
    client_secret = forms.CharField(label=_("Client secret of the app"), required=False)
    refresh_token = forms.CharField(label=_("Refresh token"), required=False)
    mode = forms.ChoiceField(
        label=_("What is written"),
        choices=[(ORDERS, _("Orders")), (DEALS, _("Deals")), (EVENT, _("A custom event"))],
        help_text=_("Custom events need an Enterprise account."),
    )
    id_property = forms.CharField(
        label=_("Property that holds the order's id"),
        required=False,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]{0,99}\Z")],
        help_text=_("Must have unique values. Empty: orderbell_order_id."),
    )
    key = record_fields.key_choice()
    properties = forms.CharField(
        label=_("Properties"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One `property = value` a line; the guide lists the values. Empty: a few."),
    )
    stages = forms.CharField(
        label=_("Stages"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One `status = id of a stage` a line. Other statuses leave the stage alone."),
    )
    contacts = forms.ChoiceField(
        label=_("Contact of a new record"),
        required=False,
        choices=[("", _("Found or made by email")), ("none", _("None"))],
    )
    event_name = forms.CharField(
        label=_("Name of the event"),
        required=False,
        validators=[RegexValidator(r"^pe[0-9]+_[a-z0-9_]+\Z")],
        help_text=_("For custom events: pe, the account's id, an underscore and its name."),
    )
    api_version = forms.CharField(
        label=_("API version"),
        required=False,
        validators=[RegexValidator(r"^20[0-9]{2}-(03|09)\Z")],
        help_text=_("A year and 03 or 09. Empty: 2026-09."),
    )

    def clean_properties(self) -> str:
        """Lines that can be read."""
        return checked(self.cleaned_data["properties"], mapping.fields)

    def clean_stages(self) -> str:
        """Lines that can be read."""
        return checked(self.cleaned_data["stages"], mapping.stages)

    def clean(self) -> dict[str, Any]:
        """A key or all that fetches one; an event's name where one is sent."""
        known = super().clean() or self.cleaned_data
        if not known.get("service_key") and not all(known.get(name) for name in _REFRESH):
            raise forms.ValidationError(
                _("Give a service key, or client id, client secret and refresh token.")
            )
        if known.get("mode") == EVENT and not known.get("event_name"):
            self.add_error("event_name", _("Custom events need the event's name."))
        return known


class HubSpot(Provider):
    """One account. `Message.to` is the id of the pipeline for new records, or "default"."""

    slug = "hubspot"
    name = "HubSpot"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.KEY, personal=True, hands_off=True)
    Credentials = HubSpotCredentials
    base_url = "https://api.hubapi.com"
    in_flight = 4  # 100 requests in 10 seconds on the smallest plans

    @property
    def version(self) -> str:
        """The date in every path."""
        return self.credentials.get("api_version") or VERSION

    @property
    def mode(self) -> str:
        """What is written: orders, deals or an event."""
        return self.credentials.get("mode") or ORDERS

    @property
    def id_property(self) -> str:
        """The property by which a record is known."""
        return self.credentials.get("id_property") or ID_PROPERTY

    # --- access ---

    def token_request(self, now: datetime) -> Request | None:
        """With a refresh token; a service key needs no fetching."""
        if self.credentials.get("service_key"):
            return None
        fields = {name: self.credentials.get(name, "") for name in _REFRESH}
        url = f"{self.base}/oauth/{self.version}/token"
        return Request.form(url, {"grant_type": "refresh_token", **fields})

    def token(self, response: Response, now: datetime) -> Access:
        """About half an hour, as `expires_in` says."""
        return oauth.access_of(response, now, lifetime=1800.0)

    def verification(self) -> Request:
        """Ask for the property that everything hangs on; for events, for the account."""
        if self.mode == EVENT:
            path = f"/account-info/{self.version}/details"
        else:
            path = f"/crm/properties/{self.version}/{self.mode}/{self.id_property}"
        return Request.get(self.base + path, headers=self._bearer())

    def verified(self, response: Response) -> str:
        """The property must be there, and tell records apart."""
        if response.status == 404 and self.mode != EVENT:
            raise self._no_key(
                "HubSpot has no property for the order's id. Make it as the guide says."
            )
        if not response.ok:
            raise self._failure(response)
        answer = part(response.json())
        if self.mode == EVENT:
            return f"HubSpot answers for account {id_of(answer.get('portalId'), 20)}."
        if answer.get("hasUniqueValue") is not True:
            raise self._no_key("The property for the order's id must have unique values.")
        return f"HubSpot knows {self.mode} by “{text_of(answer.get('label'), 60)}”."

    # --- sending ---

    def request(self, message: Message) -> Request:
        """An event, or the change of the record that may not be there yet."""
        return self._event(message) if self.mode == EVENT else self._update(message)

    def following(self, message: Message, response: Response) -> Request | None:
        """Where the record was missing: the contact, then the record; lost a race: the change."""
        if self.mode == EVENT:
            return None
        if response.status == 404:
            return self._contact(message) or self._create(message, "")
        if errors.is_taken(response):
            return self._update(message)
        answer = object_in(response.body)
        if response.ok and "results" in answer:
            return self._create(message, _contact_id(answer))
        return None

    def accepted(self, response: Response) -> Accepted:
        """A record with an id; for events, a 204 without a word."""
        if self.mode == EVENT and (response.status == 204 or errors.is_repeated_event(response)):
            return Accepted(handed_off=True)
        if not response.ok:
            raise self._failure(response)
        answer = object_in(response.body)
        if "results" in answer:
            raise SendError(FailureKind.TRANSIENT, "steps", "Others changed the record meanwhile.")
        if self.mode == EVENT or not id_of(answer.get("id")):
            detail = "HubSpot does not say that it took it."
            raise SendError(FailureKind.UNKNOWN, str(response.status), detail)
        return Accepted(id_of(answer.get("id")), handed_off=True)

    # --- the requests ---

    def _update(self, message: Message) -> Request:
        """Change the record that is known by our id."""
        url = (
            f"{self._objects()}/{quote(self._key(message), safe='')}?idProperty={self.id_property}"
        )
        body = {"properties": self._properties(message)}
        return replace(Request.json(url, body, self._bearer()), method="PATCH")

    def _create(self, message: Message, contact: str) -> Request:
        """Make the record, linked to `contact` if there is one."""
        _stage, pipeline, link = SHAPES[self.mode]
        properties = {self.id_property: self._key(message), **self._properties(message)}
        if message.to != NO_PIPELINE:
            properties[pipeline] = message.to
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": link}
        links = [{"to": {"id": contact}, "types": [kind]}] if contact else []
        body = {"associations": links, "properties": properties}
        return Request.json(self._objects(), body, self._bearer())

    def _contact(self, message: Message) -> Request | None:
        """Find or make the contact by email, and change nothing else of it."""
        email = mapping.value(message, "customer.email")
        if self.credentials.get("contacts") == "none" or not email:
            return None
        one = {"idProperty": "email", "id": email, "properties": {"email": email}}
        url = f"{self.base}/crm/objects/{self.version}/contacts/batch/upsert"
        return Request.json(url, {"inputs": [one]}, self._bearer())

    def _event(self, message: Message) -> Request:
        """An event of the contact with the customer's email."""
        email = mapping.value(message, "customer.email")
        if not email:
            detail = "The event needs the customer's email address, and the order has none."
            raise SendError(FailureKind.CONTENT_REJECTED, "no_contact", detail)
        body = {
            "eventName": self.credentials.get("event_name", ""),
            "email": email,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"orderbell:{message.ref}")),
            "properties": self._properties(message),
        }
        if at := mapping.value(message, "occurred_at"):
            body["occurredAt"] = at
        return Request.json(f"{self.base}/events/{self.version}/send", body, self._bearer())

    # --- parts ---

    def _properties(self, message: Message) -> dict[str, str]:
        """What the settings name, and the stage of the status."""
        named = mapping.fields(self.credentials.get("properties", ""))
        wanted = named or FIELDS[self.mode]
        found = record_fields.texts(message, wanted, mapping.LONGEST_VALUE)
        known = mapping.stages(self.credentials.get("stages", ""))
        stage = known.get(mapping.value(message, "order.status"), "")
        if stage and self.mode in SHAPES:
            found[SHAPES[self.mode][0]] = stage
        return found

    def _key(self, message: Message) -> str:
        return record_fields.key(message, self.credentials.get("key", ""), mapping.LONGEST_VALUE)

    def _objects(self) -> str:
        return f"{self.base}/crm/objects/{self.version}/{self.mode}"

    def _bearer(self) -> dict[str, str]:
        key = self.credentials.get("service_key") or oauth.granted(self.access).token
        return {"Authorization": f"Bearer {key}"}

    def _failure(self, response: Response) -> SendError:
        return errors.failure(response, renewable=not self.credentials.get("service_key"))

    def _no_key(self, detail: str) -> SendError:
        return SendError(FailureKind.MISCONFIGURED, "id_property", detail)


def _contact_id(answer: Mapping[str, Any]) -> str:
    """The contact in the answer to a batch of one; raises SendError when it was refused."""
    found, refused = answer.get("results"), answer.get("errors")
    contact = id_of(first_of(found).get("id"))
    if contact:
        return contact
    known = id_of(first_of(refused).get("category"), 60) or "contact"
    detail = "HubSpot does not take the customer as a contact. Look at the email address."
    raise SendError(FailureKind.CONTENT_REJECTED, known, detail)


PROVIDER = HubSpot
