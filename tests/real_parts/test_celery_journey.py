"""Web, worker and beat as real processes on PostgreSQL, once with Redis and once with RabbitMQ."""

import signal
from collections.abc import Iterator

import pytest

from tests import services
from tests.real_parts.conftest import OnPostgres, needed
from tests.real_parts.product import BULK, Product

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("test_celery_journey")]
BROKERS = {
    "redis": (services.redis_server, services.redis_database),
    "amqp": (services.amqp, services.amqp_vhost),
}


@pytest.fixture(scope="module", params=["redis", "amqp"])
def shop(request: pytest.FixtureRequest, on_postgres: OnPostgres) -> Iterator[Product]:
    """A shop with its web server; no worker yet."""
    find, make = BROKERS[request.param]
    with make(needed(find)) as broker_url, on_postgres(broker_url, receipts=True) as made:
        made.web()
        yield made


@pytest.fixture(scope="module")
def worker(shop: Product) -> services.Running:
    """A Celery worker with two children, and a pump in each."""
    return shop.worker()


def test_a_webhook_becomes_a_message_and_its_receipt_comes_back(shop, worker):
    assert shop.order(1001) == 200
    shop.wait(lambda: shop.states("channel_id IN (SELECT id FROM channels_app_channel "
                                  "WHERE provider = 'twilio')") == {"delivered": 1})  # fmt: skip
    (text,) = shop.texts(1001)
    said = shop.ask("SELECT text FROM notifications_attempt WHERE ending = 'accepted'")
    assert (text,) in said
    assert len(shop.texts(1001, "slack")) == 1
    assert shop.ask("SELECT status FROM orders_order WHERE display_number = '#1001'") == [
        ("confirmed",)
    ]
    assert shop.number("SELECT count(*) FROM notifications_decision") == shop.number(
        "SELECT (SELECT count(*) FROM orders_statuschange)"
        " * (SELECT count(*) FROM notifications_rule WHERE active)"
    )


def test_the_webhook_rang_the_worker(shop, worker):
    """No beat runs yet, so whoever sent the task was the web process."""
    before = worker.output.count("notifications.tasks.drain")
    assert shop.order(1002) == 200
    worker.wait_for("Task notifications.tasks.drain")
    shop.wait(lambda: worker.output.count("notifications.tasks.drain") > before)
    shop.wait(lambda: len(shop.texts(1002)) == 1)


def test_the_beat_keeps_its_schedule_in_the_database_and_sends_the_look(shop, worker):
    beat = shop.beat()
    beat.wait_for("Sending due task look (notifications.tasks.drain)")
    names = {name for (name,) in shop.ask("SELECT name FROM django_celery_beat_periodictask")}
    assert names >= {"look", "forget_idempotent_calls", "forget_foreign_receipts"}
    beat.popen.terminate()  # what it has counted is written when it ends
    beat.popen.wait(20)
    assert shop.ask(
        "SELECT enabled FROM django_celery_beat_periodictask"
        " WHERE name = 'look' AND total_run_count > 0"
    ) == [(True,)]


def _taken(shop) -> int:
    return shop.sandbox.stats().get("twilio", {}).get("accepted", 0)


def test_a_worker_that_is_told_to_stop_loses_nothing_and_doubles_nothing(shop, worker):
    shop.sandbox.set_fault("twilio", "delay", seconds=0.5)
    taken = _taken(shop)
    assert shop.scene("due", "150", "twilio") == {"due": 150}
    shop.wait(lambda: _taken(shop) >= taken + 20)
    worker.popen.send_signal(signal.SIGTERM)
    worker.popen.wait(40)
    left = shop.states(BULK)
    assert left.get("queued", 0) > 0, "It ended only after the work: stop it earlier."
    assert set(left) <= {"queued", "sent", "delivered"}
    shop.worker()
    shop.wait(lambda: shop.states(BULK) == {"delivered": 150})
    accepted = shop.accepted()
    assert {ref: accepted[ref] for ref in shop.refs(BULK)} == dict.fromkeys(shop.refs(BULK), 1)
