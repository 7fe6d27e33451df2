"""What an event says about the order: ten facts, for Intercom ignores an eleventh."""

from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import Message
from channels_app.wire.reading import id_of, part, text_of

# Currencies that are not counted in hundredths.
PLACES: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


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
        "total": money(order.get("total_minor"), text_of(order.get("currency"), 3)),
        "items": items(data.get("items")),
        "opted_out": words(customer.get("opted_out")),
        "reference": message.ref,
    }
    return {name: value for name, value in found.items() if value}


def money(minor: Any, currency: str) -> str:
    """An amount in minor units as people write it: 3490 and EUR make 34.90 EUR."""
    if type(minor) is not int or not currency:
        return ""
    places = PLACES.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**places)
    amount = f"{whole}.{rest:0{places}}" if places else str(whole)
    return f"{'-' if minor < 0 else ''}{amount} {currency}"


def items(value: Any) -> str:
    """What was ordered, in one line: 2 × Margherita, Tiramisù."""
    return ", ".join(filter(None, (item_line(part(item)) for item in listed(value))))


def item_line(item: Mapping[str, Any]) -> str:
    """One item, with its number where that says something."""
    name, quantity = text_of(item.get("name"), 120), item.get("quantity")
    counted = type(quantity) in (int, float) and quantity != 1
    return f"{quantity:g} × {name}" if name and counted else name


def words(value: Any) -> str:
    """A list of words in one line."""
    return ", ".join(filter(None, (text_of(one, 20) for one in listed(value))))


def listed(value: Any) -> Sequence[Any]:
    """`value` if it is a list; an empty one for anything else."""
    return value if isinstance(value, list) else []
