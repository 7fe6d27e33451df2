"""Viber's bot API: send_message, and what its status codes mean."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.providers.viber.errors import ERRORS, GENERAL, UNKNOWN_CODE
from channels_app.wire.markup import cut, escape, is_web_link, link_label
from channels_app.wire.reading import id_of, part, text_of

LONGEST_TEXT = 7000
LONGEST_NAME = 28
LONGEST_LABEL = 250
LONGEST_VALUE = 250
MOST_BUTTONS = 24
OLDEST_APP = 1  # the lowest version of the app's interface: everybody can read the message


class ViberCredentials(Credentials):
    """The bot's token, and the name that it shows."""

    secret = frozenset({"auth_token"})

    auth_token = forms.CharField(
        label=_("Authentication token"),
        validators=[RegexValidator(r"^[0-9A-Za-z-]{20,120}\Z")],
        help_text=_("From the bot's settings at Viber. It sends, and proves Viber's calls."),
    )
    sender_name = forms.CharField(
        label=_("Sender name"),
        max_length=LONGEST_NAME,
        help_text=_("What people see above a message."),
    )
    bot_uri = forms.CharField(
        label=_("Bot URI"),
        required=False,
        validators=[RegexValidator(r"^[A-Za-z0-9_.-]{1,64}\Z")],
        help_text=_("The bot's name in links. Needed for the link with which customers join."),
    )


class Viber(Provider):
    """A bot. It may write to whoever is subscribed to it."""

    slug = "viber"
    name = "Viber"
    family = Family.CHAT
    address = "viber"
    capabilities = Capabilities(
        max_text=LONGEST_TEXT,
        receipts=frozenset({ReceiptStatus.DELIVERED, ReceiptStatus.READ, ReceiptStatus.FAILED}),
        inbound=True,
        needs_join=True,
    )
    Credentials = ViberCredentials
    base_url = "https://chatapi.viber.com"
    in_flight = 24

    def request(self, message: Message) -> Request:
        """A send_message with the text, and a keyboard where there is something to press."""
        if not message.text.strip():
            raise SendError(FailureKind.CONTENT_REJECTED, "empty", "The text is empty.")
        if not 1 <= len(message.to) <= 100 or not message.to.isascii() or " " in message.to:
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "to", "The address is no person's id at Viber."
            )
        body: dict[str, Any] = {
            "receiver": message.to,
            "min_api_version": OLDEST_APP,
            "sender": {"name": self.credentials["sender_name"]},
            "type": "text",
            "text": cut(message.text, LONGEST_TEXT),
        }
        if pressed := buttons(message):
            body["keyboard"] = keyboard(pressed)
        return Request.json(f"{self.base}/pa/send_message", body, self._headers)

    def accepted(self, response: Response) -> Accepted:
        """The message's token: a number too large for floating point, so it is kept as text."""
        token = id_of(answered(response).get("message_token"))
        if not token:
            raise SendError(FailureKind.UNKNOWN, "200", "Viber's answer names no message.")
        return Accepted(token)

    def join_link(self, token: str) -> str:
        """The link that opens a chat with the bot; Viber tells us its context."""
        uri = self.credentials.get("bot_uri", "")
        return f"viber://pa?chatURI={uri}&context={quote(token, safe='')}" if uri else ""

    def verification(self) -> Request:
        """A get_account_info: it changes nothing."""
        return Request.json(f"{self.base}/pa/get_account_info", {}, self._headers)

    def verified(self, response: Response) -> str:
        """The bot's name, how many are subscribed, and whether Viber knows where to call."""
        account = answered(response)
        name = text_of(account.get("name"), 120) or "without a name"
        people = id_of(account.get("subscribers_count"), 12) or "0"
        calls = "" if account.get("webhook") else " It has no webhook yet: nobody can join."
        return f"The bot is {name}, with {people} subscribers.{calls}"

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Viber-Auth-Token": self.credentials["auth_token"]}


def answered(response: Response) -> dict[str, Any]:
    """The answer of a success; raises the SendError that Viber's status means."""
    if not response.ok:
        raise SendError(
            kind_of_status(response.status),
            str(response.status),
            f"Viber answered with HTTP status {response.status}.",
            response.retry_after,
        )
    answer = part(response.json())
    status = answer.get("status")
    if type(status) is not int:
        raise SendError(FailureKind.UNKNOWN, "200", "Viber's answer has no status.")
    if status != 0:
        raise failure(status, answer, response)
    return answer


def failure(status: int, answer: Mapping[str, Any], response: Response) -> SendError:
    """What a status other than 0 means. Viber's own words are looked at, not kept."""
    kind, detail = ERRORS.get(status, UNKNOWN_CODE)
    if status not in ERRORS and GENERAL in text_of(answer.get("status_message")).lower():
        kind, detail = FailureKind.TRANSIENT, "Viber has an unknown hiccup."
    return SendError(kind, str(status)[:20], detail, response.retry_after)


def buttons(message: Message) -> list[dict[str, Any]]:
    """One row per button: the answers, then the link to the order."""
    rows = [button("reply", _value(value), label) for label, value in message.actions]
    if is_web_link(message.url):
        rows.append(button("open-url", message.url, link_label(message.language)))
    if len(rows) > MOST_BUTTONS:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "buttons",
            f"Viber shows {MOST_BUTTONS} buttons at most. Leave some out.",
        )
    return rows


def button(kind: str, body: str, label: str) -> dict[str, Any]:
    """A button over the whole width. Its label is HTML to Viber."""
    if not label.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "button", "A button needs a label.")
    shown = escape(cut(label, LONGEST_LABEL))
    return {"Columns": 6, "Rows": 1, "ActionType": kind, "ActionBody": body, "Text": shown}


def keyboard(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The buttons as Viber wants them. They stay until the next message of the bot."""
    return {"Type": "keyboard", "DefaultHeight": False, "Buttons": rows}


def _value(value: str) -> str:
    if not 1 <= len(value) <= LONGEST_VALUE:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "button",
            f"A button's value must have 1 to {LONGEST_VALUE} characters.",
        )
    return value


PROVIDER = Viber
