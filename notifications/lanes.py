"""What each channel has in flight, and what is ready to follow: one lane per channel."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator
from datetime import datetime

from channels_app.models import Channel
from notifications.composing import Composed
from notifications.context import Job

BATCH = 200
TRUE_FOR = 1.0  # seconds for which a message that was checked may wait for its turn
SLOW_FOR = 10.0  # seconds in which a channel whose messages had to wait gets no more than fly


def most_pressing(ready: tuple[Job, Composed]) -> tuple[bool, datetime]:
    """Sorts urgent messages first, then those that are worthless soonest."""
    notification = ready[0].notification
    return not notification.urgent, notification.useful_until


class Lanes:
    """Holds messages that are checked and written until their channel has room for a call.

    One that waits longer than `TRUE_FOR` goes back to be checked anew: what is
    handed over was true a moment ago.
    """

    def __init__(self) -> None:
        self.in_flight: Counter[int] = Counter()
        self.stale: list[int] = []  # delivery ids to put back
        self.resting: frozenset[int] = frozenset()  # channels whose provider asked for a pause
        self._ready: dict[int, deque[tuple[Job, Composed, float]]] = defaultdict(deque)
        self._slow_until: dict[int, float] = {}

    def __bool__(self) -> bool:
        return bool(self._ready or self.stale)

    def room(self, channel: Channel) -> int:
        """How many deliveries of a channel to hold at once: more than fly, unless it is slow."""
        if time.monotonic() < self._slow_until.get(channel.pk, 0.0):
            return channel.limit
        return min(channel.limit * 3, channel.limit + BATCH)

    def taken(self) -> dict[int, int]:
        """Channel id -> how many of its deliveries are in flight or ready."""
        found = Counter(self.in_flight)
        for channel_id, queue in self._ready.items():
            found[channel_id] += len(queue)
        return dict(found)

    def add(self, job: Job, composed: Composed, checked_at: float) -> None:
        """Queue a message that was checked at `checked_at` (monotonic seconds).

        An urgent one overtakes those that are not.
        """
        queue = self._ready[job.channel.pk]
        if not job.notification.urgent or not queue or queue[-1][0].notification.urgent:
            queue.append((job, composed, checked_at))
            return
        ahead = (at for at, ready in enumerate(queue) if not ready[0].notification.urgent)
        queue.insert(next(ahead), (job, composed, checked_at))

    def seen(self) -> dict[int, int]:
        """Order id -> its newest change that the messages which are ready know of."""
        found: dict[int, int] = {}
        for queue in self._ready.values():
            for job, *_rest in queue:
                order_id = job.delivery.order_id
                if order_id is not None:
                    found[order_id] = min(job.latest, found.get(order_id, job.latest))
        return found

    def withdraw(self, orders: Collection[int]) -> None:
        """What is ready about `orders` goes back: something has happened to them."""
        for channel_id in list(self._ready) if orders else ():
            queue = self._ready[channel_id]
            gone = [ready for ready in queue if ready[0].delivery.order_id in orders]
            self.stale += [job.delivery.pk for job, *_rest in gone]
            left = deque(ready for ready in queue if ready[0].delivery.order_id not in orders)
            self._ready[channel_id] = left
            if not left:
                self._ready.pop(channel_id)

    def channels(self) -> list[int]:
        """The channels that have something ready."""
        return list(self._ready)

    def next(self, channel_id: int) -> Iterator[tuple[Job, Composed]]:
        """What may fly now, as far as the channel's limit allows; nothing while it rests."""
        queue = self._ready[channel_id]
        if channel_id in self.resting:
            self.stale += [job.delivery.pk for job, *_rest in queue]
            queue.clear()
        while queue and self.in_flight[channel_id] < queue[0][0].channel.limit:
            job, composed, checked_at = queue.popleft()
            if time.monotonic() - checked_at > TRUE_FOR:
                self.stale.append(job.delivery.pk)
                self._slow_until[channel_id] = time.monotonic() + SLOW_FOR
            else:
                yield job, composed
        if not queue:
            self._ready.pop(channel_id, None)

    def empty(self) -> list[int]:
        """Give up all that has not flown; the ids of its deliveries."""
        held = [job.delivery.pk for queue in self._ready.values() for job, *_rest in queue]
        held += self.stale
        self._ready.clear()
        self.stale = []
        return held
