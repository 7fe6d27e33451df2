"""F1-F4, F42, F44, F45, F50: workers die, stop, freeze, double."""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests import services
from tests.drills.house import FULL, Drill, House, size
from tests.real_parts.conftest import needed

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("drills_workers")]


@pytest.fixture(scope="module")
def home(houses) -> Iterator[House]:
    """A shop with its web server and Redis; each drill starts its own workers."""
    with (
        services.redis_database(needed(services.redis_server)) as broker_url,
        houses(broker_url) as made,
    ):
        made.product.web()
        yield made


@pytest.fixture(autouse=True)
def nobody_stays(home: House) -> Iterator[None]:
    """No worker of one drill helps in the next."""
    yield
    home.rest()


def in_flight(drill: Drill) -> int:
    """How many deliveries of this drill are in a call."""
    mine = f"notification_id > {drill.since.notification}"
    return drill.house.product.states(mine).get("sending", 0)


def test_f01_worker_killed_before_the_provider_call(drill: Drill):
    """Requests held on the line, kill -9 of the worker and its children, a new worker."""
    home = drill.house
    numbers = home.source.orders(size(10, 200))
    home.provider.get_into("drop")
    worker = home.worker()
    services.wait_until(lambda: in_flight(drill) >= 10, 20, worker.tail)
    worker.kill()
    drill.over()
    home.worker()
    found = drill.finish(3 * len(numbers))
    assert {len(found.taken_of(one)) for one in found.deliveries} == {1}
    drill.keep(found)


def test_f02_worker_killed_after_the_provider_accepted(drill: Drill):
    """Answers swallowed on the line, kill -9 when all in flight are accepted, a new worker."""
    home, numbers, calls = drill.house, [], 0
    for _round in range(size(1, 6)):
        numbers += home.source.orders(10)
        taken = len(home.product.sandbox.messages())
        home.provider.get_into("mute")
        worker = home.worker()
        services.wait_until(
            lambda before=taken: len(home.product.sandbox.messages()) >= before + 10,
            20,
            worker.tail,
        )
        calls += in_flight(drill)
        worker.kill()
        drill.over()
    home.worker()
    found = drill.finish(3 * len(numbers), 60)
    doubled = Counter(
        one.provider for one in found.deliveries for _again in found.taken_of(one)[1:]
    )
    assert not doubled["twilio"] and not doubled["webhook"]
    drill.keep(
        found,
        f"{calls} calls cut off; twice at Slack, which has neither key nor search:"
        f" {doubled['slack']}; at Twilio and the partner 0",
    )


def test_f03_storm_of_kills(drill: Drill):
    """kill -9 of random workers and children amid the sending, until all is sent."""
    home, chance = drill.house, random.Random(5)
    home.product.sandbox.set_fault("*", "delay", seconds=0.05)
    numbers = home.source.orders(size(30, 600))
    home.worker(), home.worker()
    kills = size(4, 60)
    for _kill in range(kills):
        time.sleep(chance.uniform(0.1, 0.6))
        victim = chance.choice(home.running)
        if chance.random() < 0.3:
            victim.kill()
            home.running.remove(victim)
            home.worker()
        else:
            for child in chance.sample(victim.tree.children(), 1):
                child.kill()
    drill.over()
    found = drill.finish(3 * len(numbers), 120)
    drill.keep(found, f"{kills} kills; repeats only at Slack, each flagged")


def test_f04_workers_told_to_stop_under_load(drill: Drill):
    """SIGTERM to one of two workers and a new one, twice, as a deploy does."""
    home = drill.house
    home.product.sandbox.set_fault("*", "delay", seconds=0.05)
    home.worker(), home.worker()
    numbers = home.source.orders(size(20, 150))
    longest = 0.0
    for worker in home.running[:2]:
        numbers += home.source.orders(size(10, 75))
        asked = time.monotonic()
        worker.popen.send_signal(signal.SIGTERM)
        worker.popen.wait(120)
        longest = max(longest, time.monotonic() - asked)
        home.worker()
    drill.over()
    found = drill.finish(3 * len(numbers))
    assert all(len(found.taken_of(one)) == 1 for one in found.deliveries)
    assert not any(one.lost for one in found.deliveries)
    drill.keep(found, f"a worker was gone {longest:.1f} s after it was asked at the latest")


def test_f42_two_beats_and_two_dispatchers(drill: Drill):
    """Two celery beats, two dispatchers and a worker at the same work."""
    home = drill.house
    beats = [home.product.beat(), home.product.beat()]
    home.running += beats
    home.worker(), home.dispatcher(), home.dispatcher()
    numbers = home.source.orders(size(20, 300))
    drill.over()
    found = drill.finish(3 * len(numbers))
    assert all(len(found.taken_of(one)) == 1 for one in found.deliveries)
    drill.keep(found)


def test_f44_memory_runs_out_in_a_child(drill: Drill):
    """The largest child of a worker is killed mid-call, as the kernel would; nobody else is."""
    home = drill.house
    home.provider.get_into("drop")
    numbers = home.source.orders(size(10, 100))
    worker = home.worker()
    services.wait_until(lambda: in_flight(drill) >= 5, 20, worker.tail)
    max(worker.tree.children(), key=lambda child: child.memory_info().rss).kill()
    drill.over()
    found = drill.finish(3 * len(numbers))
    assert worker.popen.poll() is None
    drill.keep(found)


def poison_decided(drill: Drill, others: int) -> bool:
    """Whether the others are all told, or one of them was given up with the poison."""
    found = drill.read()
    gone = any(one.state == "failed" for one in found.deliveries)
    return gone or len(found.taken) >= 3 * others


@pytest.mark.drill
def test_f45_row_that_kills_its_worker(drill: Drill):
    """One message ends the process that sends it, each time; the others go."""
    home = drill.house
    (poison,) = home.source.orders(1)
    numbers = home.source.orders(size(10, 100))
    with home.hasty():
        worker = home.product.start("worker", "-m", "tests.drills.poisoned", f"#{poison}")
    home.running.append(worker)
    services.wait_until(lambda: poison_decided(drill, len(numbers)), 60, worker.tail)
    drill.settled(3 * len(numbers) + 3, 120)
    drill.allowed_untold = 3
    found = drill.read()
    failed = {one.number for one in found.deliveries if one.state == "failed"}
    lost = max(one.lost for one in found.deliveries)
    drill.keep(found, f"set aside after {lost} losses, with {len(failed) - 1} orders beside it")
    assert failed == {f"#{poison}"}


def test_f50_worker_alive_but_idle(drill: Drill):
    """SIGSTOP to the only worker: /readyz says so; SIGCONT: it goes on."""
    home = drill.house
    dispatcher = home.dispatcher()
    services.wait_until(lambda: ready(home) == 200)
    dispatcher.tree.suspend()
    stopped = time.monotonic()
    numbers = home.source.orders(5)
    if not FULL:  # a minute passes
        home.execute("UPDATE notifications_heartbeat"
                " SET at = at - interval '70 seconds'")  # fmt: skip
    services.wait_until(lambda: ready(home) == 503, 90)
    seen = time.monotonic() - stopped
    dispatcher.tree.resume()
    drill.over()
    services.wait_until(lambda: ready(home) == 200)
    found = drill.finish(3 * len(numbers))
    drill.keep(found, f"/readyz said so after {seen:.0f} s" if FULL else "")


def ready(home: House) -> int:
    """The status of /readyz."""
    try:
        with urlopen(f"{home.product.url}/readyz", timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
