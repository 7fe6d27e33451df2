"""What every pump looks for once a second: one cheap, indexed question each.

Each takes its rows by a claim (or a conditional update), so that any number of pumps
may sweep at once.
"""

from collections.abc import Callable
from datetime import datetime

from notifications import (
    confirming,
    delaying,
    escalating,
    held,
    lateness,
    library,
    passing_on,
    receipts,
    unknown,
)
from notifications.context import Job
from notifications.taking import one_of_many

EARLY = 1000  # receipts of messages not known yet that are looked at
ASKING = 60  # seconds that a question about a message of unknown fate may take

SWEEPS: tuple[Callable[[datetime], object], ...] = (
    confirming.run_due,
    delaying.run_due,
    escalating.run_due,
    held.expire,
    lateness.raise_late,
    passing_on.pass_on,
)


def sweep(limit: int, now: datetime) -> list[Job]:
    """Look at all that waits for its time; the messages whose provider can be asked for them."""
    library.refresh_channels()
    unknown.expire_leases(limit, now)
    ask, others = unknown.split(unknown.take(limit, ASKING, now))
    for job in others:
        one_of_many(unknown.decide, job, now)
    one_of_many(receipts.match_early, EARLY, now)
    for look in SWEEPS:
        one_of_many(look, now)
    return ask
