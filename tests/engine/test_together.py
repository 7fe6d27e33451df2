"""Several processes work on the same orders and people at once; PostgreSQL only.

SQLite has one writer at a time, so nothing there can happen together.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from notifications import library, planning
from notifications.models import Delivery
from notifications.planning import plan
from orders import customers, loading, lock_waits
from orders.claiming import claim
from orders.contract import Contact, Group, OrderEvent
from orders.loading import Word
from orders.models import Customer, Order, StatusChange
from orders.timeline import record
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    GroupFactory,
    RuleFactory,
    TemplateFactory,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="Did not run: SQLite has one writer at a time"
    ),
]
WAIT = 20


def together(*works: Callable[[], Any]) -> None:
    """Run all of `works` at once, each in a thread and connection of its own."""
    errors: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    if errors:
        raise errors[0]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who meets here waits for longer than anybody would in earnest."""
    monkeypatch.setattr(lock_waits, "A_MOMENT", 10_000)


def test_who_finds_an_order_held_gives_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events stay in the inbox and come again; nothing of them is lost, nobody waits."""
    monkeypatch.setattr(lock_waits, "A_MOMENT", 50)
    order = GroupFactory().order
    word = Word(event(1), order.connection, order_id=order.pk)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Order.objects.select_for_update().filter(pk=order.pk))
            held.set()
            done.wait(10)

    def give_up() -> None:
        held.wait(10)
        try:
            with pytest.raises(OperationalError) as caught:
                record([word], timezone.now(), in_a_hurry=True)
            assert lock_waits.is_held(caught.value)
        finally:
            done.set()

    together(hold, give_up)
    assert record([word], timezone.now()).orders[0] is not None


def meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, seconds: float) -> None:
    """Two threads meet right after `module.name`, or give up waiting for each other."""
    barrier = threading.Barrier(2)
    real = getattr(module, name)

    def and_meet(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(seconds)  # in vain when the other one waits for a lock of ours
        return found

    monkeypatch.setattr(module, name, and_meet)


def event(number: int, **more: Any) -> OrderEvent:
    return OrderEvent(
        str(number), "test", status="confirmed", groups=[Group(status="confirmed")], **more
    )


def test_the_first_two_events_of_an_order_make_one_order_and_one_change(
    monkeypatch: pytest.MonkeyPatch,
):
    shop = ConnectionFactory()
    meeting(monkeypatch, loading, "_by_name", 1)
    now = timezone.now()
    together(*[lambda: record([Word(event(1), shop)], now)] * 2)
    assert Order.objects.count() == 1
    assert StatusChange.objects.filter(fact="status").count() == 1


def test_two_batches_with_the_same_new_orders_do_not_wait_in_a_circle():
    shop = ConnectionFactory()
    now = timezone.now()
    numbers = list(range(150))
    for _round in range(3):
        Order.objects.all().delete()
        together(
            lambda: record([Word(event(n), shop) for n in numbers], now),
            lambda: record([Word(event(n), shop) for n in reversed(numbers)], now),
        )
        assert Order.objects.count() == 150


def test_the_same_new_person_met_twice_is_one_customer(monkeypatch: pytest.MonkeyPatch):
    shop = ConnectionFactory()
    contact = Contact(name="Ada", email="ada@example.com", phone="+12025550143")
    meeting(monkeypatch, customers, "_new", 1)
    now = timezone.now()
    together(
        lambda: record([Word(event(1, contact=contact), shop)], now),
        lambda: record([Word(event(2, contact=contact), shop)], now),
    )
    assert Customer.objects.count() == 1
    assert set(Order.objects.values_list("customer", flat=True)) == {Customer.objects.get().pk}


def test_messages_of_an_order_are_written_while_its_next_event_is_merged():
    order = GroupFactory().order
    written = threading.Event()

    def merge() -> None:
        with transaction.atomic():
            loading.load([Word(event(1), order.connection, order_id=order.pk)], timezone.now())
            assert written.wait(5), "a row that points at the order waited for its lock"

    def point_at_it() -> None:
        StatusChange.objects.create(
            order=order, brand=order.brand, status="ready", occurred_at=timezone.now()
        )
        written.set()

    together(merge, point_at_it)


def test_two_processes_that_plan_an_order_at_once_let_the_newer_news_replace_the_older(
    monkeypatch: pytest.MonkeyPatch,
):
    order = GroupFactory(status="preparing").order
    Order.objects.update(status="preparing", base_status="preparing")
    ChannelFactory(brand_id=order.brand_id, provider="twilio")
    RuleFactory(brand=order.brand, events=["confirmed", "preparing"], hold_seconds=60)
    for status in ("confirmed", "preparing"):
        TemplateFactory(brand=order.brand, event=status)
        now = timezone.now()
        StatusChange.objects.create(
            order=order, brand=order.brand, group_key="main", status=status, occurred_at=now
        )
    library.clear()
    meeting(monkeypatch, planning, "contact_points", 1)
    together(*[lambda: plan(1, timezone.now())] * 2)
    while plan(10, timezone.now()):  # whoever found the order held left its change for later
        pass
    alive = Delivery.objects.filter(state=Delivery.State.QUEUED)
    assert [one.notification.event for one in alive] == ["preparing"]


def test_a_claim_is_computed_once_even_when_the_planner_believes_the_table_empty():
    order = GroupFactory().order
    now = timezone.now()
    rows = [
        StatusChange(order=order, brand=order.brand, occurrence=str(n), occurred_at=now)
        for n in range(50)
    ]
    StatusChange.objects.bulk_create(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        for way in ("hashagg", "hashjoin", "mergejoin", "sort", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        taken = claim("orders_statuschange", "planned_at IS NULL", "id", 5, {"planned_at": "now()"})
    assert len(taken) == 5
