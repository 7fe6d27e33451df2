"""Accounts of one kind share the messages, stand in for each other, and their shares follow."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_app.contract import Receipt, ReceiptStatus
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelEvent, ChannelHealth, ChannelMinute
from notifications import balancing, failover, library, outcomes, receipts, unknown
from notifications.balancing import Record
from notifications.models import Decision, Delivery, Incident, Notification
from notifications.owing import pick_channel
from orders.models import Order
from orders.timeline import set_status
from tests.engine.accounts import (
    NOON,
    Accounts,
    ask,
    email_route,
    fail,
    health,
    job_of,
    open_accounts,
    owe,
    revoked,
    settle,
)
from tests.engine.test_together import together
from tests.factories import BrandFactory, ChannelFactory
from tests.journeys.shop import PHONE, Shop, open_shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State
# A busy machine draws slowly; that says nothing of what is tested.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture
def clock(travel: Any) -> Any:
    return travel(NOON)


@pytest.fixture
def scene(clock: Any) -> Accounts:
    return open_accounts()


def share_of(channel: Channel, value: int) -> None:
    ChannelHealth.objects.update_or_create(channel=channel, defaults={"share": value})
    library.clear()


def weights(**values: int) -> list[Channel]:
    """Accounts with these weights, first one first."""
    brand = BrandFactory().pk
    return [ChannelFactory(brand_id=brand, name=name, weight=w) for name, w in values.items()]


def draws(channels: list[Channel], times: int = 2000) -> Counter[str]:
    found = (pick_channel(channels, "phone", timezone.now(), key) for key in range(times))
    return Counter(one.name for one in found if one is not None)


# --- The choice -------------------------------------------------------------------------


def test_an_order_keeps_its_sender_and_all_orders_follow_the_weights(clock: Any):
    channels = weights(one=300, two=100)
    first, again = draws(channels), draws(channels[::-1])
    assert first == again
    assert 1400 < first["one"] < 1600
    assert first["one"] + first["two"] == 2000


def test_a_share_that_shrinks_moves_only_orders_of_that_account(clock: Any):
    channels = weights(one=100, two=100, three=100)
    before = [pick_channel(channels, "phone", timezone.now(), key) for key in range(500)]
    share_of(channels[0], 90)
    after = [pick_channel(channels, "phone", timezone.now(), key) for key in range(500)]
    moved = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert 0 < len(moved) < 50
    assert {a for a, _b in moved} == {channels[0]}


def test_weight_nought_and_a_later_position_are_for_when_the_others_fail(clock: Any):
    one, two, three = weights(one=100, two=0, three=100)
    three.position = 200
    assert set(draws([one, two, three], 50)) == {"one"}
    paused = timezone.now() + timedelta(minutes=5)
    one.paused_until = paused
    assert set(draws([one, two, three], 50)) == {"three"}
    three.paused_until = paused
    assert set(draws([one, two, three], 50)) == {"two"}
    two.paused_until = paused
    assert set(draws([one, two, three], 50)) == {"one"}


def test_a_chat_or_a_push_subscription_belongs_to_the_account_it_was_made_with(clock: Any):
    brand = ChannelFactory().brand_id
    bots = [ChannelFactory(brand_id=brand, provider="telegram", name=str(n)) for n in range(2)]
    bots[0].paused_until = timezone.now() + timedelta(minutes=5)
    library.clear()
    picked = {pick_channel(bots, "telegram", timezone.now(), key) for key in range(30)}
    assert picked == {bots[0]}
    assert failover.stand_in(bots[0], 1, timezone.now()) is None


def test_an_account_that_rests_for_long_is_not_chosen(clock: Any):
    channels = weights(one=100, two=1)
    now = timezone.now()
    row = ChannelHealth.objects.create(channel=channels[0], resting_until=now + timedelta(hours=1))
    library.clear()
    assert set(draws(channels, 20)) == {"two"}
    row.resting_until = now + timedelta(seconds=5)
    row.save()
    library.clear()
    assert "one" in draws(channels, 20)


@PATIENT
@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(10, 100), st.booleans()), min_size=1, max_size=5
    ),
    st.integers(),
)
def test_there_is_always_a_channel_and_one_that_works_if_any_does(
    accounts: list[tuple[int, int, bool]], key: int
):
    now = timezone.now()
    channels = [
        Channel(pk=n, provider="twilio", weight=weight, paused_until=None if works else now + LONG)
        for n, (weight, _share, works) in enumerate(accounts)
    ]
    library._healths = (
        10.0**12,  # for good
        {n: ChannelHealth(channel_id=n, share=s) for n, (_w, s, _works) in enumerate(accounts)},
    )
    try:
        chosen = failover.choose(channels, key, now)
    finally:
        library.forget_healths()
    assert chosen is not None
    assert (chosen.paused_until is None) == any(works for *_rest, works in accounts)


LONG = timedelta(days=1)


# --- One stands in for another ------------------------------------------------------------


def test_an_account_that_does_not_work_hands_over_to_the_other_with_the_same_address(
    scene: Accounts,
):
    delivery = owe(scene, routes=[email_route(scene)])
    settle((delivery, revoked()))
    delivery.refresh_from_db()
    assert delivery.state == State.FAILED
    other = Delivery.objects.get(channel=scene.second)
    assert (other.state, other.address) == (State.QUEUED, delivery.address)
    assert other.contact_point == scene.phone
    note = Notification.objects.get()
    assert (note.state, len(note.routes)) == (Notification.State.OPEN, 1)
    words = Decision.objects.get(reason="failover").sentence
    assert words == (
        "Twilio one did not work (401 Authenticate); Twilio two takes over, to the same address."
    )
    assert Incident.objects.get().about == f"channel:{scene.first.pk}"


def test_after_both_accounts_the_next_family_takes_over(scene: Accounts):
    settle((owe(scene, routes=[email_route(scene)]), revoked()))
    Delivery.objects.filter(channel=scene.second).update(state=State.SENDING)
    settle((Delivery.objects.get(channel=scene.second), revoked()))
    assert Delivery.objects.get(channel=scene.email).state == State.QUEUED
    assert Delivery.objects.count() == 3


@pytest.mark.parametrize("kind", ["recipient_invalid", "opted_out", "content_rejected"])
def test_what_is_the_recipients_or_the_texts_fault_is_not_tried_by_another_account(
    scene: Accounts, kind: str
):
    settle((owe(scene, routes=[email_route(scene)]), SendError(FailureKind(kind), "x", "No.")))
    assert not Delivery.objects.filter(channel=scene.second).exists()
    assert Delivery.objects.filter(channel=scene.email).exists()


def test_an_unknown_fate_never_goes_to_another_account(scene: Accounts, clock: Any):
    delivery = owe(scene, routes=[email_route(scene)])
    settle((delivery, SendError(FailureKind.UNKNOWN, "timeout")))
    delivery.refresh_from_db()
    assert delivery.state == State.UNKNOWN
    unknown.again(job_of(delivery), "Sent again.", timezone.now())
    fail(scene, 5)
    Delivery.objects.filter(pk=delivery.pk).update(state=State.SENDING, claims=2)
    delivery.refresh_from_db()
    job, stop = ask(delivery)
    assert stop is not None
    assert stop.move_to is None
    assert stop.until is not None
    outcomes.stopped([(job, stop)], timezone.now())
    Delivery.objects.filter(pk=delivery.pk).update(state=State.SENDING)
    settle((Delivery.objects.get(pk=delivery.pk), revoked()))
    assert not Delivery.objects.filter(channel=scene.second).exists()


def test_while_one_is_open_its_queue_moves_to_the_other_without_a_new_delivery(scene: Accounts):
    fail(scene, 5)
    delivery = owe(scene, routes=[email_route(scene)])
    job, stop = ask(delivery)
    assert stop is not None
    outcomes.stopped([(job, stop)], timezone.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.channel, delivery.due_at) == (
        State.QUEUED,
        scene.second,
        timezone.now(),
    )
    words = Decision.objects.get(delivery=delivery)
    assert (words.verdict, words.reason) == ("send", "failover")
    assert "Twilio two takes over" in words.sentence


def test_a_switched_off_account_is_stood_in_for(scene: Accounts):
    delivery = owe(scene)
    Channel.objects.filter(pk=scene.first.pk).update(enabled=False)
    library.clear()
    _job, stop = ask(delivery)
    assert stop is not None
    assert stop.move_to == scene.second.pk


def test_a_long_throttle_hands_over_and_a_short_one_waits(scene: Accounts):
    short, long = owe(scene), owe(scene)
    settle((short, SendError(FailureKind.THROTTLED, "429", "", retry_after=10)))
    settle((long, SendError(FailureKind.THROTTLED, "429", "", retry_after=600)))
    short.refresh_from_db()
    assert short.state == State.QUEUED
    assert short.channel == scene.first
    other = Delivery.objects.get(channel=scene.second)
    assert other.notification_id == long.notification_id


def test_without_another_account_a_long_throttle_waits_too(scene: Accounts):
    Channel.objects.filter(pk=scene.second.pk).update(enabled=False)
    library.clear()
    delivery = owe(scene)
    settle((delivery, SendError(FailureKind.THROTTLED, "429", "", retry_after=600)))
    delivery.refresh_from_db()
    assert delivery.state == State.QUEUED


def test_a_receipt_that_blames_the_account_hands_over(scene: Accounts):
    delivery = owe(scene, state=State.SENT)
    told = Receipt(
        message_id="", ref=delivery.ref, status=ReceiptStatus.FAILED, failure=FailureKind.TRANSIENT
    )
    receipts.apply(scene.first, [told], timezone.now())
    assert Delivery.objects.get(channel=scene.second).state == State.QUEUED


def test_the_next_route_goes_by_an_account_that_works(scene: Accounts):
    """The route was chosen when the message was planned; by now its channel is left alone."""
    route = {**email_route(scene), "channel": scene.first.pk, "family": "sms"}
    route |= {"contact_point": scene.phone.pk, "address": scene.phone.address}
    fail(scene, 5)
    first = owe(scene, scene.email, routes=[route])
    settle((first, SendError(FailureKind.CONTENT_REJECTED, "x", "No.")))
    later = Delivery.objects.filter(notification_id=first.notification_id).latest("id")
    assert later.channel == scene.second


# --- Shares -------------------------------------------------------------------------------


def minute(channel: Channel, ago: int = 1, **counts: int) -> None:
    at = (timezone.now() - timedelta(minutes=ago)).replace(second=0, microsecond=0)
    ChannelMinute.objects.update_or_create(channel=channel, minute=at, defaults=counts)


@pytest.fixture
def pair(clock: Any) -> Any:
    """Two accounts with the same weight."""
    one, two = weights(one=100, two=100)
    library.clear()
    return SimpleNamespace(one=one, two=two)


def test_ten_points_at_a_time_move_away_from_an_account_that_fails(pair: Any, clock: Any):
    shares = []
    for _round in range(4):
        minute(pair.one, accepted=80, failed=20)
        minute(pair.two, accepted=100)
        balancing.balance(timezone.now())
        balancing.balance(timezone.now())  # two beats
        shares.append((health(pair.one).share, health(pair.two).share))
        clock.shift(60)
    assert shares == [(90, 100), (80, 100), (70, 100), (60, 100)]
    assert ChannelEvent.objects.filter(channel=pair.one, kind="share").last().detail == (  # type: ignore[union-attr]
        "20 of 100 calls failed in the last 10 min, and others do better: its share goes to 90 %."
    )


def test_it_keeps_a_tenth_so_that_there_is_something_to_judge_by(pair: Any, clock: Any):
    for _round in range(12):
        minute(pair.one, failed=50)
        minute(pair.two, accepted=50)
        balancing.balance(timezone.now())
        clock.shift(60)
    assert health(pair.one).share == 10


def test_a_slow_account_loses_share_and_not_when_all_are_slow(pair: Any, clock: Any):
    minute(pair.one, accepted=20, milliseconds=20 * 4000)
    minute(pair.two, accepted=20, milliseconds=20 * 3000)
    assert balancing.balance(timezone.now()) == 0
    minute(pair.two, accepted=20, milliseconds=20 * 300)
    assert balancing.balance(timezone.now()) == 1
    assert health(pair.one).share == 90


def test_messages_that_arrive_late_count_as_slow(pair: Any, clock: Any):
    minute(pair.one, delivered=20, delivered_seconds=20 * 300)
    minute(pair.two, delivered=20, delivered_seconds=20 * 8)
    balancing.balance(timezone.now())
    assert (health(pair.one).share, health(pair.two).share) == (90, 100)


def test_nothing_moves_when_all_fail(pair: Any, clock: Any):
    for channel in (pair.one, pair.two):
        minute(channel, accepted=5, failed=50)
    assert balancing.balance(timezone.now()) == 0


def test_too_few_calls_say_nothing(pair: Any, clock: Any):
    minute(pair.one, failed=9)
    assert balancing.balance(timezone.now()) == 0


def test_it_drifts_back_ten_points_every_five_minutes(pair: Any, clock: Any):
    for _round in range(2):
        minute(pair.one, failed=50)
        balancing.balance(timezone.now())
        clock.shift(60)
    assert health(pair.one).share == 80
    shares = []
    for _minute in range(12):
        balancing.balance(timezone.now())
        shares.append(health(pair.one).share)
        clock.shift(60)
    assert shares[-1] == 100
    assert shares.count(90) == 5
    assert shares.count(80) == 4


def test_what_led_to_one_step_leads_to_no_other(pair: Any, clock: Any):
    minute(pair.one, failed=50)
    for _minute in range(4):
        balancing.balance(timezone.now())
        clock.shift(60)
    assert health(pair.one).share == 90


def test_two_beats_at_once_move_one_step(pair: Any, clock: Any):
    minute(pair.one, failed=50)
    now = timezone.now()
    together(*[lambda: balancing.balance(now)] * 3)
    assert health(pair.one).share == 90
    assert ChannelEvent.objects.count() == 1


def test_an_account_on_its_own_and_rooms_are_left_alone(clock: Any):
    lonely = ChannelFactory()
    rooms = [ChannelFactory(brand_id=lonely.brand_id, provider="slack") for _ in range(2)]
    for channel in (lonely, *rooms):
        minute(channel, failed=50)
    assert balancing.balance(timezone.now()) == 0


@PATIENT
@given(st.lists(st.builds(Record, *[st.integers(0, 10**6)] * 5), min_size=2, max_size=5))
def test_not_all_accounts_are_ever_slow_only_by_comparison(records: list[Record]):
    reasons = [
        balancing._bad(one, [other for other in records if other is not one]) for one in records
    ]
    if all(reasons):
        assert any("failed" in why for why in reasons) or {why.split()[0] for why in reasons} == {
            "A",
            "Messages",
        }


# --- The whole way ------------------------------------------------------------------------


@pytest.fixture
def shop(sandbox: Any, client: Any, clock: Any) -> Shop:
    return open_shop(sandbox, client)


def second_account(shop: Shop) -> Channel:
    """Another Twilio account, known to the stand-in, that stands by."""
    known = shop.channels["twilio"]
    other = Channel.objects.create(
        brand_id=shop.brand.pk,
        slug="twilio-two",
        name="Twilio two",
        provider="twilio",
        weight=0,
        credentials=dict(known.credentials),
    )
    return other


def test_a_revoked_key_costs_the_customer_nothing_and_a_person_hears_of_it(shop: Shop):
    second_account(shop)
    first = shop.channels["twilio"]
    first.credentials = {**first.credentials, "auth_token": "0" * 32}
    first.save()
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    assert len(shop.texts("twilio", PHONE)) == 1
    assert shop.texts("sendgrid") == []
    states = dict(
        Delivery.objects.filter(channel__provider="twilio").values_list("channel", "state")
    )
    assert states[first.pk] == State.FAILED
    incident = Incident.objects.get(kind="channel")
    assert incident.channel == first
    assert "credentials" in incident.next_act
    for number in range(1002, 1012):
        shop.post(shopify_order(number), "orders/create")
    shop.pump()
    assert len(shop.texts("twilio", PHONE)) == 11
    assert Delivery.objects.filter(channel=first).count() == 1, "the revoked key was called again"


def test_a_dead_provider_is_called_a_few_times_and_everybody_is_told_by_email(
    shop: Shop, clock: Any
):
    shop.sandbox.set_fault("twilio", "status", status=500)
    for number in range(1001, 1041):
        shop.post(shopify_order(number), "orders/create")
    for _minute in range(10):
        shop.pump()
        clock.shift(60)
    shop.pump()
    assert set(Notification.objects.values_list("state", flat=True)) == {"done"}
    calls = shop.sandbox.stats()["twilio"]["requests"]
    assert calls < 120, "a dead provider is called again and again"
    assert health(shop.channels["twilio"]).breaker != "closed"
    shop.sandbox.faults.clear()
    clock.shift(900)
    set_status_of_all(shop)
    shop.pump()
    assert health(shop.channels["twilio"]).breaker == "closed"
    assert Incident.objects.get(kind="channel").state == "resolved"


def set_status_of_all(shop: Shop) -> None:
    for order in Order.objects.filter(brand=shop.brand)[:5]:
        set_status(order, "main", "ready", actor="kim", now=timezone.now())
