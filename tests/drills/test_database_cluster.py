"""F9 and F10 on a PostgreSQL cluster of our own: restarted mid-load, and failed over."""

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests import services
from tests.conftest import MISSING
from tests.drills.cluster import Cluster, binaries, cluster_folder
from tests.drills.conftest import named
from tests.drills.house import Drill, House, house, size
from tests.drills.proxy import FaultProxy
from tests.real_parts.conftest import Shop
from tests.real_parts.product import product

pytestmark = [
    pytest.mark.services,
    pytest.mark.drill,
    pytest.mark.xdist_group("drills_cluster"),
]


@contextlib.contextmanager
def with_shop(server: Cluster, shop: Shop, folder) -> Iterator[House]:
    """The shop on `server`; processes reach it through a proxy that can turn elsewhere."""
    if shutil.which("pg_dump") is None:
        pytest.skip(f"{MISSING}pg_dump is not installed")
    dump = subprocess.run(
        ["pg_dump", "--no-owner", shop[0]], capture_output=True, timeout=60, check=True
    )
    subprocess.run(
        ["psql", "-q", "-v", "ON_ERROR_STOP=1", server.url],
        input=dump.stdout, stdout=subprocess.DEVNULL, timeout=60, check=True,
    )  # fmt: skip
    with (
        product(folder, server.url) as made,
        house(made, shop[1], trouble_database=True) as found,
    ):
        made.adopt(shop[1], receipts=False)
        made.web()
        found.dispatcher()
        yield found


@pytest.fixture
def on_cluster(
    postgres_shop: Shop, tmp_path
) -> Iterator[Callable[[Cluster], AbstractContextManager[House]]]:
    """`with on_cluster(server) as house:`."""
    yield lambda server: with_shop(server, postgres_shop, tmp_path)


@contextlib.contextmanager
def load(home: House) -> Iterator[list[int]]:
    """Orders that keep coming in while the block runs; all are taken at its end."""
    numbers: list[int] = []
    enough = threading.Event()

    def post() -> None:
        while not enough.wait(0.02):
            numbers.extend(home.source.orders(1, threads=1))

    posting = [threading.Thread(target=post) for _ in range(2)]
    for thread in posting:
        thread.start()
    try:
        yield numbers
    finally:
        enough.set()
        for thread in posting:
            thread.join()


def said_no(drill: Drill) -> str:
    """How long the source was refused."""
    refused = [p for p in drill.house.source.posts[drill.first_post :] if not p.taken]
    assert {post.status for post in refused} <= {0, 503}
    lasted = max(p.at for p in refused) - min(p.at for p in refused) if refused else 0.0
    return f"{len(refused)} posts refused over {lasted:.1f} s"


def test_f09_database_restarted_immediately_mid_load(request, on_cluster):
    """`pg_ctl stop -m immediate` and start, three times, under load (fsync on)."""
    binaries()
    with cluster_folder() as folder:
        server = Cluster(folder / "primary")
        server.make()
        server.start()
        try:
            with on_cluster(server) as home:
                drill = Drill(*named(request), home)
                drill.begin()
                home.product.sandbox.set_fault("*", "delay", seconds=0.05)
                with load(home) as numbers:
                    for _time in range(size(1, 3)):
                        time.sleep(1)
                        server.stop()
                        server.start()
                    time.sleep(1)
                drill.over()
                found = drill.finish(3 * len(numbers), 90)
                drill.keep(found, said_no(drill))
        finally:
            server.stop()


def synchronous(primary: Cluster) -> bool:
    """Whether the primary waits for its standby."""
    with psycopg.connect(primary.url) as connection:
        rows = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
    return ("sync",) in rows


def test_f10_failover_to_a_synchronous_standby(request, on_cluster):
    """The primary dies under load, its synchronous standby is promoted, the proxy turns to it."""
    binaries()
    with cluster_folder() as folder:
        primary, standby = Cluster(folder / "primary"), Cluster(folder / "standby")
        primary.make()
        primary.start()
        alive = [primary]
        try:
            with on_cluster(primary) as home:
                standby.follow(primary)
                standby.start()
                alive.append(standby)
                with psycopg.connect(primary.url, autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
                    connection.execute("SELECT pg_reload_conf()")
                services.wait_until(lambda: synchronous(primary))
                drill = Drill(*named(request), home)
                drill.begin()
                home.product.sandbox.set_fault("*", "delay", seconds=0.05)
                assert isinstance(home.database, FaultProxy)
                with load(home) as numbers:
                    time.sleep(1)
                    alive.remove(primary)
                    primary.stop()
                    home.database.get_into("refuse")
                    standby.promote()
                    with psycopg.connect(standby.url, autocommit=True) as connection:
                        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
                        connection.execute("SELECT pg_reload_conf()")
                    home.database.target_port = standby.port
                    home.product.database_url = standby.url
                    home.database.recover()
                    time.sleep(1)
                drill.over()
                found = drill.finish(3 * len(numbers), 90)
                drill.keep(found, said_no(drill))
        finally:
            for server in alive:
                server.stop()
