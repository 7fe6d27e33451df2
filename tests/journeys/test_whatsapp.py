"""WhatsApp from the first word on: the yes, the window of a day, and the text kept at Meta."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.sandbox.contract import Account
from channels_app.sandbox.server import ends
from consents import recording
from consents.models import ConsentEvent, ContactPoint
from notifications.models import CustomerMessage, Delivery, MessageTemplate, Rule
from orders.models import Order
from orders.timeline import set_status
from tests.journeys.shop import PHONE, Shop, sandbox_channel, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)
KEPT = {
    "whatsapp": {
        "id": "order_ready",
        "language": "en_US",
        "parameters": {"1": "{{ customer.first_name }}", "2": "{{ order.number }}"},
    }
}


@pytest.fixture
def order(shop: Shop) -> Order:
    """An order in a shop that also writes on WhatsApp; it is confirmed by nobody yet."""
    shop.channels["whatsapp"] = sandbox_channel(shop.brand, "whatsapp", shop.sandbox)
    shop.brand.rules.update(active=False)
    Rule.objects.create(
        brand=shop.brand, slug="chat", name="Chat", events=["ready"], families=["chat", "sms"]
    )
    shop.post(shopify_order(), "orders/create")
    shop.pump()
    return Order.objects.get()


def phone() -> ContactPoint:
    return ContactPoint.objects.get(kind="phone", address=PHONE)


def writes(shop: Shop, text: str, sender: str = PHONE) -> None:
    """The customer writes; the answer is sent and forgotten."""
    channel = shop.channels["whatsapp"]
    account = Account(channel.callback_url, channel.credentials)
    call = ends()["whatsapp"].inbound(sender, text, account)
    assert call is not None
    headers = dict(call.headers)
    kind = headers.pop("content-type")
    path = urlsplit(call.url).path
    answer = Client().generic("POST", path, call.body, content_type=kind, headers=headers)
    assert answer.status_code == 200
    shop.pump()


def opted_in(shop: Shop) -> None:
    recording.opt_in(phone(), method="form", now=timezone.now(), channel="chat")


def ready(shop: Shop, order: Order) -> list[Any]:
    """The order becomes ready: the bodies that WhatsApp has got for it."""
    shop.sandbox.clear()
    set_status(order, "main", "ready", actor="kim", now=timezone.now())
    shop.pump()
    return [json.loads(m["request"]["body"]) for m in shop.sandbox.messages("whatsapp")]


def keep_a_text_at_meta() -> None:
    row = MessageTemplate.objects.get(name="customer", event="ready", family="chat", language="en")
    row.provider_texts = KEPT
    row.full_clean()
    row.save()


def wrote(shop: Shop, hours: float) -> None:
    """They wrote so long ago, on WhatsApp."""
    CustomerMessage.objects.create(
        channel=shop.channels["whatsapp"], brand=shop.brand, provider_message_id="wamid.earlier",
        contact_point=phone(), text="Hello", received_at=timezone.now() - timedelta(hours=hours),
    )  # fmt: skip


# -- the yes --


def test_without_a_yes_the_number_gets_a_text_instead(shop: Shop, order: Order) -> None:
    assert ready(shop, order) == []
    assert len(shop.texts("twilio")) == 1


@pytest.mark.parametrize("way", ["START", "by the link"])
def test_who_starts_on_whatsapp_has_said_yes_to_chat(shop: Shop, order: Order, way: str) -> None:
    writes(shop, "START" if way == "START" else f"/start {order.token}")
    event = ConsentEvent.objects.get()
    assert (event.action, event.channel) == ("grant", "chat")
    (body,) = ready(shop, order)
    assert body["to"].removeprefix("+") == PHONE.removeprefix("+")
    assert shop.texts("twilio") == []


def test_joining_on_whatsapp_is_no_yes_to_texts(shop: Shop, order: Order) -> None:
    recording.opt_out(phone(), method="keyword", now=timezone.now(), channel="sms")
    writes(shop, f"/start {order.token}")
    Rule.objects.filter(slug="chat").update(families=["sms"])
    ready(shop, order)
    assert shop.texts("twilio") == []


def test_somebody_known_by_a_user_id_is_written_to_and_never_texted(
    shop: Shop, order: Order
) -> None:
    user = "US.13491208655302741918"
    phone().delete()
    Order.objects.update(contact_phone="")
    writes(shop, f"/start {order.token}", user)
    order.refresh_from_db()
    (body,) = ready(shop, order)
    assert body["recipient"] == user
    assert "to" not in body
    Rule.objects.filter(slug="chat").update(families=["sms"])
    set_status(order, "main", "preparing", actor="kim", now=timezone.now())
    set_status(order, "main", "ready", actor="kim", now=timezone.now())
    shop.pump()
    assert shop.texts("twilio") == []
    assert not Delivery.objects.filter(channel__provider="twilio").exists()


# -- the window --


def test_within_a_day_of_their_word_free_words_go_out(shop: Shop, order: Order) -> None:
    opted_in(shop)
    wrote(shop, 23.9)
    (body,) = ready(shop, order)
    assert body["type"] in ("text", "interactive")
    assert "#1001" in json.dumps(body)


@pytest.mark.parametrize("hours", [24.1, 0])
def test_without_an_open_window_and_a_text_at_meta_it_goes_by_the_next_channel(
    shop: Shop, order: Order, hours: float
) -> None:
    opted_in(shop)
    if hours:
        wrote(shop, hours)
    assert ready(shop, order) == []
    assert Delivery.objects.get(channel__provider="whatsapp").failure == "window_closed"
    assert len(shop.texts("twilio")) == 1


def test_outside_the_window_the_text_at_meta_is_filled_and_sent(shop: Shop, order: Order) -> None:
    opted_in(shop)
    keep_a_text_at_meta()
    (body,) = ready(shop, order)
    assert body["type"] == "template"
    assert body["template"] == {
        "name": "order_ready",
        "language": {"code": "en_US"},
        "components": [
            {
                "type": "body",
                "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "#1001"}],
            }
        ],
    }
    assert shop.texts("twilio") == []


def test_within_the_window_free_words_are_preferred_to_the_text_at_meta(
    shop: Shop, order: Order
) -> None:
    opted_in(shop)
    keep_a_text_at_meta()
    wrote(shop, 1)
    (body,) = ready(shop, order)
    assert body["type"] in ("text", "interactive")


def test_a_word_on_another_channel_opens_no_window_here(shop: Shop, order: Order) -> None:
    opted_in(shop)
    wrote(shop, 1)
    CustomerMessage.objects.update(channel=shop.channels["twilio"])
    assert ready(shop, order) == []


def test_a_text_that_an_order_leaves_empty_is_not_sent(shop: Shop, order: Order) -> None:
    opted_in(shop)
    keep_a_text_at_meta()
    Order.objects.update(contact_name="", contact_given_name="")
    order.refresh_from_db()
    assert ready(shop, order) == []
    assert Delivery.objects.get(channel__provider="whatsapp").failure == "content_rejected"
    assert len(shop.texts("twilio")) == 1
