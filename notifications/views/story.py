"""One timeline of an order: what happened, who was told what, and why others were not.

Everything is loaded with a fixed number of queries and joined in memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from notifications.models import (
    Attempt,
    CustomerMessage,
    Decision,
    Delivery,
    Notification,
    PageView,
    ReceiptRecord,
)
from notifications.reasons import Reason
from notifications.views import facts
from notifications.views.labels import by, family_of, masked, provider_name, said
from orders.models import Order, StatusChange

MOST = 300  # entries of each kind; an order with more is a loop somewhere
LATE = timedelta(minutes=2)
TOLD = frozenset({Decision.Verdict.SEND, Decision.Verdict.HOLD})
# Reasons that say no more than that a rule is about something else.
ELSEWHERE = frozenset(
    {Reason.EVENT, Reason.STORE, Reason.FULFILMENT, Reason.SOURCE, Reason.TOTAL, Reason.PART}
)


@dataclass(frozen=True, slots=True)
class Try:
    """A delivery over one channel, with its exact words and what the provider said."""

    delivery: Delivery
    family: str
    provider: str
    to: str
    said: Attempt | None
    attempts: Sequence[Attempt]
    receipts: Sequence[ReceiptRecord]
    decisions: Sequence[Decision]


@dataclass(frozen=True, slots=True)
class Told:
    """One notification: for whom, and each route that was tried."""

    notification: Notification
    recipient: str
    tries: Sequence[Try]
    why: Sequence[Decision] = ()

    @property
    def last(self) -> Try | None:
        """The route that was used last."""
        return self.tries[-1] if self.tries else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One point on the timeline."""

    at: datetime
    order: tuple[datetime, int, int]
    kind: str  # change, wrote, told, seen
    title: str
    icon: str
    tone: str
    detail: Sequence[str] = ()
    change: StatusChange | None = None
    wrote: CustomerMessage | None = None
    told: Sequence[Told] = ()
    not_told: Sequence[Decision] = ()
    elsewhere: Sequence[Decision] = ()
    late: bool = False


@dataclass(slots=True)
class Loaded:
    """The rows of one order."""

    changes: list[StatusChange]
    told: list[Notification]
    wrote: list[CustomerMessage]
    decisions: list[Decision]
    deliveries: list[Delivery]
    views: list[PageView] = field(default_factory=list)
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)
    receipts: dict[int, list[ReceiptRecord]] = field(default_factory=dict)


def story(order: Order) -> list[Entry]:
    """The entries, newest first."""
    rows = _load(order)
    told = {n.pk: t for n, t in _told(rows).items()}
    entries = [_change_entry(change, rows, told) for change in rows.changes]
    entries += [_wrote_entry(message, told) for message in rows.wrote]
    entries += [_seen_entry(view, order) for view in rows.views]
    used = {n.pk for n in rows.told if n.change_id} | {m.reply_id for m in rows.wrote}
    entries += [_told_entry(told[n.pk]) for n in rows.told if n.pk not in used]
    return sorted(entries, key=lambda entry: entry.order, reverse=True)


def _load(order: Order) -> Loaded:
    """Eight queries."""
    mine: dict[str, Any] = {"order_id": order.pk}
    deliveries = Delivery.objects.filter(**mine).select_related("channel").order_by("id")[:MOST]
    rows = Loaded(
        changes=list(
            StatusChange.objects.filter(**mine)
            .select_related("event")
            .defer("event__body", "event__headers")
            .order_by("-id")[:MOST]
        ),
        told=list(
            Notification.objects.filter(**mine)
            .select_related("rule", "destination", "customer")
            .order_by("id")[:MOST]
        ),
        wrote=list(
            CustomerMessage.objects.filter(**mine)
            .select_related("channel", "customer")
            .order_by("-id")[:MOST]
        ),
        decisions=list(Decision.objects.filter(**mine).order_by("id")[: MOST * 10]),
        deliveries=list(deliveries),
        views=list(PageView.objects.filter(**mine).order_by("-id")[:MOST]),
    )
    ids = [delivery.pk for delivery in rows.deliveries]
    rows.attempts = by(Attempt.objects.filter(delivery_id__in=ids).order_by("id"), "delivery_id")
    receipts = ReceiptRecord.objects.filter(delivery_id__in=ids).order_by("id")
    rows.receipts = by(receipts, "delivery_id")
    return rows


