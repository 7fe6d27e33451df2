"""Discord webhooks: one embed a message, and the proof that the webhook is there."""

import re
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
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
from channels_app.failures import FailureKind, SendError
from channels_app.providers.discord.dialect import escape, escaped_length
from channels_app.providers.discord.errors import failure
from channels_app.wire.alerts import alert_of
from channels_app.wire.hosts import secure_endpoint
from channels_app.wire.markup import cut
from channels_app.wire.reading import id_of, part, text_of
from channels_app.wire.staff_cards import context, links, need_text

HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})
PATH = re.compile(r"/api(?:/v\d{1,2})?/webhooks/(\d{17,20})/([\w-]{20,200})\Z", re.ASCII)
THREAD = re.compile(r"\d{17,20}\Z", re.ASCII)
LONGEST_TITLE = 256
LONGEST_DESCRIPTION = 4096
LONGEST_FIELD = 1024
# By the state of an incident; a message about none has Discord's own colour.
COLOURS = {"open": 0xC0392B, "snoozed": 0xB9770E, "acknowledged": 0x2E86C1, "resolved": 0x1E8449}


def webhook_parts(url: str) -> tuple[str, str]:
    """Id and token of a webhook; ValidationError with a sentence for any other URL."""
    try:
        parts = secure_endpoint(url, frozenset())
    except ValueError as error:
        raise ValidationError(str(error)) from None
    if (parts.hostname or "").removesuffix(".") not in HOSTS:
        raise ValidationError(_("This is not an address of Discord."))
    found = PATH.match(parts.path.removesuffix("/"))
    if found is None or parts.query:
        raise ValidationError(
            _("This is not the URL of a webhook. Copy it from the webhook's page at Discord.")
        )
    return found[1], found[2]


def webhook_url(value: str) -> None:
    """Refuse what is no webhook of Discord."""
    webhook_parts(value)


class DiscordCredentials(Credentials):
    """The webhook's URL. It holds a token: whoever has it can post."""

    secret = frozenset({"webhook_url"})

    webhook_url = forms.CharField(
        label=_("Webhook URL"),
        max_length=400,
        help_text=_("From the room's settings at Discord: Integrations, Webhooks, Copy URL."),
        validators=[webhook_url],
    )


class Discord(Provider):
    """One webhook, and with it one room.

    `Message.to` is the id of a thread in that room when it is 17 to 20 digits, else only a label.
    """

    slug = "discord"
    name = "Discord"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    capabilities = Capabilities(max_text=LONGEST_DESCRIPTION, subject=True)
    Credentials = DiscordCredentials
    base_url = "https://discord.com"
    in_flight = 2  # a webhook may post a few times in two seconds
    resolves_incidents = True  # whoever was asked to act hears that it is done

    def request(self, message: Message) -> Request:
        """A POST that waits until the message is stored: without, failures would be silent."""
        need_text(message)
        thread = f"&thread_id={message.to}" if THREAD.match(message.to) else ""
        body = {"embeds": [embed(self.fit(message))], "allowed_mentions": {"parse": []}}
        return Request.json(f"{self._webhook()}?wait=true{thread}", body)

    def accepted(self, response: Response) -> Accepted:
        """The id of the message that was stored."""
        if not response.ok:
            raise failure(response)
        found = id_of(part(response.json()).get("id")) if response.body else ""
        if not found:
            status = str(response.status)
            raise SendError(FailureKind.UNKNOWN, status, "Discord's answer names no message.")
        return Accepted(found)

    def fit(self, message: Message) -> Message:
        """Cut so that title and description fit once they are escaped."""
        return replace(
            message,
            subject=cut(message.subject, LONGEST_TITLE, escaped_length),
            text=cut(message.text, LONGEST_DESCRIPTION, escaped_length),
        )

    def verification(self) -> Request:
        """A GET of the webhook, which its token allows."""
        return Request.get(self._webhook())

    def verified(self, response: Response) -> str:
        """The webhook's name and its room."""
        if not response.ok:
            raise failure(response)
        answer = part(response.json())
        if not id_of(answer.get("id")):
            status = str(response.status)
            raise SendError(FailureKind.UNKNOWN, status, "Discord's answer names no webhook.")
        name, room = text_of(answer.get("name"), 80), id_of(answer.get("channel_id"))
        return f"Discord knows the webhook {name or '?'}; it posts into the room {room or '?'}."

    def _webhook(self) -> str:
        """The webhook's address, built anew from id and token."""
        try:
            number, token = webhook_parts(self.credentials["webhook_url"])
        except ValidationError as error:
            detail = " ".join(map(str, error.messages))
            raise SendError(FailureKind.MISCONFIGURED, "url", detail) from None
        return f"{self.base}/api/v10/webhooks/{number}/{token}"


def embed(message: Message) -> dict[str, Any]:
    """Heading, text, links and small print; those that the message has."""
    alert = alert_of(message.data)
    found: dict[str, Any] = {
        "title": escape(message.subject),
        "description": escape(message.text),
        "color": COLOURS.get(alert.state, COLOURS["open"]) if alert else None,
        "fields": fields(message),
    }
    if said := context(message.data):
        found["footer"] = {"text": said}
    return {name: value for name, value in found.items() if value}


def fields(message: Message) -> list[dict[str, Any]]:
    """The links: Discord makes addresses links by itself, where nothing in them looks like text."""
    return [
        {"name": link.label, "value": link.url}
        for link in links(message, LONGEST_FIELD)
        if not re.search(r"[\s<>\\]", link.url)
    ]


PROVIDER = Discord
