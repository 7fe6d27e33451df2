"""Which deliveries to take, and from which channels; and one row at a time where many may fail."""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, OperationalError, connection
from django.utils.dateparse import parse_datetime

from channels_app.models import Channel
from notifications import library, limits
from notifications.caps import Counts
from notifications.choosing import claim_due, claim_fairly
from notifications.lanes import Lanes
from notifications.models import Delivery
from orders.normalising import where

log = logging.getLogger(__name__)
FAIR_TURN = 4  # of so many claims that left something behind, one is in fair order
BEHIND = timedelta(seconds=30)  # with anything due longer than that, every claim is


@dataclass(frozen=True, slots=True)
class Work:
    """A channel that has something due, and what its limits say."""

    channel: Channel
    has_book: bool = True  # whether there is the row that workers share
    next_slot_at: datetime | None = None


class Taker:
    """Takes for each channel as much as it has room for and may send. One per pump."""

    def __init__(self) -> None:
        self.resting: frozenset[int] = frozenset()  # channels that nothing may be sent on now
        self._full: Counter[int] = Counter()  # claims in a row that left something behind
        self._behind: set[int] = set()
        self.counts = Counts()
        self._look_at = 0.0  # monotonic: when the next slot of a channel is free; 0: none waits

    def take(self, lanes: Lanes, taken: dict[int, int], now: datetime) -> list[int]:
        """Claim what `lanes` have room for; `taken`: channel id -> how many they hold."""
        work, self.resting = look(now)
        self._look_at = 0.0
        ids: list[int] = []
        for one in work:
            channel = one.channel
            limited = limits.is_limited(channel)
            most = channel.limit if limited else lanes.room(channel)
            room = most - taken.get(channel.pk, 0)
            # Half of it at a time: a claim of two rows costs as much as one of fifty.
            if room * 2 >= most:
                claim = self._take_within if limited else self._take_freely
                ids += claim(one, room, now)
        return ids

    def patience(self) -> float:
        """Seconds until a channel that waits for its rate may go on; a long time when none does."""
        return max(self._look_at - time.monotonic(), 0.0) if self._look_at else 3600.0

    def put_back(self, ids: Sequence[int]) -> None:
        """Claimed here, and certainly not sent: due again at once, and not counted."""
        put_back(ids)
        self.counts.give_back(ids)

    def _take_within(self, one: Work, room: int, now: datetime) -> list[int]:
        """As far as its limits allow; the backlog in fair order."""
        channel, rate = one.channel, limits.rate_of(one.channel)
        if not one.has_book:
            limits.open_book(channel.pk)
        wait = limits.seconds_to_wait(rate, one.next_slot_at, now) if rate else 0.0
        if wait:
            at = time.monotonic() + wait
            self._look_at = min(self._look_at or at, at)
            return []
        taken = limits.claim_within(channel, room, now)
        return [*taken.live, *taken.stale]

    def _take_freely(self, one: Work, room: int, now: datetime) -> list[int]:
        """The oldest; now and then, and always on recovery from an outage, in fair order."""
        pk = one.channel.pk
        behind = pk in self._behind
        if behind or self._full[pk] % FAIR_TURN == FAIR_TURN - 1:
            taken = claim_fairly(pk, room, now, *(() if behind else (room, room)))
            ids, full = [*taken.live, *taken.stale], len(taken.live) >= room or bool(taken.stale)
        else:
            rows = claim_oldest(pk, room, now)
            ids, full = [row[0] for row in rows], len(rows) >= room
            if any(late for _pk, late in rows):
                self._behind.add(pk)
        self._full[pk] = self._full[pk] + 1 if full else 0
        if not full:
            self._behind.discard(pk)
        return ids


def look(now: datetime) -> tuple[list[Work], frozenset[int]]:
    """Channels that have something due: two index probes each; and those that rest. One query.

    Urgent and other deliveries are asked for apart: so the index ends where they are not due yet.
    """
    due = (
        "EXISTS (SELECT 1 FROM notifications_delivery d WHERE d.channel_id = c.id"
        " AND d.state = 'queued' AND d.apart = '' AND d.urgent = %s AND d.due_at <= %s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, h.id IS NOT NULL, h.next_slot_at, COALESCE(h.resting_until > %s, %s) "  # noqa: S608
            "FROM channels_app_channel c LEFT JOIN channels_app_channelhealth h "
            f"ON h.channel_id = c.id WHERE h.resting_until > %s OR {due} OR {due}",
            [now, False, now, True, now, False, now],
        )
        found = cursor.fetchall()
    resting = frozenset(pk for pk, _book, _slot, rests in found if rests)
    work = [
        Work(channel, bool(book), _moment(slot))
        for pk, book, slot, rests in found
        if not rests and (channel := one_of_many(_usable, pk)) is not None
    ]
    return work, resting


def _moment(value: Any) -> datetime | None:
    """A time as a raw query gives it: SQLite's are text, and say no zone."""
    read = parse_datetime(value) if isinstance(value, str) else value
    return read.replace(tzinfo=UTC) if read is not None and read.tzinfo is None else read


def _usable(channel_id: int) -> Channel:
    """The channel; raises when its provider or its credentials cannot be read."""
    channel = library.channel(channel_id)
    _provider = channel.speaker
    return channel


def one_of_many(work: Callable[..., Any], *args: Any) -> Any:
    """What `work` returns; None, and a line in the log, when it fails: the others go on."""
    try:
        return work(*args)
    except OperationalError:
        raise
    except Exception as error:
        log.error("%s failed: %s", getattr(work, "__name__", "a chore"), where(error))
        return None


def claim_oldest(channel_id: int, room: int, now: datetime) -> list[tuple[int, bool]]:
    """Take up to `room` due deliveries of a channel, urgent ones first, then the oldest.

    (delivery id, whether it is far behind) of each.
    """
    rows = claim_due(channel_id, True, room, now, now - BEHIND)
    if len(rows) < room:
        rows += claim_due(channel_id, False, room - len(rows), now, now - BEHIND)
    return rows


def put_back(ids: Sequence[int]) -> None:
    """Claimed here, and certainly not sent: due again at once, if it can still be said."""
    connection.close_if_unusable_or_obsolete()
    with contextlib.suppress(DatabaseError):
        Delivery.objects.filter(id__in=ids, state=Delivery.State.SENDING).update(
            state=Delivery.State.QUEUED, lease_until=None
        )
