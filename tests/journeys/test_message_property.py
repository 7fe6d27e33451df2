"""However the events of an order arrive: the same end, and never two messages for one change."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.models import Attempt, Decision, Delivery
from orders.models import Order, SourceConnection, StatusChange
from orders.timeline import set_status
from tests.journeys.bodies import connected, courier, fulfilment, post_generic
from tests.journeys.shop import PHONE, Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SHIPPED: dict[str, Any] = {
    "shipping_lines": [{"title": "Standard"}],
    "shipping_address": {"country_code": "US"},
}
PARCEL = fulfilment(1, 2, shipment_status="out_for_delivery")
SHOPIFY: list[tuple[str, dict[str, Any]]] = [
    ("orders/create", shopify_order(**SHIPPED)),
    ("orders/paid", shopify_order(minute=1, **SHIPPED)),
    ("fulfillments/create", fulfilment(1, 1, status="pending")),
    ("fulfillments/update", PARCEL),
    ("fulfillment_events/create", courier(1, 2, "out_for_delivery")),
    ("orders/updated", shopify_order(minute=2, fulfillments=[PARCEL], **SHIPPED)),
    ("fulfillment_events/create", courier(1, 4, "delivered")),
]
GENERIC: list[dict[str, Any]] = [
    {"external_id": "g-1", "status": status, "updated_at": f"2026-11-21T17:{minute:02d}:00Z",
     "display_number": "G1", "contact": {"name": "Ada", "phone": PHONE}}
    for minute, status in enumerate(["placed", "confirmed", "preparing", "ready", "picked_up"])
]  # fmt: skip
_ids = itertools.count()


def arrivals(length: int) -> Any:
    """An order of arrival of all events, repeats of some, and where the pump runs between."""
    every = st.permutations(range(length))
    repeats = st.lists(st.integers(0, length - 1), max_size=3)
    return st.tuples(every, repeats, st.integers(1, length))


def picture(order: Order) -> dict[str, Any]:
    """What an order is, without ids and without the names that its parts happened to get."""
    groups = [group for group in order.groups.all() if group.status]
    return {
        "status": order.status,
        "groups": sorted(
            (group.status, json.dumps(group.tracking, sort_keys=True)) for group in groups
        ),
        "total": order.total_minor,
        "contact": (order.contact_name, order.contact_phone, order.contact_email),
        "lines": sorted(order.lines.values_list("line_id", "quantity", "removed_quantity")),
    }


def accepted_once(order: Order) -> None:
    """Nobody got two messages about one thing: order, part, event, recipient, rule."""
    sent = Attempt.objects.filter(delivery__order=order, ending="accepted")
    told = Counter(
        sent.values_list(
            "delivery__notification__group_key",
            "delivery__notification__event",
            "delivery__notification__destination",
            "delivery__notification__rule",
        )
    )
    assert max(told.values(), default=0) <= 1, told
    steps = StatusChange.objects.filter(order=order, fact="status", applied=True)
    assert not steps.exclude(occurrence="1").exists()


def run_shopify(shop: Shop, indexes: list[int], pump_every: int) -> Order:
    """Post these events to a connection of their own; the order that they made."""
    connection = connected(shop, "shopify")
    there = replace(shop, connection=connection)
    for count, index in enumerate(indexes, 1):
        topic, body = SHOPIFY[index]
        assert there.post(body, topic, f"e{index}").status_code == 200
        if count % pump_every == 0:
            shop.pump()
    return _order_of(shop, connection)


def run_generic(shop: Shop, indexes: list[int], pump_every: int) -> Order:
    connection = connected(shop, "generic")
    for count, index in enumerate(indexes, 1):
        now = timezone.now()
        body = GENERIC[index]
        assert post_generic(shop, connection, body, f"m{index}", now).status_code < 300
        if count % pump_every == 0:
            shop.pump()
    return _order_of(shop, connection)


def _order_of(shop: Shop, connection: SourceConnection) -> Order:
    connection.inbound_events.filter(state="waiting").update(due_at=timezone.now())
    shop.pump()
    assert not connection.inbound_events.exclude(state="processed").exists()
    return Order.objects.get(connection=connection)


@few
@given(arrival=arrivals(len(SHOPIFY)))
def test_shopifys_events_in_any_order_and_often_end_alike_and_tell_once(
    shop: Shop, arrival: Any
) -> None:
    order, repeats, pump_every = arrival
    expected = picture(run_shopify(shop, list(range(len(SHOPIFY))), 1))
    assert expected["status"] == "delivered"
    got = run_shopify(shop, [*order, *repeats], pump_every)
    assert picture(got) == expected
    accepted_once(got)


@few
@given(arrival=arrivals(len(GENERIC)))
def test_generic_events_with_clocks_in_any_order_and_often_end_alike_and_tell_once(
    shop: Shop, arrival: Any
) -> None:
    order, repeats, pump_every = arrival
    expected = picture(run_generic(shop, list(range(len(GENERIC))), 1))
    assert expected["status"] == "picked_up"
    got = run_generic(shop, [*order, *repeats], pump_every)
    assert picture(got) == expected
    accepted_once(got)


@few
@given(topics=st.permutations(["orders/create", "orders/updated", "orders/paid",
                               "orders/fulfilled"]), pump_every=st.integers(1, 4))  # fmt: skip
def test_one_change_by_four_topics_is_one_message(
    shop: Shop, topics: list[str], pump_every: int
) -> None:
    there = replace(shop, connection=connected(shop, "shopify"))
    before = len(shop.texts("twilio"))
    for count, topic in enumerate(topics, 1):
        there.post(shopify_order(), topic, f"{topic}{next(_ids)}")
        if count % pump_every == 0:
            shop.pump()
    shop.pump()
    assert there.connection.inbound_events.count() == 4
    assert len(shop.texts("twilio")) == before + 1
    accepted_once(Order.objects.get(connection=there.connection))


@few
@given(
    burst=st.lists(st.sampled_from(["preparing", "confirmed"]), max_size=2),
    last=st.sampled_from(["out_for_delivery", "delivered", "picked_up"]),
    pump_every=st.integers(1, 3),
)
def test_of_a_burst_that_is_held_the_customer_gets_exactly_the_last(
    shop: Shop, burst: list[str], last: str, pump_every: int
) -> None:
    shop.brand.rules.update(hold_seconds=3600)
    there = replace(shop, connection=connected(shop, "shopify"))
    before = len(shop.texts("twilio"))
    there.post(shopify_order(), "orders/create")
    shop.pump()
    order = Order.objects.get(connection=there.connection)
    for count, status in enumerate([*burst, last], 1):
        order.refresh_from_db()
        set_status(order, "main", status, actor="kim", now=timezone.now())
        if count % pump_every == 0:
            shop.pump()
    shop.pump()
    assert len(shop.texts("twilio")) == before
    Delivery.objects.filter(order=order, state="queued").update(due_at=timezone.now())
    shop.pump()
    texts = shop.texts("twilio")[before:]
    assert len(texts) == 1
    told = Attempt.objects.get(delivery__order=order, channel=shop.channels["twilio"])
    assert told.delivery.notification.event == last
    held = Decision.objects.filter(order=order, audience="customer", reason="superseded")
    assert held.exists()
