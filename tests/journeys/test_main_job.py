"""From a real webhook to a phone, with every reason on the timeline."""

import pytest
from django.utils import timezone

from channels_app.models import ChannelHealth
from notifications.models import Attempt, Decision, Delivery, ReceiptRecord
from orders.models import InboundEvent, Order, StatusChange
from orders.timeline import set_status
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_order_confirmed_in_the_shop_rings_the_customers_phone_and_the_kitchen(shop: Shop):
    answer = shop.post(shopify_order(), "orders/create")
    assert answer.status_code == 200
    shop.pump()
    (text,) = shop.texts("twilio", PHONE)
    assert "#1001" in text
    assert "Trattoria" in text
    assert len(shop.texts("slack")) == 1
    order = Order.objects.get()
    assert order.status == "confirmed"
    assert Attempt.objects.get(channel=shop.channels["twilio"]).text == text
    shop.until(lambda: ReceiptRecord.objects.filter(status="delivered").exists())
    state = Delivery.objects.get(channel=shop.channels["twilio"]).state
    assert state == Delivery.State.DELIVERED


def test_every_change_has_a_decision_from_every_rule(shop: Shop):
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    rules = set(shop.brand.rules.filter(active=True).values_list("slug", flat=True))
    for change in StatusChange.objects.all():
        decided = Decision.objects.filter(change=change).values_list("rule__slug", flat=True)
        assert set(decided) == rules
    sentences = list(Decision.objects.values_list("sentence", flat=True))
    assert any("tells Ada by sms" in sentence for sentence in sentences)
    assert all(sentence.endswith((".", "!")) for sentence in sentences)


def test_the_same_change_by_four_topics_makes_one_message(shop: Shop):
    for topic in ("orders/create", "orders/updated", "orders/paid", "orders/fulfilled"):
        shop.post(shopify_order(), topic)
    shop.pump()
    assert InboundEvent.objects.count() == 4
    assert len(shop.texts("twilio")) == 1


def test_a_test_order_messages_nobody_and_says_why(shop: Shop):
    shop.post(shopify_order(test=True), "orders/create")
    shop.pump()
    assert shop.sandbox.messages() == []
    assert Decision.objects.filter(reason="test_order", verdict="skip").exists()
    assert not Delivery.objects.exists()


def test_the_order_walks_to_picked_up_and_the_phone_hears_of_each_step(shop: Shop):
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    for status in ("preparing", "ready", "picked_up"):
        set_status(Order.objects.get(), "main", status, actor="kim", now=timezone.now())
        shop.pump()
    heard = shop.texts("twilio", PHONE)
    assert len(heard) == 3
    assert "ready" in heard[1].lower()


def test_a_newer_fact_replaces_one_that_is_still_held(shop: Shop):
    shop.brand.rules.update(hold_seconds=60)
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    assert shop.texts("twilio") == []
    set_status(Order.objects.get(), "main", "ready", actor="kim", now=timezone.now())
    shop.pump()
    assert len(shop.texts("twilio")) == 1
    assert Decision.objects.filter(reason="superseded", audience="customer").count() == 1
    assert Delivery.objects.filter(state="cancelled").count() >= 1


def test_an_order_cancelled_meanwhile_is_not_announced_as_ready(shop: Shop):
    shop.brand.rules.filter(slug="customer-critical").update(active=False)
    shop.brand.rules.update(hold_seconds=2)
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    shop.post(
        shopify_order(minute=4, cancelled_at="2026-11-21T12:04:00-05:00", cancel_reason="staff"),
        "orders/cancelled",
    )
    shop.pump()
    Delivery.objects.filter(state="queued").update(due_at=timezone.now())
    shop.pump()
    assert shop.texts("twilio") == []
    assert Decision.objects.filter(reason="no_longer_true").exists()


def test_stop_ends_messages_at_once_and_the_next_channel_takes_over(shop: Shop):
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    shop.sandbox_inbound("STOP")
    shop.until(lambda: shop.brand.consentevent_set.filter(action="withdraw").exists())
    set_status(Order.objects.get(), "main", "ready", actor="kim", now=timezone.now())
    shop.pump()
    assert not any("ready" in text.lower() for text in shop.texts("twilio", PHONE)[1:])
    assert any("ready" in text.lower() for text in shop.texts("sendgrid"))


def test_where_is_my_order_is_answered_from_the_timeline(shop: Shop):
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    shop.sandbox_inbound("Where is my order?")
    shop.until(lambda: Delivery.objects.filter(notification__event="where").exists())
    shop.pump()
    assert "#1001" in shop.texts("twilio", PHONE)[-1]


def test_a_number_that_does_not_exist_is_left_alone_and_email_takes_over(shop: Shop):
    shop.post(shopify_order(phone="+15005550001"), "orders/create")
    shop.pump()
    assert shop.texts("twilio") == []
    assert len(shop.texts("sendgrid")) == 1
    assert Decision.objects.filter(reason="fallback").count() == 1


def test_a_forged_receipt_does_nothing(shop: Shop):
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    channel = shop.channels["twilio"]
    shop.until(lambda: Delivery.objects.filter(channel=channel, state="delivered").exists())
    sid = Attempt.objects.get(channel=channel).provider_message_id
    answer = shop.client.post(
        f"/receipts/{channel.key}/",
        {"MessageSid": sid, "MessageStatus": "failed"},
        headers={"x-twilio-signature": "Zm9yZ2Vk"},
    )
    assert answer.status_code == 401
    assert Delivery.objects.get(channel=channel).state == "delivered"


@pytest.mark.parametrize("status", [500, 429])
def test_a_provider_in_trouble_is_tried_again_and_the_message_arrives_once(shop: Shop, status: int):
    shop.sandbox.set_fault("twilio", "status", status=status, count=2, retry_after=0)
    shop.post(shopify_order(), "orders/create")
    for _ in range(4):
        shop.pump()
        Delivery.objects.filter(state="queued").update(due_at=timezone.now())
        ChannelHealth.objects.update(resting_until=None)  # the pause it asked for is over
    assert len(shop.texts("twilio", PHONE)) == 1
    assert Attempt.objects.filter(channel=shop.channels["twilio"]).count() == 3


def test_an_answer_lost_after_acceptance_is_looked_up_and_not_sent_twice(shop: Shop):
    shop.sandbox.set_fault("twilio", "drop_after_accept", count=1)
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    delivery = Delivery.objects.get(channel=shop.channels["twilio"])
    assert delivery.state in ("unknown", "sent", "delivered")
    for _look in range(5):  # a receipt that is coming in just then may hold the row
        Delivery.objects.filter(state="unknown").update(lease_until=timezone.now())
        shop.pump()
    delivery.refresh_from_db()
    assert delivery.state in ("sent", "delivered")
    assert len(shop.texts("twilio", PHONE)) == 1


def test_without_the_signal_the_messages_still_go(shop: Shop, monkeypatch):
    monkeypatch.setattr("orders.signals.order_status_changed.receivers", [])
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    assert len(shop.texts("twilio")) == 1
