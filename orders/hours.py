"""Opening hours: whether a store is open, and clocks that stand still while it is closed. Pure.

`hours` is what a store keeps: {"mon": [["11:00", "22:00"]], ...} on the wall clock of its
zone. No hours at all means always open; a day that is not named is closed. A span that
ends before it begins runs into the next day.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Hours = Mapping[str, Sequence[Sequence[str]]]
Span = tuple[datetime, datetime]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD = timedelta(days=21)  # a store that does not open in this time has no clock
_DAY = timedelta(days=1)


def place(name: str) -> ZoneInfo:
    """The zone called `name`; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def spans(hours: Hours, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Span]:
    """When it is open between `begin` and `end`, in order, in UTC, never overlapping."""
    if not hours:
        if begin < end:
            yield begin, end
        return
    reached = begin
    day = begin.astimezone(zone).date() - _DAY  # yesterday's last span may run into today
    while day <= end.astimezone(zone).date():
        for opens, closes in sorted(_of_day(hours, zone, day)):
            start, stop = max(opens, reached), min(closes, end)
            if start < stop:
                yield start, stop
                reached = stop
        day += _DAY


def _of_day(hours: Hours, zone: ZoneInfo, day: date) -> Iterator[Span]:
    for span in hours.get(DAYS[day.weekday()], ()):
        opens, closes = (_moment(day, text, zone) for text in span)
        if opens is not None and closes is not None:
            if closes <= opens:
                closes = _moment(day + _DAY, span[1], zone) or closes
            yield opens, closes


def _moment(day: date, text: Any, zone: ZoneInfo) -> datetime | None:
    """A wall-clock time of `day` in UTC; 24:00 is the next midnight."""
    hour, _colon, minute = str(text).partition(":")
    if not (hour.isdecimal() and minute.isdecimal()):
        return None
    days, clock = divmod(int(hour), 24)
    local = datetime.combine(day + _DAY * days, time(clock, int(minute) % 60), zone)
    return local.astimezone(UTC)


def is_open(hours: Hours, zone: ZoneInfo, at: datetime) -> bool:
    """Whether it is open at `at`."""
    return any(True for _span in spans(hours, zone, at, at + timedelta(microseconds=1)))


def open_between(hours: Hours, zone: ZoneInfo, begin: datetime, end: datetime) -> timedelta:
    """For how long it is open between `begin` and `end`."""
    return sum((stop - start for start, stop in spans(hours, zone, begin, end)), timedelta())


def after_open(hours: Hours, zone: ZoneInfo, begin: datetime, length: timedelta) -> datetime | None:
    """When `length` of open time has gone by since `begin`; None when that never comes."""
    if not hours:
        return begin + length
    left = length
    for start, stop in spans(hours, zone, begin, begin + LOOK_AHEAD + length):
        if stop - start >= left:
            return start + left
        left -= stop - start
    return None
