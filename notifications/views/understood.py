"""One event as it was understood: its order, what happened, and what would have been told."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notifications.models import Audience
from notifications.planning import what_they_owe
from notifications.reasons import Reason
from notifications.views import facts
from notifications.views.inbox import readable
from notifications.views.labels import masked
from orders.models import InboundEvent, Order, SourceConnection, StatusChange

NEWEST = 20  # events among which one that was understood is looked for
MOST = 30  # lines and changes that are shown
# Decisions that say no more than that a rule is about something else.
_ELSEWHERE = frozenset(
    {Reason.EVENT, Reason.STORE, Reason.FULFILMENT, Reason.SOURCE, Reason.TOTAL, Reason.PART}
)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that would have gone out: to whom, and over which kinds of channel."""

    audience: str
    rule: str
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Understood:
    """An event, and everything that was read from it."""

    event: InboundEvent
    order: Order | None
    contact: tuple[str, ...]  # masked
    lines: Sequence[Any]
    became: Sequence[Any]
    messages: Sequence[Message]
    why_not: Sequence[str]
    body: str


def first_event(connection: SourceConnection) -> InboundEvent | None:
    """The newest event that led to an order; without one, the newest; None: nothing came yet."""
    rows = InboundEvent.objects.filter(connection=connection).order_by("-id")
    found = list(rows.defer("body", "headers").values_list("id", "order_id")[:NEWEST])
    if not found:
        return None
    chosen = next((pk for pk, order in found if order is not None), found[0][0])
    return InboundEvent.objects.select_related(
        "connection", "order__customer", "order__connection", "order__store"
    ).get(pk=chosen)


def understood(event: InboundEvent, now: datetime) -> Understood:
    """Everything about `event` that a person wants to compare with the source."""
    order = event.order
    changes = list(StatusChange.objects.filter(event=event).order_by("id")[:MOST])
    messages, why_not = _would_tell(order, changes, now) if order else ([], [])
    return Understood(
        event,
        order,
        _contact(order) if order else (),
        list(order.lines.order_by("id")[:MOST]) if order else [],
        [(change, facts.describe(change)) for change in changes],
        messages,
        why_not,
        readable(bytes(event.body)),
    )


def _contact(order: Order) -> tuple[str, ...]:
    """The name as it is greeted, and addresses of which only a little can be read."""
    addresses = (masked(order.contact_phone), masked(order.contact_email))
    given = order.contact_given_name or order.contact_name.partition(" ")[0]
    return tuple(one for one in (given, *addresses) if one)


def _would_tell(
    order: Order, changes: Sequence[StatusChange], now: datetime
) -> tuple[list[Message], list[str]]:
    """What planning would make of the changes if the connection were live; nothing is stored."""
    messages: list[Message] = []
    why_not: list[str] = []
    for plan_, _ours in what_they_owe([_as_live(one, order) for one in changes], now):
        families = {channel.pk: channel.family for channel in plan_.library.channels}
        for draft in plan_.drafts:
            kinds = sorted({families[one.channel_id] for one in draft.deliveries})
            note = draft.notification
            messages.append(Message(note.audience, draft.decision.rule_name, tuple(kinds)))
        why_not += [
            row.sentence
            for row in plan_.decisions
            if row.audience == Audience.CUSTOMER and row.reason not in _ELSEWHERE
        ]
    return messages, list(dict.fromkeys(why_not))


def _as_live(change: StatusChange, order: Order) -> StatusChange:
    """The same change, unstored, as if the connection had not been in test."""
    like = copy(change)
    like.pk, like.order = None, order
    like.silent_why = "" if change.silent_why == "test" and not order.is_test else change.silent_why
    return like
