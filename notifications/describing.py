"""The values of a message's variables, from rows that are already loaded. Pure: no queries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from notifications import values, words
from notifications.claims import Claim
from orders import deriving
from orders.models import Brand, FulfilmentGroup, Order, OrderLine, StatusChange, Store
from orders.statuses import CORRECTION, FINAL, Fact, Status


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the parts of `build` need to know together."""

    order: Order | None
    lines: Sequence[OrderLine]
    groups: Sequence[FulfilmentGroup]  # those that hold something
    all_groups: Sequence[FulfilmentGroup]
    words: words.Language
    now: datetime
    place: ZoneInfo
    country: str
    told: datetime | None = None  # the time that the customer knows
    tolerance: int = 0  # minutes by which a new time may differ and still be called the old one
    together: Sequence[FulfilmentGroup] = ()  # the parts, when one message tells of several

    def time(self, value: datetime | str | None) -> str:
        return values.clock(values.moment(value), self.now, self.place, self.words)

    def money(self, minor: int | None) -> str:
        currency = self.order.currency if self.order else ""
        return values.money(minor, currency, self.words, self.country)

    def label(self, status: str) -> str:
        return self.words.statuses.get(status) or self.words.facts.get(status, "")


def build(
    *,
    order: Order | None,
    group: FulfilmentGroup | None,
    change: StatusChange | None,
    store: Store | None,
    brand: Brand,
    lines: Sequence[OrderLine],
    groups: Sequence[FulfilmentGroup],
    language: str,
    now: datetime,
    links: Mapping[str, str],
    wanted: Collection[str] | None = None,
    claim: Claim | None = None,
    together: Sequence[FulfilmentGroup] = (),
    told: datetime | None = None,
    tolerance: int = 0,
) -> dict[str, Any]:
    """The variables of one message; `links` holds "tracking" and "preferences".

    Only those named in `wanted` are worked out, when it is given. `together` are the parts of
    which one message tells, when they are several (`group` is the first).
    `told` is the time that the
    customer knows; a new one within `tolerance` minutes of it is not mentioned.
    """
    shown = deriving.active(lines, groups)
    scene = _Scene(
        order, lines, shown, groups, words.language(language), now,
        place=values.zone(store.time_zone if store else "UTC"),
        country=language[3:5] or brand.country, told=told, tolerance=tolerance,
        together=together,
    )  # fmt: skip
    makers = _makers(scene, group, change, store, brand, links)
    makers["correction"] = lambda: _correction(scene, claim)
    if claim is not None:
        makers["change"] = lambda: _change(scene, change, CORRECTION)
    return {name: make() for name, make in makers.items() if wanted is None or name in wanted}


def _makers(
    scene: _Scene,
    group: FulfilmentGroup | None,
    change: StatusChange | None,
    store: Store | None,
    brand: Brand,
    links: Mapping[str, str],
) -> dict[str, Callable[[], Any]]:
    """How each variable is worked out, if it is wanted."""
    shown, order = scene.groups, scene.order
    mine = scene.together or ([group] if group else ())
    told = mine or shown
    return {
        "order": lambda: _order(scene),
        "items": lambda: _items(scene.lines, scene.all_groups, *mine),
        "items_text": lambda: items_text(_items(scene.lines, scene.all_groups, *mine)),
        "part": lambda: _part(scene, group, change),
        "parts": lambda: [
            {**_part_row(scene, one, number), "told": one in told}
            for number, one in enumerate(shown, 1)
        ],
        "progress": lambda: dict(deriving.progress([one.status for one in shown])),
        "eta": lambda: _eta(scene, told, scene.told),
        "delay": lambda: _delay(scene, group, change),
        "tracking": lambda: _tracking(told),
        "refund": lambda: _refund(scene, change),
        "change": lambda: _change(scene, change),
        "store": lambda: _store(store),
        "brand": lambda: _brand(brand),
        "customer": lambda: _customer(order),
        "tracking_url": lambda: values.url(links.get("tracking")),
        "status_page": lambda: values.url(order and order.status_page),
        "preferences_url": lambda: values.url(links.get("preferences")),
    }


