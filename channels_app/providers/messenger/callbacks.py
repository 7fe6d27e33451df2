"""What Messenger posts: echoes and deliveries of our messages, words, buttons and links."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest, InboundMessage, Receipt, ReceiptStatus
from channels_app.wire.meta_graph import MetaCallbacks, entries, moment, objects
from channels_app.wire.reading import id_of, part, text_of

OBJECT = "page"
START = "/start"
PER_SECOND = 1000  # times are in milliseconds


class MessengerCallbacks(MetaCallbacks):
    """One POST can bring many entries, and the same one twice."""

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """Receipts and messages in the order of the body; other events are left out."""
        found: list[Receipt | InboundMessage] = []
        for entry in entries(request, OBJECT):
            for event in objects(entry.get("messaging")):
                found += _deliveries(event)
                found += _echo(event)
                found += _words(event)
        return found


def _deliveries(event: Mapping[str, Any]) -> Iterator[Receipt]:
    """Only the named messages: a watermark alone says "all before", and names none."""
    delivery = part(event, "delivery")
    names = delivery.get("mids")
    for mid in names if isinstance(names, list) else ():
        if name := text_of(mid, 200):
            yield Receipt(
                name,
                ReceiptStatus.DELIVERED,
                at=moment(delivery.get("watermark"), PER_SECOND),
                event_id=f"{name}:delivered",
                address=id_of(part(event, "sender").get("id")),
            )


def _echo(event: Mapping[str, Any]) -> Iterator[Receipt]:
    """What the Page sent. With our reference it is ours; the rest was written by people."""
    message = part(event, "message")
    name, ref = text_of(message.get("mid"), 200), text_of(message.get("metadata"), 40)
    if message.get("is_echo") is True and name and ref:
        yield Receipt(
            name,
            ReceiptStatus.SENT,
            ref=ref,
            at=moment(event.get("timestamp"), PER_SECOND),
            event_id=f"{name}:sent",
            address=id_of(part(event, "recipient").get("id")),
        )


def _words(event: Mapping[str, Any]) -> Iterator[InboundMessage]:
    sender = id_of(part(event, "sender").get("id"))
    name, text, action = _said(event) or _pressed(event) or _came(event) or ("", "", "")
    if sender and (text or action):
        # An event without an id of its own is known by its person and its moment.
        known = name or f"{sender}:{id_of(event.get('timestamp'), 20)}"
        yield InboundMessage(known, sender, text=text, action=action)


def _said(event: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """(id, words, value of a quick reply) of a message that a person wrote."""
    message = part(event, "message")
    if not message or message.get("is_echo") is True:
        return None
    attachments = objects(message.get("attachments"))
    kind = text_of(attachments[0].get("type"), 30) if attachments else ""
    text = text_of(message.get("text")) or (f"[{kind}]" if kind else "")
    action = text_of(part(message, "quick_reply").get("payload"), 1000)
    return text_of(message.get("mid"), 200), text, action


def _pressed(event: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The same of a button; "Get started" after one of our links brings the link's token."""
    postback = part(event, "postback")
    if not postback:
        return None
    name, value = text_of(postback.get("mid"), 200), text_of(postback.get("payload"), 1000)
    if ref := text_of(part(postback, "referral").get("ref"), 255):
        return name, f"{START} {ref}", ""
    if value.split(" ")[0] == START:
        return name, value, ""
    return name, "", value


def _came(event: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The same of somebody who followed a link, or a plug-in of ours, into a chat they had."""
    for cause in ("referral", "optin"):
        if ref := text_of(part(event, cause).get("ref"), 255):
            return "", f"{START} {ref}", ""
    return None


CALLBACKS = MessengerCallbacks()
