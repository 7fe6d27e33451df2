"""What Viber posts: the fate of our messages, what people write, who comes and who leaves.

Opening the bot by a link is no subscription: until they press or write something, the bot may say
one thing only, and in its answer to this very call. So that answer is a button, and joining is
what its press says.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    InboundMessage,
    Receipt,
    ReceiptStatus,
)
from channels_app.failures import FailureKind
from channels_app.providers.viber.provider import LONGEST_NAME, OLDEST_APP, button, keyboard
from channels_app.wire.reading import id_of, json_object, part, text_of

SIGNATURE = "x-viber-content-signature"
START = "/start"
STATUSES = {
    "delivered": ReceiptStatus.DELIVERED,
    "seen": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}
_WELCOME = {
    "en": ("Shall we tell you here how your order is doing?", "Yes, please"),
    "es": ("¿Quieres que te avisemos aquí de cómo va tu pedido?", "Sí, por favor"),
}


def signature(token: str, body: bytes) -> str:
    """What Viber puts into its header."""
    return hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


class ViberCallbacks(Callbacks):
    """Signed over the raw bytes with the bot's token, without a time."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """HMAC-SHA256 in small hexadecimal digits."""
        token = credentials.get("auth_token", "")
        given = request.headers.get(SIGNATURE, "").encode("utf-8", "replace")
        if not token or not hmac.compare_digest(signature(token, request.body).encode(), given):
            raise CallbackRefused("The signature is not Viber's.")

    def handshake(self, request: CallbackRequest, credentials: Mapping[str, str]) -> Answer | None:
        """What Viber asks when a webhook is set, and the one message to somebody new."""
        event = json_object(request.body)
        if event.get("event") == "webhook":
            return Answer()
        if _is_new(event):
            name = credentials.get("sender_name", "")[:LONGEST_NAME]
            return Answer(body=json.dumps(welcome(event, name)), content_type="application/json")
        return None

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """The one thing that an event tells, if it is of use to us."""
        event = json_object(request.body)
        found = _receipt(event) or _message(event) or _came(event) or _left(event)
        return (found,) if found else ()


def _is_new(event: Mapping[str, Any]) -> bool:
    return event.get("event") == "conversation_started" and event.get("subscribed") is not True


def welcome(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A message with one button, which says what the link's context says."""
    language = text_of(part(event, "user").get("language"), 10)
    text, label = _WELCOME.get(language.split("-")[0].lower(), _WELCOME["en"])
    words = _start(event)
    return {
        "min_api_version": OLDEST_APP,
        "sender": {"name": name},
        "type": "text",
        "text": text,
        "keyboard": keyboard([button("reply", words, label)]),
    }


def _start(event: Mapping[str, Any]) -> str:
    return f"{START} {text_of(event.get('context'), 240)}".strip()


def _receipt(event: Mapping[str, Any]) -> Receipt | None:
    word, token = text_of(event.get("event"), 30), id_of(event.get("message_token"))
    status = STATUSES.get(word)
    if status is None or not token:
        return None
    failed = status is ReceiptStatus.FAILED
    return Receipt(
        token,
        status,
        at=moment(event.get("timestamp")),
        detail="Viber could not deliver it, and gives no code." if failed else "",
        failure=FailureKind.TRANSIENT if failed else None,
        event_id=f"{token}:{word}",
        address=text_of(event.get("user_id"), 100),
    )


def _message(event: Mapping[str, Any]) -> InboundMessage | None:
    """What a person wrote; a pressed button is the same, with the button's value for words."""
    if event.get("event") != "message":
        return None
    message = part(event, "message")
    kind = text_of(message.get("type"), 30)
    return _inbound(event, part(event, "sender"), text_of(message.get("text")) or f"[{kind}]")


def _came(event: Mapping[str, Any]) -> InboundMessage | None:
    """Somebody who may be written to came by a link. A subscription without one says nothing:
    Viber makes it of any first message, and that message comes as well."""
    word = event.get("event")
    if word not in ("subscribed", "conversation_started") or _is_new(event):
        return None
    return _inbound(event, part(event, "user"), _start(event)) if event.get("context") else None


def _left(event: Mapping[str, Any]) -> InboundMessage | None:
    if event.get("event") != "unsubscribed":
        return None
    return _inbound(event, {"id": event.get("user_id")}, "", left=True)


def _inbound(
    event: Mapping[str, Any], person: Mapping[str, Any], text: str, left: bool = False
) -> InboundMessage | None:
    sender, token = text_of(person.get("id"), 100), id_of(event.get("message_token"))
    if not sender or not token:
        return None
    return InboundMessage(
        token,
        sender,
        text=text,
        sender_name=text_of(person.get("name"), 120),
        language=text_of(person.get("language"), 10),
        left=left,
    )


def moment(value: Any) -> datetime | None:
    """A time in milliseconds; None when it is none."""
    try:
        return datetime.fromtimestamp(int(id_of(value, 20)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


CALLBACKS = ViberCallbacks()
