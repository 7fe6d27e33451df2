"""A courier's leg of an order that another connection brought: found by reference, heard in part.

The courier's word counts on the way to the door: handed over to it, delivered, when, by whom, and
where to follow it. On everything else the shop's word counts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Q

from orders import registry
from orders.aggregate import Aggregate
from orders.clocks import stamp
from orders.contract import Group, OrderEvent
from orders.models import FulfilmentGroup, Order, SourceConnection
from orders.parts import find_group, known_part
from orders.statuses import BROUGHT, FINAL, Fact, Status

ON_THE_WAY = frozenset({Status.OUT_FOR_DELIVERY, Status.DELIVERED})
GIVEN_UP = frozenset({Fact.FAILED, Fact.RETURNED})
# Numbers of tills come again: a leg belongs to an order of these days.
LOOKS_BACK = timedelta(days=7)


def is_courier(connection: SourceConnection) -> bool:
    """Whether `connection` brings orders of others."""
    return registry.source(connection.source).courier


def couriers() -> list[str]:
    """The slugs of all couriers."""
    return [slug for slug in registry.slugs() if registry.source(slug).courier]


def referred(connection: SourceConnection, event: OrderEvent, now: datetime) -> int | None:
    """The order of another connection that `event` speaks of; None when it is not clear."""
    names = {name for one in (event.external_id, *event.aliases) for name in _spellings(one)}
    near = Order.objects.filter(brand_id=connection.brand_id, created_at__gte=now - LOOKS_BACK)
    near = near.exclude(connection_id=connection.pk)
    chosen = connection.settings.get("orders_of")
    if chosen:
        near = near.filter(connection__name=chosen)
    for by in (
        Q(external_id__in=names),
        Q(order_aliases__value__in=names),
        Q(display_number__in=names),
    ):
        rows = list(near.filter(by).values_list("id", "status").distinct()[:20])
        if rows:
            return _only(rows)
    return None


def _spellings(name: str) -> list[str]:
    bare = name.strip().lstrip("#")
    return [name, bare, f"#{bare}"] if bare else []


def _only(rows: Sequence[tuple[int, str]]) -> int | None:
    """The one order of `rows`, or the one that is not over; None when there are several."""
    ids = [pk for pk, _status in rows]
    going_on = [pk for pk, status in rows if status not in FINAL]
    return next((found[0] for found in (ids, going_on) if len(found) == 1), None)


# -- whose word counts --------------------------------------------------------------------------


def heard(whole: Aggregate, connection: SourceConnection, event: OrderEvent) -> OrderEvent:
    """What counts of `event` about `whole`, which may have a leg."""
    if connection.pk != whole.order.connection_id and is_courier(connection):
        return _of_courier(whole, event)
    parts = [row for row in whole.groups if _leg_of(row)]
    return _of_shop(whole, event, parts) if parts else event


def _of_courier(whole: Aggregate, event: OrderEvent) -> OrderEvent:
    """The way to the door. Its names for the order are no names of the shop's."""
    row = _part(whole, event)
    if row is None:
        return replace(event, groups=(), facts=())
    _remember(row, event)
    arrived = row.own_status == Status.DELIVERED and _leg_of(row) == event.external_id
    groups = [_on_the_way(group, row.key, arrived) for group in event.groups]
    facts = [(fact, {**data, "group": row.key}) for fact, data in event.facts]
    return OrderEvent(
        event.external_id,
        event.topic,
        clock=event.clock,
        occurred_at=event.occurred_at,
        groups=groups,
        facts=facts,
        unmapped_status=event.unmapped_status,
    )


def _on_the_way(group: Group, key: str, arrived: bool) -> Group:
    """What a courier may say of a part. A leg that has arrived is never under way again."""
    counts = group.status in ON_THE_WAY and not (arrived and group.status != Status.DELIVERED)
    status = group.status if counts else ""
    return replace(group, key=key, aliases=(), lines=(), method="", ready_at=None, status=status)


def _part(whole: Aggregate, event: OrderEvent) -> FulfilmentGroup | None:
    """The part that the courier brings: the one it names, else the only one that is brought."""
    named = find_group(whole, Group(key="", aliases=event.aliases))
    method = whole.order.fulfilment_type
    brought = [row for row in whole.groups if (row.method or method) in BROUGHT]
    return named or next(iter(brought or whole.groups), None)


def _leg_of(row: FulfilmentGroup) -> str:
    """The delivery that brings the part, or ""."""
    return str(row.clocks.get("leg", [""])[0])


def _remember(row: FulfilmentGroup, event: OrderEvent) -> None:
    """Which leg the part has; none any more once it was given up."""
    when = stamp(event.clock)[1] or 0
    if when >= row.clocks.get("leg", ["", 0])[1]:
        over = any(fact in GIVEN_UP for fact, _data in event.facts)
        row.clocks["leg"] = ["" if over else event.external_id, when]


def _of_shop(whole: Aggregate, event: OrderEvent, parts: Sequence[FulfilmentGroup]) -> OrderEvent:
    """All but the way of a part that a courier has."""
    groups = [
        _without_way(group) if known_part(whole, group) in parts else group
        for group in event.groups
    ]
    status = "" if event.status in ON_THE_WAY else event.status
    return replace(event, status=status, groups=groups)


def _without_way(group: Group) -> Group:
    status = "" if group.status in ON_THE_WAY else group.status
    return replace(
        group,
        status=status,
        sub_status="",
        courier="",
        deliver_from=None,
        deliver_to=None,
        delayed=None,
    )