def _told(rows: Loaded) -> dict[Notification, Told]:
    deliveries = by(rows.deliveries, "notification_id")
    decisions = by((d for d in rows.decisions if d.delivery_id), "delivery_id")
    why = by((d for d in rows.decisions if _led_to_a_message(d)), "notification_id")
    return {
        note: Told(
            note,
            _recipient(note),
            [_try(delivery, rows, decisions) for delivery in deliveries.get(note.pk, ())],
            why.get(note.pk, ()),
        )
        for note in rows.told
    }


def _led_to_a_message(decision: Decision) -> bool:
    planned = decision.notification_id is not None and decision.delivery_id is None
    return planned and decision.verdict in TOLD


def _try(delivery: Delivery, rows: Loaded, decisions: dict[int, list[Decision]]) -> Try:
    attempts = rows.attempts.get(delivery.pk, [])
    return Try(
        delivery,
        family_of(delivery.channel),
        provider_name(delivery.channel),
        masked(delivery.address),
        said(attempts),
        attempts,
        rows.receipts.get(delivery.pk, []),
        decisions.get(delivery.pk, []),
    )


def _recipient(note: Notification) -> str:
    if note.destination is not None:
        return note.destination.name
    if note.customer is not None:
        return note.customer.given_name or note.customer.name
    return ""


def _change_entry(change: StatusChange, rows: Loaded, told: dict[int, Told]) -> Entry:
    why = [d for d in rows.decisions if d.change_id == change.pk and not d.delivery_id]
    quiet = [d for d in why if d.notification_id not in told or not _led_to_a_message(d)]
    shown = _worth_showing(quiet)
    fact = facts.describe(change)
    return Entry(
        at=change.occurred_at,
        order=(change.recorded_at, 0, change.pk),
        kind="change",
        title=fact.title,
        icon=fact.icon,
        tone=fact.tone,
        detail=fact.detail,
        change=change,
        told=[told[n.pk] for n in rows.told if n.change_id == change.pk],
        not_told=[d for d in quiet if d.pk in shown],
        elsewhere=[d for d in quiet if d.pk not in shown],
        late=change.recorded_at - change.occurred_at > LATE,
    )


def _worth_showing(decisions: Iterable[Decision]) -> set[int]:
    """Not those of rules about something else, and what many rules say alike only once."""
    first: dict[tuple[str, str], int] = {}
    for decision in decisions:
        if decision.reason not in ELSEWHERE:
            first.setdefault((decision.sentence, decision.recipient), decision.pk)
    return set(first.values())


def _wrote_entry(message: CustomerMessage, told: dict[int, Told]) -> Entry:
    reply = told.get(message.reply_id or 0)
    return Entry(
        at=message.received_at,
        order=(message.received_at, 1, message.pk),
        kind="wrote",
        title=facts.wrote_title(message),
        icon="reply",
        tone="talk",
        wrote=message,
        told=[reply] if reply else [],
    )


def _seen_entry(view: PageView, order: Order) -> Entry:
    return Entry(
        at=view.seen_at,
        order=(view.seen_at, 3, view.pk),
        kind="seen",
        title=facts.seen_title(order),
        icon="map",
        tone="talk",
        detail=[facts.seen_what(view)],
    )


def _told_entry(told: Told) -> Entry:
    at = told.notification.created_at
    return Entry(
        at=at,
        order=(at, 2, told.notification.pk),
        kind="told",
        title=facts.message_title(told.notification),
        icon="message",
        tone="talk",
        told=[told],
    )


def summary(entries: Iterable[Entry]) -> Told | None:
    """The last thing that the customer was told, for the head of the page."""
    for entry in entries:
        for told in reversed(entry.told):
            if told.notification.audience == "customer" and told.last and told.last.said:
                return told
    return None
