"""Reading orders: filters, keyset pages, and only one's own."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.models import Brand, FulfilmentGroup, Order, OrderLine
from tests.factories import ConnectionFactory, GroupFactory, OrderFactory, StoreFactory

LIST = "/api/v1/orders/"


@pytest.fixture
def hook(brand: Brand) -> Any:
    return ConnectionFactory(brand=brand)


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_a_list_shows_the_newest_first(api: APIClient, hook: Any) -> None:
    first, second = OrderFactory(connection=hook), OrderFactory(connection=hook)
    assert ids(api.get(LIST)) == [second.pk, first.pk]


def test_pages_follow_each_other_without_gap_or_overlap(api: APIClient, hook: Any) -> None:
    made = [OrderFactory(connection=hook).pk for _ in range(5)]
    seen, address, pages = [], f"{LIST}?limit=2&status=placed", 0
    while address:
        answer = api.get(address)
        seen += ids(answer)
        address, pages = answer.json()["next"], pages + 1
        OrderFactory(connection=hook)  # arrives meanwhile, and shifts no page
    assert (seen, pages) == (made[::-1], 3)


@pytest.mark.parametrize(
    "query", ["before=x", "limit=-1", "before=99999999999999999999", "before=٣"]
)
def test_a_page_needs_whole_numbers(api: APIClient, query: str) -> None:
    assert api.get(f"{LIST}?{query}").status_code == 400


def test_orders_can_be_filtered(api: APIClient, hook: Any, brand: Brand) -> None:
    store = StoreFactory(brand=brand, slug="north")
    ready = OrderFactory(connection=hook, status="ready", store=store, display_number="#77")
    old = OrderFactory(connection=hook, external_id="5550001112223334445")
    long_ago = datetime.now(UTC) - timedelta(days=2)
    Order.objects.filter(pk=old.pk).update(changed_at=long_ago)
    assert ids(api.get(LIST, {"status": "ready"})) == [ready.pk]
    assert ids(api.get(LIST, {"store": "north"})) == [ready.pk]
    assert ids(api.get(LIST, {"q": "#77"})) == [ready.pk]
    assert ids(api.get(LIST, {"q": "5550001112223334445"})) == [old.pk]
    assert ids(api.get(LIST, {"q": "555"})) == []
    since = (long_ago + timedelta(hours=1)).isoformat()
    assert ids(api.get(LIST, {"updated_since": since})) == [ready.pk]
    assert ids(api.get(LIST, {"updated_since": since.replace("+00:00", "Z")})) == [ready.pk]


@pytest.mark.parametrize(
    "query", ["updated_since=monday", "updated_since=2026-13-45T00:00:00Z", "q=%00", "store=%00"]
)
def test_an_unusable_filter_is_a_400(api: APIClient, query: str) -> None:
    assert api.get(f"{LIST}?{query}").status_code == 400


def test_an_order_shows_its_parts_lines_and_money(api: APIClient, hook: Any) -> None:
    order = OrderFactory(
        connection=hook, refunds={"r1": {"amount_minor": 500, "reason": "cold", "at": None}}
    )
    GroupFactory(order=order, tracking={"1Z": {"carrier": "UPS", "url": ""}})
    OrderLine.objects.create(order=order, line_id="1", name="Soup", quantity=Decimal("1.5"))
    shown = api.get(f"{LIST}{order.pk}/").json()
    assert shown["external_id"] == order.external_id
    assert (shown["total_minor"], shown["refunded_minor"], shown["currency"]) == (2150, 500, "USD")
    assert shown["contact"]["phone"] == "+12025550143"
    assert shown["groups"][0]["tracking"] == {"1Z": {"carrier": "UPS", "url": ""}}
    assert shown["lines"][0]["quantity"] == "1.500"
    assert (shown["source"], shown["connection"]) == ("generic", hook.name)
    assert order.token not in str(shown)


def test_another_brands_orders_are_not_there(api: APIClient, hook: Any) -> None:
    theirs = OrderFactory(display_number="#77", external_id="77")
    mine = OrderFactory(connection=hook)
    assert ids(api.get(LIST)) == [mine.pk]
    assert ids(api.get(LIST, {"q": "#77"})) == ids(api.get(LIST, {"q": "77"})) == []
    answer = api.get(f"{LIST}{theirs.pk}/")
    missing = api.get(f"{LIST}999999/")
    assert answer.status_code == missing.status_code == 404
    assert answer.content == missing.content


@pytest.mark.parametrize("pk", ["99999999999999999999999", "0"])
def test_an_id_that_cannot_be_is_a_404(api: APIClient, pk: str) -> None:
    assert api.get(f"{LIST}{pk}/").status_code == 404


def test_a_list_costs_the_same_few_queries_whatever_its_length(
    api: APIClient, hook: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        GroupFactory(order=OrderFactory(connection=hook))
    with django_assert_max_num_queries(3):
        assert len(ids(api.get(LIST))) == 30
    assert FulfilmentGroup.objects.count() == 30
