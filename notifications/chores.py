"""What must be done now and then: by celery-beat, or by the same table in one process."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from notifications import balancing, channel_minutes, purging, watching
from notifications.models import Heartbeat, ReceiptRecord
from orders.models import IdempotentCall

log = logging.getLogger(__name__)
EARLY_RECEIPT_LIFE = timedelta(days=1)
BATCH = 1000
MOST_BATCHES = 500  # in one run


def forget_idempotent_calls(now: datetime) -> int:
    """Answers of the API that nobody may ask for again."""
    return _forget(IdempotentCall.objects.filter(created_at__lt=now - IdempotentCall.LIFE))


def forget_foreign_receipts(now: datetime) -> int:
    """Receipts for messages that we never sent."""
    old = ReceiptRecord.objects.filter(
        delivery__isnull=True, received_at__lt=now - EARLY_RECEIPT_LIFE
    )
    return _forget(old)


def _forget(old: QuerySet[Any]) -> int:
    """Delete all of `old` in small transactions: at any rate at which they come in, they go."""
    gone = 0
    for _batch in range(MOST_BATCHES):
        ids = list(old.order_by("id").values_list("id", flat=True)[:BATCH])
        if ids:
            gone += old.model.objects.filter(id__in=ids).delete()[0]
        if len(ids) < BATCH:
            break
    return gone


# name -> (what to do, how often). What calls out is named by its path: web processes, which ring
# the tasks, must not load an HTTP client.
CHORES: dict[str, tuple[Callable[[datetime], int] | str, timedelta]] = {
    "forget_idempotent_calls": (forget_idempotent_calls, timedelta(hours=1)),
    "balance_channels": (balancing.balance, timedelta(minutes=1)),
    "forget_channel_minutes": (channel_minutes.forget, timedelta(hours=1)),
    "forget_foreign_receipts": (forget_foreign_receipts, timedelta(hours=1)),
    "list_sources": ("notifications.listing.list_sources", timedelta(minutes=5)),
    "watch_sources": (watching.watch, timedelta(minutes=1)),
    "forget_times": (watching.forget, timedelta(hours=1)),
    "purge_masked_contacts": (purging.purge, timedelta(minutes=15)),
}


def run(name: str, now: datetime) -> int:
    """Run a chore unless another process has just done so; how many rows it dealt with."""
    work, every = CHORES[name]
    with transaction.atomic():
        row, made = Heartbeat.objects.select_for_update().get_or_create(
            name=name, defaults={"at": now}
        )
        if not made and now - row.at < every / 2:
            return 0
        Heartbeat.objects.filter(name=name).update(at=now)
    done: int = (import_string(work) if isinstance(work, str) else work)(now)
    return done


def run_in_thread(stop: threading.Event) -> threading.Thread:
    """Every chore at its time, in this process, until `stop`."""
    thread = threading.Thread(target=_forever, args=(stop,), name="chores", daemon=True)
    thread.start()
    return thread


def _forever(stop: threading.Event) -> None:
    last = dict.fromkeys(CHORES, time.monotonic())
    while not stop.wait(30):
        for name, (_work, every) in CHORES.items():
            if time.monotonic() - last[name] >= every.total_seconds():
                last[name] = time.monotonic()
                _try(name)
        connection.close()


def _try(name: str) -> None:
    try:
        run(name, timezone.now())
    except Exception:
        log.exception("chore %s failed; it comes again", name)
