"""How a source does: what it sent lately, what of it was lost, and what is usual at this hour.

Everything is read from bounded windows of what is newest; nothing counts a table that grows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from notifications import silence
from notifications.models import Incident, Pulse
from notifications.silence import MEMORY, SLOT, Place, Usual, slot_of
from notifications.views.chart import Segment
from notifications.views.paging import SCAN
from orders import hours, registry
from orders.contract import OrderSource
from orders.models import InboundEvent, SourceConnection, StatusChange, Store

DAY = timedelta(days=1)
BARS = DAY // SLOT
WIDTH, HEIGHT = 10, 48
WINDOW = 500  # the newest events of a connection that are looked at
EventState = InboundEvent.State
Mode = SourceConnection.Mode


@dataclass(frozen=True, slots=True)
class State:
    """How a connection is: a sign, a tone, words, and why."""

    icon: str
    tone: str
    word: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A day in half hours: bars for what came, a line for what is usual."""

    bars: tuple[Segment, ...]
    line: str  # the points of the line; empty until enough is known
    since: datetime  # the beginning of the half hour before this one
    now: int  # signs of life since then
    usual: int | None  # how many usually come in that time; None: not learned yet
    width: int = BARS * WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Lately:
    """The newest events: how many there are, how they ended, how many came too late to count."""

    seen: int
    last_at: datetime | None
    states: Counter[str]
    failed: tuple[int, ...]  # ids, newest first
    stale: int

    @property
    def capped(self) -> bool:
        """Whether there may be more than was looked at."""
        return self.seen == WINDOW

    @property
    def not_understood(self) -> int:
        """Events that failed."""
        return self.states[EventState.FAILED]

    @property
    def waiting(self) -> int:
        """Events that wait for their order, or for the source's answer."""
        return self.states[EventState.WAITING] + self.states[EventState.FETCHING]


@dataclass(frozen=True, slots=True)
class Card:
    """One connection as the pages show it."""

    connection: SourceConnection
    source: str
    state: State
    picture: Picture
    lately: Lately


def source_of(connection: SourceConnection) -> OrderSource | None:
    """The source of `connection`; None when its folder is gone, for its events stay readable."""
    try:
        return registry.source(connection.source)
    except LookupError:
        return None


def cards(rows: Sequence[SourceConnection], now: datetime) -> list[Card]:
    """Each with how it is; three small queries for each, and three for all."""
    ids = [row.pk for row in rows]
    since = slot_of(now) - DAY
    counts: dict[int, dict[datetime, int]] = {pk: {} for pk in ids}
    pulses = Pulse.objects.filter(connection_id__in=ids, slot__gt=since)
    for pk, slot, count in pulses.values_list("connection_id", "slot", "count"):
        counts[pk][slot] = count
    open_ones = Incident.objects.filter(connection_id__in=ids)
    titles: dict[Any, str] = dict(
        open_ones.exclude(state=Incident.State.RESOLVED).values_list("connection_id", "title")
    )
    only = _only_stores({row.brand_id for row in rows})
    return [
        _card(row, counts[row.pk], titles.get(row.pk, ""), only.get(row.brand_id), now)
        for row in rows
    ]


def _only_stores(brand_ids: set[int]) -> dict[int, Store]:
    """Brand -> its store, or the first of several."""
    found: dict[int, Store] = {}
    for store in Store.objects.filter(brand_id__in=brand_ids).order_by("id"):
        found.setdefault(store.brand_id, store)
    return found


def _card(
    row: SourceConnection,
    counts: dict[datetime, int],
    trouble: str,
    first: Store | None,
    now: datetime,
) -> Card:
    source = source_of(row)
    seen = lately(row)
    place = _place(row, first)
    usual = _learned(row.pk, slot_of(now), str(place.zone))
    picture = _picture(counts, usual, place, now)
    name = source.name if source else row.source
    return Card(row, name, state(row, seen, trouble), picture, seen)


def state(row: SourceConnection, seen: Lately, trouble: str = "") -> State:
    """How it is, in words."""
    if not row.enabled:
        return State("pause", "mute", _("Paused"), _("Whatever it sends is refused."))
    if row.mode == Mode.TEST:
        return State("shield", "wait", _("Test"), _("Nothing goes to customers."))
    if row.mode == Mode.IMPORT:
        return State("history", "wait", _("Importing"), _("Nothing is sent."))
    if trouble:
        return State("alert", "bad", _("Needs a look"), trouble)
    if seen.last_at is None:
        return State("clock", "wait", _("Nothing came yet"))
    return State("check", "good", _("Live"))


def lately(row: SourceConnection) -> Lately:
    """The newest events, of the last day where there are that many."""
    events = InboundEvent.objects.filter(connection_id=row.pk).order_by("-id")
    found = list(events.values_list("id", "received_at", "state")[:WINDOW])
    if not found:
        return Lately(0, None, Counter(), (), 0)
    failed = tuple(pk for pk, _at, state_ in found if state_ == EventState.FAILED)
    stale = StatusChange.objects.filter(event__in=[pk for pk, _at, _s in found], applied=False)
    late = len(stale.order_by().values_list("pk", flat=True)[:SCAN])
    return Lately(len(found), found[0][1], Counter(one[2] for one in found), failed, late)


# --- The rate -----------------------------------------------------------------------


def _place(row: SourceConnection, first: Store | None) -> Place:
    """Whose clock and hours: the connection's store, or the brand's first one's clock."""
    if row.store is not None:
        return Place(hours.place(row.store.time_zone), row.store.hours)
    return Place(hours.place(first.time_zone if first else "UTC"), {})


@lru_cache(maxsize=500)
def _learned(connection_id: int, upto: datetime, zone: str) -> Usual:
    """What is usual, from six weeks until `upto`: learned once in each half hour."""
    rows = Pulse.objects.filter(connection_id=connection_id, slot__gte=upto - MEMORY, slot__lt=upto)
    counts = dict(rows.values_list("slot", "count"))
    return silence.learn(counts, min(counts, default=upto), upto, hours.place(zone))


def forget_learned() -> None:
    """Learn everything anew (tests)."""
    _learned.cache_clear()


def _picture(counts: dict[datetime, int], usual: Usual, place: Place, now: datetime) -> Picture:
    first = slot_of(now) - SLOT * (BARS - 1)
    slots = [first + SLOT * at for at in range(BARS)]
    came = [counts.get(slot, 0) for slot in slots]
    means = [silence.expected(usual, place, slot, slot + SLOT) for slot in slots]
    means = means if usual.learned else []
    tallest = max([*came, *means]) or 1
    words = silence.expected(usual, place, slots[-2], now) if usual.learned else None
    return Picture(
        tuple(_bar(at, count, tallest) for at, count in enumerate(came) if count),
        " ".join(f"{at * WIDTH + WIDTH // 2},{_y(mean, tallest)}" for at, mean in enumerate(means)),
        slots[-2],
        came[-1] + came[-2],
        None if words is None else round(words),
    )


def _bar(at: int, count: int, tallest: float) -> Segment:
    height = max(3, HEIGHT - _y(count, tallest))
    return Segment("good", at * WIDTH + 1, HEIGHT - height, height)


def _y(count: float, tallest: float) -> int:
    return round(HEIGHT - count * (HEIGHT - 6) / tallest)
