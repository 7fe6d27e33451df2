"""Several parts of one order that come to the same step: one message tells of all of them.

A message that waits (for its hold, for quiet hours, for its turn) is joined by the next
part's. Its time does not start anew: nobody is kept waiting for the last of many parts.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from notifications.models import Audience, Delivery, Notification
from notifications.owing import Draft, Plan
from notifications.reasons import Reason, sentence
from orders.statuses import Status

_STEPS = frozenset(status.value for status in Status) - {Status.REFUNDED.value}
# A partner's machine reads one change at a time.
_READERS = (Audience.CUSTOMER, Audience.STAFF)
_GONE_OUT = (
    Delivery.State.SENDING,
    Delivery.State.UNKNOWN,
    Delivery.State.SENT,
    Delivery.State.DELIVERED,
    Delivery.State.READ,
    Delivery.State.HANDED_OFF,
)


def joins(newer: Notification, older: Notification) -> bool:
    """Whether one message can tell of both: the same step of two parts, by the same rule."""
    return (
        newer.event == older.event
        and newer.event in _STEPS
        and newer.order_id == older.order_id
        and newer.rule_id == older.rule_id
        and newer.audience == older.audience
        and newer.audience in _READERS
        and newer.customer_id == older.customer_id
        and newer.destination_id == older.destination_id
        and newer.corrects_id == older.corrects_id
        and bool(newer.group_key and older.group_key)
        and newer.group_key != older.group_key
    )


def host(waiting: Delivery, drafts: Iterable[Draft]) -> Draft | None:
    """The draft that the message of a queued delivery can join; None when it goes by itself.

    One that takes over from another route, or may have arrived, stays what it is.
    """
    older = waiting.notification
    if waiting.may_duplicate or waiting.created_at > older.created_at:
        return None
    if older.state != Notification.State.OPEN:
        return None
    return next((one for one in drafts if one.deliveries and joins(one.notification, older)), None)


def take_in(draft: Draft, older: Notification, due: datetime, now: datetime) -> None:
    """`draft` tells what `older` would have told, too; no later than that one would have been."""
    newer = draft.notification
    newer.merged = sorted({*newer.merged, *older.merged, older.change_id or 0} - {0})
    if draft.decision.reason != Reason.DEFERRED:
        for delivery in draft.deliveries:
            delivery.due_at = max(now, min(delivery.due_at, due))


def obvious(plan: Plan, drafts: Sequence[Draft]) -> list[tuple[Draft, Delivery]]:
    """Drafts of “picked up” right after “ready” was told: who holds it in their hands knows.

    "Right after" is the hold of the draft's rule. One query, and only when there is such a draft.
    """
    held = [
        draft
        for draft in drafts
        if draft.deliveries
        and draft.notification.event == Status.PICKED_UP
        and draft.notification.audience == Audience.CUSTOMER
        and _hold(draft.notification)
    ]
    if not held:
        return []
    ready = Delivery.objects.filter(
        order_id__in={draft.notification.order_id for draft in held},
        state__in=_GONE_OUT,
        notification__event=Status.READY,
        created_at__gte=plan.now - max(_hold(draft.notification) for draft in held),
    ).select_related("notification")
    told = list(ready)
    found = ((draft, _just_told(draft.notification, told, plan.now)) for draft in held)
    return [(draft, one) for draft, one in found if one is not None]


def _hold(notification: Notification) -> timedelta:
    return timedelta(seconds=notification.rule.hold_seconds if notification.rule else 0)


def _just_told(news: Notification, told: Iterable[Delivery], now: datetime) -> Delivery | None:
    for one in told:
        known = one.notification
        same = (known.order_id, known.audience, known.customer_id) == (
            news.order_id, news.audience, news.customer_id,
        )  # fmt: skip
        if same and known.group_key in ("", news.group_key) and now - one.created_at < _hold(news):
            return one
    return None


def obvious_sentence(known: Delivery, now: datetime) -> str:
    """Why nobody needs to be told."""
    seconds = int((now - known.created_at).total_seconds())
    return sentence(Reason.OBVIOUS, before=known.notification.event, seconds=seconds)
