"""Storing events: once each, in one statement, and announced after they are safe."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from orders import intake
from orders.contract import Item, Malformed
from orders.models import InboundEvent
from orders.signals import inbound_stored
from tests.factories import BrandFactory, ConnectionFactory

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture
def heard() -> Any:
    calls: list[Any] = []

    def listen(**kwargs: Any) -> None:
        calls.append(InboundEvent.objects.count())

    inbound_stored.connect(listen)
    yield calls
    inbound_stored.disconnect(listen)


def put(hook: Any, *keys: str, body: bytes = b"{}") -> list[int]:
    return intake.store(hook, [Item(key, "t") for key in keys], {"a": "b"}, body, NOW)


@pytest.mark.django_db
def test_only_the_new_events_of_a_batch_are_stored() -> None:
    hook = ConnectionFactory()
    first = put(hook, "a", "b")
    second = put(hook, "b", "c", "c")
    assert len(first) == 2
    assert len(second) == 1
    rows = list(InboundEvent.objects.order_by("id").values_list("event_key", flat=True))
    assert rows == ["a", "b", "c"]


@pytest.mark.django_db
def test_two_connections_may_use_the_same_key() -> None:
    assert put(ConnectionFactory(), "a") and put(ConnectionFactory(), "a")


@pytest.mark.django_db
def test_a_stored_row_reads_back_as_it_was_given() -> None:
    hook = ConnectionFactory(mode="import")
    put(hook, "k", body=b"\x00\xff raw")
    row = InboundEvent.objects.get()
    assert bytes(row.body) == b"\x00\xff raw"
    assert row.headers == {"a": "b"}
    assert (row.received_at, row.due_at, row.mode, row.attempts) == (NOW, NOW, "import", 0)
    assert (row.order_id, row.lease_until, row.processed_at) == (None, None, None)


@pytest.mark.django_db
def test_an_item_with_a_body_of_its_own_keeps_only_that() -> None:
    hook = ConnectionFactory()
    intake.store(hook, [Item("a", "t", b"1"), Item("b", "t", b"2")], {}, b"[1,2]", NOW)
    bodies = [bytes(row.body) for row in InboundEvent.objects.order_by("id")]
    assert bodies == [b"1", b"2"]


@pytest.mark.django_db
def test_a_large_batch_is_stored_whole() -> None:
    hook = ConnectionFactory()
    assert len(put(hook, *map(str, range(1203)))) == 1203
    assert put(hook, *map(str, range(1203))) == []


@pytest.mark.django_db
def test_a_key_too_long_for_its_column_still_recognises_a_repeat() -> None:
    hook = ConnectionFactory()
    assert len(put(hook, "x" * 5000)) == 1
    assert put(hook, "x" * 5000) == []
    assert len(put(hook, "x" * 5001)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a\x00b", "\ud800"])
def test_a_key_that_no_database_could_hold_is_malformed(key: str) -> None:
    with pytest.raises(Malformed):
        put(ConnectionFactory(), key)


@pytest.mark.django_db(transaction=True)
def test_listeners_hear_after_the_commit_and_only_of_something_new(heard: list[int]) -> None:
    hook = ConnectionFactory()
    with transaction.atomic():
        put(hook, "a")
        assert heard == []
    assert heard == [1]
    put(hook, "a")
    assert heard == [1]


@pytest.mark.django_db(transaction=True)
def test_a_listener_that_fails_does_not_undo_what_was_stored() -> None:
    def fail(**kwargs: Any) -> None:
        raise ConnectionError("no broker")

    inbound_stored.connect(fail)
    try:
        assert put(ConnectionFactory(), "a")
    finally:
        inbound_stored.disconnect(fail)
    assert InboundEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_copies_at_once_become_one_row() -> None:
    hook, new = ConnectionFactory(), []

    def deliver() -> None:
        try:
            new.extend(put(hook, "same"))
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == 1
    assert InboundEvent.objects.count() == 1


def processed(hook: Any, key: str, **fields: Any) -> InboundEvent:
    row = InboundEvent.objects.create(
        connection=hook, event_key=key, body=b"{}", state="processed", processed_at=NOW, **fields
    )
    InboundEvent.objects.filter(pk=row.pk).update(received_at=NOW)
    return row


@pytest.mark.django_db
def test_replaying_lets_an_event_be_understood_again_and_never_messages() -> None:
    row = processed(ConnectionFactory(), "a", error="why", attempts=7, lease_until=NOW)
    assert intake.replay([row.pk], now=NOW) == 1
    row.refresh_from_db()
    assert (row.state, row.mode, row.error, row.attempts) == ("received", "replay", "", 0)
    assert (row.lease_until, row.processed_at, row.due_at) == (None, None, NOW)


@pytest.mark.django_db
def test_the_replay_command_takes_only_what_was_asked_for(capsys: Any) -> None:
    hook, other = ConnectionFactory(name="Shop"), ConnectionFactory(name="Other")
    good, bad = processed(hook, "a"), processed(hook, "b")
    InboundEvent.objects.filter(pk=bad.pk).update(state="failed")
    elsewhere = processed(other, "a")
    call_command("replay", connection="Shop", state="failed", since="2026-11-21T00:00:00Z")
    assert "1 events" in capsys.readouterr().out
    states = [InboundEvent.objects.get(pk=pk).state for pk in (good.pk, bad.pk, elsewhere.pk)]
    assert states == ["processed", "received", "processed"]
    call_command("replay", connection="Shop", since="2026-11-22T00:00:00Z")
    assert "0 events" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_replay_command_goes_through_more_than_one_batch_and_can_keep_the_mode(
    capsys: Any,
) -> None:
    hook = ConnectionFactory(name="Shop")
    put(hook, *map(str, range(1100)))
    InboundEvent.objects.update(state="processed")
    call_command("replay", connection="Shop", live=True)
    assert "1100 events" in capsys.readouterr().out
    assert InboundEvent.objects.filter(state="received", mode="live").count() == 1100


@pytest.mark.django_db
def test_the_replay_command_says_what_it_needs() -> None:
    one, two = BrandFactory(slug="one"), BrandFactory(slug="two")
    ConnectionFactory(name="Shop", brand=one)
    ConnectionFactory(name="Shop", brand=two)
    with pytest.raises(CommandError, match="Say which events"):
        call_command("replay")
    with pytest.raises(CommandError, match="There are: Shop"):
        call_command("replay", connection="Nope")
    with pytest.raises(CommandError, match="brand-slug/Shop"):
        call_command("replay", connection="Shop")
    with pytest.raises(CommandError, match="with its offset"):
        call_command("replay", connection="one/Shop", since="yesterday")
    call_command("replay", connection="one/Shop")
