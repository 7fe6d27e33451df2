"""Klaviyo's Create Event: a metric on a profile, and what its errors mean."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import RegexValidator
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
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.klaviyo.fields import happened_at, properties
from channels_app.wire.money import code_of
from channels_app.wire.reading import first_of, id_of, object_in, part, text_of

PATH = "/api/events"
ACCOUNT_PATH = "/api/accounts"
MEDIA_TYPE = "application/vnd.api+json"
# The dated version of the API; Klaviyo serves each for two years, then answers 410.
REVISION = "2026-07-15"
LONGEST_METRIC = 127
PHONE = re.compile(r"\+[1-9]\d{6,14}\Z")
# How a person may be found -> what is tried, the first that is there counts. One at a time:
# two that belong to different profiles would make Klaviyo choose between people.
IDENTIFIERS: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "phone_number"),
    "phone": ("phone_number", "email"),
    "external_id": ("external_id",),
}
CONTACT_POINTERS = ("/profile/", "email", "phone_number", "external_id")
KINDS: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 410, 415), FailureKind.MISCONFIGURED)
HINTS: Mapping[int, str] = {
    401: "Klaviyo does not know the key. Paste a private key that is still in use.",
    403: "The key lacks a right. It needs events:write, profiles:write and accounts:read.",
    404: "Klaviyo does not know this address of its API. Check the revision.",
    405: "Klaviyo does not take this call. Check the revision.",
    410: "This revision of the API is retired. Enter a newer one.",
    413: "The event is too large.",
    415: "Klaviyo does not take this kind of body. Check the revision.",
}


class KlaviyoCredentials(Credentials):
    """What the account's page for API keys shows, and which dated API is spoken."""

    secret = frozenset({"private_key"})

    private_key = forms.CharField(
        label=_("Private API key"),
        help_text=_("Begins with pk_. Rights: events:write, profiles:write, accounts:read."),
        validators=[RegexValidator(r"^pk_[A-Za-z0-9_-]{8,}\Z")],
    )
    revision = forms.CharField(
        label=_("API revision"),
        required=False,
        help_text=_("A date such as 2026-07-15. Empty: the one this was built against."),
        validators=[RegexValidator(r"^20\d\d-[01]\d-[0-3]\d(\.pre)?\Z")],
    )
    identify_by = forms.ChoiceField(
        label=_("Find people by"),
        required=False,
        choices=[
            ("email", _("Email, else phone")),
            ("phone", _("Phone, else email")),
            ("external_id", _("Our customer id")),
        ],
        help_text=_("Empty: email, else phone."),
    )


