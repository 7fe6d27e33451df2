"""What the measures stand on: servers, a database and a broker of the bench's own, a log folder."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests import services

LOOPBACK = ("127.0.0.1", "localhost", "::1")
STUB_DELAYS = (0, 50)  # milliseconds


class Incomplete(Exception):
    """A measure that did not come to its end: it has no figure."""


@dataclass
class Stub:
    """A running provider stand-in."""

    port: int
    milliseconds: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str) -> Any:
        """One of its control answers."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:
            return json.load(answer)

    def wait_for(self, count: int, patience: float = 15.0) -> dict[str, Any]:
        """Its statistics once `count` requests came; Incomplete when nothing moves any more."""
        seen, since = -1, time.monotonic()
        while True:
            stats = self.ask("stats")
            if stats["count"] >= count:
                return dict(stats)
            if stats["count"] != seen:
                seen, since = stats["count"], time.monotonic()
            if time.monotonic() - since > patience:
                raise Incomplete(f"{seen} of {count} messages came, then none for {patience:g} s")
            time.sleep(0.05)


@dataclass
class Scene:
    """Where everything is."""

    folder: Path
    naive_database: str
    product_database: str
    broker: str
    stubs: dict[int, Stub] = field(default_factory=dict)

    def run(self, command: Sequence[str], env: Mapping[str, str], seconds: float = 120) -> str:
        """A program that ends by itself; its output."""
        done = subprocess.run(
            command,
            cwd=services.ROOT,
            env={**clean_environment(), **env},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise Incomplete(f"{' '.join(command)}: {done.stderr.strip()[-800:]}")
        return done.stdout

    def product_env(self, stub: int = 0) -> dict[str, str]:
        """The product with PostgreSQL and Redis, its Twilio accounts on the stand-in."""
        return {
            "DATA": str(self.folder / "data"),
            "DATABASE_URL": self.product_database,
            "CELERY_BROKER_URL": self.broker,
            "PROVIDER_BASE_URLS": json.dumps({"twilio": self.stubs[stub].url}),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": "bench-secret-key-of-no-value-0123456789-0123456789-0123456789",
            "CREDENTIAL_KEYS": "bench-credential-key-0123456789",
            "LOG_LEVEL": "WARNING",
        }

    def naive_env(self, stub: int = 0, tuned: bool = False) -> dict[str, str]:
        """The small project beside it."""
        return {
            "DATABASE_URL": self.naive_database,
            "CELERY_BROKER_URL": self.broker,
            "NAIVE_PROVIDER_URL": self.stubs[stub].url,
            "NAIVE_TUNED": str(int(tuned)),
            "DJANGO_SETTINGS_MODULE": "tests.bench.naive.settings",
        }


def clean_environment() -> dict[str, str]:
    """Ours, without what would configure a side by accident."""
    ours = ("REDIS_URL", "PUBLIC_BASE_URL", "SANDBOX_URL", "DEBUG", "DATABASE_URL", "CELERY_QUEUE")
    return {name: value for name, value in os.environ.items() if name not in ours}


def missing() -> str:
    """Why nothing can be measured here, or empty."""
    for finder in (services.postgres, services.redis_server):
        url, why = finder()
        if not url:
            return why
        if urlsplit(url).hostname not in LOOPBACK:
            return f"{urlsplit(url).hostname} is not this machine: the bench stays on loopback"
    return ""


@contextlib.contextmanager
def opened() -> Iterator[Scene]:
    """Databases, a numbered Redis database and the stand-ins; all gone afterwards."""
    server, redis = services.postgres()[0], services.redis_server()[0]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderbell-bench-")))
        scene = Scene(
            folder,
            stack.enter_context(services.postgres_database(server)),
            stack.enter_context(services.postgres_database(server)),
            stack.enter_context(services.redis_database(redis)),
        )
        for milliseconds in STUB_DELAYS:
            port = stack.enter_context(run_stub(scene, str(milliseconds)))
            scene.stubs[milliseconds] = Stub(port, milliseconds)
        yield scene


@contextlib.contextmanager
def run_stub(scene: Scene, *options: str) -> Iterator[int]:
    """A stand-in with `options` (milliseconds, `throttled`); its port."""
    port = services.free_port()
    command = [sys.executable, "-m", "tests.bench.stub", str(port), *options]
    with services.running(command, folder=scene.folder, name="stub"):
        services.wait_for_port(port)
        yield port


def execute(url: str, *statements: str) -> None:
    """Each statement by itself, committed."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def number(url: str, query: str) -> int:
    """The one number that `query` gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def text(url: str, query: str) -> str:
    """The one text that `query` gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return str(row[0]) if row else ""
