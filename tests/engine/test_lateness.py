"""Who should have been told by now: clocks per phase, store and source, and one incident each."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from notifications import defaults, lateness, library, pump
from notifications.config_export import export
from notifications.config_file import ConfigError, apply
from notifications.models import Expectation, Incident, PhaseTime, Rule
from notifications.views import board
from orders import hours
from orders.contract import Clock, Contact, Group, OrderEvent
from orders.loading import Word
from orders.models import Order, Store
from orders.timeline import record, set_status
from tests.factories import BrandFactory, MembershipFactory
from tests.journeys.shop import PHONE, Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
FIVE = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)  # 17:00 at the store, a Saturday


def at(clock: str, day: int = 21) -> datetime:
    """That time at the store, in UTC."""
    hour, minute = clock.split(":")
    local = datetime(2026, 11, day, int(hour), int(minute), tzinfo=ZoneInfo("America/New_York"))
    return local.astimezone(UTC)


@pytest.fixture
def shop(sandbox: Any, client: Any, travel: Any) -> Shop:
    travel(FIVE)
    shop = open_shop(sandbox, client)
    Rule.objects.filter(audience="staff").update(active=False)
    PhaseTime.objects.all().delete()
    return shop


def say(shop: Shop, *groups: Group, minute: int = 0, mode: str = "live", **more: Any) -> None:
    """The source tells of the order, `minute` minutes after five; planned at once."""
    moment = FIVE + timedelta(minutes=minute)
    event = OrderEvent(
        external_id="1",
        topic="update",
        clock=Clock(at=moment),
        display_number="#1042",
        fulfilment_type=more.pop("kind", "pickup"),
        contact=Contact(name="Ada", phone=PHONE),
        groups=groups,
        **more,
    )
    record([Word(event, shop.connection, mode=mode)], timezone.now())
    plan()


def plan() -> None:
    library.clear()
    pump.plan(200, timezone.now())


def phase(shop: Shop, minutes: int, status: str = "preparing", **more: Any) -> None:
    PhaseTime.objects.create(brand=shop.brand, status=status, minutes=minutes, **more)


def clock() -> Expectation:
    return Expectation.objects.get(closed_at__isnull=True)


def late(now: datetime) -> list[str]:
    lateness.raise_late(now)
    rows = Incident.objects.filter(kind="late").exclude(state="resolved")
    return [row.title for row in rows.order_by("id")]


# --- Which clock runs -------------------------------------------------------------
def test_a_phase_has_its_time_and_the_most_particular_row_counts(shop: Shop, travel: Any) -> None:
    say(shop, Group(status="preparing"))
    assert not Expectation.objects.exists()
    for minute, (minutes, more) in enumerate(
        (
            (50, {}),
            (40, {"fulfilment_type": "pickup"}),
            (30, {"source": "shopify"}),
            (20, {"store": shop.store}),
            (10, {"store": shop.store, "source": "shopify"}),
        ),
        1,
    ):
        phase(shop, minutes, **more)
        phase(shop, 5, source="square", fulfilment_type=f"x{minute}")
        for second, status in enumerate(("placed", "preparing")):
            travel(FIVE + timedelta(minutes=minute, seconds=second))
            set_status(Order.objects.get(), "main", status, actor="kim", now=timezone.now())
        plan()
        assert clock().due_at == timezone.now() + timedelta(minutes=minutes)
        assert clock().why == "phase"


def test_zero_minutes_mean_no_clock(shop: Shop) -> None:
    phase(shop, 45)
    phase(shop, 0, store=shop.store)
    say(shop, Group(status="preparing"))
    assert not Expectation.objects.exists()


def test_a_source_s_time_counts_before_the_phase_s(shop: Shop) -> None:
    phase(shop, 20)
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    assert (clock().due_at, clock().why) == (at("18:47"), "eta")


def test_what_was_told_counts_before_what_the_source_says_now(shop: Shop) -> None:
    say(shop, Group(status="confirmed", ready_at=at("18:40")))
    shop.pump()
    say(shop, Group(ready_at=at("18:43")), minute=1)
    assert (clock().due_at, clock().why) == (at("18:47"), "promise")


def test_a_new_time_counts_as_soon_as_it_is_being_told(shop: Shop) -> None:
    say(shop, Group(status="confirmed", ready_at=at("18:40")))
    shop.pump()
    say(shop, Group(ready_at=at("18:55")), minute=1)
    assert clock().due_at == at("19:02")
    shop.pump()
    say(shop, Group(status="preparing"), minute=2)
    assert (clock().due_at, clock().why) == (at("19:02"), "promise")


def test_a_promise_that_will_be_broken_untold_is_raised_at_once(shop: Shop) -> None:
    say(shop, Group(status="confirmed", ready_at=at("18:40")))
    shop.pump()
    Rule.objects.filter(slug="customer-updates").update(events=["confirmed"])
    say(shop, Group(ready_at=at("18:55")), minute=1)
    assert clock().why == "predicted"
    assert late(timezone.now()) == ["#1042 will be late: 18:40 was promised, now it is 18:55"]


def test_the_clock_of_a_phase_stands_still_while_the_store_is_closed(shop: Shop) -> None:
    Store.objects.update(hours={"sat": [["11:00", "17:10"]], "sun": [["12:00", "20:00"]]})
    phase(shop, 30)
    say(shop, Group(status="preparing"))
    assert clock().due_at == at("12:20", day=22)


@pytest.mark.parametrize("kind", ["test", "import", "replay", "reconcile"])
def test_tests_and_history_have_no_clock(shop: Shop, kind: str) -> None:
    phase(shop, 20)
    say(shop, Group(status="preparing"), mode=kind)
    assert not Expectation.objects.exists()


def test_a_test_order_has_no_clock(shop: Shop) -> None:
    phase(shop, 20)
    say(shop, Group(status="preparing"), test=True)
    assert not Expectation.objects.exists()


def test_what_should_have_been_over_long_ago_is_history(shop: Shop) -> None:
    say(shop, Group(status="preparing", ready_at=at("05:00", day=20)))
    assert not Expectation.objects.exists()


def test_an_order_that_is_brought_has_the_kitchen_s_time_first_and_then_the_courier_s(
    shop: Shop,
) -> None:
    times = {"ready_at": at("18:10"), "deliver_to": at("18:40")}
    say(shop, Group(status="preparing", method="delivery", **times), kind="delivery")
    assert clock().due_at == at("18:17")
    say(shop, Group(status="out_for_delivery"), minute=5, kind="delivery")
    assert clock().due_at == at("18:47")


def test_what_waits_to_be_picked_up_is_late_for_nobody(shop: Shop) -> None:
    say(shop, Group(status="preparing", ready_at=at("17:30")))
    say(shop, Group(status="ready"), minute=5)
    assert not Expectation.objects.filter(closed_at__isnull=True).exists()


def test_a_configuration_file_sets_the_times_and_an_export_says_them(shop: Shop) -> None:
    own = "{status: preparing, store: harbour, source: shopify, minutes: 25}"
    both = f"[{own}, {{status: placed, minutes: 9}}]"
    text = f"brands: [{{slug: trattoria, phase_times: {both}}}]"
    assert apply(text, "times.yaml", {}).created == 2
    assert apply(text, "times.yaml", {}).unchanged == 3
    say(shop, Group(status="preparing"))
    assert clock().due_at == timezone.now() + timedelta(minutes=25)
    exported = yaml.safe_load(export([shop.brand])[0])["brands"][0]["phase_times"]
    assert exported[0] == {
        "status": "preparing", "store": "harbour", "source": "shopify", "fulfilment_type": "",
        "minutes": 25,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="no phase is called 'delivered'"):
        apply(text.replace("preparing", "delivered"), "times.yaml", {})


def test_a_new_brand_has_times_for_what_is_eaten_and_none_for_parcels() -> None:
    brand = BrandFactory()
    defaults.install(brand)
    defaults.install(brand)
    rows = PhaseTime.objects.filter(brand=brand)
    assert rows.get(fulfilment_type="delivery", status="ready").minutes == 30
    assert set(rows.values_list("fulfilment_type", flat=True)) == set(defaults.PHASE_TIMES)
    assert not rows.filter(fulfilment_type__in=["", "shipping"]).exists()


# --- What follows -----------------------------------------------------------------
def test_a_late_part_is_raised_once_with_what_was_expected_and_what_to_do(shop: Shop) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    assert late(at("18:46")) == []
    title = "#1042 is late: ready was expected at 18:40"
    assert late(at("18:47")) == [title]
    assert late(at("19:30")) == [title]
    incident = Incident.objects.get()
    assert incident.times_seen == 1
    assert incident.about == f"late:{Order.objects.get().pk}:main"
    assert incident.store_id == shop.store.pk
    assert incident.next_act == "Ask the kitchen, then tell the customer the new time."


def test_a_phase_that_lasts_too_long_is_raised_in_words(shop: Shop) -> None:
    phase(shop, 15, "placed")
    say(shop, Group(status="placed"))
    assert late(at("17:15")) == ["#1042 is late: it should not be “placed” any more since 17:15"]
    assert Incident.objects.get().next_act == "Begin with it, or cancel it."


@pytest.mark.parametrize("end", ["ready", "cancelled", "picked_up"])
def test_it_is_over_when_the_order_moves_on(shop: Shop, end: str) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    assert late(at("18:50"))
    set_status(Order.objects.get(), "main", end, actor="kim", now=timezone.now())
    plan()
    assert late(at("20:00")) == []
    assert Incident.objects.get().state == "resolved"
    assert not Expectation.objects.filter(closed_at__isnull=True).exists()


def test_a_new_time_ends_it_and_may_begin_it_again(shop: Shop, travel: Any) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    travel(at("18:50"))
    assert late(at("18:50"))
    say(shop, Group(ready_at=at("19:10")), minute=110)
    assert late(at("18:51")) == []
    assert late(at("19:17")) == ["#1042 is late: ready was expected at 19:10"]
    assert Incident.objects.count() == 2


def test_the_same_word_again_changes_nothing(shop: Shop) -> None:
    phase(shop, 30)
    say(shop, Group(status="preparing"))
    before = clock().due_at
    late(at("17:31"))
    say(shop, Group(delayed=True), minute=20)
    row = clock()
    assert (row.due_at, row.raised_at is not None) == (before, True)


def test_each_part_has_its_own_clock(shop: Shop) -> None:
    parts = [
        Group(key=key, status="preparing", lines=[(key, "1")], ready_at=at(time))
        for key, time in (("a", "18:00"), ("b", "18:30"))
    ]
    say(shop, *parts)
    assert [late(at(time)) for time in ("18:07", "18:37")] == [
        ["#1042 (a) is late: ready was expected at 18:00"],
        ["#1042 (a) is late: ready was expected at 18:00",
         "#1042 (b) is late: ready was expected at 18:30"],
    ]  # fmt: skip


def test_an_order_deleted_at_its_source_is_not_late(shop: Shop) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    Order.objects.update(archived_at=timezone.now())
    assert late(at("18:50")) == []


def test_an_order_that_has_just_moved_is_not_called_late_before_that_is_planned(
    shop: Shop,
) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    set_status(Order.objects.get(), "main", "ready", actor="kim", now=timezone.now())
    assert late(at("18:50")) == []


def test_two_sweeps_raise_it_once(shop: Shop) -> None:
    say(shop, Group(status="preparing", ready_at=at("18:40")))
    assert (lateness.raise_late(at("18:50")), lateness.raise_late(at("18:50"))) == (1, 0)


# --- Pages ------------------------------------------------------------------------
def test_board_and_order_page_show_what_is_expected_and_what_was_told(shop: Shop) -> None:
    say(shop, Group(status="confirmed", ready_at=at("18:40")))
    shop.pump()
    order = Order.objects.get()
    assert not late_on_board(order, at("18:46"))
    assert late_on_board(order, at("18:47"))
    member = MembershipFactory(brand=shop.brand)
    shop.client.force_login(member.user)
    page = shop.client.get(reverse("order", args=[order.pk])).content.decode()
    assert "18:40" in page.split('id="promises"')[1].split("</section>")[0]
    late(at("18:50"))
    home = shop.client.get(reverse("home")).content.decode()
    assert "#1042 is late" in home


def late_on_board(order: Order, now: datetime) -> bool:
    rows = Order.objects.filter(pk=order.pk).prefetch_related("groups", "lines", board.clocks())
    return board.card(rows.get(), now).late


# --- Opening hours ----------------------------------------------------------------
YEAR = datetime(2026, 1, 1, tzinfo=UTC)
DAY = [["11:00", "14:30"], ["17:00", "02:00"]]
HOURS = {"mon": DAY, "fri": DAY, "sat": [["00:00", "24:00"]]}
instants = st.integers(0, 525_600).map(lambda minute: YEAR + timedelta(minutes=minute))
zones = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Pacific/Auckland"])


@given(begin=instants, minutes=st.integers(0, 6000), zone=zones)
@limits(max_examples=150, deadline=None)
def test_exactly_so_much_open_time_lies_before_the_end_of_a_clock(
    begin: datetime, minutes: int, zone: str
) -> None:
    place, length = hours.place(zone), timedelta(minutes=minutes)
    end = hours.after_open(HOURS, place, begin, length)
    assert end is not None
    assert hours.open_between(HOURS, place, begin, end) == length


@given(begin=instants, length=st.integers(0, 40_000), zone=zones)
@limits(max_examples=100, deadline=None)
def test_open_spans_are_in_order_and_do_not_overlap(
    begin: datetime, length: int, zone: str
) -> None:
    end = begin + timedelta(minutes=length)
    reached = begin
    for start, stop in hours.spans(HOURS, hours.place(zone), begin, end):
        assert reached <= start < stop <= end
        assert hours.is_open(HOURS, hours.place(zone), start)
        reached = stop


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [("2026-11-27 16:59", False), ("2026-11-27 17:00", True), ("2026-11-28 23:59", True),
     ("2026-11-29 00:00", False), ("2026-11-24 01:59", True), ("2026-11-24 02:00", False)],
)  # fmt: skip
def test_a_night_belongs_to_the_day_on_which_it_began(moment: str, is_open: bool) -> None:
    zone = ZoneInfo("America/New_York")
    at_store = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    assert hours.is_open(HOURS, zone, at_store.astimezone(UTC)) is is_open


def test_without_hours_it_is_always_open_and_without_any_open_day_never() -> None:
    zone = hours.place("Nowhere/Land")
    assert hours.is_open({}, zone, FIVE)
    assert hours.after_open({"mon": []}, zone, FIVE, timedelta(minutes=1)) is None
