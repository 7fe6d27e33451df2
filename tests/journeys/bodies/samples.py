"""Bodies that two shops have published: where they lie, what they say, how they are posted.

The bodies are read where they lie (`shared/payloads` beside the checkout, or `SAMPLE_PAYLOADS`).
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orders.models import (
    InboundEvent,
    SourceConnection,
)
from tests.factories import ConnectionFactory
from tests.journeys.shop import Shop

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE))
MISSING = f"no sample bodies in {SAMPLES}; set SAMPLE_PAYLOADS"
EXACT = "820982911946154508"
SHOPIFY_OLDER = "450789469"
WAITING = "It is tried again by itself for two days."


@dataclass(frozen=True)
class Expected:
    """What an order must be after its body was posted."""

    external_id: str
    number: str
    status: str
    total: int
    phone: str
    email: str
    name: str
    happened: str  # when its one status was reached
    lines: int
    test: bool = False
    method: str = "shipping"
    refunds: tuple[tuple[str, int], ...] = ()


SHOPIFY: dict[str, Expected] = {
    "orders-create-1": Expected(
        EXACT, "#9999", "cancelled", 41495, "", "jon@example.com", "Steve Shipper",
        "2022-01-01T00:00:00+00:00", 5, test=True,
    ),
    "orders-cancelled-1": Expected(
        EXACT, "#9999", "cancelled", 41495, "", "jon@example.com", "Steve Shipper",
        "2022-01-01T00:00:00+00:00", 5, test=True,
    ),
    "orders-updated-1": Expected(
        "123456", "#9999", "cancelled", 950, "", "jon@doe.ca", "Steve Shipper",
        "2016-05-17T08:14:36+00:00", 2, test=True,
    ),
    "orders-updated-2": Expected(
        SHOPIFY_OLDER, "#1001", "confirmed", 59894, "+12025550146", "bob.norman@hostmail.com",
        "Bob Norman", "2008-01-10T16:00:00+00:00", 0,
    ),
}  # fmt: skip
WOOCOMMERCE: dict[str, Expected] = {
    "order.created-1": Expected(
        "727", "727", "confirmed", 2935, "+15555555555", "john.doe@example.com", "John Doe",
        "2017-03-22T19:28:08+00:00", 2, method="delivery",
    ),
    "order.created-3": Expected(
        "729", "729", "confirmed", 5440, "+15555555555", "john.doe@example.com", "John Doe",
        "2017-03-22T19:33:47+00:00", 2, method="delivery",
    ),
    "order.created-5": Expected(
        "939", "939", "confirmed", 6400, "+12025550143", "jake.example@example.com",
        "Jake Example", "2018-03-31T20:49:27+00:00", 1, method="",
    ),
    "order.updated-1": Expected(
        "727", "727", "delivered", 2935, "+15555555555", "john.doe@example.com", "John Doe",
        "2017-03-22T19:30:35+00:00", 2, method="delivery",
    ),
    "order.updated-3": Expected(
        "937", "937", "refunded", 9200, "+12025550143", "jake.example@example.com",
        "Jake Example", "2018-03-31T20:29:15+00:00", 2, method="", refunds=(("940", 9200),),
    ),
}  # fmt: skip
ORDERS = [("shopify", name) for name in SHOPIFY] + [("woocommerce", name) for name in WOOCOMMERCE]
# Bodies about an order that they do not hold, and the body that brings that order.
ABOUT = {
    "fulfillments-create-1": "orders-create-1",
    "refunds-create-1": "orders-create-1",
    "orders-edited-1": "orders-create-1",
    "fulfillments-update-2": "orders-updated-2",
    "fulfillment_events-create-1": "orders-updated-2",
}
PARTS_ONLY = [
    "fulfillment_orders-line_items_prepared_for_pickup-1",
    "fulfillment_orders-split-1",
]
ANSWERS = ["refund-1", "order-note-1", "order-status-options-1", "shipment-trackings-1"]


def sample(source: str, name: str) -> bytes:
    """A published body; the test is skipped when this one is not there."""
    path = SAMPLES / source / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the sample bodies")
    return path.read_bytes()


def connected(shop: Shop, source: str) -> SourceConnection:
    """The shop's connection to `source`, made on first use."""
    found = SourceConnection.objects.filter(brand=shop.brand, source=source).first()
    made = found or ConnectionFactory(brand=shop.brand, source=source, store=shop.store)
    assert isinstance(made, SourceConnection)
    return made


def post(shop: Shop, source: str, name: str) -> Any:
    """Post a sample as its platform would: with its topic, its id and its signature."""
    connection, raw = connected(shop, source), sample(source, name)
    secret = connection.secrets[0]["secret"].encode()
    signature = base64.b64encode(hmac.digest(secret, raw, hashlib.sha256)).decode()
    topic = name.rpartition("-")[0]
    if source == "shopify":
        headers = {
            "x-shopify-topic": topic.replace("-", "/", 1),
            "x-shopify-hmac-sha256": signature,
            "x-shopify-event-id": f"event-of-{name}",
        }
    else:
        headers = {
            "x-wc-webhook-topic": topic if topic.startswith("order.") else "order.updated",
            "x-wc-webhook-signature": signature,
            "x-wc-webhook-delivery-id": "d1",
        }
    return shop.client.post(
        f"/hooks/{connection.key}/", raw, content_type="application/json", headers=headers
    )


def arrive(shop: Shop, source: str, name: str) -> InboundEvent:
    """Post a sample, work until nothing is due; its row in the inbox."""
    before = set(InboundEvent.objects.values_list("pk", flat=True))
    assert post(shop, source, name).status_code == 200
    shop.pump()
    return InboundEvent.objects.exclude(pk__in=before).get()


def expected_of(source: str, name: str) -> Expected:
    return (SHOPIFY if source == "shopify" else WOOCOMMERCE)[name]
