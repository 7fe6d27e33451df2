"""A provider that asks us to slow down rests as long as told, in all workers; the others go on."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.failures import FailureKind, SendError
from channels_app.models import ChannelEvent, ChannelHealth
from notifications import calling, context, lanes, outcomes, resting
from notifications.lanes import Lanes
from notifications.models import Attempt, Decision, Delivery, Notification
from notifications.outcomes import Result
from notifications.passing_on import pass_on
from notifications.pump import Pump
from notifications.resting import rest_until
from notifications.taking import Taker, look
from orders.models import StatusChange
from tests.engine.backlog import Scene, scene
from tests.factories import OrderFactory

START = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
database = pytest.mark.django_db(transaction=True)
THROTTLED = FailureKind.THROTTLED


@pytest.fixture
def clock(travel: Any) -> Any:
    return travel(START)


@pytest.fixture
def shop(sandbox: Any, clock: Any) -> Scene:
    return scene(sandbox)


def throttle(shop: Scene, provider: str, **fault: Any) -> None:
    assert shop.sandbox is not None
    shop.sandbox.set_fault(provider, "status", status=429, **fault)


def resting_for() -> float | None:
    until = ChannelHealth.objects.get().resting_until
    return until and (until - START).total_seconds()


# --- How long --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (0.0, 1.0),
        (-9.0, 1.0),
        (0.2, 1.0),
        (30.0, 30.0),
        (900.0, 900.0),
        (1e9, 900.0),
        (float("inf"), 900.0),
    ],
)
def test_as_long_as_told_within_reason(told: float, seconds: float):
    until = rest_until(SendError(THROTTLED, "429", retry_after=told), 0, START)
    assert until == START + timedelta(seconds=seconds)


@given(tries=st.integers(0, 50), told=st.none() | st.just(float("nan")))
def test_untold_it_grows_and_stays_within_a_quarter_of_an_hour(tries: int, told: float | None):
    wait = (
        rest_until(SendError(THROTTLED, retry_after=told), tries, START) - START
    ).total_seconds()
    assert min(2 ** min(tries, 9), 450) <= wait <= min(2 * 2 ** min(tries, 12), 900)


# --- Nothing earlier than told ---------------------------------------------------
@database
def test_no_request_leaves_earlier_than_told(shop: Scene, clock: Any):
    channel = shop.channel("sendgrid", max_in_flight=4)
    shop.owe(channel, 40)
    throttle(shop, "sendgrid", retry_after=30, count=4)
    Pump().drain()
    asked = Attempt.objects.count()
    assert asked <= 4  # those that were under way when the first answer came
    assert resting_for() == 30
    for _second in range(29):
        clock.shift(1)
        Pump().drain()
    assert Attempt.objects.count() == asked
    clock.shift(1)
    Pump().drain()
    assert shop.sent(channel) == 40
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


@database
def test_what_was_ready_goes_back_when_the_first_of_them_is_throttled(
    shop: Scene, monkeypatch: pytest.MonkeyPatch
):
    """The pump holds more than fly: none of these may follow once an answer has come."""
    channel = shop.channel("sendgrid")
    rows = shop.owe(channel, 90)
    calls = []

    async def one_by_one(*_args: Any) -> Any:
        calls.append(1)
        await asyncio.sleep(0)
        raise SendError(THROTTLED, "429", "Too many requests.", retry_after=60)

    monkeypatch.setattr(calling, "send", one_by_one)
    Pump().drain()
    assert len(calls) == channel.limit < len(rows)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"queued"}
    back = Delivery.objects.filter(due_at=START + timedelta(seconds=60)).count()
    assert back == len(calls)
    assert resting_for() == 60


@database
def test_all_workers_leave_a_resting_account_alone_and_only_that_one(shop: Scene, clock: Any):
    rests, works = shop.channel("sendgrid"), shop.channel("sendgrid")
    shop.owe(rests, 5)
    shop.owe(works, 5)
    resting_job = context.load([Delivery.objects.filter(channel=rests).first().pk])  # type: ignore[union-attr]
    resting.rest([(resting_job[0], SendError(THROTTLED, retry_after=10))], START)
    assert ({one.channel.pk for one in look(START)[0]}, look(START)[1]) == ({works.pk}, {rests.pk})
    taken = Taker().take(Lanes(), {}, START)
    assert set(Delivery.objects.filter(pk__in=taken).values_list("channel", flat=True)) == {
        works.pk
    }
    later = START + timedelta(seconds=10)
    assert {one.channel.pk for one in look(later)[0]} == {rests.pk}


@database
def test_another_workers_rest_stops_what_is_ready_here(
    shop: Scene, monkeypatch: pytest.MonkeyPatch
):
    """It is seen with the next look, which comes every few milliseconds while calls are made."""
    channel = shop.channel("sendgrid", max_in_flight=None)
    shop.owe(channel, 200)
    calls = []

    async def slow(*_args: Any) -> Any:
        calls.append(1)
        if len(calls) == channel.limit:  # all that fly: now another process is told to wait
            until = START + timedelta(seconds=60)
            await asyncio.to_thread(_rest, channel.pk, until)
        for _wait in range(2_000):
            await asyncio.sleep(0.01)
            if channel.pk in work._lanes.resting:
                break
        raise SendError(FailureKind.TRANSIENT, "500", "A hiccup.")

    monkeypatch.setattr(lanes, "TRUE_FOR", 60.0)
    monkeypatch.setattr(calling, "send", slow)
    work = Pump()
    work.drain()
    assert len(calls) == channel.limit


def _rest(channel_id: int, until: datetime) -> None:
    ChannelHealth.objects.update_or_create(channel_id=channel_id, defaults={"resting_until": until})


@database
def test_the_longest_wish_counts_and_a_series_is_one_event(shop: Scene):
    channel = shop.channel("sendgrid")
    jobs = context.load([one.pk for one in shop.owe(channel, 3)])
    told = [SendError(THROTTLED, retry_after=seconds) for seconds in (20.0, 90.0, 5.0)]
    until = resting.rest(list(zip(jobs, told, strict=True)), START)
    assert until == {channel.pk: START + timedelta(seconds=90)}
    assert resting.rest([(jobs[0], told[0])], START) == until
    later = START + timedelta(seconds=95)
    resting.rest([(jobs[0], told[0])], later)
    assert resting_for() == 115
    event = ChannelEvent.objects.get()
    assert (event.kind, event.detail) == (
        "throttled",
        "The provider asks us to slow down: nothing is sent for 90 s.",
    )


# --- What becomes of the message -------------------------------------------------
@database
def test_being_throttled_uses_up_no_tries(shop: Scene, clock: Any):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 1, useful=timedelta(hours=6))
    throttle(shop, "sendgrid", retry_after=5)
    for _round in range(20):
        Pump().drain()
        clock.shift(5)
    assert Attempt.objects.filter(ending="throttled").count() == 20
    shop.sandbox.clear()  # type: ignore[union-attr]
    Pump().drain()
    assert shop.sent(channel) == 1


@database
def test_what_would_come_too_late_takes_the_next_way_at_once(shop: Scene):
    sms, email = shop.channel("twilio"), shop.channel("sendgrid")
    route = {"family": "email", "channel": email.pk, "address": "ada@example.com"}
    shop.owe(sms, 1, routes=[route], useful=timedelta(minutes=5))
    throttle(shop, "twilio", retry_after=600)
    Pump().drain()
    assert (shop.sent(sms), shop.sent(email)) == (0, 1)


@database
def test_what_waits_behind_a_long_rest_takes_the_next_way_while_there_is_time(shop: Scene):
    """Only those that would be too late, and that have another way; none of them waits it out."""
    sms, email = shop.channel("twilio"), shop.channel("sendgrid")
    route = {"family": "email", "channel": email.pk, "address": "ada@example.com"}
    (job,) = context.load([one.pk for one in shop.owe(sms, 1, useful=timedelta(hours=6))])
    resting.rest([(job, SendError(THROTTLED, retry_after=600))], START)
    late = shop.owe(sms, 3, routes=[route], useful=timedelta(minutes=8))
    shop.owe(sms, 2, routes=[route], useful=timedelta(minutes=11))
    shop.owe(sms, 2, useful=timedelta(minutes=8))
    assert pass_on(START) == 3
    assert pass_on(START) == 0
    Pump().drain()
    assert (shop.sent(sms), shop.sent(email)) == (0, 3)
    told = Decision.objects.filter(reason="channel_rests")
    assert {one.delivery_id for one in told} == {one.pk for one in late}
    assert told[0].sentence == (
        "Channel Twilio was asked by its provider to wait until 17:15:00 UTC, too late "
        "for this message."
    )


@database
def test_what_became_untrue_meanwhile_is_not_passed_on(shop: Scene):
    sms, email = shop.channel("twilio"), shop.channel("sendgrid")
    route = {"family": "email", "channel": email.pk, "address": "ada@example.com"}
    rows = shop.owe(sms, 1, routes=[route], useful=timedelta(minutes=8))
    resting.rest([(context.load([rows[0].pk])[0], SendError(THROTTLED, retry_after=600))], START)
    order = OrderFactory(is_test=True)
    change = StatusChange.objects.create(
        order=order, brand=order.brand, fact="status", status="ready", occurred_at=START
    )
    Notification.objects.update(change=change, order=order)
    Delivery.objects.update(order=order)
    assert pass_on(START) == 1
    assert Delivery.objects.get().state == "cancelled"
    assert Decision.objects.get().reason == "test_order"


@database
def test_a_provider_that_rests_is_not_asked_about_messages_of_unknown_fate(
    shop: Scene, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    channel = shop.channel("twilio")
    (row,) = shop.owe(channel, 1)
    asked = []

    async def look_up(*_args: Any) -> Any:
        asked.append(1)
        raise SendError(THROTTLED, "429", retry_after=120)

    monkeypatch.setattr(calling, "look_up", look_up)
    unknown = Delivery.objects.filter(pk=row.pk)
    unknown.update(state="unknown", lease_until=START, claimed_at=START)
    Pump().drain()
    assert (len(asked), resting_for()) == (1, 120)  # the look-up itself was throttled
    clock.shift(60)
    Pump().drain()
    assert len(asked) == 1
    assert unknown.get().reason == "Its provider rests."
    clock.shift(61)
    Pump().drain()
    assert len(asked) == 2


@database
def test_a_result_that_comes_too_late_to_count_still_lets_the_account_rest(shop: Scene):
    channel = shop.channel("sendgrid")
    (job,) = context.load([one.pk for one in shop.owe(channel, 1)])
    Delivery.objects.update(state="delivered")
    outcomes.settle([Result(job, SendError(THROTTLED, retry_after=40))], START)
    assert Delivery.objects.get().state == "delivered"
    assert resting_for() == 40


# --- The others ------------------------------------------------------------------
@pytest.fixture
def running() -> Any:
    """`running()` starts one more pump of this process; all are stopped at the end."""
    pumps: list[Pump] = []

    def start() -> Pump:
        pumps.append(Pump())
        pumps[-1].start()
        return pumps[-1]

    yield start
    stops = [threading.Thread(target=one.stop, args=(30.0,)) for one in pumps]
    for one in stops:
        one.start()
    for one in stops:
        one.join(40)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


@database
def test_one_that_hangs_one_that_throttles_and_one_at_its_limit_cost_the_others_nothing(
    sandbox: Any, settings: Any, running: Callable[[], Pump]
):
    """By the order of events: all of the healthy one's are told before a hung call is given up."""
    settings.SEND_TIMEOUT_SECONDS = 8.0
    shop = scene(sandbox)
    hangs, throttles = shop.channel("twilio"), shop.channel("sendgrid")
    limited, works = shop.channel("telegram", max_per_second=0.01), shop.channel("slack")
    sandbox.set_fault("twilio", "hang")
    throttle(shop, "sendgrid", retry_after=600)
    for channel in (hangs, throttles, limited, works):
        shop.owe(channel, 300)
    running()
    until(lambda: shop.sent(works) == 300)
    assert not Attempt.objects.filter(channel=hangs).exists()
    assert shop.sent(throttles) == 0
    assert Attempt.objects.filter(channel=throttles).count() <= throttles.limit
    assert shop.sent(limited) <= 1
