"""WhatsApp Cloud API: free words within the window, templates outside it."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Family,
    Idempotency,
    Message,
    Provider,
    ProviderTemplate,
    ReceiptStatus,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.whatsapp import contents
from channels_app.providers.whatsapp.errors import ERRORS, WAITS
from channels_app.wire import meta_graph
from channels_app.wire.reading import id_of, part, text_of

PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
# Since 2026 a person with a user name may be known by an id of this business's own instead.
USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")


class WhatsAppCredentials(meta_graph.MetaCredentials):
    """A number of the business, and the app that speaks for it."""

    phone_number_id = forms.CharField(
        label=_("Phone number ID"),
        validators=[RegexValidator(r"^\d{5,25}\Z")],
        help_text=_("Not the number itself: the ID that Meta shows below it."),
    )
    phone_number = forms.CharField(
        label=_("Phone number"),
        required=False,
        validators=[RegexValidator(r"^\+[1-9]\d{6,14}\Z")],
        help_text=_("As +12025550100. Needed only for the link with which customers write to us."),
    )
    field_order = ["phone_number_id", "access_token", "app_secret", "verify_token", "phone_number"]


class WhatsApp(Provider):
    """A business number. Our reference comes back with every receipt."""

    slug = "whatsapp"
    name = "WhatsApp"
    family = Family.CHAT
    address = AddressKind.PHONE
    capabilities = Capabilities(
        max_text=contents.LONGEST_TEXT,
        receipts=frozenset(
            {
                ReceiptStatus.SENT,
                ReceiptStatus.DELIVERED,
                ReceiptStatus.READ,
                ReceiptStatus.FAILED,
            }
        ),
        inbound=True,
        idempotency=Idempotency.RECEIPT,
        needs_opt_in=True,
        window_hours=24,
        templates=True,
    )
    Credentials = WhatsAppCredentials
    base_url = meta_graph.GRAPH
    in_flight = 48  # a number may send 80 messages a second

    def request(self, message: Message) -> Request:
        """A POST to the number's messages."""
        body = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **recipient(message.to),
            **_content(message),
            "biz_opaque_callback_data": message.ref,
        }
        return Request.json(self._node("messages"), body, meta_graph.bearer(self.credentials))

    def accepted(self, response: Response) -> Accepted:
        """The message's id, with which receipts come; held messages may still go out."""
        answer = meta_graph.answered(response, ERRORS, WAITS)
        listed = answer.get("messages")
        first = part(listed[0]) if isinstance(listed, list) and listed else {}
        if not id_of(first.get("id"), 200):
            raise SendError(FailureKind.UNKNOWN, "200", "WhatsApp's answer names no message.")
        return Accepted(id_of(first["id"], 200), text_of(first.get("message_status"), 60))

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """Name, language and gaps, as far as they can be seen from here."""
        return meta_graph.template_problems(template, contents.PLACES)

    def join_link(self, token: str) -> str:
        """A chat with the number in which "/start <token>" is already written."""
        digits = self.credentials.get("phone_number", "").removeprefix("+")
        return f"https://wa.me/{digits}?text={quote(f'/start {token}')}" if digits else ""

    def verification(self) -> Request:
        """Asks what the number is called."""
        query = {"fields": "verified_name,display_phone_number,quality_rating"}
        return Request.get(self._node(), query, meta_graph.bearer(self.credentials))

    def verified(self, response: Response) -> str:
        """The number, its name, and how well its messages are received."""
        answer = meta_graph.answered(response, ERRORS)
        number = text_of(answer.get("display_phone_number"), 40)
        if not number:
            raise SendError(FailureKind.TRANSIENT, "200", "WhatsApp's answer names no number.")
        name = text_of(answer.get("verified_name"), 120) or "no name yet"
        rating = text_of(answer.get("quality_rating"), 20).lower() or "unknown"
        return f"The number is {number} ({name}). Its quality rating is {rating}."

    def _node(self, path: str = "") -> str:
        number = self.credentials["phone_number_id"]
        return meta_graph.node_url(
            self.base, self.credentials, f"{number}/{path}" if path else number
        )


def recipient(address: str) -> dict[str, str]:
    """The field for a phone number, or the one for a user id."""
    if PHONE.fullmatch(address):
        return {"to": address}
    if USER_ID.fullmatch(address):
        return {"recipient": address}
    raise SendError(
        FailureKind.RECIPIENT_INVALID,
        "to",
        "The address is neither a phone number with its country nor a WhatsApp user id.",
    )


def _content(message: Message) -> dict[str, Any]:
    """A template where there is one; free words only while they may be sent."""
    if message.template is not None:
        return contents.template(message.template)
    if not message.window_open:
        raise SendError(
            FailureKind.WINDOW_CLOSED,
            "window",
            "They did not write within 24 hours, and the message has no WhatsApp template.",
        )
    return contents.content(message)


PROVIDER = WhatsApp
