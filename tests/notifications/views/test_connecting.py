"""The way to a new source: what is asked, what is made, what is shown of the first event."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from notifications.models import Delivery, Notification, Rule
from notifications.planning import plan
from orders import intake, registry
from orders.contract import Raw
from orders.models import Brand, Order, SourceConnection, StatusChange, Store
from orders.normalising import normalise
from orders.signatures import sign_standard
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    MembershipFactory,
    TemplateFactory,
)

pytestmark = pytest.mark.django_db
BODY = b"""{"order": {"id": "77", "number": "#77", "status": "placed", "total": "21.50",
 "currency": "USD", "fulfilment": "pickup",
 "customer": {"given_name": "Ada", "name": "Ada Lovelace", "phone": "+12025550143",
  "email": "ada@example.com"},
 "lines": [{"id": "1", "name": "Margherita", "quantity": "2"}]}}"""


def connect(client: Client, slug: str, **fields: str) -> Any:
    return client.post(reverse("connect_source", args=[slug]), {"name": "Shop", **fields})


def made() -> SourceConnection:
    return SourceConnection.objects.get()


def setup(client: Client) -> str:
    response = client.get(reverse("connecting", args=[made().pk]))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def arrive(body: bytes = BODY) -> None:
    connection, now = made(), timezone.now()
    headers = sign_standard(connection.secrets[0]["secret"], "m1", now, body)
    intake.receive(connection, Raw(headers, body, received_at=now), now)
    normalise(10, now)


def rule(brand: Brand) -> Rule:
    ChannelFactory(brand_id=brand.pk, provider="twilio")
    TemplateFactory(brand=brand, event="placed")
    return Rule.objects.create(brand=brand, name="Received", events=["placed"])


# --- Choosing ---------------------------------------------------------------------------
def test_every_source_can_be_chosen_with_what_its_platform_says(staff: Client):
    page = staff.get(reverse("connect")).content.decode()
    for slug in registry.slugs():
        assert f'href="/dashboard/connections/new/{slug}/"' in page
        assert f"img/sources/{slug}.svg" in page
    assert "Live merchants need an app that Clover has approved" in page


@pytest.mark.parametrize("slug", registry.slugs())
def test_every_source_is_described_and_connected_with_its_defaults(staff: Client, slug: str):
    page = staff.get(reverse("connect_source", args=[slug]))
    assert page.status_code == 200
    initial = {
        f"setting-{name}": "on" for name, (one, _) in registry.source(slug).SETTINGS.items() if one
    }
    texts = {
        f"setting-{name}": str(one)
        for name, (one, _help) in registry.source(slug).SETTINGS.items()
        if isinstance(one, str | int) and not isinstance(one, bool)
    }
    initial = {name: initial[name] for name in initial if name not in texts}
    for name, (one, _help) in registry.source(slug).SETTINGS.items():
        if isinstance(one, list | dict):
            initial.pop(f"setting-{name}", None)
    answer = connect(staff, slug, **initial, **texts)
    assert answer.status_code == 302, answer.content.decode()
    row = made()
    assert (row.source, row.mode, row.settings, row.credentials) == (slug, "test", {}, {})
    assert "2. What to click at" in setup(staff)


def test_no_such_source(staff: Client):
    assert staff.get(reverse("connect_source", args=["nothing"])).status_code == 404


# --- What is asked ----------------------------------------------------------------------
def test_choices_and_credentials_are_kept_and_never_rendered_back(staff: Client):
    answer = connect(
        staff,
        "shopify",
        **{
            "setting-pickup_titles": '["at the counter"]',
            "setting-own_tags": "orderbell:",
            "setting-api_version": "2026-10",
            "setting-fetch_parts": "on",
            "credential-access_token": "shpat_private",
            "secret": "theirs",
        },
    )
    assert answer.status_code == 302
    row = made()
    assert row.settings == {"pickup_titles": ["at the counter"], "auto_accept": False}
    assert row.credentials == {"access_token": "shpat_private"}
    assert row.valid_secrets(timezone.now()) == ["theirs"]
    page = setup(staff)
    assert "shpat_private" not in page and "theirs" not in page
    assert "A secret is saved" in page


def test_a_form_that_is_wrong_says_where_and_shows_no_secret(staff: Client):
    answer = connect(
        staff,
        "shopify",
        **{"setting-pickup_titles": "{", "credential-access_token": "shpat_x", "secret": "s3cret"},
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Write it like" in page and "shpat_x" not in page and "s3cret" not in page
    assert not SourceConnection.objects.exists()


def test_two_sources_of_a_brand_have_two_names(staff: Client, brand: Brand):
    ConnectionFactory(brand=brand, name="Shop")
    assert "one of its own" in connect(staff, "generic").content.decode()


def test_a_manager_of_one_store_connects_only_that_store(
    storekeeper: Client, brand: Brand, store: Store
):
    assert connect(storekeeper, "generic", store="").status_code == 400
    other = Store.objects.create(brand=brand, slug="other", name="Other")
    assert connect(storekeeper, "generic", store=str(other.pk)).status_code == 400
    assert connect(storekeeper, "generic", store=str(store.pk)).status_code == 302
    assert made().store == store


def test_the_brand_of_the_person_gets_it(brand: Brand, staff: Client):
    MembershipFactory()
    connect(staff, "woocommerce")
    assert made().brand == brand


# --- The secret -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("slug", "begin"),
    [("generic", "whsec_"), ("woocommerce", ""), ("doordash_drive", "Basic ")],
)
def test_a_secret_is_made_and_shown_until_the_first_event(staff: Client, slug: str, begin: str):
    connect(staff, slug)
    secret = made().valid_secrets(timezone.now())[0]
    assert secret.startswith(begin) and len(secret) >= 40
    assert escape(secret) in setup(staff)
    if slug == "woocommerce":
        assert secret.isalnum()


def test_a_platforms_own_secret_is_asked_for_and_until_then_all_is_refused(staff: Client):
    connect(staff, "square")
    assert made().valid_secrets(timezone.now()) == []
    page = setup(staff)
    assert "The secret that Square shows" in page and "whatever comes is refused" in page


# --- The first event --------------------------------------------------------------------
def test_waiting_says_so_and_names_what_was_refused(staff: Client):
    connect(staff, "generic")
    assert "Waiting for the first event" in setup(staff)
    intake.count_refusal(made(), "BadSignature", timezone.now())
    assert "1 call was refused" in setup(staff)


def test_the_first_event_is_shown_as_it_was_understood_and_told_to_nobody(
    staff: Client, brand: Brand
):
    rule(brand)
    connect(staff, "generic")
    arrive()
    plan(100, timezone.now())
    page = setup(staff).partition('id="step-3"')[2]  # the guide has an Ada of its own
    shown = page.partition('id="raw-first"')[0]
    assert "#77" in page and "2 × Margherita" in page and "21.50 USD" in page
    assert "Placed" in page
    assert "Ada" in shown and "Lovelace" not in shown
    assert "2025550143" not in shown and "ada@example.com" not in shown
    assert "What would have been told" in page
    told = page.partition("What would have been told")[2].partition("</ul>")[0]
    assert "Customer" in told and "SMS" in told and "Received" in told
    assert not Notification.objects.exists() and not Delivery.objects.exists()
    assert StatusChange.objects.filter(silent_why="test").exists()
    assert made().secrets[0]["secret"] not in page


def test_without_a_rule_nothing_would_have_been_told(staff: Client):
    connect(staff, "generic")
    arrive()
    assert "Nothing: no rule is about it." in setup(staff)


def test_an_event_that_is_not_understood_shows_why(staff: Client):
    connect(staff, "generic")
    arrive(b'{"order": {"id": "1", "total": "a lot"}}')
    page = setup(staff)
    assert "It could not be understood." in page and "a lot" in page
    assert "Go live without waiting" in page


def test_going_live_ends_it(staff: Client, brand: Brand):
    rule(brand)
    connect(staff, "generic")
    arrive()
    staff.post(reverse("connection_change", args=[made().pk]), {"to": "live"})
    page = setup(staff)
    assert "It is live." in page and "What would have been told" not in page
    body = BODY.replace(b"77", b"78")
    now = timezone.now()
    headers = sign_standard(made().secrets[0]["secret"], "m2", now, body)
    intake.receive(made(), Raw(headers, body, received_at=now), now)
    normalise(10, now)
    plan(100, now)
    assert Order.objects.count() == 2
    assert Notification.objects.get().order.external_id == "78"
