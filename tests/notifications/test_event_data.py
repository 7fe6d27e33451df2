"""What the operator's own systems are told of an order, and of whom it is for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app import registry
from channels_app.contract import Family
from channels_app.models import Channel
from consents import addresses, recording
from consents.models import ConsentEvent, ContactPoint
from notifications import context, library
from notifications.context import Job
from notifications.deliverable import data_for
from notifications.models import Delivery
from orders.models import FulfilmentGroup, Order, OrderLine
from tests.factories import ChannelFactory, StoreFactory
from tests.notifications.views.rows import (
    make_change,
    make_delivery,
    make_notification,
    make_order,
)

pytestmark = pytest.mark.django_db
PERSONAL = "hubspot"
EVENT = [slug for slug in registry.slugs() if registry.provider_class(slug).family == Family.EVENT]


@pytest.fixture
def order() -> Order:
    return an_order()


def an_order(**fields: Any) -> Order:
    order: Order = make_order(status="ready", base_status="ready", **fields)
    order.store = StoreFactory(brand=order.brand, slug=f"harbour-{order.pk}", name="Harbour")
    order.save()
    OrderLine.objects.create(order=order, line_id="1", name="Margherita", quantity=Decimal("2.50"))
    return order


def channel_of(order: Order, provider: str) -> Channel:
    found = Channel.objects.filter(brand_id=order.brand_id, provider=provider).first()
    row: Channel = found or ChannelFactory(brand_id=order.brand_id, provider=provider)
    library.clear()
    return row


def owed(order: Order, provider: str = PERSONAL) -> Delivery:
    """A message to a room of the operator's system, about the step to ready."""
    change = make_change(order, "ready", previous_status="preparing")
    note = make_notification(order, change, audience="partner", purpose="partner", customer=None)
    row: Delivery = make_delivery(
        note, "", channel_of(order, provider), state="sending", address="orders", sent_at=None
    )
    return row


def jobs(deliveries: Sequence[Delivery]) -> list[Job]:
    library.clear()
    return context.load([row.pk for row in deliveries])


def data(order: Order, provider: str = PERSONAL) -> dict[str, Any]:
    (job,) = jobs([owed(order, provider)])
    return data_for(job, timezone.now())


def point(order: Order, kind: str, address: str, **more: Any) -> ContactPoint:
    wanted = recording.Wanted(order.brand_id, order.customer_id, kind, address, **more)
    return next(iter(recording.ensure_contact_points([wanted]).values()))


def phone(order: Order) -> ContactPoint:
    return point(order, "phone", order.contact_phone)


def about_the_person(order: Order, action: str) -> ConsentEvent | None:
    assert order.customer_id is not None
    return recording.record(
        brand_id=order.brand_id,
        kind=addresses.SUBJECT,
        digest=addresses.subject_digest(order.customer_id),
        action=action,
        method="staff",
        customer_id=order.customer_id,
        occurred_at=timezone.now(),
        now=timezone.now(),
    )


# --- the order ---


def test_the_order_comes_in_plain_fields(order: Order) -> None:
    FulfilmentGroup.objects.update(
        ready_at=datetime(2026, 11, 21, 18, 0, tzinfo=UTC),
        tracking={"JD0146": {"carrier": "DHL", "url": "https://track.example.com/JD0146"}},
    )
    found = data(order)
    assert (found["event"], found["part"]) == ("ready", None)
    about = found["order"]
    assert (about["id"], about["external_id"]) == (str(order.pk), order.external_id)
    assert (about["number"], about["token"]) == (order.display_number, order.token)
    assert (about["status"], about["previous_status"]) == ("ready", "preparing")
    assert (about["total_minor"], about["currency"]) == (2150, "USD")
    assert about["tracking_url"].endswith(f"/t/{order.token}/")
    assert (about["source"], about["connection"]) == ("generic", order.connection.name)
    assert found["items"] == [{"id": "1", "name": "Margherita", "quantity": "2.5"}]
    assert found["store"] == {"slug": f"harbour-{order.pk}", "name": "Harbour"}
    assert found["groups"] == [
        {
            "key": "main",
            "status": "ready",
            "ready_at": "2026-11-21T18:00:00+00:00",
            "deliver_from": None,
            "deliver_to": None,
        }
    ]
    parcel = {"number": "JD0146", "carrier": "DHL", "url": "https://track.example.com/JD0146"}
    assert found["tracking"] == [parcel]


def test_what_was_taken_off_the_order_is_left_out(order: Order) -> None:
    gone = {"line_id": "2", "name": "Cola", "quantity": Decimal(2), "removed_quantity": Decimal(2)}
    OrderLine.objects.create(order=order, **gone)
    OrderLine.objects.create(order=order, **{**gone, "line_id": "3", "quantity": Decimal(10)})
    found = [(item["id"], item["quantity"]) for item in data(order)["items"]]
    assert found == [("1", "2.5"), ("3", "8")]


def test_an_order_of_no_store_has_an_empty_one(order: Order) -> None:
    Order.objects.update(store=None)
    assert data(order)["store"] == {}


# --- the customer ---


