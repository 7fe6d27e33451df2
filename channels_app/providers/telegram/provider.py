"""Telegram Bot API: sendMessage, and what its errors mean."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.markup import cut, escape, is_web_link, link_label, utf16_length
from channels_app.wire.reading import id_of, part, text_of

LONGEST_TEXT = 4096
LONGEST_ACTION = 64  # bytes
# What a description says, and what it means; the first that fits. Telegram has no finer codes.
FORBIDDEN: Sequence[tuple[str, FailureKind]] = (
    ("blocked by the user", FailureKind.OPTED_OUT),
    ("", FailureKind.RECIPIENT_INVALID),  # every other 403 is about this one chat, too
)
BAD_REQUEST: Sequence[tuple[str, FailureKind]] = (
    ("chat not found", FailureKind.RECIPIENT_INVALID),
    ("user not found", FailureKind.RECIPIENT_INVALID),
    ("peer_id_invalid", FailureKind.RECIPIENT_INVALID),
    ("user is deactivated", FailureKind.RECIPIENT_INVALID),
    ("not enough rights", FailureKind.RECIPIENT_INVALID),
    ("chat_write_forbidden", FailureKind.RECIPIENT_INVALID),
    ("", FailureKind.CONTENT_REJECTED),
)
KINDS: Mapping[int, FailureKind] = {
    401: FailureKind.MISCONFIGURED,
    404: FailureKind.MISCONFIGURED,  # a malformed token: the method's path does not exist
    409: FailureKind.MISCONFIGURED,  # somebody polls with the same token
    429: FailureKind.THROTTLED,
}


class SecretURL(str):
    """A URL that holds the bot's token: it shows itself without it."""

    def __repr__(self) -> str:
        return "'(a URL with the bot token, hidden)'"


