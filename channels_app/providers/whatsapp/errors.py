"""WhatsApp's error codes: the same in answers and in receipts.

What concerns one person is never RECIPIENT_INVALID when only WhatsApp cannot reach them: the
address is a phone number, and a text message may still arrive there.
"""

from collections.abc import Mapping

from channels_app.failures import FailureKind
from channels_app.wire.meta_graph import Table

_NOT_THERE = FailureKind.WINDOW_CLOSED  # another channel now, and the number stays in use
_CONTENT = FailureKind.CONTENT_REJECTED
_CONFIG = FailureKind.MISCONFIGURED
_BUSY = FailureKind.THROTTLED
_TRANSIENT = FailureKind.TRANSIENT

ERRORS: Table = {
    # the person
    "131021": (FailureKind.RECIPIENT_INVALID, "This is the number that we send from."),
    "131026": (_NOT_THERE, "They are not on WhatsApp, or their app is too old."),
    "131030": (_CONTENT, "A test number reaches only the numbers on its list. Use a real one."),
    "131047": (_NOT_THERE, "They did not write within 24 hours. Give the message a template."),
    "131049": (_NOT_THERE, "Meta holds this message back to keep the chat healthy."),
    "131050": (
        _CONTENT,
        "They stopped marketing messages. Use a template of the category utility.",
    ),
    "130472": (_NOT_THERE, "They are part of an experiment of Meta's and get no such message."),
    "130497": (_CONTENT, "The account may not write to people in this country."),
    # the account
    "33": (_CONFIG, "The number was deleted at Meta. Enter the ID of another one."),
    "131005": (_CONFIG, "The token lacks a permission: it needs whatsapp_business_messaging."),
    "131031": (_CONFIG, "Meta has locked the account. Look into Meta's business manager."),
    "131037": (_CONFIG, "The number's display name is not approved yet."),
    "131042": (_CONFIG, "There is a problem with payment. Look into the account's billing."),
    "131045": (_CONFIG, "The number is not registered for sending. Register it once more."),
    "131057": (_CONFIG, "The account is under maintenance at Meta. Try again in an hour."),
    "133010": (_CONFIG, "The number is not registered with the Cloud API."),
    # the message
    "131008": (_CONTENT, "A required part of the message is missing."),
    "131009": (_CONTENT, "A part of the message has a value that WhatsApp does not take."),
    "131051": (_CONTENT, "WhatsApp does not know this kind of message."),
    "131052": (_CONTENT, "WhatsApp could not fetch the media."),
    "131053": (_CONTENT, "WhatsApp could not store the media."),
    "131062": (_CONTENT, "This kind of message cannot go to a user id. A phone number is needed."),
    "131063": (_CONTENT, "WhatsApp refuses this message as built."),
    "132000": (_CONTENT, "The template has another number of gaps than we filled."),
    "132001": (_CONTENT, "There is no such template in this language, or it is not approved."),
    "132005": (_CONTENT, "The template is too long once its gaps are filled."),
    "132007": (_CONTENT, "The template breaks a rule of WhatsApp's."),
    "132008": (_CONTENT, "A gap of the template is filled with what does not fit."),
    "132012": (_CONTENT, "A gap of the template is filled with the wrong kind of value."),
    "132015": (_CONTENT, "The template is paused for its quality. Change it, or use another."),
    "132016": (_CONTENT, "The template was switched off for its quality. Use another."),
    # the pace
    "130429": (_BUSY, "More messages a second than the number may send."),
    "131048": (_BUSY, "Too many people blocked or reported the number: WhatsApp slows it down."),
    "131056": (_BUSY, "Too many messages to one person in a short time."),
    "131064": (_BUSY, "The number has reached its limit of messages."),
    # WhatsApp itself
    "131000": (_TRANSIENT, "WhatsApp has an unknown hiccup."),
    "131016": (_TRANSIENT, "A service at WhatsApp is down for the moment."),
    "135000": (_TRANSIENT, "WhatsApp has an unknown hiccup."),
}
# Seconds, where Meta's answer says nothing: about one message in six seconds to one person.
WAITS: Mapping[str, float] = {"131056": 6.0}
