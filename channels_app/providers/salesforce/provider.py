"""Salesforce's REST API: a platform event is published, or a record upserted by its external id.

`Message.to` is the API name of the event or object, and its ending says which of the two it is:
`Order_Status__e` is an event, all else are objects.
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
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.salesforce import errors, mapping
from channels_app.wire import oauth, record_fields
from channels_app.wire.hosts import is_listed, secure_endpoint
from channels_app.wire.lines import checked
from channels_app.wire.reading import first_of, id_of, part, text_of

VERSION = "67.0"  # Summer '26
EXTERNAL_ID = "External_Id__c"
# Every account's own host is below one of these.
HOSTS = frozenset({".my.salesforce.com", ".my.salesforce.mil"})
# Hosts that give no token for client credentials, or serve pages and no API.
SHARED_HOSTS = frozenset({"login.salesforce.com", "test.salesforce.com"})
PAGE_HOSTS = frozenset({".lightning.force.com", ".salesforce-setup.com", ".my.site.com"})
# Salesforce does not say how long a token lives; accounts set 15 minutes to 24 hours, 2 by default.
TOKEN_SECONDS = 3600.0
# What is written where the settings name nothing else.
FIELDS: Mapping[str, str] = {
    "Message_Id__c": "ref",
    "Order_Id__c": "order.external_id",
    "Order_Number__c": "order.number",
    "Status__c": "order.status",
    "Text__c": "text",
    "Customer_Name__c": "customer.name",
    "Customer_Email__c": "customer.email",
    "Customer_Phone__c": "customer.phone",
}
QUEUED = "OPERATION_ENQUEUED"
_OBJECT = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,79}\Z")
_USAGE = re.compile(r"api-usage=(\d{1,9})/(\d{1,9})")


def account_host(value: str) -> str:
    """The host of My Domain, from a host or a URL; raises ValueError with what to do."""
    url = value if "://" in value else f"https://{value}"
    host = (secure_endpoint(url, frozenset()).hostname or "").removesuffix(".")
    if host in SHARED_HOSTS or is_listed(host, PAGE_HOSTS):
        raise ValueError("Use the host of My Domain: it ends with .my.salesforce.com.")
    if not is_listed(host, HOSTS):
        raise ValueError("This is no host of Salesforce. My Domain ends with .my.salesforce.com.")
    return host


class SalesforceCredentials(Credentials):
    """The app that fetches tokens; and what is written where."""

    secret = frozenset({"client_secret"})

    domain = forms.CharField(
        label=_("My Domain"),
        max_length=200,
        help_text=_("Such as nonna.my.salesforce.com. In Setup under My Domain."),
    )
    client_id = forms.CharField(label=_("Consumer key"), max_length=512)
    client_secret = forms.CharField(label=_("Consumer secret"), max_length=512)
    external_id_field = forms.CharField(
        label=_("External id field"),
        required=False,
        validators=[RegexValidator(_OBJECT)],
        help_text=_("For records: the field that holds the order's id. Empty: External_Id__c."),
    )
    key = record_fields.key_choice()
    fields_map = forms.CharField(
        label=_("Fields"),
        required=False,
        widget=forms.Textarea,
        help_text=_("One `Field__c = value` a line; the guide lists the values. Empty: a few."),
    )
    api_version = forms.CharField(
        label=_("API version"),
        required=False,
        validators=[RegexValidator(r"^[1-9][0-9]\.0\Z")],
        help_text=_("Empty: 67.0."),
    )

    def clean_domain(self) -> str:
        """A host of an account."""
        try:
            return account_host(self.cleaned_data["domain"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_fields_map(self) -> str:
        """Lines that can be read."""
        return checked(self.cleaned_data["fields_map"], mapping.fields)


class Salesforce(Provider):
    """One account. `Message.to` is the API name of an event (`…__e`) or of an object."""

    slug = "salesforce"
    name = "Salesforce"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    # An event that is published twice is two events: only the Flow can know a repeat.
    capabilities = Capabilities(personal=True, hands_off=True)
    Credentials = SalesforceCredentials
    base_url = ""  # each account has its own
    in_flight = 5

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """My Domain decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            self.base = f"https://{credentials.get('domain', '')}"

    # --- access ---

    def token_request(self, now: datetime) -> Request:
        """By client credentials, at My Domain: the shared login hosts refuse them."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.credentials.get("client_id", ""),
            "client_secret": self.credentials.get("client_secret", ""),
        }
        return Request.form(f"{self.base}/services/oauth2/token", fields)

    def token(self, response: Response, now: datetime) -> Access:
        """A token, and the host at which it is good: one of Salesforce's, or it is not used."""
        access = oauth.access_of(response, now, TOKEN_SECONDS, keep=("instance_url",))
        try:
            account_host(access.data["instance_url"])
        except ValueError:
            detail = "Salesforce names a host that is not its own. Check My Domain."
            raise SendError(FailureKind.MISCONFIGURED, "instance_url", detail) from None
        return access

    def verification(self) -> Request:
        """The list of what this version of the API has: needs a token and nothing else."""
        return Request.get(self._data(""), headers=self._bearer())

    def verified(self, response: Response) -> str:
        """Says how much of the day's allowance is used."""
        if not response.ok:
            raise errors.failure(response)
        if "sobjects" not in part(response.json()):
            detail = "This does not look like Salesforce's API. Check My Domain."
            raise SendError(FailureKind.MISCONFIGURED, str(response.status), detail)
        used = _USAGE.search(response.headers.get("sforce-limit-info", ""))
        more = f" {used[1]} of {used[2]} requests of 24 hours are used." if used else ""
        return f"Salesforce answers with API version {self._version}.{more}"

    # --- sending ---

    def request(self, message: Message) -> Request:
        """Publish an event, or change the record with the order's external id."""
        if not _OBJECT.match(message.to):
            detail = "Write the API name of an event or object, such as Order_Status__e."
            raise SendError(FailureKind.RECIPIENT_INVALID, "object", detail)
        named = mapping.fields(self.credentials.get("fields_map", "")) or FIELDS
        found = record_fields.values(message, named, mapping.LONGEST_VALUE)
        if message.to.endswith("__e"):
            return Request.json(self._data(f"sobjects/{message.to}/"), found, self._bearer())
        return self._upsert(message, found)

    def following(self, message: Message, response: Response) -> Request | None:
        """Two made the record at once, and this one lost: by now it is there to be changed."""
        lost = errors.code_of(errors.error_of(response)) == "DUPLICATE_VALUE"
        return self.request(message) if lost else None

    def accepted(self, response: Response) -> Accepted:
        """A 204; or a result that says success, whatever else its `errors` hold."""
        if not response.ok:
            raise errors.failure(response)
        if response.status == 204:
            return Accepted(handed_off=True)
        answer = part(response.json())
        first = first_of(answer.get("errors"))
        if answer.get("success") is True:
            # The id of an event is not unique; the note that it was queued carries one that is.
            queued = first if first.get("statusCode") == QUEUED else {}
            found = text_of(queued.get("message"), 120) or id_of(answer.get("id"))
            return Accepted(found, handed_off=True)
        if answer.get("success") is False and first:
            raise errors.named(first, 400)
        detail = "Salesforce does not say that it took it."
        raise SendError(FailureKind.UNKNOWN, str(response.status), detail)

    # --- parts ---

    def _upsert(self, message: Message, found: dict[str, Any]) -> Request:
        """PATCH by external id. The id itself must not be among the fields."""
        key = record_fields.key(message, self.credentials.get("key", ""), mapping.LONGEST_VALUE)
        field = self.credentials.get("external_id_field") or EXTERNAL_ID
        found.pop(field, None)
        url = self._data(f"sobjects/{message.to}/{field}/{quote(key, safe='')}")
        return replace(Request.json(url, found, self._bearer()), method="PATCH")

    def _data(self, path: str) -> str:
        """A path below this version of the API, at the host that came with the token."""
        host = oauth.granted(self.access).data.get("instance_url", "") or self.base
        return self.at(f"{host.rstrip('/')}/services/data/v{self._version}/{path}")

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {oauth.granted(self.access).token}"}

    @property
    def _version(self) -> str:
        return self.credentials.get("api_version") or VERSION


PROVIDER = Salesforce
