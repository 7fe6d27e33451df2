"""Google Chat: spaces.messages.create, with a webhook's key or with an app's token."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid5

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    Access,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.google_chat.cards import content, markup_size
from channels_app.providers.google_chat.errors import failure, is_repeat
from channels_app.wire import google_auth
from channels_app.wire.hosts import is_listed, secure_endpoint
from channels_app.wire.markup import cut
from channels_app.wire.reading import id_of, part
from channels_app.wire.staff_cards import need_text

HOSTS = frozenset({"chat.googleapis.com"})
SCOPE = "https://www.googleapis.com/auth/chat.bot"
WEBHOOK_PATH = re.compile(r"/v1/spaces/(?P<space>[A-Za-z0-9_-]{1,100})/messages")
SPACE = re.compile(r"(?:spaces/)?(?P<space>[A-Za-z0-9_-]{1,100})")
LONGEST_TEXT = 4000
LARGEST_TEXT = 16_000  # bytes in the card; a whole message may have 32,000
LONGEST_THREAD = 4000
REPLY = "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
OURS = UUID("7a2f0f2c-31a0-5d1c-9d0e-6f1d0f3b7c55")  # keeps our request ids apart from others
WEBHOOK, APP = "webhook", "app"


def webhook_parts(url: str) -> tuple[str, str, str]:
    """(space, key, token) of a webhook's address; ValueError with a sentence for another one."""
    parts = secure_endpoint(url.strip(), frozenset())
    if not is_listed(parts.hostname or "", HOSTS):
        raise ValueError("The address must be at chat.googleapis.com.")
    found, query = WEBHOOK_PATH.fullmatch(parts.path), dict(parse_qsl(parts.query))
    if found is None or not query.get("key") or not query.get("token"):
        raise ValueError("The address is not complete. Copy it from the space once more.")
    return found["space"], query["key"], query["token"]


class GoogleChatCredentials(Credentials):
    """A webhook's address, or an app's key file."""

    secret = frozenset({"webhook_url", "service_account"})

    way = forms.ChoiceField(
        label=_("Way"),
        choices=[
            (WEBHOOK, _("A webhook: one space, made in a minute")),
            (APP, _("A Chat app of yours: all spaces that it is in")),
        ],
    )
    webhook_url = forms.CharField(
        label=_("Address of the webhook"),
        required=False,
        help_text=_("Begins with https://chat.googleapis.com/v1/spaces/. It is a secret."),
    )
    service_account = forms.CharField(
        label=_("Key file of the app's service account"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("The whole JSON file."),
    )

    def clean_webhook_url(self) -> str:
        """Google's host only, with its key and its token."""
        url: str = self.cleaned_data["webhook_url"]
        try:
            if url:
                webhook_parts(url)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return url

    def clean_service_account(self) -> str:
        """A key file, where there is one."""
        key_file: str = self.cleaned_data["service_account"]
        if key_file:
            google_auth.a_key_file(key_file)
        return key_file

    def clean(self) -> dict[str, Any]:
        """What the chosen way needs must be there."""
        found = super().clean() or self.cleaned_data
        needed = {WEBHOOK: "webhook_url", APP: "service_account"}.get(found.get("way", ""))
        if needed and needed not in self.errors and not found.get(needed):
            self.add_error(needed, _("This way needs it."))
        return found


class GoogleChat(Provider):
    """`Message.to` is a space for an app, and only a name for people for a webhook."""

    slug = "google_chat"
    name = "Google Chat"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True)
    Credentials = GoogleChatCredentials
    base_url = "https://chat.googleapis.com"
    in_flight = 4  # about one message a second and space
    resolves_incidents = True  # whoever was asked to act reads in the same thread that it is done

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """Google promises to recognise a repeat, but says so for apps only."""
        super().__init__(credentials, base_url, allowed_hosts)
        if self.by_app:
            able = replace(self.capabilities, idempotency=Idempotency.KEY)
            self.capabilities = able  # type: ignore[misc]  # what this account can do

    @property
    def by_app(self) -> bool:
        """Whether an app speaks, and not a webhook."""
        return self.credentials.get("way") == APP

    def token_request(self, now: datetime) -> Request | None:
        """An app's assertion; a webhook needs no token."""
        if not self.by_app:
            return None
        url = f"{self.base}/token" if self.stand_in else google_auth.TOKEN_URL
        return google_auth.token_request(self.credentials["service_account"], SCOPE, now, url)

    def token(self, response: Response, now: datetime) -> Access:
        """A token for an hour."""
        return google_auth.token(response, now)

    def request(self, message: Message) -> Request:
        """A card in the space, in the thread of what it is about."""
        need_text(message)
        space, query = self._space(message.to)
        body = content(self.fit(message))
        if message.collapse_key:
            body["thread"] = {"threadKey": message.collapse_key[:LONGEST_THREAD]}
            query["messageReplyOption"] = REPLY
        query["requestId"] = str(uuid5(OURS, message.ref))
        url = f"{self.base}/v1/spaces/{space}/messages?{urlencode(query)}"
        return Request.json(url, body, google_auth.bearer(self.access) if self.by_app else {})

    def accepted(self, response: Response) -> Accepted:
        """The message's name."""
        if is_repeat(response):
            return Accepted(detail="It was there already.")
        if not response.ok:
            raise failure(response, self.by_app)
        name = id_of(part(response.json()).get("name"), 300)
        if not name:
            raise SendError(FailureKind.UNKNOWN, "200", "Google's answer names no message.")
        return Accepted(name)

    def verification(self) -> Request | None:
        """For an app: which spaces it is in. A webhook is proven by a message only."""
        if not self.by_app:
            return None
        url = f"{self.base}/v1/spaces"
        return Request.get(url, {"pageSize": "100"}, google_auth.bearer(self.access))

    def verified(self, response: Response) -> str:
        """In how many spaces the app is."""
        if not response.ok:
            raise failure(response, self.by_app)
        answer = part(response.json())
        spaces = answer.get("spaces", [])
        if not isinstance(spaces, list):
            raise SendError(FailureKind.UNKNOWN, "200", "Google's answer names no spaces.")
        if not spaces:
            return "The Chat app works, but is in no space yet. Add it to one."
        more = "more than " if answer.get("nextPageToken") else ""
        return f"The Chat app works. It is in {more}{len(spaces)} space{'s'[: len(spaces) > 1]}."

    def fit(self, message: Message) -> Message:
        """Cut so that the whole message stays below Google's limit."""
        text = cut(message.text, LONGEST_TEXT)
        return replace(message, text=cut(text, LARGEST_TEXT, markup_size))

    def _space(self, to: str) -> tuple[str, dict[str, str]]:
        """The space that `to` means, and what opens it."""
        found = SPACE.fullmatch(to.strip())
        if self.by_app:
            if found is None:
                raise SendError(
                    FailureKind.RECIPIENT_INVALID,
                    "space",
                    "This is no space. Use the id at the end of the space's address.",
                )
            return found["space"], {}
        try:
            space, key, token = webhook_parts(self.credentials["webhook_url"])
        except ValueError as error:
            raise SendError(FailureKind.MISCONFIGURED, "webhook", str(error)) from None
        if to.startswith("spaces/") and (found is None or found["space"] != space):
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "space", "This webhook writes to another space."
            )
        return space, {"key": key, "token": token}


PROVIDER = GoogleChat
