"""The Just Eat source: a static key, and events told apart by name or shape."""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from orders.contract import Item, Malformed, OrderEvent, OrderSource, Raw, Unmappable
from orders.parsing import parse_json, text
from orders.signatures import header, verify_token
from orders.sources.just_eat.orders import is_order, read_event
from orders.sources.just_eat.statuses import LOCATION, ORDER, STATUSES, spelled

KEY_WORDS = frozenset({"bearer", "je-api-key"})
MEMBERS = ("OrderId", "Event", "id")


class JustEat(OrderSource):
    """The partner webhooks of Just Eat."""

    slug = "just_eat"
    name = "Just Eat"
    mapper_version = "just_eat/v1/1"
    approval = (
        "Needs a partner agreement with Just Eat Takeaway.com: its integration team sets up the "
        "webhooks and the key they carry."
    )
    contact_use = (
        "The number may be Just Eat's own, with a code: call it about this order only, while the "
        "order is open. No SMS, no WhatsApp, nothing after the end, no marketing."
    )
    contact_hours = 2
    STATUSES = STATUSES
    SETTINGS = {
        "status_map": (
            {},
            'Just Eat\'s events in ours: {"order-ready-for-preparation": "preparing"}.',
        ),
        "auth_header": (
            "Authorization",
            "The header that holds the key which you gave to Just Eat.",
        ),
    }

    def authenticate(self, raw: Raw, secrets: Sequence[str]) -> None:
        """Compare the key: plain, after Bearer or JE-API-KEY, or as user:password after Basic."""
        name = text(raw.settings.get("auth_header"), 80).lower() or "authorization"
        given = header(raw, [name])
        word, _, rest = given.partition(" ")
        if word.lower() == "basic":
            verify_token(rest, [_basic(secret) for secret in secrets if secret])
        else:
            verify_token(rest if word.lower() in KEY_WORDS else given, secrets)

    def identify(self, raw: Raw) -> Sequence[Item]:
        """One event, known again by its content: Just Eat numbers none."""
        value = parse_json(raw.body)
        if not isinstance(value, dict) or not _says_something(value):
            raise Malformed("The body holds neither an event nor an order: is this Just Eat?")
        topic = _word(raw, value)
        return [Item(f"{topic}:{sha256(raw.body).hexdigest()}", topic)]

    def map(
        self, topic: str, headers: Mapping[str, str], body: bytes, settings: Mapping[str, Any]
    ) -> Sequence[OrderEvent]:
        """What the body says."""
        value = parse_json(body)
        if not isinstance(value, dict):
            raise Unmappable(f"The body of {topic} is no object.")
        event = read_event(topic, value, settings)
        return [event] if event else []


def _basic(secret: str) -> str:
    return base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()


def _says_something(value: Mapping[str, Any]) -> bool:
    return any(value.get(name) not in (None, "") for name in MEMBERS) or is_order(value)


def _word(raw: Raw, value: Mapping[str, Any]) -> str:
    """The event: as the body names it, as the address does (`?event=`), or by its shape."""
    named = text(value.get("Event"), 80)
    asked = parse_qs(urlsplit(raw.url).query).get("event", [""])[0]
    if named or asked:
        return spelled(named or text(asked, 80))
    if isinstance(value.get("Location"), dict):
        return LOCATION
    return ORDER if is_order(value) else "event"


SOURCE = JustEat()
