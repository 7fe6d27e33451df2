"""Deliverect's bodies: a whole order, a new status, a courier's news, a new time."""

from collections.abc import Mapping
from decimal import Decimal
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
    web_address,
)
from orders.sources.deliverect.statuses import (
    DELIVERY_CANCELLED,
    FINALIZED,
    METHODS,
    SUB_STATUSES,
    code_of,
    courier_meaning,
    meaning,
    so_far,
)
from orders.statuses import BROUGHT, Fact

COURIER_MEMBERS = ("courierName", "courierId", "dispatchPartner", "trackingURL", "coordinates")


def kind_of(body: Mapping[str, Any]) -> str:
    """What a body is; Deliverect puts no name on it."""
    if body.get("_id") and any(name in body for name in ("items", "channelOrderDisplayId")):
        return "order"
    if not body.get("orderId"):
        return "other"
    code = code_of(body.get("status"))
    if isinstance(body.get("courier"), dict) or any(name in body for name in COURIER_MEMBERS):
        return "courier"
    if code:
        return "courier" if code in SUB_STATUSES and code != FINALIZED else "status"
    return "time" if body.get("pickupTime") or body.get("deliveryTime") else "other"


# -- a whole order ------------------------------------------------------------------------------


def order_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """The order as it stands."""
    method = METHODS.get(code_of(body.get("orderType")), "")
    history = objects(body.get("statusHistory"))
    codes = [code_of(one.get("status")) for one in (body, *history)]
    means = so_far([code for code in codes if code], method, settings)
    currency = currency_code(settings.get("currency"))
    changed = timestamp(body.get("_updated"), naive_is_utc=True)
    return OrderEvent(
        external_id=_order_id(body, "_id"),
        topic=topic,
        clock=Clock(at=changed),
        occurred_at=changed,
        display_number=text(body.get("channelOrderDisplayId"), 60),
        location=text(body.get("location"), 120),
        status=means.status,
        source_status=code_of(body.get("status")),
        unmapped_status=means.unmapped,
        cancel_reason=_reason(body) or means.cancel_reason if means.cancel_reason else "",
        fulfilment_type=method,
        currency=currency,
        total_minor=read_total(body, currency),
        placed_at=timestamp(body.get("_created"), naive_is_utc=True),
        contact=read_contact(body, settings),
        lines=read_lines(body),
        lines_complete=isinstance(body.get("items"), list),
        groups=[_whole_group(body, method)],
        note=text(body.get("note"), 1000),
        attributes=_attributes(body),
        test=body.get("testOrder") is True,
    )


def _order_id(body: Mapping[str, Any], name: str) -> str:
    order_id = identifier(body.get(name), name)
    if not order_id:
        raise Unmappable("The body does not say which order it is about.")
    return order_id


def _reason(body: Mapping[str, Any]) -> str:
    return text(body.get("cancellationReason"), 80) or text(body.get("reason"), 80)


def _whole_group(body: Mapping[str, Any], method: str) -> Group:
    ready, there = (
        timestamp(body.get(name), naive_is_utc=True) for name in ("pickupTime", "deliveryTime")
    )
    return Group(
        method=method,
        ready_at=ready,
        deliver_to=there if method in BROUGHT else None,
        courier=text(dig(body, "courier", "deliveryBy"), 80),
    )


def read_total(body: Mapping[str, Any], currency: str) -> int | None:
    """What was paid. The amount has as many decimals as the order says, whatever the currency."""
    amount, digits = dig(body, "payment", "amount"), body.get("decimalDigits", 2)
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in (amount, digits))
    if not currency or not whole or not 0 <= digits <= 4:
        return None
    return minor_or_none(Decimal(amount).scaleb(-digits), currency)


