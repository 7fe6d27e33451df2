"""What needs a person: the open ones, one with its history, and the page behind an alert's link."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from notifications import acknowledging, alert_links, held
from notifications.models import (
    Delivery,
    Destination,
    Incident,
    IncidentKind,
    Notification,
    Restoration,
)
from notifications.views import scope
from notifications.views.live import live
from notifications.views.paging import number, page_by_key
from notifications.views.returning import back
from notifications.views.scope import staff_page

OPEN_SHOWN = 100
RECENT_SHOWN = 20
ALERTS_SHOWN = 50
# What became of a customer whom nothing had reached; the sentence is kept with the incident.
OUTCOMES = {
    "resolve-phone": gettext_lazy("Reached by phone"),
    "resolve-person": gettext_lazy("Told in person"),
    "resolve-not": gettext_lazy("Not reached"),
}
SNOOZES = {"snooze-15": 15, "snooze-60": 60}  # minutes
SAID = {
    "acknowledge": gettext_lazy("It is yours: nobody else is told."),
    "snooze": gettext_lazy("It comes again later."),
    "resolve": gettext_lazy("Resolved."),
    "release": gettext_lazy("Decided: what waited for it is dealt with."),
}
RELEASES = {"held-send": Restoration.Verdict.SEND, "held-drop": Restoration.Verdict.DROP}
ACTS = frozenset(
    {"acknowledge", "resolve", *SNOOZES, *OUTCOMES, *RELEASES}
)  # what a button can say


@require_safe
@staff_page
def incidents(request: HttpRequest) -> HttpResponse:
    """Open ones first, then what was resolved lately."""
    rows = scope.incidents(scope.scope(request)).select_related("store", "order")
    still = rows.exclude(state=Incident.State.RESOLVED).order_by("-pk")
    page = page_by_key(
        rows,
        Q(state=Incident.State.RESOLVED),
        number(request.GET.get("before")),
        size=RECENT_SHOWN,
    )
    context = {"waiting": _by_need(still[:OPEN_SHOWN]), "page": page, "outcomes": OUTCOMES}
    template = "notifications/parts/incidents.html"
    return live(request, "notifications/incidents.html", template, context, "5s")


def _by_need(rows: QuerySet[Incident]) -> list[Incident]:
    """Those that nobody has taken come first; the newest first among each."""
    states = [Incident.State.OPEN, Incident.State.SNOOZED, Incident.State.ACKNOWLEDGED]
    return sorted(rows, key=lambda row: states.index(Incident.State(row.state)))


@require_safe
@staff_page
def incident(request: HttpRequest, pk: int) -> HttpResponse:
    """One incident: what to do, what was done, and who was told over which channel."""
    found = _incident(request, pk)
    context = {
        "incident": found,
        "history": found.events.all()[:200],
        "alerts": _alerts(found),
        "outcomes": OUTCOMES,
        "is_task": found.kind in (IncidentKind.UNREACHED, IncidentKind.UNKNOWN),
    }
    template = "notifications/parts/incident.html"
    return live(request, "notifications/incident.html", template, context, "5s")


def _incident(request: HttpRequest, pk: int) -> Incident:
    rows = scope.incidents(scope.scope(request), everywhere=True)
    related = rows.select_related("store", "order", "channel", "connection", "policy")
    return get_object_or_404(related, pk=pk)


def _alerts(found: Incident) -> Sequence[Notification]:
    deliveries = Delivery.objects.select_related("channel").order_by("id")
    rows = found.alerts.select_related("destination").order_by("id")
    return list(rows.prefetch_related(Prefetch("deliveries", deliveries))[:ALERTS_SHOWN])


@require_POST
@staff_page
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Acknowledge, put off or resolve, in the name of whoever is signed in."""
    found = _incident(request, pk)
    verb = _do(found, request, scope.scope(request).actor, timezone.now())
    if verb:
        messages.success(request, str(SAID[verb]))
    else:
        messages.error(request, _("Choose what to do: take it, later, or resolved."))
    return back(request, "incidents")


def _do(found: Incident, request: HttpRequest, actor: str, now: datetime) -> str:
    """What the pressed button says; the verb, or nothing when it is none of ours."""
    pressed = request.POST.get("act", "")
    if pressed not in ACTS:
        return ""
    if pressed in RELEASES:
        held.decide_on(found, RELEASES[pressed], actor, now)
        return "release"
    verb = pressed.partition("-")[0]
    acknowledging.act(
        found.token,
        verb,
        actor,
        now,
        minutes=SNOOZES.get(pressed),
        outcome=str(OUTCOMES.get(pressed, "")),
    )
    return verb


# --- The page behind an alert's link ------------------------------------------


@csrf_exempt  # the signed address itself is what allows it; no cookie does
@require_http_methods(["GET", "HEAD", "POST"])
def alert(request: HttpRequest, token: str) -> HttpResponse:
    """Shows one incident to whoever holds its link. Only a POST does anything."""
    found, place = _by_link(token)
    if found is None:
        return _private(render(request, "notifications/alert.html", status=404))
    brand = found.brand
    with (
        translation.override((place and place.language) or brand.language),
        timezone.override(scope.zone(found.store.time_zone if found.store else "UTC")),
    ):
        if request.method == "POST":
            actor = _("%(name)s, by the link") % {"name": place.name if place else brand.name}
            _do(found, request, actor, timezone.now())
            return _private(HttpResponseRedirect(request.path))
        context: dict[str, Any] = {"incident": found, "brand": brand, "outcomes": OUTCOMES}
        return _private(render(request, "notifications/alert.html", context))


def _by_link(token: str) -> tuple[Incident | None, Destination | None]:
    """The incident and the place that the link was made for; None for a link that is too old."""
    ids = alert_links.read(token)
    if ids is None:
        return None, None
    rows = Incident.objects.select_related("brand", "store")
    found = rows.filter(pk=ids[0]).first()
    if found is None:
        return None, None
    return found, Destination.objects.filter(pk=ids[1], brand_id=found.brand_id).first()


def _private(response: HttpResponse) -> HttpResponse:
    """Not for search engines, caches, or the sites that a link leads to."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response
