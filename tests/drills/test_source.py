"""F23-F25, F30, F31, F40, F43, F46, F47: the source repeats, shuffles, is late; clocks; storms."""

import contextlib
import itertools
import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from urllib.request import Request, urlopen

import psycopg
import pytest

from tests import services
from tests.drills.house import Drill, House, size
from tests.drills.invariants import check_invariants
from tests.drills.source import CANARY_PHONE

pytestmark = [
    pytest.mark.services,
    pytest.mark.usefixtures("unpaused"),
    pytest.mark.xdist_group("drills_provider"),
]


@pytest.fixture(scope="module")
def home(houses: Callable) -> Iterator[House]:
    """A shop that tells its customers only, also of the end, with receipts and one dispatcher."""
    with houses(receipts=True) as made:
        made.execute(
            "UPDATE notifications_rule"
            " SET active = slug IN ('customer-updates', 'customer-critical')"
        )
        made.product.web()
        made.dispatcher()
        yield made


def stamp(**ago: float) -> str:
    """A moment in the past, as Shopify writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="seconds")


def test_f23_same_webhook_again_and_again(drill: Drill):
    """Each webhook is posted ten times, all at once."""
    home, times = drill.house, 10
    numbers = home.source.fresh(size(10, 20))
    with ThreadPoolExecutor(size(20, 40)) as pool:
        list(pool.map(lambda n: home.source.post(n, event_id=f"same-{n}"), numbers * times))
    drill.over()
    found = drill.finish(len(numbers))
    assert {post.status for post in found.posts} == {200}
    assert len(found.events) == len(numbers) == len(found.taken)
    drill.keep(found, f"{len(found.posts)} posts answered 200")


def life(number: int) -> list[tuple[str, dict[str, str]]]:
    """An order that is placed, changed and cancelled within seconds: (topic, body)."""
    placed = stamp(seconds=30)
    return [
        ("orders/create", {"created_at": placed, "updated_at": placed}),
        ("orders/updated", {"created_at": placed, "updated_at": stamp(seconds=20)}),
        ("orders/cancelled", {"created_at": placed, "updated_at": stamp(seconds=10),
                              "cancelled_at": stamp(seconds=10)}),
    ]  # fmt: skip


def test_f24_events_out_of_order(drill: Drill):
    """Placed, changed and cancelled arrive in every order."""
    home, turns = drill.house, list(itertools.permutations(range(3)))
    numbers = home.source.fresh(size(2, 30) * len(turns))
    for number, turn in zip(numbers, itertools.cycle(turns), strict=False):
        steps = life(number)
        for index in turn:
            topic, body = steps[index]
            home.source.post(number, topic, **body)
    drill.over()
    services.wait_until(lambda: "received" not in drill.read().events.values())
    found = drill.finish(len(numbers))
    wanted = ", ".join(f"'#{number}'" for number in numbers)
    final = home.product.ask(
        f"SELECT DISTINCT status FROM orders_order WHERE display_number IN ({wanted})"
    )
    assert final == [("cancelled",)]
    for number in numbers:
        last = [one.text for one in found.taken if f"#{number}" in one.text][-1]
        assert "cancel" in last.lower()
    drill.keep(found, f"wrong final states 0 of {len(numbers)}")


def test_f25_events_late_by_26_hours(drill: Drill):
    """Orders arrive that were placed and confirmed 26 hours ago."""
    home, numbers = drill.house, drill.house.source.fresh(size(5, 50))
    old = stamp(hours=26)
    for number in numbers:
        home.source.post(number, created_at=old, processed_at=old, updated_at=old)
    drill.over()
    services.wait_until(lambda: all(c.planned for c in drill.read().changes) and
                        len(drill.read().events) == len(numbers))  # fmt: skip
    found = drill.finish(0)
    assert found.changes and not found.taken
    drill.keep(found, "recorded and not sent, each with its reason")


@contextlib.contextmanager
def wrong_clock(home: House, seconds: float) -> Iterator[services.Running]:
    """A dispatcher whose wall clock is wrong."""
    env = dict(home.product.env)
    home.product.env = {**env, "CLOCK_WRONG_BY": str(seconds)}
    try:
        process = home.product.dispatcher()
    finally:
        home.product.env = env
    try:
        yield process
    finally:
        process.kill()


def test_f30_clocks_of_workers_ten_minutes_off(drill: Drill):
    """Two more dispatchers, one ten minutes ahead and one behind, at the same work."""
    home = drill.house
    home.product.sandbox.set_fault("*", "delay", seconds=0.05)
    with wrong_clock(home, 600), wrong_clock(home, -600):
        numbers = home.source.orders(size(20, 300))
        drill.over()
        found = drill.finish(len(numbers))
    assert all(len(found.taken_of(one)) == 1 for one in found.deliveries)
    drill.keep(found)


def test_f31_wall_clock_jumps_back_an_hour(drill: Drill):
    """The clock of a second dispatcher jumps back an hour mid-load, and forth again."""
    home = drill.house
    with wrong_clock(home, 0) as second:
        numbers = home.source.orders(size(10, 150))
        second.popen.send_signal(signal.SIGUSR1)
        numbers += home.source.orders(size(10, 150))
        time.sleep(1)
        second.popen.send_signal(signal.SIGUSR2)
        drill.over()
        found = drill.finish(len(numbers))
        assert second.popen.poll() is None
    assert all(len(found.taken_of(one)) == 1 for one in found.deliveries)
    drill.keep(found)


def stop_arrives(home: House, number: int) -> None:
    """The customer of order `number` writes STOP; the stand-in posts it, signed."""
    sender = f"{CANARY_PHONE}{number % 10_000:04d}"
    body = json.dumps({"provider": "twilio", "from": sender, "text": "STOP"}).encode()
    call = Request(f"{home.product.sandbox.base_url}/_control/inbound", body)
    urlopen(call, timeout=5).close()


def test_f40_opt_out_between_planning_and_sending(drill: Drill):
    """Messages are planned, the line is down, customers write STOP, the line is up again."""
    home = drill.house
    numbers = home.source.fresh(size(4, 20))
    home.provider.get_into("refuse")
    home.source.at_once(numbers, 4)
    services.wait_until(lambda: len(drill.read().deliveries) >= len(numbers))
    for number in numbers:
        stop_arrives(home, number)
    services.wait_until(lambda: len({out.address for out in drill.read().opt_outs}) == len(numbers))
    drill.over()
    found = drill.finish(len(numbers), 60)
    about_orders = [one for one in found.taken if one.provider == "twilio" and "#" in one.text]
    assert not about_orders
    drill.keep(found, "texts after STOP 0; email told them")


OPEN_INCIDENTS = "SELECT about FROM notifications_incident WHERE state <> 'resolved'"
MIGRATION = (
    "SET lock_timeout = '1s'",
    "ALTER TABLE notifications_delivery ADD COLUMN drill_note varchar(20) NOT NULL DEFAULT ''",
    "ALTER TABLE orders_inboundevent ADD COLUMN drill_note varchar(20) NOT NULL DEFAULT ''",
    "CREATE INDEX CONCURRENTLY drill_index ON notifications_delivery (drill_note)",
)
UNDONE = (
    "ALTER TABLE notifications_delivery DROP COLUMN drill_note",
    "ALTER TABLE orders_inboundevent DROP COLUMN drill_note",
)


def test_f43_migration_during_traffic(drill: Drill):
    """Columns and an index are added to the busiest tables, then dropped, under load."""
    home, numbers = drill.house, drill.house.source.fresh(size(40, 600))
    posting = threading.Thread(target=home.source.at_once, args=(numbers, 2))
    posting.start()
    longest = 0.0
    with psycopg.connect(home.product.database_url, autocommit=True) as connection:
        for statement in (*MIGRATION, *UNDONE):
            began = time.monotonic()
            patiently(connection, statement)
            longest = max(longest, time.monotonic() - began)
    posting.join()
    drill.over()
    found = drill.finish(len(numbers))
    refused = sum(not post.taken for post in found.posts)
    slowest = max(post.seconds for post in found.posts)
    drill.keep(
        found,
        f"{refused} of {len(found.posts)} posts refused; slowest answer {slowest:.2f} s; longest"
        f" step {longest:.2f} s",
    )


def patiently(connection: psycopg.Connection, statement: str) -> None:
    """Run `statement`; again when its lock was not to be had in time."""
    for _try in range(30):
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            connection.execute(statement)
            return
    raise AssertionError(f"No lock for: {statement}")


def test_f46_storm_of_cancellations(drill: Drill):
    """Many orders are cancelled at once; some new ones come in amid it."""
    home, chance = drill.house, random.Random(7)
    numbers = home.source.orders(size(30, 600))
    drill.settled(len(numbers))
    home.source.cancel(numbers, 4)
    began = time.time()
    fresh = home.source.orders(size(5, 30))
    chance.shuffle(fresh)
    drill.over()
    found = drill.finish(2 * len(numbers) + len(fresh))
    each = [one for one in found.taken if "cancel" in one.text.lower()]
    assert len(each) == len({one.to for one in each}) == len(numbers)
    waits = [one.at - began for one in found.taken
             if any(f"#{number}" in one.text for number in fresh)]  # fmt: skip
    p95 = quantiles(waits, n=20)[-1]
    drill.keep(found, f"one message each; new orders amid it told within {p95:.1f} s (p95)")


def test_f47_alerts_about_alerts(drill: Drill):
    """Every provider refuses everything: customers are not reached, nor those who are told so."""
    home, numbers = drill.house, drill.house.source.orders(size(3, 20))
    drill.settled(len(numbers))
    home.product.sandbox.set_fault("*", "status", status=400)
    home.source.cancel(numbers, 4)
    services.wait_until(lambda: open_incidents(home) >= len(numbers), 60)
    time.sleep(3)  # a few sweeps: they must not make more of it
    alerts = dict(home.product.ask(
        "SELECT incident_id, count(*) FROM notifications_notification"
        f" WHERE id > {drill.since.notification} AND incident_id IS NOT NULL GROUP BY incident_id"
    ))  # fmt: skip
    about = [about for (about,) in home.product.ask(OPEN_INCIDENTS)]
    assert len(about) == len(set(about))
    assert len(about) <= len(numbers) + 4  # an incident for each customer and channel
    assert max(alerts.values(), default=0) <= 3
    drill.over()
    drill.settled(2 * len(numbers))
    drill.swept()
    drill.allowed_untold = len(numbers)
    found = drill.read().without_alerts()  # those wait until their channel is tried again
    check_invariants(found)
    drill.keep(
        found,
        f"{len(about)} incidents for {len(numbers)} customers; alerts for each at most"
        f" {max(alerts.values(), default=0)}",
    )


def open_incidents(home: House) -> int:
    """How many incidents wait for somebody."""
    return len(home.product.ask(OPEN_INCIDENTS))
