"""After a wrong tap: who was told what is not true, and one press that tells them so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from channels_app.failures import SendError
from notifications import claims, composing, correcting, library
from notifications.context import Job
from notifications.correcting import Wrong
from notifications.deciding import recipient
from notifications.models import Attempt, Delivery
from notifications.views import scope, steps
from notifications.views.labels import by, masked, said
from notifications.views.scope import Scope, staff_page
from orders import timeline
from orders.models import FulfilmentGroup, Order, OrderLine, StatusChange
from orders.statuses import Fact


@dataclass(frozen=True, slots=True)
class Way:
    """One address at which somebody was told, the words they got, and those that would follow."""

    delivery: Delivery
    family: str
    to: str
    at: datetime | None
    sending: bool
    told: str
    draft: str
    problem: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One recipient of a false claim."""

    recipient: str
    audience: str
    status: str
    ways: Sequence[Way]


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who was told what is false, and the correction; a press sends it."""
    seen = scope.scope(request)
    order = _order(seen, pk)
    now = timezone.now()
    if request.method == "POST":
        return _send(request, order, seen.actor, now)
    place = scope.zone(order.store.time_zone) if order.store else scope.clock(seen)
    with timezone.override(place):
        found = correcting.find(order)
        context = {
            "order": order,
            "shown": _shown(order, found.told, now),
            "unsent": [(recipient(one.notification), one) for one in found.unsent],
            "status": steps.words(order.status),
        }
        return render(request, "notifications/correct.html", context)


@require_POST
@staff_page
def wrong(request: HttpRequest, pk: int) -> HttpResponse:
    """ "That was wrong": the part goes back to where it was before its last step."""
    seen = scope.scope(request)
    order = _order(seen, pk)
    group = get_object_or_404(order.groups, key=request.POST.get("group", ""))
    last = last_step(order, group)
    if last is None or request.POST.get("status", "") != group.status:
        messages.error(request, _("The order has moved on meanwhile. Look at it again."))
        return redirect("order", pk)
    before = last.previous_status
    key = group.key if last.group_key else ""
    timeline.set_status(order, key, before, actor=seen.actor, now=timezone.now())
    order.refresh_from_db()
    group.refresh_from_db()
    if group.status != before:
        messages.error(
            request, _("The source itself says so. Change it there, then it moves back here.")
        )
        return redirect("order", pk)
    word = {"order": order, "status": steps.words(before)}
    messages.success(request, _("%(order)s is back at: %(status)s.") % word)
    return redirect("correct", pk)


def last_step(order: Order, group: FulfilmentGroup) -> StatusChange | None:
    """The step that brought `group` to where it is; None when there was nothing before it."""
    steps_ = StatusChange.objects.filter(order_id=order.pk, fact=Fact.STATUS, applied=True)
    steps_ = steps_.filter(status=group.status, group_key__in=["", group.key])
    return steps_.exclude(previous_status="").order_by("-id").first()


def _order(seen: Scope, pk: int) -> Order:
    rows = scope.orders(seen, everywhere=True)
    return get_object_or_404(rows.select_related("brand", "store", "connection"), pk=pk)


def _send(request: HttpRequest, order: Order, actor: str, now: datetime) -> HttpResponse:
    sent = correcting.send(order.pk, actor, now)
    if sent:
        count = len(sent)
        told = ngettext("%d correction is on its way.", "%d corrections are on their way.", count)
        messages.success(request, told % count)
    else:
        messages.info(request, _("There was nothing left to correct."))
    return redirect("order", order.pk)


# --- What is shown ------------------------------------------------------------------


def _shown(order: Order, told: Sequence[Wrong], now: datetime) -> list[Shown]:
    """For each recipient the words that they got, and exactly those that would be sent."""
    ids = [delivery.pk for one in told for delivery in one.deliveries]
    attempts = by(Attempt.objects.filter(delivery_id__in=ids).order_by("id"), "delivery_id")
    whole = _Whole(
        order,
        list(order.groups.order_by("id")),
        list(order.lines.order_by("id")),
        library.of_brand(order.brand_id),
        now,
    )
    return [
        Shown(
            recipient(one.notification),
            one.notification.audience,
            steps.words(one.notification.change.status) if one.notification.change else "",
            [
                _way(one, delivery, whole, attempts.get(delivery.pk, []))
                for delivery in one.deliveries
            ],
        )
        for one in told
    ]


@dataclass(frozen=True, slots=True)
class _Whole:
    order: Order
    groups: Sequence[FulfilmentGroup]
    lines: Sequence[OrderLine]
    shelf: library.Library
    now: datetime


def _way(one: Wrong, delivery: Delivery, whole: _Whole, attempts: Sequence[Any]) -> Way:
    claim = claims.claim([delivery])
    last = said(attempts)
    draft, problem = "", ""
    try:
        draft = _draft(one, delivery, whole)
    except SendError as error:
        problem = error.detail
    return Way(
        delivery,
        delivery.channel.family,
        masked(delivery.address),
        claim.told_at if claim else None,
        delivery.state == Delivery.State.SENDING,
        last.text if last else "",
        draft,
        problem,
    )


def _draft(one: Wrong, delivery: Delivery, whole: _Whole) -> str:
    """The text of the correction, composed as the pump will. Raises SendError without words."""
    claim = claims.claim([delivery])
    note = correcting.correction_of(one.notification, None, None, whole.now)
    row = Delivery(
        notification=note,
        channel=delivery.channel,
        contact_point=delivery.contact_point,
        address=delivery.address,
        ref="preview",
    )
    job = Job(
        delivery=row,
        notification=note,
        channel=delivery.channel,
        shelf=whole.shelf,
        order=whole.order,
        change=claim.change if claim else None,
        groups=whole.groups,
        lines=whole.lines,
        point=delivery.contact_point,
        facts=None,
        claim=claim,
    )
    return composing.compose(job, whole.now).message.text
