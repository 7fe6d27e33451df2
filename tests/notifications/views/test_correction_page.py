"""A wrong tap: the step back, who was told, and the press that corrects it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications import library
from notifications.models import Delivery, Notification
from notifications.planning import plan
from orders.models import Order, StatusChange
from orders.timeline import set_status
from tests.factories import ChannelFactory, RuleFactory, TemplateFactory
from tests.notifications.views.rows import make_order

pytestmark = pytest.mark.django_db
WORDS = "Not {{ correction.claim | downcase }}; {{ part.status | downcase }}."


@pytest.fixture
def told(connection: Any, store: Any) -> Order:
    """An order that staff called ready, and whose customer was told so."""
    order = make_order(connection=connection, store=store, status="preparing")
    ChannelFactory(brand_id=order.brand_id, provider="twilio", name="Texts")
    RuleFactory(brand=order.brand, events=["ready"])
    TemplateFactory(brand=order.brand, event="ready", body="It is ready.")
    TemplateFactory(brand=order.brand, event="correction", body=WORDS)
    library.clear()
    move(order, "ready")
    delivery = Delivery.objects.get()
    delivery.attempts.create(channel=delivery.channel, ending="accepted", text="It is ready.")
    Delivery.objects.update(state="delivered", sent_at=delivery.created_at)
    Notification.objects.update(state="done")
    return order


def move(order: Order, status: str) -> None:
    now = timezone.now()
    set_status(order, "main", status, actor="kim", now=now)
    plan(100, now)
    order.refresh_from_db()


def wrong(client: Client, order: Order, status: str = "ready") -> Any:
    form = {"group": "main", "status": status}
    return client.post(reverse("wrong", args=[order.pk]), form, follow=True)


def test_that_was_wrong_moves_it_back_and_shows_who_was_told(staff: Client, told: Order):
    assert "“Ready” was wrong" in staff.get(reverse("order", args=[told.pk])).content.decode()
    shown = wrong(staff, told)
    told.refresh_from_db()
    assert told.status == "preparing"
    assert shown.redirect_chain[-1][0] == reverse("correct", args=[told.pk])
    text = shown.content.decode()
    for words in ("It is ready.", "Not ready; being prepared.", "Ada", "Texts"):
        assert words in text
    assert told.contact_phone not in text  # masked
    assert not Notification.objects.filter(event="correction").exists()


def test_one_press_sends_it_and_a_second_one_nothing(staff: Client, told: Order):
    wrong(staff, told)
    address = reverse("correct", args=[told.pk])
    assert "1 correction is on its way." in staff.post(address, follow=True).content.decode()
    assert "nothing left to correct" in staff.post(address, follow=True).content.decode()
    assert Delivery.objects.get(notification__event="correction").address == told.contact_phone


def test_the_order_page_says_that_somebody_believes_something_false(staff: Client, told: Order):
    page = reverse("order", args=[told.pk])
    assert reverse("correct", args=[told.pk]) not in staff.get(page).content.decode()
    wrong(staff, told)
    assert reverse("correct", args=[told.pk]) in staff.get(page).content.decode()
    staff.post(reverse("correct", args=[told.pk]))
    assert reverse("correct", args=[told.pk]) not in staff.get(page).content.decode()


def test_what_the_source_itself_says_is_not_moved_back_here(staff: Client, told: Order):
    Order.objects.update(base_status="ready")
    text = wrong(staff, told).content.decode()
    assert "The source itself says so" in text
    told.refresh_from_db()
    assert told.status == "ready"


def test_a_page_that_is_out_of_date_moves_nothing(staff: Client, told: Order):
    move(told, "picked_up")
    assert "moved on meanwhile" in wrong(staff, told).content.decode()
    assert not StatusChange.objects.filter(fact="reverted").exists()


def test_a_look_sends_nothing(staff: Client, told: Order):
    wrong(staff, told)
    staff.get(reverse("correct", args=[told.pk]))
    assert staff.get(reverse("wrong", args=[told.pk])).status_code == 405
    assert not Notification.objects.filter(event="correction").exists()


def test_a_brand_without_words_for_it_is_told_to_write_them(staff: Client, told: Order):
    told.brand.templates.filter(event="correction").delete()
    library.clear()
    assert "Write a template" in wrong(staff, told).content.decode()


def test_strangers_find_no_such_order(stranger: Client, told: Order):
    for name in ("correct", "wrong"):
        assert stranger.post(reverse(name, args=[told.pk])).status_code == 404
    assert not Notification.objects.filter(event="correction").exists()
