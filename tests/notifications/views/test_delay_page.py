"""Everything takes longer: the form, the preview, the minute, the undo; and who may do it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications import delaying, library
from notifications.models import BulkDelay, Delivery
from notifications.planning import plan
from orders.models import Order, StatusChange
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    GroupFactory,
    OrderFactory,
    RuleFactory,
    StoreFactory,
    TemplateFactory,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)  # 18:00 at the store
FORM = {"minutes": "20", "statuses": ["placed", "preparing"], "reason": "The oven broke"}


@pytest.fixture(autouse=True)
def clock(travel: Any) -> Any:
    return travel(NOW)


@pytest.fixture
def shop(brand: Any, store: Any, connection: Any) -> Any:
    ChannelFactory(brand_id=brand.pk, provider="twilio")
    RuleFactory(brand=brand, name="Late", events=["delayed"])
    TemplateFactory(brand=brand, event="delayed", body="Late.")
    library.clear()
    return store


def an_order(connection: Any, store: Any, **more: Any) -> Order:
    fields = {"status": "preparing", "store": store, "fulfilment_type": "pickup", **more}
    order = OrderFactory(connection=connection, **fields)
    ready = NOW + timedelta(minutes=40)
    GroupFactory(order=order, status=order.status, own_status=order.status, ready_at=ready)
    return order


def show_me(client: Client, **more: Any) -> BulkDelay:
    answer = client.post(reverse("delay"), {**FORM, **more})
    assert answer.status_code == 302, answer.content.decode()
    return BulkDelay.objects.get(pk=int(answer.url.rstrip("/").split("/")[-1]))


def page(client: Client, delay: BulkDelay) -> str:
    answer = client.get(reverse("delay_one", args=[delay.pk]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def press(client: Client, what: str, delay: BulkDelay) -> str:
    return client.post(reverse(what, args=[delay.pk]), follow=True).content.decode()


def test_the_board_leads_to_it(staff: Client, shop: Any):
    assert reverse("delay") in staff.get(reverse("board")).content.decode()
    assert staff.get(reverse("delay")).status_code == 200


def test_the_preview_shows_the_order_the_person_the_times_and_the_way(
    staff: Client, shop: Any, connection: Any
):
    order = an_order(connection, shop)
    shown = page(staff, show_me(staff))
    for word in (str(order), "Ada", "18:40", "19:00", "SMS", "unknown", "The oven broke"):
        assert word in shown
    assert "Yes, delay 1 order" in shown
    assert not StatusChange.objects.exists()


def test_confirm_counts_down_and_undo_tells_nobody(
    staff: Client, shop: Any, connection: Any, clock: Any
):
    an_order(connection, shop)
    delay = show_me(staff)
    press(staff, "delay_confirm", delay)
    clock.shift(18)
    assert '<span class="delay-seconds">42</span>' in page(staff, delay)
    assert "Undone" in press(staff, "delay_undo", delay)
    clock.shift(120)
    assert delaying.run_due(NOW + timedelta(seconds=138)) == 0
    assert not StatusChange.objects.exists()


def test_afterwards_it_says_what_became_of_it(
    staff: Client, shop: Any, connection: Any, clock: Any
):
    an_order(connection, shop)
    gone = an_order(connection, shop)
    delay = show_me(staff)
    press(staff, "delay_confirm", delay)
    Order.objects.filter(pk=gone.pk).update(status="picked_up")
    gone.groups.update(status="picked_up")
    clock.shift(61)
    now = NOW + timedelta(seconds=61)
    delaying.run_due(now)
    plan(100, now)
    shown = page(staff, delay)
    assert "1 order got its new time" in shown
    assert "Left out" in shown
    assert Delivery.objects.get().get_state_display() in shown
    assert "Too late to undo" in press(staff, "delay_undo", delay)


def test_pressing_again_within_the_minute_shows_the_one_that_runs(
    staff: Client, shop: Any, connection: Any
):
    an_order(connection, shop)
    delay = show_me(staff)
    press(staff, "delay_confirm", delay)
    assert show_me(staff).pk == delay.pk
    assert BulkDelay.objects.count() == 1


def test_exact_minutes_count_more_than_the_button(staff: Client, shop: Any):
    assert show_me(staff, other="35").minutes == 35


@pytest.mark.parametrize(
    "wrong",
    [{"other": "4"}, {"other": "121"}, {"minutes": "7"}, {"minutes": ""}, {"statuses": []},
     {"statuses": ["picked_up"]}, {"store": "999999"}, {"fulfilment_types": ["rocket"]}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(staff: Client, shop: Any, wrong: Any):
    answer = staff.post(reverse("delay"), {**FORM, **wrong})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    assert not BulkDelay.objects.exists()


def test_somebody_of_one_store_reaches_that_store_only(
    storekeeper: Client, staff: Client, shop: Any, connection: Any
):
    mine = an_order(connection, shop)
    other = StoreFactory(brand=shop.brand)
    an_order(connection, other)
    assert show_me(storekeeper).order_ids == [mine.pk]
    assert storekeeper.post(reverse("delay"), {**FORM, "store": other.pk}).status_code == 400
    theirs = show_me(staff, store=other.pk)
    for name in ("delay_confirm", "delay_undo"):
        assert storekeeper.post(reverse(name, args=[theirs.pk])).status_code == 404
    assert storekeeper.get(reverse("delay_one", args=[theirs.pk])).status_code == 404


def test_other_brands_see_nothing_of_it(staff: Client, stranger: Client, shop: Any):
    delay = show_me(staff)
    assert stranger.get(reverse("delay_one", args=[delay.pk])).status_code == 404
    assert stranger.post(reverse("delay_confirm", args=[delay.pk])).status_code == 404
    assert Client().get(reverse("delay")).status_code == 302


def test_a_look_changes_nothing(staff: Client, shop: Any, connection: Any):
    an_order(connection, shop)
    delay = show_me(staff)
    for name in ("delay_confirm", "delay_undo"):
        assert staff.get(reverse(name, args=[delay.pk])).status_code == 405
    page(staff, delay)
    delay.refresh_from_db()
    assert delay.state == "draft"


def test_an_old_preview_leads_back_to_the_form(
    staff: Client, shop: Any, connection: Any, clock: Any
):
    an_order(connection, shop)
    delay = show_me(staff)
    clock.shift(3600)
    assert "too old" in page(staff, delay)
    assert "too old" in press(staff, "delay_confirm", delay)
    delay.refresh_from_db()
    assert delay.state == "draft"


def test_the_page_costs_the_same_with_many_orders(
    staff: Client, shop: Any, connection: Any, django_assert_max_num_queries: Any
):
    for _ in range(12):
        an_order(ConnectionFactory(brand=shop.brand), shop)
    delay = show_me(staff)
    with django_assert_max_num_queries(9):
        page(staff, delay)
