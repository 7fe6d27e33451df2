"""Bodies of Deliveroo, of our own writing."""

from typing import Any

ORDER_ID = "gb:0f6f2c1e-1111-4000-8000-000000000001"


def log(*entries: tuple[str, str]) -> list[dict[str, str]]:
    """A status log: (minute and second, word)."""
    return [{"at": f"2026-11-21T18:{at}Z", "status": word} for at, word in entries]


def order(**more: Any) -> dict[str, Any]:
    """An order for a Deliveroo rider, just placed."""
    return {
        "id": ORDER_ID,
        "order_number": "73001753",
        "location_id": "site-1",
        "brand_id": "brand-1",
        "display_id": "1753",
        "status": "placed",
        "status_log": log(("00:01", "pending"), ("00:02", "placed")),
        "fulfillment_type": "deliveroo",
        "order_notes": "No pickles, please",
        "asap": True,
        "prepare_for": "2026-11-21T18:25:00Z",
        "start_preparing_at": "2026-11-21T18:05:00Z",
        "total_price": {"fractional": 1770, "currency_code": "GBP"},
        "items": [
            {
                "pos_item_id": "M1",
                "name": "Margherita",
                "quantity": 2,
                "modifiers": [
                    {"name": "Olives", "quantity": 1},
                    {"name": "Chilli", "quantity": 2},
                ],
            },
            {"pos_item_id": None, "operational_name": "Cola 330", "quantity": 1},
        ],
        "customer": {
            "first_name": "Ada",
            "contact_number": "+442033221100",
            "contact_access_code": "482913",
        },
        **more,
    }


def order_body(event: str = "order.status_update", **changes: Any) -> dict[str, Any]:
    """An order event."""
    return {"event": event, "body": {"order": order(**changes)}}


def legacy_body(event: str = "new_order", **changes: Any) -> dict[str, Any]:
    """An event of the old POS webhook."""
    gone = {"status": None, "status_log": None}
    return {"event": event, "order": order(**gone, **changes)}


def rider(*entries: tuple[str, str], name: str = "Marco P.") -> dict[str, Any]:
    """A rider with a log."""
    return {"full_name": name, "lat": 51.5, "lon": -0.1, "status_log": log(*entries)}


def rider_body(*riders: dict[str, Any]) -> dict[str, Any]:
    """A rider event."""
    return {
        "event": "rider.status_update",
        "body": {"order_id": ORDER_ID, "stacked_with": [], "riders": list(riders)},
    }
