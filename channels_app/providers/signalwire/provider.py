"""SignalWire: text messages by the Compatibility API, which speaks as Twilio does."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    ReceiptStatus,
)
from channels_app.providers.signalwire.codes import ERRORS
from channels_app.wire.twilio_compatible import TwilioCompatible

LONGEST_VALIDITY = 172_800
HOST = ".signalwire.com"
_SPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class SignalWireCredentials(Credentials):
    """The space, the project with its token, and one kind of sender."""

    secret = frozenset({"api_token", "signing_key"})

    space = forms.CharField(
        label=_("Space"),
        max_length=100,
        help_text=_("The first part of your space's address: nonna of nonna.signalwire.com."),
    )
    project_id = forms.RegexField(
        _UUID,
        label=_("Project ID"),
        error_messages={"invalid": _("It has 32 digits and four hyphens.")},
    )
    api_token = forms.CharField(
        label=_("API token"), help_text=_("With the scope Messaging and no other.")
    )
    from_number = forms.RegexField(
        r"^(\+[1-9]\d{6,14}|\d{3,8})$",
        label=_("Sender number"),
        required=False,
        help_text=_("As +12025550100, or a short code."),
    )
    number_group_id = forms.RegexField(
        _UUID,
        label=_("Number group ID"),
        required=False,
        error_messages={"invalid": _("It has 32 digits and four hyphens.")},
    )
    signing_key = forms.CharField(
        label=_("Signing key"),
        required=False,
        help_text=_("Proves that receipts and answers come from SignalWire. Not the API token."),
    )

    def clean_space(self) -> str:
        """The name alone, also when the whole address was pasted."""
        value = self.cleaned_data["space"].strip().lower()
        name = value.removeprefix("https://").rstrip("/").removesuffix(HOST)
        if not _SPACE.fullmatch(name):
            raise forms.ValidationError(_("Enter the name before .signalwire.com and no more."))
        return name

    def clean(self) -> dict[str, Any]:
        """Either sender."""
        values = super().clean() or self.cleaned_data
        if bool(values.get("from_number")) == bool(values.get("number_group_id")):
            self.add_error(
                "from_number", _("Enter the sender number or the number group, one of them.")
            )
        return values


class SignalWire(TwilioCompatible):
    """SMS over POST Messages of a space; a lost answer is found out by listing."""

    slug = "signalwire"
    name = "SignalWire"
    family = Family.SMS
    address = AddressKind.PHONE
    audiences = frozenset({"customer", "staff"})
    capabilities = Capabilities(
        max_text=1600,
        receipts=frozenset(
            {
                ReceiptStatus.QUEUED,
                ReceiptStatus.SENT,
                ReceiptStatus.DELIVERED,
                ReceiptStatus.FAILED,
            }
        ),
        inbound=True,
        idempotency=Idempotency.LOOKUP,
    )
    Credentials = SignalWireCredentials
    base_url = "https://signalwire.com"
    errors = ERRORS
    longest_validity = LONGEST_VALIDITY

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """Every space has a host of its own."""
        super().__init__(credentials, base_url, allowed_hosts)
        space = credentials.get("space", "")
        if not base_url and _SPACE.fullmatch(space):
            self.base = f"https://{space}{HOST}"

    def sender(self) -> dict[str, str]:
        """The number group, or the number."""
        if group := self.credentials.get("number_group_id"):
            return {"MessagingServiceSid": group}
        return {"From": self.credentials["from_number"]}

    @property
    def messages_url(self) -> str:
        """The project's messages. Without the `.json` that older clients append."""
        project = self.credentials["project_id"]
        return f"{self.base}/api/laml/2010-04-01/Accounts/{project}/Messages"

    @property
    def login(self) -> tuple[str, str]:
        """The project and its token."""
        return self.credentials["project_id"], self.credentials["api_token"]


PROVIDER = SignalWire
