"""A message as a card: cards take escaped text, plain messages would ping whoever is named."""

import json
from collections.abc import Mapping
from typing import Any

from channels_app.contract import Message
from channels_app.wire.alerts import alert_label, alert_of
from channels_app.wire.markup import cut, escape, is_web_link, link_label
from channels_app.wire.reading import id_of, part, text_of

LONGEST_TITLE = 150
LONGEST_FALLBACK = 1000
LONGEST_LINK = 2000
LONGEST_CONTEXT = 300
CARD = "message"


def content(message: Message) -> dict[str, Any]:
    """The card, and the words for a telephone's lock screen."""
    said = ": ".join(filter(None, (message.subject, message.text)))
    card: dict[str, Any] = {"sections": [{"widgets": widgets(message)}]}
    if message.subject:
        card = {"header": {"title": cut(message.subject, LONGEST_TITLE)}, **card}
    return {
        "fallbackText": cut(said, LONGEST_FALLBACK),
        "cardsV2": [{"cardId": CARD, "card": card}],
    }


def widgets(message: Message) -> list[dict[str, Any]]:
    """The text, what it is about, and the links."""
    found: list[dict[str, Any]] = [{"textParagraph": {"text": marked_up(message.text)}}]
    if said := context(message.data):
        found.append({"decoratedText": {"text": escape(said), "wrapText": True}})
    if buttons := links(message):
        found.append({"buttonList": {"buttons": buttons}})
    return found


def marked_up(text: str) -> str:
    """`text` as literal text in a card: nothing in it is markup, and lines stay lines."""
    return escape(text).replace("\r\n", "\n").replace("\n", "<br>")


def markup_size(text: str) -> int:
    """How many bytes `text` takes in a card, as it is written in JSON."""
    written = json.dumps(marked_up(text), ensure_ascii=False)
    return len(written.encode("utf-8", "replace"))


def context(data: Mapping[str, Any]) -> str:
    """The order's number and its store, as far as the fields say."""
    order, store = data.get("order"), data.get("store")
    number = part(order).get("number") if isinstance(order, dict) else order
    name = part(store).get("name") if isinstance(store, dict) else store
    return cut(" · ".join(filter(None, (id_of(number), text_of(name)))), LONGEST_CONTEXT)


def links(message: Message) -> list[dict[str, Any]]:
    """The alert's own page first, then the order's."""
    alert, found = alert_of(message.data), []
    if alert is not None:
        found.append((alert_label("open", message.language), alert.url))
    if alert is None or message.url != alert.url:
        found.append((link_label(message.language), message.url))
    return [
        {"text": label, "onClick": {"openLink": {"url": url}}}
        for label, url in found
        if is_web_link(url) and len(url) <= LONGEST_LINK
    ]
