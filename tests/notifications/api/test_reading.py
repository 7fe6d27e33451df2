"""Reading timelines, deliveries and customers: whole, in order, and only one's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from consents import addresses
from consents.models import ContactPoint
from notifications.models import CustomerMessage, Decision, Delivery, Notification, ReceiptRecord
from orders.models import Brand, StatusChange
from tests.factories import (
    BrandFactory,
    ChannelFactory,
    ConnectionFactory,
    CustomerFactory,
    OrderFactory,
)
from tests.orders.api.conftest import client_of

START = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture
def brand(db: Any) -> Brand:
    return BrandFactory()


@pytest.fixture
def api(brand: Brand) -> APIClient:
    return client_of(brand, "read")


def told(order: Any, channel: Any, number: int = 1, **fields: Any) -> Delivery:
    """A message about `order`: sent at the second try, delivered."""
    notification = Notification.objects.create(
        brand=order.brand,
        intent=f"{order.pk}:{number}",
        order=order,
        event="ready",
        audience="customer",
        purpose="order",
        language="es",
        useful_until=START,
    )
    delivery = Delivery.objects.create(
        **{
            "brand": order.brand,
            "notification": notification,
            "order": order,
            "channel": channel,
            "address": "+12025550143",
            "ref": f"ref-{order.pk}-{number}",
            "state": "delivered",
            "created_at": START + timedelta(seconds=2),
            **fields,
        }
    )
    first = {"channel": channel, "ending": "transient", "text": "first words", "code": "30008"}
    delivery.attempts.create(**first)
    delivery.attempts.create(channel=channel, ending="accepted", text="Su pedido está listo.")
    ReceiptRecord.objects.create(
        channel=channel, delivery=delivery, event_key=delivery.ref, status="delivered", at=START
    )
    return delivery


@pytest.fixture
def order(brand: Brand) -> Any:
    return OrderFactory(connection=ConnectionFactory(brand=brand))


@pytest.fixture
def channel(brand: Brand) -> Any:
    return ChannelFactory(brand_id=brand.pk, slug="sms-main")


def test_a_timeline_tells_the_whole_story_in_order(
    api: APIClient, brand: Brand, order: Any, channel: Any
) -> None:
    change = StatusChange.objects.create(
        order=order, brand=brand, status="ready", previous_status="preparing", occurred_at=START
    )
    Decision.objects.create(
        brand=brand,
        order=order,
        change=change,
        verdict="skip",
        reason="no_basis",
        sentence="Not told: she has not agreed to text messages.",
        decided_at=START + timedelta(seconds=1),
    )
    told(order, channel)
    CustomerMessage.objects.create(
        brand=brand,
        order=order,
        channel=channel,
        provider_message_id="in-1",
        text="gracias",
        received_at=START + timedelta(seconds=3),
    )
    story = api.get(f"/api/v1/orders/{order.pk}/timeline/").json()
    assert [entry["kind"] for entry in story] == [
        "change",
        "decision",
        "message",
        "customer_message",
    ]
    change_shown, decision, message, written = (entry[entry["kind"]] for entry in story)
    assert (change_shown["event"], change_shown["previous_status"]) == ("ready", "preparing")
    assert decision["sentence"] == "Not told: she has not agreed to text messages."
    assert (decision["verdict"], decision["reason"]) == ("skip", "no_basis")
    assert message["text"] == "Su pedido está listo."
    assert (message["state"], message["channel"], message["language"]) == (
        "delivered",
        "sms-main",
        "es",
    )
    assert [attempt["ending"] for attempt in message["attempts"]] == ["transient", "accepted"]
    assert message["receipts"][0]["status"] == "delivered"
    assert written["text"] == "gracias"


def test_a_timeline_costs_the_same_queries_whatever_its_length(
    api: APIClient, order: Any, channel: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        told(order, channel, number)
    with django_assert_max_num_queries(9):
        story = api.get(f"/api/v1/orders/{order.pk}/timeline/").json()
    assert len(story) == 12


def test_deliveries_can_be_filtered_and_paged(
    api: APIClient, brand: Brand, order: Any, channel: Any
) -> None:
    other = ChannelFactory(brand_id=brand.pk, slug="mail")
    another_order = OrderFactory(connection=order.connection)
    one = told(order, channel, 1)
    two = told(order, other, 2, state="failed")
    three = told(another_order, channel, 3)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in api.get(f"/api/v1/deliveries/?{query}").json()["results"]]

    assert ids("") == [three.pk, two.pk, one.pk]
    assert ids("state=failed") == [two.pk]
    assert ids("channel=sms-main") == [three.pk, one.pk]
    assert ids(f"order={order.pk}") == [two.pk, one.pk]
    assert ids(f"before={three.pk}&limit=1") == [two.pk]
    assert api.get("/api/v1/deliveries/?state=lost").status_code == 400


def test_a_list_of_deliveries_costs_the_same_queries_whatever_its_length(
    api: APIClient, order: Any, channel: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        told(order, channel, number)
    with django_assert_max_num_queries(5):
        assert len(api.get("/api/v1/deliveries/").json()["results"]) == 20


def point(customer: Any, kind: str, address: str) -> ContactPoint:
    return ContactPoint.objects.create(
        brand=customer.brand,
        customer=customer,
        kind=kind,
        address=address,
        digest=addresses.digest(kind, address),
    )


def test_customers_show_their_addresses_in_full_and_are_found_by_one(
    api: APIClient, brand: Brand
) -> None:
    ada, bob = CustomerFactory(brand=brand), CustomerFactory(brand=brand, name="Bob")
    point(ada, "phone", "+12025550143")
    point(ada, "email", "ada@example.com")
    everyone = api.get("/api/v1/customers/").json()["results"]
    assert [row["id"] for row in everyone] == [bob.pk, ada.pk]
    assert {p["address"] for p in everyone[1]["contact_points"]} == {
        "+12025550143",
        "ada@example.com",
    }
    for spelling in ("+12025550143", "(202) 555-0143", "ADA@example.com"):
        found = api.get("/api/v1/customers/", {"address": spelling}).json()["results"]
        assert [row["id"] for row in found] == [ada.pk]
    assert api.get("/api/v1/customers/", {"address": "nobody"}).json()["results"] == []
    assert api.get(f"/api/v1/customers/{ada.pk}/").json()["given_name"] == "Ada"


def test_nothing_of_another_brand_is_there(api: APIClient, order: Any, channel: Any) -> None:
    theirs = OrderFactory()
    their_channel = ChannelFactory(brand_id=theirs.brand_id, slug="sms-main")
    told(theirs, their_channel)
    point(theirs.customer, "phone", "+12025550143")
    assert api.get(f"/api/v1/orders/{theirs.pk}/timeline/").status_code == 404
    assert api.get(f"/api/v1/customers/{theirs.customer_id}/").status_code == 404
    assert api.get("/api/v1/deliveries/").json()["results"] == []
    assert api.get("/api/v1/deliveries/", {"order": theirs.pk}).json()["results"] == []
    assert api.get("/api/v1/deliveries/?channel=sms-main").json()["results"] == []
    found = api.get("/api/v1/customers/", {"address": "+12025550143"}).json()["results"]
    assert found == []
    assert api.get("/api/v1/consents/").json()["results"] == []


@pytest.mark.parametrize("path", ["orders/1/timeline", "deliveries", "customers", "consents"])
def test_reading_needs_the_right_to_read(brand: Brand, path: str) -> None:
    assert client_of(brand, "events").get(f"/api/v1/{path}/").status_code == 403
