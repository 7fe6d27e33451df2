"""SignalWire's calls to us: receipts to StatusCallback, and what people text back."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from channels_app.contract import CallbackRefused, CallbackRequest, ReceiptStatus
from channels_app.providers.signalwire.codes import ERRORS
from channels_app.wire import twilio_compatible as dialect

SIGNATURE = "x-signalwire-signature"
# The Compatibility API may still call it by the name of its model.
OLD_SIGNATURE = "x-twilio-signature"
SHA256_SIGNATURE = "x-signalwire-sha256-signature"

STATUSES = {
    "queued": ReceiptStatus.QUEUED,
    "initiated": ReceiptStatus.QUEUED,
    "sending": ReceiptStatus.QUEUED,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.FAILED,
    "failed": ReceiptStatus.FAILED,
}


def signature(url: str, fields: Sequence[tuple[str, str]], key: str) -> bytes:
    """Of a form: as Twilio's, but repeats all count, in the order in which they came."""
    return dialect.signature(url, sorted(fields, key=lambda field: field[0]), key)


def body_signature(
    url: str, body: bytes, key: str, digest: Callable[..., Any] = hashlib.sha1
) -> bytes:
    """Of anything else: the URL and the raw body; HMAC; hexadecimal."""
    return hmac.new(key.encode(), url.encode() + body, digest).hexdigest().encode()


class SignalWireCallbacks(dialect.FormCallbacks):
    """Forms, signed over the public URL and every field with the project's signing key."""

    name = "SignalWire"
    statuses = STATUSES
    errors = ERRORS

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """One of the two ways in which the signing key signs must fit; both cover the body."""
        key = credentials.get("signing_key", "")
        if not key:
            raise CallbackRefused("The channel has no signing key, so no call can be believed.")
        if not any(hmac.compare_digest(*pair) for pair in _pairs(request, key)):
            raise CallbackRefused("The signature is not SignalWire's.")


def _pairs(request: CallbackRequest, key: str) -> Iterator[tuple[bytes, bytes]]:
    """(what it should be, what it is), as long as somebody asks for more."""
    plain, strong = (
        [request.headers[name].encode() for name in names if name in request.headers]
        for names in ((SIGNATURE, OLD_SIGNATURE), (SHA256_SIGNATURE,))
    )
    urls = (request.url, *dialect.spellings(request.url))
    for url in urls:
        for claimed in strong:
            yield body_signature(url, request.body, key, hashlib.sha256), claimed
        for claimed in plain:
            yield body_signature(url, request.body, key), claimed
    if not plain:
        return
    fields = dialect.signed_fields(request)
    for url in urls:
        for claimed in plain:
            yield signature(url, fields, key), claimed


CALLBACKS = SignalWireCallbacks()
