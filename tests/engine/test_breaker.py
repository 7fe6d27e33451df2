"""A channel that fails is left alone, tried by one message, and used again; a person is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from channels_app.contract import Accepted, Receipt, ReceiptStatus
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelEvent, ChannelHealth, ChannelMinute
from notifications import breaker, channel_minutes, library, outcomes, receipts
from notifications.models import Decision, Delivery, Incident
from tests.engine.accounts import (
    NOON,
    Accounts,
    ask,
    email_route,
    fail,
    health,
    hiccup,
    open_accounts,
    owe,
    revoked,
    settle,
    succeed,
)
from tests.engine.test_together import together
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State
Breaker = ChannelHealth.Breaker


@pytest.fixture
def clock(travel: Any) -> Any:
    return travel(NOON)


@pytest.fixture
def scene(clock: Any) -> Accounts:
    """Only one account for text messages, so that nothing moves to another."""
    found = open_accounts()
    Channel.objects.filter(pk=found.second.pk).update(enabled=False)
    library.clear()
    return found


def kinds(channel: Channel) -> list[str]:
    return list(channel.events.order_by("id").values_list("kind", flat=True))


# --- Counting -------------------------------------------------------------------------


def test_a_batch_is_added_to_the_minute_of_its_channel_in_one_statement(
    scene: Accounts, clock: Any, django_assert_num_queries: Any
):
    tallies = {}
    for _round in range(2):
        calls = [
            (scene.first, False, Accepted("SM1"), 30),
            (scene.first, False, hiccup(), 50),
            (scene.first, False, SendError(FailureKind.THROTTLED, "429"), 10),
            (scene.email, False, SendError(FailureKind.UNKNOWN), 1000),
        ]
        tallies = channel_minutes.tally(calls)
        with django_assert_num_queries(1):
            channel_minutes.add(tallies, timezone.now())
    row = ChannelMinute.objects.get(channel=scene.first)
    assert (row.accepted, row.failed, row.throttled, row.milliseconds) == (2, 2, 2, 180)
    assert row.minute == timezone.now().replace(second=0, microsecond=0)
    clock.shift(60)
    channel_minutes.add(tallies, timezone.now())
    assert ChannelMinute.objects.filter(channel=scene.email).count() == 2


def test_two_processes_count_into_the_same_minutes(scene: Accounts):
    calls = [(one, False, Accepted(""), 5) for one in (scene.first, scene.email)]

    def count(order: int) -> None:
        for _ in range(10):
            channel_minutes.add(channel_minutes.tally(calls[::order]), timezone.now())

    together(lambda: count(1), lambda: count(-1))
    assert set(ChannelMinute.objects.values_list("accepted", flat=True)) == {20}


@pytest.mark.parametrize("kind", ["recipient_invalid", "opted_out", "content_rejected"])
def test_what_is_wrong_with_a_recipient_or_a_text_never_counts_against_the_channel(
    scene: Accounts, kind: str
):
    fail(scene, 12, SendError(FailureKind(kind), "21211", "No such number"))
    assert not ChannelMinute.objects.exists()
    assert health(scene.first).breaker == Breaker.CLOSED


def test_receipts_add_what_arrived_and_how_long_it_took(scene: Accounts, clock: Any):
    delivery = owe(scene)
    settle((delivery, Accepted("SM1")))
    clock.shift(42)
    for status in (ReceiptStatus.DELIVERED, ReceiptStatus.READ):
        told = [Receipt(message_id="SM1", status=status)]
        receipts.apply(scene.first, told, timezone.now())
    arrived = ChannelMinute.objects.filter(delivered__gt=0).values_list(
        "delivered", "delivered_seconds"
    )
    assert list(arrived) == [(1, 42)]


def test_old_minutes_are_forgotten(scene: Accounts, clock: Any):
    succeed(scene, 1)
    clock.shift(8 * 86_400)
    succeed(scene, 1)
    assert channel_minutes.forget(timezone.now()) == 1
    assert ChannelMinute.objects.count() == 1


# --- Opening --------------------------------------------------------------------------


def test_it_opens_when_five_calls_and_half_of_all_failed(scene: Accounts):
    succeed(scene, 5)
    fail(scene, 4)
    assert health(scene.first).breaker == Breaker.CLOSED
    fail(scene, 1)
    row = health(scene.first)
    assert (row.breaker, row.opened_times) == (Breaker.OPEN, 1)
    assert row.open_until == timezone.now() + timedelta(seconds=15)
    event = ChannelEvent.objects.get()
    assert event.kind == "opened"
    assert event.detail == (
        "5 of the last 10 calls failed. 503 Service unavailable. Not used for 15 s."
    )
    scene.first.refresh_from_db()
    assert scene.first.paused_until == row.open_until
    assert scene.first.paused_why == row.why


def test_a_few_failures_among_many_calls_are_the_weather(scene: Accounts):
    succeed(scene, 20)
    fail(scene, 8)
    assert health(scene.first).breaker == Breaker.CLOSED


def test_what_failed_long_ago_does_not_count(scene: Accounts, clock: Any):
    fail(scene, 4)
    clock.shift(180)
    fail(scene, 1)
    assert health(scene.first).breaker == Breaker.CLOSED


def test_an_account_that_does_not_work_is_left_alone_at_once_and_for_longer(scene: Accounts):
    delivery = owe(scene, routes=[email_route(scene)])
    settle((delivery, revoked()))
    row = health(scene.first)
    assert row.breaker == Breaker.OPEN
    assert row.open_until == timezone.now() + timedelta(minutes=4)
    assert Delivery.objects.get(channel=scene.email).state == State.QUEUED


def test_a_receipt_that_says_so_counts_like_an_answer(scene: Accounts):
    delivery = owe(scene, state=State.SENT)
    failed = Receipt(
        message_id="",
        ref=delivery.ref,
        status=ReceiptStatus.FAILED,
        failure=FailureKind.MISCONFIGURED,
        code="30002",
        detail="Account suspended",
    )
    receipts.apply(scene.first, [failed], timezone.now())
    assert health(scene.first).why == "30002 Account suspended"


def test_a_partner_that_fails_says_nothing_of_other_partners(scene: Accounts):
    channel = ChannelFactory(brand_id=scene.order.brand_id, provider="webhook")
    library.clear()
    settle(*[(owe(scene, channel), hiccup()) for _ in range(9)])
    settle((owe(scene, channel), revoked()))
    assert health(channel).breaker == Breaker.CLOSED
    assert Incident.objects.get(kind="channel").channel == channel


def test_two_processes_open_it_once(scene: Accounts):
    why, now = "5 of 5 calls failed.", timezone.now()
    together(*[lambda: breaker.trip(Channel.objects.get(pk=scene.first.pk), why, now)] * 2)
    assert health(scene.first).opened_times == 1
    assert ChannelEvent.objects.count() == 1


# --- Open -----------------------------------------------------------------------------


def test_while_it_is_open_what_can_wait_waits_and_what_is_urgent_takes_the_next_route(
    scene: Accounts,
):
    fail(scene, 5)
    patient = owe(scene, routes=[email_route(scene)])
    urgent = owe(scene, routes=[email_route(scene)], urgent=True)
    stops = [ask(one) for one in (patient, urgent)]
    outcomes.stopped([(job, stop) for job, stop in stops if stop], timezone.now())
    patient.refresh_from_db()
    urgent.refresh_from_db()
    assert (patient.state, patient.failure) == (State.QUEUED, breaker.WAITING)
    assert patient.due_at == timezone.now() + timedelta(seconds=15)
    assert urgent.state == State.CANCELLED
    assert Delivery.objects.get(channel=scene.email).notification_id == urgent.notification_id
    words = Decision.objects.get(delivery=patient)
    assert words.verdict == "defer"
    assert "5 of the last 5 calls failed" in words.sentence


def test_what_would_be_no_news_by_then_takes_the_next_route(scene: Accounts):
    fail(scene, 5)
    _job, stop = ask(owe(scene, routes=[email_route(scene)], useful=timedelta(seconds=10)))
    assert stop is not None
    assert stop.next_route


def test_nobody_waits_for_a_long_pause_while_there_is_another_way(scene: Accounts):
    settle((owe(scene), revoked()))
    _job, stop = ask(owe(scene, routes=[email_route(scene)]))
    assert stop is not None
    assert stop.next_route
    _job, stop = ask(owe(scene))
    assert stop is not None
    assert stop.until == timezone.now() + timedelta(minutes=4)


def test_late_answers_to_what_was_under_way_change_nothing(scene: Accounts):
    late = [owe(scene) for _ in range(6)]
    fail(scene, 5)
    settle(*[(one, hiccup()) for one in late])
    assert health(scene.first).opened_times == 1
    assert kinds(scene.first) == ["opened"]


# --- Half open ------------------------------------------------------------------------


def test_when_the_pause_is_over_exactly_one_message_tries_and_success_lets_all_go(
    scene: Accounts, clock: Any
):
    fail(scene, 5)
    early = owe(scene)
    job, stop = ask(early)
    assert stop is not None
    outcomes.stopped([(job, stop)], timezone.now())
    clock.shift(15)
    library.clear()  # the process that asks is another one
    one, two = owe(scene), owe(scene)
    probe, passed = ask(one)
    assert passed is None
    assert probe.probe
    other, held = ask(two)
    assert held is not None
    assert not other.probe
    assert held.until is not None
    outcomes.stopped([(other, held)], timezone.now())
    settle((probe, Accepted("SM9")))
    row = health(scene.first)
    assert (row.breaker, row.open_until, row.why) == (Breaker.CLOSED, None, "")
    assert kinds(scene.first) == ["opened", "probe", "closed"]
    scene.first.refresh_from_db()
    assert scene.first.paused_until is None
    for waiting in (early, two):
        waiting.refresh_from_db()
        assert (waiting.state, waiting.due_at) == (State.QUEUED, timezone.now())


def test_a_try_in_vain_opens_it_for_twice_as_long_up_to_a_quarter_of_an_hour(
    scene: Accounts, clock: Any
):
    fail(scene, 5)
    pauses = []
    for _round in range(8):
        until = health(scene.first).open_until
        assert until is not None
        pauses.append(int((until - timezone.now()).total_seconds()))
        clock.move_to(until)
        library.clear()
        probe, stop = ask(owe(scene, useful=timedelta(hours=9)))
        assert stop is None
        settle((probe, SendError(FailureKind.UNKNOWN, "timeout", "No answer came in time.")))
    assert pauses == [15, 30, 60, 120, 240, 480, 900, 900]
    assert "tried in vain" in ChannelEvent.objects.filter(kind="opened").first().detail  # type: ignore[union-attr]


def test_two_processes_let_one_message_try(scene: Accounts, clock: Any):
    fail(scene, 5)
    clock.shift(16)
    library.clear()
    found: list[bool] = []
    now = timezone.now()
    together(*[lambda: found.append(breaker.admit(scene.first, now)[1])] * 4)
    assert sorted(found) == [False, False, False, True]


def test_a_try_that_is_never_heard_of_again_is_repeated(scene: Accounts, clock: Any, settings: Any):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    assert ask(owe(scene))[0].probe
    clock.shift(settings.SEND_TIMEOUT_SECONDS + 4)
    library.clear()
    assert not ask(owe(scene))[0].probe
    clock.shift(1)
    library.clear()
    assert ask(owe(scene))[0].probe


def test_an_answer_about_the_recipient_shows_that_the_channel_works(scene: Accounts, clock: Any):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    probe, _stop = ask(owe(scene))
    settle((probe, SendError(FailureKind.RECIPIENT_INVALID, "21211", "No such number")))
    assert health(scene.first).breaker == Breaker.CLOSED


def test_a_message_that_could_not_even_be_written_lets_the_next_one_try(
    scene: Accounts, clock: Any
):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    probe, _stop = ask(owe(scene))
    settle((probe, SendError(FailureKind.CONTENT_REJECTED, "prepare")), ms=0)
    assert ask(owe(scene))[0].probe


def test_soon_after_it_closed_old_failures_do_not_open_it_again(scene: Accounts, clock: Any):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    probe, _stop = ask(owe(scene))
    settle((probe, Accepted("SM1")))
    fail(scene, 1)
    assert health(scene.first).breaker == Breaker.CLOSED
    fail(scene, 5)
    assert health(scene.first).open_until == timezone.now() + timedelta(seconds=30)


def test_after_a_calm_while_the_pauses_begin_anew(scene: Accounts, clock: Any):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    probe, _stop = ask(owe(scene))
    settle((probe, Accepted("SM1")))
    clock.shift(301)
    fail(scene, 5)
    assert health(scene.first).open_until == timezone.now() + timedelta(seconds=15)


# --- People ---------------------------------------------------------------------------


def test_a_person_is_told_once_however_often_it_fails_and_hears_when_it_works(
    scene: Accounts, clock: Any
):
    fail(scene, 5)
    for _round in range(3):
        clock.move_to(health(scene.first).open_until)
        library.clear()
        probe, _stop = ask(owe(scene))
        settle((probe, hiccup()))
    incident = Incident.objects.get(kind="channel")
    assert (incident.kind, incident.about) == ("channel", f"channel:{scene.first.pk}")
    assert incident.title == "Twilio one does not work"
    assert incident.times_seen == 4
    assert incident.state == "open"
    clock.move_to(health(scene.first).open_until)
    library.clear()
    probe, _stop = ask(owe(scene))
    settle((probe, Accepted("SM1")))
    incident.refresh_from_db()
    assert incident.state == "resolved"
    assert "used again" in incident.resolved_why


def test_staff_use_it_again_before_its_time(scene: Accounts):
    settle((owe(scene), revoked()))
    waiting = owe(scene)
    job, stop = ask(waiting)
    assert stop is not None
    outcomes.stopped([(job, stop)], timezone.now())
    breaker.use_again(Channel.objects.get(pk=scene.first.pk), "kim", timezone.now())
    library.clear()
    waiting.refresh_from_db()
    assert waiting.due_at == timezone.now()
    assert ask(waiting)[1] is None
    assert health(scene.first).opened_times == 0
    assert Incident.objects.get(kind="channel").state == "resolved"
    assert ChannelEvent.objects.get(kind="resumed").detail.startswith("kim says")


def test_new_credentials_are_tried_by_the_next_message(scene: Accounts):
    assert not breaker.try_now(scene.first, "Its credentials were changed.", timezone.now())
    settle((owe(scene), revoked()))
    channel = Channel.objects.get(pk=scene.first.pk)
    assert breaker.try_now(channel, "Its credentials were changed.", timezone.now())
    library.clear()
    probe, stop = ask(owe(scene))
    assert stop is None
    assert probe.probe
    settle((probe, revoked()))
    assert health(scene.first).open_until == timezone.now() + timedelta(minutes=8)


def test_saving_a_channel_lets_the_next_message_try_and_keeps_a_longer_pause(scene: Accounts):
    settle((owe(scene), revoked()))
    channel = Channel.objects.get(pk=scene.first.pk)
    channel.credentials = {"auth_token": "new"}
    channel.save()
    assert health(channel).open_until == timezone.now()
    channel.refresh_from_db()
    assert channel.paused_until is None
    until = timezone.now() + timedelta(hours=2)
    channel.paused_until, channel.paused_why = until, "Stock-taking."
    channel.save()
    channel.refresh_from_db()
    assert channel.paused_until == until


def test_a_pause_of_staff_is_not_the_breakers_to_end(scene: Accounts, clock: Any):
    fail(scene, 5)
    clock.shift(15)
    library.clear()
    probe, _stop = ask(owe(scene))
    until = timezone.now() + timedelta(hours=2)
    Channel.objects.filter(pk=scene.first.pk).update(paused_until=until, paused_why="Stock-taking.")
    settle((probe, Accepted("SM1")))
    library.clear()
    _job, stop = ask(owe(scene, useful=timedelta(hours=9)))
    assert stop is not None
    assert stop.until == until
    assert "Stock-taking." in stop.sentence


# --- Any order of things ----------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order: at most one tries, and a channel that works is used."""

    def __init__(self) -> None:
        super().__init__()
        ChannelHealth.objects.all().delete()
        library.clear()
        self.channel = ChannelFactory()
        self.now = timezone.now()
        self.trying = False

    def _call(self, probe: bool, ending: Accepted | SendError) -> None:
        tallies = channel_minutes.tally([(self.channel, probe, ending, 10)])
        breaker.judge(tallies, self.now)
        channel_minutes.add(tallies, self.now)

    @rule()
    def a_message_goes_well_or_is_held(self) -> None:
        until, probe = breaker.admit(self.channel, self.now)
        assert until is None or until > self.now
        assert not (probe and self.trying)
        if probe:
            self.trying = True
        elif until is None:
            self._call(False, Accepted(""))

    @rule()
    def five_messages_fail(self) -> None:
        if breaker.admit(self.channel, self.now) == (None, False):
            for _ in range(5):
                self._call(False, hiccup())

    @precondition(lambda self: self.trying)
    @rule()
    def the_try_goes_well(self) -> None:
        self._call(True, Accepted(""))
        self.trying = False
        assert health(self.channel).breaker == Breaker.CLOSED

    @precondition(lambda self: self.trying)
    @rule()
    def the_try_fails(self) -> None:
        self._call(True, hiccup())
        self.trying = False
        assert health(self.channel).breaker == Breaker.OPEN

    @precondition(lambda self: not self.trying)
    @rule()
    def time_goes_by(self) -> None:
        self.now += timedelta(seconds=20)

    @invariant()
    def it_comes_back_in_time(self) -> None:
        row = health(self.channel)
        if row.breaker != Breaker.CLOSED:
            assert row.open_until is not None
            assert row.open_until <= self.now + timedelta(minutes=15)
            assert row.why
        assert row.opened_times >= 0


def test_any_order_of_things(db: None):
    AnyOrder.TestCase.settings = hypothesis_settings(
        max_examples=20,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    AnyOrder.TestCase("runTest").runTest()
