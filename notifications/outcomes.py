"""What became of a try, and what that means for the delivery. Settled in bulk."""

import logging
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction

from channels_app.contract import Accepted, Idempotency
from channels_app.failures import CONSEQUENCES, FailureKind, SendError
from channels_app.models import Channel
from consents import recording
from notifications import breaker, channel_minutes, confirming, failover, fallback, resting
from notifications.backoff import MOST_TRIES, next_due
from notifications.context import Job
from notifications.gating import Stop
from notifications.models import Attempt, Decision, Delivery, Notification
from notifications.reasons import Reason
from notifications.telling_times import keep_promises
from notifications.unreached import not_told
from orders.normalising import where

log = logging.getLogger(__name__)
State = Delivery.State
UNDER_WAY = (State.SENDING, State.UNKNOWN)
_NOT_TOLD = frozenset({State.FAILED, State.CANCELLED, State.EXPIRED})
_chance = random.Random()  # noqa: S311 - jitter, not a secret
# How long the fate of a message may stay open before it is looked into, by what its provider
# offers for that.
UNKNOWN_WAIT = {
    Idempotency.KEY: timedelta(0),
    Idempotency.LOOKUP: timedelta(seconds=5),
    Idempotency.RECEIPT: timedelta(seconds=60),
    Idempotency.NONE: timedelta(seconds=5),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One try of one job: taken, or an error; and what was said."""

    job: Job
    ending: Accepted | SendError
    text: str = ""
    subject: str = ""
    template_version: str = ""
    milliseconds: int = 0


def settle(results: Sequence[Result], now: datetime) -> None:
    """Record all `results` in one transaction: attempts, states, and what follows.

    One that cannot be recorded does not keep the others from it.
    """
    if not results:
        return
    try:
        _settle(results, now)
    except OperationalError:
        raise  # the database is away or busy: nothing was written, all of it comes again
    except Exception as error:
        log.error("%s results could not be settled, now one by one: %s", len(results), where(error))
        for result in results:
            _settle_alone(result, now)


def _settle(results: Sequence[Result], now: datetime) -> None:
    with transaction.atomic():
        held = _held([result.job.delivery for result in results])
        known = [result for result in results if result.job.delivery.pk in held]
        Attempt.objects.bulk_create([_attempt(result, now) for result in known])
        keep_promises([result.job for result in known if _may_have_arrived(result)], now)
        _sent([r for r in known if isinstance(r.ending, Accepted)], held, now)
        for result in known:
            if isinstance(result.ending, SendError) and _is_ours(result.job.delivery, held):
                _failed(result.job, result.ending, now)
        resting.rest([(result.job, result.ending) for result in known], now)
        _watch_channels(known, now)


def _watch_channels(results: Sequence[Result], now: datetime) -> None:
    """Count how the calls ended, and leave a channel alone that fails. Last: others wait for it."""
    calls = [(r.job.channel, r.job.probe, r.ending, r.milliseconds) for r in results]
    tallies = channel_minutes.tally(calls)
    breaker.judge(tallies, now)
    channel_minutes.add(tallies, now)


def _settle_alone(result: Result, now: datetime) -> None:
    try:
        _settle([result], now)
    except OperationalError:
        raise
    except Exception as error:
        job = result.job
        log.error("the result of delivery %s cannot be settled: %s", job.delivery.pk, where(error))
        accepted = isinstance(result.ending, Accepted)
        why = "" if accepted else "What followed from its failure could not be recorded."
        _move(job.delivery, state=State.SENT if accepted else State.FAILED, reason=why)
        Notification.objects.filter(pk=job.notification.pk, state=Notification.State.OPEN).update(
            state=Notification.State.DONE if accepted else Notification.State.FAILED
        )


def _held(deliveries: Sequence[Delivery]) -> dict[int, tuple[str, str]]:
    """The rows as they are now, kept so until commit: id -> (state, lease token).

    Locked in the order of their ids before anything else is, here and for receipts, so that
    nobody waits in a circle.
    """
    rows = Delivery.objects.select_for_update(no_key=True).order_by("id")
    found = rows.filter(id__in=[one.pk for one in deliveries])
    return {
        pk: (state, token) for pk, state, token in found.values_list("id", "state", "lease_token")
    }


def _is_ours(delivery: Delivery, held: Mapping[int, tuple[str, str]]) -> bool:
    """Whether it waits for this very ending: no receipt was faster, no other process has it now."""
    state, token = held[delivery.pk]
    return state in UNDER_WAY and token == delivery.lease_token


def _move(delivery: Delivery, **changes: Any) -> bool:
    """Change the row if it is still under way under our lease; whether it was."""
    rows = Delivery.objects.filter(
        pk=delivery.pk, state__in=UNDER_WAY, lease_token=delivery.lease_token
    )
    return bool(rows.update(lease_until=None, **changes))


def _attempt(result: Result, now: datetime) -> Attempt:
    ending = result.ending
    accepted = isinstance(ending, Accepted)
    return Attempt(
        delivery=result.job.delivery,
        channel_id=result.job.delivery.channel_id,
        ending="accepted" if isinstance(ending, Accepted) else str(ending.kind),
        provider_message_id=ending.message_id[:200] if isinstance(ending, Accepted) else "",
        code="" if accepted else ending.code[:60],  # type: ignore[union-attr]
        detail=ending.detail[:300],
        subject=result.subject[:300],
        text=result.text,
        template_version=result.template_version,
        milliseconds=result.milliseconds,
        started_at=now - timedelta(milliseconds=result.milliseconds),
    )


def _sent(results: Sequence[Result], held: Mapping[int, tuple[str, str]], now: datetime) -> None:
    """The many that went well: three statements. A receipt that was faster is not overwritten.

    One that had been given up for lost and was queued again is not sent a second time.
    """
    waits = confirming.waits([r.job for r in results if not _is_handed_off(r)])
    alike: dict[tuple[bool, int], list[int]] = defaultdict(list)
    for result in results:
        pk = result.job.delivery.pk
        alike[_is_handed_off(result), waits.get(pk, 0)].append(pk)
    for (handed_off, minutes), ids in alike.items():
        state = State.HANDED_OFF if handed_off else State.SENT
        more = {"confirm_by": now + timedelta(minutes=minutes)} if minutes else {}
        leased = Delivery.objects.filter(id__in=ids, state__in=[*UNDER_WAY, State.QUEUED])
        leased.update(state=state, sent_at=now, lease_until=None, reason="", failure="", **more)
    told = [r.job.notification.pk for r in results if held[r.job.delivery.pk][0] not in _NOT_TOLD]
    Notification.objects.filter(id__in=told, state=Notification.State.OPEN).update(
        state=Notification.State.DONE
    )


def _may_have_arrived(result: Result) -> bool:
    return isinstance(result.ending, Accepted) or result.ending.kind == FailureKind.UNKNOWN


def _is_handed_off(result: Result) -> bool:
    return isinstance(result.ending, Accepted) and result.ending.handed_off


def _failed(job: Job, error: SendError, now: datetime) -> None:
    """One that did not go well: the table of consequences, read aloud."""
    consequence = CONSEQUENCES[error.kind]
    if error.kind == FailureKind.UNKNOWN:
        unsure(job.delivery, job.channel, error.detail, now)
        return
    if consequence.suppress_address and job.point is not None:
        recording.suppress_address(
            job.point, error.detail or error.code, now, channel=job.channel.family
        )
    if consequence.record_opt_out and job.point is not None:
        recording.provider_block(job.point, now, channel=job.channel.family, why=error.code)
    if consequence.retry and _again(job, error, now):
        return
    why = consequence.sentence if not error.detail else f"{error.code} {error.detail}".strip()
    if end(job.delivery, State.FAILED, why, now, failure=error.kind):
        account = error.kind in failover.ACCOUNT_FAULTS
        fallback.next_route(
            job.notification, job.delivery, why, now, job.channel.family, account=account
        )


def _again(job: Job, error: SendError, now: datetime) -> bool:
    """Queue the same delivery for later, unless it has been tried enough or would come too late."""
    throttled, tries = error.kind == FailureKind.THROTTLED, job.delivery.tries
    if throttled:  # its account's trouble, not its own: it does not use up its tries
        due, tries = resting.rest_until(error, tries, now), min(tries, MOST_TRIES - 3)
    else:
        due = next_due(tries, error.retry_after, now, _chance)
    if tries + 1 >= MOST_TRIES or due >= job.notification.useful_until:
        return False
    if due - now > failover.LONG_REST and failover.may_move(job.delivery, job.channel, now):
        return False  # the same provider by another account is sooner
    _move(
        job.delivery,
        state=State.QUEUED,
        due_at=due,
        tries=tries + 1,
        failure=error.kind,
        reason=f"{CONSEQUENCES[error.kind].sentence} ({error.code} {error.detail})"[:300],
    )
    return True


def unsure(delivery: Delivery, channel: Channel, detail: str, now: datetime) -> None:
    """Nobody knows whether the provider took it. `lease_until` says when to find out."""
    how = channel.speaker.capabilities.idempotency
    Delivery.objects.filter(
        pk=delivery.pk, state__in=UNDER_WAY, lease_token=delivery.lease_token
    ).update(
        state=State.UNKNOWN,
        lease_until=now + UNKNOWN_WAIT[how],
        failure=FailureKind.UNKNOWN,
        reason=(detail or "The connection broke before the answer came.")[:300],
    )


def end(delivery: Delivery, state: str, why: str, now: datetime, failure: str = "") -> bool:
    """A delivery has come to its end on this route; False when it had moved on already."""
    return _move(delivery, state=state, reason=why[:300], failure=failure, ended_at=now)


def stopped(stops: Sequence[tuple[Job, Stop]], now: datetime) -> None:
    """Deliveries that the gate did not let pass: their end, the reason, and the next route."""
    if not stops:
        return
    try:
        _stop_all(stops, now)
    except OperationalError:
        raise
    except Exception as error:
        log.error("%s stops could not be recorded, now one by one: %s", len(stops), where(error))
        for job, stop in stops:
            _stop_alone(job, stop, now)


def _stop_all(stops: Sequence[tuple[Job, Stop]], now: datetime) -> None:
    with transaction.atomic():
        _held([job.delivery for job, _stop in stops])
        stopped_now = [(job, stop) for job, stop in stops if _stop_one(job, stop, now)]
        Decision.objects.bulk_create([_decision(job, stop, now) for job, stop in stopped_now])
        for job, stop in stopped_now:
            _after_stop(job, stop, now)


def _stop_alone(job: Job, stop: Stop, now: datetime) -> None:
    try:
        _stop_all([(job, stop)], now)
    except OperationalError:
        raise
    except Exception as error:
        log.error("the stop of delivery %s cannot be recorded: %s", job.delivery.pk, where(error))
        end(job.delivery, State.FAILED, "Why it was stopped could not be recorded.", now)


def _stop_one(job: Job, stop: Stop, now: datetime) -> bool:
    """Put it off, or end it; False when somebody else has dealt with it."""
    if stop.until is not None:
        changes = {"state": State.QUEUED, "due_at": stop.until, "reason": stop.sentence[:300]}
        if stop.move_to is not None:
            changes |= {"channel_id": stop.move_to, "failure": ""}
        elif stop.reason == Reason.CHANNEL_PAUSED and job.delivery.failure != FailureKind.UNKNOWN:
            changes["failure"] = breaker.WAITING
        return _move(job.delivery, **changes)
    return end(job.delivery, stop.state, stop.sentence, now)


def _after_stop(job: Job, stop: Stop, now: datetime) -> None:
    """The next route, or the end of the notification: untold, or superfluous."""
    if stop.until is not None:
        return
    if stop.next_route:
        why = stop.sentence
        account = stop.reason == Reason.CHANNEL_PAUSED
        fallback.next_route(
            job.notification, job.delivery, why, now, job.channel.family, account=account
        )
        return
    states = Notification.State
    ending = states.FAILED if stop.state == State.EXPIRED else states.CANCELLED
    still_open = Notification.objects.filter(pk=job.notification.pk, state=states.OPEN)
    if still_open.update(state=ending) and ending == states.FAILED:
        not_told(job.notification, stop.sentence, now)


def _decision(job: Job, stop: Stop, now: datetime) -> Decision:
    notification = job.notification
    return Decision(
        brand_id=notification.brand_id,
        order_id=notification.order_id,
        change_id=notification.change_id,
        rule_id=notification.rule_id,
        rule_name=next(
            (c.rule.name for c in job.shelf.rules if c.rule.pk == notification.rule_id), ""
        ),
        notification=notification,
        delivery=job.delivery,
        audience=notification.audience,
        recipient=_recipient(job)[:160],
        verdict=stop.verdict,
        reason=stop.reason,
        sentence=stop.sentence,
        inputs={"order_status": job.order.status if job.order else "", **_plain(stop)},
        decided_at=now,
    )


def _recipient(job: Job) -> str:
    """Whom it was for, without a query."""
    places = job.shelf.destinations
    place = next((one.name for one in places if one.pk == job.notification.destination_id), "")
    return place or (job.order.contact_given_name or job.order.contact_name if job.order else "")


def _plain(stop: Stop) -> dict[str, str]:
    return {key: str(value) for key, value in stop.values.items()}
