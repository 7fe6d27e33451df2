"""Masked numbers and PINs go in time: of the right orders, no other, and not again and again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from consents import recording
from consents.models import ContactPoint
from notifications import chores, purging
from notifications.models import Heartbeat
from orders import registry
from orders.models import Brand, Order
from orders.withheld import PHONE_PIN, PURGED_AT
from tests.factories import BrandFactory, ConnectionFactory, OrderFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NUMBER = "+442033221100"


@pytest.fixture
def brand() -> Brand:
    made = BrandFactory()
    assert isinstance(made, Brand)
    return made


@pytest.fixture
def hook(brand: Brand) -> Any:
    """A platform that lends numbers for two hours."""
    assert registry.source("deliveroo").contact_hours == 2
    return ConnectionFactory(brand=brand, source="deliveroo")


def ended(hook: Any, hours: float = 3, **fields: Any) -> Order:
    """An order that was delivered `hours` ago."""
    made = OrderFactory(
        **{
            "connection": hook,
            "customer": None,
            "status": "delivered",
            "contact_phone": NUMBER,
            "contact_phone_raw": NUMBER,
            "contact_proxy": True,
            "attributes": {PHONE_PIN: "482913", "table": "4"},
            "changed_at": NOW - timedelta(hours=hours),
            **fields,
        }
    )
    assert isinstance(made, Order)
    return made


def point(brand: Brand, proxy: bool = True, number: str = NUMBER) -> None:
    recording.ensure_contact_points(
        [recording.Wanted(brand.pk, None, "phone", number, proxy=proxy)]
    )


def numbers() -> list[str]:
    return list(ContactPoint.objects.values_list("address", flat=True))


def test_two_hours_after_the_end_number_pin_and_address_are_gone(brand: Brand, hook: Any) -> None:
    order = ended(hook)
    before = order.changed_at
    point(brand)
    assert purging.purge(NOW) == 1
    order.refresh_from_db()
    assert (order.contact_phone, order.contact_phone_raw, order.contact_proxy) == ("", "", True)
    assert order.attributes == {"table": "4", PURGED_AT: NOW.isoformat()}
    assert order.contact_email == "ada@example.com"
    assert order.changed_at == before  # it does not come up on the board
    assert numbers() == []


@pytest.mark.parametrize("status", ["delivered", "picked_up", "cancelled", "refunded"])
def test_every_end_is_an_end(hook: Any, status: str) -> None:
    ended(hook, status=status)
    assert purging.purge(NOW) == 1


@pytest.mark.parametrize("fields", [{"hours": 1.9}, {"status": "out_for_delivery"}, {"status": ""}])
def test_an_order_that_is_not_over_for_long_keeps_them(
    brand: Brand, hook: Any, fields: dict[str, Any]
) -> None:
    order = ended(hook, **fields)
    point(brand)
    assert purging.purge(NOW) == 0
    order.refresh_from_db()
    assert (order.contact_phone, order.attributes[PHONE_PIN]) == (NUMBER, "482913")
    assert numbers() == [NUMBER]


def test_a_customers_own_number_stays_and_a_pin_goes(brand: Brand, hook: Any) -> None:
    order = ended(hook, contact_proxy=False)
    point(brand, proxy=False)
    assert purging.purge(NOW) == 1
    order.refresh_from_db()
    assert (order.contact_phone, PHONE_PIN in order.attributes) == (NUMBER, False)
    assert numbers() == [NUMBER]


def test_an_order_with_nothing_lent_is_left_alone(hook: Any) -> None:
    order = ended(hook, contact_proxy=False, attributes={"table": "4"})
    assert purging.purge(NOW) == 0
    order.refresh_from_db()
    assert order.attributes == {"table": "4"}


def test_a_number_that_could_not_be_read_goes_as_well(hook: Any) -> None:
    order = ended(hook, contact_phone="", contact_phone_raw="0203 (masked)", attributes={})
    assert purging.purge(NOW) == 1
    order.refresh_from_db()
    assert order.contact_phone_raw == ""


def test_a_source_that_asks_for_nothing_keeps_its_contacts(brand: Brand) -> None:
    shop = ConnectionFactory(brand=brand, source="shopify")
    assert registry.source("shopify").contact_hours == 0
    ended(shop)
    assert purging.purge(NOW) == 0


def test_a_connection_whose_source_is_no_longer_built_in_stops_nothing(
    brand: Brand, hook: Any
) -> None:
    ConnectionFactory(brand=brand, source="gone")
    ended(hook)
    assert purging.purge(NOW) == 1


def test_the_address_stays_while_another_order_uses_it(brand: Brand, hook: Any) -> None:
    ended(hook)
    other = ended(ConnectionFactory(brand=brand, source="shopify"), hours=90, status="ready")
    point(brand)
    purging.purge(NOW)
    assert numbers() == [NUMBER]
    Order.objects.filter(pk=other.pk).update(status="cancelled")
    ended(hook, hours=1.5)
    purging.purge(NOW + timedelta(hours=1))
    assert numbers() == []


def test_the_address_stays_while_another_platform_may_keep_it(brand: Brand, hook: Any) -> None:
    day = ConnectionFactory(brand=brand, source="otter")
    assert registry.source("otter").contact_hours == 24
    ended(hook)
    ended(day, hours=5)
    point(brand)
    assert purging.purge(NOW) == 1
    assert numbers() == [NUMBER]
    assert purging.purge(NOW + timedelta(hours=20)) == 1
    assert numbers() == []


def test_another_brands_address_is_not_touched(brand: Brand, hook: Any) -> None:
    ended(hook)
    other = BrandFactory()
    assert isinstance(other, Brand)
    point(brand)
    point(other)
    purging.purge(NOW)
    assert list(ContactPoint.objects.values_list("brand_id", flat=True)) == [other.pk]


def test_what_is_done_is_not_read_again(hook: Any) -> None:
    ended(hook)
    assert purging.purge(NOW) == 1
    assert Heartbeat.objects.get(name=f"purged-{hook.pk}").at == NOW - timedelta(hours=2)
    Order.objects.update(contact_phone=NUMBER)  # behind our back, without a change of the order
    assert purging.purge(NOW + timedelta(minutes=15)) == 0
    Order.objects.update(changed_at=NOW)
    assert purging.purge(NOW + timedelta(hours=2)) == 1


def test_many_go_in_batches(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    for number in range(5):
        ended(hook, hours=3 + number)
    assert purging.purge(NOW) == 5
    assert not Order.objects.exclude(contact_phone="").exists()


def test_a_run_that_was_cut_short_goes_on_next_time(
    hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH", 2)
    monkeypatch.setattr(purging, "MOST_BATCHES", 1)
    for number in range(3):
        ended(hook, hours=3 + number)
    assert purging.purge(NOW) == 2
    assert not Heartbeat.objects.filter(name=f"purged-{hook.pk}").exists()
    assert purging.purge(NOW) == 1


def test_the_orders_are_found_by_an_index(hook: Any) -> None:
    ended(hook)
    Heartbeat.objects.create(name=f"purged-{hook.pk}", at=NOW - timedelta(hours=4))
    with CaptureQueriesContext(
        database,
    ) as seen:
        purging.purge(NOW)
    found = next(q["sql"] for q in seen if "LIMIT" in q["sql"] and "orders_order" in q["sql"])
    if database.vendor != "sqlite":
        pytest.skip("a plan of an almost empty table says nothing here")
    with database.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + found)
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "order_board (brand_id=? AND changed_at>? AND changed_at<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_nothing_to_do_costs_three_queries_a_connection(
    hook: Any, django_assert_num_queries: Any
) -> None:
    Heartbeat.objects.create(name=f"purged-{hook.pk}", at=NOW - timedelta(hours=3))
    with django_assert_num_queries(1 + 3):
        purging.purge(NOW)


def test_it_is_a_chore() -> None:
    assert chores.CHORES["purge_masked_contacts"] == (purging.purge, timedelta(minutes=15))
