"""Bodies of Olo: an order as it stood when something happened to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orders.contract import Contact, Group, Line, OrderEvent, Unmappable
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
    translate,
    unique,
)
from orders.sources.olo.statuses import (
    ARRIVED,
    CLOSED,
    CLOSED_CHOICES,
    DISPATCH,
    DISPATCH_FACTS,
    DISPATCH_STATUSES,
    IGNORE,
    METHODS,
    NOT_ORDERS,
    STATUSES,
)
from orders.statuses import BROUGHT, Status

FURTHEST_FROM_UTC = 15  # hours


def read_event(
    kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """What an event of this kind says; None when it is about no order, or ignored."""
    method = METHODS.get(_plain(body.get("deliveryMethod")), "")
    word = _dispatch_word(body) if kind == DISPATCH else kind
    mapped = _meaning(kind, word, method, settings)
    if mapped == IGNORE or (mapped is None and kind.startswith(NOT_ORDERS)):
        return None
    order_id = _order_id(body)
    if not order_id:
        raise Unmappable(f"{kind} does not say which order it is about.")
    fact = DISPATCH_FACTS.get(word.lower()) if kind == DISPATCH else None
    known = mapped in Status.values
    understood = known or fact or kind == ARRIVED
    currency = currency_code(settings.get("currency")) or "USD"
    placed_at = local_time(body.get("timePlaced"), body)
    return OrderEvent(
        external_id=order_id,
        topic=kind,
        occurred_at=placed_at if kind == "OrderPlaced" else None,
        display_number=order_id,
        aliases=unique([text(body.get("externalReference"), 160)], apart_from=order_id),
        location=text(body.get("storeNumber"), 120),
        status=mapped or "" if known else "",
        source_status=word,
        unmapped_status="" if understood else word,
        facts=[(fact, {})] if fact else (),
        fulfilment_type=method,
        currency=currency if isinstance(body.get("totals"), dict) else "",
        total_minor=minor_or_none(dig(body, "totals", "total"), currency),
        placed_at=placed_at,
        contact=_contact(body.get("customer"), settings),
        lines=_lines(body.get("items")),
        lines_complete=isinstance(body.get("items"), list),
        groups=_groups(kind, body),
        attributes=_attributes(body),
        may_create=kind not in (DISPATCH, ARRIVED),
    )


def _meaning(kind: str, word: str, method: str, settings: Mapping[str, Any]) -> str | None:
    mapped = translate(word, STATUSES, settings)
    if mapped is None and kind == DISPATCH:
        return DISPATCH_STATUSES.get(word.lower())
    return _closed(method, settings) if mapped is None and kind == CLOSED else mapped


def _closed(method: str, settings: Mapping[str, Any]) -> str:
    """Olo has one good end; the connection says which of ours it is."""
    means = text(settings.get("closed_means"), 30) or "auto"
    if means not in CLOSED_CHOICES:
        raise Unmappable(
            f"closed_means is {means!r}; it must be one of {', '.join(CLOSED_CHOICES)}."
        )
    if means != "auto":
        return means
    return Status.DELIVERED if method in BROUGHT else Status.PICKED_UP


def _dispatch_word(body: Mapping[str, Any]) -> str:
    word = body.get("status") or body.get("deliveryStatus") or dig(body, "delivery", "status")
    return text(word, 80) or DISPATCH


def _order_id(body: Mapping[str, Any]) -> str:
    """The id as text where Olo writes it so; a GUID in `id` names the message, not the order."""
    plain_id = body.get("id") if isinstance(body.get("id"), int) else None
    return (
        identifier(body.get("orderIdString"), "orderIdString")
        or identifier(body.get("orderId"), "orderId")
        or identifier(plain_id)
    )


def local_time(value: Any, body: Mapping[str, Any]) -> datetime | None:
    """A time as the store's clock shows it; None when its distance from UTC is not said."""
    offset, shown = body.get("storeUtcOffset"), timestamp(value, naive_is_utc=True)
    if shown is None or isinstance(offset, bool) or not isinstance(offset, int | Decimal):
        return None
    hours = Decimal(offset)
    return shown - timedelta(minutes=int(hours * 60)) if abs(hours) <= FURTHEST_FROM_UTC else None


def _contact(customer: Any, settings: Mapping[str, Any]) -> Contact | None:
    names = (text(dig(customer, name), 100) for name in ("firstName", "lastName"))
    contact = Contact(
        external_id=text(dig(customer, "customerId"), 120),
        name=" ".join(name for name in names if name),
        given_name=text(dig(customer, "firstName"), 100),
        email=text(dig(customer, "email"), 254),
        phone=first_phone([dig(customer, "contactNumber")]),
        proxy=settings.get("masked_contacts") is True,
    )
    return contact if contact.name or contact.email or contact.phone else None


def _lines(items: Any) -> list[Line]:
    """The items by their place in the list: the same product may stand there twice."""
    return [
        Line(
            line_id=str(place),
            name=text(item.get("description"), 300) or "?",
            quantity=quantity(item.get("quantity")) or "1",
            sku=text(item.get("productId"), 120),
            note=_note(item),
        )
        for place, item in enumerate(objects(items), 1)
    ]


def _note(item: Mapping[str, Any]) -> str:
    chosen = [text(one.get("description"), 100) for one in objects(item.get("modifiers"))]
    said = [*chosen, text(item.get("specialInstructions"), 300)]
    return ", ".join(one for one in said if one)[:500]


def _groups(kind: str, body: Mapping[str, Any]) -> Sequence[Group]:
    ready_at = local_time(body.get("timeReady"), body)
    sub_status = "customer_arrived" if kind == ARRIVED else ""
    return [Group(ready_at=ready_at, sub_status=sub_status)] if ready_at or sub_status else []


def _attributes(body: Mapping[str, Any]) -> dict[str, str]:
    kept = {"pos_reference": text(body.get("posRef"), 80)}
    return {name: value for name, value in kept.items() if value}


def _plain(value: Any) -> str:
    return text(value, 40).lower().replace("-", "").replace(" ", "").replace("_", "")
