"""SignalWire's error codes. Some are Twilio's and mean something else: never share a table."""

from channels_app.failures import FailureKind

_RECIPIENT = FailureKind.RECIPIENT_INVALID
_CONFIG = FailureKind.MISCONFIGURED
_CONTENT = FailureKind.CONTENT_REJECTED
_RATE = FailureKind.THROTTLED
_TRANSIENT = FailureKind.TRANSIENT

# Where the same number may well work tomorrow (30003) the address is not given up.
ERRORS: dict[str, tuple[FailureKind, str]] = {
    "21211": (_RECIPIENT, "The number is not valid."),
    "21217": (_RECIPIENT, "The number is not valid."),
    "21614": (_RECIPIENT, "The number is not a mobile number."),
    "21606": (_RECIPIENT, "The number is not a mobile number."),  # at Twilio: the sender
    "21610": (FailureKind.OPTED_OUT, "The person blocked messages from this sender."),
    "30005": (_RECIPIENT, "The number is not known to any carrier."),
    "30006": (_RECIPIENT, "No carrier takes texts to this number."),
    "30003": (_TRANSIENT, "The phone is switched off or out of reach."),
    "30004": (_CONTENT, "The carrier or the person blocks this message."),
    "20003": (_CONFIG, "The project ID or the API token is wrong."),
    "20010": (_CONFIG, "The project may not do this. Look at the SignalWire space."),
    "10001": (_CONFIG, "The project is not active. Look at the SignalWire space."),
    "21210": (_CONFIG, "The sender number is not of this project."),
    "21212": (_CONFIG, "The sender number is not valid."),
    "21219": (_CONFIG, "A trial project may only write to verified numbers."),
    "21601": (_CONFIG, "The sender number cannot send texts."),
    "21701": (_CONFIG, "The number group does not exist."),
    "21703": (_CONFIG, "The number group has no number."),
    "21705": (_CONFIG, "The number group cannot be used."),
    "21717": (_CONFIG, "The sender number belongs to no registered campaign."),
    "4001": (_CONFIG, "The balance is too low. Top it up in the SignalWire space."),
    "30002": (_CONFIG, "The balance is too low. Top it up in the SignalWire space."),
    "21602": (_CONTENT, "The text is missing."),
    "21603": (_CONTENT, "The sender is missing."),
    "21604": (_CONTENT, "The recipient is missing."),
    "21612": (_CONTENT, "The media cannot be sent."),
    "21620": (_CONTENT, "The media URL is not valid."),
    "21623": (_CONTENT, "The media cannot be sent."),
    "21617": (_CONTENT, "The text is over 1,600 characters."),
    "21624": (_CONTENT, "The validity period is out of range."),
    "30007": (_CONTENT, "A carrier filtered the message."),
    "30010": (_CONTENT, "The message costs more than the price that was set."),
    "30011": (_CONTENT, "The carrier does not take media messages."),
    "30012": (_CONTENT, "The media message cannot be sent."),
    "11751": (_CONTENT, "The media is too large."),
    "20429": (_RATE, "Too many requests."),
    "21611": (_RATE, "The sender's queue is full."),
    "30022": (_RATE, "The campaign's rate limit is reached."),
    "30027": (_RATE, "The daily limit at T-Mobile is reached."),
    "35125": (_RATE, "The daily limit is reached."),
    "20001": (_TRANSIENT, "SignalWire had an internal error."),
    "20504": (_TRANSIENT, "SignalWire did not answer in time."),
    "30008": (_TRANSIENT, "The carrier gave no reason."),
    "63011": (_TRANSIENT, "SignalWire had an internal error."),
    # At Twilio a full queue, and nothing.
    "30001": (FailureKind.WINDOW_CLOSED, "It could not be delivered in its validity period."),
    "30009": (FailureKind.WINDOW_CLOSED, "It could not be delivered in its validity period."),
}
