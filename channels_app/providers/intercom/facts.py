"""What an event says about the order: ten facts, for Intercom ignores an eleventh."""

from collections.abc import Mapping
from typing import Any

from channels_app.contract import Message
from channels_app.wire.money import shown
from channels_app.wire.reading import id_of, list_of, part, text_of


def facts(message: Message) -> dict[str, str]:
    """The facts that are known, the most useful first. All are texts, as Intercom wants them."""
    data, order = message.data, part(message.data.get("order"))
    customer = part(data.get("customer"))
    found = {
        "order_number": id_of(order.get("number")) or id_of(order.get("external_id")),
        "status": text_of(order.get("status"), 40),
        "message": message.text,
        "order_url": message.url or text_of(order.get("tracking_url"), 2000),
        "store": text_of(part(data.get("store")).get("name"), 120) or text_of(data.get("brand")),
        "fulfilment": text_of(order.get("fulfilment"), 40),
        "total": shown(order.get("total_minor"), order.get("currency")),
        "items": items(data.get("items")),
        "opted_out": words(customer.get("opted_out")),
        "reference": message.ref,
    }
    return {name: value for name, value in found.items() if value}


def items(value: Any) -> str:
    """What was ordered, in one line: 2 × Margherita, Tiramisù."""
    return ", ".join(filter(None, (item_line(part(item)) for item in list_of(value))))


def item_line(item: Mapping[str, Any]) -> str:
    """One item, with its number where that says something."""
    name, quantity = text_of(item.get("name"), 120), item.get("quantity")
    counted = type(quantity) in (int, float) and quantity != 1
    return f"{quantity:g} × {name}" if name and counted else name


def words(value: Any) -> str:
    """A list of words in one line."""
    return ", ".join(filter(None, (text_of(one, 20) for one in list_of(value))))
