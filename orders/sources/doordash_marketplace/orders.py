"""What DoorDash's marketplace tells of an order: it is there, it is released, it is on its way."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Unmappable
from orders.parsing import (
    dig,
    first_phone,
    identifier,
    objects,
    quantity,
    text,
    timestamp,
    translate,
    unique,
)
from orders.sources.doordash_marketplace.statuses import DASHER, METHODS, STATUSES, WHERE
from orders.statuses import Status

PART = "main"
_ATTRIBUTES = ("experience", "fulfillment_type")


def created_order(
    topic: str, word: str, order: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent:
    """A new order, whole. DoorDash tells neither its time nor its currency."""
    order_id = _order_id(order)
    status = translate(word, STATUSES, settings) if word else Status.PLACED
    method = _method(order)
    lines = read_lines(order)
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        display_number=text(order.get("delivery_short_code"), 60),
        location=identifier(dig(order, "store", "merchant_supplied_id"), "store id"),
        status=status or "",
        source_status=word,
        unmapped_status="" if status is not None else word,
        fulfilment_type=method,
        contact=read_contact(order),
        lines=lines,
        lines_complete=bool(lines),
        groups=[Group(PART, method=method, ready_at=timestamp(order.get("estimated_pickup_time")))],
        note=text(order.get("order_special_instructions"), 1000),
        attributes=_attributes(order),
    )


def cancelled_order(topic: str, body: Mapping[str, Any], order: Mapping[str, Any]) -> OrderEvent:
    """The order will not be brought. We may hear of it without having seen it."""
    order_id = _order_id(order) if order else _named_order(body)
    at = timestamp(body.get("created_at"))
    return OrderEvent(
        order_id,
        topic,
        clock=Clock(at=at),
        occurred_at=at,
        status=Status.CANCELLED,
        source_status="cancelled",
        cancel_reason=text(body.get("cancel_reason") or body.get("reason"), 80),
        may_create=False,
    )


def released_order(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """The Dasher is near enough for the kitchen to begin."""
    part = Group(
        PART,
        status=Status.PREPARING,
        source_status=topic,
        courier=text(dig(body, "dasher", "first_name"), 120),
    )
    return OrderEvent(_named_order(body), topic, groups=[part], may_create=False)


def dasher_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """Where the Dasher is."""
    word = text(body.get("dasher_status"), 80).lower()
    status = translate(word, DASHER, settings)
    clock = Clock(at=timestamp(body.get("created_at")))
    part = Group(
        PART,
        method="delivery",
        status=status or "",
        source_status=word,
        sub_status=WHERE.get(word, ""),
        courier=text(dig(body, "dasher", "first_name"), 120),
        clock=clock,
    )
    return OrderEvent(
        _named_order(body),
        topic,
        clock=clock,
        occurred_at=clock.at,
        groups=[part],
        unmapped_status="" if status is not None else word,
        may_create=False,
    )


# -- members ------------------------------------------------------------------------------------


def _order_id(order: Mapping[str, Any]) -> str:
    order_id = identifier(order.get("id"), "order id")
    if not order_id:
        raise Unmappable("The order has no id. Is this a webhook of DoorDash Marketplace?")
    return order_id


def _named_order(body: Mapping[str, Any]) -> str:
    order_id = identifier(body.get("external_order_id"), "external_order_id")
    if not order_id:
        raise Unmappable("The body has no external_order_id, so it belongs to no order.")
    return order_id


def _method(order: Mapping[str, Any]) -> str:
    """DoorDash's own sample says pickup and delivery at once: the finer word counts."""
    said = text(order.get("fulfillment_type"), 40).lower()
    return METHODS.get(said) or ("pickup" if order.get("is_pickup") is True else "")


def read_contact(order: Mapping[str, Any]) -> Contact | None:
    """The guest. Phone and email are masks of DoorDash's."""
    guest = order.get("consumer")
    names = [text(dig(guest, name), 100) for name in ("first_name", "last_name")]
    contact = Contact(
        name=" ".join(name for name in names if name),
        given_name=names[0],
        email=text(dig(guest, "email"), 254),
        phone=first_phone([dig(guest, "phone")]),
        proxy=True,
    )
    return contact if contact.name or contact.phone or contact.email else None


def read_lines(order: Mapping[str, Any]) -> list[Line]:
    """All items of all categories; the same dish may be ordered twice."""
    lines: dict[str, Line] = {}
    groups = objects(order.get("categories"))
    items = (item for group in groups for item in objects(group.get("items")))
    for n, item in enumerate(items, start=1):
        name = identifier(item.get("merchant_supplied_id"), "item id") or f"item{n}"
        line_id = name if name not in lines else f"{name}:{n}"
        amount = quantity(item.get("quantity")) or "1"
        lines[line_id] = Line(line_id, text(item.get("name"), 300), amount, note=_note(item))
    return list(lines.values())


def _note(item: Mapping[str, Any]) -> str:
    """What was chosen, and what the guest wrote."""
    chosen = (
        text(option.get("name"), 100)
        for extra in objects(item.get("extras"))
        for option in objects(extra.get("options"))
    )
    return "; ".join(unique([*chosen, text(item.get("special_instructions"), 300)]))[:500]


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: text(order.get(name), 60) for name in _ATTRIBUTES}
    return {name: value for name, value in kept.items() if value}


def topic_parts(body: Mapping[str, Any]) -> Sequence[str]:
    """(what an order's envelope says happened, its status), each "" where it says none."""
    event = body.get("event")
    return text(dig(event, "type"), 80), text(dig(event, "status"), 80)
