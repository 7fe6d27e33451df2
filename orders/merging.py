"""An event's facts into an order's rows: scalars follow the newest clock, sets only grow.

Nothing here touches the database; `orders.timeline` loads and stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from orders.aggregate import Aggregate, Entry, canonical_at, happening, plain
from orders.clocks import Memory, stamp
from orders.contract import Contact, Group, Line, OrderEvent
from orders.models import Order, OrderLine
from orders.parts import ensure_groups, find_group, late_status, merge_group
from orders.phones import e164
from orders.statuses import Fact
from orders.withheld import PHONE_PIN, PURGED_AT, shown


def merge(whole: Aggregate, event: OrderEvent, who: str) -> list[Entry]:
    """Merge `event` of sender `who` into `whole`; the facts (not the statuses) that it brought."""
    memory = Memory(whole.order.clocks, who, stamp(event.clock))
    entries: list[Entry] = []
    whole.aliases.update(event.aliases)
    _scalars(whole.order, event, memory)
    _contact(whole, event.contact, memory)
    entries += _lines(whole, event, memory)
    entries += _refunds(whole, event)
    entries += late_status(whole.order, "", event.status, memory, "base_status")
    _base_status(whole.order, event, memory)
    for group in event.groups:
        entries += merge_group(whole, group, event, who)
    ensure_groups(whole)
    entries += _plain_facts(whole, event)
    return entries


def _scalars(order: Order, event: OrderEvent, memory: Memory) -> None:
    """The fields with one value each. An empty one was not said."""
    said: Mapping[str, Any] = {
        "display_number": event.display_number[:60],
        "source_status": event.source_status[:80],
        "cancel_reason": event.cancel_reason[:80],
        "fulfilment_type": event.fulfilment_type[:20],
        "currency": event.currency[:3].upper(),
        "total_minor": event.total_minor,
        "placed_at": event.placed_at,
        "status_page": event.status_page[:500],
        "note": event.note[:2000],
    }
    for name, value in said.items():
        if value not in ("", None) and memory.accepts(name, value, getattr(order, name)):
            setattr(order, name, value)
    _attributes(order, event, memory)
    order.is_test = order.is_test or event.test
    _archive(order, event, memory)


def _archive(order: Order, event: OrderEvent, memory: Memory) -> None:
    """Deleted at its source, or brought back from the bin there."""
    if event.archived is None:
        return
    if memory.accepts("archived", event.archived, order.archived_at is not None):
        order.archived_at = (event.clock.at or event.occurred_at) if event.archived else None


def _attributes(order: Order, event: OrderEvent, memory: Memory) -> None:
    """The source's extras: all are kept, the newest word counts."""
    if not event.attributes:
        return
    new, old = shown(event.attributes), order.attributes
    newest = memory.accepts("attributes", new, shown(old))
    order.attributes = {**old, **new} if newest else {**new, **old}


def _contact(whole: Aggregate, contact: Contact | None, memory: Memory) -> None:
    """Whom to tell. Each member has its own clock: a later half-empty contact erases nothing."""
    if contact is None:
        return
    order = whole.order
    if contact.proxy and PURGED_AT in order.attributes:
        contact = replace(contact, phone="", phone_pin="")
    said = {
        "contact_name": contact.name[:200],
        "contact_given_name": contact.given_name[:100],
        "contact_email": contact.email[:254],
        "contact_phone_raw": contact.phone[:60],
        "language": contact.language[:10],
    }
    for name, value in said.items():
        if value and memory.accepts(name, value, getattr(order, name)):
            setattr(order, name, value)
            whole.contact_changed = True
    if order.contact_phone_raw == contact.phone[:60] and contact.phone:
        order.contact_proxy = contact.proxy
        order.contact_phone = e164(contact.phone, contact.country or whole.region)
    pin = contact.phone_pin[:40]
    if pin and memory.accepts(PHONE_PIN, pin, order.attributes.get(PHONE_PIN, "")):
        order.attributes = {**order.attributes, PHONE_PIN: pin}


def _lines(whole: Aggregate, event: OrderEvent, memory: Memory) -> list[Entry]:
    """Lines, and an `edited` fact when a known order's lines changed."""
    if event.edited is not None:
        return _delta(whole, event)
    if not event.lines:
        return []
    known = dict(whole.lines)
    if not memory.accepts("lines", _signature(event.lines), _known_signature(known)):
        return []
    changes: dict[str, list[dict[str, str]]] = {"added": [], "removed": []}
    for line in event.lines:
        _line(whole, line, changes)
    if event.lines_complete:
        for gone in known.keys() - {line.line_id for line in event.lines}:
            _remove(whole.lines[gone], changes)
    if not known or not any(changes.values()):
        return []
    at = canonical_at(event)
    return [
        Entry(Fact.EDITED, happening("edit", at, changes), data=dict(changes), at=event.occurred_at)
    ]


