"""Customers whom nothing reached: one task each, with the next best act, closed by the truth."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from channels_app.contract import Receipt, ReceiptStatus
from channels_app.failures import FailureKind, SendError
from notifications import context, incidents, outcomes, planning, receipts, unknown, unreached
from notifications.gating import Stop
from notifications.models import Delivery, Incident, Notification, PageView
from notifications.reasons import Reason
from orders.models import FulfilmentGroup, Order, StatusChange
from tests.factories import ChannelFactory, GroupFactory, OrderFactory, StoreFactory

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
REFUSED = SendError(FailureKind.CONTENT_REJECTED, "30007", "Filtered.")


@pytest.fixture
def scene() -> Any:
    """An order that is ready, its customer's address, and a channel."""
    store = StoreFactory(language="en")
    order = OrderFactory(
        brand=store.brand, connection__brand=store.brand, store=store, status="ready"
    )
    GroupFactory(order=order, status="ready", own_status="ready")
    return SimpleNamespace(order=order, channel=ChannelFactory(brand_id=order.brand_id))


def change_of(order: Order, status: str, minute: float = 0, **fields: Any) -> StatusChange:
    return StatusChange.objects.create(
        order=order,
        brand_id=order.brand_id,
        group_key=fields.pop("group_key", "main"),
        status=status,
        occurrence=str(StatusChange.objects.count()),
        occurred_at=NOW + timedelta(minutes=minute),
        planned_at=fields.pop("planned_at", NOW),
        **fields,
    )


def owe(scene: Any, event: str = "ready", change: StatusChange | None = None) -> Delivery:
    """A message that is being sent by its only route."""
    order = scene.order
    notification = Notification.objects.create(
        brand_id=order.brand_id,
        intent=f"test:{Notification.objects.count()}",
        change=change or change_of(order, event),
        order=order,
        store=order.store,
        customer=order.customer,
        group_key="main",
        event=event,
        audience="customer",
        purpose="order",
        useful_until=NOW + timedelta(minutes=20),
    )
    return Delivery.objects.create(
        brand_id=order.brand_id,
        notification=notification,
        order=order,
        channel=scene.channel,
        address="+12025550143",
        ref=f"ref{Delivery.objects.count()}",
        state="sending",
        lease_token="mine",
    )


def fail(delivery: Delivery, minute: float = 1) -> None:
    job = context.load([delivery.pk])[0]
    outcomes.settle([outcomes.Result(job, REFUSED)], NOW + timedelta(minutes=minute))


def tasks(**fields: Any) -> list[Incident]:
    return list(Incident.objects.filter(kind="unreached", **fields).order_by("id"))


def test_the_last_route_fails_and_a_person_is_asked_at_once(scene: Any):
    fail(owe(scene))
    [task] = tasks()
    number = scene.order.display_number
    assert task.title == f"Ada was not told that order {number} is ready"
    assert (task.next_act, task.state) == ("Call Ada", "open")
    assert (task.order, task.store) == (scene.order, scene.order.store)
    assert task.due_at == NOW + timedelta(minutes=1)
    assert "Filtered" in task.detail


@pytest.mark.parametrize("event", ["placed", "confirmed", "delivered", "eta"])
def test_what_nobody_waits_for_makes_no_task(scene: Any, event: str):
    Order.objects.update(status=event)
    FulfilmentGroup.objects.update(status=event)
    fail(owe(scene, event))
    assert tasks() == []


@pytest.mark.parametrize(
    ("event", "status", "phone", "name", "act"),
    [
        ("ready", "ready", "+12025550143", "Ada", "Call Ada"),
        ("ready", "ready", "+12025550143", "", "Call the customer"),
        ("ready", "ready", "", "Ada", "Keep it at the counter"),
        ("out_for_delivery", "out_for_delivery", "", "Ada", "Ask the driver"),
        ("cancelled", "cancelled", "", "Ada", "Write to them where the order came from"),
    ],
)
def test_the_next_best_act(scene: Any, event: str, status: str, phone: str, name: str, act: str):
    Order.objects.update(status=status, contact_phone=phone, contact_given_name=name)
    FulfilmentGroup.objects.update(status=status)
    fail(owe(scene, event))
    assert [task.next_act for task in tasks()] == [act]


def test_one_task_for_an_order_and_phase(scene: Any):
    change = change_of(scene.order, "ready")
    fail(owe(scene, change=change))
    fail(owe(scene, change=change), minute=2)
    assert len(tasks()) == 1
    incidents.resolve_one(tasks()[0], "Reached by phone.", NOW)
    fail(owe(scene, change=change), minute=3)
    assert [task.state for task in tasks()] == ["resolved"]


