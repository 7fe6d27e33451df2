"""The broker stops, freezes, forgets: webhooks are answered, and messages go."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
import redis

from tests import services
from tests.real_parts.conftest import OnPostgres, needed
from tests.real_parts.product import BULK, Product

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("test_broker_trouble")]
RUNG = "Task notifications.tasks.drain"


@dataclass
class Scene:
    """A shop with a web server and a worker, and a Redis that only they use."""

    shop: Product
    worker: services.Running
    broker_url: str
    broker: psutil.Process

    def order_arrives(self, number: int) -> None:
        """An order is taken, and its customer hears of it once."""
        assert self.shop.order(number) == 200
        self.shop.wait(lambda: self.shop.texts(number))
        assert len(self.shop.texts(number)) == 1

    def rings_arrive(self, first: int) -> None:
        """Orders ring the worker again, after whatever happened."""
        before, numbers = self.worker.output.count(RUNG), itertools.count(first)

        def rung() -> bool:
            self.order_arrives(next(numbers))
            return self.worker.output.count(RUNG) > before

        # The doorbell leaves a broker that failed alone for ten seconds.
        services.wait_until(rung, 40, self.worker.tail)


@pytest.fixture(scope="module")
def scene(on_postgres: OnPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything runs, and has rung once."""
    needed(services.redis_program)
    folder = tmp_path_factory.mktemp("redis")
    with (
        services.own_redis(folder) as (broker_url, broker),
        on_postgres(broker_url) as shop,
    ):
        shop.web()
        made = Scene(shop, shop.worker(), broker_url, broker)
        made.rings_arrive(2000)
        yield made


def test_with_redis_frozen_webhooks_are_answered_and_messages_go(scene: Scene):
    scene.broker.suspend()
    try:
        scene.order_arrives(3001)
        scene.order_arrives(3002)
        assert scene.broker.status() == psutil.STATUS_STOPPED
    finally:
        scene.broker.resume()


def test_after_redis_thaws_its_rings_arrive_again(scene: Scene):
    scene.rings_arrive(3100)


@pytest.mark.drill
def test_a_redis_that_forgets_everything_amid_600_deliveries_loses_and_doubles_nothing(
    scene: Scene,
):
    shop = scene.shop
    shop.sandbox.set_fault("twilio", "delay", seconds=0.02)
    taken = len(shop.sandbox.messages("twilio"))
    assert shop.scene("due", "600", "twilio") == {"due": 600}
    shop.wait(lambda: len(shop.sandbox.messages("twilio")) > taken + 100)
    with redis.Redis.from_url(scene.broker_url) as client:
        client.flushall()
    assert shop.states(BULK)["queued"] > 100, "It forgot only when nearly all was done."
    shop.wait(lambda: shop.states(BULK) == {"sent": 600}, 90)
    shop.sandbox.faults.clear()
    accepted = shop.accepted()
    assert {ref: accepted[ref] for ref in shop.refs(BULK)} == dict.fromkeys(shop.refs(BULK), 1)
    scene.rings_arrive(3500)


def test_with_redis_stopped_webhooks_are_answered_messages_go_and_a_new_one_is_rung(scene: Scene):
    scene.broker.kill()
    scene.broker.wait(10)
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(scene.broker_url) as client:
        client.ping()
    scene.order_arrives(4001)
    scene.order_arrives(4002)
    port = scene.broker_url.rpartition(":")[2].partition("/")[0]
    command = ["redis-server", "--port", port, "--save", "", "--dir", str(scene.shop.folder)]
    scene.shop.stack.enter_context(
        services.running(command, folder=scene.shop.folder, name="redis-again")
    )
    services.wait_for_port(int(port))
    scene.rings_arrive(4100)
