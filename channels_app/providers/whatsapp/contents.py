"""What a message looks like in WhatsApp: text, buttons, a link, or a template kept there."""

from typing import Any

from channels_app.contract import Message, ProviderTemplate
from channels_app.failures import FailureKind, SendError
from channels_app.wire import meta_graph
from channels_app.wire.markup import cut, is_web_link, link_label

LONGEST_TEXT = 4096
LONGEST_BODY = 1024  # of a message with buttons
LONGEST_LABEL = 20
LONGEST_VALUE = 256
MOST_BUTTONS = 3
# Parts of a template that can be filled besides its body; buttons are counted from 0.
PLACES = ("header", "button", "reply")


def content(message: Message) -> dict[str, Any]:
    """The fields `type` and its own of a message within the window."""
    if not message.text.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "empty", "The text is empty.")
    linked = is_web_link(message.url) and message.url not in message.text
    if message.actions:
        return _buttons(message, linked)
    if linked and len(message.text) <= LONGEST_BODY:
        return _link(message)
    text = _with_link(message, LONGEST_TEXT) if linked else cut(message.text, LONGEST_TEXT)
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _with_link(message: Message, longest: int) -> str:
    """The text with the link below it: WhatsApp shows no second kind of button."""
    return f"{cut(message.text, longest - len(message.url) - 2)}\n\n{message.url}"


def _buttons(message: Message, linked: bool) -> dict[str, Any]:
    if len(message.actions) > MOST_BUTTONS:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "buttons",
            f"WhatsApp shows {MOST_BUTTONS} buttons at most. Leave some out.",
        )
    short = _with_link(message, LONGEST_BODY) if linked else cut(message.text, LONGEST_BODY)
    action = {"buttons": [_button(label, value) for label, value in message.actions]}
    return _interactive("button", short, action)


def _button(label: str, value: str) -> dict[str, Any]:
    if not 1 <= len(value) <= LONGEST_VALUE or not label.strip():
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "button",
            f"A button needs a label, and a value of 1 to {LONGEST_VALUE} characters.",
        )
    return {"type": "reply", "reply": {"id": value, "title": cut(label.strip(), LONGEST_LABEL)}}


def _link(message: Message) -> dict[str, Any]:
    label = cut(link_label(message.language), LONGEST_LABEL)
    action = {"name": "cta_url", "parameters": {"display_text": label, "url": message.url}}
    return _interactive("cta_url", message.text, action)


def _interactive(kind: str, text: str, action: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "interactive",
        "interactive": {"type": kind, "body": {"text": text}, "action": action},
    }


def template(chosen: ProviderTemplate) -> dict[str, Any]:
    """The fields of a template with its gaps filled."""
    filled = meta_graph.template_head(chosen)
    components = [
        {"type": place or "body", "parameters": meta_graph.texts(gaps)}
        for place in ("header", "")
        if (gaps := meta_graph.of_part(chosen.parameters, place))
    ]
    components += [
        _component("url", index, {"type": "text", "text": meta_graph.flat(value)})
        for index, value in meta_graph.of_part(chosen.parameters, "button").items()
    ]
    components += [
        _component("quick_reply", index, {"type": "payload", "payload": meta_graph.flat(value)})
        for index, value in meta_graph.of_part(chosen.parameters, "reply").items()
    ]
    return {"type": "template", "template": filled | {"components": components}}


def _component(kind: str, index: str, parameter: dict[str, str]) -> dict[str, Any]:
    return {"type": "button", "sub_type": kind, "index": index, "parameters": [parameter]}
