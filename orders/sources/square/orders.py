"""A Square order: the answer of RetrieveOrder, or one of SearchOrders."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.contract import Clock, Group, Line, OrderEvent, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    identifier,
    objects,
    quantity,
    text,
    timestamp,
    unique,
)
from orders.sources.square.fulfilments import (
    delivery_ids,
    end_reason,
    ended_at,
    has_failed,
    method_of,
    read_contact,
    read_group,
    state_of,
)
from orders.sources.square.statuses import (
    COUNTER_CHOICES,
    DRAFT,
    ORDER_STATES,
    choice,
    counter_status,
    fulfilment_status,
)
from orders.statuses import Fact, Status

OPEN_STATES = frozenset({"PROPOSED", "RESERVED", "PREPARED"})


def order_events(
    topic: str, order: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[OrderEvent]:
    """The order as it stands, then what is told once: a part that failed, a sale that was paid."""
    if not identifier(order.get("id"), "order id"):
        raise Unmappable("The order has no id.")
    if _is_no_order(order, settings):
        return []
    return [_snapshot(topic, order, settings), *_failures(topic, order), *_paid(topic, order)]


def _is_no_order(order: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """A draft, a return (its refund tells of it), or a counter sale that nobody wants to see."""
    if _state(order) == DRAFT or is_return(order):
        return True
    counter = not objects(order.get("fulfillments"))
    return counter and choice(settings, "counter_sales", COUNTER_CHOICES) == "ignore"


def is_return(order: Mapping[str, Any]) -> bool:
    """Whether this is what Square books when goods or money come back: it sells nothing."""
    returns, lines = objects(order.get("returns")), objects(order.get("line_items"))
    return bool(returns) and not lines and not objects(order.get("fulfillments"))


def source_order(order: Mapping[str, Any]) -> str:
    """The sale that a return belongs to; "" when Square does not link the two."""
    ids = (dig(one, "source_order_id") for one in objects(order.get("returns")))
    return next((found for one in ids if (found := identifier(one, "source_order_id"))), "")


def _snapshot(topic: str, order: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    parts = objects(order.get("fulfillments"))
    read = [read_group(part, settings) for part in parts]
    state, clock = _state(order), read_clock(order)
    strange = [unknown for _group, unknown in read if unknown]
    strange += [state] if state and state not in ORDER_STATES else []
    money, reference = order.get("total_money"), text(order.get("reference_id"), 60)
    return OrderEvent(
        external_id=identifier(order.get("id"), "order id"),
        topic=topic,
        clock=clock,
        occurred_at=clock.at,
        display_number=text(order.get("ticket_name"), 60) or reference,
        aliases=_aliases(order, settings),
        location=identifier(order.get("location_id"), "location_id"),
        status=_status(state, parts),
        source_status=state,
        unmapped_status=next(iter(strange), ""),
        cancel_reason=_cancel_reason(parts),
        fulfilment_type=next((method for part in parts if (method := method_of(part))), ""),
        currency=currency_code(dig(money, "currency")),
        total_minor=minor(money),
        placed_at=timestamp(order.get("created_at")),
        contact=read_contact(order),
        lines=_lines(order),
        lines_complete=isinstance(order.get("line_items"), list),
        groups=[group for group, _unknown in read],
        note=_note(parts),
        attributes=_attributes(order),
    )


def read_clock(body: Mapping[str, Any]) -> Clock:
    """The version, which only ever grows; orders of the till may have none, only a time."""
    version = body.get("version")
    exact = isinstance(version, int) and not isinstance(version, bool)
    return Clock(version if exact else None, timestamp(body.get("updated_at")))


def minor(money: Any) -> int | None:
    """An amount of Square, which is in the currency's smallest unit already."""
    amount = dig(money, "amount")
    return amount if isinstance(amount, int) and not isinstance(amount, bool) else None


def _state(order: Mapping[str, Any]) -> str:
    return text(order.get("state"), 40).upper()


def _status(state: str, parts: list[dict[str, Any]]) -> str:
    """The order's own word. Its parts have theirs: a paid order is COMPLETED before it is made."""
    if state == "CANCELED":
        return Status.CANCELLED
    return "" if parts else counter_status(state)


def _cancel_reason(parts: list[dict[str, Any]]) -> str:
    ended = [part for part in parts if state_of(part) == "CANCELED"]
    return next((reason for part in ended if (reason := end_reason(part))), "")


