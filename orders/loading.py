"""Orders in and out of the database in batches: found by any of their names, locked, stored."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from orders import legs
from orders.aggregate import Aggregate
from orders.contract import OrderEvent
from orders.models import (
    FulfilmentGroup,
    InboundEvent,
    Order,
    OrderAlias,
    OrderLine,
    SourceConnection,
    StatusChange,
    Store,
)
from orders.parsing import SAFE_INTEGER, js_rounded

ORDER_FIELDS = [
    field.attname
    for field in Order._meta.concrete_fields
    if field.attname
    not in ("id", "brand_id", "connection_id", "external_id", "token", "created_at")
]
GROUP_FIELDS = [
    field.attname
    for field in FulfilmentGroup._meta.concrete_fields
    if field.attname not in ("id", "order_id", "key")
]
LINE_FIELDS = ["name", "sku", "quantity", "removed_quantity", "note"]


@dataclass(frozen=True, slots=True)
class Word:
    """An event, who brought it, and whether customers may hear of it."""

    event: OrderEvent
    connection: SourceConnection
    inbound: InboundEvent | None = None
    mode: str = "live"
    order_id: int | None = None  # when it is known already (staff)
    actor: str = ""


def load(words: Sequence[Word], now: datetime) -> list[Aggregate | None]:
    """The order of each word with its lines and groups, locked; made when the word may make it."""
    names = _by_name(words)
    new_legs = _legs(words, names, now)
    names |= new_legs
    born = _create([w for w in words if not _found(w, names) and _may_create(w)], now)
    if born:
        names = {**names, **_by_name(words)}
        new_legs |= _legs(words, names, now)  # an order and its leg may come in one batch
        names |= new_legs
    ids = {order_id for w in words if (order_id := _found(w, names))}
    wholes = _aggregates(ids)
    regions = {w.connection.pk: w.connection.brand.country for w in words}
    for whole in wholes.values():
        key = (whole.order.connection_id, whole.order.external_id)
        # Somebody else may have made it meanwhile, and told of it: then it has its parts.
        whole.fresh = key in born and not whole.groups
        whole.region = regions.get(whole.order.connection_id, "")
    found = [_found(w, names) for w in words]
    for leg, order_id in new_legs.items():
        if order_id in wholes:
            wholes[order_id].legs.add(leg)
    return [wholes.get(order_id) if order_id else None for order_id in found]


def _legs(
    words: Sequence[Word], names: dict[tuple[int, str], int], now: datetime
) -> dict[tuple[int, str], int]:
    """For couriers' words about a leg that is new: the order of another connection."""
    new = [w for w in words if legs.is_courier(w.connection) and not _found(w, names)]
    found = {
        (w.connection.pk, w.event.external_id): legs.referred(w.connection, w.event, now)
        for w in new
        if w.event.external_id and not w.event.may_create
    }
    return {key: order_id for key, order_id in found.items() if order_id}


def _may_create(word: Word) -> bool:
    return word.event.may_create and bool(word.event.external_id)


def _names_of(word: Word) -> list[str]:
    """Every name under which `word` may be speaking of its order, best first.

    Whoever knows the exact number does not mean any other order that is rounded alike.
    """
    event = word.event
    pointer = str(event.attributes.get("find_by_group_alias", ""))
    rounded = js_rounded(event.external_id)
    others = [alias for alias in event.aliases if alias != rounded]
    names = [event.external_id, *others, f"group:{pointer}" if pointer else ""]
    return [name[:160] for name in names if name]


def _found(word: Word, names: dict[tuple[int, str], int]) -> int | None:
    if word.order_id:
        return word.order_id
    keys = ((word.connection.pk, name) for name in _names_of(word))
    return next((names[key] for key in keys if key in names), None)


def _by_name(words: Sequence[Word]) -> dict[tuple[int, str], int]:
    """(connection id, any name) -> order id. Two queries, whatever the size of the batch."""
    connections = {word.connection.pk for word in words}
    wanted = {name for word in words for name in _names_of(word)}
    found = {
        (connection, value): order
        for connection, value, order in OrderAlias.objects.filter(
            connection_id__in=connections, value__in=wanted
        ).values_list("connection_id", "value", "order_id")
        if not _stands_for_many(connection, value)
    }
    found |= {
        (connection, name): pk
        for connection, name, pk in Order.objects.filter(
            connection_id__in=connections, external_id__in=wanted
        ).values_list("connection_id", "external_id", "id")
    }
    return found


def _stands_for_many(connection_id: int, number: str) -> bool:
    """Whether several orders are called `number` once JavaScript has rounded their ids."""
    if not number.isdecimal() or int(number) <= SAFE_INTEGER:
        return False
    middle = float(int(number))
    reach = int(math.ulp(middle))
    near = Order.objects.filter(
        connection_id=connection_id,
        external_id__range=(str(int(middle) - reach), str(int(middle) + reach)),
    ).values_list("external_id", flat=True)
    return sum(js_rounded(one) == number for one in near) > 1


