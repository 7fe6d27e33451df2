"""Events posted to the API: refused at the door when malformed, kept when only not understood."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from orders.models import Brand, InboundEvent, SourceConnection
from tests.factories import ConnectionFactory
from tests.orders.api.signing import event, standard_headers
from tests.orders.api.test_hooks import BAD_JSON


def post(client: APIClient, body: bytes, key: str = "k") -> Any:
    return client.generic(
        "POST", "/api/v1/events/", body, "application/json", HTTP_IDEMPOTENCY_KEY=key
    )


def test_an_event_is_stored_as_it_came_on_the_brands_own_connection(
    api: APIClient, brand: Brand
) -> None:
    body = event(status="ready")
    answer = post(api, body)
    row = InboundEvent.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"id": row.pk, "duplicate": False})
    assert bytes(row.body) == body
    assert (row.topic, row.state, row.mode) == ("api", "received", "live")
    assert row.event_key.startswith("api:") and len(row.event_key) == 68
    connection = row.connection
    assert (connection.brand, connection.source, connection.name) == (brand, "generic", "API")
    assert connection.secrets == []


def test_the_connection_is_made_once(api: APIClient) -> None:
    post(api, event(), "k1")
    post(api, event(), "k2")
    assert SourceConnection.objects.count() == 1
    assert InboundEvent.objects.count() == 2


def test_the_hook_address_of_that_connection_proves_nobody(api: APIClient) -> None:
    post(api, event())
    hook = SourceConnection.objects.get()
    for secret in ("", "test_secret"):
        answer = Client().post(
            f"/hooks/{hook.key}/",
            event(),
            content_type="application/json",
            headers=standard_headers(event(), secret=secret),
        )
        assert answer.status_code == 401
    assert InboundEvent.objects.count() == 1


def test_a_connection_of_another_source_with_that_name_is_in_the_way(
    api: APIClient, brand: Brand
) -> None:
    ConnectionFactory(brand=brand, name="API", source="shopify")
    answer = post(api, event())
    assert answer.status_code == 409
    assert "Rename" in answer.json()["detail"]


@pytest.mark.parametrize("what", BAD_JSON)
def test_what_is_no_clean_json_is_a_400_with_a_reason(api: APIClient, what: str) -> None:
    answer = post(api, BAD_JSON[what])
    assert answer.status_code == 400
    assert len(answer.json()["detail"]) > 20
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"[" + event() + b"]"])
def test_anything_but_one_object_is_a_400(api: APIClient, body: bytes) -> None:
    answer = post(api, body)
    assert answer.status_code == 400
    assert "object" in answer.json()["detail"]


def test_a_missing_member_is_named(api: APIClient) -> None:
    body = json.loads(event())
    del body["order_ref"]
    answer = post(api, json.dumps(body).encode())
    assert answer.status_code == 400
    assert "order.id" in answer.json()["detail"]
    assert not InboundEvent.objects.exists()


def test_a_time_without_its_zone_is_named(api: APIClient) -> None:
    answer = post(api, event(placed_at="2026-11-21 19:30:00"))
    assert answer.status_code == 400
    assert "order.placed_at" in answer.json()["detail"]


def test_a_status_that_is_not_ours_is_kept_for_a_person(api: APIClient) -> None:
    assert post(api, event(status="teleported")).status_code == 202
    assert InboundEvent.objects.count() == 1