def test_no_task_for_whoever_was_told_otherwise(scene: Any):
    change = change_of(scene.order, "ready")
    Notification.objects.filter(pk=owe(scene, change=change).notification_id).update(state="done")
    fail(owe(scene, change=change))
    assert tasks() == []


@pytest.mark.parametrize(("minute", "count"), [(-5, 1), (0.5, 0)])
def test_no_task_for_whoever_saw_the_tracking_page_since(scene: Any, minute: float, count: int):
    PageView.objects.create(
        order=scene.order, status="ready", seen_at=NOW + timedelta(minutes=minute)
    )
    fail(owe(scene))
    assert len(tasks()) == count


@pytest.mark.parametrize("fields", [{"is_test": True}, {"archived_at": NOW}])
def test_no_task_for_orders_of_which_nobody_is_told(scene: Any, fields: dict[str, Any]):
    Order.objects.update(**fields)
    fail(owe(scene))
    assert tasks() == []


def test_no_task_for_what_the_order_has_left_behind(scene: Any):
    delivery = owe(scene)
    FulfilmentGroup.objects.update(status="out_for_delivery")
    fail(delivery)
    assert tasks() == []


def test_too_late_to_be_sent_is_not_told_either(scene: Any):
    delivery = owe(scene)
    job = context.load([delivery.pk])[0]
    late = Stop(Reason.EXPIRED, Delivery.State.EXPIRED, values={"until": "18:20 UTC"})
    outcomes.stopped([(job, late)], NOW + timedelta(minutes=21))
    assert len(tasks()) == 1


def test_a_late_receipt_closes_the_task_with_a_note(scene: Any):
    delivery = owe(scene)
    fail(delivery)
    receipts.apply(
        scene.channel,
        [Receipt(message_id="", status=ReceiptStatus.DELIVERED, ref=delivery.ref)],
        NOW + timedelta(minutes=5),
    )
    [task] = tasks()
    assert (task.state, task.due_at) == ("resolved", None)
    assert "receipt" in task.resolved_why


def test_a_look_at_the_tracking_page_closes_it(scene: Any):
    fail(owe(scene))
    assert unreached.seen(scene.order.pk, NOW) == 1
    assert unreached.seen(scene.order.pk, NOW) == 0
    assert "tracking page" in tasks()[0].resolved_why


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "resolved"),
        ({"group_key": ""}, "resolved"),
        ({"part": True}, "resolved"),
        ({"part": True, "group_key": "other"}, "open"),
        ({"applied": False}, "open"),
        ({"fact": "eta"}, "open"),
    ],
)
def test_the_order_moves_on_and_its_task_is_over(scene: Any, fields: dict[str, Any], state: str):
    fail(owe(scene))
    change_of(scene.order, "picked_up", minute=9, planned_at=None, **fields)
    planning.plan(10, NOW + timedelta(minutes=9))
    assert tasks()[0].state == state


def test_a_customer_of_another_order_is_left_alone(scene: Any):
    fail(owe(scene))
    other = OrderFactory(brand=scene.order.brand, connection=scene.order.connection)
    change_of(other, "picked_up", planned_at=None)
    planning.plan(10, NOW)
    assert tasks()[0].state == "open"


def test_what_the_page_does_not_say_is_not_known_from_it(scene: Any):
    fail(owe(scene, "attempted", change_of(scene.order, "", fact="attempted")))
    assert unreached.seen(scene.order.pk, NOW) == 0
    assert tasks()[0].state == "open"


def test_whether_it_was_sent_may_be_unknown_and_the_task_says_so(scene: Any):
    delivery = owe(scene)
    Delivery.objects.filter(pk=delivery.pk).update(state="unknown")
    unknown.give_up(context.load([delivery.pk])[0], "It was sent twice without an answer.", NOW)
    task = Incident.objects.get()
    assert (task.kind, task.next_act) == ("unknown", "Call Ada")
    assert task.title.startswith("Ada may not know")
    assert unreached.seen(scene.order.pk, NOW) == 1


def test_the_task_names_no_address(scene: Any):
    delivery = owe(scene)
    said = SendError(
        FailureKind.RECIPIENT_INVALID, "21211", "To +1 (202) 555-0143 or a@b.org is bad"
    )
    job = context.load([delivery.pk])[0]
    outcomes.settle([outcomes.Result(job, said)], NOW)
    assert tasks()[0].detail == "21211 To … or … is bad"


def test_the_task_speaks_the_language_of_the_store(scene: Any):
    scene.order.store.language = "es"
    scene.order.store.save()
    fail(owe(scene))
    assert tasks()[0].next_act == "Llama a Ada"
