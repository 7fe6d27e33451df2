"""What WhatsApp posts: the fate of our messages, and what people write."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels_app.contract import CallbackRequest, InboundMessage, Receipt, ReceiptStatus
from channels_app.failures import FailureKind
from channels_app.providers.whatsapp.errors import ERRORS
from channels_app.wire.meta_graph import MetaCallbacks, entries, meaning, moment, objects
from channels_app.wire.reading import id_of, part, text_of

OBJECT = "whatsapp_business_account"
STATUSES = {
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.READ,
    "failed": ReceiptStatus.FAILED,
}
# No words of a person: a number that changed, a heart below a message, what the app cannot show.
SILENT = frozenset({"system", "reaction", "unsupported", "unknown", "ephemeral"})


class WhatsAppCallbacks(MetaCallbacks):
    """One POST can bring many entries, and the same one twice."""

    def read(self, request: CallbackRequest) -> Sequence[Receipt | InboundMessage]:
        """Receipts and messages in the order of the body; other subjects are left out."""
        found: list[Receipt | InboundMessage] = []
        for entry in entries(request, OBJECT):
            for change in objects(entry.get("changes")):
                if change.get("field") == "messages":
                    value = part(change, "value")
                    found += _receipts(value)
                    found += _messages(value)
        return found


def phone(digits: Any) -> str:
    """A number of WhatsApp's, which comes without a plus sign."""
    text = id_of(digits, 20).removeprefix("+")
    return f"+{text}" if text.isascii() and text.isdigit() else ""


def _receipts(value: Mapping[str, Any]) -> Iterator[Receipt]:
    for told in objects(value.get("statuses")):
        name, word = id_of(told.get("id"), 200), text_of(told.get("status"), 30)
        status = STATUSES.get(word)
        if name and status is not None:
            yield _receipt(told, name, status)


def _receipt(told: Mapping[str, Any], name: str, status: ReceiptStatus) -> Receipt:
    code, failure, detail = "", None, ""
    if status is ReceiptStatus.FAILED:
        code, failure, detail = _reason(told)
    return Receipt(
        name,
        status,
        ref=text_of(told.get("biz_opaque_callback_data"), 40),
        at=moment(told.get("timestamp")),
        code=code,
        detail=detail,
        failure=failure,
        event_id=f"{name}:{status}",
        address=phone(told.get("recipient_id")) or text_of(told.get("recipient_user_id"), 140),
    )


def _reason(told: Mapping[str, Any]) -> tuple[str, FailureKind, str]:
    """The first error's code, what follows, and what to do about it."""
    errors = objects(told.get("errors"))
    code = id_of(errors[0].get("code"), 20) if errors else ""
    if not code:
        return "", FailureKind.TRANSIENT, "WhatsApp gave no reason."
    unknown = (FailureKind.CONTENT_REJECTED, "Look the code up at WhatsApp.")
    kind, detail = meaning(code, "", ERRORS) or unknown
    return code, kind, detail


def _messages(value: Mapping[str, Any]) -> Iterator[InboundMessage]:
    contacts = objects(value.get("contacts"))
    for message in objects(value.get("messages")):
        contact = _contact_of(message, contacts)
        sender = (
            phone(message.get("from"))
            or phone(contact.get("wa_id"))
            or text_of(message.get("from_user_id") or contact.get("user_id"), 140)
        )
        name, kind = id_of(message.get("id"), 200), text_of(message.get("type"), 30)
        if not (name and sender and kind) or kind in SILENT:
            continue
        text, action = _words(message, kind)
        shown = text_of(part(contact, "profile").get("name"), 120)
        yield InboundMessage(name, sender, text=text, action=action, sender_name=shown)


def _contact_of(
    message: Mapping[str, Any], contacts: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The contact that a message is from: told by number or user id, or the only one."""
    author = {id_of(message.get("from")), id_of(message.get("from_user_id"), 140)} - {""}
    for contact in contacts:
        if author & {id_of(contact.get("wa_id")), id_of(contact.get("user_id"), 140)}:
            return contact
    return contacts[0] if len(contacts) == 1 and not author else {}


def _words(message: Mapping[str, Any], kind: str) -> tuple[str, str]:
    """(what they said, the value of the button they pressed)."""
    if kind == "text":
        return text_of(part(message, "text").get("body")), ""
    if kind == "button":  # a quick reply of a template
        pressed = part(message, "button")
        return text_of(pressed.get("text")), text_of(pressed.get("payload"), 256)
    if kind == "interactive":
        answer = part(message, "interactive")
        pressed = part(answer, "button_reply") or part(answer, "list_reply")
        return text_of(pressed.get("title")), text_of(pressed.get("id"), 256)
    return text_of(part(message, kind).get("caption")) or f"[{kind}]", ""


CALLBACKS = WhatsAppCallbacks()
