"""Reports of our own service worker: shown, clicked, closed."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Receipt,
    ReceiptStatus,
)
from channels_app.providers.webpush.keys import receipt_token
from channels_app.wire.reading import json_object, text_of

LARGEST = 2000
# Whoever closes a notification had it on the screen; that is not proof of reading.
STATUSES: Mapping[str, ReceiptStatus] = {
    "shown": ReceiptStatus.DELIVERED,
    "closed": ReceiptStatus.DELIVERED,
    "clicked": ReceiptStatus.READ,
}


class WebPushCallbacks(Callbacks):
    """{"ref", "token", "event"}; the token was inside the encrypted message."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """Compare the token with the one that the message carried."""
        secret = credentials.get("receipt_secret", "")
        try:
            body = json_object(request.body, LARGEST)
        except ValueError:
            raise CallbackRefused("The report is not readable.") from None
        ref, token = text_of(body.get("ref"), 100), text_of(body.get("token"), 100)
        expected = receipt_token(secret, ref)
        if not (secret and ref and hmac.compare_digest(expected.encode(), token.encode())):
            raise CallbackRefused("The report's token is missing or wrong.")

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """One receipt, by our reference: the browser never learns the push service's id."""
        body = json_object(request.body, LARGEST)
        ref, event = text_of(body.get("ref"), 100), text_of(body.get("event"), 20)
        if not ref:
            raise ValueError("The report names no message.")
        if event not in STATUSES:
            return ()
        return (Receipt("", STATUSES[event], ref=ref, event_id=f"{ref}:{event}", code=event),)


CALLBACKS = WebPushCallbacks()
