"""The customers' phones, side by side: what really arrived in the sandbox, from the database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_app.models import Channel
from channels_app.wire.alerts import offered
from consents.models import ContactPoint
from notifications.models import Attempt, Audience, CustomerMessage, Delivery
from notifications.views import sandbox, scope, steps
from notifications.views.board import Part, part
from notifications.views.labels import by, family_of, provider_of, said
from notifications.views.live import live
from notifications.views.paging import number
from notifications.views.returning import back
from notifications.views.scope import Scope, staff_page
from orders.deriving import active
from orders.models import Customer, Order

PHONES = 8
ORDERS = 60  # the latest ones, in which the customers are looked for
BUBBLES = 14  # on one screen
WALL = 14
SYSTEMS = 24
ON_THE_WALL = ("acknowledge", "resolve")  # what every place that shows buttons understands
NEW = timedelta(seconds=2)
# What never reached the phone is told on the order page, not here.
HIDDEN = (Delivery.State.CANCELLED, Delivery.State.EXPIRED, Delivery.State.FAILED)
ON_ITS_WAY = (Delivery.State.QUEUED, Delivery.State.SENDING)


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message on a screen; `mine` when the phone's owner wrote it."""

    at: datetime
    family: str
    text: str
    subject: str = ""
    state: str = ""
    mine: bool = False
    fresh: bool = False
    title: str = ""
    provider: str = ""  # its slug: each has a look of its own
    pk: int = 0  # of the delivery, for the buttons of an alert
    verbs: Sequence[str] = ()  # what can be done about the incident it tells of


@dataclass(frozen=True, slots=True)
class Line:
    """An address from which the owner can answer, over one channel."""

    channel: Channel
    contact: ContactPoint
    family: str


@dataclass(frozen=True, slots=True)
class Phone:
    """One customer's phone."""

    customer: Customer
    order: Order
    parts: Sequence[Part]
    bubbles: Sequence[Bubble]  # newest first: the screen grows from its foot
    lines: Sequence[Line]


@require_safe
@staff_page
def phones(request: HttpRequest) -> HttpResponse:
    """The page; its screens refresh every second."""
    seen = scope.scope(request)
    channels = list(scope.channels(seen).filter(mode=Channel.Mode.SANDBOX, enabled=True)[:60])
    now = timezone.now()
    shown = _phones(seen, channels, now) if channels else []
    wall = _wall(seen, channels, now) if channels else []
    systems = _systems(seen, channels, now) if channels else []
    context = {"phones": shown, "wall": wall, "systems": systems, "demo": bool(channels)}
    return live(
        request, "notifications/phones.html", "notifications/parts/phones.html", context, "1s"
    )


def _phones(seen: Scope, channels: Sequence[Channel], now: datetime) -> list[Phone]:
    """Seven queries, whatever is on the screens."""
    current = _current_orders(seen)
    ids = list(current)
    bubbles = by_customer([*_received(ids, channels, now), *_written(ids, now)])
    points = ContactPoint.objects.filter(customer_id__in=ids, invalid_at=None, proxy=False)
    contacts = by(points.order_by("id")[: PHONES * 8], "customer_id")
    lines = [(channel, *_inbound(channel)) for channel in channels]
    return [
        Phone(
            order.customer,
            order,
            _parts(order),
            sorted(bubbles.get(pk, ()), key=lambda b: b.at, reverse=True)[:BUBBLES],
            [
                Line(channel, contact, family)
                for contact in contacts.get(pk, ())
                for channel, kind, family in lines
                if kind == contact.kind
            ],
        )
        for pk, order in sorted(current.items())
        if order.customer is not None
    ]


def _current_orders(seen: Scope) -> dict[int, Order]:
    """Customer id -> the order that they wait for, else their latest."""
    rows = scope.orders(seen).filter(customer__isnull=False).select_related("customer", "store")
    latest = rows.prefetch_related("groups", "lines").order_by("-changed_at", "-id")[:ORDERS]
    found: dict[int, Order] = {}
    for order in latest:
        pk = order.customer_id or 0
        waiting = pk in found and found[pk].status not in steps.OPEN and order.status in steps.OPEN
        if waiting or (pk not in found and len(found) < PHONES):
            found[pk] = order
    return found


def _parts(order: Order) -> list[Part]:
    groups = active(list(order.lines.all()), list(order.groups.all()))
    return [part(order, group) for group in groups]


def _inbound(channel: Channel) -> tuple[str, str]:
    """The kind of address from which people can write to `channel`, and its family."""
    provider = provider_of(channel)
    if provider is None or not provider.capabilities.inbound:
        return "", ""
    return str(provider.address), str(provider.family)


def by_customer(pairs: Iterable[tuple[int | None, Bubble]]) -> dict[int | None, list[Bubble]]:
    """The bubbles of each customer."""
    found: dict[int | None, list[Bubble]] = {}
    for customer_id, bubble in pairs:
        found.setdefault(customer_id, []).append(bubble)
    return found


