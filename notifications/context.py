"""What a batch of claimed deliveries needs, loaded with a handful of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from channels_app.models import Channel
from consents import policy
from consents.models import ContactPoint
from notifications import claims, library, personal
from notifications.claims import Claim
from notifications.last_look import latest_changes
from notifications.models import CustomerMessage, Delivery, Notification, Promise
from notifications.promising import Known, known
from notifications.superseding import covers
from orders.models import FulfilmentGroup, Order, OrderLine, StatusChange

# Nobody reads these while sending. Times and JSON are the dearest columns to read.
UNREAD_OF_DELIVERIES = (
    "due_at",
    "lease_until",
    "sent_at",
    "ended_at",
    "reason",
    "contact_point__verified_at",
    "contact_point__created_at",
    "contact_point__invalid_why",
)
UNREAD_OF_CHANGES = ("recorded_at", "planned_at", "lease_until", "actor")
UNREAD_OF_ORDERS = (
    "clocks",
    "attributes",
    "source_status",
    "contact_phone_raw",
    "created_at",
    "changed_at",
)
UNREAD_OF_GROUPS = ("clocks", "aliases", "source_status", "sub_status")


@dataclass
class Job:
    """One claimed delivery with everything it is about."""

    delivery: Delivery
    notification: Notification
    channel: Channel
    shelf: library.Library
    order: Order | None
    change: StatusChange | None
    groups: Sequence[FulfilmentGroup]
    lines: Sequence[OrderLine]
    point: ContactPoint | None
    facts: policy.Facts | None
    claim: Claim | None = None  # what a correction takes back; `change` is then the claim's
    also: Sequence[StatusChange] = ()  # the same step of other parts, told in one message
    newer: str = ""  # what has been told or planned meanwhile, and replaces a late message
    told: Sequence[Known] = ()  # the times that the customer knows, newest first
    promise: Promise | None = None  # the time that the message tells, once it is composed
    probe: bool = False  # the one message that tries a channel whose pause is over
    latest: int = 0  # the order's newest change when it was read
    person: dict[str, Any] | None = None  # the customer, for channels that need them
    window_open: bool = False  # they wrote to us within the provider's window


def load(ids: Sequence[int]) -> list[Job]:
    """The jobs of claimed deliveries `ids`, in that order. Eight queries and the consent's."""
    both = Delivery.objects.select_related("notification", "contact_point")
    deliveries = both.defer(*UNREAD_OF_DELIVERIES).in_bulk(ids)
    rows = [deliveries[pk] for pk in ids if pk in deliveries]
    order_ids = {row.order_id for row in rows if row.order_id}
    latest = latest_changes(order_ids)
    orders = Order.objects.defer(*UNREAD_OF_ORDERS).in_bulk(order_ids)
    changes = _changes(rows)
    groups, lines = _parts(order_ids)
    facts = _facts(rows)
    newer = _replaced(rows)
    taken_back = claims.of(rows)
    told = known(order_ids)
    jobs = [
        Job(
            delivery=row,
            notification=row.notification,
            channel=library.channel(row.channel_id),
            shelf=library.of_brand(row.brand_id),
            order=orders.get(row.order_id or 0),
            change=taken_back[row.pk].change
            if row.pk in taken_back
            else changes.get(row.notification.change_id or 0),
            claim=taken_back.get(row.pk),
            also=[changes[pk] for pk in row.notification.merged if pk in changes],
            groups=groups[row.order_id or 0],
            lines=lines[row.order_id or 0],
            point=row.contact_point,
            facts=facts.get(row.brand_id),
            newer=newer.get(row.pk, ""),
            told=told.get(row.order_id or 0, ()),
            latest=latest.get(row.order_id or 0, 0),
        )
        for row in rows
    ]
    _learn_what_few_need(jobs, timezone.now())
    return jobs


def _changes(rows: Sequence[Delivery]) -> dict[int, StatusChange]:
    """What the messages are about, and what they were joined with."""
    ids = {row.notification.change_id for row in rows if row.notification.change_id}
    ids |= {pk for row in rows for pk in row.notification.merged}
    return StatusChange.objects.defer(*UNREAD_OF_CHANGES).in_bulk(ids)


def _learn_what_few_need(jobs: Sequence[Job], now: datetime) -> None:
    """Who the customer is, and when they last wrote, for the channels that ask for it."""
    able = {job.channel.pk: job.channel.speaker.capabilities for job in jobs}
    some = [job.order for job in jobs if job.order and able[job.channel.pk].personal]
    people = personal.load({order.pk: order for order in some}, now) if some else {}
    windows = _windows([job for job in jobs if able[job.channel.pk].window_hours])
    for job in jobs:
        job.person = people.get(job.delivery.order_id or 0)
        last = windows.get((job.channel.pk, job.delivery.contact_point_id))
        job.window_open = last is not None and now - last < timedelta(
            hours=able[job.channel.pk].window_hours
        )


def _parts(
    order_ids: set[int],
) -> tuple[dict[int, list[FulfilmentGroup]], dict[int, list[OrderLine]]]:
    groups: dict[int, list[FulfilmentGroup]] = defaultdict(list)
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    rows = FulfilmentGroup.objects.defer(*UNREAD_OF_GROUPS)
    for group in rows.filter(order_id__in=order_ids).order_by("id"):
        groups[group.order_id].append(group)
    for line in OrderLine.objects.filter(order_id__in=order_ids).order_by("id"):
        lines[line.order_id].append(line)
    return groups, lines


def _facts(rows: Sequence[Delivery]) -> dict[int, policy.Facts]:
    """Brand id -> what its customers allow, for the addresses of this batch."""
    points: dict[int, list[ContactPoint]] = defaultdict(list)
    people: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row.contact_point is not None:
            points[row.brand_id].append(row.contact_point)
            people[row.brand_id] |= {row.notification.customer_id or 0} - {0}
    return {
        brand_id: policy.load(brand_id, some, people[brand_id]) for brand_id, some in points.items()
    }


def _windows(jobs: Sequence[Job]) -> dict[tuple[int, int | None], datetime]:
    """(channel id, contact point id) -> when they last wrote there."""
    if not jobs:
        return {}
    rows = CustomerMessage.objects.filter(
        channel_id__in={job.channel.pk for job in jobs},
        contact_point_id__in={job.delivery.contact_point_id for job in jobs} - {None},
    )
    last = rows.values_list("channel_id", "contact_point_id").annotate(at=Max("received_at"))
    return {(channel, point): at for channel, point, at in last}


def _replaced(rows: Sequence[Delivery]) -> dict[int, str]:
    """Delivery id -> the newer event that replaces it, for those that were not sent at once.

    Planning replaces what is queued; a try or another route that ends meanwhile escapes it.
    """
    late = [
        row
        for row in rows
        if row.notification.change_id
        and (row.claims > 1 or row.created_at > row.notification.created_at)
    ]
    if not late:
        return {}
    told = Notification.objects.filter(
        order_id__in={row.order_id for row in late},
        change_id__gt=min(row.notification.change_id or 0 for row in late),
        state__in=[Notification.State.OPEN, Notification.State.DONE],
    )
    by_order: dict[int, list[Notification]] = defaultdict(list)
    for one in told.order_by("id"):
        by_order[one.order_id or 0].append(one)
    found = {
        row.pk: next(
            (n.event for n in by_order[row.order_id or 0] if covers(n, row.notification)), ""
        )
        for row in late
    }
    return {pk: event for pk, event in found.items() if event}