def _order(scene: _Scene) -> dict[str, Any]:
    order = scene.order or Order()
    labels = scene.words
    return {
        "number": values.clean(order.display_number or order.external_id, 40),
        "status": scene.label(order.status),
        "status_key": order.status,
        "total": scene.money(order.total_minor),
        "fulfilment_type": values.clean(order.fulfilment_type, 20),
        "fulfilment": labels.methods.get(order.fulfilment_type, ""),
        # Only reasons that are known to be fit for a customer: "fraud" is not.
        "cancel_reason": labels.cancel_reasons.get(order.cancel_reason.lower(), ""),
        "placed_at": scene.time(order.placed_at),
        "note": values.clean(order.note, 200),
    }


def _store(store: Store | None) -> dict[str, str]:
    return {
        "name": values.clean(store and store.name),
        "phone": values.clean(store and store.phone, 20),
        "address": values.clean(store and store.address, 120),
    }


def _brand(brand: Brand) -> dict[str, str]:
    return {
        "name": values.clean(brand.name),
        "contact_line": values.clean(brand.contact_line, 120),
        "postal_address": values.clean(brand.postal_address, 200),
    }


def _customer(order: Order | None) -> dict[str, str]:
    name = values.clean(order and order.contact_name)
    given = values.clean(order and order.contact_given_name)
    return {"first_name": given or name.partition(" ")[0], "name": name or given}


def _items(
    lines: Sequence[OrderLine],
    groups: Sequence[FulfilmentGroup],
    *mine: FulfilmentGroup,
) -> list[dict[str, str]]:
    """What is in the parts `mine`, or in the whole order."""
    wanted: dict[str, Decimal] = {}
    if not mine:
        wanted = {line.line_id: line.quantity - line.removed_quantity for line in lines}
    for group in mine:
        holds = group.lines or deriving.unallocated(lines, groups)
        for line_id, amount in holds.items():
            wanted[line_id] = wanted.get(line_id, Decimal(0)) + Decimal(amount)
    return [
        {"name": values.clean(line.name), "quantity": values.quantity(wanted[line.line_id])}
        for line in lines
        if wanted.get(line.line_id, 0) > 0
    ]


def items_text(items: Sequence[Mapping[str, str]]) -> str:
    """2 × Margherita, 1 × Cola."""
    return ", ".join(f"{one['quantity']} × {one['name']}" for one in items)


def _part_row(scene: _Scene, group: FulfilmentGroup, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "of": len(scene.groups),
        "items_text": items_text(_items(scene.lines, scene.groups, group)),
        "status": scene.label(group.status),
        "status_key": group.status,
        "eta": _eta(scene, [group], None),
        "is_late": _late(group),
    }


def _part(
    scene: _Scene, group: FulfilmentGroup | None, change: StatusChange | None
) -> dict[str, Any]:
    keys = [one.key for one in scene.groups]
    mine = scene.together or ([group] if group else [])
    numbers = [keys.index(one.key) + 1 for one in mine if one.key in keys]
    main = group or (scene.groups[0] if len(scene.groups) == 1 else None)
    is_part = change.part if change else len(keys) > 1
    status = main.status if main else scene.order.status if scene.order else ""
    method = main.method if main else ""
    return {
        "is_part": bool(group and is_part and len(keys) > 1),
        # Several are named together, in words that were written for one, too.
        "number": ", ".join(map(str, numbers)) if len(numbers) > 1 else next(iter(numbers), 1),
        "count": max(len(mine), 1),
        "of": max(len(keys), 1),
        "status": scene.label(status),
        "status_key": status,
        "method": method or (scene.order.fulfilment_type if scene.order else ""),
        "courier": values.clean(main.courier if main else ""),
    }


def _late(group: FulfilmentGroup) -> bool:
    return bool(group.delayed_since) and group.status not in FINAL


def expected(
    groups: Sequence[FulfilmentGroup],
    now: datetime,
    told: datetime | None = None,
    tolerance: int = 0,
) -> datetime | None:
    """The time that a message names for `groups`: of the slowest; nothing that lies in the past.

    The time that was `told` stands while the new one is within `tolerance` minutes of it.
    """
    slowest = _slowest(groups, now)
    if slowest is None:
        return None
    stands = told is not None and told >= now
    if stands and told is not None and abs(slowest[0] - told) <= timedelta(minutes=tolerance):
        return told
    return slowest[0]


