"""Whether the engine is alive: seconds since its last successful sweep, not a process id."""

import time
from datetime import datetime

from notifications.models import Heartbeat

SWEEP = "sweep"
WRITE_EVERY = 5.0  # seconds; a heartbeat costs a durable write
_last_written = 0.0


def beat(now: datetime) -> None:
    """The pump has been all the way round; written now and then."""
    global _last_written
    if time.monotonic() - _last_written < WRITE_EVERY:
        return
    _last_written = time.monotonic()
    Heartbeat.objects.update_or_create(name=SWEEP, defaults={"at": now})


def last_sweep() -> datetime | None:
    """When the pump last went all the way round, in any process; None: never."""
    return Heartbeat.objects.filter(name=SWEEP).values_list("at", flat=True).first()
