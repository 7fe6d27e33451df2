"""SendGrid's event webhook: batches of events, signed with ECDSA over time and raw body."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Receipt,
    ReceiptStatus,
)
from channels_app.failures import FailureKind
from channels_app.providers.sendgrid.keys import BadKey, public_key

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
# SendGrid repeats a batch for a day; whether it signs the repeat anew is not promised.
WINDOW = timedelta(hours=24)

STATUSES = {
    "processed": ReceiptStatus.QUEUED,
    "deferred": ReceiptStatus.DEFERRED,
    "delivered": ReceiptStatus.DELIVERED,
    "bounce": ReceiptStatus.FAILED,
    "dropped": ReceiptStatus.FAILED,
    "open": ReceiptStatus.READ,
    "click": ReceiptStatus.READ,
    # These come from people who have the mail.
    "spamreport": ReceiptStatus.DELIVERED,
    "unsubscribe": ReceiptStatus.DELIVERED,
    "group_unsubscribe": ReceiptStatus.DELIVERED,
}
OPT_OUTS = frozenset({"spamreport", "unsubscribe", "group_unsubscribe"})
# Why SendGrid did not even try; any other reason lies in the mail.
DROPPED = {
    "invalid": FailureKind.RECIPIENT_INVALID,
    "bounced address": FailureKind.RECIPIENT_INVALID,
    "unsubscribed address": FailureKind.OPTED_OUT,
    "spam reporting address": FailureKind.OPTED_OUT,
    "recipient list over package quota": FailureKind.MISCONFIGURED,
}


class SendGridCallbacks(Callbacks):
    """JSON arrays; nothing may be stripped before the signature is checked."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """ECDSA with SHA-256 over the timestamp's digits and the body's bytes, within a day."""
        digits = request.headers.get(TIMESTAMP, "")
        try:
            key = public_key(credentials.get("webhook_public_key", ""))
            signature = b64decode(request.headers.get(SIGNATURE, ""), validate=True)
            signed_at = datetime.fromtimestamp(int(digits), UTC)
            key.verify(signature, digits.encode() + request.body, ECDSA(SHA256()))
        except BadKey:
            raise CallbackRefused(
                "The channel has no verification key, so no event can be believed."
            ) from None
        except (InvalidSignature, ValueError, OverflowError, OSError):
            raise CallbackRefused("The signature is not SendGrid's.") from None
        if abs(now - signed_at) > WINDOW:
            raise CallbackRefused("Signed more than a day away from now.")

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """Every event that we have a word for."""
        events = json.loads(request.body)
        if not isinstance(events, list):
            raise ValueError("SendGrid sends a list of events.")
        return [receipt for event in events if (receipt := _receipt(event)) is not None]


def _receipt(event: Any) -> Receipt | None:
    word = str(event["event"])
    status = STATUSES.get(word)
    if status is None or (word == "open" and event.get("sg_machine_open")):
        return None
    failure = _failure(word, event) if status is ReceiptStatus.FAILED else None
    return Receipt(
        _message_id(event),
        status,
        ref=str(event.get("ob_ref", "")),
        at=datetime.fromtimestamp(int(event["timestamp"]), UTC),
        code=str(event.get("status", "") if failure else "")[:20],
        detail=_detail(word, event, failure),
        failure=failure,
        event_id=str(event.get("sg_event_id", "")),
        opt_out=word in OPT_OUTS or failure is FailureKind.OPTED_OUT,
        address=str(event.get("email", "")),
    )


def _message_id(event: Mapping[str, Any]) -> str:
    """What X-Message-Id said: SendGrid appends the names of its machines after a dot."""
    return str(event.get("sg_message_id", "")).partition(".")[0]


def _failure(word: str, event: Mapping[str, Any]) -> FailureKind:
    if word == "dropped":
        reason = str(event.get("reason", "")).strip().lower()
        return DROPPED.get(reason, FailureKind.CONTENT_REJECTED)
    # "blocked" is about our server's or the mail's reputation today, not about the address.
    if event.get("type") == "blocked":
        return FailureKind.TRANSIENT
    return FailureKind.RECIPIENT_INVALID


def _detail(word: str, event: Mapping[str, Any], failure: FailureKind | None) -> str:
    """A sentence without what the other mail server said, for that may name the person."""
    if word == "dropped":
        return f"SendGrid did not send it: {str(event.get('reason', ''))[:80]}."
    if failure is FailureKind.TRANSIENT:
        return "The recipient's mail server refuses mail from us at the moment."
    if failure is not None:
        return "The address does not exist."
    return {"spamreport": "Reported as spam.", "deferred": "The mail server asked to wait."}.get(
        word, ""
    )


CALLBACKS = SendGridCallbacks()
