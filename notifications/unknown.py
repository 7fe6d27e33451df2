"""Deliveries of which nobody knows whether the provider took them: found, and found out."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from channels_app.contract import Idempotency
from notifications import context, fallback, held, suspects
from notifications.context import Job
from notifications.models import Attempt, Delivery
from notifications.outcomes import end
from orders.claiming import claim, database_now

State = Delivery.State
# A row that dies with its process again and again is poison: it is set aside.
MOST_LOST = 5
ASK_AGAIN = timedelta(seconds=30)


def expire_leases(limit: int, now: datetime) -> int:
    """Deliveries whose process went away mid-call become `unknown`; how many."""
    rows = claim(
        "notifications_delivery",
        f"state = 'sending' AND lease_until < {database_now()}",
        "lease_until",
        limit,
        {"state": "'unknown'", "lease_until": "%s", "failure": "'unknown'", "reason": "%s"},
        update_params=[now, "The process that was sending it went away before the answer came."],
        returning="id, channel_id",
    )
    if rows:
        Attempt.objects.bulk_create(
            [
                Attempt(delivery_id=pk, channel_id=channel_id, ending=Attempt.LOST, started_at=now)
                for pk, channel_id in rows
            ]
        )
    return len(rows)


def take(limit: int, lease_seconds: int, now: datetime) -> list[Job]:
    """Unknown deliveries whose waiting time is over, leased to us to find out."""
    rows = claim(
        "notifications_delivery",
        "state = 'unknown' AND lease_until <= %s",
        "lease_until",
        limit,
        {"lease_until": "%s", "lease_token": "%s"},
        params=[now],
        update_params=[now + timedelta(seconds=lease_seconds), secrets.token_hex(8)],
    )
    return context.load([pk for (pk,) in rows])


def split(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """(those whose provider can be asked, the others)."""
    ask = [job for job in jobs if _how(job) == Idempotency.LOOKUP]
    return ask, [job for job in jobs if job not in ask]


def _how(job: Job) -> Idempotency:
    return job.channel.speaker.capabilities.idempotency


def decide(job: Job, now: datetime) -> None:
    """No look-up: send again where a repeat does no harm or was never confirmed, else stop."""
    if _how(job) == Idempotency.KEY:
        again(job, "Sent again under the same key: the provider recognises a repeat.", now)
    elif held.is_for_a_person(job):
        held.hold_unknown(job, now)
    elif job.delivery.may_duplicate:
        give_up(job, "It was sent twice without an answer.", now)
    else:
        # Better twice than never, once: an order message that never comes does more harm.
        again(job, "Sent again, for nobody could say whether it arrived.", now, duplicate=True)


def again(job: Job, why: str, now: datetime, *, duplicate: bool = False) -> None:
    """Queue it once more, if it is still worth it and it is not poison."""
    losses = job.delivery.attempts.filter(ending=Attempt.LOST).count()
    if losses >= MOST_LOST:
        give_up(job, "It was lost with its process too often.", now)
        return
    if job.notification.useful_until <= now:
        expire(job, now)
        return
    Delivery.objects.filter(pk=job.delivery.pk, state=State.UNKNOWN).update(
        state=State.QUEUED,
        due_at=now,
        lease_until=None,
        reason=why,
        may_duplicate=job.delivery.may_duplicate or duplicate,
        apart=suspects.place(_how(job), losses),
    )


def give_up(job: Job, why: str, now: datetime) -> None:
    """Its fate stays unknown: the next route takes over."""
    _end(job, State.FAILED, why, now)


def expire(job: Job, now: datetime) -> None:
    """It is no news any more, and nobody knows whether it was told."""
    _end(job, State.EXPIRED, "Its fate stayed unknown until it was no news.", now)


def _end(job: Job, state: str, why: str, now: datetime) -> None:
    """Its end and what follows belong together; nothing of it when a receipt was faster."""
    with transaction.atomic():
        if end(job.delivery, state, why, now, failure="unknown"):
            fallback.next_route(job.notification, job.delivery, why, now, job.channel.family)


def ask_later(job: Job, why: str, now: datetime) -> None:
    """The provider could not be asked; ask again, until the message is no news."""
    if job.notification.useful_until <= now:
        expire(job, now)
        return
    Delivery.objects.filter(pk=job.delivery.pk, state=State.UNKNOWN).update(
        lease_until=now + ASK_AGAIN, reason=why[:300]
    )
