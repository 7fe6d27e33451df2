"""Twilio: text messages by Programmable Messaging."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

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
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.twilio.codes import ERRORS

LONGEST_VALIDITY = 36_000
PAGE = 100
# Their clock and ours need not agree to the second.
CLOCK_SLACK = timedelta(seconds=5)


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


class Twilio(Provider):
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
    )
    Credentials = TwilioCredentials
    base_url = "https://api.twilio.com"
    in_flight = 64

    def request(self, message: Message) -> Request:
        """POST Messages.json, as a form."""
        fields = {"To": message.to, "Body": message.text}
        if service := self.credentials.get("messaging_service_sid"):
            fields["MessagingServiceSid"] = service
        else:
            fields["From"] = self.credentials["from_number"]
        if message.callback_url:
            # The reference finds the delivery even when the receipt overtakes the answer.
            fields["StatusCallback"] = f"{message.callback_url}?{urlencode({'ref': message.ref})}"
        fields["ValidityPeriod"] = str(min(max(message.ttl_seconds, 1), LONGEST_VALIDITY))
        return Request.form(self._messages, fields, self._headers)

    def accepted(self, response: Response) -> Accepted:
        """201 and a sid, or Twilio's own code."""
        if not response.ok:
            raise _error(response)
        value = response.json()
        if not isinstance(value, dict) or not value.get("sid"):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The answer holds no message SID."
            )
        return Accepted(str(value["sid"]), str(value.get("status", "")))

    def lookup(self, message: Message, since: datetime) -> Request:
        """GET the day's messages to this number; Twilio cannot filter finer."""
        day = (since - CLOCK_SLACK).astimezone(UTC).date().isoformat()
        query = {"To": message.to, "DateSent>": day, "PageSize": str(PAGE)}
        return Request.get(self._messages, query, self._headers)

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        """The one with this text that was made since then."""
        if not response.ok:
            raise _error(response)
        page = response.json()
        for found in page["messages"]:
            if _same_text(found.get("body"), message.text) and (
                parsedate_to_datetime(found["date_created"]) >= since - CLOCK_SLACK
            ):
                return Accepted(str(found["sid"]), str(found.get("status", "")))
        if page.get("next_page_uri"):
            raise SendError(FailureKind.UNKNOWN, "", "The list of messages is too long to search.")
        return None

    @property
    def _messages(self) -> str:
        return f"{self.base}/2010-04-01/Accounts/{self.credentials['account_sid']}/Messages.json"

    @property
    def _headers(self) -> dict[str, str]:
        known = self.credentials
        if known.get("api_key_sid"):
            pair = f"{known['api_key_sid']}:{known['api_key_secret']}"
        else:
            pair = f"{known['account_sid']}:{known['auth_token']}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _same_text(theirs: Any, ours: str) -> bool:
    """Twilio trims; the words stay."""
    return isinstance(theirs, str) and theirs.split() == ours.split()


def _error(response: Response) -> SendError:
    """By Twilio's code where we know it, else by the HTTP status."""
    try:
        value = json.loads(response.body)
        code = str(value["code"])
    except (ValueError, TypeError, KeyError, RecursionError):
        code = ""
    kind, detail = ERRORS.get(code, (kind_of_status(response.status), ""))
    return SendError(
        kind,
        code[:20] or str(response.status),
        detail or f"Twilio answered with HTTP status {response.status}.",
        response.retry_after,
    )


PROVIDER = Twilio
