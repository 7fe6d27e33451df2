"""Counts how often each source speaks, and raises an incident when one falls silent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Model, OuterRef, Subquery

from notifications import incidents
from notifications.incidents import Trouble
from notifications.models import Expectation, Heartbeat, Incident, Pulse
from notifications.silence import MEMORY, SLOT, Place, Silence, Usual, judge, learn, slot_of
from orders import hours
from orders.models import InboundEvent, SourceConnection, Store

COUNTED = "pulse"  # the heartbeat that says up to when all is counted
SINCE = "pulse-since"  # and since when without a break
LAG = timedelta(seconds=10)  # an event that is being stored or understood just now
BREAK = timedelta(minutes=5)  # not counted for so long: it was we who were away
CHUNK = 5000
MOST_CHUNKS = 60  # of events that are looked at in one go
KEPT = timedelta(weeks=8)
Key = tuple[int, datetime]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A source that has fallen silent."""

    source: SourceConnection
    silence: Silence


def watch(now: datetime) -> int:
    """Count what came, judge every live source; how many are silent. A chore of every minute."""
    roll(now)
    since = Heartbeat.objects.get(name=SINCE).at
    live = list(_sources())
    quiet = [found for one in live if (found := _judge(one, since, now))]
    for one in quiet:
        incidents.raise_incident(_trouble(one, quiet, live), now)
    _resolve({one.source.pk for one in quiet}, now)
    return len(quiet)


# --- Counting -------------------------------------------------------------------------


def roll(now: datetime) -> int:
    """Add what came since the last time to the half hours; how many signs of life there were.

    Several events of one order within a minute are one sign. Safe to run twice: what is
    counted, and up to when, are written together.
    """
    upto = now - LAG
    with transaction.atomic():
        start = {"at": upto - MEMORY}
        row, _made = Heartbeat.objects.select_for_update().get_or_create(
            name=COUNTED, defaults=start
        )
        if row.at >= upto:
            return 0
        counts = _count(row.at, upto)
        _add(counts)
        Heartbeat.objects.filter(name=COUNTED).update(at=upto)
        if now - row.at > BREAK:
            Heartbeat.objects.update_or_create(name=SINCE, defaults={"at": now})
    return sum(counts.values())


def _count(begin: datetime, end: datetime) -> dict[Key, int]:
    """Signs of life by connection and half hour. Reads events newest first, no further than
    needed."""
    signs: set[tuple[int, datetime, int]] = set()
    events = InboundEvent.objects.filter(mode="live").order_by("-id")
    before: int | None = None
    for _chunk in range(MOST_CHUNKS):
        rows = events if before is None else events.filter(id__lt=before)
        found = list(rows.values_list("id", "connection_id", "received_at", "order_id")[:CHUNK])
        signs.update(
            (source, at.replace(second=0, microsecond=0), order or -pk)
            for pk, source, at, order in found
            if begin <= at < end
        )
        if len(found) < CHUNK or found[-1][2] < begin - BREAK:
            break
        before = found[-1][0]
    counts: dict[Key, int] = {}
    for source, minute, _order in signs:
        key = (source, slot_of(minute))
        counts[key] = counts.get(key, 0) + 1
    return counts


def _add(counts: Mapping[Key, int]) -> None:
    """Onto the rows that are there, in one statement for some hundred."""
    rows = sorted(counts.items())
    for first in range(0, len(rows), 200):
        some = rows[first : first + 200]
        marks = ", ".join(["(%s, %s, %s)"] * len(some))
        params: list[Any] = []
        for (source, slot), count in some:
            params += [source, connection.ops.adapt_datetimefield_value(slot), count]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO notifications_pulse (connection_id, slot, count) VALUES {marks} "  # noqa: S608
                "ON CONFLICT (connection_id, slot) "
                "DO UPDATE SET count = notifications_pulse.count + excluded.count",
                params,
            )


# --- Judging --------------------------------------------------------------------------
_usual: dict[int, tuple[datetime, Usual]] = {}


def _sources() -> Iterable[SourceConnection]:
    """Live sources, each with the moment of its last word."""
    newest = InboundEvent.objects.filter(connection=OuterRef("pk")).order_by("-id")
    live = SourceConnection.objects.filter(enabled=True, mode=SourceConnection.Mode.LIVE)
    return live.select_related("store").annotate(
        last_word=Subquery(newest.values("received_at")[:1])
    )


