"""What needs a person: opened once, seen again and again, resolved when it is over.

The only writer of incidents besides `escalating` (their steps) and `acknowledging`
(what people do about them).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from notifications import alerting
from notifications.models import Incident, IncidentEvent
from orders.models import Order, StatusChange
from orders.statuses import EVENTS, Fact


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong. `about` is the same whenever it is the same thing: `late:order:17:main`."""

    brand_id: int
    kind: str  # an IncidentKind
    about: str
    title: str
    detail: str = ""
    next_act: str = ""  # the best thing that a person can do now
    store_id: int | None = None
    order_id: int | None = None
    channel_id: int | None = None
    connection_id: int | None = None


def raise_incident(trouble: Trouble, now: datetime) -> Incident:
    """The open incident about it: a new one, or the one that is there, seen once more.

    Safe to call again and again, from several processes; no alert goes out here.
    """
    known = _seen_again(trouble, now)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return _open(trouble, now)
    except IntegrityError:
        return _seen_again(trouble, now) or _open(trouble, now)


def resolve(brand_id: int, about: str, why: str, now: datetime, actor: str = "") -> int:
    """It is over; how many open incidents that ended (0 or 1)."""
    found = Incident.objects.filter(brand_id=brand_id, about=about).exclude(state="resolved")
    return sum(resolve_one(one, why, now, actor) for one in found)


def resolve_one(incident: Incident, why: str, now: datetime, actor: str = "") -> int:
    """This one is over; 1, or 0 when it already was."""
    with transaction.atomic():
        open_one = Incident.objects.filter(pk=incident.pk).exclude(state="resolved")
        done = open_one.update(
            state="resolved", resolved_at=now, resolved_why=why[:300], due_at=None
        )
        if done:
            note(incident.pk, "resolved", now, actor, why)
            incident.state, incident.resolved_why = "resolved", why[:300]
            alerting.tell_elsewhere(incident, now)
    return done


def orders_moved_on(changes: Sequence[StatusChange], now: datetime) -> int:
    """Parts of orders have a new status: what was open about them is over; how many there were.

    One query for a batch of changes when nothing is open.
    """
    moved = [one for one in changes if one.fact == Fact.STATUS and one.applied]
    if not moved:
        return 0
    found = Incident.objects.filter(order_id__in={one.order_id for one in moved})
    count = 0
    for incident in found.exclude(state="resolved"):
        change = next((one for one in moved if _is_about(incident, one)), None)
        if change is not None:
            why = f"The order has moved on: {EVENTS.get(change.status, change.status)}."
            count += resolve_one(incident, why, now)
    return count


def _is_about(incident: Incident, change: StatusChange) -> bool:
    """The whole order has moved, or the very part that the incident is about."""
    if incident.order_id != change.order_id:
        return False
    return not change.part or incident.about.endswith(f":{change.group_key}")


def note(incident_id: int, kind: str, at: datetime, actor: str = "", detail: str = "") -> None:
    """A line in the incident's history."""
    IncidentEvent.objects.create(
        incident_id=incident_id, kind=kind, actor=actor[:120], detail=detail[:300], at=at
    )


def _seen_again(trouble: Trouble, now: datetime) -> Incident | None:
    found = Incident.objects.filter(brand_id=trouble.brand_id, about=trouble.about)
    row = found.exclude(state="resolved").first()
    if row is not None:
        Incident.objects.filter(pk=row.pk).update(seen_at=now, times_seen=F("times_seen") + 1)
    return row


def _open(trouble: Trouble, now: datetime) -> Incident:
    store_id = trouble.store_id
    if store_id is None and trouble.order_id is not None:
        orders = Order.objects.filter(pk=trouble.order_id)
        store_id = orders.values_list("store_id", flat=True).first()
    row = Incident.objects.create(
        brand_id=trouble.brand_id,
        kind=trouble.kind,
        about=trouble.about,
        title=trouble.title[:200],
        detail=trouble.detail[:500],
        next_act=trouble.next_act[:200],
        store_id=store_id,
        order_id=trouble.order_id,
        channel_id=trouble.channel_id,
        connection_id=trouble.connection_id,
        token=secrets.token_hex(20),
        opened_at=now,
        seen_at=now,
        due_at=now,
    )
    note(row.pk, "opened", now, detail=trouble.detail)
    return row
