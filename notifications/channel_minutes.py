"""How a channel's calls ended, minute by minute: counted in bulk when results are settled.

Breaker and failover judge by these rows, and the page of channels draws them. What is
wrong with a recipient, with consent or with a text is not counted: it says nothing of
the channel.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from channels_app.contract import Accepted
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelMinute

# Of which channel, whether it was let through to try it, how it ended, milliseconds.
Call = tuple[Channel, bool, Accepted | SendError, int]
FAULTS = frozenset({FailureKind.TRANSIENT, FailureKind.UNKNOWN, FailureKind.MISCONFIGURED})
KEPT_FOR = timedelta(days=7)
_COUNTS = ("accepted", "failed", "throttled", "milliseconds", "delivered", "delivered_seconds")


@dataclass(slots=True)
class Tally:
    """How the calls of one channel ended in one batch."""

    channel: Channel
    accepted: int = 0
    failed: int = 0
    throttled: int = 0
    milliseconds: int = 0
    fault: SendError | None = None  # the last one; a misconfigured account comes before others
    probe: Accepted | SendError | None = None  # how the one message ended that was let through
    probe_called: bool = False

    @property
    def calls(self) -> int:
        """Calls that say something of the channel."""
        return self.accepted + self.failed + self.throttled


def tally(calls: Iterable[Call]) -> dict[int, Tally]:
    """Channel id -> how its calls ended."""
    found: dict[int, Tally] = {}
    for channel, probe, ending, milliseconds in calls:
        one = found.setdefault(channel.pk, Tally(channel))
        if probe:
            one.probe, one.probe_called = ending, milliseconds > 0
        if isinstance(ending, Accepted):
            one.accepted += 1
        elif ending.kind == FailureKind.THROTTLED:
            one.throttled += 1
        elif ending.kind in FAULTS:
            one.failed += 1
            one.fault = _worse(one.fault, ending)
        else:
            continue  # the recipient's fault, or the text's
        one.milliseconds += milliseconds
    return found


def _worse(known: SendError | None, new: SendError) -> SendError:
    return known if known and known.kind == FailureKind.MISCONFIGURED else new


def add(tallies: Mapping[int, Tally], now: datetime) -> None:
    """Add `tallies` to this minute's rows; one statement."""
    _upsert(
        [
            (pk, one.accepted, one.failed, one.throttled, one.milliseconds, 0, 0)
            for pk, one in sorted(tallies.items())
            if one.calls
        ],
        now,
    )


def add_delivered(seconds: Mapping[int, list[int]], now: datetime) -> None:
    """Channel id -> the seconds from sending to arrival of what has just been reported."""
    _upsert(
        [(pk, 0, 0, 0, 0, len(some), sum(some)) for pk, some in sorted(seconds.items()) if some],
        now,
    )


def begin(moment: datetime) -> datetime:
    """The begin of the minute that holds `moment`."""
    return moment.replace(second=0, microsecond=0)


def _upsert(rows: list[tuple[int, ...]], now: datetime) -> None:
    """Sorted by channel, so that two processes never wait for each other in a circle."""
    if not rows:
        return
    table = ChannelMinute._meta.db_table
    minute = connection.ops.adapt_datetimefield_value(begin(now))
    columns = ", ".join(_COUNTS)
    marks = ", ".join(["(" + ", ".join(["%s"] * (len(_COUNTS) + 2)) + ")"] * len(rows))
    sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in _COUNTS)
    sql = (
        f"INSERT INTO {table} (channel_id, minute, {columns}) VALUES {marks} "  # noqa: S608
        f"ON CONFLICT (channel_id, minute) DO UPDATE SET {sums}"
    )
    params = [value for pk, *counts in rows for value in (pk, minute, *counts)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def forget(now: datetime) -> int:
    """Delete minutes that nobody looks at any more; how many. By channel, as the index goes."""
    gone = 0
    for pk in Channel.objects.order_by("pk").values_list("pk", flat=True):
        old = ChannelMinute.objects.filter(channel_id=pk, minute__lt=now - KEPT_FOR)
        gone += old.delete()[0]
    return gone
