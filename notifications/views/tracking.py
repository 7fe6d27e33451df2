"""The page behind the link in a message: where my order is. Public, and without personal data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from notifications import looking
from notifications.views import joining, scope, steps
from notifications.views.facts import LOOKS, PLAIN
from notifications.views.live import live
from orders.deriving import active
from orders.models import FulfilmentGroup, Order
from orders.statuses import FINAL, Status


@dataclass(frozen=True, slots=True)
class Parcel:
    """A tracking number, with a link when the link is one that a browser may follow."""

    number: str
    carrier: str
    url: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the order as its customer sees it."""

    status: str
    icon: str
    tone: str
    ladder: Sequence[tuple[Status, str]]
    begin: datetime | None
    until: datetime | None
    late: bool
    parcels: Sequence[Parcel]
    over: bool


@require_safe
def tracking(request: HttpRequest, token: str) -> HttpResponse:
    """Where the order is, in the customer's language and on the store's clock."""
    order = get_object_or_404(_rows(), token=token)
    language = order.language or (order.store and order.store.language) or order.brand.language
    clock = scope.zone(order.store.time_zone if order.store else "UTC")
    with translation.override(language), timezone.override(clock):
        response = live(
            request,
            "notifications/tracking.html",
            "notifications/parts/tracking.html",
            _context(order),
            every="5s",
        )
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "private, no-store"
    # The address is the key to the page: it must not travel to the carrier's site.
    response["Referrer-Policy"] = "no-referrer"
    return response


@csrf_exempt  # it needs no log-in, and the page has no form: the stamp shows where it comes from
@require_POST
def seen(request: HttpRequest, token: str) -> HttpResponse:
    """The page's script says that a person looks at it. The answer never tells whether it counts.

    Staff who follow the link from the dashboard do not count for the customer.
    """
    order = get_object_or_404(Order.objects.only("id"), token=token)
    now = timezone.now()
    stamped = request.POST.get("stamp", "")[:200]
    person = looking.is_a_person(request.headers, stamped, order.pk, now)
    if person and not request.user.is_authenticated:
        looking.note(order, now)
    response = HttpResponse(status=204)
    response["Cache-Control"] = "no-store"
    return response


def _rows() -> QuerySet[Order]:
    return Order.objects.select_related("brand", "store").prefetch_related("groups", "lines")


def _context(order: Order) -> dict[str, object]:
    groups = active(list(order.lines.all()), list(order.groups.all()))
    sections = [_section(order, group) for group in groups]
    return {
        "order": order,
        "name": order.contact_given_name,
        "sections": sections or [_section(order, FulfilmentGroup(order=order))],
        # Called by the page only: a refresh of its live part asks nothing of it.
        "joining": partial(joining.offers, order),
        "stamp": looking.stamp(order.pk, timezone.now()),
        "over": all(section.over for section in sections) and bool(sections),
    }


def _section(order: Order, group: FulfilmentGroup) -> Section:
    status = group.status or order.status
    icon, tone = LOOKS.get(status, PLAIN)
    collected = steps.method_of(order, group) in steps.COLLECTED
    return Section(
        status,
        icon,
        tone,
        steps.ladder(steps.method_of(order, group), status),
        group.ready_at if collected else group.deliver_from,
        None if collected else group.deliver_to or group.ready_at,
        bool(group.delayed_since),
        _parcels(group.tracking),
        status in FINAL,
    )


def _parcels(tracking: Mapping[str, Mapping[str, str]]) -> list[Parcel]:
    return [
        Parcel(number, facts.get("carrier", ""), safe(facts.get("url", "")))
        for number, facts in tracking.items()
    ]


def safe(url: str) -> str:
    """`url` when it is a web address; a source may send anything."""
    return url if url.startswith(("https://", "http://")) else ""
