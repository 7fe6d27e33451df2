"""F9-F12: PostgreSQL goes away, is replaced, locks, is full of connections."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests import services
from tests.drills.house import Drill, House, size
from tests.drills.records import Records

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("drills_lines")]


@pytest.fixture(scope="module")
def home(houses: Callable) -> Iterator[House]:
    """A shop with a web server and a dispatcher; PostgreSQL is behind a proxy."""
    with houses(trouble_database=True) as made:
        made.product.web()
        made.dispatcher()
        yield made


def refusals(drill: Drill) -> str:
    """What the source was told while nothing could be stored."""
    posts = drill.house.source.posts[drill.first_post :]
    refused = [post for post in posts if not post.taken]
    assert all(post.status in (0, 503) for post in refused), {post.status for post in refused}
    assert all(post.retry_after for post in refused if post.status == 503)
    lasted = max((post.at for post in refused), default=0) - min(
        (post.at for post in refused), default=0
    )
    return f"{len(refused)} posts answered 503 over {lasted:.1f} s"


def each_once(found: Records) -> None:
    """Everything was accepted exactly once."""
    assert {len(found.taken_of(one)) for one in found.deliveries} == {1}


def test_f09_database_connections_torn_down_mid_load(drill: Drill):
    """Every connection to PostgreSQL reset and none let in for two seconds, amid the sending."""
    home = drill.house
    home.product.sandbox.set_fault("*", "delay", seconds=0.05)
    numbers = home.source.orders(size(10, 100))
    more = home.source.fresh(size(10, 100))
    home.database.get_into("reset")
    posting = threading.Thread(target=home.source.at_once, args=(more, 4))
    posting.start()
    time.sleep(2)
    drill.over()
    posting.join()
    found = drill.finish(3 * len(numbers + more))
    each_once(found)
    drill.keep(found, refusals(drill))


def test_f11_lock_held_on_an_order(drill: Drill):
    """An order's row is locked by somebody else while events of all orders come in."""
    home = drill.house
    numbers = home.source.orders(size(6, 60))
    drill.settled(3 * len(numbers))
    held = numbers[0]
    others = home.source.fresh(size(6, 60))
    with psycopg.connect(home.product.database_url) as lock:
        lock.execute(
            f"SELECT 1 FROM orders_order WHERE display_number = '#{held}' FOR UPDATE"
        ).fetchall()
        home.source.cancel([held], 1)
        began = time.time()
        home.source.at_once(others, 4)
        waits = waits_of_others(drill, others, began, size(4, 60))
        lock.rollback()
    drill.over()
    found = drill.finish(3 * len(numbers + others))
    each_once(found)
    told = "waited as long as it lasted" if waits is None else f"were told within {waits:.1f} s"
    drill.keep(found, f"the other orders {told}")
    assert waits is not None


def waits_of_others(drill: Drill, others: list[int], began: float, held_for: float) -> float | None:
    """Seconds until the last of the other orders was told while the lock was held, if at all."""
    wanted = {f"#{number}" for number in others}
    end = time.monotonic() + held_for
    while time.monotonic() < end:
        found = drill.read()
        told = {one.number for one in found.deliveries if found.taken_of(one)} & wanted
        if told == wanted:
            return max(one.at for one in found.taken) - began
        time.sleep(0.1)
    return None


def test_f12_no_connection_left(drill: Drill):
    """PostgreSQL refuses new connections as it does when all are taken; then there is room."""
    home = drill.house
    home.database.cut()
    home.database.get_into("talk", talk=full_house)
    numbers = home.source.fresh(size(8, 100))
    posting = threading.Thread(target=home.source.at_once, args=(numbers, 4))
    posting.start()
    time.sleep(size(2, 10))
    drill.over()
    posting.join()
    slowest = max(post.seconds for post in home.source.posts[drill.first_post :])
    found = drill.finish(3 * len(numbers))
    each_once(found)
    drill.keep(found, f"{refusals(drill)}; slowest answer {slowest:.2f} s")


async def full_house(reader, writer) -> None:
    """What PostgreSQL says when max_connections is reached, to whoever starts a session."""
    await reader.read(4096)
    fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0"
    writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
    await writer.drain()


def test_the_refusal_is_the_one_that_postgresql_gives(home: House):
    home.database.get_into("talk", talk=full_house)
    try:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(home.product.env["DATABASE_URL"], sslmode="disable").close()
    finally:
        home.database.recover()
    services.wait_for_port(home.database.port)
