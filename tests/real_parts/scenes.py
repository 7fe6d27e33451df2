"""`python -m tests.real_parts.scenes NAME ...`: rows for a product that runs as real processes.

Uses the settings of its environment, like any process of the product. Prints JSON.

shop SANDBOX              migrations, and a shop with its channels on the sandbox
due COUNT PROVIDER...     COUNT new orders, each with a delivery by each provider that is due
"""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - models need the set-up above
from django.db import transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from channels_app.models import Channel  # noqa: E402
from channels_app.sandbox.server import demo_credentials  # noqa: E402
from notifications.models import Audience, Delivery, Destination, Rule  # noqa: E402
from notifications.planning import plan  # noqa: E402
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange  # noqa: E402
from tests.journeys.shop import open_shop  # noqa: E402

IN_FLIGHT = 12  # few, so that work takes long enough to be interrupted


@dataclass
class Accounts:
    """Collects what the sandbox, which lives in another process, must know."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def add_account(self, provider: str, callback_url: str, credentials: dict[str, str]) -> None:
        self.found.append(
            {"provider": provider, "callback_url": callback_url, "credentials": credentials}
        )


def shop() -> dict[str, Any]:
    """A shop with Shopify before it, and Twilio, SendGrid and Slack behind it."""
    call_command("migrate", interactive=False, verbosity=0)
    accounts = Accounts()
    made = open_shop(accounts, Client())  # type: ignore[arg-type]
    secret = made.connection.secrets[0]["secret"]
    return {
        "hook": f"/hooks/{made.connection.key}/",
        "secret": secret,
        "accounts": accounts.found,
    }


def due(count: str, *providers: str) -> dict[str, Any]:
    """Orders that have just become ready: told over each of `providers`."""
    brand = Brand.objects.get()
    brand.rules.update(active=False)
    if "webhook" in providers:
        _courier(brand)
    if "slack" in providers:
        _cooks(brand)
    if "twilio" in providers:
        brand.rules.filter(slug="customer-updates").update(active=True)
    Channel.objects.update(max_in_flight=IN_FLIGHT)
    before = Delivery.objects.count()
    # All at once: a worker that runs already must not plan them in our place.
    with transaction.atomic():
        _orders_ready(brand, int(count))
        while plan(200, timezone.now()):
            pass
    return {"due": Delivery.objects.count() - before}


def _courier(brand: Brand) -> None:
    """Somebody who wants to know which orders are ready."""
    channel, _made = Channel.objects.get_or_create(
        brand_id=brand.pk,
        slug="partner",
        defaults={
            "name": "Partner",
            "provider": "webhook",
            "credentials": demo_credentials("webhook"),
        },
    )
    Destination.objects.get_or_create(
        brand=brand,
        slug="courier",
        defaults={
            "name": "Courier",
            "audience": Audience.PARTNER,
            "channel": channel,
            "address": "https://courier.example.com/orders",
        },
    )
    Rule.objects.update_or_create(
        brand=brand,
        slug="partner",
        defaults={
            "name": "Partner: ready",
            "events": ["ready"],
            "audience": Audience.PARTNER,
            "purpose": "partner",
            "active": True,
        },
    )


def _cooks(brand: Brand) -> None:
    """The staff room wants to know which orders are ready, too."""
    Rule.objects.update_or_create(
        brand=brand,
        slug="cooks",
        defaults={
            "name": "Staff: ready",
            "events": ["ready"],
            "audience": Audience.STAFF,
            "purpose": "staff",
            "template": "staff",
            "families": ["team"],
            "active": True,
        },
    )


def _orders_ready(brand: Brand, count: int) -> None:
    now = timezone.now()
    connection = brand.connections.get()
    first = Order.objects.count()
    orders = Order.objects.bulk_create(
        Order(
            brand=brand,
            store=connection.store,
            connection=connection,
            external_id=f"bulk-{first + n}",
            display_number=f"#B{first + n}",
            status="ready",
            base_status="ready",
            fulfilment_type="pickup",
            currency="USD",
            total_minor=2150,
            placed_at=now,
            contact_given_name="Ada",
            contact_phone=f"+1202556{(first + n) % 10_000:04d}",
        )
        for n in range(count)
    )
    FulfilmentGroup.objects.bulk_create(
        FulfilmentGroup(order=order, status="ready", own_status="ready", method="pickup")
        for order in orders
    )
    OrderLine.objects.bulk_create(
        OrderLine(order=order, line_id="1", name="Margherita", quantity=2) for order in orders
    )
    StatusChange.objects.bulk_create(
        StatusChange(
            order=order,
            brand_id=brand.pk,
            group_key="main",
            status="ready",
            previous_status="preparing",
            actor="Web shop",
            occurred_at=now,
            recorded_at=now,
        )
        for order in orders
    )


def main(name: str, *arguments: str) -> None:
    print(json.dumps(shop() if name == "shop" else due(*arguments)))


if __name__ == "__main__":
    main(*sys.argv[1:])
