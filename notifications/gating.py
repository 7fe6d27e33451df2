"""The truth check at hand-over: still useful, still true, still allowed. Pure over a loaded job."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consents import policy
from notifications.alerting import ALERT
from notifications.claims import UNDER_WAY_FOR, Claim, holds
from notifications.context import Job
from notifications.models import Audience, Delivery
from notifications.reasons import Reason, sentence
from notifications.telling_times import near_at_hand_over
from orders.statuses import FINAL, URGENT, Fact, Status, rank

State = Delivery.State


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a delivery goes no further on this route, and whether another route may be tried."""

    reason: Reason
    state: str
    next_route: bool = False
    until: datetime | None = None  # not now, but then, on the same route
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For the decision."""
        return sentence(self.reason, **self.values)


def gate(job: Job, now: datetime) -> Stop | None:
    """The first reason why `job` must not be sent now; None lets it pass."""
    if job.notification.useful_until <= now:
        until = job.notification.useful_until.strftime("%H:%M UTC on %d %b")
        return Stop(Reason.EXPIRED, State.EXPIRED, values={"until": until})
    return (
        _untrue(job, now)
        or _replaced(job)
        or _known_already(job, now)
        or _answered(job)
        or _not_allowed(job, now)
        or _paused(job, now)
        or _quiet(job, now)
    )


def _replaced(job: Job) -> Stop | None:
    """A late try, or a late second route, of what newer news has replaced meanwhile."""
    if not job.newer:
        return None
    values = {"newer": job.newer, "older": job.notification.event}
    return Stop(Reason.SUPERSEDED, State.CANCELLED, values=values)


def _answered(job: Job) -> Stop | None:
    """An alert about an incident that somebody has taken, put off or ended meanwhile."""
    incident = job.notification.incident
    if incident is None or job.notification.event != ALERT:
        return None
    if incident.state == incident.State.OPEN:
        return None
    who = incident.acknowledged_by if incident.state == incident.State.ACKNOWLEDGED else ""
    values = {"state": incident.get_state_display(), "who": f" ({who})" if who else ""}
    return Stop(Reason.ANSWERED, State.CANCELLED, values=values)


def _needless(job: Job, claim: Claim, now: datetime) -> Stop | None:
    """A correction is sent only when the false claim arrived, and is still false."""
    assert job.order is not None
    if holds(claim.change, job.order, job.groups):
        why = f"“{claim.change.event_name}” is true again."
    elif claim.told:
        return None
    elif claim.under_way:
        return Stop(Reason.NOT_KNOWN_YET, State.QUEUED, until=now + UNDER_WAY_FOR)
    else:
        why = f"“{claim.change.event_name}” never arrived."
    return Stop(Reason.NEEDLESS, State.CANCELLED, values={"why": why})


def _untrue(job: Job, now: datetime) -> Stop | None:
    """What the order has left behind, or turned away from, is not announced any more."""
    change, order = job.change, job.order
    if change is None or order is None:
        return None
    if order.archived_at is not None:
        return Stop(Reason.ARCHIVED, State.CANCELLED)
    if order.is_test:
        return Stop(Reason.TEST, State.CANCELLED)
    if job.claim is not None:
        return _needless(job, job.claim, now)
    if change.fact not in (Fact.STATUS, Fact.ETA, Fact.DELAYED):
        return None
    current = _current_status(job, change.group_key) or order.status
    told = change.status or Status.PLACED
    moved_on = current in FINAL and current != change.status
    moved_back = change.fact == Fact.STATUS and rank(current) < rank(told)
    if moved_on or moved_back:
        values = {"status": current, "event": change.event_name}
        return Stop(Reason.UNTRUE, State.CANCELLED, values=values)
    return None


def _current_status(job: Job, group_key: str) -> str:
    return next((group.status for group in job.groups if group.key == group_key), "")


def _known_already(job: Job, now: datetime) -> Stop | None:
    """A new time that has come back to what the customer was told is no news any more."""
    values = near_at_hand_over(job, now)
    return Stop(Reason.WITHIN_TOLERANCE, State.CANCELLED, values=values) if values else None


def _not_allowed(job: Job, now: datetime) -> Stop | None:
    """Consent may have changed since the message was planned, or the address be erased."""
    notification = job.notification
    if job.point is None or job.facts is None:
        if notification.audience != Audience.CUSTOMER:
            return None
        values = {"sentence": "Their address was erased meanwhile."}
        return Stop(Reason.CONSENT, State.CANCELLED, next_route=True, values=values)
    refusal = policy.recheck(
        job.facts,
        job.point,
        job.channel.family,
        notification.purpose,
        now,
        notification.customer_id,
    )
    if refusal is None:
        return None
    return Stop(
        Reason.CONSENT, State.CANCELLED, next_route=True, values={"sentence": refusal.sentence}
    )


def _paused(job: Job, now: datetime) -> Stop | None:
    """A paused channel makes way for the next route; without one the message waits if it can."""
    channel, until = job.channel, job.channel.paused_until
    if not channel.enabled:
        values = {"channel": channel.name, "why": "it is switched off."}
        return Stop(Reason.CHANNEL_PAUSED, State.CANCELLED, next_route=True, values=values)
    if until is None or until <= now:
        return None
    values = {"channel": channel.name, "why": channel.paused_why or "by staff."}
    if not job.notification.routes and until < job.notification.useful_until:
        return Stop(Reason.CHANNEL_PAUSED, State.QUEUED, until=until, values=values)
    return Stop(Reason.CHANNEL_PAUSED, State.CANCELLED, next_route=True, values=values)


def _quiet(job: Job, now: datetime) -> Stop | None:
    """A try, a hold or another route may have led into the customer's quiet hours."""
    notification, order = job.notification, job.order
    if job.facts is None or order is None or notification.audience != Audience.CUSTOMER:
        return None
    store = job.shelf.stores.get(notification.store_id or 0)
    until = policy.quiet_until(
        job.facts,
        notification.customer_id,
        notification.purpose,
        now,
        store.time_zone if store else "UTC",
        order.status not in FINAL or notification.event in URGENT,
    )
    if until is None:
        return None
    values = {"recipient": order.contact_given_name or order.contact_name or "The customer"}
    return Stop(Reason.DEFERRED, State.QUEUED, until=until, values=values)
