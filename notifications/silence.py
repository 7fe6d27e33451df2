"""A source that falls silent: what is usual at this hour, and how improbable the silence is.

Pure. What is usual is learned per weekday and half hour from six weeks of counts. Days
differ as a whole and counts scatter more than dice, so the chance of hearing nothing is
that of a negative binomial count. The bar is set by how much a source speaks in a month,
so that each source cries wolf at most every few months.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from orders import hours
from orders.hours import Hours

SLOT = timedelta(minutes=30)
SLOTS_PER_DAY = 48
WEEK = 7 * SLOTS_PER_DAY
MEMORY = timedelta(weeks=6)
ENOUGH = timedelta(weeks=3)  # of history before it is trusted
FEWEST_PER_DAY = 5  # below it nothing can be said soon enough to be of use
FALSE_ALARMS = 0.2  # per source and month
LEAST_SPREAD, MOST_SPREAD = 0.02, 1.0
SHORTEST = timedelta(minutes=5)  # a gap that is never looked at
# Without enough history: so many usual gaps, and no less than an hour.
GAPS_UNLEARNED = 12
SHORTEST_UNLEARNED = timedelta(hours=1)
SETTLED_IN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Usual:
    """How often a source speaks: by half hour of the week, in the store's own time."""

    rates: Sequence[float]  # per half hour, Monday 00:00 first
    spread: float  # how much more than by chance counts scatter: the variance is m + spread * m²
    observed: timedelta

    @property
    def per_day(self) -> float:
        """The mean of a day."""
        return sum(self.rates) / 7

    @property
    def learned(self) -> bool:
        """Whether the half hours can be told apart."""
        return self.observed >= ENOUGH and self.per_day >= FEWEST_PER_DAY


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source's orders are made: its clock and its opening hours."""

    zone: ZoneInfo
    hours: Hours


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that means something."""

    minutes: int  # of opening time
    usual: int | None  # how many words would have come; None: not learned yet


def learn(counts: Mapping[datetime, int], begin: datetime, end: datetime, zone: ZoneInfo) -> Usual:
    """What is usual, from the counts of half hours between `begin` and `end`; absent means none."""
    samples: list[list[int]] = [[] for _slot in range(WEEK)]
    slot = begin
    while slot + SLOT <= end:
        samples[_of_week(slot, zone)].append(counts.get(slot, 0))
        slot += SLOT
    means = [sum(some) / len(some) if some else 0.0 for some in samples]
    # Neighbours lend each other half of their weight: six samples are few.
    rates = [
        means[i] / 2 + (means[i - 1] + means[(i + 1) % WEEK]) / 4 if means[i] else 0.0
        for i in range(WEEK)
    ]
    return Usual(tuple(rates), _spread(samples, means), end - begin)


def _of_week(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return local.weekday() * SLOTS_PER_DAY + local.hour * 2 + local.minute // 30


def _spread(samples: Sequence[Sequence[int]], means: Sequence[float]) -> float:
    """By the method of moments, over all half hours together."""
    extra = squares = 0.0
    for some, mean in zip(samples, means, strict=True):
        if len(some) > 1 and mean > 0:
            scatter = sum((one - mean) ** 2 for one in some) / (len(some) - 1)
            extra += scatter - mean
            squares += mean**2
    found = extra / squares if squares else MOST_SPREAD
    return min(max(found, LEAST_SPREAD), MOST_SPREAD)


def expected(usual: Usual, place: Place, begin: datetime, end: datetime) -> float:
    """How many words usually come in the opening time between `begin` and `end`."""
    total = 0.0
    for start, stop in hours.spans(place.hours, place.zone, begin, end):
        at = start
        while at < stop:
            after = min(stop, _next_slot(at))
            total += usual.rates[_of_week(at, place.zone)] * ((after - at) / SLOT)
            at = after
    return total


def _next_slot(at: datetime) -> datetime:
    return slot_of(at) + SLOT


def slot_of(at: datetime) -> datetime:
    """The half hour that `at` is in."""
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def surprise(words: float, spread: float) -> float:
    """How improbable it is to hear nothing where `words` are usual: minus the logarithm."""
    return math.log1p(spread * words) / spread


def bar(usual: Usual) -> float:
    """The surprise at which silence means something."""
    return math.log(max(usual.per_day * 30, 1.0) / FALSE_ALARMS)


def judge(
    usual: Usual, place: Place, last: datetime, now: datetime, fixed_minutes: int | None = None
) -> Silence | None:
    """Whether hearing nothing since `last` means something; None: no.

    Until enough is learned, `fixed_minutes` of opening time, or without it several usual gaps.
    """
    if now - last < SHORTEST or not hours.is_open(place.hours, place.zone, now):
        return None
    open_time = hours.open_between(place.hours, place.zone, last, now)
    minutes = int(open_time / timedelta(minutes=1))
    if not usual.learned:
        limit = _unlearned_limit(usual, place, now, fixed_minutes)
        return Silence(minutes, None) if limit is not None and open_time >= limit else None
    words = expected(usual, place, last, now)
    if surprise(words, usual.spread) < bar(usual):
        return None
    return Silence(minutes, round(words))


def _unlearned_limit(
    usual: Usual, place: Place, now: datetime, fixed_minutes: int | None
) -> timedelta | None:
    if fixed_minutes:
        return timedelta(minutes=fixed_minutes)
    if not place.hours or usual.observed < SETTLED_IN or usual.per_day < FEWEST_PER_DAY:
        return None  # a night without orders would look the same
    week = hours.open_between(place.hours, place.zone, now - timedelta(days=7), now)
    return max(SHORTEST_UNLEARNED, week / 7 / usual.per_day * GAPS_UNLEARNED)
