"""A message and the times in it: what it would tell, and what it has told.

Between `context`, which loads what the customer knows, and `promising`, which keeps it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from notifications import values
from notifications.context import Job
from notifications.describing import expected
from notifications.models import Audience, Promise
from notifications.promising import MOVES_THE_TIME, last, no_news
from orders.deriving import active, awaited
from orders.models import FulfilmentGroup


def near_at_hand_over(job: Job, now: datetime) -> dict[str, Any] | None:
    """As `near`, for a message that is about to leave: with the time that it would tell now."""
    change = job.change
    if change is None or change.fact not in MOVES_THE_TIME or not job.told:
        return None
    if job.notification.audience != Audience.CUSTOMER or job.order is None:
        return None
    group = next((one for one in job.groups if one.key == change.group_key), None)
    new = awaited(group, group.method or job.order.fulfilment_type) if group else None
    told = last(job.told, change.group_key, job.notification.pk)
    store = job.shelf.stores.get(job.notification.store_id or 0)
    zone = store.time_zone if store else "UTC"
    return no_news(change, new, told, tolerance_of(job), zone, now)


def tolerance_of(job: Job) -> int:
    """The tolerance of the job's rule, in minutes."""
    rules = (card.rule for card in job.shelf.rules)
    own = (one.eta_tolerance_minutes for one in rules if one.pk == job.notification.rule_id)
    return next(own, 0)


def standing(job: Job) -> tuple[datetime | None, int]:
    """The time that the customer knows, and the minutes by which news of other things may differ.

    News of something else than the time keeps to the time that was told while the new one is
    no further off than the rule's tolerance; news of the time itself tells it exactly.
    """
    if not job.told or job.notification.audience != Audience.CUSTOMER:
        return None, 0
    groups = _told_of(job)
    told = last(job.told, groups[0].key if len(groups) == 1 else "", job.notification.pk)
    itself = job.change is not None and job.change.fact in MOVES_THE_TIME
    return told.at if told else None, 0 if itself else tolerance_of(job)


def note(job: Job, text: str, now: datetime) -> None:
    """Keep on `job` the time that `text` tells its customer, for when it has been handed over."""
    if job.order is None or job.notification.audience != Audience.CUSTOMER:
        return
    groups = _told_of(job)
    time = expected(groups, now, *standing(job))
    if time is None:
        return
    store = job.shelf.stores.get(job.notification.store_id or 0)
    place = values.zone(store.time_zone if store else "UTC")
    if f"{time.astimezone(place):%H:%M}" in text:
        key = groups[0].key if len(groups) == 1 else ""
        job.promise = Promise(
            order_id=job.order.pk, group_key=key, promised_at=time, delivery_id=job.delivery.pk
        )


def _told_of(job: Job) -> list[FulfilmentGroup]:
    """The parts that the message speaks of."""
    key = job.change.group_key if job.change else ""
    own = [one for one in job.groups if key and one.key == key]
    return own or active(job.lines, job.groups)


def keep_promises(jobs: Iterable[Job], now: datetime) -> None:
    """The messages of `jobs` were handed over, or may have been: one statement for all."""
    promises = [job.promise for job in jobs if job.promise is not None]
    for one in promises:
        one.told_at = now
    if promises:
        Promise.objects.bulk_create(promises)
