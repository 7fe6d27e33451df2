"""Twilio: text messages by Programmable Messaging."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    Message,
    ProviderTemplate,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.twilio import templates
from channels_app.providers.twilio.codes import ERRORS
from channels_app.wire.twilio_compatible import TwilioCompatible

LONGEST_VALIDITY = 36_000


def _sid(prefix: str, label: Any, required: bool, help_text: Any = "") -> forms.RegexField:
    """A field for one of Twilio's ids: two letters and 32 hexadecimal digits."""
    return forms.RegexField(
        rf"^{prefix}[0-9a-fA-F]{{32}}$",
        label=label,
        required=required,
        help_text=help_text,
        error_messages={
            "invalid": _("It starts with %(prefix)s and has 34 characters.") % {"prefix": prefix}
        },
    )


class TwilioCredentials(Credentials):
    """One way to log in, one kind of sender."""

    secret = frozenset({"auth_token", "api_key_secret", "shared_key_secret"})

    account_sid = _sid("AC", _("Account SID"), required=True)
    auth_token = forms.CharField(
        label=_("Auth token"),
        required=False,
        help_text=_(
            "Proves that receipts and answers come from Twilio. Logs in too, without a key."
        ),
    )
    api_key_sid = _sid("SK", _("API key SID"), False, _("Better than the token for sending."))
    api_key_secret = forms.CharField(label=_("API key secret"), required=False)
    from_number = forms.RegexField(
        r"^(\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11})$",
        label=_("Sender number"),
        required=False,
        help_text=_("As +12025550100, a short code, or a name where the country allows it."),
    )
    messaging_service_sid = _sid("MG", _("Messaging Service SID"), False)
    shared_key_secret = forms.CharField(
        label=_("Webhook shared key"),
        required=False,
        help_text=_("Only if callbacks are signed with a shared key (HMAC-SHA256)."),
    )

    def clean(self) -> dict[str, Any]:
        """Either secret, either sender."""
        values = super().clean() or self.cleaned_data
        if bool(values.get("api_key_sid")) != bool(values.get("api_key_secret")):
            self.add_error(
                "api_key_secret", _("Enter the API key's SID and its secret, or neither.")
            )
        if not values.get("auth_token") and not values.get("api_key_sid"):
            self.add_error("auth_token", _("Enter the auth token, or an API key."))
        if bool(values.get("from_number")) == bool(values.get("messaging_service_sid")):
            self.add_error(
                "from_number", _("Enter the sender number or the Messaging Service, one of them.")
            )
        return values


class Twilio(TwilioCompatible):
    """SMS over POST Messages.json; a lost answer is found out by listing."""

    slug = "twilio"
    name = "Twilio"
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
                ReceiptStatus.READ,
                ReceiptStatus.FAILED,
            }
        ),
        inbound=True,
        idempotency=Idempotency.LOOKUP,
        handles_stop=True,
        templates=True,
    )
    Credentials = TwilioCredentials
    base_url = "https://api.twilio.com"
    in_flight = 64
    errors = ERRORS
    longest_validity = LONGEST_VALIDITY

    def content(self, message: Message) -> dict[str, str]:
        """The text, or the template kept at Twilio and what fills it in."""
        if message.template is not None:
            return templates.fields(message.template)
        return super().content(message)

    def sender(self) -> dict[str, str]:
        """The Messaging Service, or the number."""
        if service := self.credentials.get("messaging_service_sid"):
            return {"MessagingServiceSid": service}
        return {"From": self.credentials["from_number"]}

    def is_ours(self, found: Mapping[str, Any], message: Message) -> bool:
        """By the text; by what fills it in, where Twilio has the text."""
        if message.template is not None:
            return templates.may_be(message.template, found.get("body"))
        return super().is_ours(found, message)

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """Whether Twilio could know such a content template."""
        return templates.problems(template)

    def verification(self) -> Request | None:
        """GET the account; with an API key a list, for such a key may not read the account."""
        if self.credentials.get("api_key_sid"):
            return super().verification()
        return Request.get(f"{self._account}.json", headers=self.headers)

    def verified(self, response: Response) -> str:
        """Who the account is, and whether it may work."""
        if self.credentials.get("api_key_sid"):
            return super().verified(response)
        value = self.known_account(response)
        if not isinstance(value, dict) or "status" not in value:
            raise SendError(FailureKind.UNKNOWN, str(response.status), "The answer is no account.")
        if value["status"] != "active":
            raise SendError(
                FailureKind.MISCONFIGURED,
                str(value["status"])[:20],
                "The Twilio account is not active. Look at the console's first page.",
            )
        sentence = f"The Twilio account “{str(value.get('friendly_name', ''))[:64]}” is active."
        if value.get("type") == "Trial":
            sentence += " It is a trial: it only writes to numbers that you have verified."
        return sentence

    @property
    def _account(self) -> str:
        return f"{self.base}/2010-04-01/Accounts/{self.credentials['account_sid']}"

    @property
    def messages_url(self) -> str:
        """The account's messages."""
        return f"{self._account}/Messages.json"

    @property
    def login(self) -> tuple[str, str]:
        """The API key, where there is one."""
        known = self.credentials
        if known.get("api_key_sid"):
            return known["api_key_sid"], known["api_key_secret"]
        return known["account_sid"], known["auth_token"]


PROVIDER = Twilio
