"""A backlog is released to an idle worker: messages a second, CPU and memory."""

import time
from dataclasses import dataclass

from tests.bench.processes import DatabaseMeter, cpu_seconds, unique_megabytes
from tests.bench.sides import WARM, Side

SETTLING = 1.2  # seconds between the warm-up and the release: a beat of every idle pump


@dataclass(frozen=True)
class Drained:
    """One run of one side."""

    count: int
    rate: float  # messages a second, from the first to the last at the provider
    worker_ms: float  # CPU per message
    database_ms: float | None  # CPU per message
    megabytes: float  # unique to the worker and its children

    @property
    def cpu_ms(self) -> float | None:
        """Worker and database together."""
        return None if self.database_ms is None else self.worker_ms + self.database_ms


def drain(side: Side, count: int) -> Drained:
    """Measure `side` once with `count` messages. Raises Incomplete when some are missing."""
    stub = side.scene.stubs[side.stub]
    side.hold(count)
    stub.ask("reset")
    with side.worker() as worker:
        side.warm()
        stub.wait_for(WARM, patience=30)
        side.wait_recorded(WARM)
        time.sleep(SETTLING)
        stub.ask("reset")
        before = cpu_seconds(worker.tree)
        with DatabaseMeter(side.database) as database:
            side.release()
            stats = stub.wait_for(count)
            side.wait_recorded(count + WARM)
            spent = database.seconds()
        return Drained(
            count=count,
            rate=count / (stats["last"] - stats["first"]),
            worker_ms=(cpu_seconds(worker.tree) - before) / count * 1000,
            database_ms=None if spent is None else spent / count * 1000,
            megabytes=unique_megabytes(worker.tree),
        )
