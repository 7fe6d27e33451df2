"""Viber's status codes: they come with HTTP 200, in the field `status`."""

from collections.abc import Mapping

from channels_app.failures import FailureKind

_PERSON = FailureKind.RECIPIENT_INVALID
_CONTENT = FailureKind.CONTENT_REJECTED
_CONFIG = FailureKind.MISCONFIGURED

# From 16 on, what is written about Viber's codes disagrees: they are not listed, and count as
# a refusal of the message.
ERRORS: Mapping[int, tuple[FailureKind, str]] = {
    1: (_CONFIG, "The webhook's address is not valid."),
    2: (_CONFIG, "Viber does not accept the authentication token."),
    3: (_CONTENT, "Viber refuses a part of the message as built."),
    4: (_CONTENT, "A required part of the message is missing."),
    5: (_PERSON, "There is no such person on Viber."),
    6: (FailureKind.OPTED_OUT, "They are not subscribed to the bot."),
    7: (_CONFIG, "The bot is blocked. Ask Viber."),
    8: (_CONFIG, "Viber does not know the bot."),
    9: (_CONFIG, "The bot is suspended. Ask Viber."),
    10: (_CONFIG, "The bot has no webhook. Set it with set_webhook."),
    11: (_PERSON, "No device of theirs can show messages of bots."),
    12: (FailureKind.THROTTLED, "Viber asks us to slow down."),
    13: (_PERSON, "Their app is too old for messages of bots."),
    14: (_CONTENT, "The message does not fit the version that it names."),
    15: (_CONFIG, "The bot may not send to people. Look at its contract with Viber."),
}
UNKNOWN_CODE = (_CONTENT, "Viber refuses the message. Look the code up at Viber.")
GENERAL = "general error"
