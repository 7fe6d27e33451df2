"""Bulk delay: previewed, confirmed, undone for a minute, then on the timelines of open orders.

Nothing leaves before the minute is over. What goes out then is a change like any other, so
consent, tolerance and supersession hold as always.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import OperationalError, transaction

from notifications import delay_preview
from notifications.delay_preview import Late, Wish
from notifications.models import BulkDelay
from orders import timeline
from orders.contract import Clock, OrderEvent
from orders.loading import Word
from orders.models import Brand, Order
from orders.normalising import where

log = logging.getLogger(__name__)
State = BulkDelay.State
HOLD = timedelta(seconds=60)
DRAFT_LIFE = timedelta(minutes=10)
# So long after its time it is no longer what was meant: the machine stood still.
TOO_LATE = timedelta(minutes=15)
LOOKED_AT = 20  # the newest bulk delays of a brand, among which the same one is looked for
AT_ONCE = 10
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drafted:
    """The bulk delay to show; `running` when the same one had been confirmed already."""

    delay: BulkDelay
    running: bool


def draft(wish: Wish, user: AbstractBaseUser, now: datetime) -> Drafted:
    """A preview of `wish`, stored; or the same one that waits to go out. Tells nobody."""
    same = [row for row in _newest(wish.brand_id) if _is_same(row, wish)]
    running = next((row for row in same if row.state == State.CONFIRMED), None)
    if running is not None:
        return Drafted(running, True)
    mine = (row for row in same if row.state == State.DRAFT and row.user_id == user.pk)
    row = next((row for row in mine if not is_old(row, now)), None) or _new(wish, user)
    row.created_at, row.reason = now, wish.reason
    row.preview, row.order_ids = delay_preview.preview(wish, _waiting(wish.brand_id), now)
    row.save()
    return Drafted(row, False)


def confirm(delay: BulkDelay, now: datetime) -> BulkDelay:
    """Let it go out in a minute; the same one that runs already is returned instead.

    Orders that another one will delay meanwhile are left to that one. An old preview stays a
    draft: look at it again first.
    """
    with transaction.atomic():
        Brand.objects.select_for_update(no_key=True).get(pk=delay.brand_id)
        row = BulkDelay.objects.get(pk=delay.pk)
        if row.state != State.DRAFT or is_old(row, now):
            return row
        wish = _wish_of(row)
        for other in _newest(row.brand_id):
            if other.state == State.CONFIRMED and _is_same(other, wish):
                return other
        waiting = _waiting(row.brand_id)
        row.order_ids = [pk for pk in row.order_ids if pk not in waiting]
        row.state, row.due_at = State.CONFIRMED, now + HOLD
        row.save(update_fields=["order_ids", "state", "due_at"])
    return row


def undo(delay: BulkDelay, now: datetime) -> bool:
    """Nothing goes out. False when it has gone out already, or was never confirmed."""
    waiting = BulkDelay.objects.filter(pk=delay.pk, state=State.CONFIRMED)
    return bool(waiting.update(state=State.UNDONE, ended_at=now))


def is_old(delay: BulkDelay, now: datetime) -> bool:
    """Whether a preview was made too long ago to be confirmed unseen."""
    return now - delay.created_at > DRAFT_LIFE


def run_due(now: datetime) -> int:
    """Put the bulk delays whose minute is over on the timelines; how many there were."""
    due = BulkDelay.objects.filter(state=State.CONFIRMED, due_at__lte=now).order_by("due_at")
    return sum(_run(pk, now) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


def _run(pk: int, now: datetime) -> int:
    """One bulk delay in one transaction: whoever takes the row first does all of it."""
    with transaction.atomic():
        waiting = BulkDelay.objects.filter(pk=pk, state=State.CONFIRMED)
        if not waiting.update(state=State.DONE, ended_at=now):
            return 0
        delay = BulkDelay.objects.select_related("user").get(pk=pk)
        if delay.due_at is not None and now - delay.due_at > TOO_LATE:
            delay.state = State.UNDONE
            delay.preview = {**delay.preview, "why": "late"}
        else:
            _apply(delay, now)
        delay.save(update_fields=["state", "preview", "told"])
    return 1


def _apply(delay: BulkDelay, now: datetime) -> None:
    """A `delayed` change for each order that is still open, the soonest promise first."""
    orders = delay_preview.with_parts(Order.objects.filter(pk__in=delay.order_ids))
    wish = _wish_of(delay)
    found = [(order, delay_preview.parts_to_delay(order, wish, now)) for order in orders]
    late = sorted([(o, parts) for o, parts in found if parts], key=lambda pair: _soonest(pair[1]))
    actor = delay.user.get_username() if delay.user else "staff"
    changed = _record([_words(order, parts, actor, now) for order, parts in late], now)
    delay.told = len({change.order_id for change in changed})
    delay.preview = {
        **delay.preview,
        "changes": [change.pk for change in changed],
        "dropped": sorted(set(delay.order_ids) - {order.pk for order, _parts in late}),
    }


def _soonest(parts: Sequence[Late]) -> datetime:
    return min((late.before for late in parts if late.before), default=_FAR)


def _words(order: Order, parts: Sequence[Late], actor: str, now: datetime) -> list[Word]:
    """What the person says of this order: it is late, and until when.

    A part that is late already is first called on time again: being late once more is news.
    """
    said = [(now, [late.group for late in parts])]
    again = [late.on_time for late in parts if late.on_time is not None]
    if again:
        said.insert(0, (now - timedelta(milliseconds=1), again))
    return [
        Word(
            OrderEvent(
                external_id=order.external_id,
                topic="staff",
                clock=Clock(at=at),
                occurred_at=at,
                groups=groups,
            ),
            order.connection,
            order_id=order.pk,
            actor=actor,
        )
        for at, groups in said
    ]


def _record(words: Sequence[list[Word]], now: datetime) -> list[Any]:
    """All at once; order by order when one of them cannot be recorded."""
    try:
        with transaction.atomic():
            return timeline.record([word for some in words for word in some], now).changes
    except OperationalError:
        raise  # the database is away or busy: nothing was written, all of it comes again
    except Exception as error:
        log.error("a bulk delay could not be recorded, now order by order: %s", where(error))
        return [change for some in words for change in _record_alone(some, now)]


def _record_alone(words: Sequence[Word], now: datetime) -> list[Any]:
    try:
        with transaction.atomic():
            return timeline.record(words, now).changes
    except OperationalError:
        raise
    except Exception as error:
        log.error("order %s could not be delayed: %s", words[0].order_id, where(error))
        return []


# --- The same one, and those that wait -------------------------------------------


def _newest(brand_id: int) -> list[BulkDelay]:
    return list(BulkDelay.objects.filter(brand_id=brand_id).order_by("-id")[:LOOKED_AT])


def _waiting(brand_id: int) -> set[int]:
    """Orders that a confirmed bulk delay is about to change."""
    waiting = BulkDelay.objects.filter(brand_id=brand_id, state=State.CONFIRMED)
    return {pk for ids in waiting.values_list("order_ids", flat=True) for pk in ids}


def _is_same(row: BulkDelay, wish: Wish) -> bool:
    return _sides(_wish_of(row)) == _sides(wish)


def _sides(wish: Wish) -> tuple[object, ...]:
    filters = set(wish.statuses), set(wish.fulfilment_types)
    return wish.store_id, wish.within, wish.minutes, *filters


def _wish_of(row: BulkDelay) -> Wish:
    return Wish(
        brand_id=row.brand_id,
        store_id=row.store_id,
        within=None if (stores := row.preview.get("within")) is None else frozenset(stores),
        statuses=tuple(row.statuses),
        fulfilment_types=tuple(row.fulfilment_types),
        minutes=row.minutes,
        reason=row.reason,
    )


def _new(wish: Wish, user: AbstractBaseUser) -> BulkDelay:
    return BulkDelay(
        brand_id=wish.brand_id,
        store_id=wish.store_id,
        statuses=_plain(wish.statuses),
        fulfilment_types=_plain(wish.fulfilment_types),
        minutes=wish.minutes,
        user_id=user.pk,
    )


def _plain(words: Iterable[str]) -> list[str]:
    return [str(word) for word in words]
