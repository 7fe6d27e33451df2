"""Bodies of Olo: an order as it stood when something happened to it.

Olo shows the lists of members to its own partners only. What is read here by name stands in
public examples; where the rest is, the connection says (`members`).
"""

from collections.abc import Mapping
from typing import Any

from orders.contract import Contact, Line, OrderEvent, Unmappable
from orders.parsing import (
    currency_code,
    dig,
    first_phone,
    identifier,
    minor_or_none,
    objects,
    quantity,
    text,
    translate,
)
from orders.sources.olo.statuses import IGNORE, METHODS, STATUSES
from orders.statuses import Status

# What `members` may say, and where we look when it does not.
PLACES: Mapping[str, str] = {
    "order": "",
    "number": "",
    "store": "location.name",
    "name": "",
    "given_name": "",
    "email": "",
    "phone": "",
    "item_name": "",
}


def read_event(
    kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """What an event of this kind says; None for the test event, and for what is ignored."""
    mapped = translate(kind, STATUSES, settings)
    if mapped == IGNORE or set(body) == {"message"}:
        return None
    places = _places(settings)
    order_id = _order_id(kind, body, places)
    known = mapped in Status.values
    currency = currency_code(settings.get("currency")) or "USD"
    return OrderEvent(
        external_id=order_id,
        topic=kind,
        display_number=text(_at(body, places["number"]), 60) or order_id,
        location=text(_at(body, places["store"]), 120),
        status=mapped or "" if known else "",
        source_status=kind,
        unmapped_status="" if known else kind,
        fulfilment_type=METHODS.get(text(body.get("deliveryMethod"), 40).lower(), ""),
        currency=currency if isinstance(body.get("totals"), dict) else "",
        total_minor=minor_or_none(dig(body, "totals", "total"), currency),
        contact=_contact(body, places, settings),
        lines=_lines(body.get("items"), places["item_name"]),
        lines_complete=isinstance(body.get("items"), list),
        may_create=known,
    )


def _places(settings: Mapping[str, Any]) -> dict[str, str]:
    """Where each thing is found in a body, as dotted names."""
    own = settings.get("members") or {}
    if not isinstance(own, dict) or not all(isinstance(place, str) for place in own.values()):
        raise Unmappable('`members` is written like {"order": "the.name.of.it"}.')
    strange = sorted(set(own) - set(PLACES))
    if strange:
        raise Unmappable(f"`members` knows no {', '.join(strange)}; known: {', '.join(PLACES)}.")
    return {**PLACES, **own}


def _order_id(kind: str, body: Mapping[str, Any], places: Mapping[str, str]) -> str:
    if not places["order"]:
        raise Unmappable(
            "Say in the connection's setting `members` which member of Olo's bodies is the "
            'order\'s id, like {"order": "the.name.of.it"}; then replay this event.'
        )
    order_id = identifier(_at(body, places["order"]), places["order"])
    if not order_id:
        raise Unmappable(
            f"{kind} does not say which order it is about. If it is about none, "
            f'set `status_map` to {{"{kind}": "ignore"}}.'
        )
    return order_id


def _at(value: Any, place: str) -> Any:
    return dig(value, *place.split(".")) if place else None


def _contact(
    body: Mapping[str, Any], places: Mapping[str, str], settings: Mapping[str, Any]
) -> Contact | None:
    given_name = text(_at(body, places["given_name"]), 100)
    contact = Contact(
        external_id=text(dig(body, "customer", "customerId"), 120),
        name=text(_at(body, places["name"]), 200) or given_name,
        given_name=given_name,
        email=text(_at(body, places["email"]), 254),
        phone=first_phone([_at(body, places["phone"])]),
        proxy=settings.get("masked_contacts") is True,
    )
    return contact if contact.name or contact.email or contact.phone else None


def _lines(items: Any, name: str) -> list[Line]:
    """The items by their place in the list: the same product may stand there twice."""
    return [
        Line(
            line_id=str(place),
            name=text(_at(item, name), 300) or text(item.get("productId"), 120) or "?",
            quantity=quantity(item.get("quantity")) or "1",
            sku=text(item.get("productId"), 120),
        )
        for place, item in enumerate(objects(items), 1)
    ]
