"""Deliveries that may have ended their process: each is tried with nothing beside it.

A process that dies takes along all that it was sending, and one of them may be why. Sent
together again they would die together again, until all of them count as poison.
"""

from datetime import datetime

from django.db import connection

from channels_app.contract import Idempotency
from notifications.choosing import lease
from notifications.models import Delivery
from orders.claiming import claim

AT_A_TIME = 5  # a second, one after the other; then it is the others' turn
ENOUGH = 2.0  # seconds that the others wait for them at most, before the next is begun
_WAITING = "state = 'queued' AND apart = 'alone' AND due_at <= %s"
# Where a repeat does no harm the first loss proves little; elsewhere a second one is the end.
_ONE_MORE_CHANCE = frozenset({Idempotency.KEY, Idempotency.LOOKUP})


def place(how: Idempotency, losses: int) -> str:
    """Where a delivery that was lost with its process so often is queued: `Delivery.apart`."""
    beside_others = losses < (2 if how in _ONE_MORE_CHANCE else 1)
    return "" if beside_others else Delivery.Apart.ALONE


def waiting(now: datetime) -> bool:
    """Whether there is one to be tried. One look at an index that is mostly empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM notifications_delivery WHERE {_WAITING})",  # noqa: S608
            [now],
        )
        return bool(cursor.fetchone()[0])


def take_one(now: datetime) -> list[int]:
    """The oldest of them, claimed; at most one id."""
    sets, values = lease(now)
    rows = claim(
        "notifications_delivery", _WAITING, "due_at, id", 1, sets, [now], update_params=values
    )
    return [pk for (pk,) in rows]
