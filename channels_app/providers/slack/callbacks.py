"""Slack's calls to us: pressed buttons, messages to the app, and the set-up question."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    IncidentAction,
    Told,
)
from channels_app.wire.alerts import VERBS
from channels_app.wire.markup import unescape
from channels_app.wire.reading import LARGEST, id_of, json_object, part, text_of

TOLERANCE = 300  # seconds
FORM = "application/x-www-form-urlencoded"
# incident_acknowledge, incident_snooze_15: how the provider names the buttons of an alert.
ALERT_ACTION = re.compile(rf"incident_({'|'.join(VERBS)})(?:_(\d{{1,4}}))?\Z", re.ASCII)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's signature, version 0."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class SlackCallbacks(Callbacks):
    """Interactivity arrives as a form with one field `payload`, events as JSON."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """The signature over the raw body, not older or newer than five minutes."""
        secret = credentials.get("signing_secret", "")
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        given = request.headers.get("x-slack-signature", "").encode("utf-8", "replace")
        if not secret or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
            raise CallbackRefused("The timestamp is missing or not a number.")
        if not hmac.compare_digest(signature(secret, timestamp, request.body).encode(), given):
            raise CallbackRefused("The signature is missing or wrong.")
        if abs(now.timestamp() - int(timestamp)) > TOLERANCE:
            raise CallbackRefused("The call is older or newer than five minutes.")

    def handshake(self, request: CallbackRequest, credentials: Mapping[str, str]) -> Answer | None:
        """Slack asks for its challenge back when the address is saved."""
        if is_form(request):
            return None
        body = json_object(request.body)
        if body.get("type") != "url_verification":
            return None
        return Answer(body=text_of(body.get("challenge"), 500))

    def read(self, request: CallbackRequest) -> Sequence[Told]:
        """Buttons that carry a value, those of alerts, and messages that a person wrote."""
        if is_form(request):
            return pressed(form_payload(request.body))
        body = json_object(request.body)
        found = written(body) if body.get("type") == "event_callback" else None
        return (found,) if found else ()


def is_form(request: CallbackRequest) -> bool:
    """Whether `request` is interactivity."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower() == FORM


def form_payload(body: bytes) -> dict[str, Any]:
    """The JSON in the field `payload`."""
    if len(body) > LARGEST:
        raise ValueError("The body is larger than Slack ever sends.")
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    return json_object(fields.get("payload", [""])[0].encode())


def pressed(payload: dict[str, Any]) -> tuple[Told, ...]:
    """The buttons pressed, without those that only open a link."""
    if payload.get("type") != "block_actions" or not isinstance(payload.get("actions"), list):
        return ()
    sender = id_of(part(payload, "user").get("id"))
    return tuple(
        one_press(payload, part(action), sender)
        for action in payload["actions"][:25]
        if sender and text_of(part(action).get("value"))
    )


def one_press(payload: dict[str, Any], action: dict[str, Any], sender: str) -> Told:
    """A button of an alert, or one that carries an answer."""
    user, value = part(payload, "user"), text_of(action["value"], 2000)
    name = text_of(user.get("name") or user.get("username"), 80)
    number = press_id(payload, action, sender)
    found = ALERT_ACTION.match(id_of(action.get("action_id"), 60))
    if found is None:
        return InboundMessage(number, sender, action=value, sender_name=name)
    return IncidentAction(
        token=value,
        verb=found[1],
        actor=name or sender,
        minutes=int(found[2]) if found[2] else None,
        event_id=number,
        room=id_of(part(payload, "channel").get("id")),
    )


def press_id(payload: dict[str, Any], action: dict[str, Any], sender: str) -> str:
    """The same for a repeat of one press, different for another one."""
    message = id_of(part(payload, "container").get("message_ts"), 40)
    pressed_at, which = id_of(action.get("action_ts"), 40), id_of(action.get("action_id"), 60)
    return f"{message}:{pressed_at}:{sender[:30]}:{which}"


def written(body: dict[str, Any]) -> InboundMessage | None:
    """A message of a person; those of apps, and edits and the like, are left out."""
    event = part(body, "event")
    number, sender, text = (
        id_of(body.get("event_id")),
        id_of(event.get("user")),
        text_of(event.get("text")),
    )
    if event.get("type") != "message" or event.get("subtype") or event.get("bot_id"):
        return None
    if not (number and sender and text):
        return None
    return InboundMessage(message_id=number, sender=sender, text=unescape(text))


CALLBACKS = SlackCallbacks()
