"""The inbox is worked off whatever is in it: one bad row keeps nothing else waiting."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from orders import normalising
from orders.contract import Item
from orders.intake import store
from orders.models import InboundEvent, Order, SourceConnection
from orders.normalising import normalise
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = InboundEvent.State


def order_body(number: int, **more: Any) -> dict[str, Any]:
    """A Shopify order, as small as can be."""
    return {
        "id": number,
        "name": f"#{number}",
        "updated_at": "2026-11-21T12:00:00Z",
        "created_at": "2026-11-21T12:00:00Z",
        "confirmed": True,
        "financial_status": "paid",
        "currency": "USD",
        "line_items": [{"id": 1, "name": "Margherita", "quantity": 1}],
        **more,
    }


def arrive(shop: SourceConnection, number: int) -> int:
    """Put an order into the inbox; the row's id."""
    body = json.dumps(order_body(number)).encode()
    item = Item(event_key=f"e{number}", topic="orders/create")
    (pk,) = store(shop, [item], {}, body, timezone.now())
    return pk


@pytest.fixture
def shop() -> SourceConnection:
    connection: SourceConnection = ConnectionFactory(source="shopify")
    return connection


def spoil(monkeypatch: pytest.MonkeyPatch, number: int, error: Exception) -> None:
    """From now on the order `number` cannot be recorded."""
    record = normalising.record

    def picky(words: Any, now: Any, **how: Any) -> Any:
        if any(word.event.external_id == str(number) for word in words):
            raise error
        return record(words, now, **how)

    monkeypatch.setattr(normalising, "record", picky)


@pytest.mark.parametrize("error", [AttributeError("x"), IndexError("x"), RecursionError("x")])
def test_an_event_that_breaks_the_recording_stays_behind_alone(
    shop: SourceConnection, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    bad, good = arrive(shop, 1), arrive(shop, 2)
    spoil(monkeypatch, 1, error)
    assert normalise(200, timezone.now()) == 2
    assert InboundEvent.objects.get(pk=good).state == State.PROCESSED
    assert InboundEvent.objects.get(pk=bad).state == State.FAILED


def test_an_event_that_the_database_refuses_again_and_again_is_set_aside(
    shop: SourceConnection, monkeypatch: pytest.MonkeyPatch
):
    bad = arrive(shop, 1)
    spoil(monkeypatch, 1, OperationalError("index row size exceeds btree maximum"))
    good = arrive(shop, 2)
    now = timezone.now()
    for _round in range(12):
        now += timedelta(minutes=15)
        try:
            normalise(200, now)
        except OperationalError:
            continue
    assert InboundEvent.objects.get(pk=good).state == State.PROCESSED
    row = InboundEvent.objects.get(pk=bad)
    assert row.state == State.FAILED
    assert "set aside" in row.error


def test_after_a_database_hiccup_the_events_come_again_within_seconds(
    shop: SourceConnection, monkeypatch: pytest.MonkeyPatch
):
    arrive(shop, 1)
    with monkeypatch.context() as hiccup:
        spoil(hiccup, 1, OperationalError("deadlock detected"))
        with pytest.raises(OperationalError):
            normalise(200, timezone.now())
    assert normalise(200, timezone.now() + timedelta(seconds=2)) == 1
    assert Order.objects.count() == 1


def test_an_event_that_waits_for_its_order_waits_two_days_however_often_it_is_tried(
    shop: SourceConnection,
):
    pk = arrive(shop, 1)
    InboundEvent.objects.update(
        topic="refunds/create",
        body=json.dumps(
            {
                "id": 9,
                "order_id": 77,
                "transactions": [
                    {"kind": "refund", "status": "success", "amount": "5.00", "currency": "USD"}
                ],
            }
        ).encode(),
        attempts=60,
        state=State.WAITING,
    )
    normalise(200, timezone.now())
    row = InboundEvent.objects.get(pk=pk)
    assert row.state == State.WAITING, row.error
    assert row.due_at < timezone.now() + timedelta(minutes=11)


def test_counting_attempts_never_overflows_the_column(shop: SourceConnection):
    arrive(shop, 1)
    InboundEvent.objects.update(attempts=32767, state=State.WAITING)
    assert normalise(200, timezone.now()) == 1


def test_two_shops_with_the_same_order_number_in_one_batch_do_not_confuse_births():
    first, second = ConnectionFactory(source="shopify"), ConnectionFactory(source="shopify")
    arrive(first, 1)
    normalise(200, timezone.now())
    body = json.dumps(
        order_body(
            1,
            updated_at="2026-11-21T12:05:00Z",
            line_items=[{"id": 1, "name": "Margherita", "quantity": 3}],
        )
    ).encode()
    store(first, [Item("e1b", "orders/updated")], {}, body, timezone.now())
    arrive(second, 1)
    normalise(200, timezone.now())
    old = Order.objects.get(connection=first)
    assert list(old.changes.filter(fact="edited").values_list("part", flat=True)) == [False]


def test_a_claim_takes_no_more_than_its_limit(shop: SourceConnection):
    for number in range(30):
        arrive(shop, number)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert normalise(7, timezone.now()) == 7
    assert InboundEvent.objects.filter(attempts=1).count() == 7
