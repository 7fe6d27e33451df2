"""An order of Deliveroo: the whole of it comes with every event."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    identifier,
    objects,
    possible_phone,
    quantity,
    text,
    timestamp,
    translate,
)
from orders.sources.deliveroo.statuses import IGNORE, METHODS, ORDER
from orders.statuses import Status

IMPLIED: Mapping[str, str] = {"new_order": "placed", "cancel_order": "canceled"}
LARGEST_AMOUNT = 10**12


def order_event(
    topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """The order as it stands; None when the connection ignores its status."""
    order = _order_of(body)
    order_id = identifier(order.get("id"))
    if not order_id:
        raise Unmappable("The body does not say which order it is about.")
    word, at = latest_word(order.get("status_log"))
    word = word or text(order.get("status"), 80).lower() or IMPLIED.get(topic, "")
    mapped = translate(word, ORDER, settings)
    if mapped == IGNORE:
        return None
    known = mapped in Status.values
    method = METHODS.get(text(order.get("fulfillment_type"), 40).lower(), "")
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        display_number=text(order.get("display_id"), 60),
        location=text(order.get("location_id"), 120),
        status=mapped or "" if known else "",
        source_status=word,
        unmapped_status="" if known or not word else word,
        cancel_reason=_reason(word, order),
        fulfilment_type=method,
        currency=currency_code(dig(order, "total_price", "currency_code")),
        total_minor=_fractional(order.get("total_price")),
        placed_at=first_time(order.get("status_log"), "placed"),
        contact=_contact(order),
        lines=_lines(order),
        lines_complete=isinstance(order.get("items"), list),
        groups=_groups(order),
        note=text(order.get("order_notes"), 1000),
        attributes=_attributes(order),
        may_create=topic != "cancel_order",
    )


def _order_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The order within `body.order`, within `order` (the old events), or the body itself."""
    for found in (dig(body, "body", "order"), body.get("order"), body.get("body")):
        if isinstance(found, dict):
            return found
    return body


# -- the log of statuses: Deliveroo's own truth about their order -------------------------------


def latest_word(log: Any) -> tuple[str, datetime | None]:
    """The newest word of a status log, and when it was said; of one second the last listed."""
    entries = _entries(log)
    if not entries:
        return "", None
    at, word = max(entries, key=lambda entry: entry[0])
    last = [one for moment, one in entries if moment == at]
    return last[-1] or word, at


def first_time(log: Any, word: str) -> datetime | None:
    """When `word` was first said."""
    return min((at for at, one in _entries(log) if one == word), default=None)


def _entries(log: Any) -> Sequence[tuple[datetime, str]]:
    read = ((timestamp(one.get("at")), text(one.get("status"), 80).lower()) for one in objects(log))
    return [(at, word) for at, word in read if at and word]


# -- members ------------------------------------------------------------------------------------


def _reason(word: str, order: Mapping[str, Any]) -> str:
    if word not in ("rejected", "canceled", "cancelled"):
        return ""
    return text(order.get("reject_reason"), 80) or word.replace("cancelled", "canceled")


def _fractional(money: Any) -> int | None:
    """Deliveroo writes amounts in the currency's smallest unit already."""
    amount = dig(money, "fractional")
    whole = isinstance(amount, int) and not isinstance(amount, bool)
    return amount if whole and 0 <= amount < LARGEST_AMOUNT else None


def _contact(order: Mapping[str, Any]) -> Contact | None:
    """The customer as Deliveroo shows them: a first name, and a number of Deliveroo's own."""
    customer = order.get("customer")
    name = text(dig(customer, "first_name"), 100)
    phone = text(dig(customer, "contact_number"), 60)
    contact = Contact(
        name=name,
        given_name=name,
        phone=phone if possible_phone(phone) else "",
        phone_pin=text(dig(customer, "contact_access_code"), 20),
        proxy=True,
    )
    return contact if name or contact.phone else None


def _lines(order: Mapping[str, Any]) -> list[Line]:
    """The items by their place in the list: they have no ids of their own."""
    return [
        Line(
            line_id=str(place),
            name=text(item.get("name"), 300) or text(item.get("operational_name"), 300) or "?",
            quantity=quantity(item.get("quantity")) or "1",
            sku=text(item.get("pos_item_id"), 120),
            note=", ".join(_modifiers(item.get("modifiers")))[:500],
        )
        for place, item in enumerate(objects(order.get("items")), 1)
    ]


def _modifiers(modifiers: Any) -> Iterable[str]:
    for one in objects(modifiers):
        count, name = quantity(one.get("quantity")) or "1", text(one.get("name"), 100)
        if name:
            yield name if count == "1" else f"{count} × {name}"


def _groups(order: Mapping[str, Any]) -> list[Group]:
    ready_at = timestamp(order.get("prepare_for"))
    deliver_to = timestamp(dig(order, "delivery", "estimated_delivery_at"))
    if ready_at is None and deliver_to is None:
        return []
    return [Group(ready_at=ready_at, deliver_to=deliver_to)]


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "order_number": text(order.get("order_number"), 60),
        "table_number": text(order.get("table_number"), 40),
        "parent_external_id": text(dig(order, "remake_details", "parent_order_id"), 120),
    }
    return {name: value for name, value in kept.items() if value}
