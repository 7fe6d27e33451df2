"""One courier's leg, whichever notification told of it, as an event about the shop's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Tracking, Unmappable
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
    web_address,
)
from orders.sources.uber_direct.statuses import FACTS, KNOWN, OVER, STATUSES, WHERE
from orders.statuses import Fact, Status

RETURN_PREFIX = "ret_"
PART = "main"
_TIMES = ("ready", "deadline", "eta")


@dataclass(frozen=True, slots=True)
class Leg:
    """What we keep of a delivery. `way_back`: it brings the goods home to the store."""

    delivery_id: str
    word: str
    near: bool = False
    at: datetime | None = None
    references: Sequence[str] = ()  # the shop's names for the order, best first
    related: Sequence[str] = ()
    way_back: bool = False
    live: bool = True
    courier: str = ""
    tracking_url: str = ""
    window: tuple[datetime | None, datetime | None] = (None, None)
    late: bool | None = None
    reason: str = ""


def read_leg(delivery: Mapping[str, Any], at: datetime | None) -> Leg:
    """A delivery as the API writes it; `at` when it says nothing of its last change."""
    delivery_id = identifier(delivery.get("id"), "delivery id")
    if not delivery_id:
        raise Unmappable("The body names no delivery. Is this a webhook of Uber Direct?")
    references = (
        identifier(delivery.get("external_id"), "external_id"),
        identifier(dig(delivery, "manifest", "reference"), "manifest.reference"),
    )
    related = [identifier(one.get("id")) for one in objects(delivery.get("related_deliveries"))]
    return Leg(
        delivery_id,
        text(delivery.get("status"), 80),
        near=delivery.get("courier_imminent") is True,
        at=timestamp(delivery.get("updated")) or at,
        references=unique(references),
        related=unique(related, apart_from=delivery_id),
        way_back=delivery_id.startswith(RETURN_PREFIX),
        live=delivery.get("live_mode") is not False,
        courier=text(dig(delivery, "courier", "name"), 120),
        tracking_url=web_address(delivery.get("tracking_url")),
        window=_window(delivery),
        late=_late(delivery),
        reason=text(delivery.get("undeliverable_reason"), 200),
    )


def _window(delivery: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """From when until when it may ring at the door. An estimate beats the outer limit."""
    opens, closes, eta = (timestamp(delivery.get(f"dropoff_{name}")) for name in _TIMES)
    until = eta or closes
    return (min(opens, until) if opens and until else opens), until


def _late(delivery: Mapping[str, Any]) -> bool | None:
    """Whether it is expected after the end of the window that was ordered; None: not said."""
    closes, eta = (timestamp(delivery.get(f"dropoff_{name}")) for name in ("deadline", "eta"))
    return eta > closes if closes and eta else None


# -- the event ----------------------------------------------------------------------------------


def leg_event(
    topic: str, leg: Leg, delivery: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent:
    """What the leg says of the order that it brings."""
    own = settings.get("creates_orders") is True and not leg.way_back
    clock = Clock(at=leg.at)
    status = translate(leg.word, STATUSES, settings) or ""
    known = leg.word in KNOWN or leg.word == "" or bool(status)
    event = OrderEvent(
        external_id=leg.delivery_id,
        topic=topic,
        clock=clock,
        occurred_at=leg.at,
        # The shop's numbers may come again next year: an order of our own is not found by them.
        aliases=leg.related if own else unique([*leg.references, *leg.related]),
        groups=[_part(leg, status, clock)],
        facts=_facts(leg),
        unmapped_status="" if known else leg.word,
        test=not leg.live,
        may_create=False,
    )
    return _with_order(event, leg, delivery) if own else event


def _part(leg: Leg, status: str, clock: Clock) -> Group:
    if leg.way_back:
        where = "back_at_store" if leg.word == "delivered" else "coming_back"
        return Group(PART, source_status=f"return {leg.word}"[:80], sub_status=where, clock=clock)
    over = leg.word in OVER
    opens, closes = (None, None) if over else leg.window
    parcel = Tracking(leg.delivery_id, "Uber", leg.tracking_url)
    return Group(
        PART,
        method="delivery",
        status=status,
        source_status=leg.word,
        sub_status=WHERE.get((leg.word, leg.near)) or WHERE.get((leg.word, False), ""),
        deliver_from=opens,
        deliver_to=closes,
        delayed=None if over else leg.late,
        tracking=[parcel] if leg.tracking_url else (),
        courier=leg.courier,
        clock=clock,
    )


def _facts(leg: Leg) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The return itself is told once, by the leg that failed; not again by the way back."""
    fact: str | None = None if leg.way_back else FACTS.get(leg.word)
    if fact is None:
        return ()
    reason = leg.reason or ("returned to the store" if fact == Fact.RETURNED else "")
    return [(fact, {"group": PART, "reason": reason, "delivery": leg.delivery_id})]


def _with_order(event: OrderEvent, leg: Leg, delivery: Mapping[str, Any]) -> OrderEvent:
    """The leg as an order of its own, for shops whose orders come from nowhere else."""
    currency = currency_code(delivery.get("currency"))
    total = dig(delivery, "manifest", "total_value")
    whole = isinstance(total, int) and not isinstance(total, bool) and total > 0
    lines = _lines(delivery)
    return OrderEvent(
        external_id=event.external_id,
        topic=event.topic,
        clock=event.clock,
        occurred_at=event.occurred_at,
        display_number=(leg.references[-1] if leg.references else "")[:60],
        aliases=event.aliases,
        location=identifier(dig(delivery, "pickup", "external_store_id")),
        status="" if leg.word in FACTS else Status.CONFIRMED,
        fulfilment_type="delivery",
        currency=currency,
        total_minor=total if whole and currency else None,
        placed_at=timestamp(delivery.get("created")),
        contact=_contact(delivery),
        lines=lines,
        lines_complete=bool(lines),
        groups=event.groups,
        facts=event.facts,
        unmapped_status=event.unmapped_status,
        test=event.test,
        may_create=True,
    )


def _contact(delivery: Mapping[str, Any]) -> Contact | None:
    door = delivery.get("dropoff")
    country = text(dig(door, "detailed_address", "country"), 3).upper()
    country = country if len(country) == 2 and country.isascii() and country.isalpha() else ""
    phone = text(dig(door, "phone_number"), 60)
    contact = Contact(
        name=text(dig(door, "name"), 200),
        phone=phone if possible_phone(phone, country) else "",
        country=country,
    )
    return contact if contact.name or contact.phone else None


def _lines(delivery: Mapping[str, Any]) -> list[Line]:
    """Uber gives the goods no ids: their places in the list serve."""
    return [
        Line(f"item{n}", text(one.get("name"), 300), quantity(one.get("quantity")) or "1")
        for n, one in enumerate(objects(delivery.get("manifest_items")), start=1)
    ]
