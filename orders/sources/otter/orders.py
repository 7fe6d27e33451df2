"""Otter's events: an order, its history, a bare status, a cancellation, a delivery."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Tracking, Unmappable
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
    unique,
    web_address,
)
from orders.sources.otter.statuses import METHODS, SUB_STATUSES, meaning
from orders.statuses import BROUGHT, Fact

PLATFORMS = frozenset({"ORDERING_MARKETPLACE", "AGGREGATOR"})
LONGEST_PREPARATION = 24 * 60  # minutes


def payload_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the event is about."""
    payload = dig(body, "metadata", "payload")
    return payload if isinstance(payload, dict) else {}


# -- a whole order ------------------------------------------------------------------------------


def order_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """The order as it stands."""
    order = payload_of(body)
    word = text(order.get("status"), 60).upper()
    method = METHODS.get(text(dig(order, "fulfillmentInfo", "fulfillmentMode"), 40).upper(), "")
    means = meaning(word, method, settings)
    at = timestamp(body.get("eventTime"))
    currency = currency_code(order.get("currencyCode"))
    group = _group(order, method, settings)
    return OrderEvent(
        external_id=_order_id(body),
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        display_number=text(dig(order, "externalIdentifiers", "friendlyId"), 60),
        aliases=_aliases(body),
        location=text(dig(body, "metadata", "storeId"), 120),
        status=means.status,
        source_status=word,
        unmapped_status=means.unmapped or _unknown_courier(order, settings),
        cancel_reason=means.cancel_reason,
        fulfilment_type=method,
        currency=currency,
        total_minor=minor_or_none(dig(order, "orderTotal", "total"), currency),
        placed_at=timestamp(order.get("orderedAt")),
        contact=read_contact(order, settings),
        lines=read_lines(order),
        lines_complete=isinstance(order.get("items"), list),
        groups=[group] if group != Group() else [],
        note=text(order.get("customerNote"), 1000),
        attributes=_attributes(order),
    )


def _order_id(body: Mapping[str, Any]) -> str:
    """The order's own id: in its payload, else what the event refers to."""
    payload = payload_of(body)
    places = (
        dig(payload, "externalIdentifiers", "id"),
        payload.get("orderId"),
        dig(body, "metadata", "resourceId"),
    )
    order_id = next((found for one in places if (found := identifier(one, "order id"))), "")
    if not order_id:
        raise Unmappable("The event does not say which order it is about.")
    return order_id


def _aliases(body: Mapping[str, Any]) -> list[str]:
    """The event's own reference, and the platform's id with its name: ids of two may be equal."""
    known = dig(payload_of(body), "externalIdentifiers")
    before = dig(known, "sourceExternalIdentifiers")
    platform = text(dig(before, "source"), 40) or text(dig(known, "source"), 40)
    theirs = identifier(dig(before, "id"), "source id")
    reference = identifier(dig(body, "metadata", "resourceId"), "resourceId")
    return unique(
        [reference, f"{platform}:{theirs}" if platform and theirs else ""], _order_id(body)
    )


def _group(order: Mapping[str, Any], method: str, settings: Mapping[str, Any]) -> Group:
    info = order.get("fulfillmentInfo")
    courier = text(dig(info, "courierStatus"), 60).upper()
    ready = timestamp(dig(info, "estimatedPickupTime")) or timestamp(dig(info, "pickupTime"))
    return Group(
        status=meaning(courier, method, settings).status,
        source_status=courier,
        sub_status=courier.lower()[:40],
        ready_at=ready,
        deliver_to=timestamp(dig(info, "deliveryTime")) if method in BROUGHT else None,
    )


