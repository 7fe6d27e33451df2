"""A message as a card: cards take escaped text, plain messages would ping whoever is named."""

import json
from typing import Any

from channels_app.contract import Message
from channels_app.wire.markup import cut, escape
from channels_app.wire.staff_cards import context, links

LONGEST_TITLE = 150
LONGEST_FALLBACK = 1000
LONGEST_LINK = 2000
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
    if buttons := [
        {"text": link.label, "onClick": {"openLink": {"url": link.url}}}
        for link in links(message, LONGEST_LINK)
    ]:
        found.append({"buttonList": {"buttons": buttons}})
    return found


def marked_up(text: str) -> str:
    """`text` as literal text in a card: nothing in it is markup, and lines stay lines."""
    return escape(text).replace("\r\n", "\n").replace("\n", "<br>")


def markup_size(text: str) -> int:
    """How many bytes `text` takes in a card, as it is written in JSON."""
    written = json.dumps(marked_up(text), ensure_ascii=False)
    return len(written.encode("utf-8", "replace"))
