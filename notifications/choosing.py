"""Which of a backlog go first: store by store in turn, then what is useful for the shortest time.

Looks at the ends of the queue only, by its index: the oldest and the newest. So the
choice costs the same however long the queue is.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from orders.claiming import claim, database_now

OLDEST = 400  # deliveries looked at from the front of a lane
NEWEST = 200  # and from its end: a storm of one store must not hide another's news
MOST_STALE = 100  # of those that are no news any more, taken along only to be ended
_TABLE = "notifications_delivery"
_DUE = "state = 'queued' AND apart = '' AND channel_id = %s AND urgent = %s AND due_at <= %s"


class Waiting(NamedTuple):
    """One delivery of the part of a queue that is looked at."""

    delivery_id: int
    store_id: int
    useful_until: Any  # as the database gives it: only compared with its like
    stale: bool


class Taken(NamedTuple):
    """Claimed delivery ids: to be sent, best first; and to be ended, for they are no news."""

    live: list[int]
    stale: list[int]


def claim_due(channel_id: int, urgent: bool, room: int, now: datetime, late: datetime) -> list[Any]:
    """Take up to `room` due deliveries of a lane, oldest first: (id, whether due before `late`)."""
    sets, values = lease(now)
    return claim(
        _TABLE,
        _DUE,
        "due_at, id",
        room,
        sets,
        params=[channel_id, urgent, now, late],
        update_params=values,
        returning="id, due_at < %s",
    )


def claim_fairly(
    channel_id: int, room: int, now: datetime, oldest: int = OLDEST, newest: int = NEWEST
) -> Taken:
    """Take up to `room` due deliveries: urgent ones first, then in fair order; stale ones apart.

    Chosen among the `oldest` and the `newest` of each lane.
    """
    chosen: list[int] = []
    stale: list[int] = []
    for urgent in (True, False):
        if len(chosen) < room:
            ends = _ends(channel_id, urgent, now, oldest, newest)
            live = in_fair_order([one for one in ends if not one.stale])
            chosen += live[: room - len(chosen)]
            stale += [one.delivery_id for one in ends if one.stale]
    stale = stale[:MOST_STALE]
    taken = claim_these([*chosen, *stale], now)
    return Taken([pk for pk in chosen if pk in taken], [pk for pk in stale if pk in taken])


def in_fair_order(rows: Sequence[Waiting]) -> list[int]:
    """Delivery ids: one of each store in turn, each store's soonest to be worthless first."""
    turns: Counter[int] = Counter()
    order = []
    for row in sorted(rows, key=lambda row: (row.useful_until, row.delivery_id)):
        order.append((turns[row.store_id], row.useful_until, row.delivery_id))
        turns[row.store_id] += 1
    return [delivery_id for _turn, _until, delivery_id in sorted(order)]


def _ends(channel_id: int, urgent: bool, now: datetime, oldest: int, newest: int) -> list[Waiting]:
    """The oldest and the newest due deliveries of a lane."""
    part = f"SELECT id, notification_id FROM {_TABLE} WHERE {_DUE} ORDER BY "  # noqa: S608
    # SQLite wants each part of a UNION that has a LIMIT to be a subquery.
    front = f"SELECT * FROM ({part} due_at, id LIMIT {int(oldest)}) AS front"  # noqa: S608
    end = f"SELECT * FROM ({part} due_at DESC, id DESC LIMIT {int(newest)}) AS rear"  # noqa: S608
    sql = (
        "SELECT d.id, COALESCE(n.store_id, 0), n.useful_until, n.useful_until <= %s "  # noqa: S608
        f"FROM ({front} UNION {end}) AS d "
        "JOIN notifications_notification n ON n.id = d.notification_id"
    )
    lane: tuple[Any, ...] = (channel_id, urgent, now)
    with connection.cursor() as cursor:
        cursor.execute(sql, [now, *lane, *lane])
        return [Waiting(*row) for row in cursor.fetchall()]


def claim_these(ids: Sequence[int], now: datetime) -> set[int]:
    """Take the queued ones of `ids`; those that nobody else has taken meanwhile."""
    if not ids:
        return set()
    sets, values = lease(now)
    marks = ", ".join(["%s"] * len(ids))
    where = f"state = 'queued' AND apart = '' AND id IN ({marks})"
    rows = claim(_TABLE, where, "id", len(ids), sets, params=ids, update_params=values)
    return {pk for (pk,) in rows}


def lease(now: datetime) -> tuple[dict[str, str], list[Any]]:
    """What a claim writes: columns with their SQL, and the values for it."""
    sets = {
        "state": "'sending'",
        "lease_until": database_now(settings.LEASE_SECONDS),
        "lease_token": "%s",
        "claimed_at": "%s",
        "claims": "claims + 1",
    }
    return sets, [secrets.token_hex(8), now]
