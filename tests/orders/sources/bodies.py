"""Bodies as the platforms send them, of our own writing, and how they are mapped in tests."""

import json
from typing import Any

from orders.contract import OrderEvent, OrderSource


def mapped(
    source: OrderSource,
    topic: str,
    body: Any,
    settings: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> OrderEvent:
    """The one event that `body` means."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    (event,) = source.map(topic, headers or {}, written, settings or {})
    return event


def shop_money(amount: str) -> dict[str, Any]:
    """A price as Shopify writes it: the shop's currency, and the customer's beside it."""
    return {
        "shop_money": {"amount": amount, "currency_code": "USD"},
        "presentment_money": {"amount": "9999.99", "currency_code": "CAD"},
    }


def shopify_line(line_id: int, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """An order line of Shopify."""
    return {
        "id": line_id,
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}",
        "name": f"Pizza {line_id}",
        "sku": f"P-{line_id}",
        "quantity": quantity,
        "requires_shipping": True,
        **more,
    }


def shopify_fulfilment(fulfilment_id: int, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A fulfilment of Shopify."""
    return {
        "id": fulfilment_id,
        "admin_graphql_api_id": f"gid://shopify/Fulfillment/{fulfilment_id}",
        "order_id": 5001,
        "status": "success",
        "shipment_status": None,
        "updated_at": "2026-11-21T18:40:00-05:00",
        "line_items": list(lines),
        **more,
    }


def shopify_order(**more: Any) -> dict[str, Any]:
    """A paid order of Shopify, to be shipped."""
    return {
        "id": 5001,
        "admin_graphql_api_id": "gid://shopify/Order/5001",
        "name": "#1001",
        "order_number": 1001,
        "test": False,
        "confirmed": True,
        "cancelled_at": None,
        "cancel_reason": None,
        "financial_status": "paid",
        "fulfillment_status": None,
        "currency": "USD",
        "presentment_currency": "CAD",
        "current_total_price": "20.00",
        "current_total_price_set": shop_money("21.50"),
        "total_price": "30.00",
        "created_at": "2026-11-21T18:00:00-05:00",
        "processed_at": "2026-11-21T18:00:01-05:00",
        "updated_at": "2026-11-21T18:30:00-05:00",
        "contact_email": "ada@example.com",
        "email": "other@example.com",
        "phone": None,
        "customer_locale": "es-US",
        "order_status_url": "https://shop.example/5001/authenticate?key=k",
        "note": "ring twice",
        "customer": {
            "id": 77,
            "admin_graphql_api_id": "gid://shopify/Customer/77",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "phone": "+12025550145",
        },
        "shipping_address": {
            "name": "Augusta King",
            "first_name": "Augusta",
            "last_name": "King",
            "phone": "(202) 555-0143",
            "country_code": "US",
        },
        "shipping_lines": [{"title": "Standard", "code": "Standard", "source": "shopify"}],
        "line_items": [shopify_line(11, 2), shopify_line(12)],
        "fulfillments": [],
        "refunds": [],
        **more,
    }


def shopify_pickup(**more: Any) -> dict[str, Any]:
    """The same order, to be picked up."""
    lines = [{"title": "Pickup at Main Street", "code": "Main Street", "source": "shopify"}]
    return shopify_order(shipping_address=None, shipping_lines=lines, **more)


def woo_order(**more: Any) -> dict[str, Any]:
    """An order of WooCommerce that is being prepared."""
    return {
        "id": 727,
        "parent_id": 0,
        "number": "727-A",
        "status": "processing",
        "currency": "EUR",
        "date_created": "2026-11-21T13:00:00",
        "date_created_gmt": "2026-11-21T18:00:00",
        "date_modified": "2026-11-21T13:30:00",
        "date_modified_gmt": "2026-11-21T18:30:00",
        "date_paid_gmt": None,
        "total": "29.35",
        "customer_id": 9,
        "customer_note": "no onions &amp; no garlic",
        "billing": {
            "first_name": "Ada",
            "last_name": "O&#039;Brien",
            "email": "ada@example.com",
            "phone": "(202) 555-0143",
            "country": "US",
        },
        "shipping": {"first_name": "", "last_name": "", "phone": "+12025550199"},
        "line_items": [
            {"id": 315, "name": "Pizza &ndash; large", "quantity": 2, "sku": "PZ", "price": 3},
            {"id": 316, "name": "Salad", "quantity": 1.5, "sku": ""},
        ],
        "shipping_lines": [{"id": 1, "method_id": "flat_rate", "method_title": "Flat rate"}],
        "meta_data": [],
        "refunds": [],
        **more,
    }
