"""Plivo: text messages by the Message API."""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
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
    ProviderTemplate,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire import sms

LONGEST_GSM, LONGEST_UCS2 = 1600, 737
SHORTEST_EXPIRY, LONGEST_EXPIRY = 5, 10_799
INDIA = "+91"
_SUBACCOUNT = "SA"
_INVALID_NUMBER = re.compile(r"'\+?(\d+)' is not a valid phone number")
_DIGITS = re.compile(r"\+?\d{4,}")
_DLT_ID = re.compile(r"\d{1,30}")
# Plivo's API has no error codes: the status says it.
_BY_STATUS = {
    401: (FailureKind.MISCONFIGURED, "The Auth ID or the Auth Token is wrong."),
    402: (FailureKind.MISCONFIGURED, "The account has too little credit. Top it up at Plivo."),
    403: (
        FailureKind.MISCONFIGURED,
        "Plivo does not allow this. Look at the countries in the account's geo permissions.",
    ),
    404: (FailureKind.MISCONFIGURED, "Plivo does not know this account, or its Powerpack."),
    405: (FailureKind.MISCONFIGURED, "The address of the API is wrong."),
    429: (FailureKind.THROTTLED, "Too many requests."),
}


class PlivoCredentials(Credentials):
    """The account, one kind of sender, and India's register."""

    secret = frozenset({"auth_token", "main_auth_token"})

    auth_id = forms.RegexField(
        r"^(MA|SA)[A-Z0-9]{18}$",
        label=_("Auth ID"),
        error_messages={"invalid": _("It starts with MA or SA and has 20 characters.")},
    )
    auth_token = forms.CharField(label=_("Auth Token"))
    main_auth_token = forms.CharField(
        label=_("Auth Token of the main account"),
        required=False,
        help_text=_("Only for a subaccount (SA): Plivo signs receipts and answers with it."),
    )
    from_number = forms.RegexField(
        r"^(\+?[1-9]\d{2,14}|[A-Za-z0-9]{1,11})$",
        label=_("Sender number"),
        required=False,
        help_text=_("As +12025550100, a short code, or a name where the country allows it."),
    )
    powerpack_uuid = forms.RegexField(
        r"^[0-9a-fA-F-]{36}$", label=_("Powerpack UUID"), required=False
    )
    log = forms.ChoiceField(
        label=_("What Plivo keeps"),
        required=False,
        choices=[
            ("", _("Number and text, as Plivo does by itself")),
            ("number_only", _("The number")),
            ("content_only", _("The text")),
            ("false", _("Neither")),
        ],
    )
    dlt_entity_id = forms.RegexField(
        r"^\d{1,30}$",
        label=_("DLT entity ID"),
        required=False,
        help_text=_("Only for numbers in India."),
    )
    dlt_template_category = forms.RegexField(
        r"^[A-Za-z_]{1,40}$",
        label=_("DLT template category"),
        required=False,
        help_text=_("Only for numbers in India; as Plivo's page about sending calls it."),
    )

    def clean(self) -> dict[str, Any]:
        """Either sender."""
        values = super().clean() or self.cleaned_data
        if bool(values.get("from_number")) == bool(values.get("powerpack_uuid")):
            self.add_error(
                "from_number", _("Enter the sender number or the Powerpack, one of them.")
            )
        return values


