"""One order that a shop and a courier speak of is one order, with one timeline."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from orders.contract import OrderEvent
from orders.loading import Word
from orders.models import InboundEvent, Order, OrderAlias, StatusChange
from orders.sources.doordash_drive.source import SOURCE as DRIVE
from orders.sources.shopify.source import SOURCE as SHOPIFY
from orders.sources.uber_direct.source import SOURCE as UBER
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.arriving import arrive, shopify
from tests.orders.sources.bodies import mapped, shopify_fulfilment, shopify_line, shopify_order
from tests.orders.sources.doordash_drive_bodies import drive_event
from tests.orders.sources.uber_direct_bodies import status_event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LOCAL = [{"title": "Local delivery", "code": "Local delivery", "source": "shopify"}]


def stamp(minutes: int) -> str:
    return (datetime(2026, 11, 21, 23, 30, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


def shop_says(minutes: int = 0, **more: Any) -> OrderEvent:
    body = shopify_order(shipping_lines=LOCAL, updated_at=stamp(minutes), **more)
    return mapped(SHOPIFY, "orders/updated", body)


def uber_says(word: str, minutes: int, **more: Any) -> OrderEvent:
    return mapped(UBER, "", status_event(word, updated=stamp(minutes), **more))


@pytest.fixture
def shop() -> Any:
    return ConnectionFactory(source="shopify", name="Shop")


@pytest.fixture
def uber(shop: Any) -> Any:
    return ConnectionFactory(source="uber_direct", name="Uber", brand=shop.brand)


def tell(*words: tuple[Any, OrderEvent]) -> list[Order | None]:
    return record([Word(event, connection) for connection, event in words], NOW).orders


def steps() -> list[tuple[str, str]]:
    rows = StatusChange.objects.filter(fact="status", applied=True).order_by("id")
    return [(row.status, row.actor) for row in rows]


@pytest.mark.parametrize(
    "reference",
    [
        {"external_id": "5001"},
        {"external_id": "gid://shopify/Order/5001"},
        {"external_id": "#1001"},
        {"external_id": "1001"},
        {"external_id": None, "manifest": {"reference": "1001"}},
    ],
)
def test_one_order_one_timeline(shop: Any, uber: Any, reference: dict[str, Any]) -> None:
    tell((shop, shop_says()))
    for word, minutes in (("pickup", 5), ("dropoff", 10), ("delivered", 20)):
        tell((uber, uber_says(word, minutes, **reference)))
    order = Order.objects.get()
    part = order.groups.get()
    assert (order.connection, order.status, part.courier) == (shop, "delivered", "Cori R.")
    assert list(part.tracking) == ["del_one"]
    assert (order.contact_name, order.total_minor) == ("Augusta King", 2150)
    assert steps() == [("confirmed", "Shop"), ("out_for_delivery", "Uber"), ("delivered", "Uber")]


def test_before_pickup_the_shop_decides_and_after_it_the_courier(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("pickup", 5)))
    done = shopify_fulfilment(7, shopify_line(11, 2), shopify_line(12), updated_at=stamp(6))
    tell((shop, shop_says(6, fulfillment_status="fulfilled", fulfillments=[done])))
    assert Order.objects.get().status == "confirmed"  # packed, says the shop; not yet taken
    tell((uber, uber_says("dropoff", 10)))
    assert Order.objects.get().status == "out_for_delivery"
    tell(
        (
            shop,
            shop_says(
                12,
                note="ring thrice",
                fulfillment_status="fulfilled",
                fulfillments=[{**done, "shipment_status": "delivered", "updated_at": stamp(12)}],
            ),
        )
    )
    order = Order.objects.get()
    assert (order.status, order.note) == ("out_for_delivery", "ring thrice")
    tell((shop, shop_says(13, cancelled_at=stamp(13), cancel_reason="customer")))
    assert Order.objects.get().status == "cancelled"


def test_without_a_leg_or_after_it_failed_the_shop_says_all(shop: Any, uber: Any) -> None:
    done = shopify_fulfilment(7, shopify_line(11, 2), shopify_line(12), updated_at=stamp(6))
    tell((shop, shop_says()), (uber, uber_says("pickup", 5)), (uber, uber_says("canceled", 6)))
    tell((shop, shop_says(7, fulfillment_status="fulfilled", fulfillments=[done])))
    assert Order.objects.get().status == "out_for_delivery"
    assert StatusChange.objects.filter(fact="failed").count() == 1


def test_a_second_leg_is_the_same_order_and_no_split(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("canceled", 6)))
    tell((uber, uber_says("delivered", 30, id="del_two")))
    order = Order.objects.get()
    assert (order.status, order.groups.count()) == ("delivered", 1)
    assert set(OrderAlias.objects.filter(connection=uber).values_list("value", flat=True)) == {
        "del_one",
        "del_two",
    }
    assert not StatusChange.objects.filter(fact="split").exists()


def test_a_return_leg_is_found_by_the_leg_it_belongs_to(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("returned", 6)))
    back = uber_says(
        "delivered",
        30,
        id="ret_one",
        external_id=None,
        manifest=None,
        related_deliveries=[{"id": "del_one"}],
    )
    assert tell((uber, back)) == [Order.objects.get()]
    assert Order.objects.get().status == "confirmed"


def test_a_couriers_name_for_an_order_never_becomes_one_of_the_shops(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("pickup", 5, external_id="1001")))
    other = shop_says(id=1001, admin_graphql_api_id=None, name="#1002")
    tell((shop, other))
    assert Order.objects.count() == 2
    assert not OrderAlias.objects.filter(connection=shop, value="1001").exists()


def test_two_orders_of_one_number_are_not_guessed_at(shop: Any, uber: Any) -> None:
    other = ConnectionFactory(source="shopify", name="Other shop", brand=shop.brand)
    tell((shop, shop_says()), (other, shop_says(id=6001, admin_graphql_api_id=None)))
    leg = uber_says("dropoff", 5, external_id="1001", manifest=None)
    assert tell((uber, leg)) == [None]
    uber.settings = {"orders_of": "Other shop"}
    (found,) = tell((uber, leg))
    assert found is not None
    assert found.connection == other


def test_another_brands_order_is_never_found(shop: Any) -> None:
    stranger = ConnectionFactory(source="uber_direct")
    tell((shop, shop_says()))
    assert tell((stranger, uber_says("dropoff", 5))) == [None]


def test_a_test_leg_silences_itself_not_the_order(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("dropoff", 5, live_mode=False)))
    assert not Order.objects.get().is_test
    assert StatusChange.objects.get(status="out_for_delivery").silent_why == "test"


def test_a_leg_that_has_arrived_is_never_under_way_again(shop: Any, uber: Any) -> None:
    tell((shop, shop_says()), (uber, uber_says("dropoff", 5)), (uber, uber_says("delivered", 20)))
    tell((uber, uber_says("pickup_complete", 21)))
    assert Order.objects.get().status == "delivered"


def test_doordash_too(shop: Any) -> None:
    drive = ConnectionFactory(source="doordash_drive", brand=shop.brand)
    tell((shop, shop_says()))
    settings = {"id_prefix": "nonna-", "id_mark": "_"}
    body = drive_event("DASHER_PICKED_UP", external_delivery_id="nonna-1001_2")
    tell((drive, mapped(DRIVE, "", body, settings)))
    assert Order.objects.get().status == "out_for_delivery"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_arrival_does_not_matter(shop: Any, uber: Any, order: tuple[int, ...]) -> None:
    bodies: list[tuple[Any, Any, dict[str, str]]] = [
        (shop, shopify_order(shipping_lines=LOCAL), shopify("orders/create", "e1")),
        (uber, status_event("pickup", updated=stamp(5)), {}),
        (uber, status_event("dropoff", updated=stamp(10)), {}),
        (uber, status_event("delivered", updated=stamp(20)), {}),
    ]
    for n in order:
        arrive(*bodies[n])
    arrive(*bodies[0])
    found = Order.objects.get()
    assert (found.status, found.groups.get().status) == ("delivered", "delivered")
    assert not InboundEvent.objects.exclude(state="processed").exists()
