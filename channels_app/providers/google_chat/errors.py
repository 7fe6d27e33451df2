"""What Google Chat's refusals mean. A webhook is one space; an app may be in many."""

from collections.abc import Mapping

from channels_app.contract import Response
from channels_app.failures import AccessRefused, FailureKind, SendError, kind_of_status
from channels_app.wire.google_errors import GoogleError, google_error

WORDS: Mapping[str, FailureKind] = {
    "INVALID_ARGUMENT": FailureKind.CONTENT_REJECTED,
    "RESOURCE_EXHAUSTED": FailureKind.THROTTLED,
    "INTERNAL": FailureKind.TRANSIENT,
    "UNAVAILABLE": FailureKind.TRANSIENT,
    "DEADLINE_EXCEEDED": FailureKind.TRANSIENT,
}
# Refusals that are about one space, where an app speaks in several.
OF_ONE_SPACE = frozenset({"NOT_FOUND", "PERMISSION_DENIED"})
# Addresses of ours that do not exist: without a word of the interface it was never reached.
STATUSES: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 410), FailureKind.MISCONFIGURED)
BAD_KEY = "api key not valid"  # a webhook whose key was cut off; it comes as a bad request
NO_APP = "chat app not found"  # the interface is on, and the app was never set up

HINTS: Mapping[FailureKind, str] = {
    FailureKind.RECIPIENT_INVALID: "The space is gone, or the app is not in it. Open the space, "
    "and add the app under Apps & integrations.",
    FailureKind.CONTENT_REJECTED: "Google Chat refuses the message: it is too long, or its card "
    "is not valid.",
    FailureKind.THROTTLED: "Too many messages: all apps in one space share about one a second.",
    FailureKind.TRANSIENT: "Google Chat has a hiccup.",
}
WEBHOOK_DEAD = (
    "The webhook does not work any more: it was removed, its space is gone, or the organisation "
    "forbids webhooks. Make a new one and paste its address."
)
APP_REFUSED = (
    "Google refuses the app. Switch on the Google Chat API, set up the Chat app on its page "
    "Configuration, and compare the key file."
)


def failure(response: Response, by_app: bool) -> SendError:
    """What a refusal means for an app, or for a webhook."""
    error = google_error(response)
    if by_app and response.status == 401:
        return AccessRefused(error.code, APP_REFUSED)
    kind = kind_of(error, by_app)
    if kind is FailureKind.MISCONFIGURED:
        hint = APP_REFUSED if by_app else WEBHOOK_DEAD
    else:
        hint = HINTS.get(kind, "")
    return SendError(kind, error.code, hint, response.retry_after)


def kind_of(error: GoogleError, by_app: bool) -> FailureKind:
    """Google's front end speaks of accounts; behind it the interface speaks of spaces."""
    if error.status in (400, 401, 403, 404) and (
        error.reason or BAD_KEY in error.said or NO_APP in error.said
    ):
        return FailureKind.MISCONFIGURED
    if error.word in OF_ONE_SPACE:
        return FailureKind.RECIPIENT_INVALID if by_app else FailureKind.MISCONFIGURED
    return WORDS.get(error.word) or STATUSES.get(error.status) or kind_of_status(error.status)


def is_repeat(response: Response) -> bool:
    """Whether the message is there already."""
    return response.status == 409 and google_error(response).word == "ALREADY_EXISTS"
