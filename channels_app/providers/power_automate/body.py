"""What a flow is given. Every field is always there, so that a flow never meets a null."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Message
from channels_app.wire.money import written
from channels_app.wire.reading import id_of, list_of, part, text_of

VERSION = 1
MOST_ROWS = 100
LONGEST_TEXT = 10_000
ORDER = (
    "id",
    "external_id",
    "number",
    "status",
    "previous_status",
    "fulfilment",
    "currency",
    "placed_at",
    "tracking_url",
    "source",
)
RECIPIENT = ("id", "name", "given_name", "email", "phone", "language")
TEXT = {"type": "string"}


def texts(*names: str, **more: Any) -> dict[str, Any]:
    """The schema of an object of texts, all of them there; `more` are fields of other types."""
    return {
        "type": "object",
        "properties": {**dict.fromkeys(names, TEXT), **more},
        "required": [*names, *(name for name in more if name != "total_minor")],
    }


def array_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": schema}


# To be pasted into the trigger; the guide has it, too.
SCHEMA: dict[str, Any] = texts(
    "event_id",
    "event_type",
    "occurred_at",
    "destination",
    "brand",
    schema_version={"type": "integer"},
    store=texts("id", "name"),
    order=texts(*ORDER, "total", "refunded", total_minor={"type": "integer"}),
    recipient=texts(*RECIPIENT, opted_out=array_of(TEXT)),
    message=texts("title", "body"),
    links=texts("order"),
    items=array_of(texts("id", "name", quantity={"type": "integer"})),
    tracking=array_of(texts("number", "carrier", "url")),
)


def event_of(message: Message) -> dict[str, Any]:
    """The event as a flow gets it."""
    data = message.data
    store = part(data.get("store"))
    return {
        "schema_version": VERSION,
        "event_id": message.ref,
        "event_type": f"order.{text_of(data.get('event'), 60) or 'updated'}",
        "occurred_at": text_of(data.get("occurred_at"), 60),
        "destination": "" if message.to.startswith("https://") else message.to,
        "brand": text_of(data.get("brand"), 200),
        "store": {"id": id_of(store.get("slug")), "name": text_of(store.get("name"), 200)},
        "order": order_of(part(data.get("order"))),
        "recipient": recipient_of(part(data.get("customer"))),
        "message": {"title": message.subject, "body": text_of(message.text, LONGEST_TEXT)},
        "links": {"order": message.url},
        "items": [item_of(one) for one in rows(data.get("items"))],
        "tracking": [
            {name: id_of(one.get(name), 500) for name in ("number", "carrier", "url")}
            for one in rows(data.get("tracking"))
        ],
    }


def order_of(order: Mapping[str, Any]) -> dict[str, Any]:
    """The order; its total both as written and, where known, in the smallest unit."""
    found: dict[str, Any] = {name: id_of(order.get(name), 500) for name in ORDER}
    found["total"] = written(order.get("total_minor"), found["currency"])
    found["refunded"] = written(order.get("refunded_minor"), found["currency"])
    if found["total"]:
        found["total_minor"] = order["total_minor"]
    return found


def recipient_of(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The customer, and what they declined here."""
    given = list_of(customer.get("opted_out"))
    found: dict[str, Any] = {name: id_of(customer.get(name), 254) for name in RECIPIENT}
    return {**found, "opted_out": [word for one in given[:20] if (word := text_of(one, 40))]}


def item_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """One line of the order."""
    quantity = item.get("quantity")
    known = isinstance(quantity, int) and not isinstance(quantity, bool)
    return {
        "id": id_of(item.get("id")),
        "name": text_of(item.get("name"), 500),
        "quantity": quantity if known else 1,
    }


def rows(value: Any) -> list[dict[str, Any]]:
    """The objects in a list."""
    return [found for one in list_of(value)[:MOST_ROWS] if (found := part(one))]
