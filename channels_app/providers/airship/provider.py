"""Airship, API version 3: look for devices, then push to one of them or to all of a person."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.airship.errors import failure, readable
from channels_app.wire.markup import cut, is_web_link
from channels_app.wire.reading import id_of, part, text_of

HOSTS = {"us": "https://go.urbanairship.com", "eu": "https://go.airship.eu"}
VERSION = "application/vnd.urbanairship+json; version=3"
PERSON = "user:"  # what an address of a named user begins with
CHANNEL = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LONGEST_PERSON = 128
PLATFORMS = ("ios", "android", "amazon", "web")
LONGEST_TEXT = 1000
LARGEST_TEXT = 2000  # bytes; platforms take about 4,000 in all
LONGEST_TITLE = 120
LONGEST_NAME = 64  # bytes of a name that replaces, as Apple counts
LONGEST_LINK = 1000
LONGEST_EXPIRY = 2_419_200  # seconds: four weeks
TEST_PERSON = "orderbell-connection-test"
ACCEPTED = 202
YES, NO = "yes", "no"


def platform_names(value: str) -> list[str]:
    """The platforms in a list with commas."""
    return [word.strip() for word in value.split(",") if word.strip()]


def known_platforms(value: str) -> None:
    """Refuse what is no list of platforms that show notifications."""
    if set(platform_names(value)) - set(PLATFORMS):
        raise ValidationError(_("Use ios, android, amazon and web, with commas between."))


class AirshipCredentials(Credentials):
    """The project's keys, and where it lives."""

    secret = frozenset({"master_secret"})

    app_key = forms.CharField(
        label=_("App key"),
        help_text=_("22 letters and digits, under Settings, Project configuration."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{22}\Z")],
    )
    master_secret = forms.CharField(
        label=_("App master secret"),
        help_text=_("22 letters and digits. The app secret next to it may not push."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{22}\Z")],
    )
    region = forms.ChoiceField(
        label=_("Region"),
        choices=[("us", _("United States")), ("eu", _("Europe"))],
        help_text=_("Europe when the dashboard is at go.airship.eu."),
    )
    device_types = forms.CharField(
        label=_("Platforms"),
        required=False,
        help_text=_("Such as ios, android. Empty: all that the project has."),
        validators=[known_platforms],
    )
    look_first = forms.ChoiceField(
        label=_("Look for devices first"),
        required=False,
        choices=[(YES, _("Yes: another channel takes over at once")), (NO, _("No"))],
        help_text=_("Airship takes messages for people without any device, and says nothing."),
    )


class Airship(Provider):
    """One Airship project. `Message.to` is a channel id, or "user:" and a named user."""

    slug = "airship"
    name = "Airship"
    family = Family.PUSH
    address = "airship"
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True, needs_join=True)
    Credentials = AirshipCredentials
    base_url = HOSTS["us"]

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The region decides the host, unless there is a stand-in."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not self.stand_in:
            self.base = HOSTS.get(credentials.get("region", ""), self.base)

    @property
    def looks_first(self) -> bool:
        """Whether devices are looked up before a message is sent."""
        return self.credentials.get("look_first") != NO

    def request(self, message: Message) -> Request:
        """The question for devices, or the push at once."""
        audience = audience_of(message.to)
        if not self.looks_first:
            return self.push(message)
        if "named_user" in audience:
            query = {"id": audience["named_user"]}
            return Request.get(f"{self.base}/api/named_users/", query, self._headers())
        return Request.get(f"{self.base}/api/channels/{audience['channel']}", None, self._headers())

    def following(self, message: Message, response: Response) -> Request | None:
        """After the devices were found, the push."""
        if not self.looks_first or is_push_answer(response):
            return None
        if response.status == 404:
            raise unknown(message.to)
        if not response.ok:
            raise failure(response)
        check_devices(message.to, devices_in(response), self._platforms or PLATFORMS)
        return self.push(message)

    def push(self, message: Message) -> Request:
        """One message to one device, or to all devices of one person."""
        body = {
            "audience": audience_of(message.to),
            "device_types": self._platforms or "all",
            "notification": self._notification(self.fit(message)),
            "options": {"expiry": min(max(int(message.ttl_seconds), 0), LONGEST_EXPIRY)},
        }
        return Request.json(f"{self.base}/api/push/", body, self._headers())

    def accepted(self, response: Response) -> Accepted:
        """The push's id. It is no promise that anything is shown."""
        if not response.ok:
            raise failure(response)
        answer = part(response.json())
        given = answer.get("push_ids")
        first = given[0] if isinstance(given, list) and given else answer.get("operation_id")
        if answer.get("ok") is not True or not id_of(first):
            raise SendError(FailureKind.UNKNOWN, "200", "Airship's answer names no push.")
        return Accepted(id_of(first))

    def verification(self) -> Request | None:
        """A push that Airship checks and does not send."""
        body = {
            "audience": {"named_user": TEST_PERSON},
            "device_types": self._platforms or "all",
            "notification": {"alert": "Test"},
        }
        return Request.json(f"{self.base}/api/push/validate/", body, self._headers())

    def verified(self, response: Response) -> str:
        """That Airship would take a push."""
        if not response.ok:
            raise failure(response)
        if part(response.json()).get("ok") is not True:
            raise SendError(FailureKind.UNKNOWN, "200", "Airship's answer cannot be read.")
        where = "Europe" if self.credentials.get("region") == "eu" else "the United States"
        return f"Airship takes messages of this project, in {where}."

    def fit(self, message: Message) -> Message:
        """Cut to what a notification shows, and platforms take."""
        text = cut(message.text, LONGEST_TEXT)
        return replace(message, text=cut(text, LARGEST_TEXT, byte_length))

    @property
    def _platforms(self) -> list[str]:
        return platform_names(self.credentials.get("device_types", ""))

    def _headers(self) -> dict[str, str]:
        pair = f"{self.credentials['app_key']}:{self.credentials['master_secret']}"
        basic = b64encode(pair.encode()).decode()
        return {"Accept": VERSION, "Authorization": f"Basic {basic}"}

    def _notification(self, message: Message) -> dict[str, Any]:
        """The text, the link, and what each platform wants in its own words."""
        found: dict[str, Any] = {"alert": message.text}
        if is_web_link(message.url) and len(message.url) <= LONGEST_LINK:
            found["actions"] = {"open": {"type": "url", "content": message.url}}
        parts = {"ios": for_apple(message), "android": for_android(message), "web": titled(message)}
        wanted = self._platforms or PLATFORMS
        return {**found, **{name: one for name, one in parts.items() if name in wanted and one}}


def audience_of(to: str) -> dict[str, str]:
    """Whom `to` means."""
    person = to.removeprefix(PERSON)
    if person != to and 0 < len(person) <= LONGEST_PERSON and person.isprintable():
        return {"named_user": person}
    if CHANNEL.fullmatch(to):
        return {"channel": to.lower()}
    raise SendError(
        FailureKind.RECIPIENT_INVALID,
        "address",
        "This is neither a channel id nor user: and the id of a named user.",
    )


def is_push_answer(response: Response) -> bool:
    """Whether this answers a push, and not a question for devices."""
    answer = readable(response)
    return response.status == ACCEPTED or "push_ids" in answer or "operation_id" in answer


def devices_in(response: Response) -> list[dict[str, Any]] | None:
    """The devices that an answer lists; None when it does not list any kind of them."""
    answer = part(response.json())
    if "channel" in answer:
        return [part(answer, "channel")]
    listed = part(answer, "named_user").get("channels")
    return [part(one) for one in listed] if isinstance(listed, list) else None


def check_devices(
    to: str, devices: list[dict[str, Any]] | None, platforms: list[str] | tuple[str, ...]
) -> None:
    """Raise unless one of them can show something. What we cannot tell, we let pass."""
    if devices is None:
        return
    there = [
        one
        for one in devices
        if one.get("installed") is not False and one.get("device_type", "") in ("", *platforms)
    ]
    if not there:
        raise unknown(to)
    if all(one.get("opt_in") is False for one in there):
        raise SendError(
            FailureKind.WINDOW_CLOSED,
            "opted_out",
            "Notifications are switched off on their device.",
        )


def unknown(to: str) -> SendError:
    """Nobody is there. A device that is gone stays gone; a person may install the app tomorrow."""
    if to.startswith(PERSON):
        return SendError(
            FailureKind.WINDOW_CLOSED,
            "no_device",
            "They have no device with the app at the moment.",
        )
    return SendError(
        FailureKind.RECIPIENT_INVALID, "no_device", "The app was removed from the device."
    )


def titled(message: Message) -> dict[str, Any]:
    """The heading, where there is one."""
    title = message.subject or text_of(message.data.get("brand"), LONGEST_TITLE)
    return {"title": cut(title, LONGEST_TITLE)} if title else {}


def for_apple(message: Message) -> dict[str, Any]:
    """Apple's words: 10 is at once, 5 when it suits the battery."""
    name = replaces(message.collapse_key)
    found = {**titled(message), "priority": 10 if message.urgent else 5}
    return {**found, **({"collapse_id": name} if name else {})}


def for_android(message: Message) -> dict[str, Any]:
    """Android's words; the tag replaces what is on the screen already."""
    name = replaces(message.collapse_key)
    found = {**titled(message), "delivery_priority": "high" if message.urgent else "normal"}
    return {**found, **({"collapse_key": name, "notification_tag": name} if name else {})}


def replaces(collapse_key: str) -> str:
    """The name that messages about one thing share, short enough for Apple."""
    if byte_length(collapse_key) <= LONGEST_NAME:
        return collapse_key
    return hashlib.sha256(collapse_key.encode()).hexdigest()[:32]


def byte_length(text: str) -> int:
    """How many bytes `text` takes."""
    return len(text.encode("utf-8", "replace"))


PROVIDER = Airship
