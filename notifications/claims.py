"""What an earlier message said, for the message that takes it back; and whether it still holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.models import Delivery
from orders.models import FulfilmentGroup, Order, StatusChange
from orders.statuses import rank

State = Delivery.State
# Somebody has read it, or may have.
TOLD = frozenset({State.SENT, State.DELIVERED, State.READ, State.HANDED_OFF, State.UNKNOWN})
UNDER_WAY_FOR = timedelta(seconds=15)  # until it is asked again whether a message arrived


@dataclass(frozen=True, slots=True)
class Claim:
    """A change as it was told at one address."""

    change: StatusChange
    told: bool
    under_way: bool  # it is being sent at this moment: nobody knows yet
    told_at: datetime | None = None


def of(rows: Sequence[Delivery]) -> dict[int, Claim]:
    """Delivery id -> what it takes back, for those of `rows` that are corrections.

    One query when there are any, else none.
    """
    earlier = {pk for row in rows if (pk := row.notification.corrects_id)}
    if not earlier:
        return {}
    told = Delivery.objects.filter(notification_id__in=earlier)
    told = told.select_related("notification__change").order_by("id")
    by_way: dict[tuple[int | None, str], list[Delivery]] = {}
    for one in told:
        by_way.setdefault((one.notification_id, one.address), []).append(one)
    found = {
        row.pk: claim(by_way.get((row.notification.corrects_id, row.address), ())) for row in rows
    }
    return {pk: one for pk, one in found.items() if one is not None}


def claim(tries: Iterable[Delivery]) -> Claim | None:
    """What the tries of one message at one address amount to."""
    tries = list(tries)
    change = tries[0].notification.change if tries else None
    if change is None:
        return None
    times = [at for one in tries if one.state in TOLD and (at := one.sent_at or one.claimed_at)]
    return Claim(
        change,
        told=any(one.state in TOLD for one in tries),
        under_way=any(one.state == State.SENDING for one in tries),
        told_at=min(times, default=None),
    )


def status_of(order: Order, groups: Iterable[FulfilmentGroup], group_key: str) -> str:
    """Where the part called `group_key` is now, or the whole order."""
    return next((one.status for one in groups if one.key == group_key), "") or order.status


def holds(change: StatusChange, order: Order, groups: Iterable[FulfilmentGroup]) -> bool:
    """Whether what `change` says of a status is still true: it was reached, and not taken back."""
    return rank(status_of(order, groups, change.group_key)) >= rank(change.status)
