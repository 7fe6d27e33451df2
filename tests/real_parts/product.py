"""The product as real processes around one database, and what can be seen of it from outside."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import psycopg

from channels_app.sandbox.server import SandboxServer
from tests import services
from tests.journeys.shop import shopify_order

LEASE_SECONDS = 6
SEND_TIMEOUT_SECONDS = 2
DATABASE = "orderbell.sqlite3"
BULK = "order_id IN (SELECT id FROM orders_order WHERE display_number LIKE '#B%')"


class Product:
    """Processes are started by name; everything is killed when the stack that holds it ends."""

    def __init__(self, folder: Path, database_url: str = "", broker_url: str = "") -> None:
        self.folder = folder
        self.database_url = database_url
        self.port = services.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox = SandboxServer("127.0.0.1", 0)
        self.stack = contextlib.ExitStack()
        self.shop: dict[str, Any] = {}
        self.env = {
            "DATA": str(folder),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "SEND_TIMEOUT_SECONDS": str(SEND_TIMEOUT_SECONDS),
            "PUBLIC_BASE_URL": self.url,
            "SANDBOX_URL": self.sandbox.start_in_thread(),
            "LOG_LEVEL": "INFO",
            "DATABASE_URL": database_url or f"sqlite:///{folder / DATABASE}",
        }
        self.stack.callback(self.sandbox.stop)
        if broker_url:
            self.env |= {"CELERY_BROKER_URL": broker_url, "REDIS_URL": ""}

    # --- processes ---

    def start(self, name: str, *command: str) -> services.Running:
        """`command` of our own Python, as a process of its own."""
        return self.stack.enter_context(
            services.running([sys.executable, *command], self.env, folder=self.folder, name=name)
        )

    def web(self) -> services.Running:
        """The pages and endpoints, as granian serves them; no pump in it."""
        process = self.start(
            "web", "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--workers",
            "1", "--blocking-threads", "4", "--log-level", "warning", "config.wsgi:application",
        )  # fmt: skip
        services.wait_for_port(self.port)
        return process

    def worker(self) -> services.Running:
        """A Celery worker with two child processes, ready for tasks."""
        process = self.start(
            "worker", "-m", "celery", "-A", "config", "worker", "-P", "prefork", "-c", "2",
            "--without-gossip", "--without-mingle", "-n", f"{uuid.uuid4().hex[:6]}@test",
        )  # fmt: skip
        process.wait_for("ready.")
        return process

    def beat(self) -> services.Running:
        """The clock."""
        return self.start("beat", "-m", "celery", "-A", "config", "beat", "--pidfile=")

    def dispatcher(self) -> services.Running:
        """The pump without Celery."""
        process = self.start("dispatcher", "manage.py", "dispatcher")
        process.wait_for("The dispatcher runs.")
        return process

    # --- rows ---

    def scene(self, *arguments: str) -> dict[str, Any]:
        """Rows made by the product's own code, in a process with its settings."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.real_parts.scenes", *arguments],
            cwd=services.ROOT,
            env={**os.environ, **self.env, "DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return value

    def adopt(self, shop: dict[str, Any], *, receipts: bool) -> None:
        """The database holds `shop`; with `receipts` the sandbox knows whom to call back."""
        self.shop = shop
        for account in shop["accounts"] if receipts else ():
            known = f"{self.url}{urlsplit(account['callback_url']).path}"
            self.sandbox.add_account(account["provider"], known, account["credentials"])

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the product's database, read from outside of it."""
        if self.database_url:
            with psycopg.connect(self.database_url) as connection:
                return connection.execute(sql).fetchall()
        with contextlib.closing(
            sqlite3.connect(f"file:{self.folder / DATABASE}?mode=ro", uri=True)
        ) as base:
            return base.execute(sql).fetchall()

    def number(self, sql: str) -> int:
        """The one number that `sql` asks for."""
        return int(self.ask(sql)[0][0])

    def states(self, where: str = "1 = 1") -> dict[str, int]:
        """How many deliveries are in which state."""
        sql = f"SELECT state, count(*) FROM notifications_delivery WHERE {where} GROUP BY state"
        return dict(self.ask(sql))

    # --- in and out ---

    def order(self, number: int, topic: str = "orders/create", **changes: Any) -> int:
        """The web shop tells of order `number`; the HTTP status of our answer."""
        now = datetime.now(UTC).replace(microsecond=0).isoformat()
        stamps = {"created_at": now, "processed_at": now, "updated_at": now}
        return self.post(shopify_order(number, **{**stamps, **changes}), topic)

    def post(self, body: dict[str, Any], topic: str) -> int:
        """A Shopify webhook, signed, over HTTP."""
        raw = json.dumps(body).encode()
        digest = hmac.new(self.shop["secret"].encode(), raw, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Event-Id": str(uuid.uuid4()),
            "X-Shopify-Shop-Domain": "trattoria.example",
        }
        call = Request(f"{self.url}{self.shop['hook']}", raw, headers)
        try:
            with urlopen(call, timeout=20) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def texts(self, number: int, provider: str = "twilio") -> list[str]:
        """What the stand-in of `provider` took about order `number`."""
        found = (message["text"] for message in self.sandbox.messages(provider))
        return [text for text in found if f"#{number}" in text]

    def wait(self, true: Any, seconds: float = 40) -> None:
        """Until `true()`; else fail with the states of all deliveries."""
        services.wait_until(true, seconds, self.story)

    def story(self) -> str:
        """Where everything stands, for the message of a test that waited in vain."""
        inbox = self.ask(
            "SELECT state, count(*), max(lease_until) FROM orders_inboundevent GROUP BY state"
        )
        unplanned = self.number("SELECT count(*) FROM orders_statuschange WHERE planned_at IS NULL")
        return f"Deliveries: {self.states()}. Inbox: {inbox}. Unplanned changes: {unplanned}."

    def refs(self, where: str = "1 = 1") -> set[str]:
        """Our references of the deliveries for which `where` holds."""
        return {ref for (ref,) in self.ask(f"SELECT ref FROM notifications_delivery WHERE {where}")}

    def accepted(self, provider: str = "twilio") -> Counter[str]:
        """How often the stand-in took each of our deliveries, by our reference."""
        messages = self.sandbox.messages(provider)
        if provider == "twilio":
            return Counter(_reference(message["request"]["body"]) for message in messages)
        return Counter(message["id"] for message in messages)


def _reference(form: str) -> str:
    """Our reference in the callback address of a Twilio request."""
    return parse_qs(urlsplit(parse_qs(form)["StatusCallback"][0]).query)["ref"][0]


@contextlib.contextmanager
def product(folder: Path, database_url: str = "", broker_url: str = "") -> Iterator[Product]:
    """A product around one database; nothing of it is left afterwards."""
    made = Product(folder, database_url, broker_url)
    with made.stack:
        yield made
