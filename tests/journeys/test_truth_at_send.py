"""What is not true any more does not leave, also when it was true a moment ago."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.utils import timezone

from channels_app.sandbox.faults import Fault
from notifications import calling, library, pump
from notifications.last_look import latest_changes, moved_on
from notifications.models import Delivery, Rule
from notifications.pump import Pump
from orders.contract import Clock, Contact, Group, OrderEvent
from orders.loading import Word
from orders.models import Order
from orders.timeline import record
from tests.factories import RuleFactory
from tests.journeys.shop import PHONE, Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sandbox: Any, client: Any) -> Shop:
    shop = open_shop(sandbox, client)
    Rule.objects.filter(brand=shop.brand).delete()
    RuleFactory(brand=shop.brand, events=["out_for_delivery"])
    library.clear()
    return shop


def say(shop: Shop, status: str, numbers: range, **more: Any) -> None:
    """All these orders come to `status`, in one commit. `contact` may depend on the number."""
    now, contact = timezone.now(), more.get("contact")
    record(
        [
            Word(
                OrderEvent(
                    str(number), "test", clock=Clock(at=now), occurred_at=now,
                    groups=[Group(status=status, method="delivery")],
                    contact=contact(number) if callable(contact) else contact,
                ),
                shop.connection,
            )
            for number in numbers
        ],
        now,
    )  # fmt: skip


def somebody(number: int) -> Contact:
    return Contact(external_id=str(number), name="Ada", phone=f"+1202555{number:04d}")


def queued(shop: Shop, numbers: range) -> None:
    """A customer each, whose order is on its way; the messages are due."""
    for first in range(0, len(numbers), 500):
        say(shop, "confirmed", numbers[first : first + 500], contact=somebody)
        say(shop, "out_for_delivery", numbers[first : first + 500])
    while pump.plan(200, timezone.now()):
        pass
    assert Delivery.objects.filter(state="queued").count() == len(numbers)


def cancelled_in_full_flight(shop: Shop, many: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Cancel all orders while a slow provider takes the messages one by one.

    The moments at which calls began after the first look that followed the commit.
    """
    calls: list[float] = []
    looks: list[tuple[float, float]] = []
    send, look = calling.send, pump.moved_on

    async def noted_send(*args: Any) -> Any:
        calls.append(time.perf_counter())
        return await send(*args)

    def noted_look(seen: Any) -> Any:
        begun = time.perf_counter()
        found = look(seen)
        looks.append((begun, time.perf_counter()))
        return found

    monkeypatch.setattr(calling, "send", noted_send)
    monkeypatch.setattr(pump, "moved_on", noted_look)
    queued(shop, range(many))
    shop.channels["twilio"].max_in_flight = 8
    shop.channels["twilio"].save()
    library.clear()
    shop.sandbox.faults.set(Fault("twilio", "delay", seconds=0.6))
    work = Pump()
    work.start()
    try:
        shop.until(lambda: len(calls) >= 8, 60)
        say(shop, "cancelled", range(many))
        committed = time.perf_counter()
        left = Delivery.objects.filter(state__in=["queued", "sending"])
        shop.until(lambda: not left.exists(), 120)
    finally:
        work.stop()
    assert 8 <= len(calls) < many
    looked = next((end for begun, end in looks if begun >= committed), committed)
    return [at for at in calls if at > looked]


def test_cancelling_while_messages_are_on_their_way_lets_none_out_after_it_was_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    assert cancelled_in_full_flight(shop, 50, monkeypatch) == []


@pytest.mark.drill
def test_cancelling_ten_thousand_lets_none_out_after_it_was_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    assert cancelled_in_full_flight(shop, 10_000, monkeypatch) == []


def test_a_look_finds_the_orders_that_have_news_and_no_others(shop: Shop):
    say(shop, "confirmed", range(3))
    first, second, third = Order.objects.order_by("id").values_list("id", flat=True)
    seen = latest_changes([first, second, third])
    assert moved_on(seen) == set()
    say(shop, "preparing", range(1, 2))
    assert moved_on(seen) == {second}
    assert moved_on({}) == set()


def test_the_provider_is_told_how_long_the_message_is_of_use(shop: Shop, travel: Any):
    travel("2026-11-21T17:05:00Z")
    contact = Contact(name="Ada", phone=PHONE)
    say(shop, "confirmed", range(1), contact=contact)
    say(shop, "out_for_delivery", range(1))
    pump.plan(200, timezone.now())
    traveller = travel(timezone.now() + timedelta(minutes=12))
    assert traveller is not None
    shop.pump()
    (message,) = shop.sandbox.messages("twilio", PHONE)
    fields = parse_qs(message["request"]["body"])
    assert fields["ValidityPeriod"] == [str(18 * 60)]
