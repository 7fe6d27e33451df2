"""The promise ledger: which times customers were told, and whether a new one is worth telling.

A promise is written when a message that names the time was handed over, and when the
tracking page showed it. It does not count while the message waits for another try, nor
when it turns out that the message never arrived.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from notifications import values, words
from notifications.describing import expected
from notifications.models import Audience, Delivery, Promise
from orders.models import FulfilmentGroup, Order, StatusChange
from orders.statuses import Fact

State = Delivery.State
MOVES_THE_TIME = frozenset({Fact.ETA.value, Fact.DELAYED.value})
ENGLISH = words.language("en")
# The message went no further, or has yet to go.
_NOT_TOLD = frozenset({State.QUEUED, State.FAILED, State.CANCELLED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class Known:
    """A time that a customer knows: which, since when, of which part, by which message."""

    at: datetime
    told_at: datetime
    group_key: str = ""
    notification_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the customers of a batch of orders were told, newest first."""

    told: Mapping[int, Sequence[Known]] = field(default_factory=dict)
    flying: frozenset[int] = frozenset()  # orders with a message at its provider just now

    def last(self, order_id: int, group_key: str) -> Known | None:
        """The time that was last told of a part, or of the whole."""
        return last(self.told.get(order_id, ()), group_key)


def load(changes: Collection[StatusChange]) -> Ledger:
    """The ledger of the orders of `changes`: one query, two when a time has moved."""
    moved = {one.order_id for one in changes if one.fact in MOVES_THE_TIME}
    told = known({one.order_id for one in changes})
    if not moved or not told:
        return Ledger(told)
    flying = Delivery.objects.filter(order_id__in=moved, state__in=[State.SENDING, State.UNKNOWN])
    ours = flying.filter(notification__audience=Audience.CUSTOMER)
    return Ledger(told, frozenset(pk for pk in ours.values_list("order_id", flat=True) if pk))


def known(order_ids: Collection[int]) -> dict[int, list[Known]]:
    """Order id -> the times that its customer knows, newest first. One query."""
    message = Delivery.objects.filter(pk=OuterRef("delivery_id"))
    rows = (
        Promise.objects.filter(order_id__in=order_ids)
        .annotate(
            state=Subquery(message.values("state")[:1]),
            notification=Subquery(message.values("notification_id")[:1]),
        )
        .order_by("-id")
        .values_list(
            "order_id", "group_key", "promised_at", "told_at", "delivery_id", "state",
            "notification",
        )
    )  # fmt: skip
    found: dict[int, list[Known]] = defaultdict(list)
    for order_id, key, promised, told, _delivery, state, notification in rows:
        if state not in _NOT_TOLD:
            found[order_id].append(Known(promised, told, key, notification))
    return dict(found)


def last(told: Iterable[Known], group_key: str, but_not: int | None = None) -> Known | None:
    """The newest of `told` about that part or the whole; not by notification `but_not` itself."""
    return next(
        (
            one
            for one in told
            if one.group_key in ("", group_key)
            and (but_not is None or one.notification_id != but_not)
        ),
        None,
    )


def near(
    change: StatusChange, tolerance: int, ledger: Ledger, zone: str, now: datetime
) -> dict[str, Any] | None:
    """Why the new time of `change` is no news: values for the reason's sentence. None: it is news.

    `tolerance` in minutes. While a message about the order is at its provider nobody knows
    what will have been told: then the check just before hand-over decides.
    """
    if change.fact not in MOVES_THE_TIME or change.order_id in ledger.flying:
        return None
    told = ledger.last(change.order_id, change.group_key)
    return no_news(change, values.moment(change.data.get("new")), told, tolerance, zone, now)


def no_news(
    change: StatusChange,
    new: datetime | None,
    told: Known | None,
    tolerance: int,
    zone: str,
    now: datetime,
) -> dict[str, Any] | None:
    """The core of `near`: `new` against what was told."""
    if new is None or told is None or abs(new - told.at) > timedelta(minutes=tolerance):
        return None
    if change.fact == Fact.DELAYED and change.data.get("previous") == change.data.get("new"):
        return None  # that it is late is news, though nobody knows a new time
    place = values.zone(zone)
    return {
        "told": values.clock(told.at, now, place, ENGLISH),
        "new": values.clock(new, now, place, ENGLISH),
        "minutes": tolerance,
    }


def shown(order: Order, groups: Sequence[FulfilmentGroup], now: datetime) -> int:
    """A person saw the tracking page: what it says of the time is a promise; how many are new."""
    seen = known([order.pk]).get(order.pk, [])
    new = []
    for group in groups:
        time = expected([group], now)
        told = last(seen, group.key)
        if time is not None and (told is None or told.at != time):
            row = Promise(order_id=order.pk, group_key=group.key, promised_at=time, told_at=now)
            row.way = Promise.Way.PAGE
            new.append(row)
    Promise.objects.bulk_create(new)
    return len(new)
