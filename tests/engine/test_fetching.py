"""What a body only points at is asked for at its source; what we missed is listed there."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channels_app.sandbox.server import SandboxServer
from notifications import fetching, listing
from notifications.models import Incident
from notifications.pump import Pump
from notifications.source_calls import api_of
from orders import intake, registry, sandbox
from orders.contract import NoAccess, Raw, SourceError, TryLater
from orders.models import InboundEvent, Order, SourceConnection
from orders.normalising import normalise
from orders.sources.square.sandbox import BUSY, LATE
from tests.factories import BrandFactory, ConnectionFactory, StoreFactory

pytestmark = pytest.mark.django_db(transaction=True)
State = InboundEvent.State


@pytest.fixture
def square(settings: Any) -> Iterator[SourceConnection]:
    """A connection to Square whose API is the stand-in's."""
    server = SandboxServer(foreign=sandbox.ends())
    settings.SANDBOX_URL = server.start_in_thread()
    brand = BrandFactory()
    yield ConnectionFactory(
        brand=brand,
        store=StoreFactory(brand=brand),
        source="square",
        settings={"sandbox": True, "locations": ["LSANDBOX1"]},
        credentials=sandbox.demo_credentials("square"),
    )
    server.stop()


def ring(connection: SourceConnection, order_id: str, event_id: str = "e1") -> InboundEvent:
    """Square says that an order has changed, and nothing else."""
    body = {
        "merchant_id": "M1",
        "type": "order.updated",
        "event_id": event_id,
        "created_at": "2026-11-22T10:00:00Z",
        "data": {
            "type": "order_updated",
            "id": order_id,
            "object": {
                "order_updated": {
                    "order_id": order_id,
                    "version": 1,
                    "location_id": "LSANDBOX1",
                    "state": "OPEN",
                    "updated_at": "2026-11-22T10:00:00Z",
                }
            },
        },
    }
    raw = json.dumps(body).encode()
    source = registry.source("square")
    items = source.identify(Raw({}, raw))
    ids = intake.store(connection, items, {}, raw, timezone.now())
    return InboundEvent.objects.get(pk=ids[0])


def test_the_order_behind_a_bare_id_is_on_the_timeline(square: SourceConnection) -> None:
    row = ring(square, "SANDBOX-1")
    Pump().drain()
    row.refresh_from_db()
    order = Order.objects.get()
    assert (row.state, row.order_id) == (State.PROCESSED, order.pk)
    assert row.fetched is not None and b"SANDBOX-1" in bytes(row.fetched)
    assert b"SANDBOX-1" in bytes(row.body), "what was posted stays as it was posted"
    assert order.external_id == "SANDBOX-1"
    assert order.changes.exists()


@pytest.mark.parametrize("order_id", [LATE, BUSY])
def test_an_api_that_is_not_ready_is_asked_again_later(
    square: SourceConnection, order_id: str
) -> None:
    row = ring(square, order_id)
    Pump().drain()
    row.refresh_from_db()
    assert row.state == State.FETCHING
    assert row.error
    assert row.due_at > timezone.now()
    InboundEvent.objects.filter(pk=row.pk).update(due_at=timezone.now(), lease_until=None)
    pump = Pump()
    pump.drain()
    Pump().drain()
    row.refresh_from_db()
    assert row.state == State.PROCESSED


def test_credentials_that_are_refused_lose_nothing_and_call_a_person(
    square: SourceConnection,
) -> None:
    SourceConnection.objects.filter(pk=square.pk).update(credentials={"access_token": "wrong"})
    row = ring(square, "SANDBOX-1")
    Pump().drain()
    row.refresh_from_db()
    assert row.state == State.FETCHING
    incident = Incident.objects.get(connection=square)
    assert square.name in incident.title
    good = sandbox.demo_credentials("square")
    SourceConnection.objects.filter(pk=square.pk).update(credentials=good)
    InboundEvent.objects.filter(pk=row.pk).update(due_at=timezone.now(), lease_until=None)
    Pump().drain()
    Pump().drain()
    row.refresh_from_db()
    incident.refresh_from_db()
    assert (row.state, incident.state) == (State.PROCESSED, "resolved")


def test_several_calls_about_one_order_are_one_question(square: SourceConnection) -> None:
    for number in range(4):
        ring(square, "SANDBOX-2", f"e{number}")
    normalise(100, timezone.now())
    (pointer,) = fetching.take(timezone.now())
    assert len(pointer.rows) == 4


def test_what_is_asked_for_in_vain_for_two_days_is_for_a_person(square: SourceConnection) -> None:
    row = ring(square, "SANDBOX-1")
    row.received_at = timezone.now() - fetching.GIVE_UP_AFTER - timedelta(seconds=1)
    InboundEvent.objects.filter(pk=row.pk).update(state=State.FETCHING)
    fetching.later(fetching.Pointer(square, (row,)), "It is not there.", None, timezone.now())
    row.refresh_from_db()
    assert (row.state, row.error) == (State.FAILED, "It is not there.")


def test_a_replay_asks_again(square: SourceConnection) -> None:
    row = ring(square, "SANDBOX-1")
    Pump().drain()
    intake.replay([row.pk])
    row.refresh_from_db()
    assert row.fetched is None


def test_what_was_missed_is_found_in_the_list_and_known_the_next_time(
    square: SourceConnection,
) -> None:
    assert listing.list_sources(timezone.now()) > 0
    Pump().drain()
    first = Order.objects.count()
    assert first > 0
    square.refresh_from_db()
    assert square.listed_until is not None
    assert square.list_cursor == ""
    assert listing.list_sources(timezone.now()) == 0
    assert Order.objects.count() == first


@pytest.mark.parametrize("slug", sandbox.slugs())
def test_every_stand_in_refuses_strangers(slug: str, settings: Any) -> None:
    """Through HTTP: whoever has no credentials gets no order."""
    answer = sandbox.ends()[f"source-{slug}"]
    status, _headers, _body = answer("GET", "/v2/orders/x", {}, b"")
    assert status >= 400


def test_an_api_is_called_at_its_own_host_unless_it_is_the_stand_ins(
    square: SourceConnection, settings: Any
) -> None:
    assert api_of(square).base == f"{settings.SANDBOX_URL}/source-square"
    square.settings = {}
    square.credentials = {"access_token": "x", "environment": "production"}
    assert api_of(square).base.startswith("https://")
    assert issubclass(TryLater, SourceError) and issubclass(NoAccess, SourceError)
    assert asyncio.iscoroutinefunction(fetching.fetch)