class Plivo(Provider):
    """SMS over POST Message/; a receipt that carries our reference tells what was taken."""

    slug = "plivo"
    name = "Plivo"
    family = Family.SMS
    address = AddressKind.PHONE
    audiences = frozenset({"customer", "staff"})
    capabilities = Capabilities(
        max_text=LONGEST_GSM,
        receipts=frozenset(
            {
                ReceiptStatus.QUEUED,
                ReceiptStatus.SENT,
                ReceiptStatus.DELIVERED,
                ReceiptStatus.FAILED,
            }
        ),
        inbound=True,
        # Its list of messages holds no text, so it cannot be asked for ours.
        idempotency=Idempotency.RECEIPT,
        handles_stop=True,
        templates=True,
    )
    Credentials = PlivoCredentials
    base_url = "https://api.plivo.com"

    def fit(self, message: Message) -> Message:
        """Half as much is taken as soon as one letter is not in the GSM alphabet."""
        return replace(message, text=sms.fitted(message.text, LONGEST_GSM, LONGEST_UCS2))

    def request(self, message: Message) -> Request:
        """POST Message/ with one recipient, so that one message has one id."""
        value: dict[str, Any] = {
            **self._sender(),
            "dst": message.to,
            "text": message.text,
            "type": "sms",
            "message_expiry": min(max(message.ttl_seconds, SHORTEST_EXPIRY), LONGEST_EXPIRY),
        }
        if message.callback_url:
            value["url"] = f"{message.callback_url}?{urlencode({'ref': message.ref})}"
            value["method"] = "POST"
        if kept := self.credentials.get("log"):
            value["log"] = kept
        if message.template is not None and (wrong := self.template_problems(message.template)):
            raise SendError(FailureKind.CONTENT_REJECTED, "template", wrong[0])
        if message.to.startswith(INDIA):
            value |= self._registered(message.template)
        return Request.json(self._messages, value, self._headers)

    def accepted(self, response: Response) -> Accepted:
        """202 and one id, or words."""
        if not response.ok:
            raise self._error(response)
        value = response.json()
        found = value.get("message_uuid") if isinstance(value, dict) else None
        if isinstance(found, list) and found and isinstance(found[0], str):
            return Accepted(found[0])
        if isinstance(value, dict) and value.get("invalid_number"):
            raise _invalid_recipient()
        raise SendError(
            FailureKind.UNKNOWN, str(response.status), "The answer holds no message UUID."
        )

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """A DLT template is only named: the text that it allows goes along whole."""
        wrong = []
        if not _DLT_ID.fullmatch(template.id):
            wrong.append("A DLT template ID holds digits and nothing else.")
        if template.parameters:
            wrong.append("A DLT template takes no parameters: our own text goes along whole.")
        return wrong

    def verification(self) -> Request | None:
        """GET the account; a subaccount, which may not read itself, a list of one message."""
        if self.credentials["auth_id"].startswith(_SUBACCOUNT):
            return Request.get(self._messages, {"limit": "1"}, self._headers)
        return Request.get(self._account, headers=self._headers)

    def verified(self, response: Response) -> str:
        """Who the account is, and what is left of its credit."""
        if not response.ok:
            raise self._error(response)
        value = response.json()
        if isinstance(value, dict) and isinstance(value.get("objects"), list):
            return "Plivo lets this subaccount read its messages."
        if not isinstance(value, dict) or not value.get("auth_id"):
            raise SendError(FailureKind.UNKNOWN, str(response.status), "The answer is no account.")
        sentence = f"This is the Plivo account “{str(value.get('name', ''))[:64]}”."
        if credit := str(value.get("cash_credits", ""))[:20]:
            sentence += f" Its credit is {credit}."
        return sentence

    def _sender(self) -> dict[str, str]:
        if powerpack := self.credentials.get("powerpack_uuid"):
            return {"powerpack_uuid": powerpack}
        return {"src": self.credentials["from_number"]}

    def _registered(self, template: ProviderTemplate | None) -> dict[str, str]:
        """What India's carriers ask for."""
        known = {
            "dlt_entity_id": self.credentials.get("dlt_entity_id", ""),
            "dlt_template_id": template.id if template else "",
            "dlt_template_category": self.credentials.get("dlt_template_category", ""),
        }
        return {name: value for name, value in known.items() if value}

    @property
    def _account(self) -> str:
        return f"{self.base}/v1/Account/{self.credentials['auth_id']}/"

    @property
    def _messages(self) -> str:
        return f"{self._account}Message/"

    @property
    def _headers(self) -> dict[str, str]:
        pair = f"{self.credentials['auth_id']}:{self.credentials['auth_token']}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _error(self, response: Response) -> SendError:
        """By status; a 400 that quotes a number is about the recipient or the sender."""
        said = _said(response)
        if response.status == 400 and (number := _INVALID_NUMBER.search(said)):
            if number[1] == self.credentials.get("from_number", "").removeprefix("+"):
                return SendError(FailureKind.MISCONFIGURED, "400", "The sender is not valid.")
            return _invalid_recipient()
        kind, detail = _BY_STATUS.get(
            response.status, (kind_of_status(response.status), _DIGITS.sub("…", said)[:200])
        )
        return SendError(
            kind,
            str(response.status),
            detail or f"Plivo answered with HTTP status {response.status}.",
            response.retry_after,
        )


def _invalid_recipient() -> SendError:
    return SendError(FailureKind.RECIPIENT_INVALID, "400", "The number is not valid.")


def _said(response: Response) -> str:
    """The reason in the answer, in Plivo's words; it may quote a number."""
    try:
        said = json.loads(response.body)["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


PROVIDER = Plivo
