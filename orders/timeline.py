"""The truth about orders: events in, rows and timeline entries out, in one transaction.

`record` takes a batch of events of one or many orders. It locks the orders,
merges facts by their clocks (`orders.merging`), derives statuses
(`orders.deriving`), and writes a StatusChange for what really changed. After
commit one signal says "look now".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db import transaction

from orders import customers, loading
from orders.aggregate import LATE, Aggregate, Entry
from orders.clocks import STAFF
from orders.contract import Clock, Group, OrderEvent
from orders.deriving import active, everything_refunded, group_status, order_status
from orders.legs import heard
from orders.loading import Word
from orders.lock_waits import wait_a_moment
from orders.merging import merge
from orders.models import FulfilmentGroup, Order, StatusChange
from orders.signals import order_status_changed
from orders.statuses import FINAL, Fact, Status, rank


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch led to. `orders` says which order each word was about; None: not known yet."""

    orders: list[Order | None]
    changes: list[StatusChange]
    born: set[int]  # connections that brought an order nobody knew


def record(words: Sequence[Word], now: datetime, *, in_a_hurry: bool = False) -> Recorded:
    """Write `words` on the timelines of their orders, in one transaction.

    A word about an order that is not known and that it may not create gets None. Whoever is
    `in_a_hurry` gives up on an order that somebody else holds: OperationalError.
    """
    with transaction.atomic():
        if in_a_hurry:
            wait_a_moment()
        wholes = loading.load(words, now)
        born = {whole.order.connection_id for whole in wholes if whole and whole.fresh}
        changes: list[StatusChange] = []
        for word, whole in zip(words, wholes, strict=True):
            if whole is not None:
                changes += _apply(whole, word, now)
        touched = list({id(whole): whole for whole in wholes if whole is not None}.values())
        _assign_customers(words, wholes)
        stored = loading.store(touched, changes, now)
        if stored:
            ids = [change.pk for change in stored]
            transaction.on_commit(partial(_announce, ids), robust=True)
    return Recorded([whole.order if whole else None for whole in wholes], stored, born)


def set_status(
    order: Order, group_key: str, status: str, *, actor: str, now: datetime
) -> list[StatusChange]:
    """Staff move a part of an order (or all of it, with an empty `group_key`) to `status`."""
    clock = Clock(at=now)
    keys = [group_key] if group_key else [group.key for group in order.groups.all()] or ["main"]
    event = OrderEvent(
        external_id=order.external_id,
        topic="staff",
        clock=clock,
        occurred_at=now,
        groups=[Group(key=key, status=status, clock=clock) for key in keys],
    )
    word = Word(event, order.connection, order_id=order.pk, actor=actor)
    return record([word], now).changes


def _announce(change_ids: list[int]) -> None:
    order_status_changed.send_robust(StatusChange, change_ids=change_ids)


def _apply(whole: Aggregate, word: Word, now: datetime) -> list[StatusChange]:
    """Merge one word and say what changed."""
    event = word.event if word.actor else heard(whole, word.connection, word.event)
    if event.occurred_at is None:
        event = replace(event, occurred_at=event.clock.at or now)
    who = STAFF if word.actor else f"c{word.connection.pk}"
    fresh, whole.fresh = whole.fresh, False
    entries = _worth_telling(merge(whole, event, who), fresh)
    if word.mode == "replay":
        entries = [entry for entry in entries if entry.silent_why != LATE]  # it is late on purpose
    moves = _moves(whole)
    entries = _without_covered(entries, moves) + moves
    silent = _silence(whole.order, word, event)
    return [_change(whole.order, entry, word, silent, event, now) for entry in entries]


def _worth_telling(entries: list[Entry], fresh: bool) -> list[Entry]:
    """What an order is born with (its parts, parcels, lines) is no news beside its birth."""
    born_with = {Fact.TRACKING, Fact.EDITED, Fact.SPLIT, Fact.ETA}
    return [entry for entry in entries if not (fresh and entry.fact in born_with)]


def _without_covered(entries: list[Entry], moves: list[Entry]) -> list[Entry]:
    """A refund that ends the order is told by the order's end: one message, not two."""
    if any(move.status == Status.REFUNDED for move in moves):
        for entry in entries:
            if entry.fact == Fact.REFUND:
                entry.silent_why = "covered"
    return entries


def _moves(whole: Aggregate) -> list[Entry]:
    """Derive all statuses again; an entry for each that differs from before."""
    order, groups = whole.order, active(list(whole.lines.values()), whole.groups)
    refunded = everything_refunded(order, groups)
    moved: list[tuple[FulfilmentGroup, str]] = []
    for group in groups:
        status = group_status(order, group, refunded)
        if status and status != group.status:
            moved.append((group, group.status))
            group.status = status
    before, order.status = order.status, order_status([group.status for group in groups])
    together = len(moved) == len(groups) and len({group.status for group, _old in moved}) == 1
    if moved and (len(groups) == 1 or together):
        key = groups[0].key if len(groups) == 1 else ""
        return [_step(order, key, order.status, moved[0][1], part=False)]
    steps = [_step(order, group.key, group.status, old, part=True) for group, old in moved]
    if moved and order.status != before and order.status in FINAL:
        steps.append(_step(order, "", order.status, before, part=False))
    return steps


def _step(order: Order, key: str, status: str, previous: str, *, part: bool) -> Entry:
    """A move. How often this place was reached makes the entry, and its message, unique."""
    times = Counter(order.clocks.get("times", {}))
    name = f"{key}:{status}"
    times[name] += 1
    order.clocks["times"] = dict(times)
    back = bool(previous) and rank(status) < rank(previous)
    fact = Fact.REVERTED if back else Fact.STATUS
    return Entry(fact, str(times[name]), key, status, previous, part)


def _silence(order: Order, word: Word, event: OrderEvent) -> str:
    """Why nobody but staff may hear of this, or empty."""
    if order.is_test or word.event.test or word.mode == "test":
        return "test"
    if word.mode in ("import", "replay", "reconcile"):
        return word.mode
    return "archived" if order.archived_at else ""


def _change(
    order: Order, entry: Entry, word: Word, silent: str, event: OrderEvent, now: datetime
) -> StatusChange:
    source = word.actor or word.connection.name
    happened = entry.at or event.occurred_at or now
    return StatusChange(
        order=order,
        brand_id=order.brand_id,
        group_key=entry.group_key,
        fact=entry.fact,
        status=entry.status,
        previous_status=entry.previous,
        occurrence=entry.occurrence,
        part=entry.part,
        applied=entry.applied,
        silent_why=entry.silent_why or silent,
        data=entry.data,
        actor=source[:120],
        event=word.inbound,
        occurred_at=min(happened, now),
        recorded_at=now,
    )


def _assign_customers(words: Sequence[Word], wholes: Sequence[Aggregate | None]) -> None:
    """Orders whose contact is new or has changed are tied to their customer."""
    wanted = []
    for word, whole in zip(words, wholes, strict=True):
        if whole is not None and whole.contact_changed:
            ids = customers.identities(whole.order, word.event.contact, word.connection)
            wanted.append((whole, ids))
    if wanted:
        customers.assign(wanted)
