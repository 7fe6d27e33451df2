"""The slow side of failover: once a minute, shares move away from accounts that do badly.

Ten points at a time, and ten points back every five minutes once they do well again. When
all accounts of a kind do badly nothing moves: then it is not the account.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from channels_app.models import Channel, ChannelHealth, ChannelMinute
from channels_app.registry import provider_class
from notifications import library
from notifications.breaker import ensure, note
from notifications.channel_minutes import begin
from notifications.failover import group

LOOK_BACK = timedelta(minutes=10)
STEP = 10  # points of the share
LEAST = 10  # so that there is always something to judge by
FULL = 100
AWAY_EVERY = timedelta(seconds=55)  # a chore that comes each minute may come a little early
BACK_EVERY = timedelta(minutes=5)
ENOUGH = 10  # calls, or receipts, below which nothing is concluded
SHARE_FAILED = 0.15
SLOW_CALL_MS = 2000.0
SLOW_ARRIVAL_SECONDS = 60.0
TIMES_SLOWER = 2.0  # than the best of the others


@dataclass(frozen=True, slots=True)
class Record:
    """What one account did in the last minutes."""

    calls: int = 0
    failed: int = 0
    milliseconds: int = 0
    delivered: int = 0
    delivered_seconds: int = 0

    def plus(self, row: ChannelMinute) -> "Record":
        """With one more minute."""
        return Record(
            self.calls + row.accepted + row.failed + row.throttled,
            self.failed + row.failed,
            self.milliseconds + row.milliseconds,
            self.delivered + row.delivered,
            self.delivered_seconds + row.delivered_seconds,
        )

    @property
    def failed_share(self) -> float | None:
        """Failed calls among all; None: too few to say."""
        return self.failed / self.calls if self.calls >= ENOUGH else None

    @property
    def call_ms(self) -> float | None:
        """Milliseconds of a call."""
        return self.milliseconds / self.calls if self.calls >= ENOUGH else None

    @property
    def arrival_seconds(self) -> float | None:
        """Seconds from sending to arrival."""
        enough = self.delivered >= ENOUGH
        return self.delivered_seconds / self.delivered if enough else None


def balance(now: datetime) -> int:
    """Move shares among the accounts of each kind by at most one step; how many moved."""
    groups: dict[tuple[int, str, str], list[Channel]] = defaultdict(list)
    for channel in Channel.objects.filter(enabled=True).order_by("brand_id", "pk"):
        if (kind := _group(channel)) is not None:
            groups[channel.brand_id, *kind].append(channel)
    several = [some for some in groups.values() if len(some) > 1]
    ids = [channel.pk for some in several for channel in some]
    if not ids:
        return 0
    healths = ChannelHealth.objects.in_bulk(ids, field_name="channel_id")
    records = _records(ids, healths, now)
    return sum(_balance(some, records, healths, now) for some in several)


def _group(channel: Channel) -> tuple[str, str] | None:
    try:
        provider_class(channel.provider)
    except LookupError:  # its folder is gone; it sends nothing
        return None
    return group(channel)


def _records(
    ids: Sequence[int], healths: Mapping[int, ChannelHealth], now: datetime
) -> dict[int, Record]:
    """Channel id -> its record since its share was last moved: no call is held against it twice."""
    rows = ChannelMinute.objects.filter(channel_id__in=ids, minute__gt=now - LOOK_BACK)
    found: dict[int, Record] = {}
    for row in rows:
        health = healths.get(row.channel_id)
        moved_at = health.share_changed_at if health is not None else None
        if moved_at is None or row.minute >= begin(moved_at):
            found[row.channel_id] = found.get(row.channel_id, Record()).plus(row)
    return found


def _balance(
    channels: Sequence[Channel],
    records: Mapping[int, Record],
    healths: Mapping[int, ChannelHealth],
    now: datetime,
) -> int:
    """One kind of one brand."""
    mine = {channel.pk: records.get(channel.pk, Record()) for channel in channels}
    reasons = {
        pk: _bad(record, [other for key, other in mine.items() if key != pk])
        for pk, record in mine.items()
    }
    if all(reasons.values()):
        return 0
    return sum(_move(pk, why, healths.get(pk), now) for pk, why in reasons.items())


def _bad(record: Record, others: Sequence[Record]) -> str:
    """Why the account does badly; empty when it does not, or when there is too little to say."""
    if record.failed_share is not None and record.failed_share >= SHARE_FAILED:
        return f"{record.failed} of {record.calls} calls failed"
    ms = record.call_ms
    if ms is not None and ms >= SLOW_CALL_MS and _slower(ms, [one.call_ms for one in others]):
        return f"A call takes {ms / 1000:.1f} s"
    seconds = record.arrival_seconds
    if seconds is None or seconds < SLOW_ARRIVAL_SECONDS:
        return ""
    if not _slower(seconds, [one.arrival_seconds for one in others]):
        return ""
    return f"Messages take {seconds:.0f} s to arrive"


def _slower(value: float, others: Sequence[float | None]) -> bool:
    """Whether the others would be quicker; without any figure of theirs they may be."""
    known = [other for other in others if other is not None]
    return not known or value >= TIMES_SLOWER * min(known)


def _move(channel_id: int, why: str, health: ChannelHealth | None, now: datetime) -> int:
    """One step of one account, unless it was moved a moment ago, here or elsewhere."""
    share = health.share if health is not None else FULL
    wanted = max(share - STEP, LEAST) if why else min(share + STEP, FULL)
    if wanted == share:
        return 0
    health = health or ensure(channel_id)
    changed_at = health.share_changed_at
    if changed_at is not None and now - changed_at < (AWAY_EVERY if why else BACK_EVERY):
        return 0
    ours = ChannelHealth.objects.filter(pk=health.pk, share=share, share_changed_at=changed_at)
    if not ours.update(share=wanted, share_changed_at=now):
        return 0
    library.forget_healths()
    minutes = int(LOOK_BACK.total_seconds() // 60)
    said = (
        f"{why} in the last {minutes} min, and others do better: its share goes to {wanted} %."
        if why
        else f"It does well again: its share goes back to {wanted} %."
    )
    note(channel_id, "share", said, now)
    return 1