def read_contact(body: Mapping[str, Any], settings: Mapping[str, Any]) -> Contact | None:
    """Who ordered. A platform's number is masked, unless the operator knows it to be his own."""
    customer = body.get("customer")
    pin = text(dig(customer, "phoneAccessCode"), 20)
    phone = first_phone([dig(customer, "phoneNumber")], _country(body))
    own = settings.get("direct_channels")
    direct = [code_of(one) for one in own] if isinstance(own, list) else []
    masked = bool(pin) or code_of(body.get("channel")) not in direct
    contact = Contact(
        external_id=identifier(dig(customer, "customerId"), "customerId"),
        name=text(dig(customer, "name"), 200),
        email=text(dig(customer, "email"), 254),
        phone=phone,
        phone_pin=pin if phone else "",
        proxy=bool(phone) and masked,
        country=_country(body),
        time_zone=text(body.get("timezone"), 60),
    )
    return contact if any((contact.name, contact.email, contact.phone)) else None


def _country(body: Mapping[str, Any]) -> str:
    code = text(dig(body, "deliveryAddress", "country"), 3).upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def read_lines(body: Mapping[str, Any]) -> list[Line]:
    """The items. They have no ids of their own: the article and how often it was met stand in."""
    seen: dict[str, int] = {}
    return [_line(item, seen) for item in objects(body.get("items"))]


def _line(item: Mapping[str, Any], seen: dict[str, int]) -> Line:
    plu = identifier(item.get("plu"), "plu", 80)
    name = text(item.get("name"), 300)
    article = plu or name[:80] or "?"
    seen[article] = seen.get(article, 0) + 1
    again = f"#{seen[article]}" if seen[article] > 1 else ""
    extras = [text(one.get("name"), 100) for one in objects(item.get("subItems"))]
    notes = [*extras, text(item.get("remark"), 200)]
    return Line(
        line_id=f"{article}{again}",
        name=name,
        quantity=quantity(item.get("quantity")) or "1",
        sku=plu,
        note=", ".join(note for note in notes if note)[:500],
    )


def _attributes(body: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "channel": code_of(body.get("channel")),
        # Unique for two days only, so it is no name of the order.
        "channel_order_id": text(body.get("channelOrderId"), 120),
        "pos_receipt": text(body.get("posReceiptId"), 60),
    }
    return {name: value for name, value in kept.items() if value}


# -- news of an order that is known -------------------------------------------------------------


def status_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """A new status, said by the POS or by Deliverect."""
    code = code_of(body.get("status"))
    means = meaning(code, METHODS.get(code_of(body.get("orderType")), ""), settings)
    at = timestamp(body.get("timeStamp"), naive_is_utc=True)
    return OrderEvent(
        external_id=_order_id(body, "orderId"),
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        location=text(body.get("location"), 120),
        status=means.status,
        source_status=code,
        unmapped_status=means.unmapped,
        cancel_reason=_reason(body) or means.cancel_reason if means.cancel_reason else "",
        may_create=False,
    )


def courier_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """What the courier does; a delivery that was called off does not end the order."""
    courier = body.get("courier")
    code = code_of(dig(courier, "status")) or code_of(body.get("status"))
    means = courier_meaning(code, settings)
    said_at = body.get("received") or body.get("timeStamp")
    at = timestamp(said_at, naive_is_utc=True)
    link = web_address(body.get("trackingURL"))
    partner = text(body.get("dispatchPartner"), 80) or text(dig(courier, "deliveryBy"), 80)
    group = Group(
        status=means.status,
        source_status=code,
        sub_status=SUB_STATUSES.get(code, ""),
        deliver_to=timestamp(body.get("deliveryTime"), naive_is_utc=True),
        tracking=[Tracking(carrier=partner, url=link)] if link else [],
        courier=partner,
    )
    failed = [(Fact.FAILED, {"group": "main", "reason": _reason(body)})]
    return OrderEvent(
        external_id=_order_id(body, "orderId"),
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        location=text(body.get("location"), 120),
        unmapped_status=means.unmapped,
        groups=[group],
        facts=failed if code == DELIVERY_CANCELLED else (),
        may_create=False,
    )


def time_event(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """A new preparation time."""
    ready, there = (
        timestamp(body.get(name), naive_is_utc=True) for name in ("pickupTime", "deliveryTime")
    )
    return OrderEvent(
        external_id=_order_id(body, "orderId"),
        topic=topic,
        location=text(body.get("location"), 120),
        groups=[Group(ready_at=ready, deliver_to=there)],
        may_create=False,
    )
