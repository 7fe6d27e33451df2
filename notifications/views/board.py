"""The order board: open orders by status, and one touch to move them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from notifications.lateness import is_late
from notifications.models import Expectation
from notifications.views import scope, steps
from notifications.views.live import live
from notifications.views.returning import back
from notifications.views.scope import Scope, staff_page
from orders import timeline
from orders.deriving import active
from orders.models import FulfilmentGroup, Order, OrderLine
from orders.statuses import Status

SHOWN = 200
LOOKED_AT = 2000  # the latest changed orders among which open ones are looked for
STUCK = timedelta(minutes=45)

COLUMNS = (
    ("new", gettext_lazy("New"), (Status.PLACED, Status.CONFIRMED)),
    ("preparing", gettext_lazy("Preparing"), (Status.PREPARING,)),
    ("ready", gettext_lazy("Ready"), (Status.READY,)),
    ("out", gettext_lazy("On the way"), (Status.OUT_FOR_DELIVERY,)),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One fulfilment group on a card, with the steps on offer."""

    key: str
    status: str
    steps: tuple[Status, ...]
    group: FulfilmentGroup


@dataclass(frozen=True, slots=True)
class Card:
    """An order on the board."""

    order: Order
    parts: tuple[Part, ...]
    lines: tuple[OrderLine, ...]
    more_lines: int
    late: bool
    old: bool
    method: str

    @property
    def split(self) -> bool:
        """Whether the parts move on their own."""
        return len(self.parts) > 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the board."""

    key: str
    title: str
    cards: tuple[Card, ...]


@require_safe
@staff_page
def board(request: HttpRequest) -> HttpResponse:
    """Open orders in columns; late ones first, then the oldest."""
    context = {"columns": columns(scope.scope(request), timezone.now()), "limit": SHOWN}
    return live(request, "notifications/board.html", "notifications/parts/board.html", context)


def columns(seen: Scope, now: datetime) -> list[Column]:
    """The board's columns. Five queries, whatever is on it."""
    newest = scope.orders(seen).order_by("-changed_at", "-id").values("pk")[:LOOKED_AT]
    rows = (
        Order.objects.filter(pk__in=newest, status__in=steps.OPEN, archived_at__isnull=True)
        .select_related("store")
        .prefetch_related("groups", Prefetch("lines", OrderLine.objects.order_by("id")), clocks())
        .order_by("-changed_at", "-id")[:SHOWN]
    )
    cards = [card(order, now) for order in rows]
    cards.sort(key=lambda c: (not c.late, c.order.placed_at or c.order.created_at))
    return [
        Column(key, str(title), tuple(c for c in cards if c.order.status in statuses))
        for key, title, statuses in COLUMNS
    ]


def clocks() -> Prefetch:
    """The running clocks of orders, for `card`."""
    return Prefetch("expectations", Expectation.objects.filter(closed_at__isnull=True))


def card(order: Order, now: datetime) -> Card:
    """`order` as a card. Its groups, lines and clocks are at hand already."""
    due = {row.group_key: row for row in order.expectations.all()}
    groups = active(list(order.lines.all()), list(order.groups.all()))
    lines = [line for line in order.lines.all() if line.quantity > line.removed_quantity]
    return Card(
        order,
        tuple(part(order, group) for group in groups),
        tuple(lines[:4]),
        max(0, len(lines) - 4),
        any(
            group.delayed_since
            or is_late(group, steps.method_of(order, group), due.get(group.key), now)
            for group in groups
        ),
        now - order.changed_at > STUCK,
        steps.method_of(order, groups[0] if groups else None),
    )


def part(order: Order, group: FulfilmentGroup) -> Part:
    """`group` with what may follow."""
    status = group.status or order.status
    offered = tuple(steps.next_statuses(steps.method_of(order, group), status))
    return Part(group.key, status, offered, group)


@require_POST
@staff_page
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the status of one part of an order, as the person who is signed in."""
    seen = scope.scope(request)
    order = get_object_or_404(scope.orders(seen, everywhere=True), pk=pk)
    group = request.POST.get("group", "")
    if group:
        get_object_or_404(order.groups, key=group)
    status = request.POST.get("status", "")
    if status not in Status.values:
        messages.error(request, _("Choose a status first."))
        return back(request, "board")
    changed = timeline.set_status(order, group, status, actor=seen.actor, now=timezone.now())
    word = {"order": order, "status": steps.words(status)}
    if changed:
        messages.success(request, _("%(order)s is now: %(status)s.") % word)
    else:
        messages.info(request, _("%(order)s was already there: %(status)s.") % word)
    return back(request, "board")