def _received(
    ids: Sequence[int], channels: Sequence[Channel], now: datetime
) -> list[tuple[int | None, Bubble]]:
    rows = (
        Delivery.objects.filter(notification__customer_id__in=ids, channel__in=channels)
        .exclude(state__in=HIDDEN)
        .select_related("channel", "notification")
        .order_by("-pk")[: PHONES * BUBBLES * 2]
    )
    return [(row.notification.customer_id, bubble) for row, bubble in _bubbles(rows, now)]


def _bubbles(rows: Iterable[Delivery], now: datetime) -> list[tuple[Delivery, Bubble]]:
    """A bubble for each delivery: its words once they left for the provider, dots before that."""
    found = list(rows)
    ids = [row.pk for row in found]
    attempts = by(Attempt.objects.filter(delivery_id__in=ids).order_by("id"), "delivery_id")
    pairs = ((row, said(attempts.get(row.pk, ()))) for row in found)
    return [
        (row, _bubble(row, attempt, now))
        for row, attempt in pairs
        if attempt or row.state in ON_ITS_WAY
    ]


def _bubble(row: Delivery, attempt: Attempt | None, now: datetime) -> Bubble:
    begun = attempt.started_at if attempt else row.created_at
    return Bubble(
        at=row.sent_at or begun,
        family=family_of(row.channel),
        text=attempt.text if attempt else "…",
        subject=attempt.subject if attempt else "",
        state=row.state,
        fresh=now - begun < NEW,
        title=row.channel.name,
        provider=row.channel.provider,
    )


def _written(ids: Sequence[int], now: datetime) -> list[tuple[int | None, Bubble]]:
    rows = CustomerMessage.objects.filter(customer_id__in=ids).select_related("channel")
    return [
        (
            row.customer_id,
            Bubble(
                row.received_at,
                family_of(row.channel),
                row.text,
                mine=True,
                fresh=now - row.received_at < NEW,
            ),
        )
        for row in rows.order_by("-pk")[: PHONES * BUBBLES]
    ]


def _wall(seen: Scope, channels: Sequence[Channel], now: datetime) -> list[Bubble]:
    """What the staff rooms show, newest first."""
    rows = _newest(seen, channels, Audience.STAFF)[:WALL]
    return [replace(bubble, pk=row.pk, verbs=_verbs(row)) for row, bubble in _bubbles(rows, now)]


def _systems(seen: Scope, channels: Sequence[Channel], now: datetime) -> list[Bubble]:
    """What partners and the operator's other systems were told, newest first."""
    rows = _newest(seen, channels, Audience.PARTNER)[:SYSTEMS]
    return [bubble for _row, bubble in _bubbles(rows, now)]


def _newest(seen: Scope, channels: Sequence[Channel], audience: str) -> QuerySet[Delivery]:
    """Looked for among the latest messages only."""
    newest = scope.deliveries(seen).order_by("-pk").values("pk")[:500]
    rows = Delivery.objects.filter(
        pk__in=newest, notification__audience=audience, channel__in=channels
    )
    related = rows.exclude(state__in=HIDDEN).select_related("channel", "notification__incident")
    return related.order_by("-pk")


def _verbs(row: Delivery) -> tuple[str, ...]:
    """What whoever got this alert can do about it where it arrived."""
    incident, provider = row.notification.incident, provider_of(row.channel)
    if incident is None or provider is None or not provider.resolves_incidents:
        return ()
    return tuple(verb for verb in offered(incident.state) if verb in ON_THE_WALL)


@require_POST
@staff_page
def press(request: HttpRequest) -> HttpResponse:
    """Press a button of an alert in the staff room, through the sandbox end of its channel."""
    seen, verb = scope.scope(request), request.POST.get("verb", "")
    alerts = scope.deliveries(seen).filter(channel__mode=Channel.Mode.SANDBOX)
    alerts = alerts.exclude(notification__incident=None)
    row = get_object_or_404(
        alerts.select_related("channel", "notification__incident"),
        pk=number(request.POST.get("alert", "")),
    )
    incident = row.notification.incident
    if incident is None or verb not in _verbs(row):
        messages.error(request, _("Somebody was faster: look again."))
        return back(request, "phones")
    text = f"button:{verb}:{incident.token}"
    problem = sandbox.write(row.channel.provider, request.user.get_username(), text)
    if problem:
        messages.error(request, problem)
    return back(request, "phones")


@require_POST
@staff_page
def answer(request: HttpRequest) -> HttpResponse:
    """Write to us as this customer, through the sandbox end of the channel."""
    seen = scope.scope(request)
    channel_id, _dot, contact_id = request.POST.get("line", "").partition(".")
    usable = scope.channels(seen).filter(mode=Channel.Mode.SANDBOX)
    channel = get_object_or_404(usable, pk=number(channel_id))
    contact = get_object_or_404(_contacts(seen), pk=number(contact_id))
    text = (request.POST.get("quick") or request.POST.get("text", "")).strip()[:1000]
    if not text:
        messages.error(request, _("Write something first."))
        return back(request, "phones")
    problem = sandbox.write(channel.provider, contact.address, text)
    if problem:
        messages.error(request, problem)
    return back(request, "phones")


def _contacts(seen: Scope) -> QuerySet[ContactPoint]:
    """Addresses of customers who have an order within the scope."""
    customers = scope.orders(seen).values("customer_id")
    return ContactPoint.objects.filter(brand=seen.brand, customer_id__in=customers)
