"""Small facts about channels, contacts and messages that several pages show."""

from collections.abc import Iterable
from typing import Any

from channels_app import registry
from channels_app.contract import Provider
from channels_app.models import Channel
from consents.models import ContactPoint
from notifications.models import Attempt


def provider_of(channel: Channel) -> type[Provider] | None:
    """The provider of `channel`; None when its folder is gone, for old messages stay readable."""
    try:
        return registry.provider_class(channel.provider)
    except LookupError:
        return None


def family_of(channel: Channel) -> str:
    """sms, email, chat, push, team, webhook; empty when nobody knows any more."""
    provider = provider_of(channel)
    return str(provider.family) if provider else ""


def provider_name(channel: Channel) -> str:
    """The provider's name as people know it."""
    provider = provider_of(channel)
    return provider.name if provider else channel.provider


def masked(address: str) -> str:
    """An address as a page may show it without cause."""
    kind = "email" if "@" in address else "other"
    return ContactPoint(kind=kind, address=address).masked if address else ""


def by(rows: Iterable[Any], field: str) -> dict[Any, list[Any]]:
    """`rows` in lists by the value of `field`, in their order."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, field), []).append(row)
    return found


def said(attempts: Iterable[Attempt]) -> Attempt | None:
    """The latest attempt that holds a text: what was, or may have been, received."""
    return next((a for a in reversed(list(attempts)) if a.text or a.subject), None)
