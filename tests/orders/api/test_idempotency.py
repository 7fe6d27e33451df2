"""A write may be repeated without fear: one effect, one answer."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from orders import intake, tokens
from orders.api import idempotency
from orders.models import ApiToken, Brand, IdempotentCall, InboundEvent
from tests.factories import BrandFactory
from tests.orders.api.conftest import client_of
from tests.orders.api.signing import event

START = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


def post(client: APIClient, body: bytes = b"", key: str | None = "key-1") -> Any:
    extra = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return client.generic("POST", "/api/v1/events/", body or event(), "application/json", **extra)


@pytest.mark.parametrize("key", [None, "", '""', '"open', "ü", "x" * 256, '"a"b"'])
def test_a_missing_or_unusable_key_is_a_400(api: APIClient, key: str | None) -> None:
    answer = post(api, key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert not InboundEvent.objects.exists()


def test_quoted_and_bare_are_the_same_key() -> None:
    assert idempotency.parse_key('"abc"') == idempotency.parse_key(" abc ") == "abc"
    assert idempotency.parse_key(r'"a\"b\\c"') == r'a"b\c'


def test_the_same_call_again_gets_the_same_answer_and_has_no_second_effect(
    api: APIClient, travel: Any
) -> None:
    travel(START)
    first, second = post(api), post(api, key='"key-1"')
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert first["Idempotency-Expires"] == "Tue, 24 Nov 2026 20:00:00 GMT"
    assert second["Idempotency-Expires"] == first["Idempotency-Expires"]
    assert InboundEvent.objects.count() == 1


def test_the_same_key_with_another_body_is_a_422(api: APIClient) -> None:
    assert post(api).status_code == 202
    answer = post(api, event(status="ready"))
    assert answer.status_code == 422
    assert "another body" in answer.json()["detail"]
    assert InboundEvent.objects.count() == 1


def test_a_key_belongs_to_its_token(api: APIClient, brand: Brand) -> None:
    post(api)
    assert "Idempotency-Replayed" not in post(client_of(brand))
    assert "Idempotency-Replayed" not in post(client_of(BrandFactory()))
    assert InboundEvent.objects.count() == 3


def running(age: timedelta, body: bytes) -> IdempotentCall:
    return IdempotentCall.objects.create(
        token=ApiToken.objects.get(),
        scope="POST /api/v1/events/",
        key="key-1",
        fingerprint=idempotency.sha256(body).hexdigest(),
        created_at=START - age,
    )


def test_while_the_first_call_runs_a_second_is_a_409(api: APIClient, travel: Any) -> None:
    travel(START)
    running(timedelta(seconds=59), event())
    answer = post(api)
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert not InboundEvent.objects.exists()


def test_a_call_that_died_is_taken_over_after_a_minute(api: APIClient, travel: Any) -> None:
    travel(START)
    dead = running(timedelta(seconds=61), event())
    answer = post(api)
    assert answer.status_code == 202
    dead.refresh_from_db()
    assert (dead.status, dead.created_at) == (202, START)
    assert post(api)["Idempotency-Replayed"] == "true"


def test_after_72_hours_the_answer_is_forgotten_but_the_event_is_not(
    api: APIClient, travel: Any
) -> None:
    clock = travel(START)
    first = post(api).json()
    clock.shift(timedelta(hours=72, seconds=1))
    again = post(api)
    assert again.json() == {"id": first["id"], "duplicate": True}
    assert "Idempotency-Replayed" not in again
    clock.shift(timedelta(hours=72, seconds=1))
    assert post(api, event(status="ready")).status_code == 422
    assert InboundEvent.objects.count() == 1


def test_a_refused_call_frees_its_key(api: APIClient) -> None:
    assert post(api, b'{"broken').status_code == 400
    assert not IdempotentCall.objects.exists()
    assert post(api).status_code == 202


def test_a_failing_call_leaves_nothing_behind(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = intake.store

    def store_and_fail(*args: Any) -> Any:
        store(*args)
        raise RuntimeError("just after the insert")

    monkeypatch.setattr(intake, "store", store_and_fail)
    assert post(api).status_code == 500
    assert not InboundEvent.objects.exists()
    monkeypatch.undo()
    assert post(api).json()["duplicate"] is False


def test_a_call_that_was_taken_over_while_it_ran_undoes_itself(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = intake.store

    def slow(*args: Any) -> Any:
        IdempotentCall.objects.update(created_at=START)
        return store(*args)

    monkeypatch.setattr(intake, "store", slow)
    assert post(api).status_code == 409
    assert not InboundEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_have_one_effect() -> None:
    token, plain = tokens.issue(BrandFactory(), "Till", ["events"])
    answers: list[Any] = []

    def call() -> None:
        try:
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
            answers.append(post(client))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    acted = [a for a in answers if a.status_code == 202 and "Idempotency-Replayed" not in a]
    assert len(acted) == 1
    assert InboundEvent.objects.count() == 1
    assert IdempotentCall.objects.get().token_id == token.pk
