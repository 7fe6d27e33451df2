"""Zoho CRM: an order is one record of a module, upserted by a field that holds its id.

HTTP 200 proves nothing here: each record has a code of its own.
"""

import re
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
from channels_app.providers.zoho import errors, mapping
from channels_app.providers.zoho.centres import CENTRES, Centre, api_host
from channels_app.wire import oauth, record_fields
from channels_app.wire.lines import checked
from channels_app.wire.reading import first_of, id_of, part, text_of

VERSION = "v8"
MATCH_FIELD = "Orderbell_ID"
STAGE_FIELD = "Stage"
# What a record of a module is called by; modules of one's own have Name.
NAME_FIELDS: Mapping[str, str] = {
    "Deals": "Deal_Name",
    "Sales_Orders": "Subject",
    "Purchase_Orders": "Subject",
    "Invoices": "Subject",
    "Quotes": "Subject",
    "Cases": "Subject",
    "Leads": "Last_Name",
    "Contacts": "Last_Name",
    "Accounts": "Account_Name",
}
# What is written, next to the name and the id, where the settings name nothing else.
FIELDS: Mapping[str, str] = {
    "Order_Status": "order.status",
    "Order_Text": "text",
    "Customer_Email": "customer.email",
}
_REFRESH = ("client_id", "client_secret", "refresh_token")
_MODULE = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,99}\Z")


