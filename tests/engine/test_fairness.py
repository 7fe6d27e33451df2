"""Out of a backlog: urgent first, store by store, soonest worthless first; at a constant cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import taking
from notifications.choosing import NEWEST, OLDEST, Waiting, claim_fairly, in_fair_order
from notifications.lanes import Lanes
from notifications.models import Decision, Delivery
from notifications.pump import Pump
from notifications.taking import FAIR_TURN, Taker
from tests.engine.backlog import Scene, plans, scene, statements

START = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
STORM = 2_000  # more than is looked at
database = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock(travel: Any) -> Any:
    return travel(START)


@pytest.fixture
def shop(clock: Any) -> Scene:
    return scene()


def ids(rows: list[Delivery]) -> list[int]:
    return [row.pk for row in rows]


# --- The order -------------------------------------------------------------------
waiting = st.builds(
    Waiting, st.integers(1, 10_000), st.integers(0, 4), st.integers(0, 50), st.just(False)
)


@given(st.lists(waiting, unique_by=lambda one: one.delivery_id, max_size=80))
def test_each_store_has_its_turn_and_its_own_soonest_first(rows: list[Waiting]):
    order = in_fair_order(rows)
    by_id = {row.delivery_id: row for row in rows}
    assert sorted(order) == sorted(by_id)
    stores = [by_id[pk].store_id for pk in order]
    for index, store in enumerate(stores):
        waits = {other for other in stores[index:] if other != store}
        # Nobody has been served more than once more often than one who still waits.
        served = stores[:index].count(store)
        assert all(stores[:index].count(other) >= served for other in waits)
    for store in set(stores):
        moments = [by_id[pk].useful_until for pk in order if by_id[pk].store_id == store]
        assert moments == sorted(moments)


# --- A storm ---------------------------------------------------------------------
@database
@pytest.mark.parametrize("limit", [{"max_per_second": 10}, {"max_in_flight": 10}])
def test_a_storm_of_one_store_does_not_hold_up_another_on_a_limited_channel(
    shop: Scene, limit: dict[str, Any]
):
    channel = shop.channel("sendgrid", **limit)
    here, there = shop.stores
    shop.owe(channel, STORM, store=here, urgent=True, useful=timedelta(hours=48))
    other = shop.owe(channel, 1, store=there, urgent=True, useful=timedelta(minutes=20))
    assert Taker().take(Lanes(), {}, START)[0] == other[0].pk


@database
def test_a_storm_of_one_store_does_not_hold_up_another_on_a_channel_without_limits(
    shop: Scene,
):
    channel = shop.channel("sendgrid")
    here, there = shop.stores
    shop.owe(channel, STORM, store=here, urgent=True, useful=timedelta(hours=48))
    worker = Taker()
    for _claim in range(3):
        assert worker.take(Lanes(), {}, START)
    other = shop.owe(channel, 1, store=there, urgent=True, useful=timedelta(minutes=20))
    for _claim in range(FAIR_TURN):
        got = worker.take(Lanes(), {}, START)
        if other[0].pk in got:
            break
    else:
        raise AssertionError("It was held up by the storm.")
    assert got[0] == other[0].pk
    assert Delivery.objects.filter(state="queued").exists()


@database
def test_a_storm_of_ordinary_messages_never_holds_up_an_urgent_one(shop: Scene):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 1_000)
    worker = Taker()
    worker.take(Lanes(), {}, START)
    urgent = shop.owe(channel, 3, urgent=True)
    assert set(worker.take(Lanes(), {}, START)[:3]) == set(ids(urgent))


@database
def test_a_storm_that_nobody_else_is_in_is_drained_whole_and_once(sandbox: Any, clock: Any):
    shop = scene(sandbox)
    channel = shop.channel("sendgrid")
    shop.owe(channel, 600, urgent=True)
    Pump().drain()
    assert shop.sent(channel) == len(sandbox.messages("sendgrid")) == 600


# --- Recovery --------------------------------------------------------------------
@database
def test_after_an_outage_what_is_soonest_worthless_goes_first(shop: Scene, clock: Any):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 300, useful=timedelta(hours=6))
    soon = shop.owe(channel, 20, useful=timedelta(minutes=30))
    clock.shift(600)
    now = START + timedelta(minutes=10)
    worker = Taker()
    assert not set(worker.take(Lanes(), {}, now)) & set(ids(soon))  # it does not know yet
    assert worker.take(Lanes(), {}, now)[:20] == ids(soon)


@database
def test_stale_ones_end_without_a_request_and_the_others_are_sent(sandbox: Any, clock: Any):
    shop = scene(sandbox)
    channel = shop.channel("sendgrid")
    stale = shop.owe(channel, 450, useful=timedelta(minutes=10))
    fresh = shop.owe(channel, 50, useful=timedelta(hours=6))
    clock.shift(3600)
    Pump().drain()
    states = dict(Delivery.objects.values_list("id", "state"))
    assert {states[pk] for pk in ids(stale)} == {"expired"}
    assert {states[pk] for pk in ids(fresh)} == {"sent"}
    assert len(sandbox.messages("sendgrid")) == 50
    assert Decision.objects.filter(reason="expired").count() == 450


@database
def test_a_channel_that_has_caught_up_is_claimed_the_cheap_way_again(shop: Scene, clock: Any):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 250)
    clock.shift(60)
    now = START + timedelta(seconds=60)
    worker = Taker()
    while worker.take(Lanes(), {}, now):
        pass
    shop.owe(channel, 5)
    with statements() as seen:
        assert len(worker.take(Lanes(), {}, now)) == 5
    assert len(seen) == 3


# --- The cost --------------------------------------------------------------------
@database
def test_only_the_ends_of_the_queue_are_looked_at_by_its_index(shop: Scene):
    channel = shop.channel("sendgrid")
    shop.owe(channel, OLDEST + NEWEST + 200)
    with plans() as seen:
        taken = claim_fairly(channel.pk, 50, START)
    assert len(taken.live) == 50
    ends = [plan for plan in seen if "notifications_notification" in plan or "UNION" in plan]
    assert ends
    assert all("delivery_due" in plan for plan in ends)
    assert not any("Seq Scan on notifications_delivery" in plan for plan in seen)


@database
def test_two_that_choose_the_same_take_each_only_once(shop: Scene):
    channel = shop.channel("sendgrid")
    shop.owe(channel, 30)
    first = claim_fairly(channel.pk, 20, START)
    from_before = taking.claim_fairly(channel.pk, 20, START)
    assert not set(first.live) & set(from_before.live)
    assert len(first.live) + len(from_before.live) == 30
