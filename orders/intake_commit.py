"""Group commit: requests that arrive together share one INSERT, and each waits for it.

Nobody waits for company: a request that finds no insert under way leads at once.
Those that come meanwhile queue up, and the first of them leads the next insert
for all. There is no timer and no thread of its own.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, OperationalError
from django.db import connection as database

from orders.intake_insert import Key, NewEvent

Insert = Callable[[Sequence[NewEvent]], dict[Key, int]]
MOST_ROWS = 500
MOST_BYTES = 8 * 1024 * 1024
WAIT_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class _Ticket:
    """What one request wants stored, and what became of it."""

    rows: Sequence[NewEvent]
    turn: threading.Event = field(default_factory=threading.Event)
    ids: list[int] | None = None  # None while nothing was done for it
    error: BaseException | None = None
    alone: bool = False  # the shared insert met a row that cannot be stored; maybe not ours

    @property
    def size(self) -> int:
        """Bytes of the bodies."""
        return sum(len(row.body) for row in self.rows)


class GroupCommit:
    """Shares inserts among the threads of this process."""

    def __init__(self, insert: Insert) -> None:
        self._insert = insert
        self._lock = threading.Lock()
        self._queue: list[_Ticket] = []
        self._under_way = False

    def store(self, rows: Sequence[NewEvent]) -> list[int]:
        """The ids of those of `rows` that were new, once they are durable."""
        if database.in_atomic_block or len(rows) > MOST_ROWS:
            return list(self._insert(rows).values())
        ticket = _Ticket(rows)
        if not self._leads(ticket) and not ticket.turn.wait(WAIT_SECONDS):
            self._give_up(ticket)
        if ticket.ids is None and ticket.error is None and not ticket.alone:
            self._lead(ticket)
        if ticket.alone:
            return list(self._insert(rows).values())
        if ticket.error is not None:
            raise OperationalError("The shared insert failed.") from ticket.error
        return ticket.ids or []

    def _leads(self, ticket: _Ticket) -> bool:
        """Whether nothing is under way; otherwise `ticket` queues up."""
        with self._lock:
            if self._under_way:
                self._queue.append(ticket)
                return False
            self._under_way = True
            return True

    def _give_up(self, ticket: _Ticket) -> None:
        """Waited too long: 503, and a repeat is recognised should it have been stored after all."""
        with self._lock:
            if ticket.turn.is_set():
                return
            if ticket in self._queue:
                self._queue.remove(ticket)
        raise OperationalError("The insert under way takes too long.")

    def _lead(self, own: _Ticket) -> None:
        """Insert for `own` and all who wait, then let the next one lead."""
        group = self._gather(own)
        try:
            self._insert_for(group)
        except (OperationalError, InterfaceError) as error:
            for ticket in group:
                ticket.error = error
        except DatabaseError:
            for ticket in group:
                ticket.alone = True
        except BaseException as error:
            for ticket in group:
                ticket.error = error
            raise
        finally:
            self._hand_on(group[1:])

    def _gather(self, own: _Ticket) -> list[_Ticket]:
        """`own` and those who wait, as far as one statement should go."""
        group, rows, size = [own], len(own.rows), own.size
        with self._lock:
            while self._queue:
                rows, size = rows + len(self._queue[0].rows), size + self._queue[0].size
                if rows > MOST_ROWS or size > MOST_BYTES:
                    break
                group.append(self._queue.pop(0))
        return group

    def _insert_for(self, group: Iterable[_Ticket]) -> None:
        # In one order everywhere, so that two processes cannot wait for each other.
        rows = sorted((row for ticket in group for row in ticket.rows), key=_key)
        new = self._insert(rows)
        for ticket in group:
            found = [new.pop(_key(row), None) for row in ticket.rows]
            ticket.ids = [pk for pk in found if pk is not None]

    def _hand_on(self, served: Iterable[_Ticket]) -> None:
        with self._lock:
            following = self._queue.pop(0) if self._queue else None
            self._under_way = following is not None
            if following is not None:
                following.turn.set()
        for ticket in served:
            ticket.turn.set()


def _key(row: NewEvent) -> Key:
    return row.connection_id, row.event_key
