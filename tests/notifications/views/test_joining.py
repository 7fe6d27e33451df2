"""Joining from the tracking page: what is offered, what is stored, what is refused."""

import json
import re

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.models import Channel
from channels_app.providers.webpush.callbacks import STATUSES
from channels_app.providers.webpush.keys import application_server_key
from channels_app.providers.webpush.provider import browser_keys
from channels_app.providers.webpush.sandbox import demo_credentials, demo_subscription
from consents import links, recording
from consents.models import ConsentEvent, ContactPoint, Preference
from notifications.views import joining
from tests.factories import BrandFactory, ChannelFactory, ConnectionFactory, CustomerFactory
from tests.notifications.views.rows import make_contact, make_order

ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc:DEF-123"
BOT = {
    "bot_token": f"123456789:{'a' * 35}",
    "bot_username": "bella_bot",
    "webhook_secret": "s" * 16,
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(brand) -> Channel:
    return push_channel(brand)


@pytest.fixture
def order(connection):
    return make_order(connection=connection)


def push_channel(brand, **fields) -> Channel:
    credentials = fields.pop("credentials", demo_credentials())
    return ChannelFactory(brand_id=brand.pk, provider="webpush", credentials=credentials, **fields)


def subscription(endpoint: str = ENDPOINT, **more) -> dict:
    """What `JSON.stringify(subscription)` gives in a browser."""
    known = demo_subscription("ada")
    secrets = {"p256dh": known["p256dh"], "auth": known["auth"]}
    return {"endpoint": endpoint, "expirationTime": None, "keys": secrets, **more}


def with_keys(**secrets) -> dict:
    return subscription(keys={**subscription()["keys"], **secrets})


def post(order, body, client=None, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body)
    address = reverse("push", args=[order.token])
    return (client or Client()).post(address, data, "application/json", headers=headers)


def page(order) -> str:
    answer = Client().get(reverse("tracking", args=[order.token]))
    assert answer.status_code == 200
    return answer.content.decode()


def attribute(name: str, text: str) -> str:
    found = re.search(f' data-{name}="([^"]*)"', text)
    assert found, f"The page has no data-{name}."
    return found[1]


def points(order):
    return ContactPoint.objects.filter(customer=order.customer, kind="push")


# --- What is stored -----------------------------------------------------------


def test_a_subscription_becomes_the_customers_address_with_a_grant(order, channel):
    answer = post(order, subscription())
    assert (answer.status_code, answer.json()) == (201, {"joined": True})
    point = points(order).get()
    assert (point.brand_id, point.address) == (order.brand_id, ENDPOINT)
    assert point.verified_at is not None and point.invalid_at is None
    event = ConsentEvent.objects.get()
    assert (event.action, event.method, event.channel) == ("grant", "join", "push")
    assert (event.customer_id, event.address_digest) == (order.customer_id, point.digest)


def test_what_is_stored_is_what_the_provider_encrypts_with(order, channel):
    given = subscription()
    # Some browsers' libraries pad, and use the other alphabet.
    padded = given["keys"]["p256dh"].replace("-", "+").replace("_", "/") + "="
    assert post(order, with_keys(p256dh=padded)).status_code == 201
    data = points(order).get().data
    assert data == given["keys"]
    point, secret = browser_keys({"push": data})
    assert (len(point), len(secret)) == (65, 16)


def test_joining_twice_keeps_one_address_with_the_newest_keys(order, channel):
    other = demo_subscription("grace")
    post(order, subscription())
    newer = with_keys(p256dh=other["p256dh"], auth=other["auth"])
    assert post(order, newer).status_code == 201
    assert points(order).get().data["auth"] == other["auth"]


def test_joining_chooses_no_order_of_channels_for_the_customer(order, channel):
    Preference.objects.create(customer=order.customer, families=["sms"])
    post(order, subscription())
    assert Preference.objects.get().families == ["sms"]


def test_another_brand_gets_nothing_from_it(order, channel):
    elsewhere = make_order(connection=ConnectionFactory())
    push_channel(elsewhere.brand)
    post(order, subscription())
    assert not ContactPoint.objects.filter(brand=elsewhere.brand).exists()
    post(elsewhere, subscription())
    assert set(ContactPoint.objects.values_list("brand_id", "customer_id")) == {
        (order.brand_id, order.customer_id),
        (elsewhere.brand_id, elsewhere.customer_id),
    }


# --- What is refused ----------------------------------------------------------

BAD = {
    "no JSON": b"endpoint=1",
    "broken UTF-8": b'{"endpoint": "\xff"}',
    "a list": b"[]",
    "nested without end": b'{"keys":' + b"[" * 4000,
    "nothing in it": {},
    "no endpoint": subscription(endpoint=""),
    "a number for an endpoint": subscription(endpoint=7),
    "plain http": subscription(endpoint="http://fcm.googleapis.com/fcm/send/a"),
    "another port": subscription(endpoint="https://fcm.googleapis.com:8443/fcm/send/a"),
    "a host of their own": subscription(endpoint="https://push.evil.example/a"),
    "a host that looks like one": subscription(endpoint="https://fcm.googleapis.com.evil.example/"),
    "our own machine": subscription(endpoint="https://127.0.0.1/admin/"),
    "a user name": subscription(endpoint="https://fcm.googleapis.com@evil.example/"),
    "an endless endpoint": subscription(endpoint=ENDPOINT + "a" * 600),
    "keys that are no object": subscription(keys="secret"),
    "no keys": subscription(keys={}),
    "a short p256dh": with_keys(p256dh=subscription()["keys"]["p256dh"][:40]),
    "a point off the curve": with_keys(p256dh="BA" + "A" * 85),
    "an endless p256dh": with_keys(p256dh="A" * 101),
    "a p256dh that is no text": with_keys(p256dh=[1]),
    "a short auth": with_keys(auth="AAAA"),
    "an auth with foreign letters": with_keys(auth="é" * 22),
    "a previous that is no text": subscription(previous={"a": 1}),
    "an endless previous": subscription(previous="a" * 601),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_bad_body_is_refused_and_nothing_is_stored(order, channel, body):
    answer = post(order, body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].endswith("Load the page again and press the button once more.")
    assert not ContactPoint.objects.exists() and not ConsentEvent.objects.exists()


def test_a_large_body_is_refused_before_it_is_read(order, channel):
    answer = post(order, b" " * (joining.LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert not ContactPoint.objects.exists()


def test_an_unknown_token_is_not_found(order, channel):
    address = reverse("push", args=["not-a-token"])
    assert Client().post(address, json.dumps(subscription()), "application/json").status_code == 404
    assert not ContactPoint.objects.exists()


def test_a_brand_without_push_takes_no_subscription(order):
    push_channel(BrandFactory())
    push_channel(order.brand, enabled=False)
    push_channel(order.brand, credentials={"vapid_private_key": "not a key"})
    push_channel(order.brand, credentials={})
    assert post(order, subscription()).status_code == 404
    assert not ContactPoint.objects.exists()


@pytest.mark.parametrize("fields", [{"is_test": True}, {"customer": None}], ids=["test", "nobody"])
def test_an_order_that_tells_nobody_takes_no_subscription(connection, channel, fields):
    order = make_order(connection=connection, **fields)
    answer = post(order, subscription())
    assert answer.status_code == 400
    assert "no messages are sent" in answer.json()["detail"]
    assert not ContactPoint.objects.exists()


def test_the_number_of_phones_has_an_end(order, channel, monkeypatch):
    monkeypatch.setattr(joining, "MOST_PHONES", 2)
    for name in ("a", "b"):
        assert post(order, subscription(ENDPOINT + name)).status_code == 201
    assert post(order, subscription(ENDPOINT + "c")).status_code == 400
    assert points(order).count() == 2
    assert post(order, subscription(ENDPOINT + "a")).status_code == 201


def test_a_post_without_the_pages_token_is_refused(order, channel):
    client = Client(enforce_csrf_checks=True)
    shown = client.get(reverse("tracking", args=[order.token])).content.decode()
    assert post(order, subscription(), client).status_code == 403
    assert post(order, subscription(), client, **{"X-CSRFToken": "a" * 64}).status_code == 403
    assert not ContactPoint.objects.exists()
    token = attribute("csrf", shown)
    assert post(order, subscription(), client, **{"X-CSRFToken": token}).status_code == 201


# --- Renewed by the browser ---------------------------------------------------


def test_a_renewed_subscription_takes_the_place_of_the_old_one(order, channel):
    post(order, subscription())
    client = Client(enforce_csrf_checks=True)
    known = client.get(reverse("push", args=[order.token])).json()
    assert known["key"] == application_server_key(demo_credentials()["vapid_private_key"])
    renewed = subscription(ENDPOINT + "new", previous=ENDPOINT)
    assert post(order, renewed, client, **{"X-CSRFToken": known["csrf"]}).status_code == 201
    ended = dict(points(order).values_list("address", "invalid_at"))
    assert ended[ENDPOINT] is not None and ended[ENDPOINT + "new"] is None


def test_a_renewal_does_not_lift_a_stop(order, channel):
    post(order, subscription())
    recording.opt_out(points(order).get(), method="page", now=timezone.now())
    assert post(order, subscription(ENDPOINT + "new", previous=ENDPOINT)).status_code == 400
    assert points(order).get().address == ENDPOINT


def test_a_renewal_does_not_lift_a_stop_of_everything(order, channel):
    post(order, subscription())
    now = timezone.now()
    recording.stop_everything(order.customer_id, list(points(order)), method="page", now=now)
    assert post(order, subscription(ENDPOINT + "new", previous=ENDPOINT)).status_code == 400
    assert points(order).count() == 1


def test_a_renewal_is_taken_after_the_old_one_has_bounced(order, channel):
    post(order, subscription())
    recording.suppress_address(points(order).get(), "410", timezone.now())
    assert post(order, subscription(ENDPOINT + "new", previous=ENDPOINT)).status_code == 201
    assert points(order).get(address=ENDPOINT + "new").invalid_at is None


def test_a_renewal_of_what_never_joined_is_refused(order, channel):
    neighbour = CustomerFactory(brand=order.brand)
    recording.join(order.brand_id, neighbour.pk, "push", ENDPOINT, timezone.now())
    assert post(order, subscription(ENDPOINT + "new", previous=ENDPOINT)).status_code == 400
    assert not points(order).exists()


# --- What the page shows ------------------------------------------------------


def test_the_page_carries_the_key_and_the_address_to_post_to(order, channel):
    shown = page(order)
    key = attribute("key", shown)
    assert key == application_server_key(demo_credentials()["vapid_private_key"])
    assert attribute("url", shown) == f"/t/{order.token}/push/"
    assert attribute("worker", shown) == "/push-worker.js"
    assert attribute("scope", shown) == f"/push/{channel.pk}/"
    assert demo_credentials()["vapid_private_key"] not in shown
    assert re.search(r'<button type="button" class="button primary" hidden>', shown)
    assert not re.search(r"<script(?![^>]*\bsrc=)", shown)


def test_the_page_offers_only_what_the_brand_has(order):
    elsewhere = BrandFactory()
    push_channel(elsewhere)
    ChannelFactory(brand_id=elsewhere.pk, provider="telegram", credentials=BOT)
    assert "How shall we tell you?" not in page(order)
    ChannelFactory(brand_id=order.brand_id, provider="telegram", credentials=BOT)
    shown = page(order)
    assert f'href="https://t.me/bella_bot?start={order.token}"' in shown
    assert "data-push" not in shown and "push.js" not in shown
    push_channel(order.brand)
    assert "data-push" in page(order)


@pytest.mark.parametrize(
    "fields",
    [{"enabled": False}, {"credentials": {**BOT, "bot_username": ""}}],
    ids=["off", "name"],
)
def test_a_bot_that_nobody_can_start_is_not_offered(order, fields):
    ChannelFactory(
        **{"brand_id": order.brand_id, "provider": "telegram", "credentials": BOT} | fields
    )
    assert "t.me" not in page(order)


@pytest.mark.parametrize("fields", [{"is_test": True}, {"customer": None}], ids=["test", "nobody"])
def test_an_order_that_tells_nobody_offers_nothing(connection, channel, fields):
    order = make_order(connection=connection, **fields)
    if order.customer:
        make_contact(order)
    ChannelFactory(brand_id=order.brand_id, provider="telegram", credentials=BOT)
    assert "How shall we tell you?" not in page(order)


def test_the_preference_link_opens_the_customers_own_page(order):
    point = make_contact(order)
    found = re.search(r'href="([^"]*/p/[^"]*)"', page(order))
    assert found
    assert found[1] == links.preference_url(order.brand_id, point.pk)
    opened = Client().get(found[1].removeprefix(configured.PUBLIC_BASE_URL))
    assert opened.status_code == 200
    assert point.masked in opened.content.decode()


def test_the_preference_link_never_speaks_for_an_address_that_was_stopped(order):
    now = timezone.now()
    want = recording.Wanted(order.brand_id, order.customer_id, "phone", "+12025550143")
    (phone,) = recording.ensure_contact_points([want]).values()
    assert links.preference_url(order.brand_id, phone.pk) in page(order)
    recording.opt_out(phone, method="keyword", now=now)
    assert "/p/" not in page(order)
    email = recording.join(order.brand_id, order.customer_id, "email", "ada@example.com", now)
    assert links.preference_url(order.brand_id, email.pk) in page(order)


def test_a_refresh_of_the_live_part_asks_nothing_about_joining(
    order, channel, django_assert_max_num_queries
):
    address = reverse("tracking", args=[order.token])
    digest = re.search(r"live=([0-9a-f]+)", page(order))
    assert digest
    with django_assert_max_num_queries(3):
        assert Client().get(address, {"live": digest[1]}).status_code == 204


# --- The worker ---------------------------------------------------------------


def test_the_worker_is_served_from_the_root_and_never_from_an_old_copy():
    answer = Client().get("/push-worker.js")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Service-Worker-Allowed"] == "/"
    assert answer["Cache-Control"] == "no-cache"
    assert b"pushsubscriptionchange" in answer.content
    assert Client().post("/push-worker.js").status_code == 405


def test_the_worker_knows_the_events_that_the_receipts_know():
    said = re.findall(r'report\([^"]*"(\w+)"\)', Client().get("/push-worker.js").content.decode())
    assert sorted(said) == sorted(STATUSES)
