"""What the demo's customers order, in the words of the systems that they order through."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

Body = Callable[[datetime], Mapping[str, Any]]
Story = Sequence[tuple[str, Body]]
SHOPIFY_IDS = 6_100_000_000_000  # ids of the demo's web shop start here


def _shopify_order(number: int, now: datetime) -> dict[str, Any]:
    order_id = SHOPIFY_IDS + number
    return {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "name": f"#A{number % 1000:03d}",
        "test": False,
        "created_at": now.isoformat(),
        "processed_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "cancelled_at": None,
        "confirmed": True,
        "financial_status": "paid",
        "fulfillment_status": None,
        "currency": "USD",
        "current_total_price": "27.50",
        "customer_locale": "en-US",
        "phone": "+12025550143",
        "contact_email": "ada@example.com",
        "customer": {"id": 7101, "first_name": "Ada", "last_name": "Novak"},
        "shipping_lines": [{"title": "Local pickup", "code": "pickup"}],
        "line_items": [
            {"id": order_id + 1, "name": "Margherita", "quantity": 2, "current_quantity": 2},
            {"id": order_id + 2, "name": "Lemonade", "quantity": 1, "current_quantity": 1},
        ],
        "fulfillments": [],
        "refunds": [],
    }


def _shopify_parcel(number: int, now: datetime, word: str, status: str) -> dict[str, Any]:
    order_id = SHOPIFY_IDS + number
    return {
        "id": order_id + 9,
        "order_id": order_id,
        "name": f"#A{number % 1000:03d}.1",
        "status": status,
        "shipment_status": word,
        "created_at": now.isoformat(),
        "updated_at": now.isoformat(),
        "tracking_numbers": [],
        "line_items": [{"id": order_id + 1, "quantity": 2}, {"id": order_id + 2, "quantity": 1}],
    }


def ada(number: int) -> Story:
    """Shopify, pickup, told by SMS: confirmed, preparing, ready, picked up."""

    def parcel(word: str, status: str = "open") -> Body:
        return lambda now: _shopify_parcel(number, now, word, status)

    return [
        ("orders/create", lambda now: _shopify_order(number, now)),
        ("fulfillments/create", parcel("confirmed")),
        ("fulfillments/update", parcel("ready_for_pickup")),
        ("fulfillments/update", parcel("picked_up", "success")),
    ]


def grace(number: int) -> Story:
    """WooCommerce, delivery, told by email: processing, on its way, completed."""

    def order(now: datetime, status: str) -> dict[str, Any]:
        stamp = now.replace(tzinfo=None).isoformat()
        return {
            "id": 70_000 + number,
            "number": f"M{number % 1000:03d}",
            "status": status,
            "currency": "USD",
            "date_created_gmt": stamp,
            "date_modified_gmt": stamp,
            "total": "41.00",
            "billing": {
                "first_name": "Grace",
                "last_name": "Osei",
                "email": "grace@example.com",
                "phone": "",
                "country": "US",
            },
            "shipping_lines": [{"method_id": "flat_rate", "method_title": "Bike courier"}],
            "line_items": [
                {"id": 1, "name": "Lasagne", "quantity": 1},
                {"id": 2, "name": "Tiramisu", "quantity": 2},
            ],
            "refunds": [],
            "meta_data": [],
        }

    words = ("processing", "preparing", "out-for-delivery", "completed")
    topics = ("order.created", *["order.updated"] * 3)
    return [
        (topic, lambda now, word=word: order(now, word))  # type: ignore[misc]
        for topic, word in zip(topics, words, strict=True)
    ]


def _till(number: int, code: str, customer: Mapping[str, Any], total: str, **base: Any) -> Any:
    """A reader of the till's events: each is told with what is new, and when."""

    def event(now: datetime, **news: Any) -> dict[str, Any]:
        return {
            "updated_at": now.isoformat(),
            "order": {
                "id": f"{code}-{number}",
                "number": f"{code}{number % 1000:03d}",
                "total": total,
                "currency": "USD",
                "location": "harbour",
                "customer": customer,
                **base,
                **news,
            },
        }

    return event


