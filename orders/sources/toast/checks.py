"""The bills of a Toast order: what was ordered, what it costs, who pays."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from orders.contract import Contact, Line, Refund
from orders.parsing import (
    dig,
    identifier,
    minor_or_none,
    objects,
    possible_phone,
    quantity,
    text,
    timestamp,
    unique,
)
from orders.sources.toast.statuses import word_of

MARKETPLACES = frozenset({"GRUBHUB", "DOORDASH", "UBER EATS"})
MAX_NOTE = 500


def standing(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bills that were not deleted; two bills are no two parts of an order."""
    return [one for one in objects(order.get("checks")) if one.get("deleted") is not True]


def display_number(order: Mapping[str, Any]) -> str:
    """The number on the oldest bill: it stays when others are split off."""
    numbered = [one for one in standing(order) if text(one.get("displayNumber"), 60)]
    oldest = sorted(numbered, key=lambda one: text(one.get("createdDate"), 40))
    return text(oldest[0].get("displayNumber"), 60) if oldest else ""


def read_lines(order: Mapping[str, Any]) -> list[Line]:
    """All items; what is void counts as taken off again."""
    found = {}
    for check in standing(order):
        for selection in objects(check.get("selections")):
            line = _line(selection, check.get("voided") is True)
            if line.line_id:
                found[line.line_id] = line
    return list(found.values())


def _line(selection: Mapping[str, Any], bill_is_void: bool) -> Line:
    amount = quantity(selection.get("quantity")) or "1"
    void = bill_is_void or selection.get("voided") is True
    return Line(
        line_id=identifier(selection.get("guid"), "selection guid"),
        name=text(selection.get("displayName"), 300),
        quantity=amount,
        sku=identifier(dig(selection, "item", "guid"), "item guid"),
        removed_quantity=amount if void else "0",
        note=_modifiers(selection),
    )


def _modifiers(selection: Mapping[str, Any]) -> str:
    names = (text(one.get("displayName"), 100) for one in objects(selection.get("modifiers")))
    return ", ".join(name for name in names if name)[:MAX_NOTE]


# -- money --------------------------------------------------------------------------------------


def read_total(order: Mapping[str, Any], currency: str) -> int | None:
    """What all bills come to together; None when one of them does not say."""
    bills = [one for one in standing(order) if one.get("voided") is not True]
    amounts = [minor_or_none(one.get("totalAmount"), currency) for one in bills]
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None


def payments(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every payment of every bill."""
    for check in standing(order):
        yield from objects(check.get("payments"))


def read_refunds(order: Mapping[str, Any], currency: str) -> list[Refund]:
    """What went back to the guests, the tip included."""
    read = (_refund(payment, currency) for payment in payments(order))
    return [one for one in read if one]


def _refund(payment: Mapping[str, Any], currency: str) -> Refund | None:
    refund = payment.get("refund")
    amounts = [
        minor_or_none(dig(refund, name), currency) or 0
        for name in ("refundAmount", "tipRefundAmount")
    ]
    guid = identifier(payment.get("guid"), "payment guid")
    act = identifier(dig(refund, "refundTransaction", "guid"), "refund guid")
    if not guid or sum(amounts) <= 0:
        return None
    at = timestamp(dig(refund, "refundDate"))
    return Refund(":".join(unique([act, guid]))[:120], sum(amounts), at=at)


def all_refunded(order: Mapping[str, Any]) -> bool:
    """Whether every payment went back in full."""
    words = [word_of(payment.get("refundStatus")) for payment in payments(order)]
    return bool(words) and all(word == "FULL" for word in words)


# -- people -------------------------------------------------------------------------------------


def read_contact(order: Mapping[str, Any], settings: Mapping[str, Any]) -> Contact | None:
    """The guest of the first bill that names one; webhooks never do, the API may."""
    guests = (one.get("customer") for one in standing(order))
    guest = next((one for one in guests if isinstance(one, dict)), None)
    if guest is None:
        return None
    parts = (text(guest.get(name), 100) for name in ("firstName", "lastName"))
    phone = _phone(guest)
    contact = Contact(
        external_id=identifier(guest.get("guid"), "customer guid"),
        name=" ".join(part for part in parts if part),
        given_name=text(guest.get("firstName"), 100),
        email=text(guest.get("email"), 254),
        phone=phone,
        proxy=bool(phone) and is_marketplace(order, settings),
        country=_country(order),
    )
    return contact if contact != Contact() else None


def _phone(guest: Mapping[str, Any]) -> str:
    """The number with its country's code, where Toast names one."""
    number = text(guest.get("phone"), 60)
    code = re.sub(r"\D", "", text(guest.get("phoneCountryCode"), 8))
    digits = re.sub(r"\D", "", number)
    whole = f"+{code}{digits}" if code and digits and not number.startswith("+") else number
    return next((one for one in (whole, number) if possible_phone(one)), "")


def _country(order: Mapping[str, Any]) -> str:
    code = text(dig(order, "deliveryInfo", "country"), 3).upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else ""


def is_marketplace(order: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the guest's number is a marketplace's, which takes no texts."""
    guids = settings.get("marketplace_dining_options")
    listed = [text(one, 120) for one in guids] if isinstance(guids, list) else []
    option = text(dig(order, "diningOption", "guid"), 120)
    return word_of(order.get("source")) in MARKETPLACES or bool(option and option in listed)


# -- times --------------------------------------------------------------------------------------


def last_change(order: Mapping[str, Any]) -> datetime | None:
    """When anything in the order was changed last: the order's own date may lag behind a bill's."""
    dated = [order]
    for check in objects(order.get("checks")):
        dated += [check, *objects(check.get("selections"))]
    times = (timestamp(one.get("modifiedDate")) for one in dated)
    return max((moment for moment in times if moment), default=None)
