"""What an event says of the parts of an order: splits, promises, delays, parcels."""

from collections.abc import Sequence
from decimal import Decimal

from orders.aggregate import LATE, Aggregate, Entry, canonical_at, iso
from orders.clocks import Memory, Stamp, stamp
from orders.contract import Group, OrderEvent, Tracking
from orders.deriving import awaited, unallocated
from orders.models import FulfilmentGroup, Order
from orders.statuses import Fact


def late_status(
    row: Order | FulfilmentGroup,
    group_key: str,
    status: str,
    memory: Memory,
    name: str,
    at: Stamp | None = None,
) -> list[Entry]:
    """A status that is older than what we know goes on the timeline, marked as not applied."""
    current = getattr(row, name)
    if not status or status == current or not memory.is_old(name, at):
        return []
    when = at or memory.when
    return [
        Entry(
            Fact.STATUS,
            f"late:{when[0]}:{when[1]}",
            group_key,
            status,
            current,
            applied=False,
            silent_why=LATE,
        )
    ]


def find_group(whole: Aggregate, group: Group) -> FulfilmentGroup | None:
    """The row that `group` speaks of, by key or any alias."""
    names = {group.key, *group.aliases}
    for row in whole.groups:
        if row.key in names or names & set(row.aliases):
            return row
    return None


def known_part(whole: Aggregate, group: Group) -> FulfilmentGroup | None:
    """The row that `group` speaks of or takes over: it may be what is left of the order."""
    row = find_group(whole, group)
    if row is not None:
        return row
    main = next((one for one in whole.groups if not one.lines), None)
    takes_over = main is not None and group.key != "main" and _covers_the_rest(whole, group)
    return main if takes_over else None


def merge_group(whole: Aggregate, group: Group, event: OrderEvent, who: str) -> list[Entry]:
    """One part's facts."""
    row, entries = _group_row(whole, group)
    row.aliases = sorted({*row.aliases, *group.aliases, group.key} - {row.key})
    at = stamp(group.clock or event.clock)
    memory = Memory(row.clocks, who, at)
    entries += late_status(row, row.key, group.status, memory, "own_status", at)
    if group.status and memory.accepts_status("own_status", group.status, row.own_status):
        row.own_status = group.status
    for name in ("method", "source_status", "sub_status", "courier"):
        value = getattr(group, name)
        if value and memory.accepts(name, value, getattr(row, name)):
            setattr(row, name, value)
    if _names_its_lines(whole, row, group) and memory.accepts("lines", group.lines, row.lines):
        row.lines = dict(group.lines)
    entries += _promises(row, group, event, memory, row.method or whole.order.fulfilment_type)
    entries += _tracking(row, group.tracking)
    return entries


def _names_its_lines(whole: Aggregate, row: FulfilmentGroup, group: Group) -> bool:
    """Whether `row` now stands for certain lines, and no longer (or not) for all the rest."""
    if not group.lines or row.lines or row.key != "main":
        return bool(group.lines)
    return bool(whole.lines) and not _covers_the_rest(whole, group)


def _group_row(whole: Aggregate, group: Group) -> tuple[FulfilmentGroup, list[Entry]]:
    """The row for `group`, made when needed; a split is a fact of its own."""
    row = known_part(whole, group)
    if row is not None:
        return row, []
    main = next((one for one in whole.groups if not one.lines), None)
    row = FulfilmentGroup(order=whole.order, key=group.key[:120], lines=dict(group.lines))
    if main is not None:
        row.status, row.method = main.status, main.method
    split = bool(whole.groups)
    whole.groups.append(row)
    fact = Entry(Fact.SPLIT, f"split:{row.key}"[:80], row.key, data={"parts": len(whole.groups)})
    return row, [fact] if split else []


def _covers_the_rest(whole: Aggregate, group: Group) -> bool:
    """Whether `group` is simply the order (or what is left of it) under the source's own name."""
    if not group.lines or not whole.lines:
        only = whole.groups[0]
        return len(whole.groups) == 1 and only.key == "main" and not only.aliases
    rest = unallocated(whole.lines.values(), whole.groups)
    named = {line_id: Decimal(quantity) for line_id, quantity in group.lines}
    return all(named.get(line_id, Decimal(0)) >= quantity for line_id, quantity in rest.items())


def ensure_groups(whole: Aggregate) -> None:
    """Every order has a group; what no group has claimed belongs to one for the rest."""
    has_rest = any(not group.lines for group in whole.groups)
    if whole.groups and (has_rest or not whole.lines):
        return
    if whole.groups and not unallocated(whole.lines.values(), whole.groups):
        return
    taken = {group.key for group in whole.groups}
    whole.groups.append(
        FulfilmentGroup(
            order=whole.order,
            key="rest" if "main" in taken else "main",
            method=whole.order.fulfilment_type,
            # What is left of an order that is known already has been told of with it.
            status=whole.order.base_status if whole.order.status else "",
        )
    )


def _promises(
    row: FulfilmentGroup, group: Group, event: OrderEvent, memory: Memory, method: str
) -> list[Entry]:
    """When it will be ready or there, and whether it is late."""
    before = awaited(row, method)
    for name in ("ready_at", "deliver_from", "deliver_to"):
        value = getattr(group, name)
        if value is not None and memory.accepts(name, value.isoformat(), iso(getattr(row, name))):
            setattr(row, name, value)
    after = awaited(row, method)
    data = {"previous": iso(before), "new": iso(after), "reason": group.delay_reason[:200]}
    late_now = _delay(row, group, event, memory)
    if late_now:
        since = row.delayed_since.isoformat() if row.delayed_since else ""
        return [Entry(Fact.DELAYED, f"delay:{since}"[:80], row.key, data=data)]
    if before and after and before != after:
        # With the moment it was said: a time may come back, and is news again.
        name = f"eta:{iso(after)}:{canonical_at(event)}"[:80]
        return [Entry(Fact.ETA, name, row.key, data=data)]
    return []


def _delay(row: FulfilmentGroup, group: Group, event: OrderEvent, memory: Memory) -> bool:
    """Take over the delay flag; True when the part has just become late."""
    if group.delayed is None:
        return False
    if not memory.accepts("delayed", group.delayed, bool(row.delayed_since)):
        return False
    was = row.delayed_since
    row.delay_reason = group.delay_reason[:200] if group.delayed else ""
    row.delayed_since = (was or event.clock.at or event.occurred_at) if group.delayed else None
    return group.delayed and was is None


def _tracking(row: FulfilmentGroup, tracking: Sequence[Tracking]) -> list[Entry]:
    """Parcels only grow. The first ones that come with a part's birth are no news of their own."""
    entries = []
    for parcel in tracking:
        number = (parcel.number or parcel.url)[:120]
        if not number or number in row.tracking:
            continue
        row.tracking = {
            **row.tracking,
            number: {"carrier": parcel.carrier[:80], "url": parcel.url[:500]},
        }
        data = {"number": number, "carrier": parcel.carrier[:80], "url": parcel.url[:500]}
        entries.append(Entry(Fact.TRACKING, f"parcel:{number}"[:80], row.key, data=data))
    return entries
