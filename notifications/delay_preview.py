"""What a bulk delay would do: which promises move, who is told how, who is not and why.

Asks the same functions as planning does, for changes that are never stored.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from channels_app.models import Channel
from notifications.models import Audience, Decision, Promise
from notifications.owing import Draft
from notifications.planning import what_they_owe
from notifications.reasons import Reason
from orders.contract import Group
from orders.deriving import active, awaited
from orders.models import FulfilmentGroup, Order, StatusChange
from orders.statuses import FINAL, Fact, Status

MOST = 500  # orders in one bulk delay
COLLECTED = frozenset({"pickup", "curbside", "dine_in"})
# Decisions that say no more than that a rule is about something else.
_ELSEWHERE = frozenset(
    {Reason.EVENT, Reason.STORE, Reason.FULFILMENT, Reason.SOURCE, Reason.TOTAL, Reason.PART}
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person chose. Empty statuses or types: all open ones."""

    brand_id: int
    store_id: int | None
    within: frozenset[int] | None  # the stores this person may touch; None: the whole brand
    statuses: tuple[str, ...]
    fulfilment_types: tuple[str, ...]
    minutes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Late:
    """One part of an order, with its promise as it is and as it will be."""

    part: FulfilmentGroup
    before: datetime | None
    after: datetime | None
    group: Group  # what is said of it
    on_time: Group | None  # what must be said first when it is late already

    @property
    def why(self) -> str:
        """The reason that was given."""
        return self.group.delay_reason


def open_orders(wish: Wish) -> QuerySet[Order]:
    """The open orders that `wish` is about, those that moved last first."""
    rows = Order.objects.filter(brand_id=wish.brand_id, archived_at__isnull=True)
    rows = rows.exclude(status__in=["delivered", "picked_up", "cancelled", "refunded"])
    if wish.store_id is not None:
        rows = rows.filter(store_id=wish.store_id)
    if wish.within is not None:
        rows = rows.filter(store_id__in=wish.within)
    if wish.fulfilment_types:
        rows = rows.filter(fulfilment_type__in=wish.fulfilment_types)
    return rows.order_by("-changed_at", "-id")


def with_parts(rows: QuerySet[Order]) -> QuerySet[Order]:
    """`rows` with all that a delay needs to know: three queries."""
    related = rows.select_related("customer", "store", "connection__brand")
    return related.prefetch_related("groups", "lines")


def parts_to_delay(order: Order, wish: Wish, now: datetime) -> list[Late]:
    """The parts of `order` that are still on their way and that `wish` is about."""
    if order.archived_at is not None:
        return []
    groups = active(list(order.lines.all()), sorted(order.groups.all(), key=lambda one: one.pk))
    return [_late(order, group, wish, now) for group in groups if _is_meant(order, group, wish)]


def _is_meant(order: Order, group: FulfilmentGroup, wish: Wish) -> bool:
    status = group.status or order.status
    if status in FINAL or (wish.statuses and status not in wish.statuses):
        return False
    collected = (group.method or order.fulfilment_type) in COLLECTED
    return not (status == Status.READY and collected)  # it waits for its customer, not for us


def _late(order: Order, group: FulfilmentGroup, wish: Wish, now: datetime) -> Late:
    before = awaited(group, group.method or order.fulfilment_type)
    return Late(
        part=group,
        before=before,
        after=_later(before, wish.minutes, now),
        group=Group(
            key=group.key,
            delayed=True,
            delay_reason=wish.reason,
            ready_at=_later(group.ready_at, wish.minutes, now),
            deliver_from=_later(group.deliver_from, wish.minutes, now),
            deliver_to=_later(group.deliver_to, wish.minutes, now),
        ),
        on_time=Group(key=group.key, delayed=False) if group.delayed_since else None,
    )


def _later(moment: datetime | None, minutes: int, now: datetime) -> datetime | None:
    """`moment` later by `minutes`; what has passed already counts from now."""
    if moment is None:
        return None
    later = moment + timedelta(minutes=minutes)
    return later if later > now else now + timedelta(minutes=minutes)


# --- The preview ------------------------------------------------------------------


def preview(
    wish: Wish, waiting: Collection[int], now: datetime
) -> tuple[dict[str, Any], list[int]]:
    """What the page shows, as plain data, and the ids of the orders that would be delayed.

    `waiting` are orders that another bulk delay is about to change. A fixed number of queries.
    """
    rows = list(with_parts(open_orders(wish))[: MOST + 1])
    orders = rows[:MOST]
    parts = {order.pk: parts_to_delay(order, wish, now) for order in orders}
    meant = [order for order in orders if parts[order.pk]]
    told_later = _told_later(meant)
    skipped: dict[int, str] = {}
    for order in meant:
        if why := _not_again(order, parts[order.pk], waiting, told_later):
            skipped[order.pk] = why
    late = [order for order in meant if order.pk not in skipped]
    late.sort(key=lambda order: (min(map(_when, parts[order.pk])), order.pk))
    answer = _ask(late, parts, now)
    return {
        "within": sorted(wish.within) if wish.within is not None else None,
        "rows": [_row(order, parts[order.pk], answer) for order in late],
        "skipped": [
            {"order": order.pk, "number": str(order), "why": skipped[order.pk]}
            for order in meant
            if order.pk in skipped
        ],
        "families": _families(answer),
        "rooms": _rooms(answer),
        "messages": sum(len(draft.deliveries) for draft in answer.drafts),
        "cost": _cost(answer),
        "more": len(rows) > MOST,
    }, [order.pk for order in late]


