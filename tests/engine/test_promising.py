"""Customers hear of a new time when it is worth telling, and never of an earlier one unawares."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from channels_app.contract import Receipt, ReceiptStatus
from notifications import library, looking, promising, pump, receipts
from notifications.models import Decision, Delivery, Promise, Rule
from notifications.promising import Known, no_news
from orders.contract import Clock, Contact, Group, OrderEvent
from orders.loading import Word
from orders.models import Order, StatusChange
from orders.timeline import record
from tests.journeys.shop import PHONE, Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
FIVE = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)  # 17:00 at the store


def at(clock: str) -> datetime:
    """That time of the same afternoon at the store."""
    hour, minute = clock.split(":")
    return FIVE + timedelta(hours=int(hour) - 17, minutes=int(minute))


@pytest.fixture
def shop(sandbox: Any, client: Any, travel: Any) -> Shop:
    travel(FIVE)
    shop = open_shop(sandbox, client)
    Rule.objects.filter(audience="staff").update(active=False)
    return shop


def say(shop: Shop, status: str = "", minute: int = 0, **group: Any) -> None:
    """The source tells of the order, `minute` minutes after five."""
    event = OrderEvent(
        external_id="1",
        topic="update",
        clock=Clock(at=FIVE + timedelta(minutes=minute)),
        display_number="#1",
        fulfilment_type=group.pop("kind", "pickup"),
        contact=Contact(name="Ada", phone=PHONE, email="ada@example.com"),
        groups=[Group(status=status, **group)],
    )
    record([Word(event, shop.connection)], timezone.now())


def plan() -> None:
    library.clear()
    assert pump.plan(200, timezone.now())


def confirmed(shop: Shop, **more: Any) -> None:
    """The customer was told: confirmed, expected at 18:40."""
    say(shop, "confirmed", ready_at=at("18:40"), **more)
    shop.pump()
    assert "18:40" in shop.texts()[0]


def reasons() -> list[str]:
    rows = Decision.objects.filter(change__fact__in=["eta", "delayed"], audience="customer")
    return [row.reason for row in rows.exclude(reason="other_event").order_by("id")]


def test_a_message_that_names_the_time_is_a_promise(shop: Shop) -> None:
    confirmed(shop)
    promise = Promise.objects.get()
    assert (promise.promised_at, promise.group_key, promise.way) == (at("18:40"), "main", "message")
    assert promise.delivery_id == Delivery.objects.get().pk


def test_a_message_without_the_time_promises_nothing(shop: Shop) -> None:
    say(shop, "confirmed")
    shop.pump()
    say(shop, "ready", 5, ready_at=at("18:40"))
    shop.pump()
    assert len(shop.texts()) == 2
    assert not Promise.objects.exists()


@pytest.mark.parametrize("together", [False, True])
def test_a_time_that_jitters_and_then_moves_sends_one_update(shop: Shop, together: bool) -> None:
    confirmed(shop)
    for minute, clock in enumerate(("18:43", "18:39", "18:55"), 1):
        say(shop, minute=minute, ready_at=at(clock))
        if not together:
            shop.pump()
    shop.pump()
    (update,) = shop.texts()[1:]
    assert "18:55" in update
    assert "earlier" not in update
    assert reasons() == ["within_tolerance", "within_tolerance", "sent"]
    sentence = Decision.objects.filter(reason="within_tolerance").order_by("id")[0].sentence
    assert sentence == "They were told 18:40; 18:43 is within 7 min."
    assert [one.promised_at for one in Promise.objects.order_by("id")] == [at("18:40"), at("18:55")]


def test_the_rule_says_how_far_a_time_may_move_untold(shop: Shop) -> None:
    Rule.objects.update(eta_tolerance_minutes=2)
    confirmed(shop)
    say(shop, minute=1, ready_at=at("18:43"))
    shop.pump()
    assert "18:43" in shop.texts()[-1]


@pytest.mark.parametrize("language", ["en", "es"])
def test_an_earlier_time_is_told_with_a_word_of_correction(shop: Shop, language: str) -> None:
    confirmed(shop)
    Order.objects.update(language=language)
    say(shop, minute=1, ready_at=at("18:20"))
    shop.pump()
    words = {"en": "18:20 (earlier than we said)", "es": "18:20 (antes de lo que dijimos)"}
    assert words[language] in shop.texts()[-1]


def test_other_news_keeps_to_the_time_that_was_told(shop: Shop) -> None:
    Rule.objects.filter(slug="customer-quiet-updates").update(active=True)
    confirmed(shop)
    say(shop, "preparing", 1, ready_at=at("18:37"))
    shop.pump()
    assert "Expected: 18:40." in shop.texts()[-1]
    say(shop, "confirmed", 2)  # nothing moves; the time does not either
    shop.pump()
    assert len(shop.texts()) == 2


def test_an_update_that_is_still_held_is_withdrawn_when_the_time_comes_back(
    shop: Shop, travel: Any
) -> None:
    confirmed(shop)
    Rule.objects.update(hold_seconds=60)
    say(shop, minute=1, ready_at=at("18:55"))
    shop.pump()
    say(shop, minute=2, ready_at=at("18:43"))
    shop.pump()
    travel(FIVE + timedelta(minutes=5))
    shop.pump()
    assert len(shop.texts()) == 1
    assert reasons() == ["held", "within_tolerance", "within_tolerance"]
    assert Delivery.objects.latest("id").state == "cancelled"


def test_a_held_update_is_replaced_by_the_next_one(shop: Shop, travel: Any) -> None:
    confirmed(shop)
    Rule.objects.update(hold_seconds=60)
    for minute, clock in ((1, "18:55"), (2, "18:58")):
        say(shop, minute=minute, ready_at=at(clock))
        shop.pump()
    travel(FIVE + timedelta(minutes=5))
    shop.pump()
    (update,) = shop.texts()[1:]
    assert "18:58" in update


def test_a_new_time_is_not_told_beside_a_queued_message_that_tells_it_already(
    shop: Shop, travel: Any
) -> None:
    Rule.objects.update(hold_seconds=60)
    say(shop, "confirmed", ready_at=at("18:40"))
    plan()
    travel(FIVE + timedelta(seconds=20))
    say(shop, minute=1, ready_at=at("18:55"))
    plan()
    for seconds in (70, 100):
        travel(FIVE + timedelta(seconds=seconds))
        shop.pump()
    (text,) = shop.texts()
    assert "18:55" in text
    assert reasons() == ["held", "within_tolerance"]


def test_while_a_message_is_at_its_provider_the_new_time_is_planned_and_checked_later(
    shop: Shop,
) -> None:
    confirmed(shop)
    say(shop, minute=1, ready_at=at("18:55"))
    plan()
    flying = Delivery.objects.latest("id")
    Delivery.objects.filter(pk=flying.pk).update(state="sending", lease_token="elsewhere")
    say(shop, minute=2, ready_at=at("18:43"))
    plan()
    assert reasons() == ["sent", "sent"]
    Delivery.objects.filter(pk=flying.pk).update(state="sent")
    Promise.objects.create(
        order=Order.objects.get(), group_key="main", promised_at=at("18:55"), delivery_id=flying.pk
    )
    shop.pump()
    assert "18:43 (earlier than we said)" in shop.texts()[-1]


def test_a_message_that_never_arrived_promised_nothing(shop: Shop) -> None:
    confirmed(shop)
    delivery = Delivery.objects.get()
    failed = Receipt(message_id="", status=ReceiptStatus.FAILED, ref=delivery.ref)
    receipts.apply(shop.channels["twilio"], [failed], timezone.now())
    Delivery.objects.exclude(pk=delivery.pk).delete()
    say(shop, minute=1, ready_at=at("18:43"))
    shop.pump()
    assert "18:43" in shop.texts()[-1]


def test_the_next_route_tells_what_the_first_could_not(shop: Shop) -> None:
    """A promise by the very notification does not make its second way superfluous."""
    confirmed(shop)
    say(shop, minute=1, ready_at=at("18:55"))
    shop.pump()
    first = Delivery.objects.latest("id")
    failed = Receipt(message_id="", status=ReceiptStatus.FAILED, ref=first.ref)
    receipts.apply(shop.channels["twilio"], [failed], timezone.now())
    shop.pump()
    mails = shop.texts("sendgrid")
    assert len(mails) == 1
    assert "18:55" in mails[0]


def test_that_it_is_late_is_news_also_without_a_new_time(shop: Shop) -> None:
    confirmed(shop)
    say(shop, minute=1, delayed=True, delay_reason="Oven broke")
    shop.pump()
    assert "running late" in shop.texts()[-1]


def test_a_delay_to_nearly_the_same_time_is_not(shop: Shop) -> None:
    confirmed(shop)
    say(shop, minute=1, delayed=True, ready_at=at("18:45"))
    shop.pump()
    assert len(shop.texts()) == 1
    assert reasons() == ["within_tolerance"]


def test_for_an_order_that_is_brought_the_time_at_the_door_counts(shop: Shop) -> None:
    say(
        shop, "confirmed", kind="delivery", method="delivery",
        ready_at=at("18:10"), deliver_to=at("18:40"),
    )  # fmt: skip
    shop.pump()
    assert "18:40" in shop.texts()[-1]
    say(shop, minute=1, kind="delivery", ready_at=at("18:30"))
    shop.pump()
    assert not StatusChange.objects.filter(fact="eta").exists()
    say(shop, minute=2, kind="delivery", deliver_to=at("19:00"))
    shop.pump()
    assert "19:00" in shop.texts()[-1]


def test_a_time_that_comes_back_is_news_again(shop: Shop) -> None:
    confirmed(shop)
    for minute, clock in enumerate(("18:55", "18:40", "18:55"), 1):
        say(shop, minute=minute, ready_at=at(clock))
        shop.pump()
    assert [clock for text in shop.texts() for clock in ("18:40", "18:55") if clock in text] == [
        "18:40", "18:55", "18:40", "18:55",
    ]  # fmt: skip


def test_a_look_at_the_tracking_page_is_a_promise_once(shop: Shop) -> None:
    confirmed(shop)
    order, now = Order.objects.get(), timezone.now()
    assert promising.shown(order, list(order.groups.all()), now) == 0
    say(shop, minute=1, ready_at=at("18:43"))
    shop.pump()
    groups = list(order.groups.all())
    assert (promising.shown(order, groups, now), promising.shown(order, groups, now)) == (1, 0)
    assert Promise.objects.latest("id").way == "page"
    say(shop, minute=2, ready_at=at("18:49"))  # 6 min from what they saw, 9 from what they read
    shop.pump()
    assert len(shop.texts()) == 1


def test_whoever_looks_at_the_page_is_promised_what_it_says(shop: Shop) -> None:
    say(shop, "confirmed", ready_at=at("18:40"))
    Order.objects.update(contact_phone="", contact_email="")
    looking.note(Order.objects.get(), timezone.now())
    promise = Promise.objects.get()
    assert (promise.way, promise.promised_at, promise.told_at) == ("page", at("18:40"), FIVE)


# --- The comparison itself --------------------------------------------------------
minutes = st.integers(0, 180)


@given(moves=st.lists(minutes, max_size=12), tolerance=st.integers(0, 20))
@limits(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_after_any_walk_of_the_time_the_customer_is_never_further_off_than_the_tolerance(
    moves: list[int], tolerance: int
) -> None:
    told = Known(at("18:40"), FIVE)
    for move in moves:
        new = FIVE + timedelta(minutes=move)
        change = StatusChange(fact="eta", data={"previous": None, "new": new.isoformat()})
        if no_news(change, new, told, tolerance, "UTC", FIVE) is None:
            assert abs(new - told.at) > timedelta(minutes=tolerance)
            told = Known(new, FIVE)
        assert abs(new - told.at) <= timedelta(minutes=tolerance)
