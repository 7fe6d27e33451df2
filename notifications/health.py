"""Whether the engine is alive: seconds since its last successful sweep, not a process id."""

import time
from datetime import datetime

from django.db import transaction

from notifications import restoring
from notifications.models import Heartbeat

SWEEP = "sweep"
WRITE_EVERY = 5.0  # seconds; a heartbeat costs a durable write


class Pulse:
    """The heartbeats of one pump. `watches`: whether it lives long enough to notice a restore."""

    def __init__(self, watches: bool = False) -> None:
        self._watches = watches
        self._known = restoring.remembered() if watches else 0
        self._last_written = 0.0

    def beat(self, now: datetime) -> None:
        """The pump has been all the way round, or begins; written now and then."""
        if time.monotonic() - self._last_written < WRITE_EVERY:
            return
        with transaction.atomic():
            rows = Heartbeat.objects.select_for_update()
            row, _new = rows.get_or_create(name=SWEEP, defaults={"at": now})
            if self._watches:
                restoring.notice(row, self._known, now)
            row.at, row.count = now, row.count + 1
            row.save()
        self._last_written = time.monotonic()
        if self._watches:
            self._known = row.count
            restoring.remember(row.count)

    @property
    def begun(self) -> bool:
        """Whether it has beaten yet."""
        return self._last_written > 0


def last_sweep() -> datetime | None:
    """When the pump last went all the way round, in any process; None: never."""
    return Heartbeat.objects.filter(name=SWEEP).values_list("at", flat=True).first()