class TelegramCredentials(Credentials):
    """What the bot's owner gets from BotFather, and the secret that proves callbacks."""

    secret = frozenset({"bot_token", "webhook_secret"})

    bot_token = forms.CharField(
        label=_("Bot token"),
        help_text=_("From BotFather, such as 123456789:AA…"),
        validators=[RegexValidator(r"^\d{3,20}:[A-Za-z0-9_-]{30,60}\Z")],
    )
    bot_username = forms.CharField(
        label=_("Bot username"),
        required=False,
        help_text=_("Without @. Needed for the link with which customers join."),
        validators=[RegexValidator(r"^[A-Za-z0-9_]{3,32}\Z")],
    )
    webhook_secret = forms.CharField(
        label=_("Webhook secret"),
        help_text=_("Choose one: 16 to 256 letters, digits, _ or -. Give it to setWebhook too."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{16,256}\Z")],
    )


class Telegram(Provider):
    """A bot. It may write to whoever has started it, and learns nothing of what is read."""

    slug = "telegram"
    name = "Telegram"
    family = Family.CHAT
    address = AddressKind.TELEGRAM
    capabilities = Capabilities(max_text=LONGEST_TEXT, inbound=True, needs_join=True)
    Credentials = TelegramCredentials
    base_url = "https://api.telegram.org"
    in_flight = 24  # Telegram takes about 30 messages a second from one bot

    def method_url(self, method: str) -> str:
        """The URL of a Bot API method. It holds the token."""
        return SecretURL(f"{self.base}/bot{self.credentials['bot_token']}/{method}")

    def request(self, message: Message) -> Request:
        """A sendMessage with escaped text and one button a row."""
        if not message.text.strip():
            raise SendError(FailureKind.CONTENT_REJECTED, "empty", "The text is empty.")
        body: dict[str, Any] = {
            "chat_id": chat_id(message.to),
            "text": escape(self.fit(message).text),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        if keyboard := buttons(message):
            body["reply_markup"] = {"inline_keyboard": keyboard}
        return Request.json(self.method_url("sendMessage"), body)

    def accepted(self, response: Response) -> Accepted:
        """The pair of chat and message: a message's number alone is not unique."""
        answer = self._answer(response)
        if answer.get("ok") is not True:
            raise_failure(response, answer, self.credentials.get("bot_token", ""))
        result = part(answer, "result")
        chat, number = id_of(part(result, "chat").get("id")), id_of(result.get("message_id"))
        if not (chat and number):
            raise SendError(FailureKind.UNKNOWN, "200", "Telegram's answer names no message.")
        return Accepted(f"{chat}:{number}")

    def fit(self, message: Message) -> Message:
        """Cut as Telegram counts: in UTF-16 units, after entities are read."""
        return replace(message, text=cut(message.text, LONGEST_TEXT, utf16_length))

    def join_link(self, token: str) -> str:
        """The link that starts the bot; `token` comes back to us as "/start <token>"."""
        name = self.credentials.get("bot_username", "")
        return f"https://t.me/{name}?start={token}" if name else ""

    def verification(self) -> Request:
        """A getMe: it changes nothing, and only the right token gets an answer."""
        return Request.get(self.method_url("getMe"))

    def verified(self, response: Response) -> str:
        """Which bot the token belongs to; a link that names another one would lead astray."""
        answer = self._answer(response)
        if answer.get("ok") is not True:
            raise_failure(response, answer, self.credentials.get("bot_token", ""))
        bot = part(answer, "result")
        username, stated = text_of(bot.get("username"), 40), self.credentials.get("bot_username")
        if not username:
            raise SendError(FailureKind.TRANSIENT, "200", "Telegram's answer names no bot.")
        if stated and stated.lower() != username.lower():
            raise SendError(
                FailureKind.MISCONFIGURED,
                "username",
                f"The token belongs to @{username}. Correct the bot username.",
            )
        return f"The bot is @{username}, named {text_of(bot.get('first_name'), 64) or username}."

    def _answer(self, response: Response) -> dict[str, Any]:
        """The answer's JSON object; raises SendError by the status when there is none."""
        try:
            return part(response.json())
        except SendError as error:
            if response.ok:
                raise
            raise SendError(
                kind_of_status(response.status),
                str(response.status),
                error.detail,
                response.retry_after,
            ) from None


def chat_id(address: str) -> int | str:
    """A chat's number as a number; the public name of a channel as it is."""
    digits = address.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 18:
        return int(address)
    if address.startswith("@") and len(address) > 1:
        return address
    raise SendError(
        FailureKind.RECIPIENT_INVALID, "chat_id", "The address is not a Telegram chat number."
    )


def buttons(message: Message) -> list[list[dict[str, str]]]:
    """One row per button: the answers, then the link to the order."""
    rows = [[action_button(label, value)] for label, value in message.actions]
    if is_web_link(message.url):
        rows.append([{"text": link_label(message.language), "url": message.url}])
    return rows


def action_button(label: str, value: str) -> dict[str, str]:
    """A button that sends us `value` back."""
    if not 1 <= len(value.encode()) <= LONGEST_ACTION:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "callback_data",
            f"A button's value must have 1 to {LONGEST_ACTION} bytes. Use a shorter one.",
        )
    return {"text": label, "callback_data": value}


def raise_failure(response: Response, answer: Mapping[str, Any], token: str) -> NoReturn:
    """Raise the SendError that Telegram's answer means."""
    stated = answer.get("error_code")
    code = stated if type(stated) is int else response.status
    said = text_of(answer.get("description"), 200)
    said = said.replace(token, "(token)") if token else said
    more = part(answer, "parameters")
    wait = more.get("retry_after")
    if moved := id_of(more.get("migrate_to_chat_id")):
        raise SendError(
            FailureKind.RECIPIENT_INVALID,
            str(code),
            f"The group became a supergroup. Change the address to {moved}.",
        )
    retry_after = float(wait) if isinstance(wait, int | float) else response.retry_after
    raise SendError(kind_of(code, said), str(code), said, retry_after)


def kind_of(code: int, said: str) -> FailureKind:
    """What error `code` with the description `said` means."""
    table = {400: BAD_REQUEST, 403: FORBIDDEN}.get(code)
    if table is None:
        return KINDS.get(code) or kind_of_status(code)
    lowered = said.lower()
    return next(kind for words, kind in table if words in lowered)


PROVIDER = Telegram