class Klaviyo(Provider):
    """One account. `Message.to` is a metric's name; {event} and {status} in it are filled in."""

    slug = "klaviyo"
    name = "Klaviyo"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.KEY, personal=True, hands_off=True)
    Credentials = KlaviyoCredentials
    base_url = "https://a.klaviyo.com"
    in_flight = 16  # Klaviyo takes 350 events a second, and 3,500 a minute

    def request(self, message: Message) -> Request:
        """The event. Klaviyo keeps one of each `unique_id`, so that a repeat does no harm."""
        data, order = message.data, part(message.data.get("order"))
        attributes: dict[str, Any] = {
            "properties": properties(message),
            "metric": resource("metric", {"name": metric_of(message)}),
            "profile": resource("profile", self._profile(part(data.get("customer")))),
            "unique_id": message.ref,
        }
        if at := happened_at(data):
            attributes["time"] = at
        if "Total" in attributes["properties"]:
            attributes["value"] = attributes["properties"]["Total"]
        if currency := code_of(order.get("currency")):
            attributes["value_currency"] = currency
        body = resource("event", attributes)
        return Request.json(f"{self.base}{PATH}", body, self._headers({"Content-Type": MEDIA_TYPE}))

    def accepted(self, response: Response) -> Accepted:
        """A 202 without words: checked and queued. What a flow does with it is not told."""
        if response.status == 202:
            return Accepted(handed_off=True)
        errors = errors_of(response)
        if response.status == 409 and "duplicate" in text_of(errors.get("code"), 60):
            return Accepted(detail="Klaviyo has had it before.", handed_off=True)
        if response.ok:
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "Klaviyo does not say that it took it."
            )
        raise failure(response, errors)

    def verification(self) -> Request:
        """Whose key it is."""
        return Request.get(
            f"{self.base}{ACCOUNT_PATH}", None, self._headers({"Accept": MEDIA_TYPE})
        )

    def verified(self, response: Response) -> str:
        """The account's name, where Klaviyo tells it."""
        if not response.ok:
            raise failure(response, errors_of(response))
        account = first_of(part(response.json()).get("data"))
        if not account:
            raise SendError(FailureKind.UNKNOWN, "200", "Klaviyo's answer names no account.")
        info = part(account.get("attributes"), "contact_information")
        name = text_of(info.get("organization_name"), 120) or id_of(account.get("id"))
        return f"Klaviyo knows the key. It is of the account {name}."

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            **more,
            "Authorization": f"Klaviyo-API-Key {self.credentials['private_key']}",
            "revision": self.credentials.get("revision") or REVISION,
        }

    def _profile(self, customer: Mapping[str, Any]) -> dict[str, str]:
        """Who it is about, by one identifier, and their names."""
        phone = text_of(customer.get("phone"), 40)
        known = {
            "email": text_of(customer.get("email"), 254).strip(),
            "phone_number": phone if PHONE.match(phone) else "",
            "external_id": id_of(customer.get("id")),
        }
        order = IDENTIFIERS.get(self.credentials.get("identify_by") or "email", ("email",))
        name = next((name for name in order if known[name]), "")
        if not name:
            raise SendError(
                FailureKind.CONTENT_REJECTED,
                "no_contact",
                f"The customer has no {' and no '.join(order)} to find a Klaviyo profile by.",
            )
        given = text_of(customer.get("given_name"), 120)
        return {name: known[name], **({"first_name": given} if given else {})}


def resource(kind: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """One thing as JSON:API writes it."""
    return {"data": {"type": kind, "attributes": attributes}}


def metric_of(message: Message) -> str:
    """The metric's name: what staff typed, with the event's and the status's words filled in."""
    order = part(message.data.get("order"))
    name = message.to.replace("{event}", text_of(message.data.get("event"), 60))
    name = name.replace("{status}", text_of(order.get("status"), 60)).strip()
    if not name or len(name) > LONGEST_METRIC:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "metric",
            f"A metric's name has 1 to {LONGEST_METRIC} characters. Correct the destination.",
        )
    return name


def errors_of(response: Response) -> dict[str, Any]:
    """The first of the errors in an answer; empty when there is none to read."""
    return first_of(object_in(response.body).get("errors"))


def failure(response: Response, error: Mapping[str, Any]) -> SendError:
    """What an error means. Klaviyo's own words may quote the person, so they are not kept."""
    status = response.status
    code = text_of(error.get("code"), 60) or str(status)
    kind = KINDS.get(status) or kind_of_status(status)
    if status == 429:
        return SendError(kind, code, "", wait_of(response))
    if status == 400:
        return refused(code, pointer_of(error))
    return SendError(kind, code, HINTS.get(status, ""), response.retry_after)


def refused(code: str, pointer: str) -> SendError:
    """A 400: the person's address, or the event. Only this message: the metric is still good."""
    if any(word in pointer for word in CONTACT_POINTERS):
        hint = "Klaviyo refuses the customer's email address or phone number. Correct it."
        return SendError(FailureKind.CONTENT_REJECTED, "bad_contact", hint)
    named = text_of(pointer, 100)
    hint = f"Klaviyo refuses the event because of {named}." if named else ""
    return SendError(FailureKind.CONTENT_REJECTED, code, hint)


def pointer_of(error: Mapping[str, Any]) -> str:
    """Which part of the event an error is about."""
    source = part(error.get("source"))
    return text_of(source.get("pointer"), 200) or text_of(source.get("parameter"), 200)


def wait_of(response: Response) -> float | None:
    """Retry-After; it takes the place of RateLimit-Reset, which says seconds, too."""
    if response.retry_after is not None:
        return response.retry_after
    reset = response.headers.get("ratelimit-reset", "").strip()
    return float(reset) if reset.isdecimal() and len(reset) < 6 else None


PROVIDER = Klaviyo
