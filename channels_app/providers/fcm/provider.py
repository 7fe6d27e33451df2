"""Firebase Cloud Messaging, HTTP v1: one note to one installation of the operator's app."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Access,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.fcm.errors import failure
from channels_app.wire import google_auth
from channels_app.wire.markup import cut
from channels_app.wire.reading import id_of, part, text_of

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
# An installation id as the vendor's own libraries make it; everything else is a token.
FID = re.compile(r"[cdef][A-Za-z0-9_-]{21}")
TOKEN = re.compile(r"[A-Za-z0-9_:.=-]{1,4096}")
NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
LARGEST_PAYLOAD = 3600  # bytes of 4,096: the rest is for what Firebase adds
LONGEST_TEXT = 1000
LONGEST_TITLE = 120
LONGEST_FIELD = 200
LONGEST_TTL = 2_419_200  # seconds: four weeks
TITLES = {"en": "Order update", "es": "Novedades de su pedido"}
TEST_TOPIC = "orderbell-connection-test"
ORDER_FIELDS = ("external_id", "number", "status")


class FcmCredentials(Credentials):
    """The key file says who we are; the rest is seldom needed."""

    secret = frozenset({"service_account"})

    service_account = forms.CharField(
        label=_("Key file of the service account"),
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("The whole JSON file, from the project's settings under Service accounts."),
        validators=[google_auth.a_key_file],
    )
    project_id = forms.CharField(
        label=_("Firebase project"),
        required=False,
        help_text=_("Only when the key file belongs to another project than the apps."),
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9:.-]{3,62}\Z")],
    )
    android_channel_id = forms.CharField(
        label=_("Notification channel in the Android app"),
        required=False,
        help_text=_("As the app names it. Empty: the one that the app uses by default."),
        validators=[RegexValidator(r"^[\w.:-]{1,100}\Z")],
    )


class Fcm(Provider):
    """One Firebase project. `Message.to` is an installation id (fid), or a registration token."""

    slug = "fcm"
    name = "Firebase Cloud Messaging"
    family = Family.PUSH
    address = "fcm"
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True, needs_join=True)
    Credentials = FcmCredentials
    base_url = "https://fcm.googleapis.com"

    clock: Callable[[], float] = staticmethod(time.time)  # Apple wants a moment, not a time span

    def token_request(self, now: datetime) -> Request | None:
        """An assertion of the service account, for the right to send."""
        url = f"{self.base}/token" if self.stand_in else google_auth.TOKEN_URL
        return google_auth.token_request(self.credentials["service_account"], SCOPE, now, url)

    def token(self, response: Response, now: datetime) -> Access:
        """A token for an hour."""
        return google_auth.token(response, now)

    def request(self, message: Message) -> Request:
        """One message to one device."""
        return self._send({"message": self.note(self.fit(message))})

    def accepted(self, response: Response) -> Accepted:
        """The message's name. It says nothing about the device."""
        if not response.ok:
            raise failure(response)
        name = id_of(part(response.json()).get("name"), 300)
        if not name:
            raise SendError(FailureKind.UNKNOWN, "200", "Firebase's answer names no message.")
        return Accepted(name)

    def verification(self) -> Request | None:
        """A message that Firebase checks and does not send."""
        note = {"topic": TEST_TOPIC, "data": {"event": "test"}}
        return self._send({"message": note, "validateOnly": True})

    def verified(self, response: Response) -> str:
        """Whose messages Firebase takes."""
        self.accepted(response)
        return f"Firebase takes messages for the project {self.project}."

    def fit(self, message: Message) -> Message:
        """Cut to what a notification shows."""
        return replace(message, text=cut(message.text, LONGEST_TEXT))

    @property
    def project(self) -> str:
        """The project whose apps we write to."""
        key_file = self.credentials["service_account"]
        return self.credentials.get("project_id") or google_auth.service_account(key_file).project

    def note(self, message: Message) -> dict[str, Any]:
        """The message for every platform; a device takes the part that is for it."""
        name = replaces(message.collapse_key)
        return {
            **target(message.to),
            **payload(message, name),
            "android": self._android(message, name),
            "apns": self._apple(message, name),
            "webpush": web(message, name),
        }

    def _send(self, body: Mapping[str, Any]) -> Request:
        url = f"{self.base}/v1/projects/{self.project}/messages:send"
        return Request.json(url, body, google_auth.bearer(self.access))

    def _android(self, message: Message, name: str) -> dict[str, Any]:
        channel = self.credentials.get("android_channel_id", "")
        shown = {**({"channelId": channel} if channel else {}), **({"tag": name} if name else {})}
        return {
            "priority": "HIGH" if message.urgent else "NORMAL",
            "ttl": f"{seconds(message)}s",
            **({"collapseKey": name} if name else {}),
            **({"notification": shown} if shown else {}),
        }

    def _apple(self, message: Message, name: str) -> dict[str, Any]:
        headers = {
            "apns-priority": "10" if message.urgent else "5",
            "apns-expiration": str(int(self.clock()) + seconds(message)),
            **({"apns-collapse-id": name} if name else {}),
        }
        return {"headers": headers, "payload": {"aps": {"sound": "default"}}}


