"""Expected-by clocks: when each part of an order should have left its phase, and who is late.

What counts is the time that the customer was told. A source's new time counts once it is
being told to the customer; without any promise a source's time counts, and without that
the phase has so many minutes of opening time (`PhaseTime`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from notifications import incidents, library
from notifications.incidents import Trouble
from notifications.models import Audience, Expectation, PhaseTime
from notifications.owing import Plan
from notifications.promising import MOVES_THE_TIME, Known, known, last
from orders import hours
from orders.claiming import claim
from orders.deriving import active, awaited
from orders.models import FulfilmentGroup, Order, OrderLine, StatusChange, Store
from orders.statuses import BROUGHT, FINAL, Fact, Status, rank

MOVES = frozenset({Fact.STATUS, Fact.REVERTED, Fact.ETA, Fact.DELAYED, Fact.SPLIT})
GRACE = 7  # minutes after a promised time, where no rule says otherwise
FORGOTTEN = timedelta(hours=12)  # what should have been over so long ago is history, not late
BATCH = 50
UNREAD_OF_GROUPS = ("clocks", "aliases", "source_status", "sub_status", "tracking")


@dataclass(frozen=True, slots=True)
class Due:
    """When a part should have left its phase, with the grace, and why then."""

    at: datetime
    why: str  # promise, eta, phase, predicted
    expected: datetime  # without the grace


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an order with all that its clock depends on."""

    order: Order
    group: FulfilmentGroup
    store: Store | None
    source: str
    told: Known | None = None  # what the customer knows of its time

    @property
    def method(self) -> str:
        """How it gets to the customer."""
        return self.group.method or self.order.fulfilment_type

    @property
    def awaited(self) -> datetime | None:
        """The time that its source gives for what the customer waits for; None: it is over."""
        return None if self._handed_to_customer else awaited(self.group, self.method)

    @property
    def _handed_to_customer(self) -> bool:
        """What lies ready to be picked up waits for the customer, not the other way round."""
        return self.group.status == Status.READY and self.method not in BROUGHT


def grace_of(shelf: library.Library) -> timedelta:
    """How much later than promised is still in time: what customers are not bothered with."""
    rules = [card.rule for card in shelf.rules if card.rule.audience == Audience.CUSTOMER]
    minutes = [
        one.eta_tolerance_minutes
        for one in rules
        if not one.events or MOVES_THE_TIME & set(one.events)
    ]
    return timedelta(minutes=max(minutes, default=GRACE))


# --- The clock of one part (pure) -------------------------------------------------


def due(
    part: Part,
    phase_times: Iterable[PhaseTime],
    grace: timedelta,
    started: datetime,
    now: datetime,
    being_told: bool = False,
) -> Due | None:
    """When `part`, in its phase since `started`, is late; None when no clock runs.

    `being_told`: a message about the source's new time is on its way to the customer.
    """
    if part.group.status in FINAL or not part.group.status:
        return None
    found = _by_time(part, grace, now, being_told) or _by_phase(part, phase_times, started)
    return found if found is not None and found.at > now - FORGOTTEN else None


def _by_time(part: Part, grace: timedelta, now: datetime, being_told: bool) -> Due | None:
    """The earliest of what was promised and of what its source says of the kitchen."""
    found = []
    ahead = part.awaited
    told = None if part.told is None or being_told or ahead is None else part.told.at
    if told is not None and ahead is not None and ahead - told > grace and told > now:
        return Due(now, "predicted", told)
    if told is not None:
        found.append(Due(told + grace, "promise", told))
    elif ahead is not None:
        found.append(Due(ahead + grace, "eta", ahead))
    ready = part.group.ready_at
    if part.method in BROUGHT and ready is not None and rank(part.group.status) < rank("ready"):
        found.append(Due(ready + grace, "eta", ready))
    return min(found, key=lambda one: one.at, default=None)


def _by_phase(part: Part, phase_times: Iterable[PhaseTime], started: datetime) -> Due | None:
    """So many minutes of opening time in this phase; the most particular row says how many."""
    order = part.order
    fitting = [
        row
        for row in phase_times
        if row.status == part.group.status
        and row.store_id in (None, order.store_id)
        and row.source in ("", part.source)
        and row.fulfilment_type in ("", part.method)
    ]
    if not fitting:
        return None
    row = max(fitting, key=lambda one: (one.store_id or 0, one.source, one.fulfilment_type))
    if not row.minutes:
        return None
    store = part.store
    zone = hours.place(store.time_zone if store else "UTC")
    length = timedelta(minutes=row.minutes)
    at = hours.after_open(store.hours if store else {}, zone, started, length)
    return Due(at, "phase", at) if at else None


# --- Following the timeline ---------------------------------------------------------


