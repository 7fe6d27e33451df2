"""The pipelines that are measured: each holds a backlog back, and lets it go at a word."""

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import redis
from celery import Celery

from tests import services
from tests.bench.scene import Incomplete, Scene, execute, number

CELERY = [sys.executable, "-m", "celery"]
CHILDREN = 2
WARM = 16  # messages that wake both children up before the measure
FAR = "2100-01-01"


class Side:
    """One pipeline over one stand-in."""

    database: str
    stub: int
    worker_env: Mapping[str, str]
    worker_command: Sequence[str]

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def hold(self, count: int) -> None:
        """A backlog of `count` messages that nobody may take yet."""
        raise NotImplementedError

    def warm(self) -> None:
        """Let WARM of them go."""
        raise NotImplementedError

    def release(self) -> None:
        """Let the rest go, at once."""
        raise NotImplementedError

    def recorded(self) -> int:
        """How many messages are on record as sent."""
        raise NotImplementedError

    @contextlib.contextmanager
    def worker(self) -> Iterator[services.Running]:
        """The Celery worker, started and idle; killed with its children afterwards."""
        with services.running(
            self.worker_command, self.worker_env, folder=self.scene.folder, name="worker"
        ) as process:
            try:
                yield process
            except Incomplete as error:
                raise Incomplete(f"{error}\n{process.tail()[-1500:]}") from None

    def wait_recorded(self, count: int, seconds: float = 10.0) -> None:
        """Return when `count` are on record."""
        deadline = time.monotonic() + seconds
        while (found := self.recorded()) < count:
            if time.monotonic() > deadline:
                raise Incomplete(f"{found} of {count} messages are on record")
            time.sleep(0.1)


@dataclass(frozen=True)
class Project:
    """How to drive one naive project: ours, or another one for comparison."""

    env: Mapping[str, str]
    make: Sequence[str]  # + the number of orders
    fill: Sequence[str]  # + the number of tasks
    app: str
    orders: str
    log: str
    path: str = str(services.ROOT)  # where its modules are


class Naive(Side):
    """One task per message."""

    def __init__(self, scene: Scene, stub: int, project: Project) -> None:
        super().__init__(scene)
        self.stub, self.project = stub, project
        self.database = project.env["DATABASE_URL"]
        self.worker_env = {**project.env, "PYTHONPATH": project.path}
        self.worker_command = [
            *CELERY, "-q", "-A", project.app, "worker", "-P", "prefork", "-c", str(CHILDREN),
            "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR",
        ]  # fmt: skip
        self._broker = redis.Redis.from_url(scene.broker)

    def hold(self, count: int) -> None:
        self._broker.flushdb()
        execute(
            self.database,
            f"TRUNCATE {self.project.log}",
            f"UPDATE {self.project.orders} SET status = 'placed' WHERE status <> 'placed'",
            f"VACUUM ANALYZE {self.project.orders}",
        )
        self.scene.run([*self.project.fill, str(count + WARM)], self.worker_env)
        self._broker.rename("celery", "held")

    def warm(self) -> None:
        for _ in range(WARM):
            self._broker.rpoplpush("held", "celery")

    def release(self) -> None:
        self._broker.rename("held", "celery")

    def recorded(self) -> int:
        return number(self.database, f"SELECT count(*) FROM {self.project.log}")


class Product(Side):
    """Due deliveries, planned and waiting: the pump gates, writes, sends and settles them."""

    def __init__(self, scene: Scene, stub: int) -> None:
        super().__init__(scene)
        self.stub, self.database = stub, scene.product_database
        self.worker_env = scene.product_env(stub)
        self.worker_command = [
            *CELERY, "-q", "-A", "config", "worker", "-P", "prefork", "-c", str(CHILDREN),
            "-l", "ERROR",
        ]  # fmt: skip
        self._bell = Celery(broker=scene.broker)

    def hold(self, count: int) -> None:
        redis.Redis.from_url(self.scene.broker).flushdb()
        execute(
            self.database,
            "DELETE FROM notifications_attempt",
            "DELETE FROM notifications_decision WHERE delivery_id IS NOT NULL",
            f"UPDATE notifications_delivery SET state = 'queued', due_at = '{FAR}', claims = 0, "
            "lease_token = '', lease_until = NULL, claimed_at = NULL, sent_at = NULL, tries = 0, "
            "reason = '', failure = '', ended_at = NULL",
            "UPDATE notifications_notification SET state = 'open'",
        )
        self._tidy()

    def warm(self) -> None:
        self._due(f"LIMIT {WARM}")

    def release(self) -> None:
        self._due("")
        self.ring()

    def ring(self) -> None:
        """As the doorbell does it."""
        self._bell.send_task("notifications.tasks.drain", queue="orderbell", expires=30)

    def recorded(self) -> int:
        return number(
            self.database,
            "SELECT count(*) FROM notifications_delivery d WHERE state = 'sent' AND EXISTS "
            "(SELECT 1 FROM notifications_attempt a WHERE a.delivery_id = d.id)",
        )

    def _due(self, limit: str) -> None:
        execute(
            self.database,
            "UPDATE notifications_delivery SET due_at = now() WHERE id IN (SELECT id FROM "
            f"notifications_delivery WHERE state = 'queued' AND due_at = '{FAR}' {limit})",
        )

    def _tidy(self) -> None:
        tables = ("attempt", "decision", "delivery", "notification")
        names = ", ".join(f"notifications_{table}" for table in tables)
        execute(self.database, f"VACUUM ANALYZE {names}, orders_statuschange")


class ProductFromChanges(Product):
    """Status changes that nobody has planned yet: rules, consent, plan, then as above."""

    def hold(self, count: int) -> None:
        redis.Redis.from_url(self.scene.broker).flushdb()
        tables = ("attempt", "decision", "delivery", "notification")
        execute(
            self.database,
            *(f"DELETE FROM notifications_{table}" for table in tables),
            "UPDATE orders_statuschange SET planned_at = now() WHERE planned_at IS NULL",
        )
        self._keep = number(self.database, "SELECT max(id) FROM orders_statuschange") - count
        self._tidy()

    def warm(self) -> None:
        low = self._keep - WARM
        self._open(f"id > {low} AND id <= {self._keep}")

    def release(self) -> None:
        self._open(f"id > {self._keep}")
        self.ring()

    def _open(self, which: str) -> None:
        execute(self.database, f"UPDATE orders_statuschange SET planned_at = NULL WHERE {which}")


def our_naive(scene: Scene, stub: int, tuned: bool) -> Naive:
    """The project that lives beside this file."""
    backlog = [sys.executable, "-m", "tests.bench.naive.backlog"]
    project = Project(
        env=scene.naive_env(stub, tuned),
        make=[*backlog, "make"],
        fill=[*backlog, "save"],
        app="tests.bench.naive.celery:app",
        orders="naive_order",
        log="naive_sentmessage",
    )
    return Naive(scene, stub, project)
