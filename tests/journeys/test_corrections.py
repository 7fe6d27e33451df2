"""A wrong tap and a late kitchen, from the press to the bytes that the providers took."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from notifications import correcting, delaying
from notifications.delay_preview import Wish
from notifications.models import Delivery, Destination, Rule
from orders.models import FulfilmentGroup, Order
from orders.timeline import set_status
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(shop: Shop) -> Order:
    """Ada's order, which is being prepared; the kitchen hears of everything, too."""
    Rule.objects.filter(slug="staff-new-orders").update(events=["ready"])
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    tap(shop, "preparing")
    return Order.objects.get()


def tap(shop: Shop, status: str) -> None:
    order = Order.objects.get()
    set_status(order, "", status, actor="kim", now=timezone.now())
    shop.pump()


def test_whoever_was_told_is_told_the_truth_on_the_same_channel(shop: Shop, order: Order):
    tap(shop, "ready")
    assert any("is ready" in text for text in shop.texts("twilio", PHONE))
    tap(shop, "preparing")
    before = len(shop.texts("twilio", PHONE))
    correcting.send(order.pk, "kim", timezone.now())
    correcting.send(order.pk, "kim", timezone.now())
    shop.pump()
    texts = shop.texts("twilio", PHONE)
    assert len(texts) == before + 1
    assert (
        "that your order #1001 is ready. That was wrong, sorry. It is being prepared." in texts[-1]
    )
    assert texts[-1].startswith(f"{shop.brand.name}: We told you at 12:")
    room = Destination.objects.get().address
    assert shop.texts("slack", room)[-1].endswith("CORRECTION: not ready, but being prepared")


def test_what_was_not_told_is_not_corrected_and_never_leaves(shop: Shop, order: Order):
    before = shop.texts("twilio", PHONE)
    for status in ("ready", "preparing"):  # both before the pump looks
        set_status(order, "", status, actor="kim", now=timezone.now())
    shop.pump()
    assert correcting.send(order.pk, "kim", timezone.now()) == []
    shop.pump()
    assert shop.texts("twilio", PHONE) == before


def test_a_correction_stays_here_when_the_order_is_ready_again(shop: Shop, order: Order):
    tap(shop, "ready")
    tap(shop, "preparing")
    correcting.send(order.pk, "kim", timezone.now())
    set_status(order, "", "ready", actor="kim", now=timezone.now())
    shop.pump()
    assert not any("wrong" in text for text in shop.texts("twilio", PHONE))
    states = Delivery.objects.filter(notification__event="correction").values_list("state")
    assert set(states) == {("cancelled",)}


def test_a_bulk_delay_reaches_the_customer_after_the_minute(shop: Shop, order: Order):
    Rule.objects.filter(slug="customer-updates").update(hold_seconds=0)
    now = timezone.now()
    FulfilmentGroup.objects.update(ready_at=now + timedelta(minutes=30))
    kim = get_user_model().objects.create(username="kim")
    wish = Wish(shop.brand.pk, None, None, ("preparing",), (), 20, "")
    before = shop.texts("twilio", PHONE)
    delay = delaying.confirm(delaying.draft(wish, kim, now).delay, now)
    shop.pump()
    assert shop.texts("twilio", PHONE) == before
    delay.due_at = now - timedelta(seconds=1)
    delay.save()
    shop.pump()  # its sweep finds it
    shop.pump()
    assert len(shop.texts("twilio", PHONE)) == len(before) + 1
    assert "is running late, sorry. New time:" in shop.texts("twilio", PHONE)[-1]
