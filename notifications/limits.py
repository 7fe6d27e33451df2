"""How fast a channel may send, over all workers: messages a second, and calls at once.

The rate is a clock that runs ahead: `ChannelHealth.next_slot_at` moves on by one interval
for each message, and may be ahead of now by one second's worth. It is read and moved
together with the claim, in one transaction that holds the channel's row: so what was
claimed is what was counted, whoever dies in between. Only what may leave now is claimed.
"""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from channels_app.models import Channel, ChannelHealth
from notifications.choosing import Taken, claim_fairly
from notifications.context import Job
from notifications.gating import Stop
from notifications.reasons import Reason
from orders.claiming import database_now

STEP = 0.1  # seconds: with a backlog, claims are at least this far apart
DEAD_AFTER = 5.0  # seconds beyond the time limit of a call until nobody can be in it any more


def is_limited(channel: Channel) -> bool:
    """Whether a claim must look at what other workers do on this channel."""
    return rate_of(channel) > 0 or bool(channel.max_in_flight)


def rate_of(channel: Channel) -> float:
    """Messages a second; 0: no limit."""
    return max(channel.max_per_second or 0.0, 0.0)


def free_slots(rate: float, next_slot_at: datetime | None, now: datetime) -> int:
    """How many messages may leave now: one second's worth (at least one) after a pause."""
    most = max(rate, 1.0)
    ahead = max((next_slot_at - now).total_seconds(), 0.0) if next_slot_at else 0.0
    return max(math.floor(most - ahead * rate + 1e-6), 0)


def slots_taken(rate: float, next_slot_at: datetime | None, now: datetime, count: int) -> datetime:
    """Where the clock stands after `count` more messages."""
    return max(next_slot_at or now, now) + timedelta(seconds=count / rate)


def seconds_to_wait(rate: float, next_slot_at: datetime | None, now: datetime) -> float:
    """Until a claim is worth its while: one message, or a tenth of a second's worth of them."""
    wanted = max(1.0, math.floor(rate * STEP))
    ahead = (next_slot_at - now).total_seconds() if next_slot_at else 0.0
    return max(ahead - (max(rate, 1.0) - wanted) / rate, 0.0)


def claim_within(channel: Channel, room: int, now: datetime) -> Taken:
    """Take up to `room` due deliveries, as far as the channel's limits allow over all workers.

    Nothing when another worker is just at it: it comes again with the next look.
    """
    rate = rate_of(channel)
    with transaction.atomic():
        health = _held(channel.pk)
        if health is None:
            return Taken([], [])
        if rate:
            room = min(room, free_slots(rate, health.next_slot_at, now))
        if channel.max_in_flight:
            room = min(room, channel.max_in_flight - _in_flight(channel.pk, now))
        if room < 1:
            return Taken([], [])
        taken = claim_fairly(channel.pk, room, now)
        if rate and taken.live:
            at = slots_taken(rate, health.next_slot_at, now, len(taken.live))
            ChannelHealth.objects.filter(pk=health.pk).update(next_slot_at=at)
    return taken


def open_book(channel_id: int) -> None:
    """Make the row that the workers share."""
    ChannelHealth.objects.bulk_create([ChannelHealth(channel_id=channel_id)], ignore_conflicts=True)


def return_slots(stops: Iterable[tuple[Job, Stop]]) -> None:
    """The slots of messages that were claimed and then stopped. Stale ones never had one."""
    unused = Counter(
        job.channel for job, stop in stops if rate_of(job.channel) and stop.reason != Reason.EXPIRED
    )
    for channel, count in sorted(unused.items(), key=lambda pair: pair[0].pk):
        with transaction.atomic():
            rows = ChannelHealth.objects.select_for_update(no_key=True)
            health = rows.filter(channel_id=channel.pk, next_slot_at__isnull=False).first()
            if health is not None and health.next_slot_at is not None:
                back = timedelta(seconds=count / rate_of(channel))
                ChannelHealth.objects.filter(pk=health.pk).update(
                    next_slot_at=health.next_slot_at - back
                )


def _held(channel_id: int) -> ChannelHealth | None:
    """The channel's shared row, ours until commit; None when another worker has it.

    SQLite has one writer at a time: there the transaction itself waits.
    """
    rows = ChannelHealth.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(channel_id=channel_id).first()


def _in_flight(channel_id: int, now: datetime) -> int:
    """Deliveries of a channel that any worker is sending.

    Only the few that are leased are looked at, by their index. Those of a worker that died
    stop to count when no call can still be under way.
    """
    longest = timedelta(seconds=settings.SEND_TIMEOUT_SECONDS + DEAD_AFTER)
    sql = (
        "WITH leased AS MATERIALIZED ("  # noqa: S608 - by the leases, never by the channel
        "SELECT channel_id, claimed_at FROM notifications_delivery"
        " WHERE state IN ('sending', 'unknown') AND state = 'sending'"
        f" AND lease_until > {database_now()})"
        " SELECT COUNT(*) FROM leased WHERE channel_id = %s AND claimed_at > %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [channel_id, now - longest])
        (count,) = cursor.fetchone()
    return int(count)
