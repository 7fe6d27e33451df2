"""Bodies that real shops and vendors have published, read where they lie. Not part of the product.

They are looked for in `shared/payloads` beside the checkout, or in `SAMPLE_PAYLOADS`.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from orders.contract import Malformed, OrderEvent, Raw, Unmappable
from orders.sources.shopify.source import SOURCE as SHOPIFY
from orders.sources.woocommerce.source import SOURCE as WOOCOMMERCE
from orders.statuses import Fact

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE))
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"no sample bodies in {SAMPLES}; set SAMPLE_PAYLOADS"
)
EXACT, ROUNDED = "820982911946154508", "820982911946154500"
FULFILMENT_ORDER = "gid://shopify/FulfillmentOrder/1"


def body_of(folder: str, name: str) -> bytes:
    path = SAMPLES / folder / f"{name}.json"
    if not path.exists():
        pytest.skip(f"{path.name} is not among the sample bodies")
    return path.read_bytes()


def shopify(name: str) -> OrderEvent:
    topic = name.rpartition("-")[0].replace("-", "/", 1)
    body = body_of("shopify", name)
    (item,) = SHOPIFY.identify(Raw({"x-shopify-topic": topic}, body))
    (event,) = SHOPIFY.map(item.topic, {}, body, {})
    return event


def woocommerce(name: str) -> OrderEvent:
    topic = name.rpartition("-")[0]
    body = body_of("woocommerce", name)
    (item,) = WOOCOMMERCE.identify(Raw({"x-wc-webhook-topic": topic}, body))
    (event,) = WOOCOMMERCE.map(item.topic, {}, body, {})
    return event


# name -> (id, status, test, number, total, currency, email, phone, name of the contact, method)
SHOPIFY_ORDERS: dict[str, tuple[Any, ...]] = {
    "orders-create-1": (
        EXACT, "cancelled", True, "#9999", 41495, "USD",
        "jon@example.com", "", "Steve Shipper", "shipping",
    ),
    "orders-cancelled-1": (
        EXACT, "cancelled", True, "#9999", 41495, "USD",
        "jon@example.com", "", "Steve Shipper", "shipping",
    ),
    "orders-updated-1": (
        "123456", "cancelled", True, "#9999", 950, "USD",
        "jon@doe.ca", "", "Steve Shipper", "shipping",
    ),
    "orders-updated-2": (
        "450789469", "confirmed", False, "#1001", 59894, "USD",
        "bob.norman@hostmail.com", "+12025550146", "Bob Norman", "shipping",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOPIFY_ORDERS)
def test_a_published_order_of_shopify(name: str) -> None:
    event = shopify(name)
    contact = event.contact
    assert contact is not None
    assert (
        event.external_id, event.status, event.test, event.display_number, event.total_minor,
        event.currency, contact.email, contact.phone, contact.name, event.fulfilment_type,
    ) == SHOPIFY_ORDERS[name]  # fmt: skip
    assert (event.refunds, event.groups, event.unmapped_status) == ([], [], "")
    assert event.may_create


def test_the_published_order_of_shopify_has_its_other_names_and_exact_lines() -> None:
    event = shopify("orders-create-1")
    assert list(event.aliases) == [f"gid://shopify/Order/{EXACT}", ROUNDED]
    assert [line.line_id for line in event.lines] == [
        "487817672276298554",
        "789012345678901234",
        "890123456789012345",
        "976318377106520349",
        "315789986012684393",
    ]
    assert event.cancel_reason == "customer"


def test_the_published_order_without_lines_says_nothing_of_its_lines() -> None:
    event = shopify("orders-updated-2")
    assert (list(event.lines), event.lines_complete) == ([], False)


def test_the_published_edit() -> None:
    event = shopify("orders-edited-1")
    assert (event.external_id, event.status, event.may_create) == (ROUNDED, "", False)
    assert event.edited == {
        "added": [{"line_id": "78643924236718240", "quantity": "1"}],
        "removed": [{"line_id": "487817672276298560", "quantity": "1"}],
    }


def test_the_published_refund() -> None:
    event = shopify("refunds-create-1")
    assert (event.external_id, event.may_create, event.currency) == (ROUNDED, False, "USD")
    ((refund_id, minor, reason),) = [
        (one.refund_id, one.amount_minor, one.reason) for one in event.refunds
    ]
    assert (refund_id, minor, reason) == ("890088186047892319", 8500, "Things were damaged")


def test_the_published_fulfilments() -> None:
    first = shopify("fulfillments-create-1")
    (group,) = first.groups
    assert (first.external_id, first.may_create) == (ROUNDED, False)
    assert (group.key, group.status, group.source_status) == ("f123456", "confirmed", "pending")
    assert group.lines[0] == ("487817672276298554", "1")
    assert [one.number for one in group.tracking] == ["1z827wk74630"]
    second = shopify("fulfillments-update-2")
    (group,) = second.groups
    assert (second.external_id, second.test, second.may_create) == ("450789469", False, False)
    assert (group.key, group.status, group.lines) == (
        "f255858046",
        "confirmed",
        [("466157049", "1")],
    )


def test_the_published_courier_event() -> None:
    event = shopify("fulfillment_events-create-1")
    (group,) = event.groups
    assert (event.external_id, event.may_create) == ("450789469", False)
    assert (group.key, group.status) == ("f255858046", "out_for_delivery")


def test_the_published_fulfilment_orders_name_no_order() -> None:
    ready = shopify("fulfillment_orders-line_items_prepared_for_pickup-1")
    (group,) = ready.groups
    assert (ready.external_id, ready.may_create) == ("", False)
    assert (group.key, group.status, group.method) == (FULFILMENT_ORDER, "ready", "pickup")
    split = shopify("fulfillment_orders-split-1")
    assert split.attributes == {"find_by_group_alias": FULFILMENT_ORDER}
    ((fact, data),) = split.facts
    assert fact == Fact.SPLIT
    assert data["parts"] == [f"gid://shopify/FulfillmentOrder/{n}" for n in (1, 2, 3)]


# name -> (id, number, status, total, phone, email, method, has a clock, refunds)
WOO_ORDERS: dict[str, tuple[Any, ...]] = {
    "order.created-1": (
        "727", "727", "confirmed", 2935, "(555) 555-5555", "john.doe@example.com",
        "delivery", True, [],
    ),
    "order.created-3": (
        "729", "729", "confirmed", 5440, "(555) 555-5555", "john.doe@example.com",
        "delivery", True, [],
    ),
    "order.created-5": (
        "939", "939", "confirmed", 6400, "+12025550143", "jake.example@example.com",
        "", False, [],
    ),
    "order.updated-1": (
        "727", "727", "delivered", 2935, "(555) 555-5555", "john.doe@example.com",
        "delivery", True, [],
    ),
    "order.updated-3": (
        "937", "937", "refunded", 9200, "+12025550143", "jake.example@example.com",
        "", False, [("940", 9200, "Order fully refunded")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WOO_ORDERS)
def test_a_published_order_of_woocommerce(name: str) -> None:
    event = woocommerce(name)
    contact = event.contact
    assert contact is not None
    assert (
        event.external_id, event.display_number, event.status, event.total_minor,
        contact.phone, contact.email, event.fulfilment_type, event.clock.at is not None,
        [(one.refund_id, one.amount_minor, one.reason) for one in event.refunds],
    ) == WOO_ORDERS[name]  # fmt: skip
    assert (event.currency, event.unmapped_status, event.test) == ("USD", "", False)
    assert "&" not in event.lines[0].name


ANSWERS = ["refund-1", "order-note-1", "order-status-options-1", "shipment-trackings-1"]


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("topic", ["order.updated", "order.created", ""])
def test_an_answer_of_the_rest_api_is_no_order(name: str, topic: str) -> None:
    body = body_of("woocommerce", name)
    assert len(WOOCOMMERCE.identify(Raw({"x-wc-webhook-topic": topic}, body))) == 1
    with pytest.raises(Unmappable, match="topic Order"):
        WOOCOMMERCE.map(topic, {}, body, {})


def test_every_sample_of_the_two_shops_is_in_a_table() -> None:
    other_shopify = {
        "orders-edited-1", "refunds-create-1", "fulfillments-create-1", "fulfillments-update-2",
        "fulfillment_events-create-1", "fulfillment_orders-line_items_prepared_for_pickup-1",
        "fulfillment_orders-split-1",
    }  # fmt: skip
    found = {path.stem for path in (SAMPLES / "shopify").glob("*.json")}
    assert found <= {*SHOPIFY_ORDERS, *other_shopify}
    found = {path.stem for path in (SAMPLES / "woocommerce").glob("*.json")}
    assert found <= {*WOO_ORDERS, *ANSWERS}


@pytest.mark.parametrize("source", [SHOPIFY, WOOCOMMERCE], ids=["shopify", "woocommerce"])
def test_each_sample_cut_short_is_refused(source: Any) -> None:
    headers = {"x-shopify-topic": "orders/create", "x-wc-webhook-topic": "order.updated"}
    for path in sorted((SAMPLES / source.slug).glob("*.json")):
        whole = path.read_bytes().strip()
        json.loads(whole)
        with pytest.raises(Malformed):
            source.identify(Raw(headers, whole[:-1]))
