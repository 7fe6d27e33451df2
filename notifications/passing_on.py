"""What an account that rests would bring too late takes its next way while there is time."""

from datetime import datetime

from channels_app.models import ChannelHealth
from notifications import context, outcomes
from notifications.choosing import OLDEST, claim_these
from notifications.context import Job
from notifications.gating import Stop, gate
from notifications.models import Delivery
from notifications.reasons import Reason
from notifications.taking import one_of_many

State = Delivery.State
MOST = 100  # at once


def pass_on(now: datetime) -> int:
    """Pass messages on from every account that rests; how many. One small query when none does."""
    rests = ChannelHealth.objects.filter(resting_until__gt=now).values_list(
        "channel_id", "resting_until"
    )
    return sum(_pass_on(channel_id, until, now) for channel_id, until in rests if until)


def _pass_on(channel_id: int, until: datetime, now: datetime) -> int:
    late = _too_late(channel_id, True, until, now) + _too_late(channel_id, False, until, now)
    taken = claim_these(late[:MOST], now)
    jobs = context.load(sorted(taken))
    outcomes.stopped([(job, _stop(job, until, now)) for job in jobs], now)
    return len(jobs)


def _too_late(channel_id: int, urgent: bool, until: datetime, now: datetime) -> list[int]:
    """Of the oldest in a lane, those that are no news any more by `until` and may go elsewhere."""
    lane = Delivery.objects.filter(
        channel_id=channel_id, state=State.QUEUED, urgent=urgent, due_at__lte=until
    )
    oldest = lane.order_by("due_at", "id").values("pk")[:OLDEST]
    late = Delivery.objects.filter(
        pk__in=oldest,
        notification__useful_until__gt=now,
        notification__useful_until__lte=until,
    ).exclude(notification__routes=[])
    return list(late.order_by("notification__useful_until").values_list("pk", flat=True)[:MOST])


def _stop(job: Job, until: datetime, now: datetime) -> Stop:
    """It may have become untrue meanwhile; else the next way."""
    stop: Stop | None = one_of_many(gate, job, now)
    values = {"channel": job.channel.name, "until": until.strftime("%H:%M:%S UTC")}
    return stop or Stop(Reason.RESTING, State.CANCELLED, next_route=True, values=values)
