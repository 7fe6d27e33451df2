"""The real parts that tests use where they can be reached: databases, brokers, processes, browsers.

Each finder answers `(url, "")` or `("", why not)`. The default ports on loopback
are tried by themselves; TEST_DATABASE_URL, TEST_REDIS_URL and TEST_AMQP_URL say
otherwise.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import kombu
import psutil
import psycopg
import redis

ROOT = Path(__file__).resolve().parent.parent
DATABASES = "postgres://root@127.0.0.1:5432/postgres", "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = "redis://127.0.0.1:6379"
AMQP = "amqp://guest:guest@127.0.0.1:5672//"
# Redis has 16 numbered databases; the suite uses 9-15, and keeps its leases in 8.
OURS = range(9, 16)
LEASES = 8
LEASE_SECONDS = 1800


def with_path(url: str, path: str) -> str:
    """`url` with another database or virtual host."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))


# --- PostgreSQL ----------------------------------------------------------------
@cache
def postgres() -> tuple[str, str]:
    """A server where we may create databases."""
    why = ""
    wanted = os.environ.get("TEST_DATABASE_URL")
    for url in [wanted] if wanted else DATABASES:
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                connection.execute("select 1")
            return url, ""
        except psycopg.Error as error:
            why = why or str(error).strip().splitlines()[0]
    return "", f"PostgreSQL does not answer ({why}); set TEST_DATABASE_URL"


@contextlib.contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """A new, empty database on `server`, dropped afterwards with whoever is still connected."""
    name = f"test_orderbell_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield with_path(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


# --- Redis ---------------------------------------------------------------------
@cache
def redis_server() -> tuple[str, str]:
    """A Redis that answers."""
    url = os.environ.get("TEST_REDIS_URL", REDIS)
    try:
        with redis.Redis.from_url(url, socket_timeout=3) as client:
            client.ping()
        return url, ""
    except redis.RedisError as error:
        return "", f"Redis does not answer ({error}); set TEST_REDIS_URL"


@contextlib.contextmanager
def redis_database(server: str) -> Iterator[str]:
    """One of our numbered databases, leased so that no other run uses it, and emptied."""
    with redis.Redis.from_url(with_path(server, str(LEASES))) as leases:
        number = next(
            (n for n in OURS if leases.set(_lease(n), 1, nx=True, ex=LEASE_SECONDS)), None
        )
        if number is None:
            raise RuntimeError("All Redis databases for tests are in use: wait, or flush number 8.")
        url = with_path(server, str(number))
        try:
            with redis.Redis.from_url(url) as client:
                client.flushdb()
            yield url
        finally:
            with redis.Redis.from_url(url) as client:
                client.flushdb()
            leases.delete(_lease(number))


def _lease(number: int) -> str:
    """The key under which a numbered database is leased."""
    return f"orderbell:test:database:{number}"


def redis_program() -> tuple[str, str]:
    """The path of the server itself, for tests that start one of their own."""
    found = shutil.which("redis-server")
    return (found, "") if found else ("", "redis-server is not installed; a test stops its own one")


@contextlib.contextmanager
def own_redis(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A Redis server of the test's own, to be stopped, frozen and flushed at will."""
    port = free_port()
    command = [redis_program()[0], "--port", str(port), "--save", "", "--dir", str(folder)]
    with running(command, name="redis", folder=folder) as process:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0", process.tree


# --- RabbitMQ ------------------------------------------------------------------
@cache
def amqp() -> tuple[str, str]:
    """A broker that lets us in."""
    url = os.environ.get("TEST_AMQP_URL", AMQP)
    try:
        with kombu.Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
        return url, ""
    except Exception as error:  # kombu lets its transports' own errors through
        return "", f"RabbitMQ does not answer ({type(error).__name__}); set TEST_AMQP_URL"


@contextlib.contextmanager
def amqp_vhost(server: str) -> Iterator[str]:
    """A virtual host of our own where we may make one, else the given one, its queue emptied."""
    host = f"orderbell_test_{uuid.uuid4().hex[:8]}"
    if _rabbitmqctl("add_vhost", host) and _rabbitmqctl(
        "set_permissions", "-p", host, "guest", ".*", ".*", ".*"
    ):
        try:
            yield with_path(server, host)
        finally:
            _rabbitmqctl("delete_vhost", host)
        return
    _forget_queue(server)
    yield server
    _forget_queue(server)


def _rabbitmqctl(*arguments: str) -> bool:
    """Whether the broker's own tool is here and did as asked."""
    program = shutil.which("rabbitmqctl")
    if program is None:
        return False
    done = subprocess.run([program, "-q", *arguments], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def _forget_queue(url: str) -> None:
    """Empty Celery's queue in a virtual host that we share."""
    with kombu.Connection(url) as connection, connection.channel() as channel:
        channel.queue_declare("celery", durable=True, auto_delete=False)
        channel.queue_purge("celery")


# --- Chromium ------------------------------------------------------------------
def chromium() -> tuple[str, str]:
    """The path of a Chromium from the system's packages."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found, ""
    return "", "Chromium is not installed (Debian: apt-get install chromium)"


# --- Processes -----------------------------------------------------------------
@dataclass
class Running:
    """A process that a test started, and where its words go."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def tree(self) -> psutil.Process:
        """The process, to look at, freeze or kill."""
        return psutil.Process(self.popen.pid)

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Return when it has said `text`; fail with its words when it ends or takes too long."""
        wait_until(lambda: text in self.output or self.popen.poll() is not None, seconds, self.tail)
        if text not in self.output:
            raise AssertionError(f"It ended before it said {text!r}.\n{self.tail()}")

    def tail(self) -> str:
        """Its last words."""
        return "\n".join(self.output.splitlines()[-40:])

    def kill(self) -> None:
        """Kill it and everything it started, at once."""
        with contextlib.suppress(psutil.NoSuchProcess):
            family = [*self.tree.children(recursive=True), self.tree]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=10)
        self.popen.wait(timeout=10)


@contextlib.contextmanager
def running(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    folder: Path,
    name: str = "process",
) -> Iterator[Running]:
    """`command` as a real process in the checkout, killed with its children at the end.

    `env` is added to ours; its output goes to `folder/name.log`.
    """
    log = folder / f"{name}-{uuid.uuid4().hex[:6]}.log"
    with log.open("wb") as sink:
        popen = subprocess.Popen(
            [*command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Running(popen, log)
    try:
        yield process
    finally:
        process.kill()


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 30) -> None:
    """Return when something listens on `port`."""

    def answers() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, seconds, lambda: f"Nothing listens on port {port}.")


def wait_until(
    true: Callable[[], object], seconds: float = 30, why: Callable[[], str] = lambda: ""
) -> None:
    """Return when `true()` is; raise AssertionError with `why()` after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"Not so after {seconds:g} s. {why()}")
        time.sleep(0.05)
