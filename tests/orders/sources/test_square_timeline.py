"""Square's orders on the timeline: one order whatever arrives first, twice or late."""

from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from orders.loading import Word
from orders.models import Order, StatusChange
from orders.sources.square.source import SOURCE
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.square_bodies import a_return, dump, fulfilment, order, refund, updated

pytestmark = pytest.mark.django_db


def tell(connection: Any, body: Any) -> None:
    events = SOURCE.map(body["type"], {}, dump(body), {})
    record([Word(event, connection) for event in events], timezone.now())


def step(version: int, state: str, **about: Any) -> Any:
    part = fulfilment("f1", "SHIPMENT", state, **about)
    at = f"2026-11-21T19:3{version}:00.000Z"
    return {**updated(version), "order": order(part, version=version, updated_at=at)}


STEPS = [
    step(1, "RESERVED"),
    step(2, "PREPARED"),
    step(3, "COMPLETED", tracking_number="1Z9", carrier="UPS"),
]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_the_highest_version_counts_whatever_arrives_last(arrival: tuple[int, ...]) -> None:
    """A late webhook neither moves an order back nor erases its parcel."""
    connection = ConnectionFactory(source="square")
    for n in arrival:
        tell(connection, STEPS[n])
    known = Order.objects.get()
    assert (known.status, known.contact_phone) == ("out_for_delivery", "+12025550143")
    assert [(one.key, list(one.tracking)) for one in known.groups.all()] == [("f1", ["1Z9"])]


def test_the_same_change_by_two_webhooks_is_told_once() -> None:
    connection = ConnectionFactory(source="square")
    for _n in range(2):
        tell(connection, step(2, "PREPARED"))
    assert StatusChange.objects.filter(fact="status").count() == 1


def test_a_failure_that_later_copies_repeat_is_told_once() -> None:
    connection = ConnectionFactory(source="square")
    tell(connection, step(1, "RESERVED"))
    for version in (2, 3):
        tell(connection, step(version, "FAILED", failed_at="2026-11-21T19:31:30Z"))
    (failed,) = StatusChange.objects.filter(fact="failed")
    assert failed.group_key == "f1"


@pytest.mark.parametrize("returned", [a_return(), a_return(returns=[{"uid": "r1"}])])
def test_a_refund_finds_its_sale_by_the_return_or_by_the_payment(returned: Any) -> None:
    connection = ConnectionFactory(source="square")
    tell(connection, step(1, "RESERVED"))
    for kind in ("refund.created", "refund.updated"):
        tell(connection, {**refund(kind, order_id="RETURN1"), "order": returned})
    known = Order.objects.get()
    assert (known.refunded_minor, known.status) == (1000, "confirmed")
    assert StatusChange.objects.filter(fact="refund").count() == 1


def test_all_money_back_before_anything_was_handed_over_ends_the_order() -> None:
    connection = ConnectionFactory(source="square")
    tell(connection, step(1, "RESERVED"))
    tell(connection, refund(amount_money={"amount": 2150, "currency": "USD"}))
    assert Order.objects.get().status == "refunded"


def test_an_order_that_gets_its_fulfilment_later_stays_in_one_part() -> None:
    connection = ConnectionFactory(source="square")
    tell(connection, {**updated(1), "order": order(version=1)})
    tell(connection, step(2, "PREPARED"))
    known = Order.objects.get()
    assert (known.status, known.groups.count()) == ("ready", 1)
