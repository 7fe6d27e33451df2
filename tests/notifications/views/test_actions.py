"""Buttons: moving an order, answering as a customer, the public page, the log-in."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client
from django.urls import reverse

from orders.models import StatusChange
from tests.factories import ChannelFactory, GroupFactory, StoreFactory, UserFactory
from tests.notifications.views.rows import (
    make_change,
    make_contact,
    make_delivery,
    make_notification,
    make_order,
    make_told,
)

pytestmark = pytest.mark.django_db


# --- Moving an order ------------------------------------------------------------------


def test_a_button_of_the_board_moves_the_order_in_the_name_of_the_person(staff, connection):
    order = make_order(connection=connection, status="preparing", base_status="preparing")
    page = staff.get(reverse("board")).content.decode()
    assert 'value="ready"' in page

    answer = staff.post(
        reverse("move", args=[order.pk]),
        {"group": "main", "status": "ready", "next": "/dashboard/board/"},
    )

    assert answer.url == "/dashboard/board/"
    order.refresh_from_db()
    assert order.status == "ready"
    change = StatusChange.objects.get(order=order)
    assert (change.status, change.previous_status) == ("ready", "preparing")
    assert change.actor == staff.get(reverse("home")).context["scope"].actor


def test_one_part_of_a_split_order_moves_alone(staff, connection):
    order = make_order(connection=connection, status="preparing", base_status="preparing")
    order.groups.update(lines={"1": "1"})
    order.lines.create(line_id="1", name="Soup", quantity=1)
    order.lines.create(line_id="2", name="Cake", quantity=1)
    GroupFactory(
        order=order, key="later", status="preparing", own_status="preparing", lines={"2": "1"}
    )
    staff.post(reverse("move", args=[order.pk]), {"group": "later", "status": "ready"})
    assert dict(order.groups.values_list("key", "status")) == {
        "main": "preparing",
        "later": "ready",
    }


def test_a_second_tap_changes_nothing_and_says_so(staff, connection):
    order = make_order(connection=connection, status="preparing", base_status="preparing")
    for _ in range(2):
        answer = staff.post(
            reverse("move", args=[order.pk]), {"group": "main", "status": "ready"}, follow=True
        )
    assert StatusChange.objects.filter(order=order).count() == 1
    assert "was already there" in answer.content.decode()


@pytest.mark.parametrize(
    ("form", "code"),
    [({"group": "main", "status": "nonsense"}, 302), ({"group": "no", "status": "ready"}, 404)],
)
def test_a_status_or_part_that_does_not_exist_moves_nothing(staff, connection, form, code):
    order = make_order(connection=connection)
    assert staff.post(reverse("move", args=[order.pk]), form).status_code == code
    assert not StatusChange.objects.exists()


def test_a_tap_on_a_live_page_answers_with_a_sentence_and_a_refresh(staff, connection):
    order = make_order(connection=connection, status="preparing", base_status="preparing")
    answer = staff.post(
        reverse("move", args=[order.pk]),
        {"group": "main", "status": "ready"},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 200
    assert answer["HX-Trigger"] == "refresh"
    assert f"{order} is now: Ready." in answer.content.decode()


def test_a_form_without_its_token_is_refused(staff, connection):
    order = make_order(connection=connection)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = staff.cookies
    address = reverse("move", args=[order.pk])
    assert strict.post(address, {"status": "ready"}).status_code == 403
    assert not StatusChange.objects.exists()


def test_the_board_shows_open_orders_only(staff, connection):
    make_order(connection=connection, external_id="OPEN1", status="ready")
    make_order(connection=connection, external_id="OVER1", status="picked_up")
    page = staff.get(reverse("board")).content.decode()
    assert "OPEN1" in page
    assert "OVER1" not in page


# --- Phones ---------------------------------------------------------------------------


@pytest.fixture
def stand_in(settings):
    """A control side of a sandbox that notes what it is asked."""
    asked = []

    class Control(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Silence."""

    server = HTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SANDBOX_URL = f"http://127.0.0.1:{server.server_port}"
    yield asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(connection):
    """A customer who was texted over a channel in sandbox mode."""
    order = make_order(connection=connection)
    channel = ChannelFactory(brand_id=connection.brand_id, provider="twilio", name="Texts")
    make_delivery(make_notification(order, make_change(order)), "Ready at nine", channel)
    return order, channel, make_contact(order)


