"""Somebody asks what a source sends; a pump finds out, and writes it down."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from django.utils.datastructures import CaseInsensitiveMapping

from channels_app.sandbox.server import SandboxServer
from notifications import subscriptions
from notifications.calling import transport_open
from notifications.source_calls import SourceCaller
from orders import sandbox
from orders.models import SourceConnection
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stand_in(settings: Any) -> Iterator[None]:
    server = SandboxServer(foreign={slug: _any_case(end) for slug, end in sandbox.ends().items()})
    settings.SANDBOX_URL = server.start_in_thread()
    settings.PUBLIC_BASE_URL = "https://orderbell.example"  # Shopify calls no plain http
    yield
    server.stop()


def _any_case(end: Any) -> Any:
    """The stand-in with header names found however they are written, as HTTP has them."""

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        return end(method, path, CaseInsensitiveMapping(headers), body)

    return answer


def connected(source: str, **more: Any) -> SourceConnection:
    if "credentials" not in more:
        more["credentials"] = sandbox.demo_credentials(source)
    return ConnectionFactory(source=source, settings={"sandbox": True}, **more)


def answered(connection: SourceConnection, what: str) -> dict[str, Any]:
    subscriptions.ask(connection, what, timezone.now())
    (asked,) = subscriptions.take(timezone.now())
    asyncio.run(_find_out(asked))
    connection.refresh_from_db()
    assert "ask" not in connection.settings
    return dict(connection.settings["answer"])


async def _find_out(asked: subscriptions.Asked) -> None:
    async def in_database(function: Any, *args: Any) -> Any:
        return await sync_to_async(function, thread_sensitive=True)(*args)

    async with transport_open() as transport:
        caller = SourceCaller(transport, in_database, timezone.now)
        await subscriptions.find_out(asked, caller, in_database, timezone.now())


def test_what_is_missing_is_named_then_subscribed(stand_in: None) -> None:
    shop = connected("shopify")
    first = answered(shop, "subscriptions")
    assert not first["good"] and "orders/updated" in first["missing"]
    second = answered(shop, "subscribe")
    assert (second["good"], second["missing"]) == (True, [])
    assert answered(shop, "subscriptions")["good"]


def test_a_test_proves_the_credentials(stand_in: None) -> None:
    shop = connected("shopify")
    assert answered(shop, "test")["good"]
    refused = connected("shopify", credentials={"shop": "a.myshopify.com", "access_token": "bad"})
    said = answered(refused, "test")
    assert not said["good"] and "access token" in said["sentence"]


def test_a_source_that_lets_nobody_subscribe_says_so(stand_in: None) -> None:
    said = answered(connected("square"), "subscribe")
    assert not said["good"] and said["missing"] and "as the guide says" in said["sentence"]


@pytest.mark.parametrize("what", ["subscriptions", "subscribe", "test"])
def test_without_an_api_the_answer_says_what_is_lacking(stand_in: None, what: str) -> None:
    said = answered(connected("generic", credentials={}), what)
    assert not said["good"] and "credentials" in said["sentence"]


def test_a_question_is_taken_once_and_again_when_nobody_answers() -> None:
    now = timezone.now()
    subscriptions.ask(ConnectionFactory(settings={"currency": "USD"}), "test", now)
    assert len(subscriptions.take(now)) == 1
    assert subscriptions.take(now) == []
    later = now + subscriptions.LEASE + timedelta(seconds=1)
    assert len(subscriptions.take(later)) == 1
    assert SourceConnection.objects.get().settings["currency"] == "USD"


def test_an_answer_leaves_a_newer_question_open() -> None:
    now, connection = timezone.now(), ConnectionFactory()
    subscriptions.ask(connection, "test", now)
    (asked,) = subscriptions.take(now)
    subscriptions.ask(connection, "subscribe", now + timedelta(seconds=1))
    subscriptions.keep(asked, subscriptions.Answer(True, "Good."), now)
    connection.refresh_from_db()
    assert connection.settings["ask"]["what"] == "subscribe"
    assert connection.settings["answer"]["sentence"] == "Good."


@pytest.mark.parametrize("odd", [{"what": "dance"}, "subscribe", None])
def test_a_question_that_nobody_asks_is_left_alone(odd: Any) -> None:
    ConnectionFactory(settings={"ask": odd})
    assert subscriptions.take(timezone.now()) == []
