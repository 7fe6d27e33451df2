"""When something that was told turns out to be false: who heard it, and the message that says so.

What was not sent yet is withdrawn. Whoever was told gets a correction on the same channel and
at the same address: when a person presses, or at once where a rule listens to `correction`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from notifications import claims, doorbell, library
from notifications.deciding import decide, recipient
from notifications.library import Library, RuleCard
from notifications.matching import miss, takes_back
from notifications.models import Decision, Delivery, Notification, Rule
from notifications.owing import Draft, Plan, decision, new_delivery, write
from notifications.reasons import Reason
from notifications.values import zone
from orders.models import FulfilmentGroup, Order, StatusChange
from orders.statuses import CORRECTION, Fact, useful_for

State = Delivery.State
MOST = 500  # messages of one order that are looked at
SEEN = (*claims.TOLD, State.SENDING, State.QUEUED)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One recipient who was told what is not true, and the ways by which they were."""

    notification: Notification
    deliveries: Sequence[Delivery]

    @property
    def claim(self) -> claims.Claim | None:
        """What was said, and when."""
        return claims.claim(self.deliveries)


@dataclass(slots=True)
class Found:
    """What is false of an order: who was told, and what has not left yet."""

    told: list[Wrong] = field(default_factory=list)
    unsent: list[Delivery] = field(default_factory=list)


def find(order: Order, change: StatusChange | None = None) -> Found:
    """Who was told what `order` has turned away from; with `change`: of that claim only.

    Whoever was told the truth since, or has got the correction, is not among them.
    """
    found = _find([order])[order.pk]
    if change is not None:
        found.told = [one for one in found.told if one.notification.change_id == change.pk]
        found.unsent = [one for one in found.unsent if one.notification.change_id == change.pk]
    return found


def send(order_id: int, actor: str, now: datetime) -> list[Notification]:
    """Correct all that is false of the order, and withdraw what is unsent. Twice sends once."""
    with transaction.atomic():
        rows = Order.objects.select_for_update(no_key=True, of=("self",))
        order = rows.get(pk=order_id)
        found = find(order)
        shelf = library.of_brand(order.brand_id)
        plan_ = Plan(shelf, now)
        _withdraw(plan_, found.unsent)
        for wrong in found.told:
            _correct(plan_, wrong, wrong.notification.rule, _moved_back(order, wrong), actor)
        drafts = write(plan_)
        transaction.on_commit(doorbell.ring)
    return drafts


def moved_back(plan_: Plan, changes: Sequence[StatusChange]) -> None:
    """Part of planning: withdraw what `changes` made false, and correct it where a rule says so."""
    back = [change for change in changes if change.fact == Fact.REVERTED and not change.silent_why]
    if not back:
        return
    orders = {change.order_id: change.order for change in back}
    found = _find(list(orders.values()))
    for order_id in orders:
        _withdraw(plan_, found[order_id].unsent)
    done: set[int] = set()
    for change in back:
        for card in plan_.library.rules:
            if takes_back(card, change):
                _by_rule(plan_, change, card, found[change.order_id], done)


def _by_rule(
    plan_: Plan, change: StatusChange, card: RuleCard, found: Found, done: set[int]
) -> None:
    rule = card.rule
    missed = miss(card, change, change.order, change.order.connection.source)
    wrong = [
        one
        for one in found.told
        if one.notification.audience == rule.audience and one.notification.pk not in done
    ]
    if missed is None and not wrong:
        missed = Reason.NEEDLESS, {"why": "Nobody had been told of it."}
    if missed is not None:
        reason, values = missed
        plan_.decisions.append(
            decision(change, rule, Decision.Verdict.SKIP, reason, plan_.now, **values)
        )
        return
    for one in wrong:
        done.add(one.notification.pk)
        _correct(plan_, one, rule, change, f"Rule “{rule.name}”")


# --- Finding ----------------------------------------------------------------------


def _find(orders: Sequence[Order]) -> dict[int, Found]:
    """Three queries, for any number of orders."""
    ids = [order.pk for order in orders]
    groups: dict[int, list[FulfilmentGroup]] = defaultdict(list)
    for group in FulfilmentGroup.objects.filter(order_id__in=ids).order_by("id"):
        groups[group.order_id].append(group)
    rows: dict[int, list[Delivery]] = defaultdict(list)
    for row in _said(ids):
        rows[row.order_id or 0].append(row)
    corrected = set(
        Notification.objects.filter(order_id__in=ids, corrects__isnull=False).values_list(
            "corrects_id", flat=True
        )
    )
    return {
        order.pk: sort_out(order, groups[order.pk], rows[order.pk], corrected) for order in orders
    }


def _said(order_ids: Sequence[int]) -> list[Delivery]:
    """What was said of these orders' statuses, or is about to be."""
    rows = Delivery.objects.filter(
        order_id__in=order_ids, state__in=SEEN, notification__change__fact=Fact.STATUS
    )
    related = ("channel", "contact_point", "notification__change", "notification__rule")
    people = ("notification__customer", "notification__destination")
    return list(rows.select_related(*related, *people).order_by("-id")[:MOST])