def _line(whole: Aggregate, line: Line, changes: dict[str, list[dict[str, str]]]) -> None:
    quantity, removed = Decimal(line.quantity), Decimal(line.removed_quantity)
    row = whole.lines.get(line.line_id)
    if row is None:
        row = whole.lines[line.line_id] = OrderLine(
            order=whole.order, line_id=line.line_id, quantity=quantity, removed_quantity=removed
        )
        changes["added"].append({"name": line.name[:300], "quantity": plain(quantity - removed)})
    else:
        delta = (quantity - removed) - (row.quantity - row.removed_quantity)
        if delta:
            side = "added" if delta > 0 else "removed"
            changes[side].append({"name": line.name[:300], "quantity": plain(abs(delta))})
    row.name, row.sku, row.note = line.name[:300], line.sku[:120], line.note[:500]
    row.quantity, row.removed_quantity = quantity, removed


def _remove(row: OrderLine, changes: dict[str, list[dict[str, str]]]) -> None:
    left = row.quantity - row.removed_quantity
    if left > 0:
        changes["removed"].append({"name": row.name, "quantity": plain(left)})
        row.removed_quantity = row.quantity


def _delta(whole: Aggregate, event: OrderEvent) -> list[Entry]:
    """A source that only says what was added and removed.

    It goes on the timeline as announced; the message follows from the snapshot,
    so that the same edit is not told twice.
    """
    changes = {
        side: [
            {
                "name": whole.lines[str(one["line_id"])].name
                if str(one["line_id"]) in whole.lines
                else "",
                "quantity": str(one.get("quantity", "1")),
            }
            for one in (event.edited or {}).get(side, ())
        ]
        for side in ("added", "removed")
    }
    key = happening("announced", canonical_at(event), changes)
    return [Entry(Fact.EDITED, key, data=dict(changes), silent_why="announced")]


def _signature(lines: Sequence[Line]) -> list[list[str]]:
    return sorted(
        [line.line_id, plain(Decimal(line.quantity)), plain(Decimal(line.removed_quantity))]
        for line in lines
    )


def _known_signature(lines: Mapping[str, OrderLine]) -> list[list[str]]:
    return sorted(
        [key, plain(row.quantity), plain(row.removed_quantity)] for key, row in lines.items()
    )


def _refunds(whole: Aggregate, event: OrderEvent) -> list[Entry]:
    """Refunds only grow; each new one is a fact."""
    order, entries = whole.order, []
    if event.refunded_in_full:
        order.clocks["refunded_in_full"] = True  # said once, it stays; the amounts may never come
    for refund in event.refunds:
        if refund.refund_id in order.refunds or refund.amount_minor <= 0:
            continue
        order.refunds = {
            **order.refunds,
            refund.refund_id: {
                "amount_minor": refund.amount_minor,
                "reason": refund.reason[:200],
                "at": refund.at.isoformat() if refund.at else None,
            },
        }
        entries.append(
            Entry(
                Fact.REFUND,
                f"refund:{refund.refund_id}"[:80],
                data={"amount_minor": refund.amount_minor, "reason": refund.reason[:200]},
                at=refund.at,
            )
        )
    return entries


def _base_status(order: Order, event: OrderEvent, memory: Memory) -> None:
    if event.status and memory.accepts_status("base_status", event.status, order.base_status):
        order.base_status = event.status


def _key_of_part(whole: Aggregate, name: str) -> str:
    """The key of the part that a source calls `name`; of the only part when it names none."""
    if name:
        row = find_group(whole, Group(key=name))
        return row.key if row else ""
    return whole.groups[0].key if len(whole.groups) == 1 else ""


def _plain_facts(whole: Aggregate, event: OrderEvent) -> list[Entry]:
    """Facts that change no state of ours, and words that we could not translate."""
    entries = [
        Entry(
            fact,
            happening(fact, canonical_at(event), data),
            _key_of_part(whole, str(data.get("group", ""))),
            data=dict(data),
        )
        for fact, data in event.facts
    ]
    unmapped = event.unmapped_status
    if unmapped:
        entries.append(
            Entry(Fact.UNMAPPED, f"word:{unmapped}"[:80], data={"source_status": unmapped[:80]})
        )
    return entries
