"""The demo's gallery: one order's step to `ready` reaches every provider that there is."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app import registry
from channels_app.contract import ReceiptStatus
from channels_app.credentials import is_secret
from channels_app.models import Channel
from channels_app.registry import provider_class
from channels_app.sandbox.server import SandboxServer
from notifications import config_export, library
from notifications.demo import bodies, gallery, seeding, senders
from notifications.models import Attempt, Delivery, Destination, Rule
from notifications.pump import Pump
from orders.models import Brand, Order, SourceConnection
from orders.timeline import set_status
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = 731
SLUGS = registry.slugs()
STORIES = {"generic": bodies.noor, "shopify": bodies.ada, "woocommerce": bodies.grace}
# The restaurant's own room and courier, which its gallery leaves to the restaurant.
LISTENERS = {"gallery-staff": "kitchen", "gallery-partner": "courier"}
SHORTEST_SECRET = 8


@dataclass
class Gallery:
    """The seeded demo, after one order of each of its sources has become ready."""

    content: dict[str, Any]
    sandbox: SandboxServer
    orders: dict[str, Order]  # by the source that it came from
    log: pytest.LogCaptureFixture

    def order_of(self, provider: str) -> Order:
        """A write-back belongs to its own shop's order; all else to the gallery's."""
        return self.orders[provider if provider in gallery.OWN_ORDERS else "generic"]

    def delivery(self, provider: str) -> Delivery:
        """The one message over this provider about the order's step to `ready`."""
        return Delivery.objects.get(
            channel__provider=provider,
            order=self.order_of(provider),
            notification__event="ready",
        )

    def arrived(self, provider: str) -> list[str]:
        """What the stand-in has taken that speaks of that order, as it came over the wire.

        A push is encrypted for the browser: the stand-in has its key.
        """
        number = self.order_of(provider).display_number
        taken = [
            message["text"] if provider == "webpush" else message["request"]["body"]
            for message in self.sandbox.messages(provider)
        ]
        return [body for body in taken if number in unquote_plus(body)]

    def until(self, met: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until `met`."""
        deadline = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < deadline, "It did not happen in time."
            time.sleep(0.05)

    def secrets(self) -> dict[str, str]:
        """Every secret of every credential: its name, and the secret itself."""
        found: dict[str, str] = {}
        for channel in Channel.objects.all():
            hidden = provider_class(channel.provider).Credentials.secret
            found |= {f"{channel.slug}.{n}": channel.credentials.get(n, "") for n in hidden}
        for row in SourceConnection.objects.all():
            found |= {f"{row.name}.secret": one["secret"] for one in row.secrets}
            found |= {f"{row.name}.{n}": v for n, v in row.credentials.items() if is_secret(n)}
        return {name: value for name, value in found.items() if len(value) >= SHORTEST_SECRET}


def end_state(provider: str) -> str:
    """How far a message can be followed, as the provider declares."""
    able = provider_class(provider).capabilities
    if able.hands_off:
        return "handed_off"
    return "delivered" if ReceiptStatus.DELIVERED in able.receipts else "sent"


EXPECTED = {slug: end_state(slug) for slug in SLUGS}


def states(told: "Gallery") -> dict[str, str]:
    """Where the message over each provider is now."""
    return {slug: told.delivery(slug).state for slug in SLUGS}


def settle() -> None:
    """Work until nothing is due."""
    library.clear()
    Pump().drain()


@pytest.fixture
def ready(
    live_server: Any,
    sandbox: SandboxServer,
    settings: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Gallery]:
    settings.PUBLIC_BASE_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    settings.DATA_DIR = tmp_path
    caplog.set_level(logging.DEBUG)
    with time_machine.travel("2026-11-21T17:05:00Z", tick=True):
        content = seeding.seed(tmp_path, live_server.url, sandbox.base_url)
        for provider, accounts in seeding.accounts(content).items():
            for account in accounts:
                sandbox.add_account(provider, account.callback_url, account.credentials)
        Rule.objects.update(hold_seconds=0)
        for rule, place in LISTENERS.items():
            Rule.objects.get(slug=rule).destinations.add(Destination.objects.get(slug=place))
        connections = {entry["source"]: entry for entry in content["connections"]}
        orders = {}
        for source, story in STORIES.items():
            topic, body = story(NUMBER)[0]
            now = datetime.now(UTC).replace(microsecond=0)
            assert senders.post(connections[source], body(now), topic) == 200
            settle()
            orders[source] = Order.objects.get(connection__source=source)
        sandbox.clear()
        for order in orders.values():
            group = order.groups.get()
            set_status(order, group.key, "ready", actor="kim", now=timezone.now())
        settle()
        told = Gallery(content, sandbox, orders, caplog)
        told.until(lambda: states(told) == EXPECTED)
        yield told


def test_one_update_reaches_every_provider_once_and_ends_as_it_declares(ready: Gallery) -> None:
    assert states(ready) == EXPECTED
    arrived = {slug: len(ready.arrived(slug)) for slug in SLUGS}
    assert arrived == dict.fromkeys(SLUGS, 1)
    tries = Attempt.objects.filter(delivery__notification__event="ready")
    assert set(tries.values_list("ending", flat=True)) == {"accepted"}
    assert not Channel.objects.filter(refused_count__gt=0).exists()
    assert not Channel.objects.filter(paused_until__isnull=False).exists()


def test_no_secret_is_in_the_log_on_a_page_or_in_the_exported_configuration(
    ready: Gallery,
) -> None:
    boss = Client()
    boss.force_login(UserFactory(is_superuser=True))
    pages = {"log": ready.log.text, "export": config_export.export(Brand.objects.all())[0]}
    for source, order in ready.orders.items():
        pages[f"order of {source}"] = html(boss, reverse("order", args=[order.pk]))
    pages["deliveries"] = html(boss, reverse("deliveries"))
    pages["channels"] = html(boss, reverse("channels"))
    for channel in Channel.objects.all():
        url = reverse("admin:channels_app_channel_change", args=[channel.pk])
        pages[f"admin of {channel.slug}"] = html(boss, url)
    secrets = ready.secrets()
    assert len(secrets) >= len(SLUGS)
    leaks = [
        (where, name)
        for where, text in pages.items()
        for name, secret in secrets.items()
        if secret in text
    ]
    assert leaks == []
    assert "G731" in pages["order of generic"]
    assert "G731" in pages["deliveries"]


def html(client: Client, url: str) -> str:
    """The page behind `url`, with its entities undone: a secret may hide behind one."""
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())
