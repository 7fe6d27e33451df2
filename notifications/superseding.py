"""A newer fact replaces an unsent older one of the same order, part and recipient.

The same step of another part does not replace it: one message tells of both (`coalescing`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from notifications import coalescing
from notifications.deciding import decide
from notifications.models import Decision, Delivery, Notification
from notifications.owing import Draft, Plan
from notifications.reasons import Reason
from orders.statuses import Fact, Status

_STEPS = frozenset(status.value for status in Status)
_TIMES = frozenset({Fact.ETA.value, Fact.DELAYED.value})
# What a cancellation makes pointless besides the steps.
_MOOT = frozenset({Fact.TRACKING.value, Fact.EDITED.value, Fact.SPLIT.value})


def replaces(newer: str, older: str) -> bool:
    """Whether news of `newer` makes unsent news of `older` superfluous."""
    if newer in (Status.CANCELLED, Status.REFUNDED):
        return older in _STEPS | _TIMES | _MOOT
    if newer in _STEPS:
        return older in _STEPS | _TIMES
    return newer in _TIMES and older in _TIMES


def supersede(plan: Plan, order_ids: set[int], now: datetime) -> None:
    """Cancel what the plan's drafts replace or take in, among themselves and among what is queued.

    The queued rows are held until commit, so that none of them is sent and called replaced.
    """
    if not plan.drafts:
        return
    by_order = _by_order(plan.drafts)
    for drafts in by_order.values():
        _among(drafts, plan)
    _by_earlier_plans(plan, by_order)
    for drafts in by_order.values():
        _together(drafts, plan)
    queued = (
        Delivery.objects.select_for_update(no_key=True, of=("self",))
        .filter(order_id__in=order_ids, state=Delivery.State.QUEUED)
        .select_related("notification__rule", "notification__destination", "notification__customer")
        .order_by("id")
    )
    gone: list[Delivery] = []
    for delivery in queued:
        older, drafts = delivery.notification, by_order[delivery.order_id or 0]
        newer, reason = _replaced_by(older, drafts), Reason.SUPERSEDED
        if newer is None and (draft := coalescing.host(delivery, drafts)) is not None:
            newer, reason = draft.notification, Reason.MERGED
            coalescing.take_in(draft, older, delivery.due_at, now)
        if newer is not None:
            gone.append(delivery)
            plan.decisions.append(_decision(older, newer, plan, delivery, reason))
    cancel(gone, now)
    _leave_out_the_obvious(plan)


def cancel(gone: Iterable[Delivery], now: datetime) -> None:
    """End deliveries that are still queued, and their notifications."""
    gone = list(gone)
    if not gone:
        return
    Delivery.objects.filter(id__in=[one.pk for one in gone], state=Delivery.State.QUEUED).update(
        state=Delivery.State.CANCELLED, ended_at=now, reason="Replaced by something newer."
    )
    Notification.objects.filter(
        id__in=[one.notification_id for one in gone], state=Notification.State.OPEN
    ).update(state=Notification.State.CANCELLED)


def _by_order(drafts: Iterable[Draft]) -> dict[int, list[Draft]]:
    found: dict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        found[draft.notification.order_id or 0].append(draft)
    return found


def _among(drafts: Sequence[Draft], plan: Plan) -> None:
    """Within one batch the older draft never becomes a delivery."""
    for index, draft in enumerate(drafts):
        later = drafts[index + 1 :]
        newer = next(
            (x.notification for x in later if covers(x.notification, draft.notification)), None
        )
        if newer is not None:
            _withdraw(draft, newer, plan)


def _together(drafts: Sequence[Draft], plan: Plan) -> None:
    """Within one batch the parts that come to the same step become one message."""
    for index, draft in enumerate(drafts):
        later = drafts[index + 1 :]
        live = [one for one in later if one.deliveries] if draft.deliveries else []
        older = draft.notification
        into = next((one for one in live if coalescing.joins(one.notification, older)), None)
        if into is not None:
            due = min(one.due_at for one in draft.deliveries)
            coalescing.take_in(into, older, due, plan.now)
            _withdraw(draft, into.notification, plan, Reason.MERGED)


def _leave_out_the_obvious(plan: Plan) -> None:
    for draft, known in coalescing.obvious(plan, plan.drafts):
        _withdraw(draft, known.notification, plan, Reason.OBVIOUS)
        draft.decision.sentence = coalescing.obvious_sentence(known, plan.now)


def _by_earlier_plans(plan: Plan, by_order: Mapping[int, Sequence[Draft]]) -> None:
    """Another process may have planned a newer change of the same order first."""
    known = Notification.objects.filter(
        order_id__in=list(by_order),
        change_id__gt=min(draft.notification.change_id or 0 for draft in plan.drafts),
        state__in=[Notification.State.OPEN, Notification.State.DONE],
    )
    for newer in known.order_by("id"):
        for draft in by_order[newer.order_id or 0]:
            if draft.deliveries and covers(newer, draft.notification):
                _withdraw(draft, newer, plan)


def _withdraw(
    draft: Draft, newer: Notification, plan: Plan, reason: Reason = Reason.SUPERSEDED
) -> None:
    draft.notification.state = Notification.State.CANCELLED
    draft.deliveries = []
    draft.decision = _decision(draft.notification, newer, plan, None, reason)


def _replaced_by(older: Notification, drafts: Sequence[Draft]) -> Notification | None:
    return next(
        (one.notification for one in drafts if one.deliveries and covers(one.notification, older)),
        None,
    )


def covers(newer: Notification, older: Notification) -> bool:
    """Same order and recipient, the same part or the whole, and news that replaces the older."""
    return (
        newer.order_id == older.order_id
        and newer.audience == older.audience
        and newer.destination_id == older.destination_id
        and newer.group_key in ("", older.group_key)
        # News of one part leaves what an unsent message says of the others.
        and not (older.merged and newer.group_key)
        and (newer.change_id or 0) > (older.change_id or 0)
        and replaces(newer.event, older.event)
    )


def _decision(
    older: Notification,
    newer: Notification,
    plan: Plan,
    delivery: Delivery | None,
    reason: Reason,
) -> Decision:
    values = {"newer": newer.event, "older": older.event, "before": newer.event, "seconds": 0}
    inputs = {"newer_change": newer.change_id}
    drop = Decision.Verdict.DROP
    row = decide(older, drop, reason, plan.now, delivery=delivery, inputs=inputs, **values)
    plan.replaced.append((row, newer))
    return row