def _unknown_courier(order: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    courier = text(dig(order, "fulfillmentInfo", "courierStatus"), 60).upper()
    return meaning(courier, "", settings).unmapped


def read_contact(order: Mapping[str, Any], settings: Mapping[str, Any]) -> Contact | None:
    """Who ordered. Numbers that come through a platform are masked."""
    customer = order.get("customer")
    phone = first_phone([dig(customer, "phone")])
    pin = text(dig(customer, "phoneCode"), 25)
    contact = Contact(
        name=text(dig(customer, "name"), 200),
        email=text(dig(customer, "email"), 254),
        phone=phone,
        phone_pin=pin if phone else "",
        proxy=bool(phone) and (bool(pin) or not is_direct(order, settings)),
    )
    return contact if any((contact.name, contact.email, contact.phone)) else None


def is_direct(order: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the customer ordered from the operator: by the connection's list, or the kind."""
    known = order.get("externalIdentifiers")
    own = settings.get("direct_sources")
    listed = [text(one, 60).lower() for one in own] if isinstance(own, list) else []
    source = text(dig(known, "source"), 60).lower()
    kind = text(dig(known, "sourceType"), 40).upper()
    return bool(source and source in listed) or bool(kind and kind not in PLATFORMS)


def read_lines(order: Mapping[str, Any]) -> list[Line]:
    """The items; where a line has no id, the article and how often it was met stand in."""
    seen: dict[str, int] = {}
    return [_line(item, seen) for item in objects(order.get("items"))]


def _line(item: Mapping[str, Any], seen: dict[str, int]) -> Line:
    own = identifier(item.get("lineItemId"), "lineItemId", 100)
    article = own or identifier(item.get("id"), "item id", 100) or text(item.get("name"), 80) or "?"
    seen[article] = seen.get(article, 0) + 1
    again = f"#{seen[article]}" if seen[article] > 1 else ""
    extras = [text(one.get("name"), 100) for one in objects(item.get("modifiers"))]
    notes = [*extras, text(item.get("note"), 200)]
    return Line(
        line_id=f"{article}{again}",
        name=text(item.get("name"), 300),
        quantity=quantity(item.get("quantity")) or "1",
        sku=identifier(item.get("skuId"), "skuId"),
        note=", ".join(note for note in notes if note)[:500],
    )


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "platform": text(dig(order, "externalIdentifiers", "source"), 60),
        "table": text(dig(order, "fulfillmentInfo", "tableIdentifier"), 60),
        "delivered_by": text(dig(order, "fulfillmentInfo", "fulfillmentMode"), 40),
    }
    return {name: value for name, value in kept.items() if value}


# -- news of an order that is known -------------------------------------------------------------


def _news(topic: str, body: Mapping[str, Any], at: datetime | None, **facts: Any) -> OrderEvent:
    return OrderEvent(
        external_id=_order_id(body),
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        location=text(dig(body, "metadata", "storeId"), 120),
        may_create=False,
        **facts,
    )


def bare_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """An event that is a status by its name, with an order id and little else."""
    means = meaning(topic, "", settings)
    reason = text(payload_of(body).get("cancellationReason"), 80).lower()
    return _news(
        topic,
        body,
        timestamp(body.get("eventTime")),
        status=means.status,
        source_status=topic,
        unmapped_status=means.unmapped,
        cancel_reason=reason if means.status == "cancelled" else "",
    )


def history_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """orders.order_status_update: all steps so far; the newest counts."""
    payload = payload_of(body)
    steps = [
        (timestamp(one.get("eventTime")), text(one.get("status"), 60).upper())
        for one in objects(payload.get("orderStatusHistory"))
    ]
    if not steps:
        raise Unmappable("The status update holds no status.")
    timed = [step for step in steps if step[0]]
    newest = max(timed, key=lambda step: step[0].timestamp() if step[0] else 0.0, default=steps[-1])
    at, word = newest
    means = meaning(word, "", settings)
    ready = _ready_at(payload, steps)
    return _news(
        topic,
        body,
        at or timestamp(body.get("eventTime")),
        status=means.status,
        source_status=word,
        unmapped_status=means.unmapped,
        groups=[Group(ready_at=ready)] if ready else [],
    )


def _ready_at(
    payload: Mapping[str, Any], steps: list[tuple[datetime | None, str]]
) -> datetime | None:
    """When the restaurant said, as it accepted the order, that it will be ready."""
    minutes = dig(payload, "orderAcceptedInfo", "preparationTimeInMinutes")
    accepted = next((at for at, word in steps if at and word == "ORDER_ACCEPTED"), None)
    usable = isinstance(minutes, int) and not isinstance(minutes, bool)
    if accepted is None or not usable or not 0 < minutes <= LONGEST_PREPARATION:
        return None
    return accepted + timedelta(minutes=minutes)


def delivery_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """delivery.delivery_status_update: what the courier does, and where to follow him."""
    payload = payload_of(body)
    said = text(payload.get("status"), 60) or text(payload.get("deliveryStatus"), 60)
    word = f"delivery:{said.upper()}"
    means = meaning(word, "delivery", settings)
    link = web_address(payload.get("deliveryTrackingUrl"))
    provider = text(payload.get("provider"), 80)
    group = Group(
        status=means.status,
        source_status=word,
        sub_status=SUB_STATUSES.get(word, said.lower()[:40]),
        ready_at=None,
        deliver_to=timestamp(payload.get("estimatedDeliveryTime")),
        tracking=[Tracking(carrier=provider, url=link)] if link else [],
        courier=provider,
    )
    failed = [(Fact.FAILED, {"group": "main"})] if word == "delivery:CANCELED" else ()
    return _news(
        topic,
        body,
        timestamp(payload.get("updatedTime")) or timestamp(body.get("eventTime")),
        unmapped_status=means.unmapped,
        groups=[group],
        facts=failed,
    )
