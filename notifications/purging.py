"""Masked numbers and their PINs go some hours after an order's end, as the platforms ask.

Each source says after how many hours (`contact_hours`). A connection's heartbeat remembers up
to which `changed_at` all is purged, so that every run reads only what ended since, by the index
of the board. An order that changes later comes by again.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from channels_app.contract import AddressKind
from consents import recording
from notifications.models import Heartbeat
from orders import registry
from orders.models import Order, SourceConnection
from orders.statuses import FINAL
from orders.withheld import PHONE_PIN, PURGED_AT

BATCH = 500
MOST_BATCHES = 100  # of one connection in one run
LENT = Q(contact_proxy=True) & ~Q(contact_phone="", contact_phone_raw="")


def purge(now: datetime) -> int:
    """Empty what was lent for orders that are over; how many orders had something."""
    lenders = list(_lenders())
    longest = max((keep for _one, keep in lenders), default=timedelta())
    return sum(_purge(one, now - keep, now - longest, now) for one, keep in lenders)


def _lenders() -> Iterator[tuple[SourceConnection, timedelta]]:
    """Connections whose source lends numbers, and how long these may be kept."""
    for one in SourceConnection.objects.only("id", "brand_id", "source"):
        hours = registry.source(one.source).contact_hours if one.source in registry.slugs() else 0
        if hours > 0:
            yield one, timedelta(hours=hours)


def _purge(lender: SourceConnection, until: datetime, used_since: datetime, now: datetime) -> int:
    """Purge one connection's orders that ended before `until`, batch by batch."""
    name = f"purged-{lender.pk}"
    since = Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
    due = _due(lender, since, until)
    gone = 0
    for _batch in range(MOST_BATCHES):
        ids = list(due.order_by("changed_at", "id").values_list("id", flat=True)[:BATCH])
        done = _empty(lender, due.filter(id__in=ids), used_since, now) if ids else 0
        gone += done
        if done < len(ids):  # somebody is changing one of them: all of this again next time
            break
        if len(ids) < BATCH:
            _remember(name, until)
            break
    return gone


def _remember(name: str, until: datetime) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=until)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )


def _due(lender: SourceConnection, since: datetime | None, until: datetime) -> QuerySet[Order]:
    """Orders that are over and still hold what was lent. The brand is named for its index."""
    rows = Order.objects.filter(
        LENT | Q(attributes__has_key=PHONE_PIN),
        brand_id=lender.brand_id,
        connection_id=lender.pk,
        status__in=FINAL,
        changed_at__lte=until,
    )
    return rows if since is None else rows.filter(changed_at__gt=since)


def _empty(
    lender: SourceConnection, due: QuerySet[Order], used_since: datetime, now: datetime
) -> int:
    """One batch in one transaction; what somebody else holds just now is left out."""
    with transaction.atomic():
        locked = due.select_for_update(skip_locked=True, no_key=True).order_by("id")
        rows = list(locked)
        numbers = {row.contact_phone for row in rows if row.contact_proxy} - {""}
        for row in rows:
            _take_back(row, now)
        Order.objects.bulk_update(rows, ["contact_phone", "contact_phone_raw", "attributes"])
        unused = numbers - _in_use(lender.brand_id, numbers, used_since)
        recording.forget_proxies(lender.brand_id, AddressKind.PHONE, unused)
    return len(rows)


def _take_back(row: Order, now: datetime) -> None:
    if row.contact_proxy:
        row.contact_phone = row.contact_phone_raw = ""
    kept: dict[str, Any] = {k: v for k, v in row.attributes.items() if k != PHONE_PIN}
    row.attributes = {**kept, PURGED_AT: now.isoformat()}


def _in_use(brand_id: int, numbers: Collection[str], since: datetime) -> set[str]:
    """Which of `numbers` open orders have, or orders that ended so lately that they keep theirs.

    Two queries, each with an index of its own. A platform lends one number to many.
    """
    if not numbers:
        return set()
    same = Order.objects.filter(brand_id=brand_id, contact_phone__in=numbers)
    open_ = same.filter(archived_at__isnull=True).exclude(status__in=FINAL)
    lately = same.filter(changed_at__gt=since)
    return {row.contact_phone for rows in (open_, lately) for row in rows.only("contact_phone")}
