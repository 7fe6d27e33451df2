"""What a message in a staff room shows below its words: what it is about, and where to look."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire.alerts import alert_label, alert_of
from channels_app.wire.markup import cut, is_web_link, link_label
from channels_app.wire.reading import id_of, text_of

LONGEST_CONTEXT = 300


class Link(NamedTuple):
    """An address to open, and its words; `of_alert` where it is the alert's own page."""

    label: str
    url: str
    of_alert: bool


def need_text(message: Message) -> None:
    """Refuse a message that says nothing."""
    if not message.text.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "no_text", "The text is empty.")


def context(data: Mapping[str, Any]) -> str:
    """The order's number and its store, as far as the fields say."""
    order, store = data.get("order"), data.get("store")
    number = order.get("number") if isinstance(order, Mapping) else order
    name = store.get("name") if isinstance(store, Mapping) else store
    return cut(" · ".join(filter(None, (id_of(number), text_of(name)))), LONGEST_CONTEXT)


def links(message: Message, longest: int) -> list[Link]:
    """The alert's own page, where it is answered, then the order's; no address twice."""
    alert, found = alert_of(message.data), []
    if alert is not None:
        found.append(Link(alert_label("open", message.language), alert.url, True))
    if alert is None or message.url != alert.url:
        found.append(Link(link_label(message.language), message.url, False))
    return [link for link in found if is_web_link(link.url) and len(link.url) <= longest]
