"""A channel's rate and its calls at once hold over all workers, and cost the others nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from channels_app.models import ChannelDay, ChannelHealth
from notifications import limits
from notifications.lanes import Lanes
from notifications.limits import free_slots, seconds_to_wait, slots_taken
from notifications.models import Delivery, Notification
from notifications.pump import Pump
from notifications.taking import Taker
from tests.engine.backlog import Scene, at_once, needs_postgresql, plans, scene, statements

START = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
database = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(travel: Any) -> Scene:
    travel(START)
    return scene()


def take(now: datetime) -> list[int]:
    """What one more worker, idle so far, takes."""
    return Taker().take(Lanes(), {}, now)


# --- The clock of a rate -----------------------------------------------------------
@given(
    rate=st.floats(0.05, 500),
    looks=st.lists(
        st.tuples(st.floats(0, 3), st.integers(0, 300), st.sampled_from([0.0, 0.4])), max_size=60
    ),
)
def test_no_span_of_time_sees_more_than_its_share_and_one_second_on_top(
    rate: float, looks: list[tuple[float, int, float]]
):
    """Workers look when they like, want what they like, and their clocks differ by 0.4 s."""
    slot, at, sent = None, 0.0, []
    for pause, wanted, ahead in looks:
        at += pause
        now = START + timedelta(seconds=at + ahead)
        count = min(wanted, free_slots(rate, slot, now))
        if count:
            slot = slots_taken(rate, slot, now, count)
            sent.append((at, count))
    for index, (begin, _count) in enumerate(sent):
        total = 0
        for moment, count in sent[index:]:
            total += count
            assert total <= rate * (moment - begin + 0.4) + max(rate, 1.0) + 0.01


@given(rate=st.floats(0.05, 500), late=st.floats(0, 100))
def test_after_the_time_to_wait_there_is_something_to_take(rate: float, late: float):
    slot = slots_taken(rate, None, START, max(int(rate), 1))
    wait = seconds_to_wait(rate, slot, START)
    assert free_slots(rate, slot, START + timedelta(seconds=wait + late + 1e-5)) >= 1


def test_a_rate_below_one_a_second_is_one_message_at_a_time():
    assert free_slots(0.1, None, START) == 1
    slot = slots_taken(0.1, None, START, 1)
    assert free_slots(0.1, slot, START + timedelta(seconds=9)) == 0
    assert free_slots(0.1, slot, START + timedelta(seconds=10)) == 1


# --- The rate over all workers -----------------------------------------------------
@database
def test_workers_share_a_rate(shop: Scene):
    channel = shop.channel("sendgrid", max_per_second=10)
    shop.owe(channel, 100)
    assert [len(take(START)) for _worker in range(3)] == [10, 0, 0]
    assert [len(take(START + timedelta(seconds=0.5))) for _worker in range(2)] == [5, 0]
    assert [len(take(START + timedelta(seconds=60))) for _worker in range(2)] == [10, 0]


@database
def test_a_lone_message_takes_one_slot_only(shop: Scene):
    channel = shop.channel("sendgrid", max_per_second=10)
    shop.owe(channel, 1)
    assert len(take(START)) == 1
    shop.owe(channel, 20)
    assert len(take(START)) == 9


@database
def test_a_backlog_is_claimed_in_steps_and_the_pump_knows_when_to_look_again(shop: Scene):
    channel = shop.channel("sendgrid", max_per_second=100)
    shop.owe(channel, 300)
    worker = Taker()
    first = len(worker.take(Lanes(), {}, START))
    assert worker.patience() > 60
    while more := len(worker.take(Lanes(), {}, START)):
        first += more
    assert first == 100
    assert 0 < worker.patience() <= limits.STEP
    assert worker.take(Lanes(), {}, START + timedelta(seconds=0.05)) == []
    assert len(worker.take(Lanes(), {}, START + timedelta(seconds=0.1))) == 10


@database
def test_messages_leave_at_the_rate_and_not_before(sandbox: Any, travel: Any):
    clock = travel(START)
    shop = scene(sandbox)
    channel = shop.channel("sendgrid", max_per_second=5)
    shop.owe(channel, 12)
    for expected in (5, 10, 12, 12):
        Pump().drain()
        assert shop.sent(channel) == len(sandbox.messages("sendgrid")) == expected
        clock.shift(1)


@database
def test_what_is_no_news_any_more_takes_no_slot_and_is_ended(sandbox: Any, travel: Any):
    clock = travel(START)
    shop = scene(sandbox)
    channel = shop.channel("sendgrid", max_per_second=2)
    shop.owe(channel, 30, useful=timedelta(minutes=5))
    fresh = shop.owe(channel, 2, useful=timedelta(hours=5))
    clock.shift(600)
    Pump().drain()
    states = dict(Delivery.objects.values_list("id", "state"))
    assert {states.pop(one.pk) for one in fresh} == {"sent"}
    assert set(states.values()) == {"expired"}
    assert len(sandbox.messages("sendgrid")) == 2


@database
def test_what_is_stopped_gives_its_slot_back(sandbox: Any, travel: Any):
    travel(START)
    shop = scene(sandbox)
    channel = shop.channel("twilio", max_per_second=4, country_caps={"US": 0, "*": 100})
    shop.owe(channel, 4)
    shop.owe(channel, addresses=["+447400123456"] * 4)
    Pump().drain()
    assert shop.sent(channel) == 4


@database
def test_urgent_messages_go_first_on_a_limited_channel(shop: Scene):
    channel = shop.channel("sendgrid", max_per_second=3)
    shop.owe(channel, 10)
    urgent = shop.owe(channel, 2, urgent=True)
    assert take(START)[:2] == [one.pk for one in urgent]


# --- Calls at once -----------------------------------------------------------------
@database
def test_workers_share_the_calls_at_once(shop: Scene):
    channel = shop.channel("sendgrid", max_in_flight=6)
    shop.owe(channel, 30)
    assert [len(take(START)) for _worker in range(2)] == [6, 0]
    held = Delivery.objects.filter(state="sending").values_list("id", flat=True)
    Delivery.objects.filter(pk__in=list(held)[:4]).update(state="sent", lease_until=None)
    assert [len(take(START)) for _worker in range(2)] == [4, 0]


@database
def test_a_worker_that_died_holds_no_calls_for_longer_than_a_call_can_last(
    shop: Scene, settings: Any
):
    channel = shop.channel("sendgrid", max_in_flight=3)
    shop.owe(channel, 9)
    assert len(take(START)) == 3
    later = START + timedelta(seconds=settings.SEND_TIMEOUT_SECONDS + limits.DEAD_AFTER + 1)
    assert len(take(later)) == 3


@database
def test_the_calls_of_a_channel_are_counted_by_the_index_of_leases(shop: Scene):
    with plans() as seen:
        limits._in_flight(1, START)
    assert "delivery_leased" in seen[0]


# --- All workers at once -----------------------------------------------------------
@database
@needs_postgresql
@pytest.mark.parametrize("limit", [{"max_per_second": 7}, {"max_in_flight": 7}])
def test_workers_that_claim_at_the_same_moment_do_not_exceed_a_limit(
    shop: Scene, limit: dict[str, Any]
):
    channel = shop.channel("sendgrid", **limit)
    shop.owe(channel, 60)
    limits.open_book(channel.pk)
    for _round in range(5):
        Delivery.objects.update(state="queued", lease_until=None)
        ChannelHealth.objects.update(next_slot_at=None)
        taken = [pk for ids in at_once(4, lambda: take(START)) for pk in ids]
        assert 1 <= len(taken) == len(set(taken)) <= 7


# --- Without limits ----------------------------------------------------------------
@database
def test_a_channel_without_limits_asks_nothing_more(shop: Scene):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 20, urgent=True)
    take(START)
    with statements() as seen:
        take(START)
    assert len(seen) == 1  # which channels have work
    shop.owe(channel, 20, urgent=True)
    with statements() as seen:
        assert len(take(timezone.now())) == 20
    assert len(seen) == 3  # the same, and a claim of each lane
    assert not ChannelHealth.objects.exists()
    assert not ChannelDay.objects.exists()


@database
def test_the_counters_of_a_channel_go_with_it(shop: Scene):
    channel = shop.channel("sendgrid", max_per_second=1)
    shop.owe(channel, 1)
    take(START)
    assert ChannelHealth.objects.get().next_slot_at == START + timedelta(seconds=1)
    assert Notification.objects.count() == 1
