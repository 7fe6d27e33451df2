"""Changes x rules x recipients x consent -> notifications, first deliveries, decisions.

One transaction claims a batch of unplanned changes and writes everything they
owe, so nothing is lost and nothing is done twice. Every change gets a decision
from every active rule, for every recipient, also when nobody is told.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction

from consents import policy
from consents.models import ContactPoint
from notifications import correcting, lateness, library, promising
from notifications.incidents import orders_moved_on
from notifications.matching import miss, takes_back
from notifications.models import Audience, Decision, Rule
from notifications.owing import (
    Plan,
    decision,
    draft_for_customer,
    draft_for_destination,
    useful_span,
    write,
)
from notifications.reasons import Reason
from notifications.recipients import contact_points, destinations
from notifications.superseding import supersede
from orders.claiming import claim
from orders.models import Order, StatusChange
from orders.normalising import where

log = logging.getLogger(__name__)
Verdict = Decision.Verdict


def plan(limit: int, now: datetime) -> int:
    """Plan up to `limit` changes; how many there were."""
    try:
        return _plan_batch(limit, now)
    except OperationalError:
        raise  # the database is away or busy; nothing was written, nothing is lost
    except Exception as error:
        log.error("a batch of changes could not be planned, now one by one: %s", where(error))
        return sum(_plan_alone(pk, now) for pk in _open_ids(limit))


def _plan_batch(limit: int, now: datetime, only: int | None = None) -> int:
    with transaction.atomic():
        where, params = ("id = %s AND planned_at IS NULL", [only]) if only else _OPEN
        rows = claim("orders_statuschange", where, "id", limit, {"planned_at": "%s"}, params, [now])
        if not rows:
            return 0
        ids = _of_orders_we_hold([pk for (pk,) in rows])
        changes = StatusChange.objects.select_related(
            "order__customer", "order__connection"
        ).filter(id__in=ids)
        _plan_changes(list(changes.order_by("id")), now)
    return len(ids)


def _of_orders_we_hold(change_ids: Sequence[int]) -> list[int]:
    """One process at a time plans an order: what replaces what is decided with all in sight.

    The changes of an order that somebody else holds stay for the next look.
    """
    if not connection.features.has_select_for_update:
        return list(change_ids)
    rows = StatusChange.objects.filter(id__in=change_ids).values_list("id", "order_id")
    order_of = dict(rows)
    orders = Order.objects.select_for_update(no_key=True, skip_locked=True).order_by("id")
    held = set(orders.filter(id__in=set(order_of.values())).values_list("id", flat=True))
    if len(held) == len(set(order_of.values())):
        return list(change_ids)
    left = [pk for pk in change_ids if order_of[pk] not in held]
    StatusChange.objects.filter(id__in=left).update(planned_at=None)
    return [pk for pk in change_ids if order_of[pk] in held]


_OPEN: tuple[str, list[int]] = ("planned_at IS NULL", [])


def _open_ids(limit: int) -> list[int]:
    open_changes = StatusChange.objects.filter(planned_at__isnull=True)
    return list(open_changes.order_by("id").values_list("id", flat=True)[:limit])


def _plan_alone(pk: int, now: datetime) -> int:
    """A change that cannot be planned is set aside with its reason, so that the others go on."""
    try:
        return _plan_batch(1, now, only=pk)
    except OperationalError:
        raise
    except Exception as error:
        log.error("status change %s could not be planned: %s", pk, where(error))
        change = StatusChange.objects.select_related("order").get(pk=pk)
        with transaction.atomic():
            StatusChange.objects.filter(pk=pk).update(planned_at=now)
            decision(
                change, None, Verdict.SKIP, Reason.ERROR, now, error=type(error).__name__
            ).save()
        return 1


def _plan_changes(changes: Sequence[StatusChange], now: datetime) -> None:
    """Everything that `changes` owe, in a few queries per brand and batch."""
    for plan_, ours in what_they_owe(changes, now):
        correcting.moved_back(plan_, ours)
        supersede(plan_, {change.order_id for change in ours}, now)
        write(plan_)
        orders_moved_on(ours, now)
        lateness.follow(plan_, ours)


def what_they_owe(
    changes: Sequence[StatusChange], now: datetime
) -> Iterator[tuple[Plan, list[StatusChange]]]:
    """What `changes` lead to, a plan and its changes for each brand; nothing is told or replaced.

    The changes need not be stored: that is how a preview asks. Their orders come with
    customer and connection.
    """
    for brand_id in {change.brand_id for change in changes}:
        ours = [change for change in changes if change.brand_id == brand_id]
        plan_ = Plan(library.of_brand(brand_id), now, ledger=promising.load(ours))
        orders = [change.order for change in ours]
        points = contact_points(orders)
        every = [point for some in points.values() for point in some]
        people = [order.customer_id for order in orders if order.customer_id]
        facts = policy.load(brand_id, every, people)
        for change in ours:
            _plan_change(plan_, change, points.get(change.order_id, []), facts)
        yield plan_, ours


def _plan_change(
    plan_: Plan, change: StatusChange, points: Sequence[ContactPoint], facts: policy.Facts
) -> None:
    """One change through every active rule."""
    order = change.order
    for card in plan_.library.rules:
        if takes_back(card, change):
            continue  # `correcting` decides
        missed = miss(card, change, order, order.connection.source)
        if missed is None and (age := _too_old(change, card.rule.useful_minutes)):
            missed = Reason.TOO_OLD, {"age": _duration(age)}
        if missed is None and (near := _near(plan_, change, card.rule)):
            missed = Reason.WITHIN_TOLERANCE, near
        if missed is not None:
            reason, values = missed
            plan_.decisions.append(
                decision(change, card.rule, Verdict.SKIP, reason, plan_.now, **values)
            )
        elif card.rule.audience == Audience.CUSTOMER:
            draft_for_customer(plan_, change, card.rule, points, facts)
        else:
            _tell_places(plan_, change, card)


def _tell_places(plan_: Plan, change: StatusChange, card: library.RuleCard) -> None:
    """Staff rooms and partners."""
    places = destinations(plan_.library, card, change.order)
    for place in places:
        draft_for_destination(plan_, change, card.rule, place)
    if not places:
        who = card.rule.get_audience_display().lower()
        plan_.decisions.append(
            decision(
                change, card.rule, Verdict.SKIP, Reason.NO_DESTINATION, plan_.now, audience=who
            )
        )


def _too_old(change: StatusChange, useful_minutes: int | None) -> timedelta | None:
    """How old the change was when it reached us, when that is too old to be news."""
    age = change.recorded_at - change.occurred_at
    return age if age > useful_span(change.event_name, useful_minutes) else None


def _near(plan_: Plan, change: StatusChange, rule: Rule) -> dict[str, Any] | None:
    """The customer knows a time so near to the new one that it is not worth a message."""
    if rule.audience != Audience.CUSTOMER:
        return None
    store = plan_.library.stores.get(change.order.store_id or 0)
    zone = store.time_zone if store else "UTC"
    return promising.near(change, rule.eta_tolerance_minutes, plan_.ledger, zone, plan_.now)


def _duration(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
