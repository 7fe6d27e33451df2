"""A product on real parts whose lines to provider, database and broker can be troubled."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests import services
from tests.drills import records
from tests.drills.invariants import check_invariants
from tests.drills.proxy import FaultProxy
from tests.drills.records import Records, Since
from tests.drills.source import Source
from tests.drills.table import Line, keep
from tests.real_parts.product import Product

FULL = os.environ.get("DRILL_SIZE") == "full"
LEASE_SECONDS = 4
SEND_TIMEOUT_SECONDS = 1.2
CACHED_FOR = 1.2  # seconds after which every pump knows of a changed channel
PROVIDERS = "twilio", "webhook", "slack"
WATCH = Path(__file__).parent / "watch"
# The drills want each order told over every kind of provider: searchable, keyed, and neither.
ARRANGED = (
    "UPDATE notifications_rule SET events = '[\"confirmed\"]'"
    " WHERE active AND slug <> 'customer-updates'"
)


def size(short: int, full: int) -> int:
    """How many, by the size of this run (DRILL_SIZE)."""
    return full if FULL else short


def port_of(url: str) -> int:
    """The port that `url` names."""
    return urlsplit(url).port or {"postgres": 5432, "redis": 6379}[urlsplit(url).scheme]


def through(url: str, proxy: FaultProxy) -> str:
    """`url`, but by way of `proxy`."""
    parts = urlsplit(url)
    who = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{who + '@' if who else ''}127.0.0.1:{proxy.port}"))


@dataclass
class House:
    """A product, its source, and the three lines that a drill may trouble."""

    product: Product
    source: Source
    provider: FaultProxy
    database: FaultProxy | None = None
    broker: FaultProxy | None = None
    running: list[services.Running] = field(default_factory=list)

    @property
    def connections_log(self) -> Path:
        """Where its processes say whom they call."""
        return self.product.folder / "connections"

    def worker(self) -> services.Running:
        """A Celery worker with two children, ready."""
        self.running.append(self.product.worker())
        return self.running[-1]

    def dispatcher(self) -> services.Running:
        """A pump without Celery, ready."""
        self.running.append(self.product.dispatcher())
        return self.running[-1]

    @contextlib.contextmanager
    def hasty(self) -> Iterator[None]:
        """What is started here gives up a call, and a lease, at once."""
        env, patient = self.product.env, dict(self.product.env)
        env |= {"LEASE_SECONDS": "1", "SEND_TIMEOUT_SECONDS": "0.3"}
        try:
            yield
        finally:
            self.product.env = patient

    def execute(self, *statements: str) -> None:
        """Run `statements` in the product's database, past every proxy."""
        with psycopg.connect(self.product.database_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def rest(self) -> None:
        """End all workers and dispatchers."""
        for process in self.running:
            process.kill()
        self.running.clear()

    def read(self, since: Since, first_post: int, over_at: float) -> Records:
        """The three records since a drill began."""
        return records.read_database(self.product.ask, since).but(
            posts=self.source.posts[first_post:],
            taken=records.taken_from(self.product.sandbox.messages()),
            logs=records.read_logs(self.product.folder),
            connections=records.read_connections(self.connections_log),
            over_at=over_at,
        )


@contextlib.contextmanager
def house(
    made: Product, shop: dict[str, Any], *, trouble_database: bool = False, broker_url: str = ""
) -> Iterator[House]:
    """`made` with proxies before what it calls; nothing is started."""
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(FaultProxy(made.sandbox.port))
        database = broker = None
        made.env |= {
            "SANDBOX_URL": f"http://127.0.0.1:{provider.port}",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "SEND_TIMEOUT_SECONDS": str(SEND_TIMEOUT_SECONDS),
            "CONNECTIONS_LOG": str(made.folder / "connections"),
            "PYTHONPATH": os.pathsep.join([str(WATCH), str(services.ROOT)]),
        }
        if trouble_database:
            database = stack.enter_context(FaultProxy(port_of(made.database_url)))
            made.env["DATABASE_URL"] = through(made.database_url, database)
        if broker_url:
            broker = stack.enter_context(FaultProxy(port_of(broker_url)))
            made.env |= {"CELERY_BROKER_URL": through(broker_url, broker), "REDIS_URL": ""}
        source = Source(f"{made.url}{shop['hook']}", shop["secret"])
        found = House(made, source, provider, database, broker)
        yield found
        # Before the proxies go, so that nobody fails for want of them.
        found.rest()


@dataclass
class Drill:
    """One fault in one house: from `begin` to the line in the table."""

    fault: str
    done: str
    house: House
    since: Since = field(default_factory=Since)
    first_post: int = 0
    over_at: float = 0.0
    allowed_untold: int = 0

    def begin(self) -> None:
        """What follows is this drill's."""
        self.house.provider.recover()
        self.house.product.sandbox.clear()
        self.since = records.highest(self.house.product.ask)
        self.first_post = len(self.house.source.posts)
        self.over_at = time.time()

    def over(self) -> None:
        """The fault is over: from here on recovery is counted."""
        self.house.provider.recover()
        for line in (self.house.database, self.house.broker):
            if line is not None:
                line.recover()
        self.over_at = time.time()

    def read(self) -> Records:
        """The three records of this drill, as they are now."""
        return self.house.read(self.since, self.first_post, self.over_at)

    def settled(self, intents: int, seconds: float = 40) -> None:
        """Wait until `intents` intents are there and nothing is open; alerts are not waited for."""
        mine = self.since.notification
        deliveries = (
            "notification_id IN (SELECT id FROM notifications_notification"
            f" WHERE id > {mine} AND incident_id IS NULL)"
        )

        def done() -> bool:
            states = dict(
                self.house.product.ask(
                    "SELECT state, count(*) FROM notifications_notification"
                    f" WHERE id > {mine} AND incident_id IS NULL GROUP BY state"
                )
            )
            under_way = self.house.product.states(deliveries).keys() & {
                "queued",
                "sending",
                "unknown",
            }
            return sum(states.values()) >= intents and "open" not in states and not under_way

        services.wait_until(
            done, seconds, lambda: f"Deliveries: {self.house.product.states(deliveries)}"
        )

    def finish(self, intents: int, seconds: float = 40) -> Records:
        """Wait for the end of all and check the invariants; the records."""
        self.settled(intents, seconds)
        self.swept()
        found = self.read().without_alerts()
        check_invariants(found)
        lost = lost_in(found)
        assert lost <= self.allowed_untold, f"{lost} lost"
        return found

    def keep(self, found: Records, note: str = "") -> None:
        """Write this drill's line of the table."""
        keep(self.line(found, note))

    def swept(self) -> None:
        """A pump says that it lives every five seconds."""
        services.wait_until(
            lambda: (records.swept_at(self.house.product.ask) or 0) >= self.over_at,
            20,
            lambda: "No pump goes round any more.",
        )

    def line(self, found: Records, note: str = "") -> Line:
        """The figures of this drill."""
        waits = sorted(max(0.0, one.at - self.over_at) for one in found.taken) or [0.0]
        return Line(
            self.fault,
            self.done,
            events=sum(post.taken for post in found.posts),
            intents=sum(intent.incident is None for intent in found.intents),
            lost=max(0, lost_in(found) - self.allowed_untold),
            duplicates=records.duplicates(found),
            p99=waits[min(len(waits) - 1, int(len(waits) * 0.99))],
            longest=waits[-1],
            note=note,
        )


def lost_in(found: Records) -> int:
    """Acknowledged events that are not there, and intents of which no provider ever heard."""
    missing = sum(post.taken and post.key not in found.events for post in found.posts)
    told = {one.intent for one in found.deliveries if found.taken_of(one)}
    owed = [one for one in found.intents if one.state != "cancelled" and one.incident is None]
    untold = sum(one.id not in told for one in owed)
    return missing + untold
