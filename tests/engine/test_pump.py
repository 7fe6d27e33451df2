"""One bad row, one bad channel, one bad stage: the pump goes on with all the others."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.models import Channel
from notifications import calling, library, pump
from notifications.models import Decision, Delivery, Notification
from notifications.pump import Pump
from notifications.taking import claim_oldest, look
from orders.models import Order
from orders.timeline import set_status
from tests.journeys.shop import PHONE, Shop, open_shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(sandbox: Any, client: Any, travel: Any) -> Shop:
    travel("2026-11-21T17:05:00Z")
    return open_shop(sandbox, client)


def planned(shop: Shop) -> None:
    """An order confirmed; its messages are planned and due."""
    shop.post(shopify_order(), "orders/create")
    library.clear()
    now = timezone.now()
    assert pump.normalise(200, now)
    assert pump.plan(200, now)


def to(provider: str) -> Delivery:
    return Delivery.objects.get(channel__provider=provider)


def test_a_delivery_that_cannot_be_written_fails_alone_and_falls_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    planned(shop)
    compose = pump.compose

    def picky(job: Any, now: Any) -> Any:
        if job.channel.provider == "twilio":
            raise ZeroDivisionError("a template's odd number")
        return compose(job, now)

    monkeypatch.setattr(pump, "compose", picky)
    shop.pump()
    assert len(shop.texts("slack")) == 1
    assert to("twilio").state == Delivery.State.FAILED
    assert len(shop.texts("sendgrid")) == 1


def test_a_provider_that_breaks_in_an_unheard_of_way_leaves_an_unknown_fate_not_a_silent_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    planned(shop)

    async def broken(*_args: Any) -> Any:
        raise RuntimeError("the loop fell over")

    monkeypatch.setattr(calling, "send", broken)
    work = Pump()
    work.drain()
    assert set(Delivery.objects.values_list("state", flat=True)) == {Delivery.State.UNKNOWN}
    assert not any(work._lanes.in_flight.values())


def test_a_channel_whose_credentials_cannot_be_read_holds_up_no_other(shop: Shop):
    planned(shop)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_channel SET credentials = 'not-a-token' WHERE provider = 'twilio'"
        )
    library._channels.clear()
    assert {one.channel.provider for one in look(timezone.now())[0]} == {"slack"}


def test_a_stage_that_fails_does_not_keep_what_is_due_from_being_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    planned(shop)

    def broken(*_args: Any) -> int:
        raise LookupError("a rule of a kind that nobody knows")

    monkeypatch.setattr(pump, "plan", broken)
    with pytest.raises(LookupError):
        Pump().drain()
    assert Delivery.objects.filter(state=Delivery.State.QUEUED).count() == 0


def test_a_channel_that_is_switched_off_sends_nothing_more_and_the_next_takes_over(shop: Shop):
    planned(shop)
    library.channel(shop.channels["twilio"].pk)
    Channel.objects.filter(provider="twilio").update(enabled=False)
    library.refresh_channels()
    Pump().drain()
    assert shop.texts("twilio") == []
    assert len(shop.texts("sendgrid")) == 1
    assert "switched off" in Decision.objects.get(reason="channel_paused").sentence


def test_a_message_without_another_way_waits_for_its_paused_channel(shop: Shop):
    planned(shop)
    until = timezone.now() + timedelta(minutes=15)
    Channel.objects.filter(provider="slack").update(paused_until=until, paused_why="401.")
    shop.pump()
    delivery = to("slack")
    assert (delivery.state, delivery.due_at) == (Delivery.State.QUEUED, until)
    assert Decision.objects.get(reason="channel_paused").verdict == "defer"


def test_an_order_that_turns_out_to_be_a_test_is_not_announced(shop: Shop):
    planned(shop)
    Order.objects.update(is_test=True)
    shop.pump()
    assert shop.sandbox.messages() == []


def test_nothing_is_sent_to_an_address_that_was_erased(shop: Shop):
    planned(shop)
    to("twilio").contact_point.delete()  # type: ignore[union-attr]
    shop.pump()
    assert shop.texts("twilio", PHONE) == []
    assert Decision.objects.filter(reason="consent").exists()


def test_a_retry_is_not_sent_after_newer_news(shop: Shop):
    planned(shop)
    old = to("twilio")
    Delivery.objects.filter(pk=old.pk).update(state=Delivery.State.SENDING, claims=1)
    set_status(Order.objects.get(), "main", "ready", actor="kim", now=timezone.now())
    shop.pump()
    Delivery.objects.filter(pk=old.pk).update(state=Delivery.State.QUEUED)
    shop.pump()
    (text,) = shop.texts("twilio", PHONE)
    assert "ready" in text.lower()
    assert Decision.objects.filter(reason="superseded", delivery=old).exists()


def test_the_decision_on_replaced_news_names_whom_it_was_for(shop: Shop):
    planned(shop)
    shop.post(shopify_order(minute=4, cancelled_at="2026-11-21T12:04:00-05:00"), "orders/updated")
    now = timezone.now()
    assert pump.normalise(200, now)
    assert pump.plan(200, now)
    replaced = Decision.objects.filter(reason="superseded").order_by("audience")
    room = Delivery.objects.get(channel__provider="slack", state="cancelled")
    assert room.notification.destination is not None
    assert {one.audience: one.recipient for one in replaced} == {
        "customer": "Ada",
        "staff": room.notification.destination.name,
    }


def test_what_came_too_late_to_be_sent_counts_as_not_told(shop: Shop, travel: Any):
    planned(shop)
    travel("2026-11-22T17:05:00Z")
    shop.pump()
    assert set(Notification.objects.values_list("state", flat=True)) == {"failed"}


def test_urgent_deliveries_are_claimed_first(shop: Shop):
    planned(shop)
    channel = shop.channels["twilio"]
    first = to("twilio")
    urgent = Delivery.objects.create(
        brand_id=first.brand_id,
        notification=first.notification,
        channel=channel,
        address=PHONE,
        ref="urgent",
        urgent=True,
        due_at=first.due_at,
    )
    assert [pk for pk, _late in claim_oldest(channel.pk, 1, timezone.now())] == [urgent.pk]
    assert [pk for pk, _late in claim_oldest(channel.pk, 1, timezone.now())] == [first.pk]
