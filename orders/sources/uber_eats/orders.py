"""An order of Uber Eats as its API gives it, at the moment that a notification names."""

from collections.abc import Mapping, Sequence
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
    unique,
)
from orders.sources.uber_eats.statuses import (
    DELIVERY,
    METHODS,
    RELEASED,
    SILENT,
    STATUSES,
    WHERE,
)
from orders.statuses import Fact, Status, rank

STORE_IDS = ("id", "integrator_store_id", "merchant_store_id")
PART = "main"


def order_event(
    topic: str, order: Mapping[str, Any], clock: Clock, settings: Mapping[str, Any]
) -> OrderEvent:
    """The order as it stands. `clock` is the notification's: the order has none of its own."""
    order_id = identifier(order.get("id"), "order id")
    if not order_id:
        raise Unmappable("The order has no id.")
    word = text(order.get("current_state"), 80)
    status, unknown = _status(topic, word, settings)
    method = METHODS.get(text(order.get("type"), 40), "")
    part, untranslated = _part(order, method, clock, settings)
    currency = currency_code(dig(order, "payment", "charges", "total", "currency_code"))
    lines = read_lines(order)
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=clock,
        occurred_at=clock.at,
        display_number=text(order.get("display_id"), 60),
        location=_location(order, settings),
        status=status,
        source_status=word,
        unmapped_status=unknown or untranslated,
        fulfilment_type=method,
        currency=currency,
        total_minor=_total(order) if currency else None,
        placed_at=timestamp(order.get("placed_at")),
        contact=read_contact(order),
        lines=lines,
        lines_complete=bool(lines),
        groups=[part],
        facts=_facts(part),
        attributes=_attributes(order),
    )


def _status(topic: str, word: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """(our status, the word if we do not know it); a release moves an order that goes on."""
    status = translate(word, STATUSES, settings)
    if topic == RELEASED and rank(status or "") < rank(Status.PREPARING):
        return Status.PREPARING, ""
    known = status is not None or not word or word in SILENT
    return status or "", "" if known else word


def _part(
    order: Mapping[str, Any], method: str, clock: Clock, settings: Mapping[str, Any]
) -> tuple[Group, str]:
    """The order's one part; of several couriers the one who is least far counts."""
    legs = objects(order.get("deliveries"))
    words = [text(leg.get("current_state"), 80) for leg in legs]
    read = [translate(word, DELIVERY, settings) for word in words]
    slowest = min(range(len(legs)), key=lambda n: rank(read[n] or ""), default=None)
    word = "" if slowest is None else words[slowest]
    unknown = next((one for one, ours in zip(words, read, strict=True) if ours is None), "")
    part = Group(
        PART,
        aliases=unique(identifier(leg.get("id"), "delivery id") for leg in legs),
        method=method,
        status="" if slowest is None else read[slowest] or "",
        source_status=word,
        sub_status=WHERE.get(word, ""),
        ready_at=timestamp(order.get("estimated_ready_for_pickup_at")),
        courier=_couriers(legs),
        clock=clock,
    )
    return part, unknown


def _couriers(legs: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(unique(text(leg.get("first_name"), 50) for leg in legs))[:120]


def _facts(part: Group) -> Sequence[tuple[str, Mapping[str, Any]]]:
    failed = part.source_status == "FAILED"
    return [(Fact.FAILED, {"group": PART, "reason": ""})] if failed else ()


def _location(order: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    chosen = settings.get("store_id")
    name = chosen if isinstance(chosen, str) and chosen in STORE_IDS else "id"
    return identifier(dig(order, "store", name), "store id")


def _total(order: Mapping[str, Any]) -> int | None:
    """Uber writes money in minor units already."""
    amount = dig(order, "payment", "charges", "total", "amount")
    return amount if isinstance(amount, int) and not isinstance(amount, bool) else None


def read_contact(order: Mapping[str, Any]) -> Contact | None:
    """The guest. The number is Uber's own and needs the PIN; it ends with the order."""
    eater = order.get("eater")
    country = text(
        dig(order, "payment", "tax_reporting", "destination", "country_iso2")
        or dig(order, "payment", "accounting", "tax_reporting", "destination", "country_iso2"),
        3,
    ).upper()
    country = country if len(country) == 2 and country.isascii() and country.isalpha() else ""
    first, phone = text(dig(eater, "first_name"), 100), text(dig(eater, "phone"), 60)
    usable = possible_phone(phone, country)
    if not (first or usable):
        return None
    return Contact(
        name=" ".join(part for part in (first, text(dig(eater, "last_name"), 100)) if part),
        given_name=first,
        phone=phone if usable else "",
        phone_pin=text(dig(eater, "phone_code"), 40) if usable else "",
        proxy=True,
        country=country,
    )


def read_lines(order: Mapping[str, Any]) -> list[Line]:
    """All items of the cart; the same dish may be in it twice."""
    items = objects(dig(order, "cart", "items"))
    lines: dict[str, Line] = {}
    for n, item in enumerate(items, start=1):
        name = identifier(item.get("instance_id") or item.get("id"), "item id") or f"item{n}"
        line_id = name if name not in lines else f"{name}:{n}"
        lines[line_id] = Line(
            line_id,
            text(item.get("title"), 300),
            quantity(item.get("quantity")) or "1",
            note=_note(item),
        )
    return list(lines.values())


def _note(item: Mapping[str, Any]) -> str:
    """What was chosen, and what the guest wrote."""
    chosen = [
        text(one.get("title"), 100)
        for choice in objects(item.get("selected_modifier_groups"))
        for one in objects(choice.get("selected_items"))
    ]
    return "; ".join(unique([*chosen, text(item.get("special_instructions"), 300)]))[:500]


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "delivered_by": {"DELIVERY_BY_UBER": "uber"}.get(text(order.get("type"), 40), ""),
        # What the till calls it. Numbers of tills come again: no name to find an order by.
        "reference": text(order.get("external_reference_id"), 120),
    }
    return {name: value for name, value in kept.items() if value}
