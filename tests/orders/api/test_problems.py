"""Every error of the API has one shape, and tells nothing that it should not."""

import json
import logging
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from rest_framework.test import APIClient

from orders.api import orders as orders_api


def assert_problem(answer: Any, status: int, title: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(answer.content)
    assert (problem["status"], problem["title"]) == (status, title)
    assert problem["type"] == "about:blank" and problem["detail"]
    return problem


def test_an_unknown_address_below_api_is_a_problem(db: Any) -> None:
    assert_problem(Client().get("/api/v1/nothing/"), 404, "Not Found")
    assert_problem(Client().post("/api/nothing"), 404, "Not Found")


def test_a_method_that_is_not_there_is_a_problem(api: APIClient) -> None:
    answer = api.delete("/api/v1/orders/")
    assert_problem(answer, 405, "Method Not Allowed")
    assert "GET" in answer["Allow"]


def test_a_wrong_filter_names_its_member(api: APIClient) -> None:
    problem = assert_problem(api.get("/api/v1/orders/?status=eaten"), 400, "Bad Request")
    assert problem["errors"][0]["member"] == "status"
    assert "preparing" in problem["errors"][0]["detail"]


def test_another_media_type_is_a_problem(api: APIClient) -> None:
    answer = api.generic(
        "POST", "/api/v1/events/", b"<a/>", "application/xml", HTTP_IDEMPOTENCY_KEY="k"
    )
    assert_problem(answer, 415, "Unsupported Media Type")


def test_a_body_over_the_limit_is_a_problem(api: APIClient, settings: Any) -> None:
    settings.MAX_WEBHOOK_BYTES = 1000
    answer = api.generic(
        "POST", "/api/v1/events/", b" " * 1001, "application/json", HTTP_IDEMPOTENCY_KEY="k"
    )
    assert_problem(answer, 413, "Request Entity Too Large")


def test_a_failing_database_is_a_503_that_asks_to_come_again(api: APIClient) -> None:
    def refuse(*args: Any) -> Any:
        raise OperationalError("could not connect to server at 10.0.0.7")

    with connection.execute_wrapper(refuse):
        answer = api.get("/api/v1/orders/")
    problem = assert_problem(answer, 503, "Service Unavailable")
    assert answer["Retry-After"] == "5"
    assert "10.0.0.7" not in json.dumps(problem)


def test_an_unexpected_error_tells_nothing_and_logs_nothing_personal(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = "@".join(["ada", "example.com"])

    def fail(*args: Any) -> Any:
        raise RuntimeError(address)

    monkeypatch.setattr(orders_api, "brand_orders", fail)
    with caplog.at_level(logging.ERROR):
        answer = api.get("/api/v1/orders/")
    problem = assert_problem(answer, 500, "Internal Server Error")
    assert "ada@" not in json.dumps(problem)
    assert "RuntimeError in OrderList" in caplog.text
    assert "ada@" not in caplog.text
