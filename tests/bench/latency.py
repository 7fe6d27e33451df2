"""How long a message takes from due to its provider, at a steady rate, in peace and in trouble."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from tests.bench.scene import Incomplete, Scene, execute, run_stub
from tests.bench.sides import FAR, WARM, Product

RATE = 40  # messages a second, an eighth of what two workers do on a bad day
HELD = "crowd%"  # references of what tests.bench.crowd made
SETTLING = 1.5


@dataclass(frozen=True)
class Waits:
    """From due to the provider, in milliseconds."""

    p50: float
    p99: float


class Watched(Product):
    """The product with a healthy channel at 0 ms, one that hangs for 30 s, and one at 429."""

    def __init__(self, scene: Scene, hanging: int, throttled: int) -> None:
        super().__init__(scene, 0)
        sick = {"sendgrid": f"http://127.0.0.1:{hanging}", "slack": f"http://127.0.0.1:{throttled}"}
        urls = {"twilio": scene.stubs[0].url, **sick}
        self.worker_env = {**self.worker_env, "PROVIDER_BASE_URLS": json.dumps(urls)}

    def _due(self, limit: str) -> None:
        execute(
            self.database,
            "UPDATE notifications_delivery SET due_at = now() WHERE id IN (SELECT id FROM "
            f"notifications_delivery WHERE state = 'queued' AND due_at = '{FAR}' "
            f"AND ref NOT LIKE '{HELD}' {limit})",
        )

    def wake(self) -> None:
        """Some messages first, so that both children have their connections."""
        stub = self.scene.stubs[self.stub]
        stub.ask("reset")
        self.warm()
        stub.wait_for(WARM, patience=30)
        time.sleep(SETTLING)

    def let_go(self, which: str) -> None:
        """Held messages are due: `which` is SQL over channels."""
        execute(
            self.database,
            "UPDATE notifications_delivery SET due_at = now(), created_at = now() "
            f"WHERE ref LIKE '{HELD}' AND channel_id IN "
            f"(SELECT id FROM channels_app_channel WHERE {which})",
        )
        self.ring()


@contextmanager
def trouble(scene: Scene, each: int, backlog: int) -> Iterator[Watched]:
    """Sick providers, and messages for them that wait for a word."""
    with ExitStack() as stack:
        hanging = stack.enter_context(run_stub(scene, "30000"))
        throttled = stack.enter_context(run_stub(scene, "0", "throttled"))
        made = [sys.executable, "-m", "tests.bench.crowd", str(each), str(backlog)]
        scene.run(made, scene.product_env(), 300)
        yield Watched(scene, hanging, throttled)
        ours = f"SELECT id FROM notifications_delivery WHERE ref LIKE '{HELD}'"
        execute(
            scene.product_database,
            f"DELETE FROM notifications_attempt WHERE delivery_id IN ({ours})",
            f"DELETE FROM notifications_decision WHERE delivery_id IN ({ours})",
            f"DELETE FROM notifications_delivery WHERE ref LIKE '{HELD}'",
            "DELETE FROM notifications_notification WHERE intent LIKE 'crowd:%'",
        )


def waits(side: Watched, seconds: float) -> Waits:
    """Let messages come due one by one for `seconds`, and see when each is at the provider."""
    stub = side.scene.stubs[side.stub]
    stub.ask("reset")
    with psycopg.connect(side.database, autocommit=True) as connection:
        due = _drive(connection, _held(connection, int(RATE * seconds)))
    arrived = _arrivals(side, len(due))
    taken = sorted(1000 * (there - here) for here, there in zip(due, arrived, strict=True))
    return Waits(taken[len(taken) // 2], taken[int(len(taken) * 0.99)])


def _held(connection: "psycopg.Connection[tuple[int]]", count: int) -> Sequence[int]:
    rows = connection.execute(
        "SELECT id FROM notifications_delivery WHERE state = 'queued' AND due_at = %s "
        "AND ref NOT LIKE %s ORDER BY id LIMIT %s",
        [FAR, HELD, count],
    )
    found = [pk for (pk,) in rows]
    if len(found) < count:
        raise Incomplete(f"only {len(found)} of {count} messages are left to measure with")
    return found


def _drive(connection: "psycopg.Connection[tuple[int]]", ids: Sequence[int]) -> list[float]:
    """Each is urgent and due at its moment, whatever became of those before it."""
    began, due = time.monotonic(), []
    for number, pk in enumerate(ids):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        due.append(time.monotonic())
        connection.execute(
            "UPDATE notifications_delivery SET due_at = now(), urgent = true WHERE id = %s", [pk]
        )
    return due


def _arrivals(side: Watched, count: int) -> list[float]:
    """The moments at which they came, oldest first."""
    stub, until = side.scene.stubs[side.stub], time.monotonic() + 30
    while len(found := stub.ask("fresh")) < count:
        if time.monotonic() > until:
            raise Incomplete(f"{len(found)} of {count} messages came")
        time.sleep(0.2)
    return sorted(found)[:count]


def isolation(scene: Scene, seconds: float) -> tuple[Waits, Waits]:
    """(with a hanging and a throttled provider, without)."""
    with trouble(scene, 2000, 0) as side:
        side.hold(0)
        with side.worker():
            side.wake()
            without = waits(side, seconds)
            side.let_go("provider IN ('sendgrid', 'slack')")
            time.sleep(SETTLING)
            return waits(side, seconds), without


def recovery(scene: Scene, seconds: float, backlog: int) -> tuple[Waits, Waits]:
    """(new urgent messages while a backlog drains, the same in peace)."""
    with trouble(scene, 0, backlog) as side:
        side.hold(0)
        with side.worker():
            side.wake()
            without = waits(side, seconds)
            side.let_go("provider = 'twilio'")
            return waits(side, seconds), without
