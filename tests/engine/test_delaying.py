"""Bulk delay: what is shown before it goes out, the minute to undo it, and what becomes of it."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from consents import recording
from consents.models import ContactPoint
from notifications import delaying, library
from notifications.delay_preview import MOST, Wish
from notifications.models import BulkDelay, Decision, Delivery, Notification, Promise
from notifications.planning import plan
from orders.models import Order, StatusChange
from orders.timeline import set_status
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    CustomerFactory,
    GroupFactory,
    OrderFactory,
    RuleFactory,
    StoreFactory,
    TemplateFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
DUE = NOW + delaying.HOLD
OPEN = ("placed", "confirmed", "preparing")


@pytest.fixture
def shop() -> Any:
    """A store that texts, then mails, its customers when something is late."""
    connection_ = ConnectionFactory()
    brand = connection_.brand
    brand.channel_order = ["sms", "email"]
    brand.save()
    texts = ChannelFactory(brand_id=brand.pk, provider="twilio", slug="texts", name="Texts")
    mail = ChannelFactory(brand_id=brand.pk, provider="sendgrid", slug="mail", name="Mail")
    RuleFactory(brand=brand, name="Late", events=["delayed"], position=1)
    for family in ("sms", "email"):
        TemplateFactory(brand=brand, event="delayed", family=family, body="Late. {{ delay.new }}")
    library.clear()
    store = StoreFactory(brand=brand)
    return SimpleNamespace(
        brand=brand,
        store=store,
        connection=connection_,
        texts=texts,
        mail=mail,
        kim=UserFactory(username="kim"),
    )


def an_order(shop: Any, minutes: int | None = 30, status: str = "preparing", **more: Any) -> Order:
    """An order of somebody of its own, promised in `minutes`."""
    number = Order.objects.count()
    fields = {
        "customer": CustomerFactory(brand=shop.brand, given_name=f"Guest{number}"),
        "contact_given_name": f"Guest{number}",
        "contact_phone": f"+12025550{number:03d}",
        "contact_email": f"guest{number}@example.com",
        "fulfilment_type": "pickup",
        "store": shop.store,
    }
    order = OrderFactory(connection=shop.connection, status=status, base_status="placed",
                         **{**fields, **more})  # fmt: skip
    ready = NOW + timedelta(minutes=minutes) if minutes is not None else None
    GroupFactory(order=order, status=status, own_status=status, ready_at=ready)
    return order


def wish(shop: Any, **more: Any) -> Wish:
    fields = {
        "brand_id": shop.brand.pk,
        "store_id": shop.store.pk,
        "within": None,
        "statuses": OPEN,
        "fulfilment_types": (),
        "minutes": 20,
        "reason": "The oven broke",
    }
    return Wish(**{**fields, **more})


def drafted(shop: Any, now: datetime = NOW, **more: Any) -> BulkDelay:
    return delaying.draft(wish(shop, **more), shop.kim, now).delay


def confirmed(shop: Any, **more: Any) -> BulkDelay:
    return delaying.confirm(drafted(shop, **more), NOW)


def row_of(delay: BulkDelay, order: Order) -> dict[str, Any]:
    rows = [*delay.preview["rows"], *delay.preview["skipped"]]
    return next(row for row in rows if row["order"] == order.pk)


def iso(minutes: int) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat()


# --- The preview ------------------------------------------------------------------


def test_the_preview_says_who_is_told_how_and_which_promises_move(shop: Any):
    late, soon = an_order(shop, 40), an_order(shop, 10, contact_phone="")
    delay = drafted(shop)
    assert delay.order_ids == [soon.pk, late.pk]
    assert row_of(delay, soon)["promises"] == [[iso(10), iso(30)]]
    assert row_of(delay, late)["families"] == ["sms"]
    assert row_of(delay, soon)["families"] == ["email"]
    assert delay.preview["families"] == {"sms": 1, "email": 1}
    assert delay.preview["messages"] == 2


def test_the_preview_tells_nobody_and_writes_no_change(shop: Any):
    an_order(shop)
    drafted(shop)
    for model in (Notification, Delivery, Decision, StatusChange):
        assert not model.objects.exists()


def test_whoever_cannot_be_told_is_shown_with_the_reason(shop: Any):
    nobody = an_order(shop, contact_phone="", contact_email="")
    stopped = an_order(shop, contact_email="")
    point = ContactPoint.objects.get_or_create(
        brand=shop.brand, customer=stopped.customer, kind="phone",
        address=stopped.contact_phone, defaults={"digest": ""},
    )[0]  # fmt: skip
    point.delete()
    (point,) = recording.ensure_contact_points(
        [recording.Wanted(shop.brand.pk, stopped.customer_id, "phone", stopped.contact_phone)]
    ).values()
    recording.opt_out(point, method="keyword", now=NOW, channel="sms")
    test = an_order(shop, is_test=True)
    delay = drafted(shop)
    assert row_of(delay, nobody)["why"] == "The order names nobody to tell."
    assert "cannot be reached" in row_of(delay, stopped)["why"]
    assert "test order" in row_of(delay, test)["why"]
    assert delay.preview["messages"] == 0


def test_a_brand_whose_rules_say_nothing_of_delays_is_told_so(shop: Any):
    shop.brand.rules.all().delete()
    library.clear()
    order = an_order(shop)
    assert row_of(drafted(shop), order)["why"].startswith("No rule tells customers")


def test_only_open_orders_of_the_chosen_store_status_and_kind_are_meant(shop: Any):
    meant = an_order(shop)
    an_order(shop, status="ready")
    an_order(shop, status="picked_up")
    an_order(shop, store=StoreFactory(brand=shop.brand))
    an_order(shop, fulfilment_type="delivery")
    an_order(shop, archived_at=NOW)
    assert drafted(shop, fulfilment_types=("pickup",)).order_ids == [meant.pk]


def test_somebody_of_one_store_delays_nothing_elsewhere(shop: Any):
    mine = an_order(shop)
    an_order(shop, store=StoreFactory(brand=shop.brand))
    found = drafted(shop, store_id=None, within=frozenset({shop.store.pk}))
    assert found.order_ids == [mine.pk]


def test_what_waits_for_its_customer_is_not_late(shop: Any):
    an_order(shop, status="ready")
    going = an_order(shop, status="ready", fulfilment_type="delivery")
    going.groups.update(method="delivery")
    assert drafted(shop, statuses=("ready",)).order_ids == [going.pk]


def test_whoever_was_told_a_later_time_already_is_left_alone(shop: Any):
    order = an_order(shop, 30)
    Promise.objects.create(order=order, promised_at=NOW + timedelta(minutes=55), told_at=NOW)
    delay = drafted(shop)
    assert delay.order_ids == []
    assert row_of(delay, order)["why"] == "The customer was told a later time already."


def test_a_promise_that_has_passed_is_moved_from_now_on(shop: Any):
    order = an_order(shop, -90)
    assert row_of(drafted(shop), order)["promises"] == [[iso(-90), iso(20)]]


def test_the_cost_is_told_when_every_price_is_known(shop: Any, settings: Any):
    an_order(shop)
    an_order(shop, contact_phone="")
    settings.CHANNEL_PRICES = {"texts": "0.25 USD"}
    assert drafted(shop).preview["cost"] == ""
    settings.CHANNEL_PRICES = {"texts": "0.25 USD", "mail": "0.01 USD"}
    assert drafted(shop).preview["cost"] == "0.26 USD"


def test_a_preview_of_many_orders_costs_as_many_queries_as_one_of_few(
    shop: Any, django_assert_max_num_queries: Any
):
    for _ in range(120):
        an_order(shop)
    drafted(shop)  # the addresses are known by now, as they are in a shop
    with django_assert_max_num_queries(30):
        delay = drafted(shop, minutes=25)
    assert len(delay.preview["rows"]) == 120
    assert not delay.preview["more"]
    assert MOST > 120


# --- The minute --------------------------------------------------------------------


def test_nothing_goes_out_before_the_minute_is_over(shop: Any):
    an_order(shop)
    delay = confirmed(shop)
    assert (delay.state, delay.due_at) == ("confirmed", DUE)
    assert delaying.run_due(DUE - timedelta(seconds=1)) == 0
    assert not StatusChange.objects.exists()


def test_undo_leaves_nothing_at_all(shop: Any):
    an_order(shop)
    delay = confirmed(shop)
    assert delaying.undo(delay, NOW + timedelta(seconds=59))
    assert delaying.run_due(DUE) == 0
    plan(100, DUE)
    assert not StatusChange.objects.exists()
    assert not Delivery.objects.exists()


def test_what_has_gone_out_cannot_be_undone(shop: Any):
    an_order(shop)
    delay = confirmed(shop)
    assert delaying.run_due(DUE) == 1
    assert not delaying.undo(delay, DUE)
    delay.refresh_from_db()
    assert delay.state == "done"


def test_a_second_press_within_the_minute_adds_nothing(shop: Any):
    an_order(shop)
    first = confirmed(shop)
    again = delaying.draft(wish(shop, statuses=OPEN[::-1]), shop.kim, NOW)
    assert (again.delay.pk, again.running) == (first.pk, True)
    assert BulkDelay.objects.count() == 1


def test_two_tabs_with_the_same_preview_delay_once(shop: Any):
    an_order(shop)
    delay = drafted(shop)
    other = delaying.draft(wish(shop), UserFactory(username="lee"), NOW).delay
    assert delay.pk != other.pk
    assert delaying.confirm(delay, NOW).pk == delaying.confirm(other, NOW).pk == delay.pk
    assert delaying.run_due(DUE) == 1
    assert StatusChange.objects.count() == 1


def test_pressing_twice_on_show_me_keeps_one_preview(shop: Any):
    an_order(shop)
    assert drafted(shop).pk == drafted(shop).pk
    assert BulkDelay.objects.count() == 1


def test_an_order_that_another_delay_is_about_to_change_is_left_to_that_one(shop: Any):
    order = an_order(shop)
    other = drafted(shop, minutes=45)
    confirmed(shop)
    assert delaying.confirm(other, NOW).order_ids == []
    assert row_of(drafted(shop, minutes=30), order)["why"].startswith("Another delay")


def test_an_old_preview_is_not_confirmed_unseen(shop: Any):
    an_order(shop)
    delay = drafted(shop)
    later = NOW + delaying.DRAFT_LIFE + timedelta(seconds=1)
    assert delaying.confirm(delay, later).state == "draft"


# --- Going out ---------------------------------------------------------------------


def test_the_change_is_on_the_timeline_with_the_new_time_in_the_persons_name(shop: Any):
    order = an_order(shop, 30)
    confirmed(shop)
    delaying.run_due(DUE)
    change = StatusChange.objects.get()
    assert (change.order_id, change.fact, change.actor) == (order.pk, "delayed", "kim")
    assert (change.data["previous"], change.data["new"]) == (iso(30), iso(50))
    assert change.data["reason"] == "The oven broke"
    group = order.groups.get()
    assert group.ready_at == NOW + timedelta(minutes=50)
    assert group.delayed_since == DUE


def test_those_with_the_soonest_promise_are_told_first(shop: Any):
    orders = [an_order(shop, minutes) for minutes in (50, None, 10, 30)]
    confirmed(shop)
    delaying.run_due(DUE)
    plan(100, DUE)
    told = list(Delivery.objects.order_by("id").values_list("order_id", flat=True))
    assert told == [orders[n].pk for n in (2, 3, 0, 1)]


def test_what_was_previewed_is_what_is_told(shop: Any):
    for minutes in (10, 20, 30):
        an_order(shop, minutes)
    an_order(shop, contact_phone="")
    an_order(shop, contact_phone="", contact_email="")
    delay = confirmed(shop)
    delaying.run_due(DUE)
    plan(100, DUE)
    families = [one.channel.family for one in Delivery.objects.select_related("channel")]
    assert {family: families.count(family) for family in families} == delay.preview["families"]
    delay.refresh_from_db()
    assert delay.told == 5
    assert len(delay.preview["changes"]) == 5


def test_orders_that_are_done_meanwhile_drop_out(shop: Any):
    gone, stays = an_order(shop), an_order(shop)
    delay = confirmed(shop)
    set_status(gone, "main", "picked_up", actor="kim", now=NOW + timedelta(seconds=30))
    delaying.run_due(DUE)
    assert StatusChange.objects.get(fact="delayed").order_id == stays.pk
    delay.refresh_from_db()
    assert delay.preview["dropped"] == [gone.pk]


def test_orders_that_came_in_meanwhile_are_not_touched(shop: Any):
    an_order(shop)
    confirmed(shop)
    fresh = an_order(shop)
    delaying.run_due(DUE)
    assert not StatusChange.objects.filter(order=fresh).exists()


def test_what_is_late_already_is_told_of_again(shop: Any):
    order = an_order(shop, 30)
    confirmed(shop)
    delaying.run_due(DUE)
    delaying.confirm(drafted(shop, DUE), DUE)
    delaying.run_due(DUE + delaying.HOLD)
    facts = StatusChange.objects.filter(order=order).order_by("id")
    assert [(one.fact, one.data["new"]) for one in facts] == [
        ("delayed", iso(50)),
        ("delayed", iso(70)),
    ]


def test_only_the_parts_that_are_meant_are_late(shop: Any):
    order = an_order(shop)
    order.lines.create(line_id="1", name="Soup", quantity=1)
    order.lines.create(line_id="2", name="Cake", quantity=1)
    order.groups.update(lines={"1": "1"})
    GroupFactory(order=order, key="later", status="ready", own_status="ready", lines={"2": "1"})
    confirmed(shop)
    delaying.run_due(DUE)
    assert StatusChange.objects.get().group_key == "main"


def test_a_delay_whose_time_has_long_passed_does_not_go_out(shop: Any):
    an_order(shop)
    delay = confirmed(shop)
    delaying.run_due(DUE + delaying.TOO_LATE + timedelta(seconds=1))
    delay.refresh_from_db()
    assert (delay.state, delay.preview["why"]) == ("undone", "late")
    assert not StatusChange.objects.exists()


def test_one_order_that_cannot_be_recorded_does_not_keep_the_others_from_it(
    shop: Any, monkeypatch: pytest.MonkeyPatch
):
    bad, good = an_order(shop, 10), an_order(shop, 20)
    confirmed(shop)
    real = delaying.timeline.record

    def picky(words: Any, now: datetime) -> Any:
        if any(word.order_id == bad.pk for word in words):
            raise ValueError("broken")
        return real(words, now)

    monkeypatch.setattr(delaying.timeline, "record", picky)
    assert delaying.run_due(DUE) == 1
    assert StatusChange.objects.get().order_id == good.pk


def test_an_idle_look_is_one_query(shop: Any, django_assert_num_queries: Any):
    with django_assert_num_queries(1):
        assert delaying.run_due(NOW) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="Did not run: SQLite has one writer at a time"
)
def test_two_pumps_delay_once(shop: Any):
    for minutes in range(1, 20):
        an_order(shop, minutes)
    confirmed(shop)
    done: list[int] = []

    def sweep() -> None:
        try:
            done.append(delaying.run_due(DUE))
        finally:
            connection.close()

    pumps = [threading.Thread(target=sweep) for _ in range(3)]
    for pump in pumps:
        pump.start()
    for pump in pumps:
        pump.join(20)
    assert sorted(done) == [0, 0, 1]
    assert StatusChange.objects.count() == 19
