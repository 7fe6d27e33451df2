"""A partner's endpoint, signed as Standard Webhooks says."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.exceptions import ValidationError
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
from channels_app.wire.clock import seconds
from channels_app.wire.hosts import secure_endpoint, split_endpoint

PREFIX = "whsec_"
# What Standard Webhooks asks of a new secret. Older ones that are shorter still sign.
SHORTEST_KEY, LONGEST_KEY = 24, 64
# Ours alone: how to send, not what happened. Names that begin with an underscore are, too.
# And who the customer is: that is not for partners.
PRIVATE = frozenset({"push", "sent_at", "customer"})
KINDS: Mapping[int, FailureKind] = {
    404: FailureKind.MISCONFIGURED,
    405: FailureKind.MISCONFIGURED,
    410: FailureKind.MISCONFIGURED,
    # The specification reads these as "slow down", like a 429.
    502: FailureKind.THROTTLED,
    504: FailureKind.THROTTLED,
}
DETAILS: Mapping[int, str] = {
    401: "The partner refuses our signature. Compare the signing secret.",
    403: "The partner refuses our signature. Compare the signing secret.",
    404: "There is nothing at the partner's address. Check it.",
    405: "The partner's address takes no POST. Check it.",
    410: "The partner asked us to stop.",
}


def secret_bytes(secret: str) -> bytes:
    """The key behind whsec_…; ValueError when it is not base64 of at least 16 bytes."""
    plain = secret.removeprefix(PREFIX).rstrip("=")
    key = b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    if not secret.startswith(PREFIX) or len(key) < 16:
        raise ValueError("A signing secret is whsec_ and base64 of at least 16 bytes.")
    return key


def signing_secrets(value: str) -> None:
    """Refuse what is not one secret, or two different ones with a space between."""
    try:
        sizes = {secret: len(secret_bytes(secret)) for secret in value.split()}
        fits = all(SHORTEST_KEY <= size <= LONGEST_KEY for size in sizes.values())
        if not (fits and 1 <= len(sizes) == len(value.split()) <= 2):
            raise ValueError
    except ValueError:
        raise ValidationError(
            _("A signing secret is whsec_ and base64 of 24 to 64 bytes; at most two of them.")
        ) from None


class WebhookCredentials(Credentials):
    """The secret that the partner checks our signature with."""

    secret = frozenset({"signing_secret"})

    signing_secret = forms.CharField(
        label=_("Signing secret"),
        help_text=_("whsec_…, shared with the partner. Two with a space between while you rotate."),
        validators=[signing_secrets],
    )


class Webhook(Provider):
    """`Message.to` is the partner's URL, and `Message.ref` the id by which they know a repeat.

    The time of signing is `Message.data["sent_at"]` (a number of seconds, or ISO 8601) when given,
    otherwise the clock's. Receivers refuse what is older than five minutes, so a retry must not
    carry the first try's time. On a stand-in the request goes to `<base>/endpoint?to=<URL>`.
    """

    slug = "webhook"
    name = "Webhook"
    family = Family.WEBHOOK
    address = AddressKind.URL
    audiences = frozenset({"partner"})
    capabilities = Capabilities(idempotency=Idempotency.KEY)
    Credentials = WebhookCredentials
    base_url = ""  # every destination names its own

    def request(self, message: Message) -> Request:
        """A signed POST of the event."""
        url = self._target(message.to)
        sent_at = seconds(message.data.get("sent_at"))
        plain = Request.json(url, envelope(message, sent_at))
        stamp = str(int(sent_at))
        signed = {
            "webhook-id": message.ref,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(
                signature(secret, message.ref, stamp, plain.body)
                for secret in self.credentials["signing_secret"].split()
            ),
        }
        return replace(plain, headers={**plain.headers, **signed})

    def accepted(self, response: Response) -> Accepted:
        """Any 2xx. A partner gives no id: ours is the one both know."""
        if response.ok:
            return Accepted()
        status = response.status
        kind = KINDS.get(status) or kind_of_status(status)
        raise SendError(kind, str(status), DETAILS.get(status, ""), response.retry_after)

    def _target(self, url: str) -> str:
        """Where to post: the partner's URL, https only, or the stand-in."""
        try:
            if self.stand_in:
                split_endpoint(url)
                return f"{self.base}/endpoint?to={quote(url, safe='')}"
            secure_endpoint(url, self.allowed_hosts)
        except ValueError as error:
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "url", f"{error} Correct the partner's address."
            ) from None
        return url


def envelope(message: Message, sent_at: float) -> dict[str, Any]:
    """What happened, when, the order in fields, and the same in words."""
    event = message.data.get("event")
    happened = message.data.get("occurred_at")
    now = datetime.fromtimestamp(int(sent_at), UTC).isoformat().replace("+00:00", "Z")
    return {
        "type": f"order.{event if isinstance(event, str) and event else 'updated'}",
        "timestamp": happened if isinstance(happened, str) and happened else now,
        "data": public(message.data),
        "text": message.text,
    }


def public(value: Any) -> Any:
    """`value` without what is only ours, at any depth; times as ISO 8601."""
    if isinstance(value, Mapping):
        return {
            str(name): public(inner)
            for name, inner in value.items()
            if name not in PRIVATE and not str(name).startswith("_")
        }
    if isinstance(value, list | tuple):
        return [public(inner) for inner in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """Version 1: HMAC-SHA256 over id, time and body."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret_bytes(secret), signed, hashlib.sha256)).decode()


PROVIDER = Webhook
