"""No receipt and no look at the tracking page in time: the next route, once; unless proof comes."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.contract import Accepted, Receipt, ReceiptStatus
from channels_app.failures import FailureKind
from consents.models import ContactPoint
from notifications import confirming, context, library, outcomes, receipts
from notifications.models import Decision, Delivery, Notification, PageView
from orders.models import Order, StatusChange
from tests.engine.test_together import together
from tests.factories import ChannelFactory, GroupFactory, RuleFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State


@pytest.fixture
def scene(travel: Any) -> Any:
    """An order whose rule wants proof within 10 minutes; a text first, then an email."""
    clock = travel("2026-11-21T17:05:00Z")
    order: Order = GroupFactory(status="ready").order
    sms = ChannelFactory(brand_id=order.brand_id, provider="twilio")
    email = ChannelFactory(brand_id=order.brand_id, provider="sendgrid")
    slack = ChannelFactory(brand_id=order.brand_id, provider="slack")
    rule = RuleFactory(brand=order.brand, confirm_minutes=10)
    points = [
        ContactPoint.objects.create(
            brand_id=order.brand_id,
            customer=order.customer,
            kind=kind,
            address=address,
            digest=address,
        )
        for kind, address in (("phone", "+12025550143"), ("email", "ada@example.com"))
    ]
    library.clear()
    return SimpleNamespace(
        clock=clock, order=order, sms=sms, email=email, slack=slack, rule=rule, points=points
    )


def change_of(scene: Any, status: str = "ready") -> StatusChange:
    return StatusChange.objects.create(
        order=scene.order,
        brand=scene.order.brand,
        group_key="main",
        status=status,
        occurrence=str(StatusChange.objects.count()),
        occurred_at=timezone.now(),
        planned_at=timezone.now(),
    )


def owe(scene: Any, channel: Any = None, **fields: Any) -> Delivery:
    """A delivery that is being sent, with email as the next route."""
    now = timezone.now()
    event = fields.pop("event", "ready")
    notification = Notification.objects.create(
        brand_id=scene.order.brand_id,
        intent=f"test:{Notification.objects.count()}",
        order=scene.order,
        customer=scene.order.customer,
        change=change_of(scene, event),
        rule=scene.rule,
        event=event,
        group_key="main",
        audience=fields.pop("audience", "customer"),
        purpose="order",
        useful_until=now + timedelta(hours=1),
        routes=fields.pop("routes", [email_route(scene)]),
    )
    return Delivery.objects.create(
        brand_id=scene.order.brand_id,
        notification=notification,
        order=scene.order,
        channel=channel or scene.sms,
        contact_point=scene.points[0],
        address="+12025550143",
        ref=f"ref{Delivery.objects.count()}",
        state=State.SENDING,
        lease_token="mine",
        created_at=now,
        **fields,
    )


def email_route(scene: Any) -> dict[str, Any]:
    return {
        "family": "email",
        "channel": scene.email.pk,
        "contact_point": scene.points[1].pk,
        "address": "ada@example.com",
    }


def sent(*deliveries: Delivery) -> None:
    """The provider took them; settled as the pump settles."""
    jobs = context.load([one.pk for one in deliveries])
    outcomes.settle([outcomes.Result(job, Accepted("SM1")) for job in jobs], timezone.now())


def later(scene: Any, minutes: float) -> int:
    """So many minutes later every pump sweeps; how many deliveries were looked at."""
    scene.clock.shift(timedelta(minutes=minutes))
    return confirming.run_due(timezone.now())


def tell(delivery: Delivery, status: ReceiptStatus, **more: Any) -> None:
    told = Receipt(message_id="", status=status, ref=delivery.ref, **more)
    receipts.apply(delivery.channel, [told], timezone.now())


def again(delivery: Delivery) -> Delivery:
    return Delivery.objects.select_related("notification", "channel").get(pk=delivery.pk)


def fallback() -> Delivery:
    return Delivery.objects.get(channel__provider="sendgrid")


# --- Waiting ---------------------------------------------------------------------
def test_what_is_sent_for_such_a_rule_waits_for_proof(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    assert again(delivery).confirm_by == timezone.now() + timedelta(minutes=10)


def test_other_rules_wait_for_nothing(scene: Any):
    scene.rule.confirm_minutes = None
    scene.rule.save()
    library.clear()
    delivery = owe(scene)
    sent(delivery)
    assert again(delivery).confirm_by is None


def test_a_batch_costs_one_update_for_each_length_of_wait(
    scene: Any, django_assert_max_num_queries: Any
):
    other = RuleFactory(brand=scene.order.brand, confirm_minutes=3)
    many = [owe(scene) for _n in range(4)]
    Notification.objects.filter(pk=many[0].notification_id).update(rule=other)
    library.clear()
    jobs = context.load([one.pk for one in many])
    results = [outcomes.Result(job, Accepted("SM1")) for job in jobs]
    with django_assert_max_num_queries(12):
        outcomes.settle(results, timezone.now())
    waits = Delivery.objects.order_by("id").values_list("confirm_by", flat=True)
    now = timezone.now()
    assert [(at - now) / timedelta(minutes=1) for at in waits if at] == [3, 10, 10, 10]


def test_a_receipt_that_is_faster_than_our_own_record_starts_the_wait_too(scene: Any):
    delivery = owe(scene)
    tell(delivery, ReceiptStatus.SENT)
    sent(delivery)
    assert again(delivery).confirm_by == timezone.now() + timedelta(minutes=10)


# --- Nothing comes ---------------------------------------------------------------
def test_without_a_receipt_and_a_view_the_next_route_takes_over_once(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    assert later(scene, 9) == 0
    assert later(scene, 1) == 1
    assert fallback().state == State.QUEUED
    assert Decision.objects.get().sentence == (
        "No receipt from sms and no look at the tracking page in 10 min; email takes over."
    )
    assert later(scene, 60) == 0
    assert Delivery.objects.count() == 2
    assert again(delivery).reason.startswith("No receipt from sms")


def test_without_another_route_it_counts_as_not_told_exactly_once(scene: Any):
    delivery = owe(scene, routes=[])
    sent(delivery)
    later(scene, 10)
    later(scene, 10)
    assert again(delivery).state == State.SENT
    assert again(delivery).notification.state == Notification.State.FAILED
    assert Decision.objects.get(reason="unheard").sentence.endswith(
        "in 10 min, and there is no other way to reach Ada."
    )


def test_when_the_last_route_fails_after_an_unconfirmed_one_it_counts_as_not_told(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    later(scene, 10)
    second = fallback()
    Delivery.objects.filter(pk=second.pk).update(state=State.SENT)
    tell(second, ReceiptStatus.FAILED, failure=FailureKind.RECIPIENT_INVALID)
    assert again(delivery).notification.state == Notification.State.FAILED


def test_two_ways_at_once_that_both_stay_silent_are_one_failure(scene: Any):
    delivery = owe(scene, routes=[])
    twin = Delivery.objects.create(
        brand_id=delivery.brand_id, notification=delivery.notification, order=delivery.order,
        channel=scene.sms, address="+12025550199", ref="twin", state=State.SENDING,
        lease_token="mine", created_at=delivery.created_at,
    )  # fmt: skip
    sent(delivery, twin)
    later(scene, 10)
    assert Decision.objects.filter(reason="unheard").count() == 1


def test_a_channel_without_receipts_waits_for_a_view_only_and_says_so(scene: Any):
    delivery = owe(scene, scene.slack)
    sent(delivery)
    later(scene, 10)
    assert Decision.objects.get().sentence.startswith(
        "team cannot report that it arrived, and nobody looked at the tracking page in 10 min;"
    )


def test_staff_have_no_tracking_page_so_a_room_without_receipts_waits_for_nothing(scene: Any):
    delivery = owe(scene, scene.slack, audience="staff")
    sent(delivery)
    assert again(delivery).confirm_by is None


def test_a_look_at_the_page_does_not_tell_of_a_refund(scene: Any):
    delivery = owe(scene, event="refund")
    sent(delivery)
    PageView.objects.create(order=scene.order, status="ready", seen_at=timezone.now())
    later(scene, 10)
    assert Decision.objects.get().sentence == "No receipt from sms in 10 min; email takes over."


def test_one_that_cannot_be_followed_up_does_not_keep_the_others_from_it(
    scene: Any, monkeypatch: pytest.MonkeyPatch
):
    first, second = owe(scene), owe(scene, event="confirmed")
    Notification.objects.filter(pk=second.notification_id).update(group_key="other")
    sent(first, second)
    real = confirming.next_route

    def picky(notification: Any, *args: Any) -> Any:
        if notification.pk == first.notification_id:
            raise ZeroDivisionError
        return real(notification, *args)

    monkeypatch.setattr(confirming, "next_route", picky)
    later(scene, 10)
    assert fallback().notification_id == second.notification_id
    monkeypatch.undo()
    later(scene, 6)
    assert Delivery.objects.filter(channel=scene.email).count() == 2


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="Did not run: SQLite has one writer at a time"
)
def test_two_pumps_take_over_once(scene: Any):
    many = [owe(scene) for _n in range(8)]
    for number, one in enumerate(many):
        Notification.objects.filter(pk=one.notification_id).update(group_key=str(number))
    sent(*many)
    scene.clock.shift(timedelta(minutes=10))
    now = timezone.now()
    together(*[lambda: confirming.run_due(now)] * 2)
    assert Delivery.objects.filter(channel=scene.email).count() == 8


def test_asking_whether_any_is_due_reads_the_small_index(scene: Any):
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            f"{explain} SELECT 1 FROM notifications_delivery WHERE {confirming._DUE} LIMIT 1",
            [timezone.now()],
        )
        assert "delivery_unconfirmed" in str(cursor.fetchall())


# --- Proof -----------------------------------------------------------------------
@pytest.mark.parametrize("status", [ReceiptStatus.DELIVERED, ReceiptStatus.READ])
def test_a_receipt_of_arrival_ends_the_wait(scene: Any, status: ReceiptStatus):
    delivery = owe(scene)
    sent(delivery)
    tell(delivery, status)
    later(scene, 10)
    assert Delivery.objects.count() == 1


def test_a_view_since_the_message_was_sent_ends_the_wait(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    PageView.objects.create(order=scene.order, status="ready", seen_at=timezone.now())
    assert later(scene, 10) == 1
    assert Delivery.objects.count() == 1
    assert again(delivery).failure == ""


def test_a_view_from_before_proves_nothing(scene: Any):
    PageView.objects.create(
        order=scene.order, status="preparing", seen_at=timezone.now() - timedelta(minutes=1)
    )
    delivery = owe(scene)
    sent(delivery)
    later(scene, 10)
    assert fallback().state == State.QUEUED


def test_newer_news_that_was_told_needs_no_second_route_for_the_older(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    newer = owe(scene, event="picked_up")
    tell(newer, ReceiptStatus.DELIVERED)
    later(scene, 10)
    assert Delivery.objects.count() == 2
    assert not Decision.objects.exists()


def test_a_late_receipt_calls_off_the_route_that_has_not_gone_yet(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    later(scene, 10)
    tell(delivery, ReceiptStatus.DELIVERED)
    assert (again(delivery).state, again(delivery).failure) == (State.DELIVERED, "")
    assert fallback().state == State.CANCELLED
    assert again(delivery).notification.state == Notification.State.DONE
    assert Decision.objects.get(reason="informed").sentence == (
        "A receipt from sms came after all: email is not needed any more."
    )


def test_a_late_receipt_leaves_a_route_that_is_on_the_wire_alone(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    later(scene, 10)
    Delivery.objects.filter(pk=fallback().pk).update(state=State.SENDING)
    tell(delivery, ReceiptStatus.DELIVERED)
    assert fallback().state == State.SENDING


def test_a_failing_receipt_after_the_take_over_opens_no_third_way(scene: Any):
    push = {**email_route(scene), "family": "chat"}
    delivery = owe(scene, routes=[email_route(scene), push])
    sent(delivery)
    later(scene, 10)
    tell(delivery, ReceiptStatus.FAILED, failure=FailureKind.TRANSIENT)
    assert again(delivery).state == State.FAILED
    assert Delivery.objects.count() == 2


def test_failed_and_then_delivered_in_one_call_keeps_the_other_route_at_home(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    told = [
        Receipt(message_id="", status=status, ref=delivery.ref, event_id=str(status))
        for status in (ReceiptStatus.FAILED, ReceiptStatus.DELIVERED)
    ]
    scene.clock.shift(timedelta(seconds=1))
    receipts.apply(delivery.channel, told, timezone.now())
    assert again(delivery).state == State.DELIVERED
    assert fallback().state == State.CANCELLED


def test_a_view_calls_off_a_route_that_has_not_gone_yet(scene: Any):
    delivery = owe(scene)
    sent(delivery)
    later(scene, 10)
    assert confirming.seen(scene.order.pk, timezone.now()) == 1
    assert fallback().state == State.CANCELLED
    assert again(delivery).notification.state == Notification.State.DONE
    sentence = Decision.objects.get(reason="informed").sentence
    assert sentence == "Ada looked at the tracking page: email is not needed any more."


def test_a_view_leaves_first_messages_and_those_to_staff_alone(scene: Any):
    first, staff = owe(scene), owe(scene, audience="staff")
    Delivery.objects.update(state=State.QUEUED)
    scene.clock.shift(timedelta(minutes=1))
    Delivery.objects.filter(pk=staff.pk).update(created_at=timezone.now())
    assert confirming.seen(scene.order.pk, timezone.now()) == 0
    assert {again(one).state for one in (first, staff)} == {State.QUEUED}
