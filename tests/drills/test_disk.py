"""F41: the disk that holds the database and the logs is full."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import services
from tests.conftest import MISSING
from tests.drills.conftest import named, seed
from tests.drills.house import ARRANGED, Drill, house, size
from tests.real_parts.product import DATABASE, product

pytestmark = pytest.mark.xdist_group("drills_disk")
MEGABYTES = 48


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip(f"{MISSING}only root may mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"{MISSING}a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as sink:
        for step in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while sink.write(b"x" * step):
                    pass
    return filler


@pytest.mark.drill
def test_f41_disk_full(request, small_disk: Path):
    """No byte is free for SQLite and the logs while orders come in; then there is room again."""
    with product(small_disk) as made:
        shop = seed(made)
        with sqlite3.connect(small_disk / DATABASE) as base:
            base.execute(ARRANGED)
        made.adopt(shop, receipts=False)
        with house(made, shop) as home:
            web = made.web()
            dispatcher = home.dispatcher()
            drill = Drill(*named(request), home)
            drill.begin()
            numbers = home.source.orders(size(3, 30))
            filler = fill(small_disk)
            refused = [home.source.post(number) for number in home.source.fresh(5)]
            filler.unlink()
            numbers += home.source.orders(size(3, 30))
            drill.over()
            taken = sum(post.taken for post in refused)
            assert {post.status for post in refused} <= {200, 503}
            assert taken < len(refused)
            found = drill.finish(3 * (len(numbers) + taken), 60)
            assert web.popen.poll() is None and dispatcher.popen.poll() is None
            drill.keep(found, f"{len(refused) - taken} posts refused while it was full")
            services.wait_for_port(made.port)
