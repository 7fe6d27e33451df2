"""Messenger's error codes, most with a subcode that says more."""

from channels_app.failures import FailureKind
from channels_app.wire.meta_graph import Table

_PERSON = FailureKind.RECIPIENT_INVALID
_CONTENT = FailureKind.CONTENT_REJECTED
_CONFIG = FailureKind.MISCONFIGURED
_CLOSED = (
    FailureKind.WINDOW_CLOSED,
    "They did not write within 24 hours. Give the message a utility template.",
)
# An error 200 is about a permission, except with these words.
NOT_RECEIVING = "isn't receiving messages"

ERRORS: Table = {
    # the person
    "551": (_PERSON, "They cannot be reached: they blocked the Page or left Messenger."),
    "100/2018001": (_PERSON, "There is no such person, or they never wrote to this Page."),
    "10/2018108": (_PERSON, "They cannot receive messages from this Page."),
    # the window
    "10/2018278": _CLOSED,
    "10/2018065": _CLOSED,
    # the account
    "10/1893063": (_CONFIG, "Meta does not let the Page send for now. Look at the Page's quality."),
    "2/2018344": (_CONFIG, "Accept the privacy terms of Messenger for this Page."),
    # the message
    "100/2018034": (_CONTENT, "The message is empty."),
    "100/2018109": (_CONTENT, "The attachment is too large."),
    # the pace
    "4/2018022": (FailureKind.THROTTLED, "Meta asks us to slow down."),
    # Messenger itself
    "1200": (FailureKind.TRANSIENT, "Messenger has a hiccup."),
}
