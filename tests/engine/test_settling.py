"""What became of a try is recorded once, by whoever holds the delivery, and never undone."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from channels_app.contract import Accepted, Receipt, ReceiptStatus
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel
from consents.models import ContactPoint
from notifications import context, outcomes, receipts, unknown
from notifications.models import Attempt, Decision, Delivery, Notification
from orders.models import Order
from tests.factories import ChannelFactory, GroupFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = Delivery.State


@pytest.fixture
def scene() -> Any:
    """An order, and two channels that reach its customer."""
    order: Order = GroupFactory().order
    sms = ChannelFactory(brand_id=order.brand_id, provider="twilio")
    email = ChannelFactory(brand_id=order.brand_id, provider="sendgrid")
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
    return SimpleNamespace(order=order, sms=sms, email=email, points=points)


def owe(scene: Any, state: str = State.SENDING, **fields: Any) -> Delivery:
    """A delivery by text, with email as the next route."""
    now = timezone.now()
    notification = Notification.objects.create(
        brand_id=scene.order.brand_id,
        intent=f"test:{Notification.objects.count()}",
        order=scene.order,
        customer=scene.order.customer,
        event="ready",
        audience="customer",
        purpose="order",
        useful_until=now + timedelta(minutes=20),
        routes=fields.pop("routes", [email_route(scene)]),
    )
    return Delivery.objects.create(
        brand_id=scene.order.brand_id,
        notification=notification,
        order=scene.order,
        channel=scene.sms,
        contact_point=scene.points[0],
        address="+12025550143",
        ref=f"ref{Delivery.objects.count()}",
        state=state,
        lease_token=fields.pop("lease_token", "mine"),
        **fields,
    )


def email_route(scene: Any) -> dict[str, Any]:
    return {
        "family": "email",
        "channel": scene.email.pk,
        "contact_point": scene.points[1].pk,
        "address": "ada@example.com",
    }


def job_of(delivery: Delivery) -> context.Job:
    return context.load([delivery.pk])[0]


def refused() -> SendError:
    return SendError(FailureKind.CONTENT_REJECTED, "30007", "Filtered.")


def settle(job: context.Job, ending: Accepted | SendError) -> None:
    outcomes.settle([outcomes.Result(job, ending)], timezone.now())


def tell(channel: Channel, status: ReceiptStatus, ref: str, **more: Any) -> None:
    receipts.apply(
        channel, [Receipt(message_id="", status=status, ref=ref, **more)], timezone.now()
    )


def test_a_failure_that_comes_after_proof_of_arrival_does_not_undo_it(scene: Any):
    delivery = owe(scene)
    job = job_of(delivery)
    tell(scene.sms, ReceiptStatus.DELIVERED, delivery.ref)
    settle(job, refused())
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert Delivery.objects.count() == 1


def test_a_receipt_and_our_own_settling_fall_back_once(scene: Any):
    delivery = owe(scene)
    job = job_of(delivery)
    tell(scene.sms, ReceiptStatus.FAILED, delivery.ref)
    settle(job, refused())
    assert Delivery.objects.filter(channel=scene.email).count() == 1
    assert Decision.objects.filter(reason="fallback").count() == 1


def test_acceptance_after_a_failing_receipt_does_not_say_told_while_the_fallback_is_queued(
    scene: Any,
):
    delivery = owe(scene)
    job = job_of(delivery)
    tell(scene.sms, ReceiptStatus.FAILED, delivery.ref)
    settle(job, Accepted("SM1"))
    assert Notification.objects.get().state == Notification.State.OPEN
    assert Attempt.objects.filter(ending="accepted").count() == 1


def test_a_failure_of_a_lost_lease_leaves_the_new_holder_alone(scene: Any):
    delivery = owe(scene)
    job = job_of(delivery)
    Delivery.objects.update(lease_token="theirs")
    for ending in (refused(), SendError(FailureKind.TRANSIENT), SendError(FailureKind.UNKNOWN)):
        settle(job, ending)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lease_token) == (State.SENDING, "theirs")
    assert Delivery.objects.count() == 1


def test_acceptance_of_a_lost_lease_keeps_the_message_from_going_twice(scene: Any):
    delivery = owe(scene)
    job = job_of(delivery)
    Delivery.objects.update(state=State.QUEUED)
    settle(job, Accepted("SM1"))
    delivery.refresh_from_db()
    assert delivery.state == State.SENT


def test_a_route_whose_address_was_erased_is_passed_over(scene: Any):
    delivery = owe(scene)
    job = job_of(delivery)
    scene.points[1].delete()
    settle(job, refused())
    assert Notification.objects.get().state == Notification.State.FAILED
    sentence = Decision.objects.get(reason="failed").sentence
    assert "reach Ada" in sentence


def test_one_result_that_cannot_be_recorded_does_not_hold_up_the_others(
    scene: Any, monkeypatch: pytest.MonkeyPatch
):
    bad, good = owe(scene), owe(scene)
    jobs = [job_of(bad), job_of(good)]

    def broken(*_args: Any) -> None:
        raise KeyError("a consequence that is not written yet")

    monkeypatch.setattr(outcomes.fallback, "next_route", broken)
    outcomes.settle(
        [outcomes.Result(jobs[0], refused()), outcomes.Result(jobs[1], Accepted("SM2"))],
        timezone.now(),
    )
    assert Delivery.objects.get(pk=good.pk).state == State.SENT
    assert Delivery.objects.get(pk=bad.pk).state == State.FAILED
    assert Notification.objects.get(pk=bad.notification_id).state == Notification.State.FAILED


def test_a_fate_that_stays_unknown_until_it_is_no_news_is_not_told_and_says_so(scene: Any):
    delivery = owe(scene, State.UNKNOWN)
    job = job_of(delivery)
    later = timezone.now() + timedelta(hours=1)
    unknown.again(job, "again", later)
    delivery.refresh_from_db()
    assert delivery.state == State.EXPIRED
    assert Notification.objects.get().state == Notification.State.FAILED
    assert Decision.objects.filter(reason="failed", delivery=delivery).exists()


def test_what_was_retried_often_and_then_lost_once_is_no_poison(scene: Any):
    delivery = owe(scene, State.UNKNOWN, claims=6)
    delivery.attempts.create(channel=scene.sms, ending="lost")
    for _ in range(5):
        delivery.attempts.create(channel=scene.sms, ending="transient")
    unknown.again(job_of(delivery), "again", timezone.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == (State.QUEUED, "again")


def test_what_was_lost_with_its_process_again_and_again_is_set_aside(scene: Any):
    delivery = owe(scene, routes=[], lease_until=timezone.now() - timedelta(minutes=1))
    for round_ in range(1, unknown.MOST_LOST + 1):
        gone = timezone.now() - timedelta(minutes=1)
        Delivery.objects.update(state=State.SENDING, lease_until=gone)
        assert unknown.expire_leases(10, timezone.now()) == 1
        unknown.again(job_of(delivery), "again", timezone.now())
        delivery.refresh_from_db()
        last = round_ == unknown.MOST_LOST
        assert delivery.state == (State.FAILED if last else State.QUEUED)
    assert delivery.reason == "It was lost with its process too often."


def test_giving_up_on_an_unknown_fate_does_not_undo_a_receipt(scene: Any):
    delivery = owe(scene, State.UNKNOWN)
    job = job_of(delivery)
    tell(scene.sms, ReceiptStatus.DELIVERED, delivery.ref)
    unknown.give_up(job, "It was sent twice without an answer.", timezone.now())
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED
    assert Delivery.objects.count() == 1


def test_the_same_event_twice_in_one_batch_counts_once(scene: Any):
    delivery = owe(scene)
    twice = [
        Receipt(message_id="SM1", status=ReceiptStatus.DELIVERED, ref=delivery.ref, event_id="e1")
    ] * 2
    assert receipts.apply(scene.sms, twice, timezone.now()) == 1


def test_a_complaint_that_is_faster_than_the_settling_still_ends_messages(scene: Any):
    complaint = Receipt(
        message_id="unheard-of",
        status=ReceiptStatus.DELIVERED,
        opt_out=True,
        address="ada@example.com",
    )
    receipts.apply(scene.email, [complaint], timezone.now())
    from_ledger = scene.order.brand.consentevent_set.get()
    assert (from_ledger.action, from_ledger.channel) == ("complaint", "email")


def test_a_complaint_without_an_address_counts_once_its_message_is_known(scene: Any):
    delivery = owe(scene)
    complaint = Receipt(message_id="SM77", status=ReceiptStatus.DELIVERED, opt_out=True)
    receipts.apply(scene.sms, [complaint], timezone.now())
    ledger = scene.order.brand.consentevent_set
    assert not ledger.exists()
    settle(job_of(delivery), Accepted("SM77"))
    assert receipts.match_early(1000, timezone.now()) == 1
    assert (ledger.get().action, ledger.get().channel) == ("complaint", "sms")
    delivery.refresh_from_db()
    assert delivery.state == State.DELIVERED


def test_a_complaint_that_names_its_address_is_written_down_once(scene: Any):
    delivery = owe(scene)
    complaint = Receipt(
        message_id="SM78", status=ReceiptStatus.DELIVERED, opt_out=True, address=delivery.address
    )
    receipts.apply(scene.sms, [complaint], timezone.now())
    settle(job_of(delivery), Accepted("SM78"))
    assert receipts.match_early(1000, timezone.now()) == 1
    assert scene.order.brand.consentevent_set.count() == 1


def test_receipts_for_messages_of_others_cost_two_queries_however_many(
    scene: Any, django_assert_max_num_queries: Any
):
    for number in range(40):
        tell(scene.sms, ReceiptStatus.DELIVERED, f"foreign{number}")
    with django_assert_max_num_queries(3):
        receipts.match_early(1000, timezone.now())
