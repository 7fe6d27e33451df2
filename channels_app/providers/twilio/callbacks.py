"""Twilio's calls to us: receipts to StatusCallback, and what people text back."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from channels_app.contract import CallbackRefused, CallbackRequest, ReceiptStatus
from channels_app.providers.twilio.codes import ERRORS
from channels_app.wire import twilio_compatible as dialect
from channels_app.wire.twilio_compatible import spellings

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"

STATUSES = {
    "accepted": ReceiptStatus.QUEUED,
    "scheduled": ReceiptStatus.QUEUED,
    "queued": ReceiptStatus.QUEUED,
    "sending": ReceiptStatus.QUEUED,
    "sent": ReceiptStatus.SENT,
    "partially_delivered": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "undelivered": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
    "canceled": ReceiptStatus.FAILED,
}


def signature(
    url: str, fields: Sequence[tuple[str, str]], key: str, digest: Callable[..., Any] = hashlib.sha1
) -> bytes:
    """Twilio's signature: the URL and every field, sorted, repeats once; HMAC; base64."""
    return dialect.signature(url, sorted(set(fields)), key, digest)


def _scheme(header: str) -> tuple[str, Callable[..., Any]]:
    """(which credential is the key, the hash) that the settings header names."""
    if not header:
        return "auth_token", hashlib.sha1
    named = dict(part.strip().partition("=")[::2] for part in header.split(","))
    algorithm = named.get("algorithm", "HMAC_SHA1").upper()
    if algorithm == "HMAC_SHA256":
        return "shared_key_secret", hashlib.sha256
    if algorithm == "HMAC_SHA1":
        return "auth_token", hashlib.sha1
    raise CallbackRefused("Signed with an algorithm that is not known here.")


class TwilioCallbacks(dialect.FormCallbacks):
    """Forms, signed over the public URL and every field."""

    name = "Twilio"
    statuses = STATUSES
    errors = ERRORS

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """HMAC-SHA1 with the auth token, or HMAC-SHA256 with the shared key."""
        name, digest = _scheme(request.headers.get(SETTINGS, ""))
        key = credentials.get(name, "")
        if not key:
            raise CallbackRefused(f"The channel has no {name}, so nothing can be checked with it.")
        claimed = request.headers.get(SIGNATURE, "").encode()
        signed = dialect.signed_fields(request)
        for url in spellings(request.url):
            if hmac.compare_digest(signature(url, signed, key, digest), claimed):
                return
        raise CallbackRefused("The signature is not Twilio's.")


CALLBACKS = TwilioCallbacks()
