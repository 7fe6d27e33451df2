"""What load balancers and monitoring ask."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from notifications import health
from notifications.api import health as api_health
from orders.models import InboundEvent
from tests.factories import ChannelFactory, ConnectionFactory

pytestmark = pytest.mark.django_db


def swept(monkeypatch: pytest.MonkeyPatch, seconds_ago: float | None) -> None:
    at = None if seconds_ago is None else timezone.now() - timedelta(seconds=seconds_ago)
    monkeypatch.setattr(health, "last_sweep", lambda: at)


def test_a_living_process_says_ok_without_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_ready_while_the_pump_goes_round(monkeypatch: pytest.MonkeyPatch) -> None:
    swept(monkeypatch, 30)
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert 29 < answer.json()["sweep_age_seconds"] < 40


@pytest.mark.parametrize(("age", "word"), [(None, "has not run"), (61, "has stopped")])
def test_not_ready_when_the_pump_stands_still(
    monkeypatch: pytest.MonkeyPatch, age: float | None, word: str
) -> None:
    swept(monkeypatch, age)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert word in answer.json()["reason"]


def test_not_ready_without_the_database() -> None:
    def refuse(*args: Any) -> Any:
        raise OperationalError("could not connect to 10.0.0.7")

    with connection.execute_wrapper(refuse):
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "The database does not answer."


def test_metrics_show_backlogs_refusals_and_the_age_of_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept(monkeypatch, 10)
    hook = ConnectionFactory(source="shopify", refused_count=3)
    ConnectionFactory(source="shopify", refused_count=4)
    ChannelFactory(provider="twilio", refused_count=2)
    for key, state in (("a", "received"), ("b", "waiting"), ("c", "failed"), ("d", "processed")):
        InboundEvent.objects.create(connection=hook, event_key=key, body=b"", state=state)
    answer = Client().get("/metrics")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'orderbell_backlog{stage="inbox"} 2' in lines
    assert 'orderbell_backlog{stage="deliveries"} 0' in lines
    assert 'orderbell_failed{kind="inbox"} 1' in lines
    assert 'orderbell_refused{edge="hooks",kind="shopify"} 7' in lines
    assert 'orderbell_refused{edge="receipts",kind="twilio"} 2' in lines
    assert any(line.startswith("orderbell_sweep_age_seconds 10") for line in lines)


def test_a_gauge_stops_counting_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = ConnectionFactory()
    InboundEvent.objects.bulk_create(
        InboundEvent(connection=hook, event_key=str(n), body=b"") for n in range(8)
    )
    monkeypatch.setattr(api_health, "COUNT_UP_TO", 5)
    assert 'orderbell_backlog{stage="inbox"} 5' in Client().get("/metrics").content.decode()


def test_metrics_need_no_look_at_whole_tables() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Did not run: reads the plans of SQLite")
    plans = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "COUNT" in sql:
            plans.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        Client().get("/metrics")
    assert len(plans) == 8
    for sql, params in plans:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "USING" in plan and "INDEX" in plan, (sql, plan)
