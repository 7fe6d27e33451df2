"""One order: where it is, and the whole story of who was told what, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from consents.models import ContactPoint
from notifications import correcting
from notifications.views import scope, steps
from notifications.views.board import Part, part
from notifications.views.live import live
from notifications.views.paging import number, page_by_key
from notifications.views.scope import staff_page
from notifications.views.story import Entry, story, summary
from orders.deriving import active
from orders.models import Order, OrderLine, StatusChange
from orders.statuses import Fact, Status
from orders.withheld import PHONE_PIN, PURGED_AT

FOUND = 50
PROMISES = 8  # of one order are shown, the newest


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the order with the steps that its customer goes through."""

    part: Part
    ladder: Sequence[tuple[Status, str]]
    before: str  # where it was before its last step; empty when nobody said


@require_safe
@staff_page
def order(request: HttpRequest, pk: int) -> HttpResponse:
    """The order page."""
    rows = scope.orders(scope.scope(request), everywhere=True)
    rows = rows.select_related("brand", "store", "connection", "customer")
    found = get_object_or_404(rows, pk=pk)
    with timezone.override(_clock(request, found)):
        return live(
            request, "notifications/order.html", "notifications/parts/order.html", _context(found)
        )


def _clock(request: HttpRequest, found: Order) -> ZoneInfo:
    if found.store is not None:
        return scope.zone(found.store.time_zone)
    return scope.clock(scope.scope(request))


def _context(found: Order) -> dict[str, object]:
    entries = story(found)
    lines = list(found.lines.all())
    return {
        "order": found,
        "stages": _stages(found, lines, [one.change for one in entries if one.change]),
        "lines": lines,
        "contacts": _contacts(found),
        "pin": found.attributes.get(PHONE_PIN, ""),
        "purged": PURGED_AT in found.attributes,
        "entries": entries,
        "last_told": summary(entries),
        "false": len(_false(found, entries)),
        "statuses": Status.choices,
        "promises": list(found.promises.order_by("-id")[:PROMISES]),
        "clocks": list(found.expectations.filter(closed_at__isnull=True).order_by("due_at")),
    }


def _false(found: Order, entries: Sequence[Entry]) -> Sequence[correcting.Wrong]:
    """Who was told what is not true any more, from what the page has loaded already."""
    corrected: set[int | None] = set()
    rows = []
    for entry in entries:
        for told in entry.told:
            corrected.add(told.notification.corrects_id)
            told.notification.change = entry.change
            for one in told.tries:
                one.delivery.notification = told.notification
                if one.delivery.state in correcting.SEEN and _is_status(entry.change):
                    rows.append(one.delivery)
    return correcting.sort_out(found, list(found.groups.all()), rows, corrected - {None}).told


def _stages(
    found: Order, lines: Sequence[OrderLine], changes: Sequence[StatusChange]
) -> list[Stage]:
    stages = []
    for group in active(lines, list(found.groups.all())):
        one = part(found, group)
        happened = {
            change.status
            for change in changes
            if change.fact == Fact.STATUS and change.applied and change.group_key in ("", group.key)
        }
        ladder = steps.ladder(steps.method_of(found, group), one.status, happened)
        stages.append(Stage(one, ladder, _before(one, changes)))
    return stages


def _is_status(change: StatusChange | None) -> bool:
    return change is not None and change.fact == Fact.STATUS


def _before(one: Part, changes: Sequence[StatusChange]) -> str:
    """Where the part was before the step that brought it here; `changes` are newest first."""
    for change in changes:
        here = change.group_key in ("", one.key) and change.status == one.status
        if here and change.fact == Fact.STATUS and change.applied and change.previous_status:
            return change.previous_status
    return ""


def _contacts(found: Order) -> list[ContactPoint]:
    """The addresses we know, masked when shown; the order's own where no customer is known."""
    if found.customer_id:
        return list(ContactPoint.objects.filter(customer_id=found.customer_id).order_by("id")[:12])
    pairs = (("phone", found.contact_phone), ("email", found.contact_email))
    proxy = found.contact_proxy
    return [ContactPoint(kind=kind, address=one, proxy=proxy) for kind, one in pairs if one]


@require_safe
@staff_page
def orders(request: HttpRequest) -> HttpResponse:
    """All orders, newest first, or those whose number is or begins with `q`."""
    query = request.GET.get("q", "").strip()[:60]
    rows = scope.orders(scope.scope(request)).select_related("store", "connection")
    if query:
        rows = rows.filter(_numbered(query))
    page = page_by_key(rows, Q(), number(request.GET.get("before")), FOUND)
    context = {
        "page": page,
        "query": query,
        "pager_query": urlencode({"q": query} if query else {}),
    }
    template = "notifications/orders.html"
    return live(request, template, "notifications/parts/orders.html", context)


def _numbered(query: str) -> Q:
    """Ranges, so that the index on the number serves them; with and without its `#`."""
    bare = query.lstrip("#")
    found = Q(external_id=bare)
    for begin in {query, bare, f"#{bare}"} - {"", "#"}:
        found |= Q(display_number__gte=begin, display_number__lt=begin + "\U0010ffff")
    return found
