"""A flow's trigger "When an HTTP request is received", and what its answers mean."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.exceptions import ValidationError
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
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.providers.power_automate.body import event_of
from channels_app.providers.power_automate.hosts import (
    Unusable,
    callback_of,
    is_signed,
    trigger_of,
)
from channels_app.wire import flows
from channels_app.wire.oauth import access_of, granted
from channels_app.wire.reading import id_of, object_in, part, text_of

LOGIN = "https://login.microsoftonline.com"
SCOPE = "https://service.flow.microsoft.com//.default"  # both slashes belong there
APP = ("tenant_id", "client_id", "client_secret")
GUID = RegexValidator(r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
# By this a run can be found in the flow's history.
TRACKING_HEADER = "x-ms-client-tracking-id"
RUN_HEADER = "x-ms-workflow-run-id"
# By Microsoft's own words.
HINTS: Mapping[str, str] = {
    "DirectApiAuthorizationRequired": "The flow takes only calls from its tenant. Enter tenant, "
    "client id and client secret, or let anyone with the URL start it.",
    "WorkflowTriggerIsNotEnabled": "The flow is switched off. Switch it on in Power Automate.",
    "TriggerInputSchemaMismatch": "The flow expects another body. Paste the schema of the guide.",
    "NoResponse": "The flow started, but gave no answer in time.",
}
STATUS_HINTS: Mapping[int, str] = {
    401: "Power Automate refuses the call. Copy the flow's URL again, or check the app.",
    403: "Power Automate refuses the call. Copy the flow's URL again, or check the app.",
    404: "There is no such flow any more. Copy the URL of the new one.",
    405: "This address takes no calls like ours. Copy the flow's URL again.",
    410: "There is no such flow any more. Copy the URL of the new one.",
}


def a_trigger(value: str) -> None:
    """Refuse what starts no flow."""
    try:
        trigger_of(value)
    except Unusable as error:
        raise ValidationError(str(error)) from None


class PowerAutomateCredentials(Credentials):
    """The flow's URL, which is a secret; and an app of the tenant, where the flow wants one."""

    secret = frozenset({"trigger_url", "client_secret"})

    trigger_url = forms.CharField(
        label=_("HTTP URL of the flow"),
        help_text=_("The trigger shows it once the flow is saved. Whoever has it can call it."),
        validators=[a_trigger],
    )
    tenant_id = forms.CharField(
        label=_("Tenant id"),
        required=False,
        help_text=_("Only if the flow takes calls of your tenant alone."),
        validators=[GUID],
    )
    client_id = forms.CharField(
        label=_("Client id"), required=False, help_text=_("Of the app."), validators=[GUID]
    )
    client_secret = forms.CharField(
        label=_("Client secret"), required=False, help_text=_("Of the app.")
    )

    def clean(self) -> dict[str, Any]:
        """Either the URL is signed, or an app of the tenant signs in: never both or neither."""
        found: dict[str, Any] = super().clean() or {}
        url, app = found.get("trigger_url"), [found.get(name) for name in APP]
        if not url or any(name in self.errors for name in APP):
            return found
        if is_signed(trigger_of(url)):
            if any(app):
                raise ValidationError(_("The URL is signed (sig=…): leave the app's fields empty."))
        elif not all(app):
            raise ValidationError(
                _(
                    "The URL is not signed: enter tenant id, client id and client secret, "
                    "or let anyone with the URL start the flow."
                )
            )
        return found


class PowerAutomate(Provider):
    """One flow. `Message.to` is a word that the flow may branch by.

    Where a custom connector has subscribed, `Message.to` is the callback URL that it registered.
    """

    slug = "power_automate"
    name = "Power Automate"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(subject=True, personal=True, hands_off=True)
    Credentials = PowerAutomateCredentials
    base_url = ""  # every flow has an address of its own
    in_flight = 8

    def request(self, message: Message) -> Request:
        """The event, to the flow. Its URL is used exactly as it was copied."""
        headers = {TRACKING_HEADER: message.ref, "Idempotency-Key": message.ref}
        url = self.credentials["trigger_url"]
        if subscribed(message):
            url = callback(message)
        elif self._app():
            headers["Authorization"] = f"Bearer {granted(self.access).token}"
        return Request.json(self.at(url), event_of(message), headers)

    def following(self, message: Message, response: Response) -> Request | None:
        """Nothing follows. A subscription that is gone is no fault of the channel."""
        if subscribed(message) and response.status in (401, 403, 404, 410):
            hint = "The flow that subscribed is gone or refuses us. Let it subscribe again."
            raise SendError(FailureKind.RECIPIENT_INVALID, str(response.status), hint)
        return None

    def accepted(self, response: Response) -> Accepted:
        """Any 2xx: mostly a 202 without words; a flow with a Response action may say more."""
        if not response.ok:
            raise self._failure(response)
        run = text_of(response.headers.get(RUN_HEADER), 120)
        handled = object_in(response.body).get("handled") is True
        detail = "The flow says that it handled it." if handled else ""
        return Accepted(run, detail, handed_off=True)

    def token_request(self, now: datetime) -> Request | None:
        """A token of the app, where the flow takes only calls of its tenant."""
        if not self._app():
            return None
        tenant = quote(self.credentials["tenant_id"], safe="")
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
            "scope": SCOPE,
        }
        return Request.form(self.at(f"{LOGIN}/{tenant}/oauth2/v2.0/token"), fields)

    def token(self, response: Response, now: datetime) -> Access:
        """What Microsoft's login answers."""
        return access_of(response, now)

    def _app(self) -> bool:
        return all(self.credentials.get(name) for name in APP)

    def _failure(self, response: Response) -> SendError:
        """What a refusal means: Microsoft's own word first."""
        status = response.status
        word = id_of(part(object_in(response.body).get("error")).get("code"), 60)
        if word in flows.KINDS:
            return SendError(flows.KINDS[word], word, HINTS[word], response.retry_after)
        if status == 401 and self._app():
            return AccessRefused(word or "401", STATUS_HINTS[401])
        gone = status in STATUS_HINTS
        kind = FailureKind.MISCONFIGURED if gone else kind_of_status(status)
        return SendError(
            kind, word or str(status), STATUS_HINTS.get(status, ""), response.retry_after
        )


def subscribed(message: Message) -> bool:
    """Whether the destination is an address that a custom connector registered."""
    return message.to.startswith("https://")


def callback(message: Message) -> str:
    """The registered address, checked again: it came from outside."""
    try:
        callback_of(message.to)
    except Unusable as error:
        raise SendError(FailureKind.RECIPIENT_INVALID, "url", str(error)) from None
    return message.to


PROVIDER = PowerAutomate