def sort_out(
    order: Order,
    groups: Sequence[FulfilmentGroup],
    rows: Iterable[Delivery],
    corrected: Collection[int | None],
) -> Found:
    """For each recipient and part the last thing they were told, if it is false. No query.

    `rows` have their notification and its change; `corrected` are ids of notifications that
    have been taken back.
    """
    found = Found()
    told: dict[Notification, list[Delivery]] = defaultdict(list)
    for row in rows:
        change = row.notification.change
        if row.state == State.QUEUED:
            if change is not None and not claims.holds(change, order, groups):
                found.unsent.append(row)
        else:
            told[row.notification].append(row)
    known: set[tuple[object, ...]] = set()
    for note in sorted(told, key=lambda one: -one.pk):
        who = (note.audience, note.destination_id, note.customer_id, note.group_key)
        if who in known:
            continue  # they were told something newer since
        known.add(who)
        false = note.change is not None and not claims.holds(note.change, order, groups)
        if false and note.pk not in corrected:
            found.told.append(Wrong(note, sorted(told[note], key=lambda one: one.pk)))
    found.told.reverse()
    found.unsent.reverse()
    return found


def _moved_back(order: Order, wrong: Wrong) -> StatusChange | None:
    """The entry that made the claim false; the claim's own where there is none."""
    keys = ["", wrong.notification.group_key]
    back = StatusChange.objects.filter(order_id=order.pk, fact=Fact.REVERTED, group_key__in=keys)
    return back.order_by("-id").first() or wrong.notification.change


# --- Withdrawing and correcting ------------------------------------------------------


def _withdraw(plan_: Plan, unsent: Iterable[Delivery]) -> None:
    """End what is false and has not left; it is held, so that none is sent and called withdrawn."""
    ids = [row.pk for row in unsent]
    rows = Delivery.objects.select_for_update(no_key=True, of=("self",)).filter(
        id__in=ids, state=State.QUEUED
    )
    related = ("notification__rule", "notification__customer", "notification__destination")
    gone = list(rows.select_related(*related).order_by("id")) if ids else []
    if not gone:
        return
    for row in gone:
        plan_.decisions.append(
            _decide(row.notification, Decision.Verdict.DROP, Reason.WITHDRAWN, plan_.now, row,
                    event=row.notification.event)
        )  # fmt: skip
    Delivery.objects.filter(id__in=[row.pk for row in gone]).update(
        state=State.CANCELLED, ended_at=plan_.now, reason="The order moved back before it was sent."
    )
    notes = {row.notification_id for row in gone}
    others = Delivery.objects.filter(
        notification_id__in=notes, state__in=[*claims.TOLD, State.SENDING, State.QUEUED]
    )
    alive = set(others.values_list("notification_id", flat=True))
    Notification.objects.filter(id__in=notes - alive, state=Notification.State.OPEN).update(
        state=Notification.State.CANCELLED
    )


def _correct(
    plan_: Plan, wrong: Wrong, rule: Rule | None, change: StatusChange | None, actor: str
) -> None:
    """A draft of the correction for one recipient, by the ways by which they were told."""
    earlier = wrong.notification
    ways = [row for row in wrong.deliveries if has_words(plan_.library, earlier, row)]
    if not ways:
        family = wrong.deliveries[0].channel.family
        values = {"template": earlier.template, "event": CORRECTION, "family": family}
        skip = Decision.Verdict.SKIP
        plan_.decisions.append(
            _decide(earlier, skip, Reason.NO_TEMPLATE, plan_.now, None, **values)
        )
        return
    note = correction_of(earlier, rule, change, plan_.now)
    deliveries = []
    for row in ways:
        route = {
            "channel": row.channel_id,
            "contact_point": row.contact_point_id,
            "address": row.address,
        }
        delivery = new_delivery(note, route, plan_.now)
        delivery.created_at = plan_.now
        deliveries.append(delivery)
    families = ", ".join(dict.fromkeys(row.channel.family for row in ways))
    why = _decide(
        note, Decision.Verdict.SEND, Reason.CORRECTED, plan_.now, None,
        event=earlier.event, at=_told_at(plan_.library, wrong), family=families, by=actor,
    )  # fmt: skip
    plan_.drafts.append(Draft(note, deliveries, why))


def has_words(shelf: Library, earlier: Notification, row: Delivery) -> bool:
    """Whether there is a template for the correction on this channel."""
    family = row.channel.family
    return family == "webhook" or bool(shelf.templates_for(earlier.template, CORRECTION, family))


def correction_of(
    earlier: Notification, rule: Rule | None, change: StatusChange | None, now: datetime
) -> Notification:
    """The message that takes back `earlier`, not stored. Its intent makes it the only one."""
    return Notification(
        brand_id=earlier.brand_id,
        intent=f"correction:{earlier.pk}",
        change=change,
        order_id=earlier.order_id,
        store_id=earlier.store_id,
        rule=rule,
        group_key=earlier.group_key,
        event=CORRECTION,
        template=earlier.template,
        audience=earlier.audience,
        purpose=earlier.purpose,
        customer=earlier.customer,
        destination=earlier.destination,
        language=earlier.language,
        corrects=earlier,
        urgent=True,
        useful_until=now + useful_for(CORRECTION),
        created_at=now,
    )


def _told_at(shelf: Library, wrong: Wrong) -> str:
    """When they were told, on the store's clock."""
    store = shelf.stores.get(wrong.notification.store_id or 0)
    said = wrong.claim
    at = said.told_at if said else None
    place = zone(store.time_zone if store else "UTC")
    return f"{at.astimezone(place):%H:%M}" if at else "a moment ago"


def _decide(
    note: Notification,
    verdict: str,
    reason: Reason,
    now: datetime,
    delivery: Delivery | None,
    **values: Any,
) -> Decision:
    """Its sentence begins with the recipient."""
    who = recipient(note)
    values["recipient"] = who[:1].upper() + who[1:]
    return decide(note, verdict, reason, now, delivery=delivery, **values)
