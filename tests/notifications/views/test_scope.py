"""Who sees what: brands and stores never leak into each other."""

import pytest
from django.test import Client
from django.urls import reverse

from notifications.views import scope
from orders.models import StatusChange
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    OrderFactory,
    StoreFactory,
    UserFactory,
)
from tests.notifications.views.rows import make_change, make_event, make_order, make_told

LISTS = ["home", "board", "orders", "deliveries", "inbox", "phones"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LISTS)
def test_a_page_asks_who_you_are_and_comes_back(client, name):
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer.url == f"{reverse('login')}?next={reverse(name).replace('/', '%2F')}"


def test_a_live_part_of_a_page_whose_session_ended_leads_to_the_login(client):
    answer = client.get(
        reverse("board") + "?live=1",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/dashboard/board/"},
    )
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/login/?next=%2Fdashboard%2Fboard%2F"


@pytest.mark.parametrize("name", LISTS)
def test_somebody_without_a_brand_is_told_whom_to_ask(name):
    client = Client()
    client.force_login(UserFactory())
    answer = client.get(reverse(name))
    assert answer.status_code == 403
    assert "Ask an owner" in answer.content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_lists_show_nothing_of_another_brand(stranger, connection, name):
    order = make_order(connection=connection, external_id="SECRET77")
    make_told(order, text="SECRET words")
    make_event(connection, topic="SECRET/topic", order=order, state="failed", error="SECRET")
    page = stranger.get(reverse(name)).content.decode()
    assert "SECRET" not in page
    assert "Bella Pizza" not in page


def test_objects_of_another_brand_do_not_exist(stranger, connection):
    order = make_order(connection=connection)
    event = make_event(connection)
    assert stranger.get(reverse("order", args=[order.pk])).status_code == 404
    assert stranger.get(reverse("inbox_event", args=[event.pk])).status_code == 404
    move = stranger.post(reverse("move", args=[order.pk]), {"group": "main", "status": "ready"})
    assert move.status_code == 404
    assert StatusChange.objects.count() == 0


def test_replay_leaves_the_events_of_another_brand_alone(stranger, connection):
    event = make_event(connection, state="failed")
    stranger.post(reverse("replay"), {"event": event.pk, "mode": "replay"})
    event.refresh_from_db()
    assert event.state == "failed"


@pytest.mark.parametrize("name", LISTS)
def test_a_storekeeper_sees_only_their_store(storekeeper, store, connection, name):
    other = StoreFactory(brand=store.brand, name="SECRET Hill")
    order = make_order(connection=connection, store=other, external_id="SECRET1")
    make_told(order, text="SECRET words")
    make_event(connection, topic="SECRET/topic", order=order, state="failed", error="SECRET")
    make_event(ConnectionFactory(brand=store.brand, store=other, name="SECRET till"))
    assert "SECRET" not in storekeeper.get(reverse(name)).content.decode()


def test_a_storekeeper_opens_own_orders_and_no_others(storekeeper, store, connection):
    own = make_order(connection=connection, store=store)
    theirs = make_order(connection=connection, store=StoreFactory(brand=store.brand))
    nobodys = make_order(connection=connection)
    codes = [
        storekeeper.get(reverse("order", args=[order.pk])).status_code
        for order in (own, theirs, nobodys)
    ]
    assert codes == [200, 404, 404]


def test_a_storekeeper_sees_own_messages_and_events(storekeeper, store, connection):
    order = make_order(connection=connection, store=store, external_id="4711")
    make_told(order, text="Come to the harbour")
    event = make_event(connection, order=order, topic="orders/harbour")
    assert "Come to the harbour" in storekeeper.get(reverse("deliveries")).content.decode()
    assert "orders/harbour" in storekeeper.get(reverse("inbox")).content.decode()
    assert storekeeper.get(reverse("inbox_event", args=[event.pk])).status_code == 200


def test_a_person_of_two_brands_switches_and_still_opens_links_of_both(staff, brand, connection):
    user_id = staff.session["_auth_user_id"]
    second = MembershipFactory(user_id=user_id, brand__name="Zwei Zander").brand
    here = make_order(connection=connection, external_id="OVEN1")
    there = make_order(connection=ConnectionFactory(brand=second), external_id="SHIP1")
    assert "OVEN1" in staff.get(reverse("board")).content.decode()
    assert staff.get(reverse("order", args=[there.pk])).status_code == 200

    answer = staff.post(reverse("choose"), {"where": str(second.pk), "next": "/dashboard/board/"})

    assert answer.url == "/dashboard/board/"
    page = staff.get(reverse("board")).content.decode()
    assert "SHIP1" in page
    assert "OVEN1" not in page
    assert staff.get(reverse("order", args=[here.pk])).status_code == 200


def test_a_chosen_store_narrows_the_lists(staff, brand, store, connection):
    make_order(connection=connection, store=store, external_id="HARBOUR1")
    make_order(connection=connection, external_id="ELSEWHERE1")
    staff.post(reverse("choose"), {"where": f"{brand.pk}.{store.pk}"})
    page = staff.get(reverse("board")).content.decode()
    assert "HARBOUR1" in page
    assert "ELSEWHERE1" not in page


def test_a_brand_that_is_not_open_cannot_be_chosen(stranger, brand):
    stranger.post(reverse("choose"), {"where": str(brand.pk)})
    assert "Bella Pizza" not in stranger.get(reverse("board")).content.decode()


def test_the_way_back_never_leaves_the_site(staff, brand):
    answer = staff.post(
        reverse("choose"), {"where": str(brand.pk), "next": "https://evil.example/"}
    )
    assert answer.url == reverse("home")


def test_a_superuser_sees_all_brands(connection):
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    order = make_order(connection=connection)
    MembershipFactory()
    assert client.get(reverse("order", args=[order.pk])).status_code == 200
    assert "Bella Pizza" in client.get(reverse("home")).content.decode()


def test_a_brand_wide_membership_wins_over_one_of_a_store(staff, store, connection):
    MembershipFactory(user_id=staff.session["_auth_user_id"], brand=store.brand, store=store)
    order = make_order(connection=connection)
    assert staff.get(reverse("order", args=[order.pk])).status_code == 200


def test_every_row_helper_stays_within_the_scope(rf, connection, stranger):
    order = OrderFactory(connection=connection)
    make_change(order)
    make_told(order)
    make_event(connection)
    request = rf.get("/")
    request.user = MembershipFactory().user
    request.session = {}
    seen = scope.scope(request)
    for rows in (
        scope.orders,
        scope.changes,
        scope.notifications,
        scope.deliveries,
        scope.customer_messages,
        scope.connections,
        scope.inbound,
    ):
        assert not rows(seen).exists()
        assert not rows(seen, everywhere=True).exists()
    assert not scope.channels(seen).exists()