def target(to: str) -> dict[str, str]:
    """Which of the two kinds of id `to` is."""
    if FID.fullmatch(to):
        return {"fid": to}
    if not TOKEN.fullmatch(to):
        raise SendError(
            FailureKind.RECIPIENT_INVALID,
            "address",
            "This is no id of an app. The app must send it again.",
        )
    return {"token": to}


def payload(message: Message, name: str) -> dict[str, Any]:
    """What is shown, and the fields for the app; the text is cut until all of it fits."""
    found: dict[str, Any] = {
        "notification": {"title": cut(title_of(message), LONGEST_TITLE), "body": ""},
        "data": fields_of(message, name),
    }
    room = LARGEST_PAYLOAD - len(compact(found))
    if room < 1:
        raise SendError(
            FailureKind.CONTENT_REJECTED, "size", "The link is too long for a push message."
        )
    found["notification"]["body"] = cut(message.text, room + 2, lambda text: len(compact(text)))
    return found


def fields_of(message: Message, name: str) -> dict[str, str]:
    """What the app may read. Firebase takes texts only; those that are empty are left out."""
    order = part(message.data, "order")
    found = {
        "ref": message.ref,
        "url": message.url,
        "tag": name,
        "event": text_of(message.data.get("event"), LONGEST_FIELD),
        **{f"order_{key}": id_of(order.get(key), LONGEST_FIELD) for key in ORDER_FIELDS},
    }
    return {key: value for key, value in found.items() if value}


def web(message: Message, name: str) -> dict[str, Any]:
    """For browsers. Firebase opens https links only."""
    headers = {
        "TTL": str(seconds(message)),
        "Urgency": "high" if message.urgent else "normal",
        **({"Topic": name} if name else {}),
    }
    link = {"fcmOptions": {"link": message.url}} if message.url.startswith("https://") else {}
    return {"headers": headers, **link}


def seconds(message: Message) -> int:
    """How long the message is worth keeping for a device that is off."""
    return min(max(int(message.ttl_seconds), 0), LONGEST_TTL)


def replaces(collapse_key: str) -> str:
    """The name that messages about one thing share, in letters and a length all platforms take."""
    if not collapse_key or NAME.fullmatch(collapse_key):
        return collapse_key
    return hashlib.sha256(collapse_key.encode()).hexdigest()[:32]


def title_of(message: Message) -> str:
    """The subject, the brand's name, or plain words."""
    words = TITLES.get(message.language.split("-")[0].lower(), TITLES["en"])
    return message.subject or text_of(message.data.get("brand"), LONGEST_TITLE) or words


def compact(value: Any) -> bytes:
    """`value` as the shortest UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


PROVIDER = Fcm
