"""A PIN is kept with its order, for staff only, and not taken again once it is purged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from orders import tokens
from orders.contract import Clock, Contact, OrderEvent
from orders.loading import Word
from orders.models import Order
from orders.timeline import record
from orders.withheld import PHONE_PIN, PURGED_AT, shown
from tests.factories import ConnectionFactory, GroupFactory, MembershipFactory, OrderFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MASKED = Contact(name="Ada", phone="+442033221100", phone_pin="482913", proxy=True)


def tell(hook: Any, minutes: int = 0, **fields: Any) -> Order:
    event = OrderEvent(
        external_id="1",
        topic="t",
        clock=Clock(at=NOON + timedelta(minutes=minutes)),
        **{"status": "placed", **fields},
    )
    record([Word(event, hook)], NOON + timedelta(hours=1))
    return Order.objects.get()


def test_the_pin_is_kept_with_the_order_and_follows_the_newest_word() -> None:
    hook = ConnectionFactory()
    assert tell(hook, 5, contact=MASKED, attributes={"table": "4"}).attributes == {
        PHONE_PIN: "482913",
        "table": "4",
    }
    older = Contact(phone="+442033221100", phone_pin="111", proxy=True)
    assert tell(hook, 1, contact=older).attributes[PHONE_PIN] == "482913"
    newer = Contact(phone="+442033221100", phone_pin="222", proxy=True)
    assert tell(hook, 9, contact=newer).attributes[PHONE_PIN] == "222"
    assert tell(hook, 10, contact=Contact(name="Ada")).attributes[PHONE_PIN] == "222"


def test_the_attributes_of_a_source_do_not_reach_what_is_ours() -> None:
    hook = ConnectionFactory()
    told = {PHONE_PIN: "999", PURGED_AT: "x", "table": "4"}
    assert tell(hook, attributes=told).attributes == {"table": "4"}
    assert shown(told) == {"table": "4"}


def test_a_late_word_does_not_bring_a_purged_number_back() -> None:
    hook = ConnectionFactory()
    tell(hook, contact=MASKED)
    Order.objects.update(
        contact_phone="", contact_phone_raw="", attributes={PURGED_AT: "2026-11-21T20:00:00Z"}
    )
    order = tell(hook, 30, contact=MASKED, status="delivered")
    assert (order.status, order.contact_phone, order.contact_phone_raw) == ("delivered", "", "")
    assert PHONE_PIN not in order.attributes
    own = Contact(phone="+12025550143")
    assert tell(hook, 31, contact=own).contact_phone == "+12025550143"


def staff(order: Order) -> Client:
    client = Client()
    member: Any = MembershipFactory(brand=order.brand, user__is_staff=False)
    client.force_login(member.user)
    return client


@pytest.fixture
def order(settings: Any) -> Any:
    settings.ALLOWED_HOSTS = ["*"]
    made: Any = OrderFactory(
        customer=None,
        contact_phone="+442033221100",
        contact_proxy=True,
        attributes={PHONE_PIN: "482913", "table": "four"},
    )
    GroupFactory(order=made)
    return made


def test_staff_see_the_pin_with_the_masked_number(order: Order) -> None:
    page = staff(order).get(reverse("order", args=[order.pk])).content.decode()
    assert "482913" in page
    assert "masked by the platform" in page
    assert "were deleted" not in page


def test_a_pin_is_written_as_text(order: Order) -> None:
    Order.objects.update(attributes={PHONE_PIN: "<b>1"})
    page = staff(order).get(reverse("order", args=[order.pk])).content.decode()
    assert "&lt;b&gt;1" in page


def test_staff_see_that_the_number_was_deleted(order: Order) -> None:
    Order.objects.update(contact_phone="", attributes={PURGED_AT: "2026-11-21T20:00:00Z"})
    page = staff(order).get(reverse("order", args=[order.pk])).content.decode()
    assert "were deleted" in page
    assert "PIN to enter" not in page


def test_the_tracking_page_does_not_know_the_pin(order: Order) -> None:
    page = Client().get(reverse("tracking", args=[order.token])).content.decode()
    assert "482913" not in page


def test_the_api_does_not_know_the_pin(order: Order) -> None:
    _token, plain = tokens.issue(order.brand, "Till", tokens.RIGHTS)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    answer = client.get(f"/api/v1/orders/{order.pk}/")
    assert answer.json()["attributes"] == {"table": "four"}
    assert "482913" not in answer.content.decode()