def _aliases(order: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Payments (a refund may name nothing else), deliveries, and a reference that is unique."""
    payments = [
        identifier(one.get("id"), "tender id", 160) for one in objects(order.get("tenders"))
    ]
    deliveries = [
        name for part in objects(order.get("fulfillments")) for name in delivery_ids(part)
    ]
    unique_reference = settings.get("reference_is_order_id") is True
    reference = [text(order.get("reference_id"), 60)] if unique_reference else []
    return unique([*reference, *deliveries, *payments], identifier(order.get("id"), "order id"))


def _lines(order: Mapping[str, Any]) -> list[Line]:
    """All lines. Returns come as orders of their own, so nothing is ever taken off here."""
    return [
        Line(
            line_id=identifier(item.get("uid"), "line uid") or str(n),
            name=text(item.get("name"), 300) or text(item.get("variation_name"), 300),
            quantity=quantity(item.get("quantity")) or "1",
            note=_line_note(item),
        )
        for n, item in enumerate(objects(order.get("line_items")), start=1)
    ]


def _line_note(item: Mapping[str, Any]) -> str:
    """The variation, what was added, and what the customer wrote."""
    extras = [text(one.get("name"), 100) for one in objects(item.get("modifiers"))]
    variation = text(item.get("variation_name"), 100) if item.get("name") else ""
    said = [variation, *extras, text(item.get("note"), 300)]
    return ", ".join(one for one in said if one)[:500]


def _note(parts: list[dict[str, Any]]) -> str:
    kinds = ("pickup_details", "delivery_details", "shipment_details")
    names = ("note", "dropoff_notes", "shipping_note")
    said = (text(dig(part, kind, name), 1000) for part in parts for kind in kinds for name in names)
    return next((one for one in said if one), "")


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "state": _state(order),
        "reference_id": text(order.get("reference_id"), 60),
        "ordered_through": text(dig(order, "source", "name"), 120),
    }
    return {name: value for name, value in kept.items() if value}


# -- what is told once --------------------------------------------------------------------------


def _failures(topic: str, order: Mapping[str, Any]) -> list[OrderEvent]:
    """A part that failed, under the time at which it did: each later copy says the same again."""
    failed = [part for part in objects(order.get("fulfillments")) if has_failed(part)]
    return [
        told_once(
            topic,
            identifier(order.get("id"), "order id"),
            ended_at(part) or timestamp(order.get("created_at")),
            Fact.FAILED,
            {"group": identifier(part.get("uid"), "uid"), "reason": end_reason(part)},
            ended_at(part) or timestamp(order.get("updated_at")),
        )
        for part in failed
    ]


def _paid(topic: str, order: Mapping[str, Any]) -> list[OrderEvent]:
    """COMPLETED while parts are still under way means paid, and nothing else."""
    parts = objects(order.get("fulfillments"))
    under_way = any(state_of(part) in OPEN_STATES for part in parts)
    if _state(order) != "COMPLETED" or not under_way:
        return []
    at, order_id = timestamp(order.get("closed_at")), identifier(order.get("id"), "order id")
    return [told_once(topic, order_id, at, Fact.PAYMENT, {"state": "completed"})] if at else []


def told_once(
    topic: str,
    order_id: str,
    at: datetime | None,
    fact: Fact,
    data: Mapping[str, Any],
    happened: datetime | None = None,
    aliases: Sequence[str] = (),
) -> OrderEvent:
    """A fact with a clock of its own, by which it is recognised when it is told again."""
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(at=at),
        occurred_at=happened or at,
        aliases=aliases,
        facts=[(fact.value, data)],
        may_create=False,
    )


# -- a body that was not fetched ----------------------------------------------------------------


def pointer_event(topic: str, told: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """What a webhook says by itself: states and a version, of an order that must be known."""
    updates = objects(told.get("fulfillment_update"))
    groups = [
        Group(
            key=identifier(one.get("fulfillment_uid"), "fulfillment_uid"),
            status=fulfilment_status(text(one.get("new_state"), 40).upper(), "", settings)[0],
            source_status=text(one.get("new_state"), 40).upper(),
        )
        for one in updates
        if one.get("fulfillment_uid")
    ]
    clock = read_clock(told)
    return OrderEvent(
        external_id=identifier(told.get("order_id"), "order_id"),
        topic=topic,
        clock=clock,
        occurred_at=clock.at,
        location=identifier(told.get("location_id"), "location_id"),
        status=Status.CANCELLED if _state(told) == "CANCELED" else "",
        source_status=_state(told),
        groups=groups,
        may_create=False,
    )
