"""Mailgun: email by the Messages API."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from email.utils import formataddr

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
from channels_app.failures import FailureKind, SendError
from channels_app.providers.mailgun.errors import error, said

EUROPE = "https://api.eu.mailgun.net"
REF = "ob_ref"
LONGEST_SUBJECT = 250
LONGEST_NAME = 255
SHORTEST_MINUTES, LONGEST_MINUTES = 5, 24 * 60
_GAP = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_MISSING = re.compile(r"parameter is missing|need at least one", re.IGNORECASE)


class MailgunCredentials(Credentials):
    """The domain with its key, the sender, and what proves that events come from Mailgun."""

    secret = frozenset({"api_key", "webhook_signing_key"})

    domain = forms.RegexField(
        r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
        label=_("Sending domain"),
        max_length=253,
        help_text=_("As mg.example.com."),
    )
    api_key = forms.CharField(
        label=_("Sending key"), help_text=_("Of this domain alone; it can send, and no more.")
    )
    region = forms.ChoiceField(
        label=_("Region"),
        required=False,
        choices=[("", _("United States")), ("eu", _("European Union"))],
        help_text=_("Where the domain was made. The other region does not know it."),
    )
    from_email = forms.EmailField(label=_("Sender address"))
    from_name = forms.CharField(label=_("Sender name"), required=False, max_length=100)
    reply_to = forms.EmailField(label=_("Answers go to"), required=False)
    webhook_signing_key = forms.CharField(
        label=_("HTTP webhook signing key"),
        required=False,
        help_text=_("Without it no receipt is believed."),
    )


class Mailgun(Provider):
    """Mail over POST messages of a domain; events carry our reference back."""

    slug = "mailgun"
    name = "Mailgun"
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
    Credentials = MailgunCredentials
    base_url = "https://api.mailgun.net"

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The credentials say on which continent the domain lives."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url and credentials.get("region") == "eu":
            self.base = EUROPE

    def request(self, message: Message) -> Request:
        """POST messages, as a form."""
        fields = {
            "from": self._sender,
            "to": message.to,
            "subject": _subject(message),
            **self._content(message),
            f"v:{REF}": message.ref,
            "o:deliver-within": _within(message.ttl_seconds),
        }
        if reply_to := self.credentials.get("reply_to"):
            fields["h:Reply-To"] = reply_to
        if message.unsubscribe_url:
            # We own consent: our links, not theirs.
            fields["h:List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
            fields["h:List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return Request.form(self._messages, fields, self._headers)

    def _content(self, message: Message) -> dict[str, str]:
        """The words as rendered here, or the template kept at Mailgun."""
        if message.template is None:
            return {"text": message.text} | ({"html": message.html} if message.html else {})
        if wrong := self.template_problems(message.template):
            raise SendError(FailureKind.CONTENT_REJECTED, "template", wrong[0])
        found = {"template": message.template.id, "t:text": "yes"}
        if message.template.parameters:
            data = dict(message.template.parameters)
            found["t:variables"] = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return found

    def accepted(self, response: Response) -> Accepted:
        """200 and an id, which events show without its brackets."""
        if not response.ok:
            raise error(response)
        value = response.json()
        found = value.get("id") if isinstance(value, dict) else None
        if not isinstance(found, str) or not found.strip("<> "):
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "The answer holds no message ID."
            )
        return Accepted(found.strip("<> "))

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """What can be seen without asking Mailgun, which writes names in lower case."""
        name, wrong = template.id, []
        if not name or name != name.strip().lower() or len(name) > LONGEST_NAME:
            wrong.append(f"A template's name is in lower case and has 1 to {LONGEST_NAME} letters.")
        elif not name.isprintable():
            wrong.append("The template's name holds letters that cannot be seen.")
        wrong += [
            f"Mailgun fills gaps by their names, and “{gap[:40]}” is no name for one."
            for gap in template.parameters
            if not _GAP.fullmatch(gap)
        ]
        return wrong

    def verification(self) -> Request | None:
        """POST a mail to nobody: a sending key may do nothing but send."""
        fields = {"from": self._sender, "subject": "Orderbell", "text": "To nobody."}
        return Request.form(self._messages, fields, self._headers)

    def verified(self, response: Response) -> str:
        """Mailgun misses the recipient: it knows the key and the domain."""
        if response.status == 400 and _MISSING.search(said(response)):
            return f"The key may send mail for {self.credentials['domain']}."
        if response.ok:
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "This is not how Mailgun answers."
            )
        raise error(response)

    @property
    def _sender(self) -> str:
        name = " ".join(self.credentials.get("from_name", "").split())
        return formataddr((name, self.credentials["from_email"]))

    @property
    def _messages(self) -> str:
        return f"{self.base}/v3/{self.credentials['domain']}/messages"

    @property
    def _headers(self) -> dict[str, str]:
        pair = f"api:{self.credentials['api_key']}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _subject(message: Message) -> str:
    """One line, never empty."""
    words = (message.subject or message.text).split()
    return " ".join(words)[:LONGEST_SUBJECT] or "…"


def _within(ttl_seconds: int) -> str:
    """Until when it is worth delivering, in Mailgun's words: 1h30m."""
    minutes = min(max(-(-ttl_seconds // 60), SHORTEST_MINUTES), LONGEST_MINUTES)
    hours, rest = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{rest}m" if rest else "")


PROVIDER = Mailgun
