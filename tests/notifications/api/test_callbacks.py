"""Provider callbacks at the edge: proven, capped, never acknowledged in vain."""

import base64
import hmac
from hashlib import sha1
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from notifications.models import CustomerMessage, Delivery, Notification
from orders.models import Brand
from tests.factories import BrandFactory, ChannelFactory, OrderFactory

pytestmark = pytest.mark.django_db
PUBLIC = "https://bell.example.com"
TOKEN = "auth-token"


@pytest.fixture(autouse=True)
def public_address(settings: Any) -> None:
    settings.PUBLIC_BASE_URL = PUBLIC


@pytest.fixture
def channel() -> Any:
    brand = BrandFactory()
    credentials = {
        "account_sid": "AC" + "0" * 32,
        "auth_token": TOKEN,
        "from_number": "+12025550100",
    }
    return ChannelFactory(brand_id=brand.pk, provider="twilio", credentials=credentials)


def delivery_on(channel: Any) -> Delivery:
    order = OrderFactory(connection__brand=Brand.objects.get(pk=channel.brand_id))
    notification = Notification.objects.create(
        brand=order.brand,
        intent="intent-1",
        order=order,
        event="ready",
        audience="customer",
        purpose="order",
        useful_until=timezone.now(),
    )
    delivery = Delivery.objects.create(
        brand=order.brand,
        notification=notification,
        order=order,
        channel=channel,
        address="+12025550143",
        ref="ref-1",
        state="sent",
        sent_at=timezone.now(),
    )
    delivery.attempts.create(channel=channel, ending="accepted", provider_message_id="SM1")
    return delivery


def post(channel: Any, fields: dict[str, str], token: str = TOKEN, base: str = PUBLIC) -> Any:
    path = f"/receipts/{channel.key}/?ref=ref-1"
    text = base + path + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(token.encode(), text.encode(), sha1).digest()).decode()
    return Client().post(
        path,
        urlencode(fields),
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )


DELIVERED = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+12025550143"}


def test_a_genuine_receipt_moves_the_delivery_and_is_answered_as_the_provider_likes(
    channel: Any,
) -> None:
    delivery = delivery_on(channel)
    answer = post(channel, DELIVERED)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content == b"<Response/>"
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_a_forged_receipt_does_nothing_but_count(channel: Any) -> None:
    delivery = delivery_on(channel)
    assert post(channel, DELIVERED, token="guess").status_code == 401
    assert post(channel, DELIVERED, base="http://10.0.0.5:8000").status_code == 401
    delivery.refresh_from_db()
    channel.refresh_from_db()
    assert delivery.state == "sent"
    assert (channel.refused_count, channel.refused_at is not None) == (2, True)


def test_another_channels_signature_does_not_fit(channel: Any) -> None:
    other = ChannelFactory(provider="twilio", credentials={"auth_token": "other"})
    delivery_on(channel)
    assert post(other, DELIVERED).status_code == 401


def test_an_unknown_address_is_a_generic_404(channel: Any) -> None:
    channel.key = "f" * 40
    answer = post(channel, DELIVERED)
    assert answer.status_code == 404
    assert "twilio" not in answer.content.decode().lower()


def test_a_signed_body_that_cannot_be_read_is_a_400(channel: Any) -> None:
    answer = post(channel, {"MessageStatus": "delivered"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_over_the_limit_is_a_413(channel: Any, settings: Any) -> None:
    settings.MAX_WEBHOOK_BYTES = 100
    assert post(channel, {**DELIVERED, "Body": "x" * 100}).status_code == 413


def test_a_failing_database_is_a_503_that_asks_to_come_again(channel: Any) -> None:
    delivery = delivery_on(channel)

    def refuse(*args: Any) -> Any:
        raise OperationalError("database or disk is full")

    with connection.execute_wrapper(refuse):
        answer = post(channel, DELIVERED)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert post(channel, DELIVERED).status_code == 200
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_what_a_customer_writes_is_taken_in_once(channel: Any) -> None:
    message = {
        "MessageSid": "SM9",
        "SmsStatus": "received",
        "From": "+12025550143",
        "Body": "hello",
    }
    for _ in range(2):
        assert post(channel, message).status_code == 200
    assert CustomerMessage.objects.get().text == "hello"


def test_head_says_whether_the_address_exists(channel: Any) -> None:
    assert Client().head(f"/receipts/{channel.key}/").status_code == 200
    assert Client().head(f"/receipts/{'f' * 40}/").status_code == 404
