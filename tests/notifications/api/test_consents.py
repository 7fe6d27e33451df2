"""Consent reported over the API: one ledger entry per write, with its evidence."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from consents import addresses
from consents.models import ConsentEvent, ConsentState, ContactPoint
from orders.models import Brand
from tests.factories import BrandFactory, CustomerFactory
from tests.orders.api.conftest import client_of

PATH = "/api/v1/consents/"
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
GRANT = {
    "address_kind": "phone",
    "address": "(202) 555-0143",
    "channel": "sms",
    "purpose": "order",
    "action": "grant",
    "evidence": {"form": "checkout", "ip_kept": False, "box": 1.5},
    "wording_version": "checkout-3",
    "occurred_at": "2026-11-20T09:00:00Z",
}


@pytest.fixture
def brand(db: Any) -> Brand:
    return BrandFactory(country="US")


@pytest.fixture
def api(brand: Brand) -> APIClient:
    return client_of(brand)


def post(client: APIClient, value: Any, key: str = "k") -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return client.generic("POST", PATH, body, "application/json", HTTP_IDEMPOTENCY_KEY=key)


def test_a_grant_is_recorded_with_its_evidence(api: APIClient, brand: Brand, travel: Any) -> None:
    travel(NOW)
    answer = post(api, GRANT)
    assert answer.status_code == 201, answer.content
    event = ConsentEvent.objects.get()
    assert answer.json()["id"] == event.pk
    assert event.address_digest == addresses.digest("phone", "+12025550143")
    assert (event.channel, event.purpose, event.action) == ("sms", "order", "grant")
    assert (event.method, event.basis, event.actor) == ("api", "consent", "token Till")
    assert event.evidence["form"] == "checkout"
    assert event.wording_version == "checkout-3"
    assert event.occurred_at == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    assert event.received_at == NOW
    assert ConsentState.objects.get().state == "grant"


def test_an_entry_is_tied_to_the_customer_who_has_the_address(api: APIClient, brand: Brand) -> None:
    ada = CustomerFactory(brand=brand)
    digest = addresses.digest("phone", "+12025550143")
    ContactPoint.objects.create(
        brand=brand, customer=ada, kind="phone", address="+12025550143", digest=digest
    )
    assert post(api, GRANT).json()["customer"] == ada.pk


def test_a_repeat_is_one_entry_even_when_the_answer_was_forgotten(
    api: APIClient, brand: Brand, travel: Any
) -> None:
    clock = travel(NOW)
    first = post(api, GRANT)
    assert post(api, GRANT)["Idempotency-Replayed"] == "true"
    clock.shift(73 * 3600)
    again = post(api, GRANT)
    assert again.json()["id"] == first.json()["id"]
    assert ConsentEvent.objects.count() == 1


def test_a_withdrawal_needs_no_more_than_an_address(api: APIClient) -> None:
    bare = {"address_kind": "email", "address": "Ada@Example.com", "action": "withdraw"}
    shown = post(api, bare).json()
    assert (shown["channel"], shown["purpose"], shown["basis"]) == ("*", "*", "")


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"address": "not a number"}, "address"),
        ({"address_kind": "pigeon"}, "address_kind"),
        ({"action": "erase"}, "action"),
        ({"channel": "smoke"}, "channel"),
        ({"purpose": "fun"}, "purpose"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"evidence": "none"}, "evidence"),
        ({"evidence": {"scan": "x" * 9000}}, "evidence"),
    ],
)
def test_an_unusable_member_is_named_and_nothing_recorded(
    api: APIClient, change: dict[str, Any], member: str
) -> None:
    answer = post(api, {**GRANT, **change})
    assert answer.status_code == 400
    assert [error["member"] for error in answer.json()["errors"]] == [member]
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"a": NaN}', b'{"address": "\\u0000"}'])
def test_a_body_that_is_no_clean_object_is_a_400(api: APIClient, body: bytes) -> None:
    assert post(api, body).status_code == 400


def test_writing_needs_the_right_to_write(brand: Brand) -> None:
    assert post(client_of(brand, "read", "events"), GRANT).status_code == 403


def test_the_ledger_is_read_newest_first_and_by_address(api: APIClient) -> None:
    first = post(api, GRANT, "1").json()["id"]
    other = {**GRANT, "address": "+12025550199"}
    second = post(api, other, "2").json()["id"]

    def ids(query: dict[str, str]) -> list[int]:
        return [row["id"] for row in api.get(PATH, query).json()["results"]]

    assert ids({}) == [second, first]
    assert ids({"kind": "phone", "address": "202-555-0143"}) == [first]
    assert ids({"kind": "email", "address": "a@example.com"}) == []
    assert api.get(PATH, {"address": "202-555-0143"}).status_code == 400