class ZohoCredentials(Credentials):
    """What fetches tokens, and from where; and what is written where."""

    secret = frozenset({"client_secret", "refresh_token"})

    centre = forms.ChoiceField(
        label=_("Data centre"),
        choices=[(key, f"{centre.name} (.{key})") for key, centre in CENTRES.items()],
        help_text=_("Where the account lives: the ending of the address at which you use Zoho."),
    )
    client_id = forms.CharField(label=_("Client id"), max_length=200)
    client_secret = forms.CharField(label=_("Client secret"), max_length=200)
    refresh_token = forms.CharField(label=_("Refresh token"), max_length=400)
    match_field = forms.CharField(
        label=_("Field that holds the order's id"),
        required=False,
        validators=[RegexValidator(_MODULE)],
        help_text=_("Its API name; it must not allow duplicates. Empty: Orderbell_ID."),
    )
    key = record_fields.key_choice()
    fields_map = forms.CharField(
        label=_("Fields"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One `Field = value` a line; the guide lists the values. Empty: a few."),
    )
    stages = forms.CharField(
        label=_("Stages"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One `status = stage` a line. Other statuses leave the stage alone."),
    )
    stage_field = forms.CharField(
        label=_("Field of the stage"),
        required=False,
        validators=[RegexValidator(_MODULE)],
        help_text=_("Empty: Stage, as deals have it. Sales orders have Status."),
    )
    api_version = forms.CharField(
        label=_("API version"),
        required=False,
        validators=[RegexValidator(r"^v[1-9][0-9]?(\.[0-9])?\Z")],
        help_text=_("Empty: v8."),
    )

    def clean_fields_map(self) -> str:
        """Lines that can be read."""
        return checked(self.cleaned_data["fields_map"], mapping.fields)

    def clean_stages(self) -> str:
        """Lines that can be read."""
        return checked(self.cleaned_data["stages"], mapping.stages)


class Zoho(Provider):
    """One account. `Message.to` is the API name of the module, such as Deals."""

    slug = "zoho"
    name = "Zoho CRM"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.KEY, personal=True, hands_off=True)
    Credentials = ZohoCredentials
    base_url = CENTRES["com"].api
    in_flight = 4  # the smallest edition allows five at once

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The data centre decides the hosts, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            self.base = self._centre.api

    # --- access ---

    def token_request(self, now: datetime) -> Request:
        """With the refresh token, at the accounts host of the data centre.

        Zoho gives ten tokens in ten minutes, then none for a while: one is shared by all.
        """
        fields = {name: self.credentials.get(name, "") for name in _REFRESH}
        url = self.at(f"{self._centre.accounts}/oauth/v2/token")
        return Request.form(url, {"grant_type": "refresh_token", **fields})

    def token(self, response: Response, now: datetime) -> Access:
        """An hour. The answer names the API's host, which must be one of the data centre."""
        access = oauth.access_of(response, now, keep=("api_domain",))
        try:
            host = api_host(self._centre, access.data["api_domain"] or self._centre.api)
        except ValueError:
            detail = "The token is of another data centre. Choose the one that the account is in."
            raise SendError(FailureKind.MISCONFIGURED, "api_domain", detail) from None
        return replace(access, data={"api_domain": host})

    def verification(self) -> Request:
        """Ask for the company behind the account."""
        return Request.get(self._crm("org"), headers=self._bearer())

    def verified(self, response: Response) -> str:
        """Its name."""
        if not response.ok or errors.code_of(errors.record_of(response)):
            raise self._failure(response)
        company = first_of(part(response.json()).get("org"))
        if not company:
            detail = "Zoho names no company. Check the data centre and the scopes of the token."
            raise SendError(FailureKind.MISCONFIGURED, str(response.status), detail)
        return f"Zoho CRM answers for {text_of(company.get('company_name'), 80) or 'the account'}."

    # --- sending ---

    def request(self, message: Message) -> Request:
        """Insert the record, or update the one with the order's id."""
        if not _MODULE.match(message.to):
            detail = "Write the API name of a module, such as Sales_Orders."
            raise SendError(FailureKind.RECIPIENT_INVALID, "module", detail)
        body = {
            "data": [self._record(message)],
            "duplicate_check_fields": [self._match_field],
            "trigger": ["workflow"],
        }
        return Request.json(self._crm(f"{message.to}/upsert"), body, self._bearer())

    def following(self, message: Message, response: Response) -> Request | None:
        """Two made the record at once, and this one lost: change the record that the other made.

        Only when it is our own id that is taken: a record that shares another value is not ours.
        """
        record = errors.record_of(response)
        if (
            errors.code_of(record) != "DUPLICATE_DATA"
            or errors.field_of(record) != self._match_field
        ):
            return None
        details = part(record, "details")
        found = id_of(details.get("id")) or id_of(part(details, "duplicate_record").get("id"))
        if not found:
            return None
        body = {"data": [self._record(message)], "trigger": ["workflow"]}
        url = self._crm(f"{message.to}/{quote(found, safe='')}")
        return replace(Request.json(url, body, self._bearer()), method="PUT")

    def accepted(self, response: Response) -> Accepted:
        """A record whose own code says SUCCESS, whatever the status is."""
        record = errors.record_of(response)
        code = errors.code_of(record)
        if response.ok and code == "SUCCESS":
            return Accepted(id_of(part(record, "details").get("id")), handed_off=True)
        if response.ok and not code:
            detail = "Zoho does not say that it took it."
            raise SendError(FailureKind.UNKNOWN, str(response.status), detail)
        raise self._failure(response)

    # --- parts ---

    def _record(self, message: Message) -> dict[str, Any]:
        """The id, the name, what the settings name, and the stage of the status."""
        longest = mapping.LONGEST_VALUE
        key = record_fields.key(message, self.credentials.get("key", ""), longest)
        found: dict[str, Any] = {
            self._match_field: key,
            NAME_FIELDS.get(message.to, "Name"): record_fields.title(message) or key,
            **record_fields.values(message, self._fields, longest),
        }
        stages = mapping.stages(self.credentials.get("stages", ""))
        if stage := stages.get(record_fields.text(message, "order.status", longest)):
            found[self.credentials.get("stage_field") or STAGE_FIELD] = stage
        return found

    def _crm(self, path: str) -> str:
        host = oauth.granted(self.access).data.get("api_domain", "") or self._centre.api
        version = self.credentials.get("api_version") or VERSION
        return self.at(f"{host}/crm/{version}/{path}")

    def _bearer(self) -> dict[str, str]:
        """Zoho has a scheme of its own."""
        return {"Authorization": f"Zoho-oauthtoken {oauth.granted(self.access).token}"}

    def _failure(self, response: Response) -> SendError:
        return errors.failure(response, self._fields)

    @property
    def _centre(self) -> Centre:
        return CENTRES.get(self.credentials.get("centre", ""), CENTRES["com"])

    @property
    def _fields(self) -> Mapping[str, str]:
        return mapping.fields(self.credentials.get("fields_map", "")) or FIELDS

    @property
    def _match_field(self) -> str:
        return self.credentials.get("match_field") or MATCH_FIELD


PROVIDER = Zoho
