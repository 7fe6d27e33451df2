"""A Friday evening, made from a seed: what each order's till says, minute by minute."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LINES = [{"id": "1", "name": "Margherita", "quantity": "2"}, {"id": "2", "name": "Tiramisu"}]
PARTS = {"pizza": "1", "dessert": "2"}  # group key -> line


@dataclass(frozen=True)
class Said:
    """One message of the till."""

    minute: float
    event_id: str
    body: dict[str, Any]


@dataclass
class Evening:
    """`count` orders between 18:00 and 19:00, with splits, edits, cancellations and repeats."""

    count: int
    seed: int
    began: datetime

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def by_minute(self) -> dict[int, list[Said]]:
        """Minute -> what is said in it, some of it twice and out of order."""
        told: dict[int, list[Said]] = {}
        for number in range(self.count):
            for said in self._order(number):
                told.setdefault(int(said.minute), []).append(said)
                if self._chance.random() < 0.05:
                    told.setdefault(int(said.minute) + 1, []).append(said)
        for some in told.values():
            self._chance.shuffle(some)
        return told

    def _order(self, number: int) -> Iterator[Said]:
        chance, minute = self._chance, self._chance.uniform(0, 60)
        split, edited = chance.random() < 0.1, chance.random() < 0.1
        cancelled_after = chance.choice([1, 2, 3]) if chance.random() < 0.1 else 99
        steps = self._steps(minute)
        for place, (at, status) in enumerate(steps):
            if place == cancelled_after:
                yield self._said(number, at, place, {"status": "cancelled"})
                return
            if split and status != "confirmed":
                for lag, (key, line) in enumerate(PARTS.items()):
                    group = {"key": key, "status": status, "lines": [{"line_id": line}]}
                    later = at + 4 * lag
                    yield self._said(number, later, place * 10 + lag, {"groups": [group]})
            else:
                yield self._said(number, at, place * 10, {"status": status})
            if edited and place == 1:
                more = [{**LINES[0], "quantity": "3"}, LINES[1]]
                yield self._said(number, at + 0.5, 5, {"lines": more})

    def _steps(self, minute: float) -> list[tuple[float, str]]:
        chance = self._chance
        found = [(minute, "confirmed")]
        found.append((found[-1][0] + chance.uniform(1, 6), "preparing"))
        found.append((found[-1][0] + chance.uniform(6, 18), "ready"))
        found.append((found[-1][0] + chance.uniform(2, 40), "picked_up"))
        return found

    def _said(self, number: int, minute: float, place: int, changes: dict[str, Any]) -> Said:
        at = self.began + timedelta(minutes=minute)
        order = {
            "id": f"f{number}",
            "number": f"#F{number}",
            "total": "21.50",
            "currency": "USD",
            "fulfilment": "pickup",
            "placed_at": self.began.isoformat(),
            "customer": self._customer(number),
            "lines": LINES,
            **changes,
        }
        body = {"type": "order.updated", "order": order, "updated_at": at.isoformat()}
        return Said(minute, f"f{number}-{place}-{minute:.3f}", body)

    def _customer(self, number: int) -> dict[str, str]:
        """Two thirds have a phone and an email address; some only one, some neither."""
        person = {"id": f"c{number}", "name": f"Ada {number}", "given_name": "Ada"}
        if number % 10 < 8:
            person["phone"] = f"+1202555{number:04d}"
        if number % 10 in (0, 1, 2, 3, 4, 5, 8):
            person["email"] = f"ada{number}@example.com"
        return person
