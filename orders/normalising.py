"""Inbox rows into order events, and those onto the timelines: a stage of the pump."""

import logging
import traceback
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django.db.models import Q

from orders import registry
from orders.claiming import claim, database_now, set_each
from orders.contract import Api, OrderEvent, OrderSource, SourceError, Unmappable
from orders.legs import couriers
from orders.loading import Word
from orders.lock_waits import is_held
from orders.models import InboundEvent, SourceConnection
from orders.timeline import record

log = logging.getLogger(__name__)
State = InboundEvent.State
WAIT_FOR_ORDER = timedelta(days=2)
LONGEST_WAIT_SECONDS = 600
LEASE_SECONDS = 60  # at most: a batch takes a second
COUNTED_ATTEMPTS = 1000  # far more than are looked at; the column must never overflow
# Rows whose leases ran out this often are taken one by one, and later set aside as poison.
ALONE_AFTER = 3
SET_ASIDE_AFTER = 10
FINISHED = [
    "state",
    "error",
    "order",
    "mapper_version",
    "lease_until",
    "processed_at",
    "due_at",
]


def normalise(limit: int, now: datetime) -> int:
    """Work off up to `limit` inbox rows; how many there were."""
    rows = _claim(limit, now)
    if not rows:
        return 0
    suspects = [row for row in rows if _lost_often(row)]
    trouble: OperationalError | None = None
    for batch in [[row for row in rows if row not in suspects], *([row] for row in suspects)]:
        try:
            _work_off(batch, now)
        except OperationalError as error:
            if is_held(error):
                _work_off_free_ones(batch, now)
                continue
            # The database is busy or away; when it is away, this raises, and the leases run out.
            _release(batch, now)
            trouble = error
    if trouble is not None:
        raise trouble
    return len(rows)


def _work_off_free_ones(batch: Sequence[InboundEvent], now: datetime) -> None:
    """Somebody holds an order of `batch`: its events come again soon, all others go on now."""
    for row in batch:
        try:
            _work_off([row], now)
        except OperationalError as error:
            if not is_held(error):
                raise
            _release([row], now)


def _lost_often(row: InboundEvent) -> bool:
    """Whether its leases ran out again and again before anything could be said on it."""
    return row.state == State.RECEIVED and row.attempts > ALONE_AFTER


def _work_off(rows: Sequence[InboundEvent], now: datetime) -> None:
    """Map and record `rows`, and say on each what became of it."""
    words = [
        Word(event, row.connection, inbound=row, mode=row.mode)
        for row in rows
        for event in _map(row, now)
    ]
    try:
        _record(words, now)
    except OperationalError:
        raise
    except Exception as error:
        # One bad apple: take them one by one, so that only it stays behind.
        log.warning("a batch of %s events could not be recorded: %s", len(rows), where(error))
        for word in words:
            _record_alone(word, now)
    _finish(rows, now)


