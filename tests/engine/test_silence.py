"""A source that falls silent is noticed soon, and a quiet hour is not called silence."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from notifications import chores, watching
from notifications.models import Expectation, Heartbeat, Incident, Pulse
from notifications.silence import (
    MEMORY,
    SLOT,
    Place,
    Silence,
    Usual,
    bar,
    expected,
    judge,
    learn,
    slot_of,
    surprise,
)
from orders.models import InboundEvent, SourceConnection
from tests.factories import ConnectionFactory, OrderFactory, StoreFactory

ZONE = ZoneInfo("America/New_York")
HOURS = {day: [["11:00", "22:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
PLACE = Place(ZONE, HOURS)
DAY = timedelta(days=1)
MONDAY = datetime(2026, 6, 1, 4, tzinfo=UTC)  # midnight at the store
# Signs of life per half hour, from 11:00: the lunch rate is 40, that is 80 an hour.
SHAPE = (16, 28, 40, 40, 40, 28, 16, 12, 10, 12, 16, 24, 36, 44, 44, 36, 28, 20, 16, 12, 8, 6)
WEEKDAYS = (0.8, 0.85, 0.9, 1.0, 1.3, 1.35, 1.1)


# --- Synthetic traffic -----------------------------------------------------------------
def a_day(chance: random.Random, midnight: datetime, size: float) -> list[datetime]:
    """The words of one day: some days are better than others, the rest is chance."""
    factor = size * WEEKDAYS[midnight.astimezone(ZONE).weekday()] * chance.lognormvariate(0, 0.15)
    found: list[datetime] = []
    for number, rate in enumerate(SHAPE):
        begin = midnight + timedelta(hours=11) + number * SLOT
        at = begin + chance.expovariate(rate * factor) * SLOT
        while at < begin + SLOT:
            found.append(at)
            at += chance.expovariate(rate * factor) * SLOT
    return found


def traffic(seed: int, days: int, size: float = 1.0) -> list[datetime]:
    chance = random.Random(seed)
    return [at for day in range(days) for at in a_day(chance, MONDAY + day * DAY, size)]


def counted(words: list[datetime]) -> dict[datetime, int]:
    counts: dict[datetime, int] = {}
    for at in words:
        counts[slot_of(at)] = counts.get(slot_of(at), 0) + 1
    return counts


def learned(counts: dict[datetime, int], until: datetime) -> Usual:
    begin = max(until - MEMORY, MONDAY)
    return learn({k: v for k, v in counts.items() if begin <= k < until}, begin, until, ZONE)


def noticed(usual: Usual, last: datetime, until: datetime) -> datetime | None:
    """When the chore of every minute finds the silence since `last`."""
    now = last + timedelta(minutes=5)
    while now <= until:
        if judge(usual, PLACE, last, now):
            return now
        now += timedelta(minutes=1)
    return None


def test_19_of_20_outages_at_lunch_are_found_within_12_minutes_in_the_median() -> None:
    waits = list(outages(20))
    found = [wait for wait in waits if wait is not None]
    assert len(found) >= 19
    assert median(found) <= 12


def outages(count: int) -> Iterator[float | None]:
    """Minutes until each outage of 45 minutes at lunch was noticed."""
    chance = random.Random(7)
    for number in range(count):
        words = traffic(100 + number, 49)
        day = MONDAY + (42 + chance.randrange(7)) * DAY
        begin = day + timedelta(hours=12, minutes=chance.uniform(0, 60))
        usual = learned(counted(words), day)
        last = max(at for at in words if at < begin)
        at = noticed(usual, last, begin + timedelta(minutes=45))
        yield (at - begin).total_seconds() / 60 if at else None


@pytest.mark.parametrize("size", [1.0, 0.25, 0.05])
def test_three_months_without_outage_give_at_most_one_false_alarm_a_month(size: float) -> None:
    """For shops of several sizes, learning on as they go."""
    for seed in (1, 2):
        words = traffic(seed, 42 + 91, size)
        counts, alarms, today, usual = counted(words), 0, MONDAY, None
        for last, word in pairwise(words):
            if last < MONDAY + 42 * DAY or word - last < timedelta(minutes=5):
                continue
            if usual is None or last >= today + DAY:
                today = last.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
                today = today.astimezone(UTC)
                usual = learned(counts, today)
            alarms += bool(judge(usual, PLACE, last, word))
        assert alarms <= 3


def test_what_is_usual_is_learned_by_weekday_and_half_hour() -> None:
    usual = learned(counted(traffic(3, 42)), MONDAY + 42 * DAY)
    noon = MONDAY + timedelta(days=45, hours=12, minutes=30)  # a Thursday
    assert 33 < expected(usual, PLACE, noon, noon + SLOT) < 47
    assert expected(usual, PLACE, noon - 5 * SLOT, noon - 4 * SLOT) == 0  # closed
    assert expected(usual, PLACE, noon, noon + SLOT / 2) * 2 == expected(
        usual, PLACE, noon, noon + SLOT
    )
    assert 0.01 < usual.spread < 0.08
    assert usual.learned


def test_closing_time_is_no_silence() -> None:
    usual = learned(counted(traffic(3, 42)), MONDAY + 42 * DAY)
    evening = MONDAY + timedelta(days=42, hours=21, minutes=55)
    assert judge(usual, PLACE, evening, evening + timedelta(hours=5)) is None
    assert judge(usual, PLACE, evening, evening + timedelta(hours=13, minutes=6)) is None
    found = judge(usual, PLACE, evening, evening + timedelta(hours=14, minutes=35))
    assert found is not None
    assert found.minutes == 95


def test_a_source_that_has_just_begun_has_a_fixed_time() -> None:
    usual = learned(counted(traffic(3, 5)), MONDAY + 5 * DAY)
    assert not usual.learned
    noon = MONDAY + timedelta(days=5, hours=12)

    def after(minutes: int, fixed: int | None = None, place: Place = PLACE) -> Silence | None:
        return judge(usual, place, noon, noon + timedelta(minutes=minutes), fixed)

    assert after(59) is None
    assert after(60) == Silence(60, None)
    assert after(20, fixed=20) == Silence(20, None)
    nobody_knows_when_it_closes = Place(ZONE, {})
    assert after(600, place=nobody_knows_when_it_closes) is None
    assert after(600, fixed=20, place=nobody_knows_when_it_closes) is not None


def test_below_five_words_a_day_there_is_no_alarm_of_itself() -> None:
    usual = learned(counted(traffic(3, 42, size=0.005)), MONDAY + 42 * DAY)
    noon = MONDAY + timedelta(days=43, hours=12)
    assert judge(usual, PLACE, noon, noon + 5 * DAY) is None


@given(words=st.floats(0, 1000), more=st.floats(0, 100), spread=st.floats(0.02, 1))
@limits(max_examples=200, deadline=None)
def test_more_missing_words_are_never_less_surprising(
    words: float, more: float, spread: float
) -> None:
    assert 0 <= surprise(words, spread) <= surprise(words + more, spread) <= words + more + 1e-9


def test_who_speaks_more_has_a_higher_bar() -> None:
    quiet, loud = (Usual((rate,) * 336, 0.1, MEMORY) for rate in (1.0, 20.0))
    assert bar(quiet) < bar(loud)


# --- The chore ---------------------------------------------------------------------------
NOW = datetime(2026, 11, 19, 17, 40, tzinfo=UTC)  # Thursday, 12:40 at the store


@pytest.fixture
def source(db: Any) -> SourceConnection:
    """A source that has sent 40 words every half hour for six weeks, until 12:00 today."""
    watching.forget_learned()
    store = StoreFactory(hours=HOURS)
    source: SourceConnection = ConnectionFactory(brand=store.brand, store=store, name="Web shop")
    busy(source, NOW.replace(minute=0))
    Heartbeat.objects.create(name=watching.COUNTED, at=NOW - timedelta(minutes=1))
    Heartbeat.objects.create(name=watching.SINCE, at=NOW - DAY)
    event(source, NOW.replace(minute=0))
    return source


def busy(source: SourceConnection, until: datetime) -> None:
    slots = (until - number * SLOT for number in range(1, int(MEMORY / SLOT)))
    Pulse.objects.bulk_create(
        Pulse(connection=source, slot=slot, count=40)
        for slot in slots
        if 11 <= slot.astimezone(ZONE).hour < 22
    )


def event(source: SourceConnection, at: datetime, **more: Any) -> InboundEvent:
    key = str(InboundEvent.objects.count())
    return InboundEvent.objects.create(
        connection=source, event_key=key, body=b"{}", received_at=at, **more
    )


def open_incidents() -> list[Incident]:
    return list(Incident.objects.exclude(state="resolved").order_by("id"))


def test_a_silent_source_is_raised_once_and_says_what_is_usual(source: SourceConnection) -> None:
    assert watching.watch(NOW) == 1
    assert watching.watch(NOW + timedelta(minutes=1)) == 1
    (incident,) = open_incidents()
    assert incident.title == "No word from Web shop for 40 min; usually 53 in that time"
    assert incident.detail == "It is the only source."
    assert incident.next_act.startswith("Check the connection")
    assert (incident.about, incident.kind) == (f"silent:{source.pk}", "silent")
    assert (incident.store_id, incident.connection_id) == (source.store_id, source.pk)


def test_it_is_over_when_a_word_comes(source: SourceConnection) -> None:
    watching.watch(NOW)
    event(source, NOW + timedelta(seconds=30))
    assert watching.watch(NOW + timedelta(minutes=1)) == 0
    assert open_incidents() == []
    assert Incident.objects.get().resolved_why == "Web shop speaks again."


@pytest.mark.parametrize("change", [{"enabled": False}, {"mode": "test"}])
def test_it_is_over_when_nobody_listens_any_more(
    source: SourceConnection, change: dict[str, Any]
) -> None:
    watching.watch(NOW)
    SourceConnection.objects.update(**change)
    assert watching.watch(NOW + timedelta(minutes=1)) == 0
    assert open_incidents() == []


def test_it_says_how_the_other_sources_are(source: SourceConnection) -> None:
    till = ConnectionFactory(brand=source.brand, store=source.store, name="Till")
    event(till, NOW - timedelta(minutes=1))
    watching.watch(NOW)
    assert open_incidents()[0].detail == "Other sources are normal."
    Incident.objects.all().delete()
    busy(till, NOW.replace(minute=0))
    later = NOW + timedelta(minutes=19)
    Heartbeat.objects.filter(name=watching.COUNTED).update(at=later - timedelta(minutes=1))
    assert watching.watch(later) == 2
    assert {one.detail for one in open_incidents()} == {
        "Silent too: Till.",
        "Silent too: Web shop.",
    }
    assert "can reach this server" in open_incidents()[0].next_act


def test_a_setting_switches_it_off(source: SourceConnection) -> None:
    SourceConnection.objects.update(settings={"silence_minutes": 0})
    assert watching.watch(NOW) == 0


def test_while_we_were_away_ourselves_nothing_could_be_heard(source: SourceConnection) -> None:
    Heartbeat.objects.filter(name=watching.COUNTED).update(at=NOW - timedelta(hours=3))
    assert watching.watch(NOW) == 0
    assert watching.watch(NOW + timedelta(minutes=4)) == 0
    assert watching.watch(NOW + timedelta(minutes=30)) == 0  # away once more
    for minute in range(31, 51):
        watching.watch(NOW + timedelta(minutes=minute))
    assert len(open_incidents()) == 1


def test_signs_of_life_are_counted_once_whoever_counts(source: SourceConnection) -> None:
    order = OrderFactory(connection=source)
    begin = NOW + timedelta(seconds=5)
    for second in range(4):
        event(source, begin + timedelta(seconds=second), order=order)
    event(source, begin)
    event(source, begin, mode="test")
    later = NOW + timedelta(minutes=1)
    assert watching.roll(later) == 2
    assert watching.roll(later) == 0
    event(source, later, order=order)
    assert watching.roll(later + timedelta(minutes=1)) == 1
    assert Pulse.objects.get(connection=source, slot=slot_of(NOW)).count == 3


def test_the_first_count_looks_back_at_what_is_stored(source: SourceConnection) -> None:
    Heartbeat.objects.all().delete()
    Pulse.objects.all().delete()
    for minutes in (0, 20, 40, 60 * 24 * 50):
        event(source, NOW - timedelta(minutes=minutes + 1))
    watching.roll(NOW)
    counts = Pulse.objects.order_by("slot").values_list("slot", "count")
    assert [count for _slot, count in counts] == [1, 2, 1]
    assert Heartbeat.objects.get(name=watching.SINCE).at == NOW


def test_old_counts_and_clocks_are_forgotten(source: SourceConnection) -> None:
    order = OrderFactory(connection=source)
    for number, days in enumerate((1, 57)):
        Expectation.objects.create(
            order=order, brand=order.brand, group_key=str(number), status="ready",
            due_at=NOW - days * DAY,
        )  # fmt: skip
    Pulse.objects.create(connection=source, slot=NOW - 57 * DAY, count=1)
    kept = Pulse.objects.filter(slot__gt=NOW - 56 * DAY).count()
    watching.forget(NOW)
    assert Expectation.objects.count() == 1
    assert Pulse.objects.filter(slot__gt=NOW - 56 * DAY).count() == kept


def test_beat_and_the_one_process_both_know_the_chores() -> None:
    assert chores.CHORES["watch_sources"] == (watching.watch, timedelta(minutes=1))
    assert chores.CHORES["forget_times"] == (watching.forget, timedelta(hours=1))
    beat = {
        one["args"][0]: timedelta(seconds=one["schedule"])
        for one in settings.CELERY_BEAT_SCHEDULE.values()
        if one["task"] == "notifications.tasks.chore"
    }
    assert beat == {name: every for name, (_work, every) in chores.CHORES.items()}
