"""Deliveries that a person decides on: sent, or not sent. Nothing sends them meanwhile."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from notifications import doorbell, incidents, restoring
from notifications.context import Job
from notifications.deciding import decide
from notifications.incidents import Trouble
from notifications.models import (
    Decision,
    Delivery,
    Incident,
    IncidentKind,
    Notification,
    Restoration,
)
from notifications.reasons import Reason
from notifications.words.alerts import alert_words

State = Delivery.State
BATCH = 500
UNKNOWN = "held:"  # what an incident about one delivery of unknown fate is about, with its id


def is_for_a_person(job: Job) -> bool:
    """Whether the channel's owner wants to decide on messages of unknown fate for its purpose."""
    return job.notification.purpose in job.channel.hold_unknown


def hold_unknown(job: Job, now: datetime) -> None:
    """Nobody knows whether it was sent, and the channel's owner wants to decide."""
    with transaction.atomic():
        moved = Delivery.objects.filter(pk=job.delivery.pk, state=State.UNKNOWN).update(
            state=State.QUEUED,
            apart=Delivery.Apart.HELD,
            lease_until=None,
            reason="Nobody knows whether it was sent. A person decides whether it is sent again.",
        )
        if moved:
            incidents.raise_incident(_trouble(job), now)


def _trouble(job: Job) -> Trouble:
    order, brand = job.order, job.shelf.brand
    words = alert_words((order and order.store and order.store.language) or brand.language)
    name = (order.display_number or order.external_id) if order else ""
    who = (order.contact_given_name if order else "") or words.nobody
    return Trouble(
        brand_id=brand.pk,
        kind=IncidentKind.UNKNOWN,
        about=f"{UNKNOWN}{job.delivery.pk}",
        title=words.held.format(who=who, order=name, channel=job.channel.name),
        detail=words.held_detail,
        next_act=words.held_act,
        order_id=order.pk if order else None,
        store_id=job.notification.store_id,
        channel_id=job.channel.pk,
    )


def of(incident: Incident) -> QuerySet[Delivery]:
    """The deliveries that wait for what is decided about `incident`."""
    rows = Delivery.objects.filter(
        state=State.QUEUED, apart=Delivery.Apart.HELD, brand_id=incident.brand_id
    )
    if incident.kind == IncidentKind.RESTORED:
        return rows
    number = incident.about.removeprefix(UNKNOWN)
    return rows.filter(pk=int(number)) if number.isdigit() else rows.none()


def decide_on(incident: Incident, verdict: str, actor: str, now: datetime) -> int:
    """`verdict`, "send" or "drop", for all that waits for it; how many deliveries there were."""
    if incident.kind == IncidentKind.RESTORED:
        restoring.decide(int(incident.about.removeprefix("restored:")), verdict, actor, now)
    rows = of(incident)
    if verdict == Restoration.Verdict.SEND:
        count, why = send(rows, actor, now), f"{actor} decided: send what is still news."
    else:
        count = drop(rows, actor, incident.title, now)
        why = f"{actor} decided: it is not sent."
    incidents.resolve_one(incident, why, now, actor)
    return count


def expire(now: datetime) -> int:
    """Those that nobody decided on until they were no news any more; how many."""
    rows = Delivery.objects.filter(
        state=State.QUEUED, apart=Delivery.Apart.HELD, notification__useful_until__lte=now
    )
    ids = list(rows.order_by("due_at").values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    return drop(rows.filter(pk__in=ids), "Nobody", "It is no news any more.", now)


def send(rows: QuerySet[Delivery], actor: str, now: datetime) -> int:
    """Due at once; the gate still ends those that are no news any more. How many there were."""
    with transaction.atomic():
        count = rows.update(apart="", due_at=now, reason=f"Released by {actor}."[:300])
        transaction.on_commit(doorbell.ring)
    return count


def drop(rows: QuerySet[Delivery], actor: str, why: str, now: datetime) -> int:
    """Not sent, each with a decision that says so; how many there were."""
    count = 0
    while batch := list(
        rows.select_related(
            "notification__rule", "notification__destination", "notification__customer"
        ).order_by("id")[:BATCH]
    ):
        with transaction.atomic():
            _drop(batch, actor, why, now)
        count += len(batch)
    return count


def _drop(batch: Iterable[Delivery], actor: str, why: str, now: datetime) -> None:
    some = list(batch)
    Delivery.objects.filter(pk__in=[one.pk for one in some], state=State.QUEUED).update(
        state=State.CANCELLED, apart="", reason=why[:300], ended_at=now
    )
    Notification.objects.filter(pk__in=[one.notification_id for one in some]).exclude(
        deliveries__state__in=[State.QUEUED, State.SENDING, State.UNKNOWN]
    ).filter(state=Notification.State.OPEN).update(state=Notification.State.FAILED)
    Decision.objects.bulk_create(
        decide(
            one.notification,
            Decision.Verdict.DROP,
            Reason.NOT_RELEASED,
            now,
            delivery=one,
            actor=actor or "Somebody",
            why=why,
        )
        for one in some
    )
