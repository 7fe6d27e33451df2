"""Many small facts become the right few messages, and none of them is forgotten."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications import library
from notifications.models import Attempt, Decision, Delivery, Notification, Rule
from notifications.pump import Pump
from orders.contract import Clock, Contact, Group, Line, OrderEvent
from orders.loading import Word
from orders.timeline import record
from tests.factories import RuleFactory
from tests.journeys.shop import PHONE, Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
FOODS = ("Margherita", "Cola", "Tiramisu", "Salad", "Bread")
KEYS = "ABCDE"
STEPS = ("preparing", "out_for_delivery", "delivered")
NAMED = re.compile(r"Parts? ([\d, ]+) of")


class Scene:
    """A split order, whose customer hears of it by one rule, and the clock."""

    def __init__(self, shop: Shop, clock: Any) -> None:
        self.shop, self.clock, self.number = shop, clock, 0

    def begin(self, parts: int, hold: int, events: tuple[str, ...] = STEPS) -> None:
        """Another order of so many parts, confirmed; nobody hears of that."""
        self.number += 1
        Rule.objects.filter(brand=self.shop.brand).delete()
        self.rule = RuleFactory(brand=self.shop.brand, events=list(events), hold_seconds=hold)
        self.shop.sandbox.clear()
        lines = [Line(str(n), name=FOODS[n], quantity="1") for n in range(parts)]
        groups = [
            Group(key=KEYS[n], status="confirmed", lines=[(str(n), "1")], method="delivery")
            for n in range(parts)
        ]
        self.event(groups=groups, lines=lines, contact=Contact(name="Ada", phone=PHONE))
        self.pump()

    def event(self, at: datetime | None = None, **more: Any) -> None:
        """The source says something that happened at `at`."""
        now = timezone.now()
        when = at or now
        event = OrderEvent(
            f"o{self.number}", "test", clock=Clock(at=when), occurred_at=when, **more
        )
        record([Word(event, self.shop.connection)], now)

    def move(self, part: str, status: str, at: datetime | None = None) -> None:
        """One part comes to `status`."""
        self.event(
            at, groups=[Group(key=part, status=status, clock=Clock(at=at or timezone.now()))]
        )

    def pump(self) -> None:
        library.clear()
        Pump().drain()

    def pass_time(self, seconds: float) -> None:
        """Let time go by, with a pump at each moment at which something is due."""
        end = timezone.now() + timedelta(seconds=seconds)
        self.pump()
        while (due := self.next_due()) is not None and due <= end:
            self.clock.move_to(max(due, timezone.now()))
            self.pump()
        self.clock.move_to(end)
        self.pump()

    def next_due(self) -> datetime | None:
        queued = Delivery.objects.filter(state="queued").order_by("due_at")
        return queued.values_list("due_at", flat=True).first()

    def texts(self) -> list[str]:
        return self.shop.texts("twilio", PHONE)

    def told_at(self) -> dict[str, datetime]:
        """Part -> when a message that names it left."""
        sent = Attempt.objects.filter(
            ending="accepted", delivery__order__external_id=f"o{self.number}"
        ).exclude(delivery__address="")
        found = {}
        for one in sent.filter(delivery__notification__audience="customer"):
            for number in NAMED.findall(one.text):
                for part in number.split(", "):
                    found[KEYS[int(part) - 1]] = one.started_at
        return found


@pytest.fixture
def scene(sandbox: Any, client: Any, travel: Any) -> Scene:
    clock = travel(START)
    return Scene(open_shop(sandbox, client), clock)


# --- Parts -----------------------------------------------------------------------
def test_two_parts_within_the_hold_are_one_message_that_lists_them(scene: Scene):
    scene.begin(3, hold=60)
    scene.move("A", "out_for_delivery")
    scene.pass_time(20)
    scene.move("C", "out_for_delivery")
    scene.pass_time(60)
    (text,) = scene.texts()
    assert "Parts 1, 3 of 3 of your order o1 (1 x Margherita, 1 x Tiramisu): on its way." in text


def test_the_first_part_waits_no_longer_because_a_second_one_came(scene: Scene):
    scene.begin(3, hold=60)
    scene.move("A", "out_for_delivery")
    scene.pass_time(50)
    scene.move("B", "out_for_delivery")
    scene.pass_time(10)
    assert len(scene.texts()) == 1


def test_a_message_that_was_taken_in_names_the_one_that_tells_of_it(scene: Scene):
    scene.begin(3, hold=60)
    for part in "AB":
        scene.move(part, "out_for_delivery")
        scene.pass_time(5)
    scene.pass_time(60)
    newer = Notification.objects.get(state="done")
    why = Decision.objects.get(reason="merged")
    older = why.notification
    assert older is not None
    assert why.inputs == {"newer_change": newer.change_id, "newer_notification": newer.pk}
    assert (older.state, newer.merged) == ("cancelled", [older.change_id])
    assert older.deliveries.get().state == "cancelled"
    assert why.sentence == (
        "Another part of the order came to “out_for_delivery” before this was sent: one message "
        "tells of both."
    )


def test_parts_of_one_batch_are_one_message_even_when_nothing_is_held(scene: Scene):
    scene.begin(3, hold=0, events=("ready",))
    for part in "ABC"[:2]:
        scene.move(part, "ready")
    scene.pump()
    (text,) = scene.texts()
    assert "Parts 1, 2 of 3" in text


def test_when_all_parts_come_to_a_step_the_message_is_about_the_whole_order(scene: Scene):
    scene.begin(2, hold=60)
    scene.move("A", "out_for_delivery")
    scene.pass_time(5)
    scene.move("B", "out_for_delivery")
    scene.pass_time(60)
    (text,) = scene.texts()
    assert "Your order o1 is on its way to you." in text
    assert "art 1" not in text


def test_when_all_parts_are_done_within_the_hold_only_the_whole_order_is_told_of(scene: Scene):
    scene.begin(3, hold=60)
    for part in "ABC":
        scene.move(part, "delivered")
        scene.pass_time(5)
    scene.pass_time(60)
    (text,) = scene.texts()
    assert "Your order o1 was delivered." in text


def test_a_part_that_has_moved_on_meanwhile_is_left_out(scene: Scene):
    scene.begin(3, hold=60)
    for part in "AB":
        scene.move(part, "out_for_delivery")
        scene.pass_time(1)
    scene.move("A", "delivered")
    scene.pass_time(120)
    onward, delivered = scene.texts()
    assert "Part 2 of 3 of your order o1 (1 x Cola) is on its way" in onward
    assert "Part 1 of 3 of your order o1 (1 x Margherita) was delivered" in delivered


def test_a_merged_message_of_which_nothing_is_true_any_more_is_not_sent(scene: Scene):
    scene.begin(3, hold=60, events=("out_for_delivery",))
    for part in "AB":
        scene.move(part, "out_for_delivery")
        scene.pass_time(1)
    for part in "AB":
        scene.move(part, "delivered")
    scene.pass_time(120)
    assert scene.texts() == []
    assert Decision.objects.filter(reason="no_longer_true").count() == 1


def test_a_partners_machine_hears_of_each_part(scene: Scene):
    scene.begin(3, hold=60)
    Rule.objects.update(audience="partner")
    library.clear()
    for part in "AB":
        scene.move(part, "out_for_delivery")
        scene.pass_time(1)
    assert not Decision.objects.filter(reason="merged").exists()


def test_five_part_shipments_over_two_hours_are_at_most_four_messages(scene: Scene):
    scene.begin(5, hold=1800)
    for part in KEYS:
        scene.move(part, "out_for_delivery")
        scene.pass_time(25 * 60)
    scene.pass_time(3600)
    assert [NAMED.findall(text) for text in scene.texts()] == [["1, 2"], ["3, 4"], ["5"]]


SLOW = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SLOW
@given(minutes=st.lists(st.integers(0, 120), min_size=5, max_size=5).map(sorted))
def test_whenever_five_parts_leave_each_is_told_in_time_and_in_at_most_four_messages(
    scene: Scene, minutes: list[int]
):
    scene.begin(5, hold=1800)
    begin, left = timezone.now(), {}
    for part, minute in zip(KEYS, minutes, strict=True):
        scene.pass_time((begin + timedelta(minutes=minute) - timezone.now()).total_seconds())
        scene.move(part, "out_for_delivery")
        left[part] = timezone.now()
    scene.pass_time(3600)
    assert 1 <= len(scene.texts()) <= 4
    told_at = scene.told_at()
    if set(told_at) == set():  # all five left at once: the message is about the whole order
        assert "Your order" in scene.texts()[0]
        return
    assert set(told_at) == set(KEYS)
    for part in KEYS:
        assert told_at[part] - left[part] <= timedelta(seconds=1800)


@SLOW
@given(
    upto=st.tuples(*[st.integers(0, 2)] * 2),
    order=st.permutations([(part, step) for part in "AB" for step in range(3)]),
)
def test_the_order_in_which_the_same_events_arrive_does_not_matter(
    scene: Scene, upto: tuple[int, int], order: list[tuple[str, int]]
):
    def tell(arrivals: list[tuple[str, int]]) -> set[str]:
        scene.begin(3, hold=120)
        begin = timezone.now()
        for part, step in arrivals:
            if step <= upto["AB".index(part)]:
                scene.pass_time(5)
                scene.move(part, STEPS[step], begin + timedelta(seconds=step + 1))
        scene.pass_time(600)
        return {text.replace(f"o{scene.number}", "") for text in scene.texts()}

    as_it_happened = sorted(order, key=lambda one: one[1])
    assert tell(order) == tell(as_it_happened)


# --- Steps -----------------------------------------------------------------------
@pytest.mark.parametrize("at_once", [True, False])
def test_preparing_ready_and_picked_up_within_five_seconds_are_one_message(
    scene: Scene, at_once: bool
):
    scene.begin(1, hold=8, events=("preparing", "ready", "picked_up"))
    for status in ("preparing", "ready", "picked_up"):
        scene.move("A", status)
        if not at_once:
            scene.pass_time(2)
    scene.pass_time(60)
    (text,) = scene.texts()
    assert ("picked up" in text) == at_once
    assert Decision.objects.filter(reason="obvious").count() == (0 if at_once else 1)


def test_picked_up_long_after_ready_is_told(scene: Scene):
    scene.begin(1, hold=8, events=("ready", "picked_up"))
    scene.move("A", "ready")
    scene.pass_time(600)
    scene.move("A", "picked_up")
    scene.pass_time(60)
    assert len(scene.texts()) == 2


def test_a_message_whose_hold_is_longer_than_it_is_useful_goes_out_at_its_end(scene: Scene):
    scene.begin(2, hold=3600)
    scene.move("A", "out_for_delivery")
    scene.pass_time(3600)
    assert len(scene.texts()) == 1
