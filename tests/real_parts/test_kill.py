"""kill -9 amid 600 orders: nothing is lost, and what is doubled can be counted."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests import services
from tests.real_parts.conftest import OnPostgres, needed
from tests.real_parts.product import BULK, Product

pytestmark = [pytest.mark.services, pytest.mark.drill, pytest.mark.xdist_group("test_kill")]
ORDERS = 600


def _prepare(shop: Product, *providers: str) -> None:
    """600 orders whose deliveries are due, and providers that take 20 ms."""
    shop.sandbox.set_fault("*", "delay", seconds=0.02)
    assert shop.scene("due", str(ORDERS), *providers) == {"due": ORDERS * len(providers)}


def _kill_amid(shop: Product, process: services.Running) -> None:
    """Kill it with its children when a good part is sent."""
    shop.wait(lambda: len(shop.sandbox.messages("twilio")) > 150)
    process.kill()
    states = shop.states(BULK)
    assert states["queued"] > 100, "It was killed only when nearly all was done."
    assert states["sending"] > 0, "Nothing was in flight when it was killed."


def _over(provider: str) -> str:
    """The SQL condition for bulk deliveries over `provider`."""
    channels = f"SELECT id FROM channels_app_channel WHERE provider = '{provider}'"
    return f"{BULK} AND channel_id IN ({channels})"


def _each_once(shop: Product, provider: str) -> None:
    """The stand-in has taken every delivery, and none of them twice."""
    assert shop.accepted(provider) == dict.fromkeys(shop.refs(_over(provider)), 1)


@pytest.fixture
def on_celery(on_postgres: OnPostgres) -> Iterator[Product]:
    """The shop with Redis as its broker, nothing started."""
    with (
        services.redis_database(needed(services.redis_server)) as broker_url,
        on_postgres(broker_url) as made,
    ):
        yield made


def test_a_killed_worker_loses_nothing_and_doubles_nothing(on_celery):
    """The webhook partner knows a repeat by its key; Twilio is asked what it already has."""
    shop = on_celery
    _prepare(shop, "twilio", "webhook")
    _kill_amid(shop, shop.worker())
    shop.worker()
    # Nobody posts receipts here, so that `sent` is the end.
    shop.wait(lambda: shop.states(BULK) == {"sent": 2 * ORDERS}, 90)
    _each_once(shop, "twilio")
    _each_once(shop, "webhook")
    assert shop.number("SELECT count(*) FROM notifications_attempt WHERE ending = 'lost'") > 0


def test_a_killed_dispatcher_on_sqlite_loses_nothing_and_doubles_only_what_was_in_flight(
    on_sqlite,
):
    """Slack has neither a key nor a search: for an order, twice is better than never."""
    shop = on_sqlite
    _prepare(shop, "twilio", "slack")
    _kill_amid(shop, shop.dispatcher())
    in_flight = shop.states(_over("slack")).get("sending", 0)
    shop.dispatcher()
    shop.wait(lambda: shop.states(BULK) == {"sent": 2 * ORDERS}, 90)
    _each_once(shop, "twilio")
    posts = Counter(message["text"] for message in shop.sandbox.messages("slack"))
    assert len(posts) == ORDERS
    assert posts.total() - ORDERS <= in_flight
