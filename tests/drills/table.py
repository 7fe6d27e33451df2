"""The table that `make drills` writes: one line for each fault."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HEAD = (
    "Fault", "What was done", "Events", "Intents", "Lost", "Duplicates", "Recovery s, p99 / max",
    "Note",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """The figures of one drill; None where there is nothing to count."""

    fault: str
    done: str
    events: int | None = None
    intents: int | None = None
    lost: int | None = None
    duplicates: int | None = None
    p99: float | None = None
    longest: float | None = None
    note: str = ""


def book() -> Path | None:
    """Where the drills of this run write their lines; None when nobody wants them."""
    folder = os.environ.get("ORDERBELL_DRILL_LINES")
    return Path(folder) if folder else None


def keep(line: Line) -> None:
    """Write a line down; several processes may do so at once."""
    path = book()
    if path is not None:
        with path.open("a", encoding="utf-8") as sink:
            sink.write(json.dumps(asdict(line)) + "\n")


def lines() -> list[Line]:
    """All lines of this run, by the number of their fault; a drill on two databases has two."""
    path = book()
    if path is None or not path.exists():
        return []
    found = [Line(**json.loads(text)) for text in path.read_text("utf-8").splitlines()]
    return sorted(found, key=lambda line: (int(line.fault.split(" ")[0][1:]), line.fault))


def render(found: Iterable[Line], when: datetime, size: str) -> str:
    """The table as Markdown."""
    rows = [_cells(line) for line in found]
    table = "\n".join("| " + " | ".join(row) + " |" for row in (HEAD, ["---"] * len(HEAD), *rows))
    return f"Drills of {when:%Y-%m-%d}, size {size}.\n\n{table}\n"


def _cells(line: Line) -> list[str]:
    recovery = "" if line.p99 is None else f"{line.p99:.1f} / {line.longest or 0:.1f}"
    numbers = (line.events, line.intents, line.lost, line.duplicates)
    shown = ["" if number is None else str(number) for number in numbers]
    cells = [line.fault, line.done, *shown, recovery, line.note]
    return [cell.replace("|", "/") for cell in cells]


def write(path: Path, size: str) -> str:
    """Write the table of this run to `path`; the text."""
    text = render(lines(), datetime.now(UTC), size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text
