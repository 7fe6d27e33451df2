"""When a customer wants silence, and when it ends; right across changes of the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo:
    """The zone called `name`; UTC when there is none of that name."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, OSError, ValueError):  # unknown, a folder's name, or a path
        return ZoneInfo("UTC")


def is_quiet(moment: datetime, start: time | None, end: time | None, zone: str) -> bool:
    """Whether the wall clock in `zone` is between `start` and `end`, over midnight if need be."""
    if start is None or end is None or start == end:
        return False
    wall = moment.astimezone(zone_of(zone)).time()
    if start < end:
        return start <= wall < end
    return wall >= start or wall < end


def ends_at(now: datetime, start: time | None, end: time | None, zone: str) -> datetime | None:
    """The next instant outside the quiet hours, or None when `now` is outside them."""
    if start is None or end is None or not is_quiet(now, start, end, zone):
        return None
    # An hour that happens twice, or never, gives candidates that are past or still quiet.
    return next(m for m in _ends(now, end, zone) if m > now and not is_quiet(m, start, end, zone))


def _ends(now: datetime, end: time, zone: str) -> Iterator[datetime]:
    """The instants at which the wall clock in `zone` shows `end`, today and after, in order."""
    place = zone_of(zone)
    today = now.astimezone(place).date()
    for days in range(3):
        wall = datetime.combine(today + timedelta(days=days), end, place)
        both = sorted({wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)})
        yield from both
        if len(both) > 1:  # quiet before and after; but perhaps not where the clock leaps
            yield _change(both[0], both[1], place)


def _change(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """The minute between the two at which the clock in `place` is changed."""
    old = before.astimezone(place).utcoffset()
    minutes = int((after - before).total_seconds() // 60)
    moments = (before + timedelta(minutes=n) for n in range(minutes))
    return next((m for m in moments if m.astimezone(place).utcoffset() != old), after)
