"""F5-F8: Redis forgets, refuses, freezes, restarts. The database row is the truth."""

from collections.abc import Callable, Iterator

import pytest
import redis

from tests import services
from tests.drills.house import Drill, House, size
from tests.real_parts.conftest import needed

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("drills_lines")]
RUNG = "Task notifications.tasks.drain"


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that only this module uses."""
    needed(services.redis_program)
    with services.own_redis(tmp_path_factory.mktemp("redis")) as (url, _process):
        yield url


@pytest.fixture(scope="module")
def home(redis_url: str, houses: Callable) -> Iterator[House]:
    """A shop with web server and worker; Redis is behind a proxy."""
    with houses(redis_url) as made:
        made.product.web()
        made.worker()
        yield made


def rings(home: House) -> int:
    """How many rings the worker has heard."""
    return home.running[0].output.count(RUNG)


def heard_again(home: House) -> None:
    """Orders ring the worker again, without anybody's help."""
    before = rings(home)

    def rung() -> bool:
        home.source.orders(1)
        return rings(home) > before

    services.wait_until(rung, 60, home.running[0].tail)


def slowest(drill: Drill) -> float:
    """Seconds of the slowest answer to the source in this drill."""
    return max(post.seconds for post in drill.house.source.posts[drill.first_post :])


def told_meanwhile(drill: Drill, intents: int) -> float:
    """Wait until all is told while the trouble lasts; seconds of the slowest."""
    drill.settled(intents)
    found = drill.read()
    posted = min(post.at for post in found.posts)
    return max(one.at for one in found.taken) - posted


def test_f05_redis_forgets_everything(drill: Drill, redis_url: str):
    """FLUSHALL while deliveries are queued and rings are under way."""
    home = drill.house
    home.product.sandbox.set_fault("*", "delay", seconds=0.02)
    numbers = home.source.orders(size(30, 400))
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    numbers += home.source.orders(5)
    drill.over()
    found = drill.finish(3 * len(numbers))
    drill.keep(found)


def test_f06_broker_refuses_connections(drill: Drill):
    """Nobody listens on the broker's port while orders come in."""
    home = drill.house
    home.broker.get_into("refuse")
    numbers = home.source.orders(size(20, 400))
    told = told_meanwhile(drill, 3 * len(numbers))
    drill.over()
    found = drill.finish(3 * len(numbers))
    drill.keep(found, f"slowest answer {slowest(drill) * 1000:.0f} ms; all told within {told:.1f} s"
               " while it lasted")  # fmt: skip


def test_f07_broker_frozen(drill: Drill):
    """Redis takes connections and answers nothing while orders come in."""
    home = drill.house
    home.broker.get_into("freeze")
    numbers = home.source.orders(size(20, 400))
    told = told_meanwhile(drill, 3 * len(numbers))
    drill.over()
    found = drill.finish(3 * len(numbers))
    drill.keep(found, f"slowest answer {slowest(drill) * 1000:.0f} ms; all told within {told:.1f} s"
               " while it lasted")  # fmt: skip


def test_f08_broker_restarts_again_and_again(drill: Drill):
    """Every connection to Redis torn down, again and again, while orders come in."""
    home = drill.house
    times, numbers = size(4, 20), []
    for _time in range(times):
        home.broker.get_into("reset")
        numbers += home.source.orders(size(3, 20))
        home.broker.recover()
        numbers += home.source.orders(2)
    drill.over()
    heard_again(home)
    found = drill.finish(3 * len(numbers))
    drill.keep(found, f"{times} restarts; the worker consumes rings again by itself")
