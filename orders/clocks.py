"""Which of two words is newer. Every field of an order remembers when each sender last spoke of it.

A field's memory is `{"by": sender, "seen": {sender: [version, milliseconds]}}`. A sender
is a connection (`c12`) or the staff. Clocks of different senders are never compared.
"""

import json
from collections.abc import Callable
from typing import Any

from orders.contract import Clock
from orders.statuses import rank

Stamp = list[int | None]
STAFF = "staff"


def stamp(clock: Clock) -> Stamp:
    """A clock as it is stored: version, and milliseconds since 1970."""
    return [clock.version, int(clock.at.timestamp() * 1000) if clock.at else None]


def compare(new: Stamp, old: Stamp) -> int | None:
    """1 newer, 0 the same instant, -1 older, None when the two cannot be compared."""
    for ours, theirs in zip(new, old, strict=True):
        if ours is not None and theirs is not None:
            return (ours > theirs) - (ours < theirs)
    return None


def canonical(value: Any) -> str:
    """A text by which two values of one instant are ordered, the same way everywhere."""
    return json.dumps(value, sort_keys=True, default=str)


class Memory:
    """The clocks of one row, kept in its `clocks` field."""

    def __init__(self, clocks: dict[str, Any], who: str, when: Stamp) -> None:
        self.clocks = clocks
        self.who = who
        self.when = when

    def accepts(self, field: str, new: Any, current: Any, at: Stamp | None = None) -> bool:
        """Whether `new` replaces `current`; remembers that this sender spoke, if so.

        Of two values of the same instant the one that sorts last wins, so that
        the order of arrival never matters.
        """
        return self._decide(field, at, lambda: canonical(new) > canonical(current), not current)

    def accepts_status(self, field: str, new: str, current: str, at: Stamp | None = None) -> bool:
        """As `accepts`; of two statuses that cannot be told apart in time the further one wins.

        Another sender's word only ever moves a status forward: what staff or a
        courier have said is not undone by a shop that has not heard of it.
        """
        forward = rank(new) > rank(current)
        entry = self.clocks.get(field)
        foreign = entry is not None and entry["by"] not in (self.who, "")
        if self.who != STAFF and foreign and not forward:
            self._remember_if_newer(field, at or self.when)
            return False
        return self._decide(field, at, lambda: forward, forward)

    def _decide(
        self, field: str, at: Stamp | None, tie: Callable[[], bool], unclocked: bool
    ) -> bool:
        when = at or self.when
        entry = self.clocks.setdefault(field, {"by": "", "seen": {}})
        seen = entry["seen"].get(self.who)
        order = 1 if seen is None else compare(when, seen)
        if order is None:
            # No common clock: take it when nothing speaks against it.
            wins = unclocked or (when == [None, None] == seen and tie())
        else:
            wins = order > 0 or (order == 0 and tie())
        if wins:
            entry["by"] = self.who
        if order == 1 or seen is None:
            entry["seen"][self.who] = when
        return wins

    def _remember_if_newer(self, field: str, when: Stamp) -> None:
        seen = self.clocks[field]["seen"]
        if self.who not in seen or compare(when, seen[self.who]) == 1:
            seen[self.who] = when

    def is_old(self, field: str, at: Stamp | None = None) -> bool:
        """Whether this sender has already said something newer about `field`."""
        seen = self.clocks.get(field, {"seen": {}})["seen"].get(self.who)
        return seen is not None and compare(at or self.when, seen) == -1
