"""Pusher Channels: one signed event for the pages that show an order."""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
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
from channels_app.providers.pusher.names import channel_name, is_open
from channels_app.providers.pusher.payload import payload
from channels_app.providers.pusher.signing import signed_query, signed_url
from channels_app.wire.clock import seconds
from channels_app.wire.reading import part

EVENT = "order:update"
LONGEST_TEXT = 1000
# A name with a dot whose last part is no number; ports, paths and addresses are not taken.
HOST = re.compile(r"\A(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*\Z")
KINDS: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 410), FailureKind.MISCONFIGURED)
HINTS: Mapping[int, str] = {
    400: "Pusher refuses the event: look at the channel's name.",
    401: "Pusher does not know the key, or the secret is not the key's. Copy both again.",
    403: "The app is disabled at Pusher, or has used up its messages. Look at its page there.",
    404: "Pusher knows no such app in this cluster. Compare the app id and the cluster.",
    413: "The event is larger than Pusher takes.",
}
CLOCK_HINT = "This server's clock is more than ten minutes wrong. Set it by the network's time."


class PusherCredentials(Credentials):
    """What the app's page at Pusher shows under App Keys."""

    secret = frozenset({"secret_key"})

    app_id = forms.CharField(
        label=_("App id"),
        help_text=_("A number. On the app's page under App Keys."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{1,64}\Z")],
    )
    key = forms.CharField(
        label=_("Key"),
        help_text=_("It is public: the pages that listen use it, too."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{8,64}\Z")],
    )
    secret_key = forms.CharField(
        label=_("Secret"),
        help_text=_("Signs what we send, and lets visitors listen."),
        validators=[RegexValidator(r"^[A-Za-z0-9_-]{16,128}\Z")],
    )
    cluster = forms.CharField(
        label=_("Cluster"),
        required=False,
        help_text=_("Such as eu or mt1. On the same page."),
        validators=[RegexValidator(r"^[a-z0-9-]{2,20}\Z")],
    )
    host = forms.CharField(
        label=_("Host of a server of your own"),
        required=False,
        help_text=_("Only for a server that speaks Pusher's language. Otherwise leave it empty."),
        validators=[RegexValidator(HOST)],
    )

    def clean(self) -> dict[str, Any]:
        """Exactly one of cluster and host says where events go."""
        known = super().clean() or {}
        named = [name for name in ("cluster", "host") if known.get(name)]
        if len(named) != 1 and not self.errors:
            raise ValidationError(_("Give the cluster, or the host of a server of your own."))
        return known


class Pusher(Provider):
    """One app. `Message.to` is a pattern for a channel's name: `private-order-{token}`."""

    slug = "pusher"
    name = "Pusher Channels"
    family = Family.EVENT
    address = AddressKind.ROOM
    audiences = frozenset({"partner"})
    # Who was listening, and what their page made of it, nobody tells.
    capabilities = Capabilities(max_text=LONGEST_TEXT, hands_off=True)
    Credentials = PusherCredentials
    base_url = "https://api-mt1.pusher.com"

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The cluster decides the host. A host that somebody typed is no base: it is checked."""
        super().__init__(credentials, base_url, allowed_hosts)
        self._root = self.base
        if base_url:
            return
        if host := credentials.get("host", ""):
            self.base, self._root = "", f"https://{host}"
        elif cluster := credentials.get("cluster", ""):
            self.base = self._root = f"https://api-{cluster}.pusher.com"

    def request(self, message: Message) -> Request:
        """A POST of the event. The order is JSON inside JSON, as Pusher wants it."""
        channel = channel_name(message.to, message.data)
        data = payload(message, is_open(channel))
        event = {"name": EVENT, "channel": channel, "data": data}
        plain = Request.json("", event)
        at = int(seconds(message.data.get("sent_at")))
        return replace(plain, url=self._signed("POST", "events", plain.body, at))

    def accepted(self, response: Response) -> Accepted:
        """An empty object. Also when nobody was listening."""
        answered(response)
        return Accepted(detail="Given to Pusher for whoever is listening.", handed_off=True)

    def verification(self) -> Request:
        """A signed GET of the channels that somebody listens to."""
        return Request.get(self._signed("GET", "channels", b"", int(time.time())))

    def verified(self, response: Response) -> str:
        """How many channels are being listened to."""
        channels = part(answered(response), "channels")
        return f"Pusher takes the key. Channels that somebody listens to now: {len(channels)}."

    def _signed(self, method: str, what: str, body: bytes, at: int) -> str:
        """The address for `what` of the app, with the query that proves the request."""
        key, secret = self.credentials["key"], self.credentials["secret_key"]
        path = f"/apps/{self.credentials['app_id']}/{what}"
        return signed_url(self._root, path, signed_query(key, secret, method, path, body, at))


def answered(response: Response) -> dict[str, Any]:
    """The object of a good answer; raises SendError for any other."""
    if not response.ok:
        raise failure(response, response.status)
    answer = part(response.json())
    code = answer.get("code")
    # Servers that speak Pusher's language say 200 to refusals, and name the status inside.
    if "error" in answer and isinstance(code, int) and code >= 400:
        raise failure(response, code)
    return answer


def failure(response: Response, status: int) -> SendError:
    """What a refusal means. Pusher's own words quote the request, so they are not kept."""
    kind = KINDS.get(status) or kind_of_status(status)
    hint = HINTS.get(status, "")
    # Not just "timestamp": the words about a wrong signature quote the query.
    if status == 401 and b"timestamp expired" in response.body[:2000].lower():
        return SendError(kind, "clock", CLOCK_HINT)
    return SendError(kind, str(status), hint, response.retry_after)


PROVIDER = Pusher