def follow(plan: Plan, changes: Sequence[StatusChange]) -> None:
    """Set the clocks of all parts that `changes` moved, in the planning's own transaction.

    Three queries and one statement for all, more only for split orders and for late ones.
    """
    moving = [one for one in changes if _moves(one)]
    if not moving:
        return
    orders = {one.order_id: one.order for one in moving}
    rows, batch = _expectations(orders), _Batch(plan, moving)
    wanted: list[Expectation] = []
    closed: list[Expectation] = []
    for part in _parts(orders, plan):
        row = rows.pop((part.order.pk, part.group.key), None)
        clock = _clock(batch, plan, part, row)
        if clock is None and row is not None:
            closed.append(row)
        elif clock is not None and not _same(row, part, clock):
            wanted.append(_row(part, clock))
            closed += [row] if row is not None and row.raised_at else []
    _write(wanted, [*closed, *rows.values()], plan.now)


def _moves(change: StatusChange) -> bool:
    """Whether a clock follows it: no tests, no imports, nothing that came too late."""
    order = change.order
    gone = order.is_test or order.archived_at is not None
    return change.fact in MOVES and change.applied and not change.silent_why and not gone


def _expectations(order_ids: Collection[int]) -> dict[tuple[int, str], Expectation]:
    """The clocks that run, or have led to an incident, by order and part."""
    rows = Expectation.objects.filter(order_id__in=order_ids, closed_at__isnull=True)
    return {(row.order_id, row.group_key): row for row in rows}


def _parts(orders: Mapping[int, Order], plan: Plan) -> list[Part]:
    """The parts that hold something."""
    shelf = plan.library
    return [
        Part(
            order,
            group,
            shelf.stores.get(order.store_id or 0),
            order.connection.source,
            plan.ledger.last(order.pk, group.key),
        )
        for order, group in groups_of(orders.values())
    ]


def groups_of(orders: Iterable[Order]) -> list[tuple[Order, FulfilmentGroup]]:
    """Each order with each of its parts that holds something. One query; two with splits."""
    by_id = {order.pk: order for order in orders}
    groups: dict[int, list[FulfilmentGroup]] = defaultdict(list)
    found = FulfilmentGroup.objects.filter(order_id__in=by_id).defer(*UNREAD_OF_GROUPS)
    for group in found.order_by("id"):
        groups[group.order_id].append(group)
    split = [pk for pk, some in groups.items() if len(some) > 1]
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    for line in OrderLine.objects.filter(order_id__in=split) if split else ():
        lines[line.order_id].append(line)
    return [(by_id[pk], group) for pk, some in groups.items() for group in active(lines[pk], some)]


def _clock(batch: "_Batch", plan: Plan, part: Part, row: Expectation | None) -> Due | None:
    entered = batch.entered(part)
    clock = due(
        part,
        plan.library.phase_times,
        batch.grace,
        entered or plan.now,
        plan.now,
        being_told=batch.tells(part),
    )
    same_phase = entered is None and row is not None and row.status == part.group.status
    if clock is not None and clock.why == "phase" and same_phase and row is not None:
        return Due(row.due_at, row.why, row.due_at)  # it has been in this phase since before
    return clock


class _Batch:
    """What a batch says of each part, looked up by order: batches are large."""

    def __init__(self, plan: Plan, moving: Iterable[StatusChange]) -> None:
        self.grace = grace_of(plan.library)
        self._told = {
            (draft.notification.order_id, draft.notification.group_key)
            for draft in plan.drafts
            if draft.notification.event in MOVES_THE_TIME
            and draft.notification.audience == Audience.CUSTOMER
            and draft.deliveries
        }
        self._entered: dict[tuple[int, str], datetime] = {}
        for one in moving:
            if one.fact in (Fact.STATUS, Fact.REVERTED):
                key = (one.order_id, one.group_key)
                before = self._entered.get(key, one.occurred_at)
                self._entered[key] = max(before, one.occurred_at)

    def tells(self, part: Part) -> bool:
        """Whether this very plan tells the customer of the part's new time."""
        pk = part.order.pk
        return bool(self._told) and not self._told.isdisjoint({(pk, ""), (pk, part.group.key)})

    def entered(self, part: Part) -> datetime | None:
        """When the part came into its phase, if that is in this batch."""
        keys = ((part.order.pk, ""), (part.order.pk, part.group.key))
        found = [self._entered[key] for key in keys if key in self._entered]
        return max(found, default=None)


def _same(row: Expectation | None, part: Part, clock: Due) -> bool:
    """Whether the clock runs already as it should."""
    if row is None or (row.status, row.due_at) != (part.group.status, clock.at):
        return False
    return row.why == clock.why or row.raised_at is not None


def _row(part: Part, clock: Due) -> Expectation:
    return Expectation(
        order_id=part.order.pk,
        brand_id=part.order.brand_id,
        group_key=part.group.key,
        status=part.group.status,
        due_at=clock.at,
        why=clock.why,
    )


