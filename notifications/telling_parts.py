"""Which parts of a split order a message tells of, as they are when it is handed over."""

from collections.abc import Sequence

from notifications.claims import status_of
from notifications.context import Job
from orders.deriving import active
from orders.models import FulfilmentGroup, StatusChange


def still_told(job: Job) -> list[FulfilmentGroup]:
    """The parts that a merged message tells of and that are still where it says; in their order."""
    if job.order is None or job.change is None:
        return []
    said = {change.group_key: change for change in (job.change, *job.also)}
    return [
        group
        for group in job.groups
        if group.key in said
        and status_of(job.order, job.groups, group.key) == said[group.key].status
    ]


def subject(
    job: Job,
) -> tuple[FulfilmentGroup | None, StatusChange | None, Sequence[FulfilmentGroup]]:
    """What a message is about: its part (None: the whole), its change, and all its parts if many.

    When the parts of a merged message are all that the order has, it is about the whole.
    """
    group = next(
        (one for one in job.groups if job.change and one.key == job.change.group_key), None
    )
    if not job.also:
        return group, job.change, ()
    told = still_told(job)
    whole = {one.pk for one in active(list(job.lines), list(job.groups))}
    if whole <= {one.pk for one in told}:
        return None, job.change, ()
    if not told:
        return group, job.change, ()
    changes = {change.group_key: change for change in (job.change, *job.also) if change}
    return told[0], changes[told[0].key], told if len(told) > 1 else ()
