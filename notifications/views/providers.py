"""What each channel can do, and one page for each: its guide, its look, its request."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from channels_app import features, registry
from channels_app.contract import Capabilities, Family, Provider, ReceiptStatus
from notifications.models import Delivery
from notifications.provider_examples import NOW, Example, example
from notifications.views import guides
from notifications.views.phones import Bubble
from notifications.views.scope import staff_page

# Shown as posts in a room or in a list; the others as they look on a telephone.
POSTS = frozenset({Family.TEAM, Family.WEBHOOK, Family.EVENT})


@dataclass(frozen=True, slots=True)
class Row:
    """One provider with the words of each feature, in the order of the columns.

    Not the class itself: a template would call it.
    """

    slug: str
    name: str
    family: str
    cells: list[tuple[features.Feature, str]]


@require_safe
@staff_page
def providers(request: HttpRequest) -> HttpResponse:
    """The matrix; `?family=` shows one family of it."""
    wanted = request.GET.get("family", "")
    every = [registry.provider_class(slug) for slug in registry.slugs()]
    present = {str(provider.family) for provider in every}
    family = wanted if wanted in present else ""
    chosen = [one for one in every if family in ("", one.family)]
    chosen.sort(key=lambda one: (list(Family).index(one.family), one.name.lower()))
    context = {
        "families": [str(one) for one in Family if one in present],
        "family": family,
        "features": features.FEATURES,
        "rows": [_row(one) for one in chosen],
    }
    return render(request, "notifications/providers.html", context)


@require_safe
@staff_page
def provider(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of one provider. Everything on it comes from its folder and its code."""
    if slug not in registry.slugs():
        raise Http404
    kind = registry.provider_class(slug)
    shown = example(slug, get_language() or "en")
    context = {
        "row": _row(kind),
        "guide": _guide(slug),
        "bubble": _bubble(kind, shown),
        "post": kind.family in POSTS,
        "example": shown,
    }
    return render(request, "notifications/provider.html", context)


def _row(kind: type[Provider]) -> Row:
    return Row(kind.slug, kind.name, str(kind.family), features.words_of(kind))


def _guide(slug: str) -> SafeString:
    path = Path(settings.BASE_DIR) / "channels_app" / "providers" / slug / "guide.md"
    return guides.render(path.read_text(encoding="utf-8")) if path.is_file() else SafeString("")


def _bubble(kind: type[Provider], shown: Example) -> Bubble:
    return Bubble(
        at=NOW,
        family=str(kind.family),
        text=shown.text,
        subject=shown.subject,
        state=furthest(kind.capabilities),
        title=kind.name,
        provider=kind.slug,
    )


def furthest(able: Capabilities) -> str:
    """How far a message can be followed: no receipt is shown that the provider never sends."""
    if able.hands_off:
        return Delivery.State.HANDED_OFF
    for status in (ReceiptStatus.READ, ReceiptStatus.DELIVERED):
        if status in able.receipts:
            return Delivery.State(status.value)
    return Delivery.State.SENT