def _create(words: Sequence[Word], now: datetime) -> set[tuple[int, str]]:
    """Rows for orders nobody knows; a row made meanwhile by somebody else is simply used."""
    rows = {
        (word.connection.pk, word.event.external_id[:120]): Order(
            brand_id=word.connection.brand_id,
            connection=word.connection,
            store=_store_of(word.connection, word.event.location),
            external_id=word.event.external_id[:120],
            created_at=now,
            changed_at=now,
        )
        for word in words
    }
    if rows:
        # In one order everywhere: two batches with the same new orders must not wait in a circle.
        Order.objects.bulk_create([rows[key] for key in sorted(rows)], ignore_conflicts=True)
    return set(rows)


def _store_of(connection: SourceConnection, location: str) -> Store | None:
    """The store that a source calls `location`, else the connection's own, else the only one."""
    stores = list(connection.brand.stores.all())
    for store in stores:
        if location and location in (store.slug, *store.external_refs):
            return store
    own = next((store for store in stores if store.pk == connection.store_id), None)
    return own or (stores[0] if len(stores) == 1 else None)


def _aggregates(ids: Iterable[int]) -> dict[int, Aggregate]:
    """Lock in the order of the ids, so that two batches never wait for each other in a circle.

    `no_key`: rows that point at an order (a delivery, a decision) are written meanwhile.
    """
    locked = Order.objects.select_for_update(no_key=True).filter(id__in=list(ids)).order_by("id")
    wholes = {order.pk: Aggregate(order) for order in locked}
    for line in OrderLine.objects.filter(order_id__in=wholes):
        wholes[line.order_id].lines[line.line_id] = line
    for group in FulfilmentGroup.objects.filter(order_id__in=wholes).order_by("id"):
        wholes[group.order_id].groups.append(group)
    return wholes


def store(
    wholes: Sequence[Aggregate], changes: Sequence[StatusChange], now: datetime
) -> list[StatusChange]:
    """Write everything back; the changes that are really new, with their ids."""
    orders = [whole.order for whole in wholes]
    for order in orders:
        order.changed_at = now
        if order.customer is not None:
            order.customer_id = order.customer.pk
    _alias(wholes)  # first: which names are kept is written on the order
    _upsert_orders(orders)
    _upsert_parts(wholes)
    return _insert(changes)


def _upsert_orders(orders: Sequence[Order]) -> None:
    if orders:
        Order.objects.bulk_create(
            orders, update_conflicts=True, unique_fields=["id"], update_fields=ORDER_FIELDS
        )


def _upsert_parts(wholes: Sequence[Aggregate]) -> None:
    groups = [group for whole in wholes for group in whole.groups]
    lines = [line for whole in wholes for line in whole.lines.values()]
    if groups:
        FulfilmentGroup.objects.bulk_create(
            groups,
            update_conflicts=True,
            unique_fields=["order", "key"],
            update_fields=GROUP_FIELDS,
        )
    if lines:
        OrderLine.objects.bulk_create(
            lines,
            update_conflicts=True,
            unique_fields=["order", "line_id"],
            update_fields=LINE_FIELDS,
        )


def _alias(wholes: Sequence[Aggregate]) -> None:
    """Keep an order's other names: its number as rounded by JavaScript, its groups' ids."""
    rows = []
    for whole in wholes:
        order = whole.order
        names = {js_rounded(order.external_id)} - {order.external_id}
        names |= {f"group:{alias}" for group in whole.groups for alias in group.aliases}
        names |= whole.aliases
        known = set(order.clocks.get("aliases", []))
        rows += [
            OrderAlias(connection_id=order.connection_id, order=order, value=name[:160])
            for name in sorted(names - known)
        ]
        order.clocks["aliases"] = sorted(names | known)
        rows += [  # a courier's names are its own: the shop may call another order so
            OrderAlias(connection_id=courier, order=order, value=name[:160])
            for courier, name in sorted(whole.legs)
        ]
    if rows:
        rows.sort(key=lambda row: (row.connection_id, row.value))
        OrderAlias.objects.bulk_create(rows, ignore_conflicts=True)


def _insert(changes: Sequence[StatusChange]) -> list[StatusChange]:
    """Insert those that the timeline does not have yet."""
    if not changes:
        return []
    key = ("order_id", "group_key", "fact", "status", "occurrence")
    fresh = {tuple(getattr(change, name) for name in key): change for change in changes}
    same = Q(order_id__in={change.order_id for change in changes})
    same &= Q(occurrence__in={change.occurrence for change in changes})
    known = set(StatusChange.objects.filter(same).values_list(*key))
    new = [change for identity, change in fresh.items() if identity not in known]
    return StatusChange.objects.bulk_create(new)
