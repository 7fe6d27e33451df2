"""What follows from the facts: the status of each group, and of the order. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from orders.models import FulfilmentGroup, Order, OrderLine
from orders.statuses import BROUGHT, FINAL, HANDED_OVER, Status, rank


def unallocated(
    lines: Iterable[OrderLine], groups: Iterable[FulfilmentGroup]
) -> dict[str, Decimal]:
    """Line id -> quantity that no group has claimed by name."""
    left = {line.line_id: line.quantity - line.removed_quantity for line in lines}
    for group in groups:
        for line_id, quantity in group.lines.items():
            if line_id in left and group.status != Status.CANCELLED:
                left[line_id] -= Decimal(quantity)
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def active(
    order_lines: Sequence[OrderLine], groups: Sequence[FulfilmentGroup]
) -> list[FulfilmentGroup]:
    """The groups that hold something; the one for 'the rest' counts while there is a rest."""
    if len(groups) < 2:
        return list(groups)
    rest = unallocated(order_lines, groups) if order_lines else {"?": Decimal(1)}
    return [group for group in groups if group.lines or rest] or list(groups[:1])


def group_status(order: Order, group: FulfilmentGroup, everything_refunded: bool) -> str:
    """The group's status: its own word, moved on by what is said of the whole order."""
    own, base = group.own_status, order.base_status
    if own in HANDED_OVER and base != Status.REFUNDED:
        return own
    if everything_refunded and base not in HANDED_OVER:
        return Status.REFUNDED
    return max(own, base, key=rank)


def everything_refunded(order: Order, groups: Iterable[FulfilmentGroup]) -> bool:
    """All money went back and nothing was handed over."""
    counted = bool(order.total_minor) and order.refunded_minor >= (order.total_minor or 0)
    told = bool(order.clocks.get("refunded_in_full"))
    return (counted or told) and not any(group.own_status in HANDED_OVER for group in groups)


def order_status(statuses: Sequence[str]) -> str:
    """The order's status from those of its active groups: never further than its slowest part."""
    alive = [status for status in statuses if status not in (Status.CANCELLED, Status.REFUNDED)]
    if not alive:
        return max(statuses, key=rank, default="")
    if all(status in FINAL for status in alive):
        return alive[0] if len(set(alive)) == 1 else Status.DELIVERED
    return min((status for status in alive), key=rank)


def awaited(group: FulfilmentGroup, method: str) -> datetime | None:
    """The time that the customer waits for: at the door when it is brought, else when ready."""
    if method in BROUGHT:
        return group.deliver_to or group.ready_at
    return group.ready_at or group.deliver_to


def progress(statuses: Sequence[str]) -> Mapping[str, int]:
    """How many parts have come at least this far; for "2 of 3 are ready"."""
    alive = [status for status in statuses if status not in (Status.CANCELLED, Status.REFUNDED)]
    reached = {
        status.value: sum(rank(one) >= rank(status) for one in alive)
        for status in (Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY, Status.DELIVERED)
    }
    return {"parts": len(alive), **reached}
