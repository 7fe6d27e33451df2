"""When to try again. Pure."""

import random
from datetime import datetime, timedelta

BASE_SECONDS = 2.0
LONGEST_SECONDS = 15 * 60.0
MOST_TRIES = 8


def next_due(
    tries: int, retry_after: float | None, now: datetime, chance: random.Random
) -> datetime:
    """The earliest moment of the next try, after `tries` that failed.

    Doubles from 2 s to 15 min, with full jitter in its upper half so that many
    that failed together do not come back together. What the provider said is
    the least we wait, and at most 15 minutes.
    """
    ceiling = min(LONGEST_SECONDS, BASE_SECONDS * 2 ** min(tries, 12))
    wait = ceiling / 2 + chance.random() * ceiling / 2
    if retry_after is not None:
        told = min(max(retry_after, 0.0), LONGEST_SECONDS)
        wait = told + chance.random() * min(told, 1.0)
    return now + timedelta(seconds=wait)
