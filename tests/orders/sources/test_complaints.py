"""What users of other integrations complain about, each as a test.

Told from the inbox to the timeline; from the webhook to the phone they are in
`tests/journeys/test_traps_of_*.py`, and a source that falls silent (a webhook that was
disabled and nobody noticed) is in `tests/engine/test_silence.py`.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from orders import intake, registry
from orders.contract import NoAccess, Raw, Told, TryLater, Unmappable
from orders.models import FulfilmentGroup, InboundEvent, Order, StatusChange
from orders.normalising import normalise
from orders.signatures import SHOPIFY, sign
from tests.orders.sources.arriving import (
    NOW,
    arrive,
    built_in,
    connected,
    shopify,
    states,
    steps,
    stored,
    woo,
    written,
)
from tests.orders.sources.bodies import (
    shopify_fulfilment,
    shopify_line,
    shopify_order,
    shopify_pickup,
    woo_order,
)

pytestmark = pytest.mark.django_db
FAILED = InboundEvent.State.FAILED


def stamp(minute: int) -> str:
    """A moment of that evening as Shopify writes it."""
    return f"2026-11-21T18:{minute:02d}:00-05:00"


# -- Shopify/shopify-app-js #603 ----------------------------------------------------------------


@pytest.mark.parametrize("first", ["orders/create", "orders/updated"])
def test_updated_before_or_in_the_same_second_as_created_is_one_order(first: str) -> None:
    hook = connected("shopify")
    bodies = {
        "orders/create": shopify_order(financial_status="pending", confirmed=False),
        "orders/updated": shopify_order(financial_status="paid"),
    }
    for topic in sorted(bodies, key=lambda topic: topic != first):
        arrive(hook, bodies[topic], shopify(topic))
    assert Order.objects.get().status == "confirmed"
    assert steps().count("confirmed") == 1


# -- nozzlegear/ShopifySharp #919 ---------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_identical_webhooks_at_the_same_instant_are_stored_once() -> None:
    """Eight at once, each with a delivery id of its own, and no memory that could race."""
    hook, new = connected("shopify"), []
    body = written(shopify_order())

    def deliver(number: int) -> None:
        headers = {**shopify("orders/create", "e1"), "x-shopify-webhook-id": f"w{number}"}
        raw = Raw(headers, body, received_at=NOW)
        signed = {**headers, "x-shopify-hmac-sha256": sign(SHOPIFY, raw, "test_secret")}
        try:
            new.extend(intake.receive(hook, Raw(signed, body, received_at=NOW), NOW).ids)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(new) == 1
    assert InboundEvent.objects.count() == 1


# -- Shopify/shopify-api-js #916, Kyon147/laravel-shopify #130 ----------------------------------


@pytest.mark.parametrize("topic", ["orders/paid", "orders/updated", "orders/create"])
def test_the_same_paid_order_a_minute_later_is_no_second_step(topic: str) -> None:
    hook = connected("shopify")
    arrive(hook, shopify_order(updated_at=stamp(30)), shopify("orders/create", "e1"))
    arrive(hook, shopify_order(updated_at=stamp(31)), shopify(topic, "e2"))
    assert states() == ["processed", "processed"]
    assert steps() == ["confirmed"]
    assert StatusChange.objects.count() == 1


# -- gnikyt/laravel-shopify #591, lightward/mechanic-docs ---------------------------------------


def test_a_webhook_that_comes_late_is_dated_by_its_own_clock() -> None:
    """How late it came decides whether it is still news; so its own time must be kept."""
    late = NOW + timedelta(minutes=45)
    arrive(connected("shopify"), shopify_order(), shopify("orders/create"), now=late)
    change = StatusChange.objects.get()
    assert change.occurred_at == datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert change.recorded_at == late


def test_reconciliation_brings_in_what_was_missed_and_the_late_webhook_adds_nothing() -> None:
    hook = connected("shopify")
    arrive(hook, shopify_order(updated_at=stamp(30)), shopify("orders/create", "e1"))
    gone = shopify_order(updated_at=stamp(40), cancelled_at=stamp(40), cancel_reason="customer")
    arrive(hook, gone, shopify("orders/updated", "found"), mode="reconcile")
    assert Order.objects.get().status == "cancelled"
    found = StatusChange.objects.latest("id")
    assert (found.status, found.silent_why) == ("cancelled", "reconcile")
    arrive(hook, gone, shopify("orders/cancelled", "e2"))
    assert steps() == ["confirmed", "cancelled"]


# -- discolabs/django-shopify-webhook #13 -------------------------------------------------------


def test_the_ids_of_a_delivery_are_at_hand_afterwards() -> None:
    hook = connected("shopify")
    headers = {**shopify("orders/create", "event-1"), "x-shopify-webhook-id": "delivery-1"}
    arrive(hook, shopify_order(), headers)
    row = InboundEvent.objects.get()
    assert row.event_key == "orders/create:event-1"
    assert row.headers["x-shopify-event-id"] == "event-1"
    assert row.headers["x-shopify-webhook-id"] == "delivery-1"
    assert StatusChange.objects.get().event == row


# -- Shopify/shopify-api-ruby #269 --------------------------------------------------------------


@pytest.mark.parametrize("topic", ["orders/update", "order/updated", "ORDERS_UPDATED"])
def test_a_topic_by_another_name_is_shown_in_the_inbox(topic: str) -> None:
    arrive(connected("shopify"), shopify_order(), shopify(topic))
    row = InboundEvent.objects.get()
    assert row.state == FAILED
    assert topic.lower() in row.error
    assert not Order.objects.exists()


def test_a_topic_in_capitals_is_the_same_topic() -> None:
    arrive(connected("shopify"), shopify_order(), shopify("ORDERS/UPDATED"))
    assert Order.objects.get().status == "confirmed"


# -- woocommerce/woocommerce #20047, #13760, #43019, #19764, #28329 -----------------------------


def test_created_fifteen_times_and_updated_nine_times_is_one_step() -> None:
    hook = connected("woocommerce")
    for second in range(24):
        topic = "order.created" if second < 15 else "order.updated"
        changed = f"2026-11-21T18:30:{second:02d}"
        stored(hook, woo_order(date_modified_gmt=changed), woo(topic, delivery_id=f"d{second}"))
    work_off()
    assert InboundEvent.objects.count() == 24
    assert Order.objects.count() == 1
    assert steps() == ["confirmed"]
    assert StatusChange.objects.count() == 1


def work_off() -> None:
    """All that waits is understood."""
    normalise(100, NOW)
    assert set(states()) == {"processed"}


# -- woocommerce/woocommerce #23708 -------------------------------------------------------------


def test_a_disabled_webhook_that_still_fires_beside_another_is_a_repeat() -> None:
    hook = connected("woocommerce")
    ids = [stored(hook, woo_order(), woo(id=str(n), delivery_id=f"d{n}")) for n in (7, 8)]
    assert [len(new) for new in ids] == [1, 0]


# -- woocommerce/woocommerce #59381, #18009, #15620 ---------------------------------------------


def test_steps_that_were_never_sent_are_not_waited_for() -> None:
    hook = connected("woocommerce")
    arrive(hook, woo_order(status="completed", date_modified_gmt="2026-11-21T19:30:00"), woo())
    assert Order.objects.get().status == "delivered"
    assert steps() == ["delivered"]
    arrive(hook, woo_order(), woo("order.created"))
    assert Order.objects.get().status == "delivered"
    assert StatusChange.objects.filter(applied=False, silent_why="stale").count() == 1


# -- woocommerce/woocommerce #8876, PR #17548; woocommerce-rest-api-docs #182 -------------------


def test_a_subscription_that_is_gone_can_be_seen_where_the_api_says_so() -> None:
    source = built_in("square")
    nothing = Told(200, {}, b'{"subscriptions": []}')
    missing = source.missing_topics(nothing, "https://hub.example.com/hooks/abc/")
    assert {"order.created", "order.updated", "order.fulfillment.updated"} <= set(missing)


# -- omise/omise-woocommerce PR #176 ------------------------------------------------------------


def test_a_payment_callback_and_a_webhook_at_once_are_one_step() -> None:
    """Both save the order in one second, and each save makes a webhook of its own."""
    hook = connected("woocommerce")
    arrive(hook, woo_order(status="pending", date_modified_gmt="2026-11-21T18:29:00"), woo())
    paid = {"date_paid_gmt": "2026-11-21T18:30:00"}
    stored(hook, woo_order(**paid), woo(delivery_id="callback"))
    stored(hook, woo_order(transaction_id="ch_1", **paid), woo(delivery_id="webhook"))
    work_off()
    assert InboundEvent.objects.count() == 3
    assert steps() == ["placed", "confirmed"]


# -- NEARBuilders/nearmerch.com #214 ------------------------------------------------------------


def parcel(minute: int, status: str | None, **more: Any) -> dict[str, Any]:
    """A fulfilment with both lines, as it stood at that minute."""
    lines = [shopify_line(11, 2), shopify_line(12)]
    stood = {"updated_at": stamp(minute), "shipment_status": status}
    return shopify_fulfilment(4001, *lines, **stood, **more)


def test_a_late_word_of_the_courier_downgrades_nothing_and_erases_no_tracking() -> None:
    hook = connected("shopify")
    arrive(hook, shopify_order(), shopify("orders/create"))
    done = parcel(50, "delivered", tracking_number="Z1", tracking_company="UPS")
    arrive(hook, done, shopify("fulfillments/update"))
    assert Order.objects.get().status == "delivered"
    arrive(hook, parcel(40, "in_transit"), shopify("fulfillments/create"))
    courier = {
        "id": 1,
        "order_id": 5001,
        "fulfillment_id": 4001,
        "status": "out_for_delivery",
        "happened_at": stamp(45),
    }
    arrive(hook, courier, shopify("fulfillment_events/create"))
    assert Order.objects.get().status == "delivered"
    group = FulfilmentGroup.objects.get()
    assert (group.status, list(group.tracking)) == ("delivered", ["Z1"])
    assert steps() == ["confirmed", "delivered"]


# -- saleor/saleor PR #7325 ---------------------------------------------------------------------


def test_a_fulfilment_that_gets_its_lines_later_is_one_part_and_one_step() -> None:
    hook = connected("shopify")
    arrive(hook, shopify_order(), shopify("orders/create"))
    empty = {**parcel(40, "in_transit"), "line_items": []}
    arrive(hook, empty, shopify("fulfillments/create"))
    arrive(hook, parcel(41, "in_transit"), shopify("fulfillments/update"))
    arrive(hook, parcel(41, "in_transit"), shopify("fulfillments/update", "again"))
    assert FulfilmentGroup.objects.count() == 1
    assert steps() == ["confirmed", "out_for_delivery"]
    assert not StatusChange.objects.filter(fact="split").exists()


# -- chobbledotcom/tickets PR #2106 -------------------------------------------------------------

WITH_AN_API = ["square", "toast", "clover", "uber_eats"]


@pytest.mark.parametrize("slug", WITH_AN_API)
def test_an_order_that_cannot_be_read_yet_is_asked_for_again(slug: str) -> None:
    """Answering "handled" would lose it for good."""
    source = built_in(slug)
    for status in (404, 429, 500, 503):
        with pytest.raises(TryLater):
            source.fetched("order.created", b"{}", Told(status, {}, b"{}"))
    with pytest.raises(NoAccess):
        source.fetched("order.created", b"{}", Told(403, {}, b"{}"))


def test_a_word_about_an_order_that_has_not_arrived_waits_for_it() -> None:
    hook = connected("shopify")
    arrive(hook, parcel(40, "in_transit"), shopify("fulfillments/create"))
    assert states() == ["waiting"]
    arrive(hook, shopify_order(), shopify("orders/create"))
    later = NOW + timedelta(minutes=20)
    arrive(hook, shopify_order(updated_at=stamp(41)), shopify("orders/updated"), now=later)
    assert states() == ["processed"] * 3
    assert Order.objects.get().status == "out_for_delivery"


# -- two public DoorDash Drive integrations -----------------------------------------------------

STRANGE = [
    ("shopify", "fulfillment_events/create", {"order_id": 1, "fulfillment_id": 2, "status": "X"}),
    ("woocommerce", "order.updated", {"id": 1, "status": "x", "total": "1", "currency": "USD"}),
    ("generic", "order.updated", {"id": 1, "status": "x"}),
    ("deliveroo", "order.new", {"body": {"order": {"id": 1, "status": "x"}}}),
    ("just_eat", "x", {"OrderId": "1"}),
    ("olo", "x", {"id": 1}),
    ("doordash_drive", "X", {"event_name": "X", "external_delivery_id": "1"}),
    ("doordash_drive", "", {"delivery_status": "delivered", "external_delivery_id": "1"}),
]


@pytest.mark.parametrize(("slug", "topic", "body"), STRANGE, ids=lambda value: str(value)[:24])
def test_a_word_or_a_key_that_does_not_fit_is_never_dropped_in_silence(
    slug: str, topic: str, body: dict[str, Any]
) -> None:
    try:
        events = built_in(slug).map(topic, {}, written(body), {})
    except Unmappable as sentence:
        assert len(str(sentence)) > 20
    else:
        assert [event.status for event in events] == [""]
        assert events[0].unmapped_status


def test_the_case_of_a_couriers_event_does_not_matter() -> None:
    source = built_in("doordash_drive")
    body = {"external_delivery_id": "1", "created_at": "2026-11-21T18:00:00Z"}
    moved = [
        group.status
        for name in ("DASHER_PICKED_UP", "dasher_picked_up")
        for group in source.map("t", {}, written({**body, "event_name": name}), {})[0].groups
    ]
    assert moved == ["out_for_delivery", "out_for_delivery"]


# -- community.shopify.com: what fulfilment-order topics do not cover ---------------------------


def test_picked_up_added_and_refunded_come_with_the_order_itself() -> None:
    hook = connected("shopify")
    arrive(hook, shopify_pickup(updated_at=stamp(30)), shopify("orders/create"))
    more = [shopify_line(11, 2), shopify_line(12), shopify_line(13)]
    added = shopify_pickup(updated_at=stamp(31), line_items=more)
    arrive(hook, added, shopify("orders/updated", "e2"))
    edit = StatusChange.objects.get(fact="edited")
    assert edit.data["added"] == [{"name": "Pizza 13", "quantity": "1"}]
    money = {"kind": "refund", "status": "success", "amount": "3.00", "currency": "USD"}
    back = {"id": 9, "order_id": 5001, "created_at": stamp(32), "transactions": [money]}
    paid = shopify_pickup(updated_at=stamp(32), line_items=more, refunds=[back])
    arrive(hook, paid, shopify("orders/updated", "e3"))
    assert Order.objects.get().refunded_minor == 300
    taken = shopify_pickup(
        updated_at=stamp(33),
        line_items=more,
        refunds=[back],
        fulfillment_status="fulfilled",
        fulfillments=[shopify_fulfilment(4001, *more, updated_at=stamp(33))],
    )
    arrive(hook, taken, shopify("orders/updated", "e4"))
    assert Order.objects.get().status == "picked_up"
    assert set(states()) == {"processed"}


def test_every_source_of_this_file_is_known_by_its_slug() -> None:
    """A misspelt slug would be skipped above and never noticed."""
    planned = {"square", "toast", "clover", "uber_eats", "doordash_drive"}
    named = {slug for slug, _topic, _body in STRANGE} | set(WITH_AN_API)
    assert named - planned <= set(registry.slugs())
