"""Bodies of Just Eat: a whole order, a word about one, or where its driver is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    identifier,
    minor_or_none,
    objects,
    possible_phone,
    quantity,
    text,
    timestamp,
    translate,
    unique,
)
from orders.sources.just_eat.statuses import (
    ARRIVING,
    FACTS,
    IGNORE,
    METHODS,
    NOT_ORDERS,
    ORDER,
    SILENT,
    STATUSES,
    TEST_ORDER,
)
from orders.statuses import Status


def read_event(
    word: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """What the event called `word` says; None when nobody needs to know."""
    mapped = translate(word, STATUSES, settings)
    if mapped == IGNORE or (mapped is None and word in NOT_ORDERS):
        return None
    order_id = identifier(body.get("OrderId"), "OrderId") or identifier(body.get("id"))
    if not order_id:
        raise Unmappable(
            f"{word} came without OrderId, so nobody can say which order it is about. "
            "Ask Just Eat to send it."
        )
    known = mapped in Status.values
    silent = known or word in SILENT or word in FACTS
    event = OrderEvent(
        external_id=order_id,
        topic=word,
        source_status=word,
        status=mapped or "" if known else "",
        unmapped_status="" if silent else word,
        facts=[(FACTS[word], {})] if word in FACTS else (),
        may_create=False,
    )
    if is_order(body):
        return _whole(event, body)
    return _driver(event, body) if body.get("TimeStamp") else _about(event, body)


def is_order(body: Mapping[str, Any]) -> bool:
    """Whether `body` is a whole order, and not a word about one."""
    return isinstance(body.get("Items"), list) or isinstance(body.get("Fulfilment"), dict)


def _about(event: OrderEvent, body: Mapping[str, Any]) -> OrderEvent:
    """Accepted, rejected, cancelled, ready. AcceptedFor is a wish, not the time of the event."""
    reason = text(body.get("Reason"), 80) or text(body.get("RejectedReason"), 80)
    at = timestamp(body.get("RejectedAt")) or timestamp(body.get("Timestamp"))
    accepted_for = timestamp(body.get("AcceptedFor"))
    return replace(
        event,
        occurred_at=at,
        cancel_reason=reason if event.status == Status.CANCELLED else "",
        attributes={"accepted_for": accepted_for.isoformat()} if accepted_for else {},
        test=reason == TEST_ORDER,
    )


def _driver(event: OrderEvent, body: Mapping[str, Any]) -> OrderEvent:
    """The driver's words have a time of their own; it is the part's clock, not the order's."""
    at = timestamp(body.get("TimeStamp"))
    group = Group(
        status=event.status,
        source_status=event.source_status,
        sub_status="arriving" if event.topic in ARRIVING else event.topic[:40],
        deliver_to=timestamp(body.get("EstimatedDeliveryTime")),
        courier=text(body.get("DriverName"), 120),
        clock=Clock(at=at),
    )
    return replace(event, status="", source_status="", occurred_at=at, groups=[group])


def _whole(event: OrderEvent, body: Mapping[str, Any]) -> OrderEvent:
    currency = currency_code(body.get("Currency"))
    placed_at = timestamp(body.get("PlacedDate"))
    method = METHODS.get(text(dig(body, "Fulfilment", "Method"), 20).lower(), "")
    is_new = event.topic in (ORDER, "acceptance-requested")
    return replace(
        event,
        occurred_at=placed_at if is_new else None,
        placed_at=placed_at,
        display_number=text(body.get("FriendlyOrderReference"), 60),
        location=_location(body.get("Restaurant")),
        fulfilment_type=method,
        currency=currency,
        total_minor=minor_or_none(body.get("TotalPrice"), currency),
        contact=_contact(body),
        lines=_lines(body.get("Items")),
        lines_complete=isinstance(body.get("Items"), list),
        groups=_groups(body, method),
        note=_notes(body.get("CustomerNotes")),
        test=body.get("IsTest") is True,
        may_create=True,
    )


def _location(restaurant: Any) -> str:
    """Just Eat's number of the restaurant, else the partner's own (they misspell the member)."""
    names = ("Id", "Reference", "Refererence")
    return next((one for name in names if (one := text(dig(restaurant, name), 120))), "")


def _contact(body: Mapping[str, Any]) -> Contact | None:
    """The customer; the number may be a masked one with a code, so it is treated as such."""
    name = text(dig(body, "Customer", "Name"), 200)
    phone = text(dig(body, "Fulfilment", "PhoneNumber"), 60)
    contact = Contact(
        external_id=text(dig(body, "Customer", "Id"), 120),
        name=name,
        phone=phone if possible_phone(phone) else "",
        phone_pin=text(dig(body, "Fulfilment", "PhoneMaskingCode"), 20),
        proxy=True,
    )
    return contact if name or contact.phone else None


def _lines(items: Any) -> list[Line]:
    """The items by their place in the list: the same dish may stand there twice."""
    return [
        Line(
            line_id=str(place),
            name=_name(item),
            quantity=quantity(item.get("Quantity")) or "1",
            sku=text(item.get("Reference"), 120),
            note=", ".join(_parts(item.get("Items")))[:500],
        )
        for place, item in enumerate(objects(items), 1)
    ]


def _name(item: Mapping[str, Any]) -> str:
    name, size = text(item.get("Name"), 200), text(item.get("Synonym"), 80)
    return f"{name} ({size})" if name and size else name or "?"


def _parts(items: Any) -> list[str]:
    counted = ((quantity(one.get("Quantity")) or "1", _name(one)) for one in objects(items))
    return [name if count == "1" else f"{count} × {name}" for count, name in counted]


def _groups(body: Mapping[str, Any], method: str) -> Sequence[Group]:
    """When the customer wants it: at the door, or at the counter."""
    due = timestamp(dig(body, "Fulfilment", "CustomerDueDate"))
    prepare_for = timestamp(dig(body, "Fulfilment", "PrepareFor"))
    ready_at = prepare_for or (due if method == "pickup" else None)
    deliver_to = due if method == "delivery" else None
    return [Group(ready_at=ready_at, deliver_to=deliver_to)] if ready_at or deliver_to else []


def _notes(notes: Any) -> str:
    """An object of notes, or a list of keys and values."""
    values = list(notes.values()) if isinstance(notes, dict) else []
    values += [one.get("Value") for one in objects(notes)]
    return "; ".join(unique(text(value, 300) for value in values))[:1000]