def _judge(source: SourceConnection, since: datetime, now: datetime) -> Quiet | None:
    last: datetime | None = source.last_word  # type: ignore[attr-defined]
    fixed = source.settings.get("silence_minutes")
    if last is None or now - last < timedelta(minutes=5) or fixed == 0:
        return None
    place = _place(source)
    usual = _learned(source.pk, place, slot_of(last))
    found = judge(usual, place, max(last, since), now, fixed)
    return Quiet(source, found) if found else None


def _place(source: SourceConnection) -> Place:
    """The source's store; of several stores only the clock: their hours may differ."""
    store = source.store
    if store is None:
        stores = list(Store.objects.filter(brand_id=source.brand_id).order_by("id")[:2])
        store = stores[0] if stores else None
        if len(stores) > 1 and store is not None:
            return Place(hours.place(store.time_zone), {})
    return Place(hours.place(store.time_zone if store else "UTC"), store.hours if store else {})


def _learned(source_id: int, place: Place, slot: datetime) -> Usual:
    """What was usual until `slot`, of the last word: a silence does not teach that it is usual."""
    known = _usual.get(source_id)
    if known is not None and known[0] == slot:
        return known[1]
    rows = Pulse.objects.filter(connection_id=source_id, slot__gte=slot - MEMORY, slot__lt=slot)
    counts = dict(rows.values_list("slot", "count"))
    usual = learn(counts, min(counts, default=slot), slot, place.zone)
    _usual[source_id] = (slot, usual)
    return usual


def forget_learned() -> None:
    """Learn everything anew (tests)."""
    _usual.clear()


# --- Telling --------------------------------------------------------------------------


def about(source_id: int) -> str:
    """What the incident of a silent source is about."""
    return f"silent:{source_id}"


def _trouble(one: Quiet, quiet: Sequence[Quiet], live: Sequence[SourceConnection]) -> Trouble:
    source, silence = one.source, one.silence
    peers = [other for other in live if other.brand_id == source.brand_id and other != source]
    silent = [other.source for other in quiet if other.source in peers]
    usual = f"; usually {silence.usual} in that time" if silence.usual is not None else ""
    act = f"Check the connection: its address and its webhook at {source.name}."
    if peers and len(silent) == len(peers):
        act = "Check that sources can reach this server: all of them are silent."
    return Trouble(
        brand_id=source.brand_id,
        kind="silent",
        about=about(source.pk),
        title=f"No word from {source.name} for {_span(silence.minutes)}{usual}",
        detail=_peers(peers, silent),
        next_act=act,
        store_id=source.store_id,
        connection_id=source.pk,
    )


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h of opening time"


def _peers(peers: Sequence[SourceConnection], silent: Sequence[SourceConnection]) -> str:
    """How the brand's other sources are."""
    if not peers:
        return "It is the only source."
    if not silent:
        return "Other sources are normal."
    return f"Silent too: {', '.join(other.name for other in silent[:5])}."


def _resolve(quiet: set[int], now: datetime) -> None:
    """Those that speak again, and those that nobody listens to any more."""
    rows = Incident.objects.filter(kind="silent").exclude(state=Incident.State.RESOLVED)
    for row in rows.select_related("connection"):
        source = row.connection
        if source is None or source.pk in quiet:
            continue
        listening = source.enabled and source.mode == SourceConnection.Mode.LIVE
        newest = InboundEvent.objects.filter(connection=source).order_by("-id")
        word = newest.values_list("received_at", flat=True).first() if listening else None
        if word is not None and word > row.opened_at:
            incidents.resolve_one(row, f"{source.name} speaks again.", now)
        elif not listening:
            incidents.resolve_one(row, "The connection was switched off.", now)


# --- Forgetting -----------------------------------------------------------------------


def forget(now: datetime) -> int:
    """Counts and clocks of eight weeks ago; how many rows went. A chore of every hour."""
    counts = _forget(Pulse, "slot", now - KEPT)
    return counts + _forget(Expectation, "due_at", now - KEPT)


def _forget(model: type[Model], column: str, before: datetime) -> int:
    """From the oldest row on, as long as most are old: nothing is searched for."""
    gone, last = 0, 0
    while True:
        rows = model._default_manager.filter(pk__gt=last).order_by("pk")
        some = list(rows.values_list("pk", column)[:1000])
        old = [pk for pk, at in some if at < before]
        if old:
            gone += model._default_manager.filter(pk__in=old).delete()[0]
        if len(old) * 2 <= len(some) or not some:
            return gone
        last = some[-1][0]


__all__ = ["SLOT", "about", "forget", "forget_learned", "roll", "watch"]
