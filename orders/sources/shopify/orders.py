"""A whole Shopify order: orders/create, updated, cancelled, fulfilled, paid and their like."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Refund, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    first_phone,
    identifier,
    minor_or_none,
    objects,
    quantity,
    text,
    timestamp,
    web_address,
)
from orders.sources.shopify.echoes import without_our_lines, without_our_tags
from orders.sources.shopify.fulfilments import read_group
from orders.sources.shopify.graph import UNSEEN
from orders.sources.shopify.naming import exact_id, names
from orders.sources.shopify.refunds import read_refund
from orders.sources.shopify.statuses import METHODS, order_status
from orders.statuses import Status

PICKUP_WORDS = (
    "pickup",
    "pick up",
    "pick-up",
    "collection",
    "click & collect",
    "click and collect",
    "abholung",
    "recogida",
    "retrait",
    "ritiro",
)
LOCAL_WORDS = ("local delivery", "local_delivery")
_TOTALS = (
    ("current_total_price_set", "shop_money", "amount"),
    ("current_total_price",),
    ("total_price_set", "shop_money", "amount"),
    ("total_price",),
)


def order_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """The order as it stands. What the topic says happened is not looked at."""
    order_id, aliases = names(body, "Order")
    if not order_id:
        raise Unmappable("The order has no id.")
    currency = read_currency(body)
    method = fulfilment_type(body, settings)
    read = [read_group(one, method) for one in objects(body.get("fulfillments"))]
    groups = [group for group, _unknown in read]
    status = _status(body, groups, settings)
    return OrderEvent(
        external_id=order_id,
        aliases=aliases,
        topic=topic,
        clock=Clock(at=timestamp(body.get("updated_at"))),
        display_number=text(body.get("name"), 60),
        location=identifier(body.get("location_id"), "location_id"),
        status=status,
        source_status=_source_status(body),
        unmapped_status=next((unknown for _group, unknown in read if unknown), ""),
        cancel_reason=text(body.get("cancel_reason"), 80) if body.get("cancelled_at") else "",
        fulfilment_type=method,
        currency=currency,
        total_minor=read_total(body, currency),
        placed_at=timestamp(body.get("processed_at")) or timestamp(body.get("created_at")),
        contact=read_contact(body),
        lines=read_lines(body),
        lines_complete=isinstance(body.get("line_items"), list),
        groups=groups,
        refunds=read_refunds(body, currency),
        refunded_in_full=body.get("financial_status") == "refunded",
        status_page=web_address(body.get("order_status_url")),
        note=text(without_our_lines(body.get("note")), 1000),
        attributes=_attributes(body, settings),
        test=body.get("test") is True,
    )


def deleted_order(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """orders/delete: nobody is told, the order leaves the board."""
    order_id, aliases = names(body, "Order")
    if not order_id:
        raise Unmappable("The order has no id.")
    return OrderEvent(order_id, topic, aliases=aliases, archived=True, may_create=False)


def edited_order(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """orders/edited: what was added and removed, and nothing of the order itself."""
    edit = body.get("order_edit")
    order_id = identifier(dig(edit, "order_id"), "order_id")
    if not order_id:
        raise Unmappable("The edit does not say which order it belongs to.")
    at = timestamp(dig(edit, "committed_at")) or timestamp(dig(edit, "created_at"))
    edited = {
        side: [
            {"line_id": exact_id(one, "line id"), "quantity": quantity(one.get("delta")) or "1"}
            for one in objects(dig(edit, "line_items", member))
        ]
        for side, member in (("added", "additions"), ("removed", "removals"))
    }
    return OrderEvent(
        order_id, topic, clock=Clock(at=at), occurred_at=at, edited=edited, may_create=False
    )


def _status(body: Mapping[str, Any], groups: Sequence[Group], settings: Mapping[str, Any]) -> str:
    """The order's status; not said of an order whose parcels the list left out."""
    status = order_status(body, groups, settings.get("auto_accept", True) is not False)
    unsure = body.get(UNSEEN) is True and status != Status.CANCELLED
    return "" if unsure else status


# -- members ------------------------------------------------------------------------------------


