"""The first page: what needs a person, and how messages flow."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from channels_app.models import Channel
from notifications.models import CustomerMessage, Delivery, Incident, IncidentKind, Notification
from notifications.views import chart, scope
from notifications.views.live import live
from notifications.views.paging import CAP, number
from notifications.views.returning import back
from notifications.views.scope import Scope, staff_page
from orders.models import InboundEvent, SourceConnection

RECENT = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that waits for a person: how often, in words, and where to go."""

    count: int
    icon: str
    tone: str
    title: str
    advice: str
    url: str

    @property
    def shown(self) -> str:
        """The count, capped: nobody acts differently on 100 and on 10,000."""
        return f"{CAP}+" if self.count > CAP else str(self.count)


@require_safe
@staff_page
def home(request: HttpRequest) -> HttpResponse:
    """What needs attention, the flow of today, and what customers wrote."""
    seen = scope.scope(request)
    now = timezone.now()
    context = {
        "concerns": _concerns(seen, now),
        "flow": chart.flow(scope.deliveries(seen), now),
        "wrote": _wrote(seen),
    }
    return live(request, "notifications/home.html", "notifications/parts/home.html", context, "5s")


def _concerns(seen: Scope, now: datetime) -> list[Concern]:
    found = (
        _waiting(seen),
        _not_told(seen, now),
        _unknown(seen),
        _inbox_failed(seen, now),
        _paused(seen, now),
        _refused(seen, now),
        _late(seen),
    )
    return [concern for concern in found if concern.count]


def _waiting(seen: Scope) -> Concern:
    rows = scope.incidents(seen).exclude(state=Incident.State.RESOLVED)
    still = list(rows.filter(state=Incident.State.OPEN).order_by("-pk")[: CAP + 1])
    return Concern(
        len(still),
        "alert",
        "bad",
        ngettext("alert that nobody has taken", "alerts that nobody has taken", len(still)),
        "; ".join(f"{row.title}. {row.next_act}".strip() for row in still[:2]),
        reverse("incidents"),
    )


def _not_told(seen: Scope, now: datetime) -> Concern:
    rows = scope.notifications(seen).filter(state=Notification.State.FAILED)
    count = _recent(rows.order_by("-pk").values_list("created_at", flat=True)[: CAP + 1], now)
    return Concern(
        count,
        "bell-off",
        "bad",
        ngettext("message reached nobody", "messages reached nobody", count),
        _("Every allowed channel was tried. Call the customer, or correct the address."),
        reverse("deliveries") + "?state=failed",
    )


def _unknown(seen: Scope) -> Concern:
    rows = scope.deliveries(seen).filter(state=Delivery.State.UNKNOWN)
    count = len(rows.order_by().values_list("pk", flat=True)[: CAP + 1])
    return Concern(
        count,
        "help",
        "warn",
        ngettext("message with an unknown fate", "messages with an unknown fate", count),
        _("The provider may or may not have taken it. We find out before trying again."),
        reverse("deliveries") + "?state=unknown",
    )


def _inbox_failed(seen: Scope, now: datetime) -> Concern:
    rows = scope.inbound(seen).filter(state=InboundEvent.State.FAILED)
    count = _recent(rows.order_by("-pk").values_list("received_at", flat=True)[: CAP + 1], now)
    return Concern(
        count,
        "inbox",
        "bad",
        ngettext("order update not understood", "order updates not understood", count),
        _("Read why in the inbox, mend the mapping, then replay."),
        reverse("inbox") + "?state=failed",
    )


def _paused(seen: Scope, now: datetime) -> Concern:
    paused = list(scope.channels(seen).filter(enabled=True, paused_until__gt=now)[: CAP + 1])
    why = "; ".join(f"{channel.name}: {channel.paused_why}" for channel in paused[:3])
    return Concern(
        len(paused),
        "pause",
        "bad",
        ngettext("channel is paused", "channels are paused", len(paused)),
        why or _("Look at the credentials."),
        reverse("channels"),
    )


def _refused(seen: Scope, now: datetime) -> Concern:
    since = Q(refused_count__gt=0, refused_at__gt=now - RECENT)
    sources: list[SourceConnection | Channel] = [*scope.connections(seen).filter(since)[: CAP + 1]]
    sources += scope.channels(seen).filter(since)[: CAP + 1]
    names = ", ".join(source.name for source in sources[:3])
    return Concern(
        len(sources),
        "shield",
        "warn",
        ngettext("address refused calls", "addresses refused calls", len(sources)),
        _("%(names)s: the signature did not match. Compare the secret on both sides.")
        % {"names": names},
        reverse("inbox"),
    )


def _late(seen: Scope) -> Concern:
    rows = scope.incidents(seen).filter(kind=IncidentKind.LATE)
    rows = rows.exclude(state=Incident.State.RESOLVED).order_by("-pk")
    titles = list(rows.values_list("title", flat=True)[: CAP + 1])
    return Concern(
        len(titles),
        "clock",
        "warn",
        ngettext("order is late", "orders are late", len(titles)),
        "; ".join(titles[:3]),
        reverse("board"),
    )


def _recent(moments: Iterable[datetime], now: datetime) -> int:
    return sum(moment > now - RECENT for moment in moments)


def _wrote(seen: Scope) -> list[CustomerMessage]:
    rows = scope.customer_messages(seen).select_related("customer", "order", "channel")
    return list(rows.order_by("-pk")[:6])


@require_POST
@staff_page
def choose(request: HttpRequest) -> HttpResponse:
    """Look at another brand or store, among those that are open to this person."""
    seen = scope.scope(request)
    brand, _dot, store = request.POST.get("where", "").partition(".")
    brand_id = number(brand)
    if brand_id not in {row.pk for row in seen.brands}:
        messages.error(request, _("This brand is not open to you. Ask an owner to add you."))
        return back(request, "home")
    request.session[scope.BRAND_KEY] = brand_id
    request.session[scope.STORE_KEY] = number(store)
    return back(request, "home")


def root(request: HttpRequest) -> HttpResponseRedirect:
    """The bare address leads to the dashboard."""
    return redirect("home")
