"""An address that a customer has joined with elsewhere, registered over the API."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from consents import addresses
from consents.models import ConsentEvent, ConsentState, ContactPoint
from orders.models import Brand, Customer
from tests.factories import BrandFactory, CustomerFactory
from tests.orders.api.conftest import client_of

TOKEN = {"kind": "fcm", "address": "demo-registration-token-of-ada-0123456789"}


@pytest.fixture
def brand(db: Any) -> Brand:
    return BrandFactory(country="US")


@pytest.fixture
def ada(brand: Brand) -> Customer:
    return CustomerFactory(brand=brand)


@pytest.fixture
def api(brand: Brand) -> APIClient:
    return client_of(brand)


def post(client: APIClient, customer: Customer, value: Any, key: str = "k") -> Any:
    path = f"/api/v1/customers/{customer.pk}/addresses/"
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.generic("POST", path, body, "application/json", **headers)


@pytest.mark.parametrize(
    ("kind", "address", "family"),
    [
        ("fcm", TOKEN["address"], "push"),
        ("airship", "user:ada", "push"),
        ("telegram", "700100143", "chat"),
        ("messenger", "7340000000000143", "chat"),
        ("viber", "01234567890A=", "chat"),
        ("push", "https://push.sandbox.example/demo/ada", "push"),
    ],
)
def test_an_address_of_each_kind_is_kept_with_the_yes(
    api: APIClient, ada: Customer, kind: str, address: str, family: str
) -> None:
    answer = post(api, ada, {"kind": kind, "address": address})
    assert answer.status_code == 201, answer.content
    point = ContactPoint.objects.get()
    assert (point.brand_id, point.customer_id) == (ada.brand_id, ada.pk)
    assert (point.kind, point.address) == (kind, address)
    assert point.verified_at is not None
    shown = answer.json()
    assert (shown["id"], shown["kind"], shown["address"]) == (point.pk, kind, address)
    event = ConsentEvent.objects.get()
    assert (event.action, event.method, event.channel) == ("grant", "join", family)
    assert ConsentState.objects.get().state == "grant"


def test_it_is_shown_with_the_customer(api: APIClient, ada: Customer) -> None:
    post(api, ada, TOKEN)
    (point,) = api.get(f"/api/v1/customers/{ada.pk}/").json()["contact_points"]
    assert (point["kind"], point["address"]) == ("fcm", TOKEN["address"])
    found = api.get("/api/v1/customers/", {"address": TOKEN["address"]}).json()["results"]
    assert [one["id"] for one in found] == [ada.pk]


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"kind": "phone", "address": "+12025550143"}, "kind"),
        ({"kind": "email", "address": "ada@example.com"}, "kind"),
        ({"kind": "room"}, "kind"),
        ({"kind": "url", "address": "https://example.com/"}, "kind"),
        ({"kind": "slack"}, "kind"),
        ({"kind": "twilio"}, "kind"),
        ({"kind": "pigeon"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"address": ""}, "address"),
        ({"address": "   "}, "address"),
        ({"address": "\u200b\u200b"}, "address"),
        ({"address": "x" * (addresses.MAX_LENGTH + 1)}, "address"),
        ({"address": None}, "address"),
        ({"address": ["a"]}, "address"),
    ],
)
def test_what_nobody_can_be_reached_by_is_named_and_nothing_kept(
    api: APIClient, ada: Customer, change: dict[str, Any], member: str
) -> None:
    answer = post(api, ada, {**TOKEN, **change})
    assert answer.status_code == 400, answer.content
    assert [error["member"] for error in answer.json()["errors"]] == [member]
    assert not ContactPoint.objects.exists()
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"kind": "fcm"}'])
def test_a_body_that_says_too_little_is_a_400(api: APIClient, ada: Customer, body: bytes) -> None:
    assert post(api, ada, body).status_code == 400
    assert not ContactPoint.objects.exists()


def test_a_customer_of_another_brand_is_not_found(api: APIClient, ada: Customer) -> None:
    stranger = CustomerFactory()
    assert post(api, stranger, TOKEN).status_code == 404
    assert not ContactPoint.objects.exists()
    assert post(client_of(stranger.brand), ada, TOKEN).status_code == 404


def test_a_repeat_is_one_yes(api: APIClient, ada: Customer) -> None:
    first, again = post(api, ada, TOKEN), post(api, ada, TOKEN)
    assert again["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())
    assert ConsentEvent.objects.count() == 1


def test_another_key_is_another_yes_to_the_same_address(api: APIClient, ada: Customer) -> None:
    first, again = post(api, ada, TOKEN, "1"), post(api, ada, TOKEN, "2")
    assert again.json()["id"] == first.json()["id"]
    assert ContactPoint.objects.count() == 1
    assert ConsentEvent.objects.count() == 2


def test_a_key_is_not_used_for_two_writes(api: APIClient, ada: Customer) -> None:
    post(api, ada, TOKEN)
    other = {"kind": "telegram", "address": "700100143"}
    assert post(api, ada, other).status_code in (409, 422)
    assert ContactPoint.objects.count() == 1


def test_a_repeat_is_one_yes_even_when_the_answer_was_forgotten(
    api: APIClient, ada: Customer, travel: Any
) -> None:
    clock = travel("2026-11-21T20:00:00Z")
    post(api, ada, TOKEN)
    clock.shift(73 * 3600)
    assert post(api, ada, TOKEN).status_code == 201
    assert ConsentEvent.objects.count() == 1


def test_one_key_serves_two_customers(api: APIClient, ada: Customer) -> None:
    ben = CustomerFactory(brand=ada.brand)
    assert post(api, ada, TOKEN).status_code == 201
    assert post(api, ben, {"kind": "telegram", "address": "700100144"}).status_code == 201
    assert ConsentState.objects.filter(state="grant").count() == 2


def test_a_key_is_needed(api: APIClient, ada: Customer) -> None:
    assert post(api, ada, TOKEN, key="").status_code == 400
    assert not ContactPoint.objects.exists()


def test_it_takes_the_right_to_write(brand: Brand, ada: Customer) -> None:
    assert post(client_of(brand, "read", "events"), ada, TOKEN).status_code == 403
    assert post(client_of(brand, "write"), ada, TOKEN).status_code == 201
    assert post(APIClient(), ada, TOKEN).status_code == 401


def test_an_address_that_failed_works_again_once_they_join_anew(
    api: APIClient, ada: Customer
) -> None:
    post(api, ada, TOKEN, "1")
    ContactPoint.objects.update(invalid_at="2026-01-01T00:00:00Z", invalid_why="unregistered")
    shown = post(api, ada, TOKEN, "2").json()
    assert (shown["invalid_at"], shown["invalid_why"]) == (None, "")