def where(error: BaseException) -> str:
    """What sort of error, and where. Its own words may hold what customers wrote: not for a log."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _release(rows: Sequence[InboundEvent], now: datetime) -> None:
    """They come again soon, each time a little later."""
    wait = min(2 ** min(max((row.attempts for row in rows), default=1), 20) / 2, 600)
    InboundEvent.objects.filter(
        id__in=[row.pk for row in rows], state__in=[State.RECEIVED, State.WAITING]
    ).update(lease_until=None, due_at=now + timedelta(seconds=wait))


def _claim(limit: int, now: datetime) -> list[InboundEvent]:
    ids = claim(
        "orders_inboundevent",
        "state IN ('received', 'waiting') AND due_at <= %s"
        f" AND (lease_until IS NULL OR lease_until < {database_now()})",
        "id",
        limit,
        {
            "lease_until": database_now(min(LEASE_SECONDS, settings.LEASE_SECONDS)),
            "attempts": f"attempts + CASE WHEN attempts < {COUNTED_ATTEMPTS} THEN 1 ELSE 0 END",
        },
        params=[now],
    )
    if not ids:
        return []
    rows = InboundEvent.objects.select_related("connection__brand").prefetch_related(
        "connection__brand__stores"
    )
    return list(rows.filter(id__in=[pk for (pk,) in ids]).order_by("id"))


def _points_elsewhere(row: InboundEvent, source: OrderSource) -> bool:
    """Whether the order has to be asked for at its source before the body means anything."""
    if row.fetched is not None or type(source).ask is OrderSource.ask:
        return False
    credentials: Any = row.connection.credentials
    api = Api(source.base(credentials), credentials, row.connection.settings)
    return source.ask(row.topic, row.headers, bytes(row.body), api) is not None


def _map(row: InboundEvent, now: datetime) -> Sequence[OrderEvent]:
    """What a stored body means; a failure stays on the row in a sentence."""
    if row.state == State.RECEIVED and row.attempts > SET_ASIDE_AFTER:
        row.state = State.FAILED
        row.error = "It was lost with its process too often, so it was set aside. Replay it."
        return []
    row.error, row.state = "", State.PROCESSED
    try:
        source = registry.source(row.connection.source)
        row.mapper_version = source.mapper_version_for(row.connection.settings)
        if _points_elsewhere(row, source):
            row.state, row.due_at = State.FETCHING, now
            return []
        body = bytes(row.fetched or row.body)
        events = source.map(row.topic, row.headers, body, row.connection.settings)
    except (SourceError, LookupError) as error:
        row.state, row.error = State.FAILED, str(error)
        return []
    except Exception as error:
        log.error(
            "mapper of %s failed on inbound event %s: %s",
            row.connection.source,
            row.pk,
            where(error),
        )
        row.state, row.error = State.FAILED, f"The mapping failed: {type(error).__name__}: {error}"
        return []
    if not events:
        row.state = State.IGNORED
    return events


def _record(words: Sequence[Word], now: datetime) -> None:
    recorded = record(words, now, in_a_hurry=True)
    if recorded.born:
        # Somebody may have been waiting for just this order.
        brands = SourceConnection.objects.filter(pk__in=recorded.born).values("brand_id")
        mine = Q(connection_id__in=recorded.born)
        legs_of_mine = Q(connection__source__in=couriers(), connection__brand_id__in=brands)
        InboundEvent.objects.filter(mine | legs_of_mine, state=State.WAITING).update(due_at=now)
    for word, order in zip(words, recorded.orders, strict=True):
        row = word.inbound
        if row is None:
            continue
        if order is None:
            _wait(row, word.event, now)
            continue
        row.order = order
        if word.event.unmapped_status:
            row.state = State.FAILED
            row.error = str(
                Unmappable(
                    f"The status “{word.event.unmapped_status}” has no meaning here yet. "
                    "Add it to the connection's status_map, then replay this event."
                )
            )


def _record_alone(word: Word, now: datetime) -> None:
    try:
        _record([word], now)
    except OperationalError:
        raise
    except Exception as error:
        if word.inbound is not None:
            log.error("inbound event %s could not be recorded: %s", word.inbound.pk, where(error))
            word.inbound.state = State.FAILED
            word.inbound.error = f"Could not be recorded: {type(error).__name__}: {error}"


def _wait(row: InboundEvent, event: OrderEvent, now: datetime) -> None:
    """It speaks of an order that we have not heard of: try again later, then let a person look."""
    sentence = "It speaks of an order that has not arrived yet. "
    if not event.external_id and "find_by_group_alias" in event.attributes:
        sentence = "It names only a part that no order here is known to have. "
    if now - row.received_at > WAIT_FOR_ORDER:
        row.state = State.FAILED
        row.error = sentence + "Replay it once the order is here."
        return
    row.state = State.WAITING
    row.error = sentence + "It is tried again by itself for two days."
    row.due_at = now + timedelta(seconds=min(2 ** min(row.attempts, 20), LONGEST_WAIT_SECONDS))


def _finish(rows: Sequence[InboundEvent], now: datetime) -> None:
    """Say on each row what became of it: a few statements for the many that went well."""
    plain = [row for row in rows if row.state == State.PROCESSED and not row.error]
    for version in {row.mapper_version for row in plain}:
        InboundEvent.objects.filter(
            id__in=[row.pk for row in plain if row.mapper_version == version]
        ).update(
            state=State.PROCESSED,
            error="",
            mapper_version=version,
            lease_until=None,
            processed_at=now,
        )
    found = [(row.pk, row.order_id) for row in plain if row.order_id]
    set_each("orders_inboundevent", "order_id", "bigint", found)
    done = {row.pk for row in plain}
    for row in rows:
        if row.pk not in done:
            row.lease_until, row.processed_at = None, now
            row.save(update_fields=FINISHED)
