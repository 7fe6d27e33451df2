"""A backlog of messages on channels of one brand, written straight into the queue."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from channels_app.models import Channel
from channels_app.sandbox.server import SandboxServer, demo_credentials
from notifications import library
from notifications.models import Delivery, Notification
from orders.models import Brand, Store
from tests.factories import BrandFactory, ChannelFactory, StoreFactory

needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="Did not run: SQLite has one writer at a time"
)


@dataclass
class Scene:
    """A brand with one store, and channels that the stand-in answers for."""

    sandbox: SandboxServer | None
    brand: Brand
    stores: list[Store]
    channels: dict[str, Channel] = field(default_factory=dict)

    def channel(self, slug: str, **fields: Any) -> Channel:
        """A channel of provider `slug`, with `fields` of its row."""
        row: Channel = ChannelFactory(
            brand_id=self.brand.pk,
            provider=slug,
            name=slug.title(),
            credentials=demo_credentials(slug),
            **fields,
        )
        if self.sandbox is not None:
            self.sandbox.add_account(slug, row.callback_url, row.credentials)
        self.channels[slug] = row
        library.clear()
        return row

    def limit(self, channel: Channel, **fields: Any) -> None:
        """Change the limits of a channel."""
        Channel.objects.filter(pk=channel.pk).update(**fields)
        library.clear()

    def owe(self, channel: Channel, count: int = 1, **fields: Any) -> list[Delivery]:
        """`count` deliveries on `channel`, due now, each of a notification of its own."""
        now = timezone.now()
        store = fields.pop("store", self.stores[0])
        addresses = fields.pop("addresses", None) or [address(channel, n) for n in range(count)]
        useful = fields.pop("useful", timedelta(hours=2))
        common = {"brand": self.brand, "urgent": fields.pop("urgent", False)}
        routes = fields.pop("routes", [])
        first = Notification.objects.count()
        notices = [
            Notification(
                intent=f"test:{first + n}",
                store=store,
                event="confirmed",
                audience="staff",
                purpose="order",
                text=f"Message {first + n}",
                routes=routes,
                useful_until=now + useful,
                **common,
            )
            for n in range(len(addresses))
        ]
        Notification.objects.bulk_create(notices)
        rows = [
            Delivery(
                notification=notice,
                channel=channel,
                address=to,
                ref=notice.intent,
                due_at=fields.get("due_at", now),
                **common,
            )
            for notice, to in zip(notices, addresses, strict=True)
        ]
        Delivery.objects.bulk_create(rows)
        return rows

    def sent(self, channel: Channel) -> int:
        """How many messages of `channel` its provider took, by our own record."""
        return Delivery.objects.filter(channel=channel, sent_at__isnull=False).count()


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of this thread, as they are made."""
    seen: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


@contextmanager
def plans() -> Iterator[list[str]]:
    """How the database goes about each statement, when it believes its tables to be large."""
    found: list[str] = []
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        cursor = context["cursor"]
        if connection.vendor == "postgresql":
            execute("SET enable_seqscan = off", None, False, context)
        execute(explain + sql, params, many, context)
        found.append(str(cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("RESET enable_seqscan")


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """What `count` threads got from `work`, each with a connection of its own."""
    gate, found, errors = threading.Barrier(count), [], []

    def run() -> None:
        try:
            gate.wait(10)
            found.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors, errors
    return found


def address(channel: Channel, number: int) -> str:
    """An address of the channel's kind."""
    kinds = {
        "twilio": f"+1202555{number:04d}",
        "slack": "C0KITCHEN",
        "telegram": str(7000 + number),
    }
    return kinds.get(channel.provider, f"guest{number}@example.com")


def scene(sandbox: SandboxServer | None = None) -> Scene:
    """A brand with two stores."""
    brand = BrandFactory()
    return Scene(sandbox, brand, [StoreFactory(brand=brand), StoreFactory(brand=brand)])


def midnight(now: datetime) -> datetime:
    """The next one, UTC."""
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