def fulfilment_type(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How the order reaches the customer; "" when the body leaves that open."""
    if "shipping_lines" not in body and "shipping_address" not in body:
        return ""
    lines = [
        one for one in objects(body.get("shipping_lines")) if one.get("is_removed") is not True
    ]
    for line in lines:
        found = _method_of(line, settings)
        if found:
            return found
    if body.get("shipping_address"):
        return "shipping"
    items = objects(body.get("line_items"))
    digital = bool(items) and all(one.get("requires_shipping") is False for one in items)
    return "digital" if digital else "pickup"


def _method_of(line: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What a shipping line says of itself: its category, else the words that merchants write."""
    category = METHODS.get(text(line.get("delivery_category"), 40).lower(), "")
    if category:
        return category
    said = " ".join(text(line.get(name), 120) for name in ("source", "code", "title")).lower()
    own = settings.get("pickup_titles")
    words = [str(word).lower() for word in own] if isinstance(own, list) else []
    if any(word in said for word in (*words, *PICKUP_WORDS) if word):
        return "pickup"
    return "delivery" if any(word in said for word in LOCAL_WORDS) else ""


def read_currency(body: Mapping[str, Any]) -> str:
    """The shop's currency, in which the totals are."""
    exact = dig(body, "current_total_price_set", "shop_money", "currency_code")
    return currency_code(exact) or currency_code(body.get("currency"))


def read_total(body: Mapping[str, Any], currency: str) -> int | None:
    """What the order comes to after edits, in minor units."""
    amounts = (dig(body, *path) for path in _TOTALS)
    return next((minor_or_none(one, currency) for one in amounts if one is not None), None)


def read_lines(body: Mapping[str, Any]) -> list[Line]:
    """All lines; what was taken off an order later is `removed_quantity`."""
    read = (_line(one) for one in objects(body.get("line_items")))
    return [line for line in read if line.line_id]


def _line(item: Mapping[str, Any]) -> Line:
    ordered = quantity(item.get("quantity")) or "1"
    current = quantity(item.get("current_quantity"))
    return Line(
        line_id=exact_id(item, "line id"),
        name=text(item.get("name"), 300) or text(item.get("title"), 300),
        quantity=ordered,
        sku=text(item.get("sku"), 120),
        removed_quantity=_difference(ordered, current) if current else "0",
        note=_properties(item),
    )


def _difference(ordered: str, current: str) -> str:
    return quantity(max(Decimal(0), Decimal(ordered) - Decimal(current))) or "0"


def _properties(item: Mapping[str, Any]) -> str:
    """What the customer wrote on the line; names with an underscore are the shop's own."""
    pairs = [
        (text(one.get("name"), 80), text(one.get("value"), 200))
        for one in objects(item.get("properties"))
    ]
    shown = [f"{name}: {value}" for name, value in pairs if value and not name.startswith("_")]
    return ", ".join(shown)[:500]


def read_refunds(body: Mapping[str, Any], currency: str) -> list[Refund]:
    """The refunds that the order lists."""
    read = (read_refund(one, currency) for one in objects(body.get("refunds")))
    return [refund for refund in read if refund]


def read_contact(body: Mapping[str, Any]) -> Contact | None:
    """Whom to tell; None when the body names nobody."""
    shipping, billing = body.get("shipping_address"), body.get("billing_address")
    customer = body.get("customer")
    country = (_country(shipping) or _country(billing)).upper()
    person = shipping if _name(shipping) else customer
    phones = (body.get("phone"), dig(shipping, "phone"), dig(customer, "phone"))
    contact = Contact(
        external_id=exact_id(customer, "customer id") if isinstance(customer, dict) else "",
        name=_name(person),
        given_name=text(dig(person, "first_name"), 100),
        email=text(body.get("contact_email"), 254) or text(body.get("email"), 254),
        phone=first_phone(phones, country),
        language=text(body.get("customer_locale"), 10),
        country=country,
    )
    return contact if contact != Contact() else None


def _country(address: Any) -> str:
    code = text(dig(address, "country_code"), 3)
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def _name(person: Any) -> str:
    whole = text(dig(person, "name"), 200)
    parts = (text(dig(person, name), 100) for name in ("first_name", "last_name"))
    return whole or " ".join(part for part in parts if part)


def _source_status(body: Mapping[str, Any]) -> str:
    words: Sequence[Any] = (
        "cancelled" if body.get("cancelled_at") else "",
        body.get("financial_status"),
        body.get("fulfillment_status"),
    )
    return " / ".join(text(word, 30) for word in words if text(word, 30))


def _attributes(body: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: text(body.get(name), 200) for name in ("financial_status", "source_name")}
    kept["tags"] = text(without_our_tags(body.get("tags"), settings), 200)
    return {name: value for name, value in kept.items() if value}
