"""Every published order of two shops, posted signed, through the whole product."""

import pytest

from notifications.models import Decision, Delivery
from orders.intake import replay
from orders.models import (
    FulfilmentGroup,
    InboundEvent,
    Order,
    StatusChange,
)
from tests.journeys.bodies.samples import (
    ABOUT,
    ANSWERS,
    MISSING,
    ORDERS,
    PARTS_ONLY,
    SAMPLES,
    SHOPIFY,
    WOOCOMMERCE,
    arrive,
    connected,
    expected_of,
    post,
)
from tests.journeys.shop import Shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING),
]


def test_every_sample_is_in_a_table_of_this_file() -> None:
    shopify = {path.stem for path in (SAMPLES / "shopify").glob("*.json")}
    assert shopify <= {*SHOPIFY, *ABOUT, *PARTS_ONLY}
    woocommerce = {path.stem for path in (SAMPLES / "woocommerce").glob("*.json")}
    assert woocommerce <= {*WOOCOMMERCE, *ANSWERS}


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "name"), ORDERS)
def test_the_order_is_right(shop: Shop, source: str, name: str) -> None:
    expected = expected_of(source, name)
    event = arrive(shop, source, name)
    assert (event.state, event.error) == (InboundEvent.State.PROCESSED, "")
    order = Order.objects.get()
    assert event.order == order
    assert (order.external_id, order.display_number) == (expected.external_id, expected.number)
    assert (order.status, order.base_status) == (expected.status, expected.status)
    assert (order.currency, order.total_minor) == ("USD", expected.total)
    refunds = {key: one["amount_minor"] for key, one in order.refunds.items()}
    assert refunds == dict(expected.refunds)
    assert order.refunded_minor == sum(refunds.values())
    assert (order.contact_phone, order.contact_email) == (expected.phone, expected.email)
    assert order.contact_proxy is False
    assert order.customer is not None
    assert (order.contact_name, order.customer.name) == (expected.name, expected.name)
    assert order.is_test is expected.test
    assert order.fulfilment_type == expected.method
    assert (order.store, order.brand) == (shop.store, shop.brand)
    assert order.lines.count() == expected.lines


@pytest.mark.parametrize(("source", "name"), ORDERS)
def test_it_has_one_group_and_one_step_at_its_own_time(shop: Shop, source: str, name: str) -> None:
    expected = expected_of(source, name)
    arrive(shop, source, name)
    group = FulfilmentGroup.objects.get()
    assert (group.key, group.status, group.method) == ("main", expected.status, expected.method)
    assert (group.lines, group.tracking, group.delayed_since) == ({}, {}, None)
    step = StatusChange.objects.get(fact="status")
    assert (step.group_key, step.status, step.previous_status) == ("main", expected.status, "")
    assert (step.occurrence, step.applied, step.part) == ("1", True, False)
    assert step.silent_why == ("test" if expected.test else "")
    assert step.occurred_at.isoformat() == expected.happened
    other = StatusChange.objects.exclude(fact="status")
    assert list(other.values_list("fact", "silent_why")) == [
        ("refund", "covered") for _refund in expected.refunds
    ]


@pytest.mark.parametrize(("source", "name"), ORDERS)
def test_nobody_is_told_and_the_decision_says_why(shop: Shop, source: str, name: str) -> None:
    """They are test orders, or years old."""
    arrive(shop, source, name)
    assert shop.sandbox.messages() == []
    assert not Delivery.objects.exists()
    assert not Decision.objects.exclude(verdict=Decision.Verdict.SKIP).exists()
    expected = expected_of(source, name)
    reason = "test_order" if expected.test else "too_old"
    why = Decision.objects.filter(change__fact="status").exclude(reason="other_event")
    assert {one.reason for one in why} == {reason}
    said = "test order" if expected.test else "too long ago to be news"
    assert all(said in one.sentence for one in why)
    rules = shop.brand.rules.filter(active=True).count()
    assert Decision.objects.count() == rules * StatusChange.objects.count()


@pytest.mark.parametrize(("source", "name"), ORDERS)
def test_a_second_posting_is_a_repeat(shop: Shop, source: str, name: str) -> None:
    arrive(shop, source, name)
    rows = [InboundEvent, Order, FulfilmentGroup, StatusChange, Decision]
    before = [model.objects.count() for model in rows]  # type: ignore[attr-defined]
    assert post(shop, source, name).status_code == 200
    shop.pump()
    assert [model.objects.count() for model in rows] == before  # type: ignore[attr-defined]
    assert connected(shop, source).duplicate_count == 1


@pytest.mark.parametrize(("source", "name"), ORDERS)
def test_replaying_it_changes_nothing_and_tells_nobody(shop: Shop, source: str, name: str) -> None:
    event = arrive(shop, source, name)
    changes = list(StatusChange.objects.order_by("id").values())
    assert replay([event.pk]) == 1
    shop.pump()
    event.refresh_from_db()
    assert (event.state, event.mode) == (InboundEvent.State.PROCESSED, "replay")
    assert list(StatusChange.objects.order_by("id").values()) == changes
    assert shop.sandbox.messages() == []


def test_created_and_cancelled_of_one_order_are_one_order_with_one_step(shop: Shop) -> None:
    arrive(shop, "shopify", "orders-create-1")
    arrive(shop, "shopify", "orders-cancelled-1")
    assert Order.objects.get().status == "cancelled"
    assert StatusChange.objects.count() == 1


@pytest.mark.parametrize("first", ["order.created-1", "order.updated-1"])
def test_created_and_completed_end_delivered_in_either_order(shop: Shop, first: str) -> None:
    names = ["order.created-1", "order.updated-1"]
    arrive(shop, "woocommerce", first)
    arrive(shop, "woocommerce", next(name for name in names if name != first))
    order = Order.objects.get()
    assert (order.status, order.source_status) == ("delivered", "completed")
    late = StatusChange.objects.filter(applied=False)
    assert late.count() == (first == "order.updated-1")
    assert all(one.silent_why == "stale" for one in late)
    assert shop.sandbox.messages() == []
