"""Group commit: company is used but never waited for, and everybody hears the truth."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from orders import intake, intake_commit
from orders.intake_commit import GroupCommit
from orders.intake_insert import NewEvent, insert_new
from orders.models import InboundEvent
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db(transaction=True)


class Slow:
    """An insert that the test can hold, watch and break."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.fail: Callable[[Sequence[NewEvent]], None] = lambda rows: None

    def __call__(self, rows: Sequence[NewEvent]) -> Any:
        self.calls.append(len(rows))
        self.entered.set()
        assert self.go_on.wait(20)
        self.fail(rows)
        return insert_new(rows)


def row(hook: Any, key: str) -> NewEvent:
    return NewEvent(hook.pk, key, b"{}", timezone.now(), timezone.now())


def start(group: GroupCommit, results: dict[str, Any], hook: Any, name: str, key: str) -> Any:
    def work() -> None:
        try:
            results[name] = group.store([row(hook, key)])
        except BaseException as error:
            results[name] = error
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def run_three(insert: Slow, keys: Sequence[str], hook: Any = None) -> dict[str, Any]:
    """One request leads; two more arrive while its insert is under way."""
    group, results = GroupCommit(insert), dict[str, Any]()
    hook = hook or ConnectionFactory()
    threads = [start(group, results, hook, "first", keys[0])]
    assert insert.entered.wait(20)
    threads += [start(group, results, hook, f"later {n}", key) for n, key in enumerate(keys[1:])]
    deadline = time.monotonic() + 20
    while len(group._queue) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    insert.go_on.set()
    for thread in threads:
        thread.join(30)
    assert not group._under_way and not group._queue
    return results


def test_those_who_come_while_an_insert_is_under_way_share_the_next_one() -> None:
    insert = Slow()
    results = run_three(insert, ["a", "b", "c"])
    assert insert.calls == [1, 2]
    assert all(len(ids) == 1 for ids in results.values())
    stored = set(InboundEvent.objects.values_list("pk", flat=True))
    assert {pk for ids in results.values() for pk in ids} == stored
    assert len(stored) == 3


def test_a_repeat_within_one_group_is_new_to_one_request_only() -> None:
    results = run_three(Slow(), ["a", "b", "b"])
    assert sorted(len(ids) for ids in results.values()) == [0, 1, 1]
    assert InboundEvent.objects.count() == 2


def test_when_the_database_fails_everybody_hears_it_and_nothing_is_stored() -> None:
    insert = Slow()

    def fail(rows: Sequence[NewEvent]) -> None:
        raise OperationalError("database or disk is full")

    insert.fail = fail
    results = run_three(insert, ["a", "b", "c"])
    assert [type(result) for result in results.values()] == [OperationalError] * 3
    assert not InboundEvent.objects.exists()


def test_one_row_that_cannot_be_stored_does_not_harm_the_others() -> None:
    insert = Slow()

    def refuse_b(rows: Sequence[NewEvent]) -> None:
        if any(one.event_key == "b" for one in rows):
            raise IntegrityError("no such connection")

    insert.fail = refuse_b
    results = run_three(insert, ["a", "b", "c"])
    assert isinstance(results["later 0"], IntegrityError)
    assert len(results["first"]) == len(results["later 1"]) == 1
    assert set(InboundEvent.objects.values_list("event_key", flat=True)) == {"a", "c"}


def test_a_leader_that_dies_frees_the_way() -> None:
    insert = Slow()

    def die(rows: Sequence[NewEvent]) -> None:
        if rows[0].event_key == "a":
            raise SystemExit

    insert.fail = die
    results = run_three(insert, ["a", "b", "c"])
    assert isinstance(results["first"], SystemExit)
    assert InboundEvent.objects.count() == 2


def test_who_waits_too_long_is_told_so_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_commit, "WAIT_SECONDS", 0.05)
    hook, insert = ConnectionFactory(), Slow()
    group, results = GroupCommit(insert), dict[str, Any]()
    leader = start(group, results, hook, "leader", "a")
    assert insert.entered.wait(20)
    start(group, results, hook, "impatient", "b").join(20)
    insert.go_on.set()
    leader.join(20)
    assert isinstance(results["impatient"], OperationalError)
    assert len(results["leader"]) == 1
    assert len(group.store([row(hook, "b")])) == 1
    assert not group._under_way and not group._queue


def test_large_bodies_do_not_share_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_commit, "MOST_BYTES", 3)
    insert = Slow()
    results = run_three(insert, ["a", "b", "c"])
    assert insert.calls == [1, 1, 1]
    assert all(len(ids) == 1 for ids in results.values())


def test_inside_a_transaction_rows_stay_in_it() -> None:
    hook = ConnectionFactory()
    with pytest.raises(RuntimeError), transaction.atomic():
        assert len(intake._together.store([row(hook, "a")])) == 1
        raise RuntimeError
    assert not InboundEvent.objects.exists()


def test_alone_nobody_waits() -> None:
    hook, insert = ConnectionFactory(), Slow()
    insert.go_on.set()
    assert len(GroupCommit(insert).store([row(hook, "a")])) == 1
    assert insert.calls == [1]
