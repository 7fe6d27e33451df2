"""Microsoft Teams through Workflows: a POST of one Adaptive Card to a secret URL."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire import flows
from channels_app.wire.hosts import is_listed, secure_endpoint
from channels_app.wire.markup import cut
from channels_app.wire.reading import object_in, part, text_of
from channels_app.wire.staff_cards import context, links, need_text

LONGEST_URL = 2000
LONGEST_SUBJECT = 200
LONGEST_TEXT = 4000
# Teams refuses a card above 28 KB of its own counting, after the workflow has said yes to it.
LARGEST_BODY = 18 * 1024
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
CARD_VERSION = "1.4"
KINDS: Mapping[int, FailureKind] = dict.fromkeys((404, 405, 410), FailureKind.MISCONFIGURED)
HINTS: Mapping[str, str] = {
    "WorkflowTriggerIsNotEnabled": "The workflow is switched off. Turn it on in Teams.",
    "DirectApiAuthorizationRequired": (
        "Only people of the company may call the workflow. Let its trigger take calls of anyone, "
        "and paste the new URL."
    ),
    "TriggerInputSchemaMismatch": (
        "The workflow expects another body. Make it from the template for webhook alerts."
    ),
    "401": "The URL's signature is not the workflow's. Copy the URL from the workflow again.",
    "403": "The workflow does not take our calls. Let its trigger take calls of anyone.",
    "404": "There is no such workflow any more. Make a new one and paste its URL.",
    "413": "The card is too large for the workflow.",
}


def webhook_url(value: str) -> None:
    """Refuse what is no workflow's URL, each with a sentence that says what to do."""
    try:
        parts = secure_endpoint(value, frozenset())
    except ValueError as error:
        raise ValidationError(str(error)) from None
    host = parts.hostname or ""
    if is_listed(host, flows.RETIRED_HOSTS):
        raise ValidationError(
            _(
                "Microsoft has switched off connectors with this address. Make a workflow: in "
                "Teams open the channel's menu, Workflows, choose the template that sends webhook "
                "alerts to a channel, and paste the URL that it shows."
            )
        )
    if not is_listed(host, flows.HOSTS):
        raise ValidationError(_("This is not the address of a workflow of Teams."))
    if not flows.PATH.match(parts.path):
        raise ValidationError(_("The URL is not complete. Copy it from the workflow again."))
    if not parse_qs(parts.query).get("sig"):
        raise ValidationError(
            _(
                "The URL has no signature (sig=…). Let the workflow's trigger take calls of "
                "anyone, save it, and copy the URL again."
            )
        )


class TeamsCredentials(Credentials):
    """The workflow's URL. It carries a signature: whoever has it can post."""

    secret = frozenset({"webhook_url"})

    webhook_url = forms.CharField(
        label=_("Workflow URL"),
        max_length=LONGEST_URL,
        help_text=_("What Teams shows when the workflow is saved. One URL is one channel."),
        validators=[webhook_url],
    )


class Teams(Provider):
    """One workflow, and with it one channel of Teams. `Message.to` is only a label."""

    slug = "teams"
    name = "Microsoft Teams"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    # The workflow answers before it posts: whether the card was shown, only its own history says.
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True, hands_off=True)
    Credentials = TeamsCredentials
    base_url = ""  # every workflow has its own
    in_flight = 4  # Teams lets a workflow post about four times a second
    resolves_incidents = True  # whoever was asked to act hears that it is done

    def request(self, message: Message) -> Request:
        """A POST of one card. The URL's query is part of what is signed: it stays as it is."""
        need_text(message)
        url = self.credentials["webhook_url"]
        try:
            webhook_url(url)
        except ValidationError as error:
            detail = " ".join(map(str, error.messages))
            raise SendError(FailureKind.MISCONFIGURED, "url", detail) from None
        return Request.json(self.at(url), envelope(self.fit(message)))

    def accepted(self, response: Response) -> Accepted:
        """Any 2xx, usually 202. No id comes with it."""
        if not response.ok:
            raise failure(response)
        return Accepted(detail="Given to the workflow, which posts it.", handed_off=True)

    def fit(self, message: Message) -> Message:
        """Cut so that the whole card stays below what Teams shows."""
        short = replace(message, subject=cut(message.subject, LONGEST_SUBJECT))

        def size(text: str) -> int:
            return len(json.dumps(envelope(replace(short, text=text))))

        return replace(short, text=cut(cut(message.text, LONGEST_TEXT), LARGEST_BODY, size))


def envelope(message: Message) -> dict[str, Any]:
    """What the template's workflow reads: attachments, of which it posts each."""
    return {
        "type": "message",
        "attachments": [{"contentType": CARD_TYPE, "contentUrl": None, "content": card(message)}],
    }


def card(message: Message) -> dict[str, Any]:
    """Heading, text, context and links; those that the message has."""
    body = [heading(message.subject)] if message.subject else []
    body += paragraphs(message.text)
    if said := context(message.data):
        body.append(line(said, isSubtle=True))
    found: dict[str, Any] = {"type": "AdaptiveCard", "version": CARD_VERSION, "body": body}
    if buttons := [
        {"type": "Action.OpenUrl", "title": link.label, "url": link.url}
        for link in links(message, LONGEST_URL)
    ]:
        found["actions"] = buttons
    return found


def heading(text: str) -> dict[str, Any]:
    """The subject, larger."""
    return line(text, weight="bolder", size="large")


def paragraphs(text: str) -> list[dict[str, Any]]:
    """A block for each line; a gap where a line was empty."""
    found: list[dict[str, Any]] = []
    gap = True
    for words in text.split("\n"):
        if not words.strip():
            gap = True
            continue
        block = line(words)
        found.append(block if gap else {**block, "spacing": "none"})
        gap = False
    return found


def line(text: str, **looks: Any) -> dict[str, Any]:
    """Literal text: only in a TextRun do cards read no Markdown, so nothing can be a link."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **looks}]}


def failure(response: Response) -> SendError:
    """What a refusal means: the workflow's own word first, then the status."""
    word, status = error_code(response.body), response.status
    kind = flows.KINDS.get(word) or KINDS.get(status) or kind_of_status(status)
    hint = HINTS.get(word) or HINTS.get(str(status), "")
    return SendError(kind, word or str(status), hint, response.retry_after)


def error_code(body: bytes) -> str:
    """The word in {"error": {"code": …}}; empty when there is none."""
    return text_of(part(object_in(body), "error").get("code"), 60)


PROVIDER = Teams
