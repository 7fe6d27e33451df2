"""Who may use the API: tokens are kept as hashes, and open one brand and some rights only."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from orders import tokens
from orders.models import ApiToken, Brand
from tests.orders.api.conftest import client_of
from tests.orders.api.signing import event


def test_a_token_is_shown_once_and_kept_as_a_hash(brand: Brand) -> None:
    token, plain = tokens.issue(brand, "Till", ["write", "read"])
    row = ApiToken.objects.get(pk=token.pk)
    assert plain.startswith("obk_") and len(plain) == 44
    assert row.digest == sha256(plain.encode()).hexdigest()
    assert plain not in str(vars(row))
    assert row.rights == ["read", "write"]


@pytest.mark.parametrize("rights", [[], ["read", "root"]])
def test_a_token_needs_rights_that_exist(brand: Brand, rights: list[str]) -> None:
    with pytest.raises(ValueError, match="read, events, write"):
        tokens.issue(brand, "Till", rights)


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Bearer obk_guess", "Basic YTpi", "Bearer \xe9"]
)
def test_without_a_known_token_the_answer_is_401(db: Any, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = Client().get("/api/v1/orders/", headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Unauthorized"


def test_a_revoked_token_opens_nothing(brand: Brand, api: APIClient) -> None:
    assert api.get("/api/v1/orders/").status_code == 200
    ApiToken.objects.update(revoked_at=timezone.now())
    assert api.get("/api/v1/orders/").status_code == 401


def test_a_session_of_the_dashboard_is_no_token(brand: Brand, admin_client: Client) -> None:
    assert admin_client.get("/api/v1/orders/").status_code == 401


def test_each_right_opens_only_its_own(brand: Brand) -> None:
    reader, sender = client_of(brand, "read"), client_of(brand, "events")
    assert reader.get("/api/v1/orders/").status_code == 200
    assert sender.get("/api/v1/orders/").status_code == 403
    key = {"HTTP_IDEMPOTENCY_KEY": "k"}
    post = ("/api/v1/events/", event(), "application/json")
    refused = reader.generic("POST", *post, **key)
    assert refused.status_code == 403
    assert "events" in refused.json()["detail"]
    assert sender.generic("POST", *post, **key).status_code == 202


def test_use_is_noted_at_most_once_a_minute(api: APIClient, travel: Any) -> None:
    start = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    clock = travel(start)
    api.get("/api/v1/orders/")
    clock.shift(50)
    api.get("/api/v1/orders/")
    assert ApiToken.objects.get().last_used_at == start
    clock.shift(20)
    api.get("/api/v1/orders/")
    assert (ApiToken.objects.get().last_used_at - start).total_seconds() == 70
