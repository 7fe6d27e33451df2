"""Figures into ratios, and ratios beside the goals."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a ratio should be, and must be. `more`: the larger the better."""

    code: str
    what: str
    goal: float
    must: float
    more: bool = True

    def verdict(self, ratio: float) -> str:
        """In words."""
        for limit, word in ((self.goal, "reached"), (self.must, "floor only")):
            if ratio >= limit if self.more else ratio <= limit:
                return word
        return "NOT reached"


SIXTH, THIRD = 1 / 6, 1 / 3
GOALS = {
    goal.code: goal
    for goal in (
        Goal("P1", "drain, provider 0 ms, per s; ÷ naive", 15, 8),
        Goal("P2", "drain, provider 0 ms, per s; ÷ tuned", 6, 3),
        Goal("P3", "drain, provider 50 ms, per s; ÷ tuned", 40, 20),
        Goal("P5", "CPU per message, worker + database, ms; ÷ tuned", SIXTH, THIRD, more=False),
        Goal("P6", "webhook to provider, per s; ÷ DRF view and a task each", 8, 4),
        Goal("P7", "webhooks stored per s; ÷ a bare view", 0.25, 0.15),
        Goal("P8", "webhooks stored per s; ÷ a DRF + ORM view", 3, 2),
        Goal(
            "P10", "p99 ms beside a hanging and a throttled provider; ÷ alone", 1.2, 2, more=False
        ),
        Goal("P11", "CPU per message, ms, with a year stored; ÷ with little", 1.1, 1.3, more=False),
        Goal("P16", "p99 ms of urgent news while a backlog drains; ÷ in peace", 1.3, 3, more=False),
        Goal("P14", "start to first message, s; ÷ bare Django's start", 2, 4, more=False),
        Goal("P15a", "memory of a worker and 2 children, MB; ÷ naive", 1.0, 1.0, more=False),
        Goal("P15b", "memory of `manage.py up`, MB; ÷ bare Django", 1.6, 2.0, more=False),
    )
}


@dataclass
class Row:
    """One line of the table."""

    code: str
    what: str
    ours: float
    theirs: float
    ratio: float
    low: float
    high: float
    rounds: int
    goal: float | None = None
    must: float | None = None
    verdict: str = ""


@dataclass
class Report:
    """Everything that was found, and what was not."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self, code: str, ours: Sequence[float], theirs: Sequence[float], what: str = ""
    ) -> None:
        """Compare round by round; nothing is added when a side has no figure."""
        pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if b]
        if not pairs:
            return
        ratios = [a / b for a, b in pairs]
        ratio = statistics.median(ratios)
        goal = GOALS.get(code)
        self.rows.append(
            Row(
                code=code,
                what=what or (goal.what if goal else ""),
                ours=statistics.median(a for a, _b in pairs),
                theirs=statistics.median(b for _a, b in pairs),
                ratio=ratio,
                low=min(ratios),
                high=max(ratios),
                rounds=len(pairs),
                goal=goal.goal if goal else None,
                must=goal.must if goal else None,
                verdict=goal.verdict(ratio) if goal else "",
            )
        )

    def text(self) -> str:
        """The table, and the notes below it."""
        cells = [("", "measure", "ours", "theirs", "ratio", "min-max", "goal", "")]
        cells += [_cells(row) for row in self.rows]
        widths = [max(len(line[n]) for line in cells) for n in range(len(cells[0]))]
        lines = ["  ".join(_pad(line, widths)).rstrip() for line in cells]
        return "\n".join([*lines, *(f"* {note}" for note in self.notes)])

    def data(self) -> dict[str, Any]:
        """For machines."""
        return {"rows": [asdict(row) for row in self.rows], "notes": self.notes}


def _cells(row: Row) -> tuple[str, ...]:
    goal = ""
    if row.goal is not None:
        more = GOALS[row.code].more
        goal = f"{'≥' if more else '≤'} {_short(row.goal)}"
        goal += f" (must {_short(row.must)})" if row.must != row.goal and row.must else ""
    spread = f"{_short(row.low)}-{_short(row.high)}"
    figures = _short(row.ours), _short(row.theirs), _short(row.ratio), spread
    return row.code, row.what, *figures, goal, row.verdict


def _short(value: float) -> str:
    """Three digits that matter, roughly."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _pad(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    sides: list[Callable[[str, int], str]] = [str.ljust, str.ljust, *[str.rjust] * 4]
    sides += [str.ljust] * 2
    return [side(text, width) for side, text, width in zip(sides, line, widths, strict=True)]
