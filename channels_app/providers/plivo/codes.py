"""Plivo's delivery error codes, as receipts carry them. The API itself answers in words."""

from channels_app.failures import FailureKind

_RECIPIENT = FailureKind.RECIPIENT_INVALID
_CONFIG = FailureKind.MISCONFIGURED
_CONTENT = FailureKind.CONTENT_REJECTED
_TRANSIENT = FailureKind.TRANSIENT

# Where the same number may well work tomorrow (80) the address is not given up.
ERRORS: dict[str, tuple[FailureKind, str]] = {
    "50": (_RECIPIENT, "The number is not valid."),
    "70": (_RECIPIENT, "The number cannot be reached, for good."),
    "200": (FailureKind.OPTED_OUT, "The person sent STOP to this sender."),
    "80": (_TRANSIENT, "The phone is switched off or out of reach."),
    "40": (_CONFIG, "The sender is not valid."),
    "201": (_CONFIG, "A US toll-free number cannot write to Canada. Use another sender."),
    "450": (_CONFIG, "Messages to this country are not enabled in the Plivo account."),
    "900": (_CONFIG, "The account has too little credit. Top it up at Plivo."),
    "910": (_CONFIG, "The Plivo account is disabled."),
    "10": (_CONTENT, "The message is not valid."),
    "30": (_CONTENT, "A carrier took it for spam."),
    "60": (_CONTENT, "Plivo saw a loop of messages."),
    "100": (_CONTENT, "The carrier does not allow this message."),
    "110": (_CONTENT, "The text is too long."),
    "20": (_TRANSIENT, "The carrier's network had an error."),
    "90": (_TRANSIENT, "There is no way to the carrier at the moment."),
    "300": (_TRANSIENT, "Plivo could not pass it on."),
    "1000": (_TRANSIENT, "Nobody gave a reason."),
    "420": (FailureKind.WINDOW_CLOSED, "It could not be delivered before it expired."),
}
DELIVERED = "000"