def _when(late: Late) -> float:
    return late.before.timestamp() if late.before else float("inf")


def _told_later(orders: Sequence[Order]) -> Mapping[int, datetime]:
    """Order id -> the latest time that its customer was ever told."""
    rows = Promise.objects.filter(order_id__in=[order.pk for order in orders], way="message")
    found: dict[int, datetime] = {}
    for order_id, moment in rows.values_list("order_id", "promised_at"):
        found[order_id] = max(moment, found.get(order_id, moment))
    return found


def _not_again(
    order: Order, parts: Iterable[Late], waiting: Collection[int], told: Mapping[int, datetime]
) -> str:
    """Why this order is left alone, or empty."""
    if order.pk in waiting:
        return _("Another delay goes out for it in a moment.")
    times = [late.after for late in parts if late.after is not None]
    if times and order.pk in told and told[order.pk] >= max(times):
        return _("The customer was told a later time already.")
    return ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What planning would make of the delays, by order; nothing of it is stored."""

    drafts: list[Draft]
    told: Mapping[int, list[Draft]]  # to customers
    decisions: Mapping[int, list[Decision]]  # about customers
    channels: Mapping[int, Channel]


def _ask(orders: Sequence[Order], parts: Mapping[int, Sequence[Late]], now: datetime) -> Answer:
    changes = [_change(order, late, now) for order in orders for late in parts[order.pk]]
    told: dict[int, list[Draft]] = defaultdict(list)
    decisions: dict[int, list[Decision]] = defaultdict(list)
    answer = Answer([], told, decisions, {})
    for plan_, _ours in what_they_owe(changes, now):
        answer.drafts.extend(plan_.drafts)
        for draft in plan_.drafts:
            if draft.notification.audience == Audience.CUSTOMER:
                told[draft.notification.order_id or 0].append(draft)
        for row in plan_.decisions:
            if row.audience == Audience.CUSTOMER:
                decisions[row.order_id or 0].append(row)
        answer = replace(answer, channels={one.pk: one for one in plan_.library.channels})
    return answer


def _change(order: Order, late: Late, now: datetime) -> StatusChange:
    """The entry that the timeline would get."""
    data = {"previous": _iso(late.before), "new": _iso(late.after), "reason": late.why}
    return StatusChange(
        order=order,
        brand_id=order.brand_id,
        group_key=late.part.key,
        fact=Fact.DELAYED,
        data=data,
        silent_why="test" if order.is_test else "",
        occurred_at=now,
        recorded_at=now,
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _row(order: Order, parts: Sequence[Late], answer: Answer) -> dict[str, Any]:
    """One order: its promises, and how its customer hears of it or why not."""
    mine = answer.told.get(order.pk, [])
    families = {family for draft in mine for family in _families_of(draft, answer)}
    return {
        "order": order.pk,
        "number": str(order),
        "promises": [[_iso(late.before), _iso(late.after)] for late in parts],
        "families": sorted(families),
        "waits": any(draft.decision.reason == Reason.DEFERRED for draft in mine),
        "why": "" if mine else _why_not(order, answer),
    }


def _why_not(order: Order, answer: Answer) -> str:
    """The reason that planning gives for not telling the customer."""
    said = [row for row in answer.decisions.get(order.pk, []) if row.reason not in _ELSEWHERE]
    return said[0].sentence if said else _("No rule tells customers of a delay like this.")


def _families_of(draft: Draft, answer: Answer) -> list[str]:
    return [answer.channels[delivery.channel_id].family for delivery in draft.deliveries]


def _families(answer: Answer) -> dict[str, int]:
    """Family -> messages to customers."""
    told = (draft for some in answer.told.values() for draft in some)
    found = Counter(family for draft in told for family in _families_of(draft, answer))
    return dict(found.most_common())


def _rooms(answer: Answer) -> dict[str, int]:
    """Staff room or partner -> messages."""
    places = ((draft.notification.destination, draft) for draft in answer.drafts)
    found = Counter(place.name for place, draft in places if place for _one in draft.deliveries)
    return dict(found.most_common())


def _cost(answer: Answer) -> str:
    """About what the messages cost, "1.20 USD"; empty when the price of a channel is not known."""
    total: dict[str, Decimal] = {}
    used = Counter(one.channel_id for draft in answer.drafts for one in draft.deliveries)
    for channel_id, count in used.items():
        price = price_of(answer.channels[channel_id])
        if price is None:
            return ""
        total[price[1]] = total.get(price[1], Decimal(0)) + price[0] * count
    return ", ".join(f"{amount:.2f} {currency}" for currency, amount in total.items())


def price_of(channel: Channel) -> tuple[Decimal, str] | None:
    """What one message costs: the setting CHANNEL_PRICES has "0.0079 USD" by channel slug."""
    amount, _space, currency = str(settings.CHANNEL_PRICES.get(channel.slug, "")).partition(" ")
    try:
        return Decimal(amount), currency.strip()
    except InvalidOperation:
        return None
