"""What every pump looks for once a second: one cheap, indexed question each.

Each takes its rows by a claim (or a conditional update), so that any number of pumps
may sweep at once.
"""

from collections.abc import Callable
from datetime import datetime

from notifications import confirming, delaying, escalating, held, lateness, passing_on

SWEEPS: tuple[Callable[[datetime], object], ...] = (
    confirming.run_due,
    delaying.run_due,
    escalating.run_due,
    held.expire,
    lateness.raise_late,
    passing_on.pass_on,
)