def test_who_needs_the_customer_gets_them(order: Order) -> None:
    assert data(order)["customer"] == {
        "id": str(order.customer_id),
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "email": "ada@example.com",
        "phone": "+12025550143",
        "language": "",
        "opted_out": [],
    }


@pytest.mark.parametrize("provider", EVENT)
def test_only_providers_that_declare_it_get_the_customer(order: Order, provider: str) -> None:
    owed(order, PERSONAL)
    found = data(order, provider)
    declared = registry.provider_class(provider).capabilities.personal
    assert ("customer" in found) is declared
    if not declared:
        assert "ada@example.com" not in str(found)
        assert "+12025550143" not in str(found)


def test_in_one_batch_each_gets_its_own_share(order: Order) -> None:
    both = jobs([owed(order, PERSONAL), owed(order, "webhook"), owed(order, "pusher")])
    assert [("customer" in data_for(job, timezone.now())) for job in both] == [True, False, False]


def test_customers_of_two_brands_are_kept_apart(order: Order) -> None:
    other = an_order(contact_name="Ben", contact_email="ben@example.com", contact_phone="")
    recording.opt_out(phone(order), method="keyword", now=timezone.now())
    found = [data_for(job, timezone.now()) for job in jobs([owed(order), owed(other)])]
    shown = [(one["customer"]["name"], one["customer"]["opted_out"]) for one in found]
    assert shown == [("Ada Lovelace", ["sms"]), ("Ben", [])]


# --- what they refused ---


@pytest.mark.parametrize("channel", ["sms", "chat"])
def test_a_stop_by_phone_is_told_for_its_family_only(order: Order, channel: str) -> None:
    recording.opt_out(phone(order), method="keyword", now=timezone.now(), channel=channel)
    assert data(order)["customer"]["opted_out"] == [channel]


def test_a_stop_by_email_and_a_yes_later(order: Order) -> None:
    email, now = point(order, "email", order.contact_email), timezone.now()
    recording.opt_out(email, method="page", now=now)
    assert data(order)["customer"]["opted_out"] == ["email"]
    recording.opt_in(email, method="page", now=now + timedelta(minutes=1))
    assert data(order)["customer"]["opted_out"] == []


def test_who_stopped_everything_refuses_every_family(order: Order) -> None:
    assert order.customer_id is not None
    both = [phone(order), point(order, "email", order.contact_email)]
    recording.stop_everything(order.customer_id, both, method="page", now=timezone.now())
    assert data(order)["customer"]["opted_out"] == ["sms", "email", "chat"]


def test_a_no_that_came_before_we_knew_the_address_counts(order: Order) -> None:
    recording.record(
        brand_id=order.brand_id, kind="email", address=order.contact_email, action="withdraw",
        channel="email", method="api", occurred_at=timezone.now(), now=timezone.now(),
    )  # fmt: skip
    assert not ContactPoint.objects.exists()
    assert data(order)["customer"]["opted_out"] == ["email"]


@pytest.mark.parametrize("action", ["erase", "restrict"])
@pytest.mark.parametrize("known", [True, False])
def test_who_is_erased_or_restricted_is_left_out(order: Order, action: str, known: bool) -> None:
    if known:
        phone(order)
    about_the_person(order, action)
    found = data(order)
    assert found["customer"] is None
    assert found["order"]["number"] == order.display_number


@pytest.mark.parametrize("action", ["erase", "restrict"])
def test_one_erased_address_is_enough(order: Order, action: str) -> None:
    email = point(order, "email", order.contact_email)
    recording.record(
        brand_id=order.brand_id, kind="email", digest=email.digest, action=action,
        method="staff", occurred_at=timezone.now(), now=timezone.now(),
    )  # fmt: skip
    assert data(order)["customer"] is None


def test_a_person_without_an_address_may_be_restricted_too(order: Order) -> None:
    Order.objects.update(contact_phone="", contact_email="")
    about_the_person(order, "restrict")
    order.refresh_from_db()
    assert data(order)["customer"] is None


def test_masked_contacts_are_left_out(order: Order) -> None:
    Order.objects.update(contact_proxy=True)
    customer = data(order)["customer"]
    assert (customer["phone"], customer["email"], customer["opted_out"]) == ("", "", [])
    assert customer["name"] == "Ada Lovelace"


# --- what it costs ---


def counted(deliveries: Sequence[Delivery]) -> int:
    context.load([deliveries[0].pk])  # the library is read once, whatever the number
    with CaptureQueriesContext(
        connection,
    ) as seen:
        found = [data_for(job, timezone.now()) for job in context.load([d.pk for d in deliveries])]
    assert all(one["customer"] for one in found)
    return len(seen)


def test_fifty_cost_as_many_queries_as_one(order: Order) -> None:
    library.clear()
    rows = [owed(order)]
    for number in range(49):
        another = an_order(
            connection=order.connection,
            contact_phone=f"+120255501{number:02d}",
            contact_email=f"ada{number}@example.com",
        )
        phone(another)
        rows.append(owed(another))
    library.clear()
    assert counted(rows) == counted(rows[:1])
