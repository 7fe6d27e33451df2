"""Updates that Telegram posts to our webhook: texts, buttons, and who blocked the bot."""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Receipt,
)
from channels_app.wire.reading import id_of, json_object, part, text_of

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 a header's name
GONE = ("kicked", "left")


class TelegramCallbacks(Callbacks):
    """Nothing is signed: Telegram repeats the secret that setWebhook was given."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """Compare the secret; without one of our own, nothing is believed."""
        secret = credentials.get("webhook_secret", "").encode()
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        if not secret or not hmac.compare_digest(secret, given):
            raise CallbackRefused("The secret token is missing or wrong.")

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """The one thing that an update tells, if it is of use to us."""
        update = json_object(request.body)
        number = id_of(update.get("update_id"))
        if not number:
            raise ValueError("The update has no update_id.")
        found = (
            pressed(f"u{number}", part(update, "callback_query"))
            or written(f"u{number}", part(update, "message"))
            or departed(f"u{number}", part(update, "my_chat_member"))
        )
        return (found,) if found else ()

    def answer(self, request: CallbackRequest) -> Answer:
        """A pressed button spins until it is answered; our answer may carry that one call."""
        pressed_id = id_of(part(json_object(request.body), "callback_query").get("id"))
        if not pressed_id:
            return Answer()
        call = {"method": "answerCallbackQuery", "callback_query_id": pressed_id}
        return Answer(body=json.dumps(call), content_type="application/json")


def written(number: str, message: dict[str, Any]) -> InboundMessage | None:
    """What a person wrote to the bot. Talk in groups is not meant for us."""
    chat, author = part(message, "chat"), part(message, "from")
    text = text_of(message.get("text") or message.get("caption"))
    if chat.get("type") != "private" or author.get("is_bot") is True or not text:
        return None
    return _inbound(number, chat, author, text=text)


def pressed(number: str, query: dict[str, Any]) -> InboundMessage | None:
    """A button under one of our messages; in a group the chat is the sender, the name says who."""
    author = part(query, "from")
    action = text_of(query.get("data"), 64)
    if not action:
        return None
    return _inbound(number, part(query, "message", "chat") or author, author, action=action)


def departed(number: str, change: dict[str, Any]) -> InboundMessage | None:
    """Somebody blocked the bot, or a group removed it."""
    if part(change, "new_chat_member").get("status") not in GONE:
        return None
    return _inbound(number, part(change, "chat"), part(change, "from"), left=True)


def _inbound(
    number: str,
    chat: dict[str, Any],
    author: dict[str, Any],
    text: str = "",
    action: str = "",
    left: bool = False,
) -> InboundMessage | None:
    sender = id_of(chat.get("id"))
    if not sender:
        return None
    names = (text_of(author.get(part_of_name), 64) for part_of_name in ("first_name", "last_name"))
    return InboundMessage(
        message_id=number,
        sender=sender,
        text=text,
        action=action,
        sender_name=" ".join(name for name in names if name),
        language=text_of(author.get("language_code"), 10),
        left=left,
    )


CALLBACKS = TelegramCallbacks()
