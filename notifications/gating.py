"""The truth check at hand-over: still useful, still true, still allowed, over a loaded job."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from consents import policy
from notifications import breaker, failover
from notifications.alerting import ALERT
from notifications.claims import UNDER_WAY_FOR, Claim, holds
from notifications.context import Job
from notifications.models import Audience, Decision, Delivery
from notifications.reasons import Reason, sentence
from notifications.telling_parts import still_told
from notifications.telling_times import near_at_hand_over
from orders.statuses import FINAL, URGENT, Fact, Status, rank

State = Delivery.State
# What may wait, waits so long for its channel before the next route takes over.
SHORT_WAIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a delivery goes no further on this route, and whether another route may be tried."""

    reason: Reason
    state: str
    next_route: bool = False
    until: datetime | None = None  # not now, but then, on the same route
    move_to: int | None = None  # at once, by this other channel (an account of the same kind)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """For the decision."""
        return sentence(self.reason, **self.values)

    @property
    def verdict(self) -> str:
        """For the decision."""
        if self.move_to is not None:
            return str(Decision.Verdict.SEND)
        return str(Decision.Verdict.DEFER if self.until else Decision.Verdict.DROP)


def gate(job: Job, now: datetime) -> Stop | None:
    """The first reason why `job` must not be sent now; None lets it pass."""
    if job.notification.useful_until <= now:
        until = job.notification.useful_until.strftime("%H:%M UTC on %d %b")
        return Stop(Reason.EXPIRED, State.EXPIRED, values={"until": until})
    return (
        _untrue(job, now)
        or _replaced(job)
        or _answered(job)
        or _known_already(job, now)
        or _not_allowed(job, now)
        or _quiet(job, now)
        or _paused(job, now)
    )


def _replaced(job: Job) -> Stop | None:
    """A late try, or a late second route, of what newer news has replaced meanwhile."""
    if not job.newer:
        return None
    values = {"newer": job.newer, "older": job.notification.event}
    return Stop(Reason.SUPERSEDED, State.CANCELLED, values=values)


def _answered(job: Job) -> Stop | None:
    """An alert about an incident that somebody has taken, put off or ended meanwhile.

    And the word that somebody is on it, when it is not so any more.
    """
    incident, event = job.notification.incident, job.notification.event
    if incident is not None and event == incident.State.ACKNOWLEDGED != incident.state:
        values = {"newer": incident.state, "older": event}
        return Stop(Reason.SUPERSEDED, State.CANCELLED, values=values)
    if incident is None or event != ALERT or incident.state == incident.State.OPEN:
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
    if job.also:  # what is no longer true of one of its parts is left out of its words
        values = {"status": order.status, "event": change.event_name}
        untrue = Stop(Reason.UNTRUE, State.CANCELLED, values=values)
        return None if still_told(job) else untrue
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
        needs_opt_in=job.channel.speaker.capabilities.needs_opt_in,
    )
    if refusal is None:
        return None
    return Stop(
        Reason.CONSENT, State.CANCELLED, next_route=True, values={"sentence": refusal.sentence}
    )


def _paused(job: Job, now: datetime) -> Stop | None:
    """A channel that is not used makes way for another account, else for the next route.

    Without one the message waits if it can. The one check that writes: the first message
    after a channel's pause is the one that tries it.
    """
    channel = job.channel
    if not channel.enabled:
        return _elsewhere(job, "it is switched off.", now) or _by_next_route(
            job, "it is switched off."
        )
    until, job.probe = breaker.admit(channel, now)
    if until is None:
        return None
    why = breaker.why_asleep(channel)
    return _elsewhere(job, why, now) or _wait(job, why, until, now) or _by_next_route(job, why)


def _elsewhere(job: Job, why: str, now: datetime) -> Stop | None:
    """Another account of the same kind takes it, unless it may have been taken already."""
    other = failover.stand_in(job.channel, job.delivery.order_id or job.notification.pk, now)
    if other is None or failover.may_have_arrived(job.delivery):
        return None
    values = {"channel": job.channel.name, "why": why.rstrip("."), "other": other.name}
    return Stop(Reason.FAILOVER, State.QUEUED, until=now, move_to=other.pk, values=values)


def _wait(job: Job, why: str, until: datetime, now: datetime) -> Stop | None:
    """It waits for its channel: when there is no other way, or when it is not for long."""
    if until >= job.notification.useful_until:
        return None
    in_no_hurry = not job.delivery.urgent and until - now <= SHORT_WAIT
    if job.notification.routes and not in_no_hurry:
        return None
    values = {"channel": job.channel.name, "why": why}
    return Stop(Reason.CHANNEL_PAUSED, State.QUEUED, until=until, values=values)


def _by_next_route(job: Job, why: str) -> Stop:
    values = {"channel": job.channel.name, "why": why}
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
