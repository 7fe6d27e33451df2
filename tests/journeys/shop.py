"""A shop with everything connected to the sandbox, for stories."""

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client

from channels_app.models import Channel
from channels_app.sandbox.server import SandboxServer, demo_credentials
from notifications import defaults, library
from notifications.models import Destination, Rule
from notifications.pump import Pump
from orders.models import Brand, SourceConnection, Store
from tests.factories import BrandFactory, ConnectionFactory, StoreFactory

PHONE = "+12025550143"


@dataclass
class Shop:
    """One brand, its store, a Shopify connection, and channels on the sandbox."""

    brand: Brand
    store: Store
    connection: SourceConnection
    channels: dict[str, Channel]
    sandbox: SandboxServer
    client: Client

    def post(self, body: dict[str, Any], topic: str = "orders/updated", event_id: str = "") -> Any:
        """Post a Shopify webhook, signed as Shopify signs it."""
        raw = json.dumps(body).encode()
        secret = self.connection.secrets[0]["secret"].encode()
        signature = base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest()).decode()
        return self.client.post(
            f"/hooks/{self.connection.key}/",
            raw,
            content_type="application/json",
            headers={
                "x-shopify-topic": topic,
                "x-shopify-hmac-sha256": signature,
                "x-shopify-event-id": event_id or hashlib.sha256(raw + topic.encode()).hexdigest(),
                "x-shopify-shop-domain": "trattoria.example",
            },
        )

    def pump(self) -> None:
        """Work until nothing is due."""
        library.clear()
        Pump().drain()

    def texts(self, provider: str = "twilio", to: str = "") -> list[str]:
        """What the stand-in has accepted, oldest first."""
        return [message["text"] for message in self.sandbox.messages(provider, to)]

    def sandbox_inbound(self, text: str, sender: str = PHONE, provider: str = "twilio") -> None:
        """The customer writes; the stand-in posts it to us, signed."""
        body = json.dumps({"provider": provider, "from": sender, "text": text}).encode()
        call = urllib.request.Request(
            f"{self.sandbox.base_url}/_control/inbound",
            body,
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(call, timeout=5).close()

    def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        """The first truthy value of `condition` within `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(0.05)
        raise AssertionError("It did not happen in time.")


def open_shop(sandbox: SandboxServer, client: Client) -> Shop:
    """A new shop; nothing is held, so that stories need not wait."""
    brand = BrandFactory(name="Trattoria", slug="trattoria")
    store = StoreFactory(brand=brand, name="Harbour", slug="harbour")
    defaults.install(brand)
    Rule.objects.filter(brand=brand).update(hold_seconds=0)
    channels = {
        slug: sandbox_channel(brand, slug, sandbox) for slug in ("twilio", "sendgrid", "slack")
    }
    Destination.objects.create(
        brand=brand, slug="kitchen", name="Kitchen", channel=channels["slack"], address="C0KITCHEN"
    )
    connection = ConnectionFactory(brand=brand, source="shopify", name="Web shop", store=store)
    return Shop(brand, store, connection, channels, sandbox, client)


def sandbox_channel(brand: Brand, slug: str, sandbox: SandboxServer) -> Channel:
    """A channel of `slug` that its stand-in knows."""
    channel = Channel.objects.create(
        brand_id=brand.pk,
        slug=slug,
        name=slug.title(),
        provider=slug,
        credentials=demo_credentials(slug),
    )
    sandbox.add_account(slug, channel.callback_url, channel.credentials)
    return channel


def shopify_order(number: int = 1001, minute: int = 0, **changes: Any) -> dict[str, Any]:
    """A Shopify order of our own making."""
    stamp = f"2026-11-21T12:{minute:02d}:00-05:00"
    return {
        "id": 5_000_000_000_000 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{5_000_000_000_000 + number}",
        "name": f"#{number}",
        "test": False,
        "created_at": "2026-11-21T12:00:00-05:00",
        "processed_at": "2026-11-21T12:00:00-05:00",
        "updated_at": stamp,
        "cancelled_at": None,
        "financial_status": "paid",
        "fulfillment_status": None,
        "confirmed": True,
        "currency": "USD",
        "current_total_price": "21.50",
        "total_price": "21.50",
        "customer_locale": "en",
        "phone": PHONE,
        "email": "ada@example.com",
        "contact_email": "ada@example.com",
        "customer": {"id": 77, "first_name": "Ada", "last_name": "Lovelace"},
        "shipping_lines": [{"title": "Pickup", "code": "Pickup", "source": "shopify"}],
        "line_items": [
            {"id": 9001, "name": "Margherita", "quantity": 2, "current_quantity": 2, "sku": "M"}
        ],
        "fulfillments": [],
        "refunds": [],
        **changes,
    }
