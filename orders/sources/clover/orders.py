"""A Clover order: the answer of GET /v3/merchants/<merchant>/orders/<order>."""

import re
from collections.abc import Mapping
from typing import Any

from orders.contract import Clock, Contact, Line, OrderEvent, Refund, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    first_phone,
    identifier,
    objects,
    text,
    timestamp,
    unique,
)
from orders.sources.clover.statuses import (
    DELETED_CHOICES,
    IGNORE,
    REFUNDED,
    WALK_IN_CHOICES,
    choice,
    order_type,
    status_of,
)
from orders.statuses import Status

_MERCHANT = re.compile(r"/merchants/([A-Za-z0-9]{1,40})/")


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a collection, which Clover writes as {"elements": [...]}."""
    return objects(value.get("elements") if isinstance(value, dict) else value)


def order_event(
    topic: str, order: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """The order as it stands; None for a hidden one, and for what the connection leaves out."""
    order_id = identifier(order.get("id"), "order id")
    if not order_id:
        raise Unmappable("The order has no id.")
    if order.get("deletedTimestamp"):
        return deleted_order(topic, order_id, order.get("deletedTimestamp"), settings)
    contact, method = read_contact(order), order_type(order, settings)
    if _is_left_out(order, contact, method, settings):
        return None
    word = text(order.get("state"), 60)
    status, unknown = status_of(word, settings) if word else ("", "")
    modified = timestamp(order.get("modifiedTime"))
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(at=modified),
        occurred_at=modified or timestamp(order.get("createdTime")),
        display_number=text(order.get("title"), 60) or _reference(order),
        aliases=_aliases(order, settings),
        location=_merchant(order),
        status=status,
        source_status=word,
        unmapped_status=unknown,
        refunded_in_full=text(order.get("paymentState"), 40).upper() == REFUNDED,
        fulfilment_type=method,
        currency=currency_code(order.get("currency")),
        total_minor=_amount(order.get("total")),
        placed_at=timestamp(order.get("createdTime")),
        contact=contact,
        lines=_lines(order),
        lines_complete="lineItems" in order,
        refunds=_refunds(order),
        note=text(order.get("note"), 1000),
        attributes=_attributes(order),
        test=order.get("testMode") is True,
    )


def deleted_order(topic: str, order_id: str, at: Any, settings: Mapping[str, Any]) -> OrderEvent:
    """Clover knows no cancelling: somebody deleted the order. The connection says what it means."""
    cancelled = choice(settings, "deleted_means", DELETED_CHOICES) == DELETED_CHOICES[1]
    clock = Clock(at=timestamp(at))
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=clock,
        occurred_at=clock.at,
        status=Status.CANCELLED if cancelled else "",
        source_status="deleted",
        archived=None if cancelled else True,
        may_create=False,
    )


def _is_left_out(
    order: Mapping[str, Any], contact: Contact | None, method: str, settings: Mapping[str, Any]
) -> bool:
    """A null state hides an order: it is being put together, and Clover itself does not show it."""
    hidden = "state" in order and not text(order.get("state"), 60)
    walk_in = contact is None and choice(settings, "walk_ins", WALK_IN_CHOICES) == IGNORE
    return hidden or method == IGNORE or walk_in


def _merchant(order: Mapping[str, Any]) -> str:
    named = identifier(dig(order, "merchant", "id"), "merchant id")
    link = _MERCHANT.search(text(order.get("href"), 300))
    return named or (link[1] if link else "")


def _reference(order: Mapping[str, Any]) -> str:
    return text(order.get("externalReferenceId"), 60)


def _aliases(order: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The reference, when the connection says that it is never used twice."""
    return unique([_reference(order)]) if settings.get("reference_is_order_id") is True else []


def _amount(value: Any) -> int | None:
    """Clover counts in the smallest unit of the currency."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _lines(order: Mapping[str, Any]) -> list[Line]:
    """One line for each piece: Clover has no quantities. Fees are no goods."""
    read = [
        Line(
            line_id=identifier(item.get("id"), "line id"),
            name=text(item.get("name"), 300),
            sku=text(item.get("itemCode"), 120),
            removed_quantity="1" if _is_back(item) else "0",
            note=_line_note(item),
        )
        for item in listed(order.get("lineItems"))
        if item.get("isOrderFee") is not True
    ]
    return [line for line in read if line.line_id]


def _is_back(item: Mapping[str, Any]) -> bool:
    return item.get("refunded") is True or item.get("exchanged") is True


def _line_note(item: Mapping[str, Any]) -> str:
    extras = [text(one.get("name"), 100) for one in listed(item.get("modifications"))]
    return ", ".join(one for one in [*extras, text(item.get("note"), 300)] if one)[:500]


def _refunds(order: Mapping[str, Any]) -> list[Refund]:
    read = [
        Refund(
            refund_id=identifier(one.get("id"), "refund id"),
            amount_minor=_amount(one.get("amount")) or 0,
            reason=text(one.get("reason"), 200),
            at=timestamp(one.get("createdTime")),
        )
        for one in listed(order.get("refunds"))
    ]
    return [one for one in read if one.refund_id and one.amount_minor > 0]


def read_contact(order: Mapping[str, Any]) -> Contact | None:
    """The first customer of the order; None when it names nobody."""
    person = next(iter(listed(order.get("customers"))), {})
    names = [text(person.get(name), 100) for name in ("firstName", "lastName")]
    mails = listed(person.get("emailAddresses"))
    mails.sort(key=lambda one: one.get("primaryEmail") is not True)
    contact = Contact(
        external_id=identifier(person.get("id"), "customer id"),
        name=" ".join(name for name in names if name),
        given_name=names[0],
        email=next((mail for one in mails if (mail := text(one.get("emailAddress"), 254))), ""),
        phone=first_phone(one.get("phoneNumber") for one in listed(person.get("phoneNumbers"))),
    )
    return contact if contact != Contact() else None


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "payment_state": text(order.get("paymentState"), 40),
        "order_type": text(dig(order, "orderType", "label"), 80),
        "reference_id": _reference(order),
    }
    return {name: value for name, value in kept.items() if value}
