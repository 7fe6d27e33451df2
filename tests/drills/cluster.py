"""A PostgreSQL cluster of a drill's own, with a synchronous standby: to be broken at will."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.conftest import MISSING

OWNER = "postgres"
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
    "wal_level=replica",
    "max_wal_senders=4",
    "hot_standby=on",
)


def binaries() -> Path:
    """Where initdb and pg_ctl are; a skipped test when they are not."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip(f"{MISSING}PostgreSQL's own programs (initdb, pg_ctl) are not installed")
    if os.geteuid() == 0 and not (shutil.which("runuser") and _owner()):
        pytest.skip(f"{MISSING}root cannot run PostgreSQL, and there is no user {OWNER}")
    return found[-1].parent


def _owner() -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(OWNER))
    return False


class Cluster:
    """One server on a port and a folder of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or services.free_port()
        self.url = f"postgres://{OWNER}@127.0.0.1:{self.port}/postgres"

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as its owner."""
        command = [str(binaries() / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", OWNER, "--", *command]
        log = self.folder.parent / f"{program}.log"
        with log.open("ab") as sink:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, timeout=60,
                cwd=self.folder.parent, check=False,
            )  # fmt: skip
        assert done.returncode == 0, log.read_text(errors="replace")[-2000:]

    def make(self) -> None:
        """Empty."""
        self.run("initdb", "-D", str(self.folder), "-A", "trust", "-U", OWNER, "--no-sync")

    def follow(self, primary: "Cluster") -> None:
        """A copy of `primary` that follows it under the name of `standby`."""
        host = f"host=127.0.0.1 port={primary.port} user={OWNER} application_name=standby"
        self.run("pg_basebackup", "-D", str(self.folder), "-R", "-X", "stream", "-c", "fast",
                 "--no-sync", "-d", host)  # fmt: skip

    def start(self, *more: str) -> None:
        """Listen."""
        options = " ".join(f"-c {one}" for one in (*SETTINGS, f"port={self.port}", *more))
        log = str(self.folder.parent / f"server-{self.port}.log")
        self.run("pg_ctl", "-D", str(self.folder), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """At once, as when the power goes: whoever was connected is cut off."""
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")

    def promote(self) -> None:
        """A standby becomes the primary."""
        self.run("pg_ctl", "-D", str(self.folder), "-w", "promote")


@contextlib.contextmanager
def cluster_folder() -> Iterator[Path]:
    """A folder that the owner of the servers may write to."""
    folder = Path(tempfile.mkdtemp(prefix="orderbell-drill-"))
    if os.geteuid() == 0:
        shutil.chown(folder, OWNER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
