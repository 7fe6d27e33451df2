"""What Firebase's refusals mean: its own word first, then the status."""

from collections.abc import Mapping

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.google_errors import GoogleError, google_error
from channels_app.wire.reading import text_of

FIRST_WAIT = 60.0  # seconds: Firebase wants a minute at least before a refused rate is tried again
# The parts of our request that name the recipient.
RECIPIENT_FIELDS = frozenset({"message.token", "message.fid"})
ERRORS: Mapping[str, FailureKind] = {
    "UNREGISTERED": FailureKind.RECIPIENT_INVALID,
    "SENDER_ID_MISMATCH": FailureKind.RECIPIENT_INVALID,
    "THIRD_PARTY_AUTH_ERROR": FailureKind.MISCONFIGURED,
    "QUOTA_EXCEEDED": FailureKind.THROTTLED,
    "UNAVAILABLE": FailureKind.TRANSIENT,
    "INTERNAL": FailureKind.TRANSIENT,
}
# Without a word of Firebase's own. A bare 404 is about the project, never about a device.
STATUSES: Mapping[int, FailureKind] = {
    404: FailureKind.MISCONFIGURED,
    405: FailureKind.MISCONFIGURED,
}
HINTS: Mapping[str, str] = {
    "UNREGISTERED": "The app was removed from the device, or its id has changed.",
    "SENDER_ID_MISMATCH": "The device belongs to another Firebase project. If this happens to "
    "many, the key file is of the wrong project.",
    "THIRD_PARTY_AUTH_ERROR": "Apple's key or the web push key is missing or wrong. Look at "
    "Cloud Messaging in the settings of the Firebase project.",
    "QUOTA_EXCEEDED": "Firebase asks us to slow down, for this device or for the whole project.",
    "UNAVAILABLE": "Firebase is overloaded.",
    "INTERNAL": "Firebase has a hiccup.",
}
BY_KIND: Mapping[FailureKind, str] = {
    FailureKind.MISCONFIGURED: "Firebase does not answer at its address as it should.",
    FailureKind.THROTTLED: "Firebase asks us to slow down.",
    FailureKind.TRANSIENT: "Firebase has a hiccup.",
}
NOT_ALLOWED = (
    "Firebase refuses the service account. Switch on the Cloud Messaging API, and give the account "
    "the right to send."
)
NO_PROJECT = "Firebase knows no such project. Check the project's id."
BAD_ADDRESS = "Firebase says that this is no id of a device."
BAD_CONTENT = "Firebase refuses the message itself: it is too long, or a part of it is not valid."


def failure(response: Response) -> SendError:
    """What a refusal means."""
    error = google_error(response)
    word = text_of(error.detail("FcmError").get("errorCode"), 60)
    if response.status in (401, 403) and not word:
        return AccessRefused(error.code, NOT_ALLOWED)
    if response.status == 400:
        return refused_request(error, word)
    kind = ERRORS.get(word) or STATUSES.get(response.status) or kind_of_status(response.status)
    wait = response.retry_after
    if kind is FailureKind.THROTTLED and wait is None:
        wait = FIRST_WAIT
    hint = HINTS.get(word) or (NO_PROJECT if response.status == 404 else BY_KIND.get(kind))
    return SendError(kind, word or error.code, hint or BAD_CONTENT, wait)


def refused_request(error: GoogleError, word: str) -> SendError:
    """A malformed id and a malformed message have one code; the parts that are named decide."""
    about_recipient = bool(word) and (not error.fields or error.fields & RECIPIENT_FIELDS)
    code = word or error.code
    if about_recipient:
        return SendError(FailureKind.RECIPIENT_INVALID, code, BAD_ADDRESS)
    return SendError(FailureKind.CONTENT_REJECTED, code, BAD_CONTENT)
