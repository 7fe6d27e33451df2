"""The flow of messages over time, from a bounded window of the latest ones."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from notifications.models import Delivery

WINDOW = 2000  # messages that the chart looks at, whatever the table holds
BARS = 24
HEIGHT = 96
WIDTH = 20
# State -> the band that it is drawn in; from the bottom up: reached, under way, not reached.
BANDS = ("good", "wait", "bad")
_BAND: dict[str, str] = {
    Delivery.State.DELIVERED: "good",
    Delivery.State.READ: "good",
    Delivery.State.SENT: "good",
    Delivery.State.HANDED_OFF: "good",
    Delivery.State.QUEUED: "wait",
    Delivery.State.SENDING: "wait",
    Delivery.State.UNKNOWN: "bad",
    Delivery.State.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A rectangle of the drawing."""

    band: str
    x: int
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of time."""

    begin: datetime
    total: int
    x: int
    segments: tuple[Segment, ...]
    label: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole drawing, and the numbers for those who cannot see it."""

    bars: tuple[Bar, ...]
    totals: dict[str, int]
    minutes: int
    partial: bool
    width: int = BARS * WIDTH
    height: int = HEIGHT

    @property
    def total(self) -> int:
        """Messages in all bars."""
        return sum(self.totals.values())


def flow(rows: QuerySet[Delivery], now: datetime) -> Flow:
    """Bars of an hour each; of five minutes while everything happened in the last two hours."""
    latest = list(rows.order_by("-pk").values_list("created_at", "state")[:WINDOW])
    day = [row for row in latest if row[0] > now - timedelta(hours=BARS)]
    short = bool(day) and day[-1][0] > now - timedelta(minutes=5 * BARS)
    span = timedelta(minutes=5 if short else 60)
    newest = _floor(now, span)
    first = newest - span * (BARS - 1)
    counts: Counter[tuple[int, str]] = Counter(
        ((_floor(at, span) - first) // span, _BAND[state])
        for at, state in day
        if state in _BAND and at >= first
    )
    totals = {band: sum(n for (_i, b), n in counts.items() if b == band) for band in BANDS}
    tallest = max([sum(counts[i, b] for b in BANDS) for i in range(BARS)] or [0]) or 1
    bars = tuple(_bar(i, first + span * i, counts, tallest) for i in range(BARS))
    return Flow(bars, totals, span.seconds // 60, len(latest) == WINDOW and len(day) == WINDOW)


def _floor(at: datetime, span: timedelta) -> datetime:
    """The begin of the span that holds `at`, on the clock on the wall."""
    local = timezone.localtime(at)
    return local - timedelta(
        minutes=local.minute % (span.seconds // 60),
        seconds=local.second,
        microseconds=local.microsecond,
    )


def _bar(index: int, begin: datetime, counts: Counter[tuple[int, str]], tallest: int) -> Bar:
    segments, top = [], HEIGHT
    for band in BANDS:
        count = counts[index, band]
        if count:
            height = max(3, round(count * (HEIGHT - 8) / tallest))
            top -= height
            segments.append(Segment(band, index * WIDTH + 2, max(top, 0), height))
    total = sum(counts[index, band] for band in BANDS)
    return Bar(begin, total, index * WIDTH, tuple(segments), index % 4 == 0)