def test_a_phone_shows_what_arrived_and_not_what_failed(staff, told):
    order, channel, _contact = told
    make_delivery(make_notification(order), "Never arrived", channel, state="failed")
    make_delivery(make_notification(order, audience="staff", customer=None), "Cook it", channel)
    page = staff.get(reverse("phones")).content.decode()
    assert "Ready at nine" in page
    assert "Cook it" in page.split("wall-bar")[1]
    assert "Never arrived" not in page


def test_an_answer_goes_to_the_sandbox_as_the_customer_would_send_it(staff, told, stand_in):
    _order, channel, contact = told
    line = f"{channel.pk}.{contact.pk}"
    staff.post(reverse("answer"), {"line": line, "text": " Where is it? "})
    staff.post(reverse("answer"), {"line": line, "text": "", "quick": "STOP"})
    sent = {"provider": "twilio", "from": "+12025550143"}
    assert stand_in == [
        ("/_control/inbound", "application/json", {**sent, "text": "Where is it?"}),
        ("/_control/inbound", "application/json", {**sent, "text": "STOP"}),
    ]


def test_a_sandbox_that_does_not_answer_is_a_sentence(staff, told, settings):
    _order, channel, contact = told
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    form = {"line": f"{channel.pk}.{contact.pk}", "text": "Hello"}
    answer = staff.post(reverse("answer"), form, follow=True)
    assert "The sandbox did not take the answer." in answer.content.decode()
    in_place = staff.post(reverse("answer"), form, headers={"HX-Request": "true"})
    assert "The sandbox did not take the answer." in in_place.content.decode()
    assert "HX-Trigger" not in in_place


def test_nobody_answers_as_a_customer_of_another_brand_or_over_a_live_channel(
    stranger, staff, told, stand_in
):
    _order, channel, contact = told
    form = {"line": f"{channel.pk}.{contact.pk}", "text": "Hello"}
    assert stranger.post(reverse("answer"), form).status_code == 404
    channel.mode = "live"
    channel.save()
    assert staff.post(reverse("answer"), form).status_code == 404
    assert stand_in == []


def test_without_a_sandbox_channel_there_are_no_phones(staff, told):
    _order, channel, _contact = told
    channel.mode = "live"
    channel.save()
    page = staff.get(reverse("phones")).content.decode()
    assert "sandbox mode" in page
    assert "Ready at nine" not in page


# --- The public page ------------------------------------------------------------------


def test_the_tracking_page_needs_no_login_and_shows_no_personal_data(client, connection):
    order = make_order(
        connection=connection,
        status="ready",
        store=StoreFactory(brand=connection.brand),
        note="Ring twice",
    )
    make_contact(order)
    make_told(order, text="Secret words")
    answer = client.get(reverse("tracking", args=[order.token]))
    page = answer.content.decode()
    assert "Hello Ada" in page
    assert "Ready" in page
    hidden = [
        "Lovelace",
        "5550143",
        "555 0143",
        "555-0143",
        "ada@",
        "Secret words",
        "Ring twice",
        "21.50",
    ]
    assert [words for words in hidden if words in page.replace(order.brand.contact_line, "")] == []
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]


def test_the_tracking_page_links_only_to_web_addresses(client, connection):
    order = make_order(connection=connection, status="out_for_delivery")
    order.groups.update(
        tracking={
            "A1": {"carrier": "Good", "url": "https://carrier.example/A1"},
            "B2": {"carrier": "Bad", "url": "javascript:alert(1)"},
        }
    )
    page = client.get(reverse("tracking", args=[order.token])).content.decode()
    assert 'href="https://carrier.example/A1"' in page
    assert "javascript:" not in page
    assert "B2" in page


def test_a_wrong_token_is_not_found(client, connection):
    make_order(connection=connection)
    assert client.get(reverse("tracking", args=["0" * 40])).status_code == 404


# --- Log-in and frame -------------------------------------------------------------------


def test_logging_in_leads_back_to_where_one_wanted_to_go(client, brand):
    UserFactory(username="maria", password="correct horse")
    form = {"username": "maria", "password": "correct horse", "next": "/dashboard/board/"}
    assert client.post(reverse("login"), form).url == "/dashboard/board/"
    wrong = Client().post(reverse("login"), {**form, "password": "battery"})
    assert "do not fit together" in wrong.content.decode()


def test_the_bare_address_leads_to_the_dashboard(client):
    assert client.get("/").url == reverse("home")


@pytest.mark.parametrize("name", ["home", "board", "orders", "deliveries", "inbox", "phones"])
def test_pages_load_nothing_from_elsewhere_and_carry_no_script_of_their_own(staff, name):
    page = staff.get(reverse(name)).content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == page.count('<script src="/static/')
