"""Calls that reach us because of Pusher: a visitor's page that wants to listen, and webhooks.

Two kinds arrive at one address. A page asks, unsigned, whether its connection may listen to a
private channel: the right to that is the channel's name, which holds the unguessable token of the
order's tracking page. Pusher's own webhooks are signed, and tell nothing that we need.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs

from channels_app.contract import Answer, CallbackRefused, CallbackRequest, Callbacks, Told
from channels_app.providers.pusher.names import NAME, SOCKET, TRACKED
from channels_app.providers.pusher.signing import digest, subscription
from channels_app.wire.reading import json_object

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 2000
TOLERANCE_MS = 600_000  # Pusher tries again for five minutes, and signs no time but this


class PusherCallbacks(Callbacks):
    """Verified webhooks are read as nothing; pages are answered in `handshake`."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """A webhook's signature; of a page's question, that it is one."""
        key, secret = credentials.get("key", ""), credentials.get("secret_key", "")
        if not (key and secret):
            raise CallbackRefused("The channel has no key and secret.")
        if is_question(request):
            asked(request)
            return
        check_signature(request, key, secret)
        check_time(request, now)

    def handshake(self, request: CallbackRequest, credentials: Mapping[str, str]) -> Answer | None:
        """Let a page listen to the channel of an order whose token it knows; to no other."""
        if not is_question(request):
            return None
        socket_id, channel = asked(request)
        if not TRACKED.match(channel):
            words = {"error": "Only channels of the form private-order-<token> are opened here."}
            return Answer(403, json.dumps(words), "application/json")
        auth = subscription(credentials["key"], credentials["secret_key"], socket_id, channel)
        return Answer(200, json.dumps({"auth": auth}), "application/json")

    def read(self, request: CallbackRequest) -> Sequence[Told]:
        """Nothing: who listens is not our affair."""
        json_object(request.body)
        return ()


def is_question(request: CallbackRequest) -> bool:
    """Whether a page asks; webhooks name their key."""
    if "x-pusher-key" in request.headers or "x-pusher-signature" in request.headers:
        return False
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return request.method == "POST" and kind == FORM


def asked(request: CallbackRequest) -> tuple[str, str]:
    """The connection and the channel that a page asks for."""
    if len(request.body) > LARGEST_FORM:
        raise CallbackRefused("The form is larger than any page sends.")
    try:
        fields = parse_qs(request.body.decode(), max_num_fields=10)
    except ValueError:
        raise CallbackRefused("The form cannot be read.") from None
    sockets, channels = fields.get("socket_id", []), fields.get("channel_name", [])
    if len(sockets) != 1 or len(channels) != 1:
        raise CallbackRefused("The form needs one socket_id and one channel_name.")
    if not (SOCKET.match(sockets[0]) and NAME.match(channels[0])):
        raise CallbackRefused("The socket_id or the channel_name is not one of Pusher's.")
    return sockets[0], channels[0]


def check_signature(request: CallbackRequest, key: str, secret: str) -> None:
    """The key and the signature over the raw body."""
    given_key = request.headers.get("x-pusher-key", "").encode("utf-8", "replace")
    given = request.headers.get("x-pusher-signature", "").encode("utf-8", "replace")
    known = hmac.compare_digest(given_key, key.encode())
    if not hmac.compare_digest(given, digest(secret, request.body).encode()) or not known:
        raise CallbackRefused("The key or the signature is missing or wrong.")


def check_time(request: CallbackRequest, now: datetime) -> None:
    """Refuse a webhook that was kept and is played again later."""
    try:
        sent = json_object(request.body).get("time_ms")
    except ValueError:
        raise CallbackRefused("The body is not JSON.") from None
    if not isinstance(sent, int) or abs(now.timestamp() * 1000 - sent) > TOLERANCE_MS:
        raise CallbackRefused("The webhook is older or newer than ten minutes.")


CALLBACKS = PusherCallbacks()
