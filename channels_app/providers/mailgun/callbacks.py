"""Mailgun's webhooks: one event each. Only a time and a token are signed, never what is told.

Who saw one call could therefore send another with the same proof. So a proof
is good for some hours and, as the receipt's `event_id`, for one event alone.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    Receipt,
    ReceiptStatus,
)
from channels_app.failures import FailureKind
from channels_app.wire.reading import id_of, json_object, part, text_of

# Mailgun repeats a call for eight hours; whether it signs the repeat anew is not promised.
WINDOW = timedelta(hours=9)
CLOCK_SLACK = timedelta(minutes=5)
REF = "ob_ref"
# Time and token are signed without anything between them: their lengths must be certain.
_TIME = re.compile(r"[0-9]{10}")
_TOKEN = re.compile(r"[!-~]{20,100}")

STATUSES = {
    "accepted": ReceiptStatus.QUEUED,
    "delivered": ReceiptStatus.DELIVERED,
    "opened": ReceiptStatus.READ,
    "clicked": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
    "rejected": ReceiptStatus.FAILED,
    # These come from people who have the mail.
    "complained": ReceiptStatus.DELIVERED,
    "unsubscribed": ReceiptStatus.DELIVERED,
}
OPT_OUTS = frozenset({"complained", "unsubscribed"})
NO_MAILBOX = (FailureKind.RECIPIENT_INVALID, "The address does not work.")
# Why Mailgun gave up; any other reason lies in the mail.
REASONS = {
    "bounce": NO_MAILBOX,
    "suppress-bounce": (
        FailureKind.RECIPIENT_INVALID,
        "Mailgun remembers a bounce of this address.",
    ),
    "suppress-unsubscribe": (FailureKind.OPTED_OUT, "They unsubscribed at Mailgun."),
    "suppress-complaint": (FailureKind.OPTED_OUT, "They reported mail as spam."),
    "old": (FailureKind.TRANSIENT, "The mail server did not take it in time."),
}
REFUSED = (FailureKind.CONTENT_REJECTED, "The recipient's mail server refuses the mail.")


def signature(timestamp: str, token: str, key: str) -> str:
    """Over the digits and the token; HMAC-SHA256; hexadecimal."""
    return hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256").hex()


class MailgunCallbacks(Callbacks):
    """JSON, with its proof inside."""

    refusal_status = 406  # anything else it repeats for eight hours

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """The signature over time and token, and the time itself."""
        key = credentials.get("webhook_signing_key", "")
        if not key:
            raise CallbackRefused("The channel has no signing key, so no event can be believed.")
        try:
            proof = part(json_object(request.body), "signature")
        except ValueError:
            raise CallbackRefused("The body is not JSON, so it holds no signature.") from None
        time, token = id_of(proof.get("timestamp")), text_of(proof.get("token"))
        claimed = text_of(proof.get("signature"))
        right = signature(time, token, key)
        if not (
            hmac.compare_digest(right.encode(), claimed.encode())
            and _TIME.fullmatch(time)
            and _TOKEN.fullmatch(token)
        ):
            raise CallbackRefused("The signature is not Mailgun's.")
        age = now - datetime.fromtimestamp(int(time), UTC)
        if not -CLOCK_SLACK <= age <= WINDOW:
            raise CallbackRefused("Signed more than nine hours ago, or in the future.")

    def read(self, request: CallbackRequest) -> Sequence[Receipt]:
        """The event, if we have a word for it."""
        body = json_object(request.body)
        found = _receipt(body["event-data"], text_of(part(body, "signature").get("token"), 100))
        return () if found is None else (found,)


def _receipt(event: Mapping[str, Any], token: str) -> Receipt | None:
    word = text_of(event["event"])
    status = STATUSES.get(word)
    if status is None or (word == "opened" and part(event, "client-info").get("bot")):
        return None
    failure, detail = _failure(word, event) if status is ReceiptStatus.FAILED else (None, "")
    if status is ReceiptStatus.FAILED and failure is None:
        status = ReceiptStatus.DEFERRED
    if word == "complained":
        detail = "Reported as spam."
    return Receipt(
        text_of(part(event, "message", "headers").get("message-id"), 200).strip("<> "),
        status,
        ref=id_of(part(event, "user-variables").get(REF)),
        at=_at(event.get("timestamp")),
        code=id_of(part(event, "delivery-status").get("code"), 20) if failure else "",
        detail=detail,
        failure=failure,
        event_id=token,
        opt_out=word in OPT_OUTS or failure is FailureKind.OPTED_OUT,
        address=text_of(event.get("recipient"), 320),
    )


def _failure(word: str, event: Mapping[str, Any]) -> tuple[FailureKind | None, str]:
    """Why it failed, in words that name nobody; no kind when Mailgun is going to try again."""
    reason = text_of(event.get("reason"))
    if word == "rejected":
        return FailureKind.CONTENT_REJECTED, "Mailgun did not take the mail. Look at its log."
    if event.get("severity") == "temporary" and reason != "old":
        return None, "The mail server asked to wait."
    kind, detail = REASONS.get(reason, REFUSED)
    # 5.7: the server's rules, and not the address.
    enhanced = text_of(part(event, "delivery-status").get("enhanced-code"))
    return REFUSED if reason == "bounce" and enhanced.startswith("5.7.") else (kind, detail)


def _at(value: Any) -> datetime | None:
    """A moment, in seconds with a fraction; None when it is none."""
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


CALLBACKS = MailgunCallbacks()
