"""What an event tells: the order as properties, flat where Klaviyo can build segments from it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels_app.contract import Message
from channels_app.wire.money import number
from channels_app.wire.reading import id_of, list_of, part, text_of

LONGEST_TEXT = 10_000  # of a property; Klaviyo takes 100 KB
MOST_ROWS = 50  # of items, parcels and parts
MOST_ATTRIBUTES = 50
# Property -> the order's own name for it. Klaviyo builds segments from these.
ORDER_FIELDS = {
    "OrderId": "id",
    "ExternalId": "external_id",
    "OrderNumber": "number",
    "Status": "status",
    "PreviousStatus": "previous_status",
    "Fulfilment": "fulfilment",
    "Currency": "currency",
    "PlacedAt": "placed_at",
    "TrackingUrl": "tracking_url",
    "Source": "source",
}


def properties(message: Message) -> dict[str, Any]:
    """All that is known; what is not known is left out."""
    data, order = message.data, part(message.data.get("order"))
    found: dict[str, Any] = {name: id_of(order.get(key), 500) for name, key in ORDER_FIELDS.items()}
    found |= {
        "Event": text_of(data.get("event"), 60),
        "Part": id_of(data.get("part")),
        "Brand": text_of(data.get("brand"), 200),
        "Store": text_of(part(data.get("store")).get("name"), 200),
        "Message": text_of(message.text, LONGEST_TEXT),
        "Url": message.url,
        "Language": message.language,
        "Total": number(order.get("total_minor"), order.get("currency")),
        "Refunded": number(order.get("refunded_minor"), order.get("currency")),
        "OptedOut": words(part(data.get("customer")).get("opted_out")),
        "Attributes": scalars(part(order.get("attributes"))),
    }
    found |= {name.capitalize(): rows(data.get(name)) for name in ("items", "tracking", "groups")}
    return {name: value for name, value in found.items() if value not in ("", None, [], {})}


def words(value: Any) -> list[str]:
    """The words in a list, such as "sms"; without what is no word."""
    return [word for one in list_of(value)[:MOST_ROWS] if (word := text_of(one, 60))]


def rows(value: Any) -> list[dict[str, Any]]:
    """A list of things with names, each as plain fields."""
    return [found for one in list_of(value)[:MOST_ROWS] if (found := scalars(part(one)))]


def scalars(value: Mapping[str, Any]) -> dict[str, Any]:
    """The plain fields of `value`: texts, numbers, yes and no."""
    found: dict[str, Any] = {}
    for name, inner in list(value.items())[:MOST_ATTRIBUTES]:
        if isinstance(inner, bool | int | float):
            found[str(name)[:120]] = inner
        elif text := text_of(inner, LONGEST_TEXT):
            found[str(name)[:120]] = text
    return found


def happened_at(data: Mapping[str, Any]) -> str:
    """When it happened, as ISO 8601 with an offset; empty when nobody knows."""
    text = text_of(data.get("occurred_at"), 60)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return found.isoformat() if found.tzinfo else ""
