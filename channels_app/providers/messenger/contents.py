"""What a message looks like in Messenger: text, buttons, or a utility template."""

from typing import Any

from channels_app.contract import Message, ProviderTemplate
from channels_app.failures import FailureKind, SendError
from channels_app.wire import meta_graph
from channels_app.wire.markup import cut, is_web_link, link_label

LONGEST_TEXT = 2000
LONGEST_BODY = 640  # of a message with buttons
LONGEST_LABEL = 20
LONGEST_VALUE = 1000
MOST_BUTTONS = 3
MOST_REPLIES = 13
# Parts of a template that can be filled besides its body; buttons are counted from 0.
PLACES = ("reply",)


def content(message: Message) -> dict[str, Any]:
    """The field `message` within the window: buttons where they fit, else quick replies."""
    if not message.text.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "empty", "The text is empty.")
    linked = is_web_link(message.url) and message.url not in message.text
    buttons = [_button(label, value) for label, value in message.actions]
    if linked:
        label = cut(link_label(message.language), LONGEST_LABEL)
        buttons.append({"type": "web_url", "url": message.url, "title": label})
    if not buttons:
        return {"text": cut(message.text, LONGEST_TEXT)}
    if len(buttons) <= MOST_BUTTONS and len(message.text) <= LONGEST_BODY:
        payload = {"template_type": "button", "text": message.text, "buttons": buttons}
        return {"attachment": {"type": "template", "payload": payload}}
    return _plain(message, linked)


def _plain(message: Message, linked: bool) -> dict[str, Any]:
    """The text with the link below it, and what can be answered as quick replies."""
    if len(message.actions) > MOST_REPLIES:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "buttons",
            f"Messenger shows {MOST_REPLIES} answers at most. Leave some out.",
        )
    below = f"\n\n{message.url}" if linked else ""
    shown: dict[str, Any] = {"text": cut(message.text, LONGEST_TEXT - len(below)) + below}
    if message.actions:
        shown["quick_replies"] = [_quick_reply(label, value) for label, value in message.actions]
    return shown


def _button(label: str, value: str) -> dict[str, str]:
    return {"type": "postback", "title": _label(label), "payload": _value(value)}


def _quick_reply(label: str, value: str) -> dict[str, str]:
    return {"content_type": "text", "title": _label(label), "payload": _value(value)}


def _label(label: str) -> str:
    if not label.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "button", "A button needs a label.")
    return cut(label.strip(), LONGEST_LABEL)


def _value(value: str) -> str:
    if not 1 <= len(value) <= LONGEST_VALUE:
        raise SendError(
            FailureKind.CONTENT_REJECTED,
            "button",
            f"A button's value must have 1 to {LONGEST_VALUE} characters.",
        )
    return value


def template(chosen: ProviderTemplate) -> dict[str, Any]:
    """The field `message` of a utility template; it sits right there, in no attachment."""
    filled = meta_graph.template_head(chosen)
    components: list[dict[str, Any]] = []
    if body := meta_graph.of_part(chosen.parameters, ""):
        components.append({"type": "body", "parameters": meta_graph.texts(body)})
    if replies := meta_graph.of_part(chosen.parameters, "reply"):
        values = [
            {"type": "POSTBACK", "payload": meta_graph.flat(replies[index])}
            for index in sorted(replies)
        ]
        components.append({"type": "buttons", "parameters": values})
    return {"template": filled | {"components": components}}
