"""Published bodies without an order of their own: kept, shown, and applied when it arrives."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications.models import Decision
from orders.intake import replay
from orders.models import (
    InboundEvent,
    Order,
    OrderAlias,
    SourceConnection,
    StatusChange,
)
from tests.factories import MembershipFactory
from tests.journeys.bodies.samples import (
    ABOUT,
    ANSWERS,
    MISSING,
    PARTS_ONLY,
    SAMPLES,
    WAITING,
    arrive,
    connected,
    post,
    sample,
)
from tests.journeys.shop import Shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING),
]


# -- bodies about an order that is not here -------------------------------------------------------


def staff(shop: Shop) -> Client:
    """Somebody of the brand, logged in."""
    client = Client()
    client.force_login(MembershipFactory(brand=shop.brand).user)
    return client


@pytest.mark.parametrize("name", [*ABOUT, *PARTS_ONLY])
def test_alone_it_waits_in_the_inbox_with_a_sentence_and_a_button(shop: Shop, name: str) -> None:
    event = arrive(shop, "shopify", name)
    assert (event.state, event.order) == (InboundEvent.State.WAITING, None)
    assert event.error.endswith(WAITING)
    assert event.due_at > timezone.now() - timedelta(seconds=5)
    assert not Order.objects.exists()
    client = staff(shop)
    page = client.get("/dashboard/inbox/?state=waiting").content.decode()
    assert event.topic in page
    assert event.error[:60] in page
    one = client.get(f"/dashboard/inbox/{event.pk}/").content.decode()
    assert event.error in one
    assert 'action="/dashboard/inbox/replay/"' in one
    assert f'name="event" value="{event.pk}"' in one


@pytest.mark.parametrize("name", [*ABOUT, *PARTS_ONLY])
def test_the_button_reads_it_again(shop: Shop, name: str) -> None:
    event = arrive(shop, "shopify", name)
    read = event.attempts
    answer = staff(shop).post("/dashboard/inbox/replay/", {"event": event.pk, "mode": ""})
    assert answer.status_code in (200, 302)
    event.refresh_from_db()
    assert (event.state, event.attempts, event.mode) == ("received", 0, "live")
    shop.pump()
    event.refresh_from_db()
    assert (event.state, event.attempts) == (InboundEvent.State.WAITING, read)


@pytest.mark.parametrize("name", [*ABOUT, *PARTS_ONLY])
def test_a_second_posting_of_what_waits_is_a_repeat(shop: Shop, name: str) -> None:
    arrive(shop, "shopify", name)
    assert post(shop, "shopify", name).status_code == 200
    assert InboundEvent.objects.count() == 1
    assert connected(shop, "shopify").duplicate_count == 1


@pytest.mark.parametrize("name", ABOUT)
def test_what_waits_is_applied_by_itself_when_its_order_arrives(shop: Shop, name: str) -> None:
    event = arrive(shop, "shopify", name)
    arrive(shop, "shopify", ABOUT[name])
    event.refresh_from_db()
    assert (event.state, event.error) == (InboundEvent.State.PROCESSED, "")
    assert event.order == Order.objects.get()
    assert shop.sandbox.messages() == []


@pytest.mark.parametrize("name", ABOUT)
def test_before_or_after_its_order_it_leads_to_the_same(shop: Shop, name: str) -> None:
    pictures = []
    for names in ((name, ABOUT[name]), (ABOUT[name], name)):
        SourceConnection.objects.filter(source="shopify").update(source="gone")
        for one in names:
            arrive(shop, "shopify", one)
        pictures.append(picture(Order.objects.latest("id")))
    assert pictures[0] == pictures[1]
    assert shop.sandbox.messages() == []


def picture(order: Order) -> dict[str, Any]:
    """What an order is and was, without ids."""
    return {
        "order": (order.external_id, order.status, order.total_minor, order.refunds),
        "contact": (order.contact_name, order.contact_phone, order.contact_email),
        "groups": sorted(
            (group.key, group.status, group.method, str(group.lines), str(group.tracking))
            for group in order.groups.all()
        ),
        "applied": sorted(
            order.changes.filter(applied=True, fact="status").values_list("group_key", "status")
        ),
    }


def test_a_fulfilment_brings_its_parcel_to_its_order(shop: Shop) -> None:
    arrive(shop, "shopify", "orders-create-1")
    arrive(shop, "shopify", "fulfillments-create-1")
    order = Order.objects.get()
    assert order.status == "cancelled"
    parcels = {key: one for group in order.groups.all() for key, one in group.tracking.items()}
    assert list(parcels) == ["1z827wk74630"]
    assert parcels["1z827wk74630"]["carrier"] == "UPS"
    assert OrderAlias.objects.filter(order=order, value="group:123456").exists()


def test_a_refund_is_counted_once_and_is_no_status(shop: Shop) -> None:
    arrive(shop, "shopify", "orders-create-1")
    arrive(shop, "shopify", "refunds-create-1")
    order = Order.objects.get()
    (refund,) = order.refunds.values()
    assert refund["amount_minor"] == 8500
    assert order.status == "cancelled"
    fact = StatusChange.objects.get(fact="refund")
    assert (fact.data["amount_minor"], fact.silent_why) == (8500, "test")


def test_an_edit_is_announced_with_the_names_of_its_lines(shop: Shop) -> None:
    arrive(shop, "shopify", "orders-create-1")
    arrive(shop, "shopify", "orders-edited-1")
    fact = StatusChange.objects.get(fact="edited")
    assert fact.silent_why == "announced"
    assert [one["quantity"] for one in fact.data["removed"]] == ["1"]
    assert Decision.objects.filter(change=fact).exclude(reason="other_event").count() == 1


def test_the_courier_moves_the_parcel_that_the_fulfilment_made(shop: Shop) -> None:
    arrive(shop, "shopify", "orders-updated-2")
    arrive(shop, "shopify", "fulfillments-update-2")
    arrive(shop, "shopify", "fulfillment_events-create-1")
    order = Order.objects.get()
    parcels = [group for group in order.groups.all() if "1Z2345" in group.tracking]
    assert [group.status for group in parcels] == ["out_for_delivery"]
    assert parcels[0].sub_status == "in_transit"
    assert OrderAlias.objects.filter(order=order, value="group:255858046").exists()


@pytest.mark.parametrize("name", PARTS_ONLY)
def test_a_part_that_no_order_names_goes_on_waiting_when_some_order_arrives(
    shop: Shop, name: str
) -> None:
    event = arrive(shop, "shopify", name)
    arrive(shop, "shopify", "orders-updated-2")
    event.refresh_from_db()
    assert (event.state, event.order) == (InboundEvent.State.WAITING, None)
    assert event.error.startswith("It names only a part that no order here is known to have. ")
    assert Order.objects.get().status == "confirmed"


def test_a_part_is_ready_once_its_order_is_known_to_have_it(shop: Shop) -> None:
    event = arrive(shop, "shopify", PARTS_ONLY[0])
    arrive(shop, "shopify", "orders-updated-2")
    order = Order.objects.get()
    gid = "gid://shopify/FulfillmentOrder/1"
    OrderAlias.objects.create(connection=order.connection, order=order, value=f"group:{gid}")
    replay([event.pk], mode=None)
    shop.pump()
    event.refresh_from_db()
    order.refresh_from_db()
    assert (event.state, event.order) == (InboundEvent.State.PROCESSED, order)
    assert order.status == "ready"
    assert gid in {order.groups.get().key, *order.groups.get().aliases}


def test_after_two_days_a_person_is_asked(shop: Shop) -> None:
    event = arrive(shop, "shopify", "refunds-create-1")
    long_ago = timezone.now() - timedelta(days=2, minutes=1)
    InboundEvent.objects.update(received_at=long_ago, due_at=timezone.now())
    shop.pump()
    event.refresh_from_db()
    assert event.state == InboundEvent.State.FAILED
    assert event.error.endswith("Replay it once the order is here.")
    arrive(shop, "shopify", "orders-create-1")
    replay([event.pk])
    shop.pump()
    event.refresh_from_db()
    assert event.state == InboundEvent.State.PROCESSED


# -- bodies that are no order ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_the_rest_api_is_kept_with_what_to_do_about_it(shop: Shop, name: str) -> None:
    event = arrive(shop, "woocommerce", name)
    assert (event.state, event.order) == (InboundEvent.State.FAILED, None)
    assert "Create the webhook with the topic Order" in event.error
    assert json.loads(bytes(event.body)) == json.loads(sample("woocommerce", name))
    assert not Order.objects.exists()
    page = staff(shop).get(f"/dashboard/inbox/{event.pk}/").content.decode()
    assert event.error in page
    assert f'name="event" value="{event.pk}"' in page
    assert post(shop, "woocommerce", name).status_code == 200
    assert InboundEvent.objects.count() == 1
