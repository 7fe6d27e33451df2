"""Messenger: replies within the window, utility templates outside it. Message tags are gone."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
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
from channels_app.providers.messenger import contents
from channels_app.providers.messenger.errors import ERRORS, NOT_RECEIVING
from channels_app.wire import meta_graph
from channels_app.wire.reading import id_of, text_of

_NOT_RECEIVING = (
    FailureKind.RECIPIENT_INVALID,
    "They do not receive messages from this Page: they blocked it, or switched them off.",
)


class MessengerCredentials(meta_graph.MetaCredentials):
    """A Page, and the app that speaks for it."""

    page_id = forms.CharField(label=_("Page ID"), validators=[RegexValidator(r"^\d{5,25}\Z")])
    page_username = forms.CharField(
        label=_("Page username"),
        required=False,
        validators=[RegexValidator(r"^[A-Za-z0-9.]{5,50}\Z")],
        help_text=_("Without @. For the link with which customers join; empty: the Page ID."),
    )
    field_order = ["page_id", "page_username", "access_token", "app_secret", "verify_token"]


class Messenger(Provider):
    """A Page. It may write to whoever has written to it."""

    slug = "messenger"
    name = "Messenger"
    family = Family.CHAT
    address = "messenger"
    capabilities = Capabilities(
        max_text=contents.LONGEST_TEXT,
        receipts=frozenset({ReceiptStatus.SENT, ReceiptStatus.DELIVERED}),
        inbound=True,
        idempotency=Idempotency.RECEIPT,
        needs_join=True,
        window_hours=24,
        templates=True,
    )
    Credentials = MessengerCredentials
    base_url = meta_graph.GRAPH
    in_flight = 48

    def request(self, message: Message) -> Request:
        """A POST to the Page's messages."""
        if not (message.to.isascii() and message.to.isdigit()):
            raise SendError(
                FailureKind.RECIPIENT_INVALID, "to", "The address is no person's id at this Page."
            )
        body = {"recipient": {"id": message.to}, **_content(message)}
        return Request.json(self._node("/messages"), body, meta_graph.bearer(self.credentials))

    def accepted(self, response: Response) -> Accepted:
        """The message's id, with which receipts come."""
        answer = self._answered(response)
        if not id_of(answer.get("message_id"), 200):
            raise SendError(FailureKind.UNKNOWN, "200", "Messenger's answer names no message.")
        return Accepted(id_of(answer["message_id"], 200))

    def template_problems(self, template: ProviderTemplate) -> Sequence[str]:
        """Name, language and gaps, as far as they can be seen from here."""
        return meta_graph.template_problems(template, contents.PLACES)

    def join_link(self, token: str) -> str:
        """The link that opens a chat with the Page and brings `token` to us."""
        page = self.credentials.get("page_username") or self.credentials["page_id"]
        return f"https://m.me/{page}?ref={quote(token, safe='')}"

    def verification(self) -> Request:
        """Asks what the Page is called."""
        query = {"fields": "id,name"}
        return Request.get(self._node(), query, meta_graph.bearer(self.credentials))

    def verified(self, response: Response) -> str:
        """The Page's name, when the token is the Page's."""
        answer = self._answered(response)
        if id_of(answer.get("id")) != self.credentials["page_id"]:
            raise SendError(
                FailureKind.MISCONFIGURED, "page", "The token answers for another Page."
            )
        return f"The Page is {text_of(answer.get('name'), 120) or 'without a name'}."

    def _answered(self, response: Response) -> Any:
        """The answer; an error 200 is about a person or a permission: only its words tell."""
        personal = NOT_RECEIVING in meta_graph.words(response).replace("’", "'")
        table = {**ERRORS, "200": _NOT_RECEIVING} if personal else ERRORS
        return meta_graph.answered(response, table)

    def _node(self, path: str = "") -> str:
        page = self.credentials["page_id"]
        return meta_graph.node_url(self.base, self.credentials, f"{page}{path}")


def _content(message: Message) -> dict[str, Any]:
    """A template where there is one; free words only while they may be sent."""
    if message.template is not None:
        return {"messaging_type": "UTILITY", "message": contents.template(message.template)}
    if not message.window_open:
        raise SendError(
            FailureKind.WINDOW_CLOSED,
            "window",
            "They did not write within 24 hours, and the message has no utility template.",
        )
    # The metadata comes back with the echo of the message: that is how a lost answer is found out.
    shown = contents.content(message) | {"metadata": message.ref}
    return {"messaging_type": "RESPONSE", "message": shown}


PROVIDER = Messenger
