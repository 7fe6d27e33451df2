"""F32 and F39: the hour that happens twice, and two changes at the same moment."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection
from django.utils import timezone

from consents import quiet
from notifications import planning
from notifications.models import Delivery
from orders.contract import Contact, Group, OrderEvent
from orders.loading import Word
from orders.models import Order, StatusChange
from orders.statuses import rank
from orders.timeline import record
from tests.drills.house import FULL, size
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    RuleFactory,
    TemplateFactory,
)

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
QUIET = [(time(22), time(1, 30)), (time(21), time(2, 30)), (time(1, 45), time(8))]
ZONES = sorted(available_timezones())
SOME = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"


def turns(zone: ZoneInfo) -> Iterator[datetime]:
    """The instants of two years at which the wall clock of `zone` jumps, to the minute."""
    day = FIRST
    while day < LAST:
        after = day + timedelta(days=1)
        if day.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            low, high = day, after
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            yield high.replace(second=0, microsecond=0)
        day = after


def test_f32_clocks_go_forth_and_back(line):
    """Messages fall into quiet hours around each change of the clock in two years."""
    checked = inside = lost = 0
    for name in ZONES if FULL else SOME:
        for turn in turns(ZoneInfo(name)):
            for ends in QUIET:
                for minutes in range(-300, 301, 60):
                    now = turn + timedelta(minutes=minutes)
                    until = quiet.ends_at(now, *ends, name)
                    checked += 1
                    inside += quiet.is_quiet(until or now, *ends, name)
                    lost += until is not None and not now < until < now + timedelta(hours=30)
    assert checked
    assert (inside, lost) == (0, 0)
    line(
        intents=checked, lost=lost, duplicates=0,
        note=f"{len(ZONES if FULL else SOME)} zones; sent inside quiet hours: {inside}",
    )  # fmt: skip


STEPS = "confirmed", "preparing", "ready", "picked_up"


@pytest.mark.django_db(transaction=True)
def test_f39_status_changes_of_one_order_at_once(line):
    """Many threads tell of the same order at the same moment, each of another step."""
    shop, now = ConnectionFactory(), timezone.now()
    brand = shop.brand
    ChannelFactory(brand_id=brand.pk, provider="twilio")
    TemplateFactory(brand=brand)
    RuleFactory(brand=brand, events=[*STEPS])
    record([Word(told("placed"), shop)], now)
    many = size(12, 50)
    steps = random.Random(3).choices(STEPS, k=many)
    start, errors = threading.Barrier(many), []

    def tell(step: str) -> None:
        try:
            start.wait(30)
            record([Word(told(step), shop)], now)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    changes = StatusChange.objects.filter(fact="status", applied=True).order_by("id")
    history = list(changes.values_list("status", flat=True))
    assert history == sorted(set(history), key=rank)
    assert Order.objects.get().status == max(steps, key=rank)
    while planning.plan(200, now):
        pass
    told_of = Counter(Delivery.objects.values_list("notification__event", flat=True))
    assert set(told_of.values()) <= {1}
    line(events=many, intents=sum(told_of.values()), lost=0, duplicates=0,
         note=f"{many} threads on {connection.vendor}: lost updates 0")  # fmt: skip


def told(step: str) -> OrderEvent:
    """A word about order 1."""
    contact = Contact(name="Ada", phone="+12025550143")
    return OrderEvent("1", "test", status=step, groups=[Group(status=step)], contact=contact)
