"""A message that was sent and of which nothing is heard: after a while the next route takes over.

Proof is a receipt of arrival, or a person's look at the tracking page since then. A
rule says how long to wait for it (`Rule.confirm_minutes`).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

from channels_app.contract import ReceiptStatus
from channels_app.models import Channel
from channels_app.registry import provider_class
from notifications import library, unreached
from notifications.context import Job
from notifications.deciding import decide, recipient
from notifications.fallback import UNCONFIRMED, UNPROVEN, next_route
from notifications.models import Audience, Decision, Delivery, Notification, PageView
from notifications.reasons import Reason
from notifications.superseding import covers
from orders.claiming import claim
from orders.normalising import where
from orders.statuses import Fact, Status

log = logging.getLogger(__name__)
State = Delivery.State
MOST = 200  # looked at in one sweep
LATER = timedelta(minutes=5)  # for one that cannot be dealt with: then again
PROOF = frozenset({ReceiptStatus.DELIVERED, ReceiptStatus.READ})
# What the tracking page shows: whoever looked at it knows these.
SHOWN = (*Status.values, Fact.ETA.value, Fact.DELAYED.value, Fact.TRACKING.value)
_DUE = "state = 'sent' AND confirm_by IS NOT NULL AND confirm_by <= %s"


# --- How long to wait ----------------------------------------------------------


def waits(jobs: Iterable[Job]) -> dict[int, int]:
    """Delivery id -> minutes to wait for proof, for those whose rule asks for it. No query."""
    jobs = list(jobs)
    shelves = {id(job.shelf): job.shelf for job in jobs}
    asked = {pk: m for shelf in shelves.values() for pk, m in _minutes(shelf).items()}
    if not asked:
        return {}
    found = {
        job.delivery.pk: asked.get(job.notification.rule_id or 0, 0)
        for job in jobs
        if _can_be_proved(job.notification, job.channel)
    }
    return {pk: minutes for pk, minutes in found.items() if minutes}


def deadline(delivery: Delivery, channel: Channel, now: datetime) -> datetime | None:
    """Until when proof of one delivery, sent now, is waited for; None: not at all."""
    notification = delivery.notification
    shelf = library.of_brand(delivery.brand_id)
    minutes = _minutes(shelf).get(notification.rule_id or 0)
    if not minutes or not _can_be_proved(notification, channel):
        return None
    return now + timedelta(minutes=minutes)


def _minutes(shelf: library.Library) -> Mapping[int, int]:
    """Rule id -> minutes, of the rules that want proof."""
    rules = [card.rule for card in shelf.rules]
    return {rule.pk: rule.confirm_minutes for rule in rules if rule.confirm_minutes}


def _can_be_proved(notification: Notification, channel: Channel) -> bool:
    return _shows(notification) or _reports(channel)


def _shows(notification: Notification) -> bool:
    """Whether a look at the tracking page proves that its reader knows."""
    return notification.audience == Audience.CUSTOMER and notification.event in SHOWN


def _reports(channel: Channel) -> bool:
    """Whether its provider ever says that a message arrived."""
    return bool(provider_class(channel.provider).capabilities.receipts & PROOF)


# --- Nothing was heard ---------------------------------------------------------


def run_due(now: datetime) -> int:
    """Deliveries whose time to be confirmed is over: confirmed, or the next route takes over.

    Taken in one transaction, so that two pumps never take over twice; how many there were.
    """
    if not _any_due(now):
        return 0
    with transaction.atomic():
        rows = claim(
            "notifications_delivery", _DUE, "confirm_by, id", MOST, {"confirm_by": "NULL"}, [now]
        )
        related = Delivery.objects.select_related(
            "channel", "notification__rule", "notification__customer", "notification__destination"
        )
        waiting = list(related.filter(id__in=[pk for (pk,) in rows]).order_by("id"))
        heard = _heard_of(waiting)
        for delivery in waiting:
            if delivery.pk not in heard:
                _take_over_safely(delivery, now)
    return len(rows)


def _any_due(now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM notifications_delivery WHERE {_DUE} LIMIT 1", [now])  # noqa: S608
        return cursor.fetchone() is not None


def _heard_of(waiting: Sequence[Delivery]) -> set[int]:
    """Those that need no other route: seen on the page, arrived another way, or old news by now."""
    if not waiting:
        return set()
    return _seen(waiting) | _arrived_otherwise(waiting) | _old_news(waiting)


def _seen(waiting: Sequence[Delivery]) -> set[int]:
    since = min(one.sent_at or one.created_at for one in waiting)
    views = PageView.objects.filter(
        order_id__in={one.order_id for one in waiting}, seen_at__gte=since
    )
    latest: dict[int | None, datetime] = {}
    for order_id, at in views.values_list("order_id", "seen_at"):
        latest[order_id] = max(at, latest.get(order_id, at))
    return {
        one.pk
        for one in waiting
        if one.order_id in latest
        and _shows(one.notification)
        and latest[one.order_id] >= (one.sent_at or one.created_at)
    }


def _arrived_otherwise(waiting: Sequence[Delivery]) -> set[int]:
    proved = Delivery.objects.filter(
        notification_id__in={one.notification_id for one in waiting},
        state__in=[State.DELIVERED, State.READ],
    )
    known = set(proved.values_list("notification_id", flat=True))
    return {one.pk for one in waiting if one.notification_id in known}


def _old_news(waiting: Sequence[Delivery]) -> set[int]:
    """What newer news, told or under way, has replaced since."""
    newer = Notification.objects.filter(
        order_id__in={one.order_id for one in waiting if one.order_id},
        change_id__gt=min(one.notification.change_id or 0 for one in waiting),
        state__in=[Notification.State.OPEN, Notification.State.DONE],
    )
    known = list(newer)
    return {one.pk for one in waiting if any(covers(n, one.notification) for n in known)}


def _take_over_safely(delivery: Delivery, now: datetime) -> None:
    """One that cannot be dealt with does not keep the others from it."""
    try:
        with transaction.atomic():
            _take_over(delivery, now)
    except OperationalError:
        raise
    except Exception as error:
        log.error("delivery %s could not be followed up: %s", delivery.pk, where(error))
        Delivery.objects.filter(pk=delivery.pk).update(confirm_by=now + LATER)


def _take_over(delivery: Delivery, now: datetime) -> None:
    notification, family = delivery.notification, delivery.channel.family
    why = _why(delivery, now)
    Delivery.objects.filter(pk=delivery.pk).update(failure=UNCONFIRMED, reason=f"{why}."[:300])
    next_route(notification, delivery, why, now, family, UNPROVEN)


def _why(delivery: Delivery, now: datetime) -> str:
    """What was waited for in vain, and how long; the beginning of a sentence."""
    notification, family = delivery.notification, delivery.channel.family
    rule = notification.rule
    minutes = rule.confirm_minutes if rule else None
    if not minutes:
        minutes = int((now - (delivery.sent_at or now)).total_seconds() // 60)
    if not _shows(notification):
        return f"No receipt from {family} in {minutes} min"
    if not _reports(delivery.channel):
        return (
            f"{family} cannot report that it arrived, and nobody looked at the tracking page "
            f"in {minutes} min"
        )
    return f"No receipt from {family} and no look at the tracking page in {minutes} min"


# --- It was heard of, after all ------------------------------------------------


def proved(delivery: Delivery, now: datetime) -> int:
    """A receipt of arrival came after another route had been queued: that one need not go.

    How many were cancelled; what is being sent already goes on. Call it with the delivery
    held, and before its notification is touched.
    """
    pending = _fallbacks().filter(notification_id=delivery.notification_id)
    family = delivery.channel.family
    return _call_off(
        pending.exclude(pk=delivery.pk), f"A receipt from {family} came after all", now
    )


def seen(order_id: int, now: datetime) -> int:
    """A person looked at the order's page: nothing that it shows needs proof or another route.

    How many queued deliveries that cancelled.
    """
    with transaction.atomic():
        shown = {"notification__audience": Audience.CUSTOMER, "notification__event__in": SHOWN}
        Delivery.objects.filter(
            order_id=order_id, state=State.SENT, confirm_by__isnull=False, **shown
        ).update(confirm_by=None)
        unreached.seen(order_id, now)
        pending = _fallbacks().filter(order_id=order_id, **shown)
        return _call_off(pending, "{recipient} looked at the tracking page", now)


def _fallbacks() -> QuerySet[Delivery]:
    """Queued deliveries that took over from another one, held until commit."""
    rows = Delivery.objects.select_for_update(no_key=True, of=("self",)).order_by("id")
    related = rows.select_related(
        "channel", "notification__rule", "notification__customer", "notification__destination"
    )
    # The first ones were written together with their notification.
    return related.filter(state=State.QUEUED, created_at__gt=F("notification__created_at"))


def _call_off(pending: QuerySet[Delivery], why: str, now: datetime) -> int:
    """Cancel `pending`; the notifications count as told."""
    rows = list(pending)
    if not rows:
        return 0
    reasons = {one.pk: why.format(recipient=recipient(one.notification)) for one in rows}
    for one in rows:
        Delivery.objects.filter(pk=one.pk).update(
            state=State.CANCELLED, ended_at=now, reason=f"{reasons[one.pk]}."[:300]
        )
    Decision.objects.bulk_create([_informed(one, reasons[one.pk], now) for one in rows])
    Notification.objects.filter(
        id__in={one.notification_id for one in rows}, state=Notification.State.OPEN
    ).update(state=Notification.State.DONE)
    return len(rows)


def _informed(delivery: Delivery, why: str, now: datetime) -> Decision:
    return decide(
        delivery.notification,
        Decision.Verdict.DROP,
        Reason.INFORMED,
        now,
        delivery=delivery,
        why=why,
        family=delivery.channel.family,
    )
