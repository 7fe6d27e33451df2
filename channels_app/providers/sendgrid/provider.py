"""SendGrid: email by the v3 Mail Send API."""

import json
import re
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
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
    ProviderTemplate,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.sendgrid.keys import BadKey, public_key

EUROPE = "https://api.eu.sendgrid.com"
REF = "ob_ref"
LONGEST_SUBJECT = 250
LONGEST_WAIT = 900.0
# SendGrid has no error codes: the status says it, and for a 400 the field.
_BY_STATUS = {
    401: (FailureKind.MISCONFIGURED, "The API key is wrong, or the plan's credits are used up."),
    403: (FailureKind.MISCONFIGURED, "The key may not send mail, or the sender is not verified."),
    404: (FailureKind.MISCONFIGURED, "The address of the API is wrong."),
    405: (FailureKind.MISCONFIGURED, "The address of the API is wrong."),
    406: (FailureKind.MISCONFIGURED, "The API does not accept this kind of request."),
    413: (FailureKind.CONTENT_REJECTED, "The mail is too large."),
    415: (FailureKind.MISCONFIGURED, "The API does not accept this kind of request."),
    429: (FailureKind.THROTTLED, "Too many requests."),
}
SCOPE = "mail.send"
# A key for mail alone comes with a few rights about itself.
MOST_SCOPES = 10
_TEMPLATE_ID = re.compile(r"d-[0-9a-f]{32}")
_GAP = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_RECIPIENT_FIELD = re.compile(r"personalizations(\.\d+)?\.to(\b|\.)")
_ADDRESS = re.compile(r"\S+@\S+")


class SendGridCredentials(Credentials):
    """The key, the sender, and what proves that events come from SendGrid."""

    secret = frozenset({"api_key"})

    api_key = forms.RegexField(
        r"^SG\.\S+$",
        label=_("API key"),
        help_text=_("With the right Mail Send and no other."),
        error_messages={"invalid": _("It starts with SG.")},
    )
    from_email = forms.EmailField(label=_("Sender address"))
    from_name = forms.CharField(label=_("Sender name"), required=False, max_length=100)
    reply_to = forms.EmailField(label=_("Answers go to"), required=False)
    region = forms.ChoiceField(
        label=_("Region"),
        required=False,
        choices=[("", _("Global")), ("eu", _("European Union"))],
        help_text=_("European Union only for a subuser that was made there."),
    )
    webhook_public_key = forms.CharField(
        label=_("Verification key of the event webhook"),
        required=False,
        help_text=_("Without it no receipt is believed."),
    )

    def clean_webhook_public_key(self) -> str:
        """A key that can be read, or none."""
        value = "".join(self.cleaned_data["webhook_public_key"].split())
        try:
            if value:
                public_key(value)
        except BadKey as error:
            raise forms.ValidationError(str(error)) from None
        return value


