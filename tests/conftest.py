"""What every test has: loopback only, time travel, and the real services where they answer."""

import ipaddress
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.backends.postgresql.operations import DatabaseOperations

from channels_app.sandbox.server import SandboxServer
from notifications import library, restoring
from tests import environment, services

MISSING = "Did not run: "


# --- The main database -----------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """A file for SQLite, as the product has; a name of this run's own for PostgreSQL."""
    database = settings.DATABASES["default"]
    test = database.setdefault("TEST", {})
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        test["NAME"] = str(Path(settings.DATA_DIR) / "test.sqlite3")
        # Tests do not survive a power cut, so their commits need not.
        options = database["OPTIONS"]
        options["init_command"] = options["init_command"].replace(
            "synchronous=FULL", "synchronous=OFF"
        )
    else:
        test["NAME"] = f"test_orderbell_{environment.RUN}_{worker}"
        database["OPTIONS"]["options"] = "-c synchronous_commit=off"
        DatabaseOperations.sql_flush = _deletes  # type: ignore[method-assign]
        DatabaseOperations.execute_sql_flush = _flush  # type: ignore[method-assign]


def _deletes(
    self: DatabaseOperations,
    style: Any,
    tables: Any,
    *,
    reset_sequences: bool = False,
    allow_cascade: bool = False,
) -> list[str]:
    """Empty small tables by DELETE: TRUNCATE makes new files for each, which takes far longer.

    All foreign keys are deferred to the end of the transaction that this runs in.
    """
    return [f"DELETE FROM {self.quote_name(table)};" for table in tables]


def _flush(self: DatabaseOperations, sql_list: list[str]) -> None:
    """Run the deletes; again when a request that was still under way came in between.

    A receipt that the stand-in posted at the very end of a test may be stored meanwhile.
    """
    for attempt in range(6):
        try:
            with (
                transaction.atomic(using=self.connection.alias),
                self.connection.cursor() as cursor,
            ):
                for sql in sql_list:
                    cursor.execute(sql)
            return
        except DatabaseError:
            if attempt == 5:
                raise
            time.sleep(0.2)


# --- The network -----------------------------------------------------------------
def _is_here(host: str) -> bool:
    """Whether `host` is this machine."""
    if host in ("localhost", ""):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_number(host: str) -> bool:
    """Whether `host` is an address, so that nobody has to be asked."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the suite leaves the machine, and nobody outside is asked for a name."""
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guard(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_here(str(address[0])):
            raise ConnectionRefusedError(
                f"A test tried to reach {address[0]}: only loopback may be."
            )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        guard(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        guard(self, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else (host or "")
        if not (_is_here(name) or _is_number(name)):
            raise socket.gaierror(f"A test tried to look up {name}: only loopback may be reached.")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


@pytest.fixture(autouse=True)
def empty_library() -> None:
    """No test sees the rules and channels of another, or takes its database for a restored one."""
    library.clear()
    (Path(settings.DATA_DIR) / restoring.FILE).unlink(missing_ok=True)


# --- Time ------------------------------------------------------------------------
@pytest.fixture
def travel() -> Iterator[Callable[[Any], time_machine.Traveller]]:
    """`travel(moment)` puts the clock there and stops it; `.shift(seconds)` moves it on."""
    trips: list[time_machine.travel] = []

    def go(moment: Any) -> time_machine.Traveller:
        trips.append(time_machine.travel(moment, tick=False))
        return trips[-1].start()

    yield go
    for trip in reversed(trips):
        trip.stop()


# --- Real services ---------------------------------------------------------------
def _found(finder: Callable[[], tuple[str, str]]) -> str:
    """What `finder` found; otherwise the test is skipped with the plain reason."""
    url, why = finder()
    if not url:
        pytest.skip(f"{MISSING}{why}")
    return url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A new, empty PostgreSQL database, dropped after the test."""
    with services.postgres_database(_found(services.postgres)) as url:
        yield url


@pytest.fixture
def redis_url() -> Iterator[str]:
    """An empty numbered Redis database that no other test uses now."""
    with services.redis_database(_found(services.redis_server)) as url:
        yield url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Any]:
    """`(url, process)` of a Redis server that the test may stop, freeze and flush."""
    _found(services.redis_program)
    with services.own_redis(tmp_path) as pair:
        yield pair


@pytest.fixture
def amqp_url() -> Iterator[str]:
    """A RabbitMQ virtual host without messages."""
    with services.amqp_vhost(_found(services.amqp)) as url:
        yield url


@pytest.fixture
def chromium(monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a Chromium that Playwright may drive."""
    # Playwright's loop runs in the test's thread, where Django would refuse the ORM.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    return _found(services.chromium)


@pytest.fixture
def running(tmp_path: Path) -> Callable[..., AbstractContextManager[services.Running]]:
    """`with running([...command], {...env}) as process:` a real process, killed at the end."""

    def start(
        command: list[str], env: dict[str, str] | None = None, name: str = "process"
    ) -> AbstractContextManager[services.Running]:
        return services.running(command, env, folder=tmp_path, name=name)

    return start


@pytest.fixture
def sandbox(settings: Any) -> Iterator[SandboxServer]:
    """The stand-in server in a thread of its own; SANDBOX_URL points to it."""
    server = SandboxServer("127.0.0.1", 0)
    settings.SANDBOX_URL = server.start_in_thread()
    yield server
    server.stop()


# --- What did not run ------------------------------------------------------------
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each thing that was missing, with the number of tests it cost."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    if reasons:
        terminalreporter.section("not run")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} test(s): {reason}")