def luis(number: int) -> Story:
    """The till, delivery, told in Spanish by Telegram; it runs late on the way."""
    customer = {"given_name": "Luis", "name": "Luis Ortega", "phone": "+12025550147",
                "language": "es"}  # fmt: skip
    lines = [{"id": "1", "name": "Quattro Formaggi", "quantity": "1"},
             {"id": "2", "name": "Agua mineral", "quantity": "2"}]  # fmt: skip
    till = _till(number, "T", customer, "24.00", fulfilment="delivery", lines=lines)

    def soon(now: datetime, minutes: int) -> str:
        return (now + timedelta(minutes=minutes)).isoformat()

    return [
        ("", lambda now: till(now, status="placed")),
        ("", lambda now: till(now, status="confirmed", deliver_to=soon(now, 35))),
        ("", lambda now: till(now, status="preparing")),
        ("", lambda now: till(now, delayed=True, delay_reason="Rain", deliver_to=soon(now, 50))),
        ("", lambda now: till(now, status="ready")),
        ("", lambda now: till(now, status="out_for_delivery", courier="Sam")),
        ("", lambda now: till(now, status="delivered")),
    ]


def mei(number: int) -> Story:
    """The till, pickup in two parts that finish at different times, told by push."""
    customer = {"given_name": "Mei", "name": "Mei Tan", "phone": "+12025550148", "language": "en"}
    lines = [{"id": "1", "name": "Calzone", "quantity": "1"},
             {"id": "2", "name": "Gelato cake", "quantity": "1"}]  # fmt: skip
    till = _till(number, "P", customer, "38.00", fulfilment="pickup", lines=lines)

    def parts(now: datetime, hot: str, cold: str) -> dict[str, Any]:
        groups = [
            {"key": "kitchen", "status": hot, "lines": [{"line_id": "1", "quantity": "1"}]},
            {"key": "pastry", "status": cold, "lines": [{"line_id": "2", "quantity": "1"}]},
        ]
        return dict(till(now, groups=groups))

    return [
        ("", lambda now: parts(now, "confirmed", "confirmed")),
        ("", lambda now: parts(now, "preparing", "preparing")),
        ("", lambda now: parts(now, "ready", "preparing")),
        ("", lambda now: parts(now, "ready", "ready")),
        ("", lambda now: parts(now, "picked_up", "picked_up")),
    ]


def omar(number: int) -> Story:
    """The till, pickup, told by SMS; the oven is full and the order is cancelled and refunded."""
    customer = {"given_name": "Omar", "name": "Omar Haddad", "phone": "+12025550149",
                "language": "en"}  # fmt: skip
    lines = [{"id": "1", "name": "Family tray", "quantity": "1"}]
    till = _till(number, "O", customer, "52.00", fulfilment="pickup", lines=lines)
    refund = [{"id": "r1", "amount": "52.00", "reason": "Sold out"}]
    return [
        ("", lambda now: till(now, status="confirmed")),
        ("", lambda now: till(now, status="cancelled", cancel_reason="sold_out")),
        ("", lambda now: till(now, status="refunded", refunds=refund)),
    ]


def noor(number: int) -> Story:
    """The gallery's till: one order that is told over every channel that there is."""
    customer = {"given_name": "Noor", "name": "Noor Haddad", "phone": "+12025550155",
                "email": "noor@example.com", "language": "en"}  # fmt: skip
    lines = [{"id": "1", "name": "Cannoli", "quantity": "6"}]
    till = _till(number, "G", customer, "18.00", fulfilment="pickup", lines=lines,
                 location="gallery-1")  # fmt: skip
    return [
        ("", lambda now: till(now, status="confirmed")),
        ("", lambda now: till(now, status="preparing")),
        ("", lambda now: till(now, status="ready")),
        ("", lambda now: till(now, status="picked_up")),
    ]