def _write(wanted: Sequence[Expectation], closed: Sequence[Expectation], now: datetime) -> None:
    """Start, move and stop clocks; what was late and has moved on is late no more."""
    moved = {(one.order_id, one.group_key) for one in wanted}
    over = [one.pk for one in closed if (one.order_id, one.group_key) not in moved]
    if over:
        Expectation.objects.filter(id__in=over).update(closed_at=now)
    if wanted:
        Expectation.objects.bulk_create(
            wanted,
            update_conflicts=True,
            unique_fields=["order", "group_key"],
            update_fields=["status", "due_at", "why", "raised_at", "closed_at"],
        )
    for one in closed:
        if one.raised_at is not None:
            incidents.resolve(one.brand_id, about(one), "It has moved on.", now)


def about(row: Expectation) -> str:
    """What its incident is about."""
    return f"late:{row.order_id}:{row.group_key}"


# --- Who is late --------------------------------------------------------------------


def raise_late(now: datetime) -> int:
    """An incident for every clock that has run out: a sweep; how many there were."""
    with transaction.atomic():
        ids = claim(
            "notifications_expectation",
            "due_at <= %s AND raised_at IS NULL AND closed_at IS NULL",
            "due_at",
            BATCH,
            {"raised_at": "%s"},
            [now],
            [now],
        )
        if not ids:
            return 0
        rows = Expectation.objects.filter(id__in=[pk for (pk,) in ids]).select_related(
            "order__connection", "order__store"
        )
        for row, part in _still_there(list(rows.order_by("id")), now):
            incidents.raise_incident(_trouble(row, part, now), now)
    return len(ids)


def _still_there(rows: Sequence[Expectation], now: datetime) -> list[tuple[Expectation, Part]]:
    """Those whose part is still in the phase; the others have moved on, or away."""
    orders = {row.order_id: row.order for row in rows}
    told = known(orders)
    parts = {
        (order.pk, group.key): Part(
            order,
            group,
            order.store,
            order.connection.source,
            last(told.get(order.pk, ()), group.key),
        )
        for order, group in groups_of(orders.values())
        if order.archived_at is None and not order.is_test
    }
    found = [(row, parts.get((row.order_id, row.group_key))) for row in rows]
    gone = [row.pk for row, part in found if part is None]
    if gone:
        Expectation.objects.filter(id__in=gone).update(closed_at=now)
    return [(row, part) for row, part in found if part and part.group.status == row.status]


def _trouble(row: Expectation, part: Part, now: datetime) -> Trouble:
    order = part.order
    name = str(order) if row.group_key in ("", "main") else f"{order} ({row.group_key})"
    title, act = _words(row, part, now)
    since = f"The customer was told {_clock_text(part, part.told.at, now)}." if part.told else ""
    status = Status(part.group.status).label.lower()
    return Trouble(
        brand_id=order.brand_id,
        kind="late",
        about=about(row),
        title=f"{name} {title}",
        detail=f"It is {status} by what its source says. {since}".strip(),
        next_act=act,
        store_id=order.store_id,
        order_id=order.pk,
    )


def _words(row: Expectation, part: Part, now: datetime) -> tuple[str, str]:
    """What is late and since when, and what to do about it."""
    grace = grace_of(library.of_brand(row.brand_id))
    on_its_way = part.group.status == Status.OUT_FOR_DELIVERY
    whom = "the courier" if on_its_way else "the kitchen"
    act = f"Ask {whom}, then tell the customer the new time."
    if row.why == "predicted" and part.told and part.awaited:
        new, old = (_clock_text(part, at, now) for at in (part.awaited, part.told.at))
        return f"will be late: {old} was promised, now it is {new}", "Tell the customer."
    if row.why == "phase":
        if part.group.status in (Status.PLACED, Status.CONFIRMED):
            act = "Begin with it, or cancel it."
        status = Status(part.group.status).label.lower()
        end = _clock_text(part, row.due_at, now)
        return f"is late: it should not be “{status}” any more since {end}", act
    what = "ready" if part.method not in BROUGHT else "arrival"
    time = row.due_at - grace
    if part.method in BROUGHT and part.group.ready_at == time:
        what = "ready"
    return f"is late: {what} was expected at {_clock_text(part, time, now)}", act


def _clock_text(part: Part, at: datetime, now: datetime) -> str:
    """A time on the store's clock; with the day when it is not today's."""
    zone = hours.place(part.store.time_zone if part.store else "UTC")
    local = at.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    return f"{local:%H:%M}" if same_day else f"{local:%d %b, %H:%M}"


def is_late(group: FulfilmentGroup, method: str, row: Expectation | None, now: datetime) -> bool:
    """Whether a part on a page is late: its clock has run out; without a clock, its own time."""
    if group.status in FINAL:
        return False
    if row is not None and row.status == group.status:
        return row.due_at <= now
    if group.status == Status.READY and method not in BROUGHT:
        return False
    time = awaited(group, method)
    return time is not None and time + timedelta(minutes=GRACE) <= now