class SendGrid(Provider):
    """Mail over POST /v3/mail/send; events carry our reference back."""

    slug = "sendgrid"
    name = "SendGrid"
    family = Family.EMAIL
    address = AddressKind.EMAIL
    audiences = frozenset({"customer", "staff", "partner"})
    capabilities = Capabilities(
        subject=True,
        html=True,
        receipts=frozenset(
            {
                ReceiptStatus.QUEUED,
                ReceiptStatus.DEFERRED,
                ReceiptStatus.DELIVERED,
                ReceiptStatus.READ,
                ReceiptStatus.FAILED,
            }
        ),
        idempotency=Idempotency.RECEIPT,
        templates=True,
    )
    Credentials = SendGridCredentials
    base_url = "https://api.sendgrid.com"
    in_flight = 64

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The credentials say on which continent the account lives."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url and credentials.get("region") == "eu":
            self.base = EUROPE

    def request(self, message: Message) -> Request:
        """POST mail/send with one personalization."""
        person: dict[str, Any] = {
            "to": [{"email": message.to}],
            "custom_args": {REF: message.ref},
        }
        value: dict[str, Any] = {
            "personalizations": [person],
            "from": _person(self.credentials["from_email"], self.credentials.get("from_name", "")),
        }
        if message.template is None:
            value |= _words(message)
        else:
            value |= self._kept(message.template, person)
        # We own consent: our links, not theirs.
        value["tracking_settings"] = {"subscription_tracking": {"enable": False}}
        if reply_to := self.credentials.get("reply_to"):
            value["reply_to"] = {"email": reply_to}
        if message.unsubscribe_url:
            value["headers"] = {
                "List-Unsubscribe": f"<{message.unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
        return Request.json(f"{self.base}/v3/mail/send", value, self._headers)

    def _kept(self, template: ProviderTemplate, person: dict[str, Any]) -> dict[str, Any]:
        """A dynamic template brings its own subject and content."""
        if wrong := self.template_problems(template):
            raise SendError(FailureKind.CONTENT_REJECTED, "template", wrong[0])
        if template.parameters:
            person["dynamic_template_data"] = dict(template.parameters)
        return {"template_id": template.id}

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """What can be seen without asking SendGrid. One template is one language there."""
        wrong = []
        if not _TEMPLATE_ID.fullmatch(template.id):
            wrong.append("The ID of a dynamic template is d- and 32 digits and letters.")
        wrong += [
            f"SendGrid fills gaps by their names, and “{name[:40]}” is no name for one."
            for name in template.parameters
            if not _GAP.fullmatch(name)
        ]
        return wrong

    def verification(self) -> Request | None:
        """GET what the key may do."""
        return Request.get(f"{self.base}/v3/scopes", headers=self._headers)

    def verified(self, response: Response) -> str:
        """Whether it may send mail."""
        if not response.ok:
            raise _error(response)
        value = response.json()
        scopes = value.get("scopes") if isinstance(value, dict) else None
        if not isinstance(scopes, list):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The answer holds no list of rights."
            )
        if SCOPE not in scopes:
            raise SendError(
                FailureKind.MISCONFIGURED, SCOPE, "The key lacks the right Mail Send. Add it."
            )
        rest = len([scope for scope in scopes if str(scope).partition(".")[0] != "mail"])
        more = " It may do much more than that: a key with Mail Send alone is safer."
        return "The key may send mail." + (more if rest > MOST_SCOPES else "")

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.credentials['api_key']}"}

    def accepted(self, response: Response) -> Accepted:
        """202, with the id in a header."""
        if response.status == 202:
            return Accepted(response.headers.get("x-message-id", ""))
        if response.ok:
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "This is not how SendGrid accepts mail."
            )
        raise _error(response)


def _words(message: Message) -> dict[str, Any]:
    """Subject and content, as rendered here."""
    content = [{"type": "text/plain", "value": message.text}]
    if message.html:
        content.append({"type": "text/html", "value": message.html})
    return {"subject": _subject(message), "content": content}


def _person(email: str, name: str) -> dict[str, str]:
    return {"email": email, "name": name} if name else {"email": email}


def _subject(message: Message) -> str:
    """One line, never empty: SendGrid refuses mail without a subject."""
    words = (message.subject or message.text).split()
    return " ".join(words)[:LONGEST_SUBJECT] or "…"


def _error(response: Response) -> SendError:
    """By status; a 400 about the recipient is about the recipient."""
    field, said = _first_error(response)
    kind, detail = _BY_STATUS.get(response.status, (kind_of_status(response.status), said))
    if response.status == 400 and _RECIPIENT_FIELD.match(field):
        kind, detail = FailureKind.RECIPIENT_INVALID, "SendGrid does not accept the address."
    return SendError(
        kind,
        str(response.status),
        detail or f"SendGrid answered with HTTP status {response.status}.",
        _wait(response) if kind is FailureKind.THROTTLED else None,
    )


def _first_error(response: Response) -> tuple[str, str]:
    """(field, message) of the first error, without addresses."""
    try:
        first = json.loads(response.body)["errors"][0]
        field, said = first.get("field"), first.get("message")
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return "", ""
    return str(field or ""), _ADDRESS.sub("…", str(said or ""))[:200]


def _wait(response: Response) -> float | None:
    """Seconds until the limit is lifted: told directly, or as a moment of SendGrid's own clock."""
    if response.retry_after is not None:
        return response.retry_after
    reset = response.headers.get("x-ratelimit-reset", "")
    try:
        now = parsedate_to_datetime(response.headers["date"]).timestamp()
        return min(max(int(reset) - now, 1.0), LONGEST_WAIT)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


PROVIDER = SendGrid
