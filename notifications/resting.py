"""A provider asks us to slow down: that account rests as long as told, in all workers."""

import math
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeGuard

from django.db import transaction

from channels_app.failures import FailureKind, SendError
from channels_app.models import ChannelEvent, ChannelHealth
from notifications.backoff import LONGEST_SECONDS, next_due
from notifications.context import Job

SHORTEST_SECONDS = 1.0
QUIET_AFTER = timedelta(minutes=5)  # rests that follow each other closer are one event
_chance = random.Random()  # noqa: S311 - jitter, not a secret


def is_throttled(ending: object) -> TypeGuard[SendError]:
    """Whether a call ended with the wish that we slow down."""
    return isinstance(ending, SendError) and ending.kind == FailureKind.THROTTLED


def rest_until(error: SendError, tries: int, now: datetime) -> datetime:
    """When the account may be used again: as told, but 1 s to 15 min; else a growing pause."""
    told = error.retry_after
    if told is None or math.isnan(told):
        return max(next_due(tries, None, now, _chance), now + timedelta(seconds=SHORTEST_SECONDS))
    return now + timedelta(seconds=min(max(told, SHORTEST_SECONDS), LONGEST_SECONDS))


def rest(endings: Iterable[tuple[Job, object]], now: datetime) -> dict[int, datetime]:
    """Let the accounts rest that asked for it; channel id -> until when nothing goes to it.

    An earlier, longer wish still counts.
    """
    wanted: dict[int, datetime] = {}
    for job, ending in endings:
        if not is_throttled(ending):
            continue
        until = rest_until(ending, job.delivery.tries, now)
        wanted[job.channel.pk] = max(until, wanted.get(job.channel.pk, until))
    if not wanted:
        return {}
    new = [ChannelHealth(channel_id=pk) for pk in sorted(wanted)]
    with transaction.atomic():
        ChannelHealth.objects.bulk_create(new, ignore_conflicts=True)
        rows = ChannelHealth.objects.select_for_update(no_key=True).order_by("channel_id")
        return {
            row.channel_id: _rest_one(row, wanted[row.channel_id], now)
            for row in rows.filter(channel_id__in=wanted)
        }


def _rest_one(health: ChannelHealth, until: datetime, now: datetime) -> datetime:
    before = health.resting_until
    if before is not None and before >= until:
        return before
    ChannelHealth.objects.filter(pk=health.pk).update(resting_until=until)
    if before is None or before < now - QUIET_AFTER:
        seconds = math.ceil((until - now).total_seconds())
        detail = f"The provider asks us to slow down: nothing is sent for {seconds} s."
        ChannelEvent.objects.create(
            channel_id=health.channel_id, kind="throttled", detail=detail, at=now
        )
    return until
