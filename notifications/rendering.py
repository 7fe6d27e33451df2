"""From a template and its variables to the words that leave. Pure: no queries, no I/O."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from channels_app.contract import Family, ProviderTemplate
from notifications.liquid import RenderFailed
from notifications.liquid import render as fill_in
from notifications.models import MessageTemplate
from notifications.segments import plain_typography
from orders.models import Brand

__all__ = ["RenderFailed", "Rendered", "choose", "render"]

SUBJECT_LENGTH = 200
_URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*")
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_BUTTON = (
    "display:inline-block;padding:12px 20px;border-radius:8px;background:#1f2937;"
    "color:#ffffff;text-decoration:none;font-weight:600"
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The words of one message. `html` is for email only; `version` is "id:version"."""

    text: str
    subject: str = ""
    html: str = ""
    version: str = ""
    provider_text: ProviderTemplate | None = None  # the text at the provider that says the same


def choose(
    templates: Iterable[MessageTemplate],
    *,
    name: str,
    event: str,
    family: str,
    language: str,
    store_id: int | None,
    brand_language: str = "en",
) -> MessageTemplate | None:
    """The template to use, or None when there is none.

    A language the reader understands comes first: theirs, then the brand's, then
    English. Within it a store's own words beat the brand's, and "es-MX" beats "es".
    """
    fitting = [
        (rank, template)
        for template in templates
        if (template.name, template.event, template.family) == (name, event, family)
        and template.active
        and template.store_id in (None, store_id)
        and (rank := _rank(template, language, brand_language)) is not None
    ]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _rank(
    template: MessageTemplate, language: str, brand_language: str
) -> tuple[int, bool, bool] | None:
    """Smaller is better; None for a language that nobody asked for."""
    own = template.language.lower()
    for place, wanted in enumerate((language.lower(), brand_language.lower(), "en")):
        if own in (wanted, _base(wanted)):
            return (place, template.store_id is None, own != wanted)
    return None


def _base(language: str) -> str:
    return re.split("[-_]", language, maxsplit=1)[0]


def render(
    template: MessageTemplate, variables: Mapping[str, Any], *, family: str, brand: Brand
) -> Rendered:
    """The words of `template` with `variables` filled in.

    Raises RenderFailed with a sentence for staff when the template hits a ceiling or
    comes out empty.
    """
    text = _tidy(fill_in(template.body, variables))
    if not text:
        raise RenderFailed("The template gives an empty message for this order; add some words.")
    version = f"{template.pk}:{template.version}"
    if family == Family.SMS:
        return Rendered(plain_typography(text), version=version)
    subject = one_line(fill_in(template.subject, variables)) if template.subject else ""
    if family == Family.EMAIL:
        button = str(variables.get("tracking_url") or "")
        html = email_html(text, brand.name, button, template.language)
        return Rendered(text, subject or one_line(text)[:80], html, version)
    return Rendered(text, subject, version=version)


def one_line(text: str) -> str:
    """`text` without line breaks or control characters, fit for a header."""
    # By character: a header ends at more than CR and LF for some mail servers.
    safe = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(safe.split())[:SUBJECT_LENGTH]


def _tidy(text: str) -> str:
    """Without the blank lines that tags leave behind."""
    lines = [line.strip() for line in text.replace("\r", "").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def email_html(text: str, brand_name: str, button_url: str = "", language: str = "en") -> str:
    """A small page around `text`: the brand, paragraphs, a button for the tracking link.

    The button stands where the text has the link on a line of its own; what the line
    says before the link is the button's label.
    """
    paragraphs = "".join(_paragraph(one, button_url) for one in _BLANK_LINES.split(text))
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f'<body style="margin:0;padding:24px 12px;background:#f3f4f6;{_FONT}">'
        '<div style="max-width:560px;margin:0 auto;background:#ffffff;border-radius:12px;'
        'padding:28px">'
        f'<p style="margin:0 0 20px;font-size:20px;font-weight:700;color:#111827">'
        f"{escape(brand_name)}</p>{paragraphs}</div></body></html>"
    )


def _paragraph(text: str, button_url: str) -> str:
    lines = [_button(line, button_url) or _linked(line) for line in text.split("\n")]
    body = "<br>".join(lines)
    return f'<p style="margin:0 0 16px;font-size:16px;line-height:1.5;color:#1f2937">{body}</p>'


def _button(line: str, url: str) -> str:
    if not url or not line.endswith(url):
        return ""
    label = line[: -len(url)].strip().rstrip(":").strip() or url
    return f'<a href="{escape(url)}" style="{_BUTTON}">{escape(label)}</a>'


def _linked(line: str) -> str:
    """`line` escaped, its web addresses as links."""
    parts, end = [], 0
    for found in _URL.finditer(line):
        address = escape(found[0])
        parts += [escape(line[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*parts, escape(line[end:])])
