"""One command in an empty folder: lunch is served, and goes on after kill -9."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psutil
import pytest

from channels_app import registry
from notifications.demo import bodies, senders
from tests import services
from tests.real_parts.demo import Demo

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("test_up")]
ADA = "o.external_id LIKE '61%' AND o.contact_given_name = 'Ada'"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, from an empty folder."""
    made = Demo(tmp_path_factory.mktemp("data"))
    with made.stack:
        made.up()
        yield made


def _walk(demo: Demo) -> list[str]:
    """The statuses that Ada's first order went through."""
    return [
        status
        for (status,) in demo.ask(
            "SELECT c.status FROM orders_statuschange c JOIN orders_order o ON o.id = c.order_id"
            f" WHERE c.fact = 'status' AND {ADA} AND o.id = (SELECT min(o.id) FROM orders_order o"
            f" WHERE {ADA}) ORDER BY c.id"
        )
    ]


def test_the_page_answers_and_asks_who_is_there(demo: Demo):
    status, page = demo.get("/")
    assert status == 200
    assert 'name="password"' in page


def test_demo_json_says_all_that_a_script_needs(demo: Demo):
    facts = demo.facts
    assert set(facts) == {"url", "sandbox_url", "api_token", "staff", "connections", "channels"}
    assert facts["url"] == demo.url
    assert set(facts["staff"]) == {"username", "password"}
    assert {entry["source"] for entry in facts["connections"]} >= {
        "shopify",
        "woocommerce",
        "generic",
    }
    for entry in facts["connections"]:
        assert entry["url"].startswith(f"{demo.url}/hooks/")
        assert entry["secret"]
    assert {entry["provider"] for entry in facts["channels"]} == set(registry.slugs())
    for entry in facts["channels"]:
        assert entry["callback_url"].startswith(f"{demo.url}/receipts/")
        assert entry["secret"]
    assert (demo.folder / "demo.json").stat().st_mode & 0o077 == 0


def test_the_staff_of_demo_json_can_log_in(demo: Demo):
    staff = demo.facts["staff"]
    assert "Nonna" in demo.log_in(staff["username"], staff["password"])
    assert 'name="password"' in demo.log_in(staff["username"], "another")


def test_within_a_minute_an_order_walks_to_picked_up_and_its_messages_arrive(demo: Demo):
    services.wait_until(lambda: "picked_up" in _walk(demo), 60)
    assert _walk(demo) == ["confirmed", "preparing", "ready", "picked_up"]
    (number,) = demo.ask(f"SELECT min(display_number) FROM orders_order o WHERE {ADA}")[0]

    def heard() -> list[str]:
        found = demo.messages("?provider=twilio&to=%2B12025550143")
        return [message["text"] for message in found if number in message["text"]]

    services.wait_until(lambda: len(heard()) >= 3, 30)
    assert all(text.startswith("Nonna: ") for text in heard())
    assert any("ready" in text for text in heard())
    # What the sandbox has just taken is written down a moment later.
    services.wait_until(
        lambda: (
            set(heard()) <= {text for (text,) in demo.ask("SELECT text FROM notifications_attempt")}
        ),
        10,
    )


def test_every_change_has_a_decision_of_each_active_rule(demo: Demo):
    said = "SELECT DISTINCT sentence FROM notifications_decision"
    services.wait_until(lambda: len(demo.ask(said)) > 5, 60)
    changes = "SELECT id FROM orders_statuschange WHERE planned_at IS NOT NULL"
    missing = demo.ask(
        "SELECT c.id, r.slug FROM orders_statuschange c CROSS JOIN notifications_rule r"
        f" WHERE r.active AND c.id IN ({changes}) AND NOT EXISTS (SELECT 1 FROM"
        " notifications_decision d WHERE d.change_id = c.id AND d.rule_id = r.id)"
    )
    assert missing == []
    assert all(sentence.rstrip()[-1] in ".!?" for (sentence,) in demo.ask(said))


def test_a_server_that_dies_is_replaced_with_its_pump_and_its_sandbox(demo: Demo):
    (server,) = demo.process.tree.children()
    server.kill()
    services.wait_until(
        lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, 10
    )
    services.wait_until(demo.alive, 60, demo.process.tail)
    services.wait_until(lambda: demo.messages("?provider=slack"), 60, demo.process.tail)


def test_killed_amid_lunch_and_started_again_it_has_every_order_and_goes_on(demo: Demo):
    before = demo.facts
    demo.stack.close()  # kill -9 of the server and its worker
    orders = {key for (key,) in demo.ask("SELECT external_id FROM orders_order")}
    ((inbox,),) = demo.ask("SELECT max(id) FROM orders_inboundevent")
    ((sent,),) = demo.ask("SELECT max(id) FROM notifications_delivery")
    demo.up()
    after = demo.facts
    assert {**after, "sandbox_url": ""} == {**before, "sandbox_url": ""}
    assert orders <= {key for (key,) in demo.ask("SELECT external_id FROM orders_order")}
    _adas_money_goes_back(demo)
    services.wait_until(lambda: not _unfinished(demo, inbox, sent), 60)
    services.wait_until(
        lambda: {key for (key,) in demo.ask("SELECT external_id FROM orders_order")} - orders, 40
    )


def _unfinished(demo: Demo, inbox: int, sent: int) -> list[tuple[int]]:
    """What the killed process has left undone."""
    return demo.ask(
        f"SELECT id FROM orders_inboundevent WHERE id <= {inbox} AND state = 'received'"
        f" UNION ALL SELECT id FROM notifications_delivery WHERE id <= {sent}"
        " AND state IN ('queued', 'sending', 'unknown')"
    )


def _adas_money_goes_back(demo: Demo) -> None:
    """A webhook about an order from before the kill still finds it."""
    ((external_id, number),) = demo.ask(
        f"SELECT o.external_id, o.display_number FROM orders_order o WHERE {ADA}"
        " ORDER BY o.id LIMIT 1"
    )
    _topic, order = bodies.ada(int(external_id) - 6_100_000_000_000)[0]
    now = datetime.now(UTC).replace(microsecond=0)
    refund = {
        "id": 77,
        "order_id": int(external_id),
        "created_at": now.isoformat(),
        "refund_line_items": [],
        "transactions": [{"id": 78, "kind": "refund", "status": "success", "amount": "27.50",
                          "currency": "USD"}],
    }  # fmt: skip
    body = {**order(now), "financial_status": "refunded", "refunds": [refund]}
    shopify = next(e for e in demo.facts["connections"] if e["source"] == "shopify")
    assert senders.post(shopify, body, "orders/updated") == 200
    services.wait_until(
        lambda: demo.ask(
            "SELECT 1 FROM orders_statuschange c JOIN orders_order o ON o.id = c.order_id"
            f" WHERE o.external_id = '{external_id}' AND c.fact LIKE 'refund%' "
            f"OR o.display_number = '{number}' AND c.status = 'refunded'"
        ),
        30,
    )


def test_demo_0_starts_empty(tmp_path):
    empty = Demo(tmp_path, DEMO="0")
    with empty.stack:
        process = empty.up()
        assert "createsuperuser" in process.output
        assert empty.get("/")[0] == 200
        assert empty.ask("SELECT count(*) FROM orders_brand") == [(0,)]
        assert empty.ask("SELECT count(*) FROM auth_user") == [(0,)]
        assert not (tmp_path / "demo.json").exists()