def _slowest(
    groups: Sequence[FulfilmentGroup], now: datetime
) -> tuple[datetime, FulfilmentGroup] | None:
    promised = [(_promise(one), one) for one in groups if one.status not in FINAL]
    ahead = [(end, one) for end, one in promised if end and end >= now]
    return max(ahead, key=lambda pair: pair[0]) if ahead else None


def _eta(scene: _Scene, groups: Sequence[FulfilmentGroup], told: datetime | None) -> str:
    """When the slowest of `groups` is expected; nothing that lies in the past is promised."""
    end = expected(groups, scene.now, told, scene.tolerance)
    found = _slowest(groups, scene.now)
    if end is None or found is None:
        return ""
    slowest = found[1]
    text, start = scene.time(end), slowest.deliver_from
    if end != slowest.deliver_to or not start or not scene.now <= start < end:
        return text
    same_day = start.astimezone(scene.place).date() == end.astimezone(scene.place).date()
    return f"{scene.time(start)}-{text[-5:]}" if same_day else text


def _promise(group: FulfilmentGroup) -> datetime | None:
    """The end of what was promised; something that waits to be picked up has no time any more."""
    if group.method in ("delivery", "shipping"):
        return group.deliver_to or group.deliver_from
    if group.status == Status.READY:
        return None
    return group.ready_at or group.deliver_to or group.deliver_from


def _delay(
    scene: _Scene, group: FulfilmentGroup | None, change: StatusChange | None
) -> dict[str, Any]:
    moved = change is not None and change.fact in (Fact.DELAYED, Fact.ETA)
    data = change.data if change is not None and moved else {}
    before, after = values.moment(data.get("previous")), values.moment(data.get("new"))
    about = [group] if group else scene.groups
    late = [one for one in about if _late(one)]
    end = expected(about, scene.now, scene.told, scene.tolerance)
    why = data.get("reason") or (late[0].delay_reason if late else "")
    return {
        "is_late": bool(late),
        "reason": values.reason(why),
        "minutes": round((after - before).total_seconds() / 60) if before and after else 0,
        "previous": scene.time(before),
        "new": scene.time(after),
        "told": scene.time(scene.told),
        "earlier": end is not None and scene.told is not None and end < scene.told,
    }


def _tracking(groups: Sequence[FulfilmentGroup]) -> list[dict[str, str]]:
    return [
        _parcel({"number": number, **facts})
        for group in groups
        for number, facts in list(group.tracking.items())[:20]
    ]


def _parcel(data: Mapping[str, Any]) -> dict[str, str]:
    number = str(data.get("number") or "")
    return {
        "carrier": values.clean(data.get("carrier"), 40),
        # A parcel without a number is known by its address; that is not a number to show.
        "number": "" if "://" in number else values.clean(number, 40),
        "url": values.url(data.get("url")),
    }


def _refund(scene: _Scene, change: StatusChange | None) -> dict[str, str]:
    data = change.data if change is not None and change.fact == Fact.REFUND else {}
    so_far = scene.order.refunded_minor if scene.order else 0
    return {
        "amount": scene.money(data.get("amount_minor")),
        "reason": values.reason(data.get("reason")),
        "total": scene.money(so_far or None),
    }


def _correction(scene: _Scene, claim: Claim | None) -> dict[str, str]:
    """What is taken back: the status that was told, and when."""
    claimed = claim.change.status if claim else ""
    return {
        "claim": scene.label(claimed),
        "claim_key": claimed,
        "told_at": scene.time(claim.told_at) if claim else "",
    }


def _change(scene: _Scene, change: StatusChange | None, event: str = "") -> dict[str, Any]:
    change = change or StatusChange(fact="")
    data = change.data
    cancelled = scene.order.cancel_reason if scene.order else ""
    parcel = data if change.fact == Fact.TRACKING else {}
    return {
        "event": event or change.event_name,
        "label": scene.label(event or change.event_name),
        "previous": scene.label(change.previous_status),
        "at": scene.time(change.occurred_at),
        "reason": values.reason(data.get("reason") or cancelled),
        "added_text": _changed(data.get("added")),
        "removed_text": _changed(data.get("removed")),
        "tracking": _parcel(parcel),
    }


def _changed(items: Any) -> str:
    known = [one for one in items or () if isinstance(one, Mapping) and one.get("name")]
    return items_text(
        [
            {"name": values.clean(one["name"]), "quantity": values.quantity(one.get("quantity", 1))}
            for one in known[:30]
        ]
    )
