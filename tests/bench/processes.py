"""What processes cost: CPU seconds and memory that they share with nobody."""

from collections.abc import Iterator

import psutil
import psycopg


def family(root: psutil.Process) -> Iterator[psutil.Process]:
    """A process and everything below it."""
    yield root
    yield from root.children(recursive=True)


def cpu_seconds(root: psutil.Process) -> float:
    """CPU of a process, its living children, and those it has buried."""
    total = 0.0
    for process in family(root):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def unique_megabytes(root: psutil.Process) -> float:
    """Memory that would be free if they all ended."""
    return sum(process.memory_full_info().uss for process in family(root)) / 1e6


class DatabaseMeter:
    """CPU of the server processes that serve one database. Other databases do not disturb it.

    A connection that was closed is lost to it: good for sides that keep theirs.
    """

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def __enter__(self) -> "DatabaseMeter":
        self._start = self._read()
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def seconds(self) -> float | None:
        """CPU since the start; None when the server's processes are not on this machine."""
        now = self._read()
        if not now:
            return None
        return sum(spent - self._start.get(pid, 0.0) for pid, spent in now.items())

    def _read(self) -> dict[int, float]:
        rows = self._connection.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        found = {}
        for (pid,) in rows:
            try:
                process = psutil.Process(pid)
                if process.name().startswith("postgres"):
                    times = process.cpu_times()
                    found[pid] = times.user + times.system
            except psutil.Error:
                continue
        return found
