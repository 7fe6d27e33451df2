"""WooCommerce: each topic, and each of the traps that its webhooks hold."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orders.contract import BadSignature, Malformed, Raw, Refund, Tracking, Unmappable
from orders.sources.woocommerce.source import SOURCE
from orders.statuses import Fact
from tests.orders.sources.bodies import mapped, woo_order


def order(topic: str = "order.updated", settings: Any = None, **changes: Any) -> Any:
    return mapped(SOURCE, topic, woo_order(**changes), settings)


def raw(body: bytes = b"{}", **headers: str) -> Raw:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw({"x-wc-webhook-topic": "order.updated", **named}, body)


FORM = "application/x-www-form-urlencoded"


# -- arriving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FORM, f"{FORM}; charset=UTF-8", FORM.upper()])
def test_the_unsigned_ping_is_answered_200(kind: str) -> None:
    assert SOURCE.handshake(Raw({"content-type": kind}, b"webhook_id=17"), ["s"]) == (200, "")


NO_PINGS = [
    Raw({"content-type": "application/json"}, b"webhook_id=17"),
    Raw({"content-type": FORM}, b"webhook_id=17&x=1"),
    Raw({"content-type": FORM}, b"webhook_id="),
    Raw({"content-type": FORM}, b'{"id": 1}'),
    Raw({}, b""),
]


@pytest.mark.parametrize("request_", NO_PINGS, ids=repr)
def test_nothing_else_passes_as_a_ping(request_: Raw) -> None:
    assert SOURCE.handshake(request_, ["s"]) is None


def test_only_a_body_that_the_shop_signed_gets_in() -> None:
    body = b'{"id":1001,"status":"ready"}'
    signed = "p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="
    SOURCE.authenticate(raw(body, x_wc_webhook_signature=signed), ["test_secret"])
    for request_, secrets in [
        (raw(body + b" ", x_wc_webhook_signature=signed), ["test_secret"]),
        (raw(body, x_wc_webhook_signature=signed), [""]),
        (raw(body), ["test_secret"]),
    ]:
        with pytest.raises(BadSignature):
            SOURCE.authenticate(request_, secrets)


def key(body: Any, **headers: str) -> str:
    return SOURCE.identify(raw(json.dumps(body).encode(), **headers))[0].event_key


def test_the_delivery_id_is_not_what_makes_an_event_unique() -> None:
    """It is made of the webhook and the second: two orders in one second share it."""
    one = {"x_wc_webhook_delivery_id": "d1"}
    other = {"x_wc_webhook_delivery_id": "d2"}
    assert key(woo_order(id=1), **one) != key(woo_order(id=2), **one)
    assert key(woo_order(), **one) == key(woo_order(), **other)
    assert key(woo_order()) != key(woo_order(status="completed"))
    assert key(woo_order()) != key(woo_order(date_modified_gmt="2026-11-21T18:30:01"))


def test_the_same_order_under_two_topics_is_two_events() -> None:
    assert key(woo_order()) != key(woo_order(), x_wc_webhook_topic="order.created")


def test_a_second_deletion_with_the_same_words_is_a_second_event() -> None:
    assert key({"id": 1}, x_wc_webhook_delivery_id="d1") != key(
        {"id": 1}, x_wc_webhook_delivery_id="d2"
    )
    assert key({"id": 1}, x_wc_webhook_delivery_id="d1") == key(
        {"id": 1}, x_wc_webhook_delivery_id="d1"
    )


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": NaN}', b"[" * 5000, b"webhook_id=1"])
def test_a_broken_body_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


# -- a whole order ------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = order()
    assert (event.external_id, event.display_number, event.status) == ("727", "727-A", "confirmed")
    assert (event.total_minor, event.currency, event.source_status) == (2935, "EUR", "processing")
    assert [(line.line_id, line.quantity) for line in event.lines] == [("315", "2"), ("316", "1.5")]
    assert event.lines_complete
    assert event.may_create
    assert event.groups == []
    assert event.note == "no onions & no garlic"


def test_times_are_those_in_utc_and_not_those_of_the_site() -> None:
    event = order()
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert event.placed_at == datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


def test_without_a_utc_time_of_change_there_is_no_clock() -> None:
    assert order(date_modified_gmt=None).clock.at is None


def test_a_body_without_a_time_of_change_happened_at_its_newest_date() -> None:
    dates = {"date_created_gmt": "2018-03-31T20:29:15", "date_paid_gmt": "2018-04-01T09:00:00"}
    old = order(date_modified_gmt=None, date_completed_gmt=None, **dates)
    assert old.occurred_at == datetime(2018, 4, 1, 9, 0, tzinfo=UTC)
    assert order(date_modified_gmt="2018-05-01T00:00:00", **dates).occurred_at == datetime(
        2018, 5, 1, tzinfo=UTC
    )
    assert order(date_modified_gmt=None, date_created_gmt=None).occurred_at is None


def test_the_contact_is_who_pays() -> None:
    contact = order().contact
    assert (contact.external_id, contact.name, contact.given_name) == ("9", "Ada O'Brien", "Ada")
    assert (contact.email, contact.phone, contact.country) == (
        "ada@example.com",
        "(202) 555-0143",
        "US",
    )


def test_the_phone_of_the_delivery_is_the_second_choice() -> None:
    billing = {"first_name": "Ada", "phone": "call me", "country": "US"}
    assert order(billing=billing).contact.phone == "+12025550199"


def test_a_guest_has_no_customer_number() -> None:
    assert order(customer_id=0).contact.external_id == ""


def test_entities_in_the_names_of_lines_are_written_out() -> None:
    assert order().lines[0].name == "Pizza – large"


STATUSES = [
    ("pending", "placed"),
    ("on-hold", "placed"),
    ("processing", "confirmed"),
    ("completed", "delivered"),
    ("cancelled", "cancelled"),
    ("refunded", "refunded"),
    ("wc-processing", "confirmed"),
    ("Processing", "confirmed"),
]


@pytest.mark.parametrize(("slug", "status"), STATUSES)
@pytest.mark.parametrize("topic", ["order.created", "order.updated", "order.restored", ""])
def test_the_status_follows_the_table(topic: str, slug: str, status: str) -> None:
    event = order(topic, status=slug)
    assert (event.status, event.unmapped_status) == (status, "")


@pytest.mark.parametrize("slug", ["checkout-draft", "auto-draft", "draft"])
def test_a_draft_is_nothing_yet(slug: str) -> None:
    assert SOURCE.map("order.updated", {}, json.dumps(woo_order(status=slug)).encode(), {}) == []


def test_a_custom_slug_is_never_guessed() -> None:
    event = order(status="out-for-delivery")
    assert (event.status, event.unmapped_status) == ("", "out-for-delivery")
    assert event.source_status == "out-for-delivery"


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"in-the-oven": "preparing", "processing": "placed", "gold": "ignore"}}
    assert order(settings=mine, status="in-the-oven").status == "preparing"
    assert order(settings=mine).status == "placed"
    ignored = json.dumps(woo_order(status="gold")).encode()
    assert SOURCE.map("order.updated", {}, ignored, mine) == []


def test_a_typing_error_in_the_map_is_no_status() -> None:
    event = order(settings={"status_map": {"gold": "prepairing"}}, status="gold")
    assert (event.status, event.unmapped_status) == ("", "gold")


PICKUP = [{"method_id": "local_pickup:3"}]
COMPLETED = [
    ({}, None, "delivered"),
    ({"shipping_lines": PICKUP}, None, "picked_up"),
    ({"shipping_lines": [{"method_id": "pickup_location"}]}, "auto", "picked_up"),
    ({}, "out_for_delivery", "out_for_delivery"),
    ({"shipping_lines": PICKUP}, "out_for_delivery", "picked_up"),
    ({}, "picked_up", "picked_up"),
    ({"shipping_lines": PICKUP}, "delivered", "delivered"),
    ({"shipping_lines": None}, None, "delivered"),
]


@pytest.mark.parametrize(("changes", "means", "status"), COMPLETED, ids=lambda one: str(one))
def test_what_completed_means_is_a_setting(
    changes: dict[str, Any], means: str | None, status: str
) -> None:
    settings = {"completed_means": means} if means else {}
    assert order(settings=settings, status="completed", **changes).status == status


def test_an_impossible_setting_is_named() -> None:
    with pytest.raises(Unmappable, match="completed_means is 'eaten'"):
        order(settings={"completed_means": "eaten"}, status="completed")


def test_a_failed_payment_ends_an_order_that_was_never_paid() -> None:
    event = order(status="failed")
    assert (event.status, event.cancel_reason) == ("cancelled", "payment_failed")


def test_a_failed_payment_of_a_paid_order_is_only_news_about_money() -> None:
    event = order(status="failed", date_paid_gmt="2026-11-21T18:01:00")
    assert (event.status, event.unmapped_status) == ("", "")
    assert event.facts == ((Fact.PAYMENT, {"state": "failed"}),)


def test_trash_is_archived_and_says_nothing_to_anybody() -> None:
    event = order(status="trash")
    assert (event.archived, event.status, event.may_create) == (True, "", False)


def test_a_deleted_order_is_archived() -> None:
    event = mapped(SOURCE, "order.deleted", {"id": 727})
    assert (event.external_id, event.archived, event.status, event.may_create) == (
        "727",
        True,
        "",
        False,
    )


METHODS = [
    ({}, {}, "delivery"),
    ({"shipping_lines": PICKUP}, {}, "pickup"),
    ({"shipping_lines": []}, {}, "pickup"),
    ({"shipping_lines": []}, {"no_shipping_means": "dine_in"}, "dine_in"),
    ({"shipping_lines": None}, {}, ""),
]


@pytest.mark.parametrize(("changes", "settings", "method"), METHODS, ids=lambda one: str(one))
def test_how_an_order_reaches_the_customer(
    changes: dict[str, Any], settings: dict[str, Any], method: str
) -> None:
    assert order(settings=settings, **changes).fulfilment_type == method


# -- refunds and parcels ------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["reason", "refund"])
def test_the_reason_of_a_refund_has_two_names(member: str) -> None:
    event = order(refunds=[{"id": 940, member: "cold &amp; late", "total": "-9.00"}])
    assert event.refunds == [Refund("940", 900, "cold & late")]
    assert not event.refunded_in_full


def test_refunds_that_add_up_to_the_total_are_all_of_it() -> None:
    refunds = [{"id": 1, "total": "-20.00"}, {"id": 2, "total": "-9.35"}]
    assert order(refunds=refunds).refunded_in_full


def test_refunded_with_an_empty_list_is_still_refunded() -> None:
    event = order(status="refunded", refunds=[])
    assert (event.status, event.refunded_in_full, event.refunds) == ("refunded", True, [])


def test_parcels_are_found_in_the_meta_data_and_in_the_body() -> None:
    first = {
        "tracking_provider": "",
        "custom_tracking_provider": "Bike &amp; Co",
        "custom_tracking_link": "https://bike.example/1",
        "tracking_number": "B1",
    }
    second = {
        "tracking_provider": "USPS",
        "tracking_link": "https://usps.example/2",
        "tracking_number": "U2",
    }
    event = order(
        meta_data=[
            {"id": 1, "key": "_wc_shipment_tracking_items", "value": [first, second]},
            {"id": 2, "key": "_other", "value": [{"tracking_number": "X"}]},
        ],
        shipment_trackings=[second],
    )
    (group,) = event.groups
    assert (group.key, group.status) == ("main", "")
    assert group.tracking == [
        Tracking("B1", "Bike & Co", "https://bike.example/1"),
        Tracking("U2", "USPS", "https://usps.example/2"),
    ]


def test_a_tracking_link_that_is_no_web_address_is_dropped() -> None:
    parcel = {"tracking_number": "1", "tracking_link": "javascript:alert(1)"}
    assert order(shipment_trackings=[parcel]).groups[0].tracking == [Tracking("1")]


# -- what is no order ---------------------------------------------------------------------------


def action(hook: str, arg: Any = 727, settings: Any = None) -> Any:
    body = {"action": hook, "arg": arg}
    return mapped(SOURCE, f"action.{hook}", body, settings)


def test_an_action_that_names_the_status_moves_a_known_order() -> None:
    event = action("woocommerce_order_status_processing")
    assert (event.external_id, event.status, event.may_create) == ("727", "confirmed", False)
    moved = action("woocommerce_order_status_on-hold_to_cancelled")
    assert moved.status == "cancelled"
    mine = {"status_map": {"in-the-oven": "preparing"}}
    assert action("woocommerce_order_status_in-the-oven", settings=mine).status == "preparing"


@pytest.mark.parametrize(
    "hook",
    [
        "woocommerce_order_status_changed",
        "woocommerce_order_status_completed",
        "woocommerce_order_status_failed",
        "woocommerce_order_status_gold",
        "woocommerce_add_to_cart",
    ],
)
def test_an_action_that_only_points_says_what_to_use_instead(hook: str) -> None:
    with pytest.raises(Unmappable, match="Order updated"):
        action(hook)


NO_ORDERS = [
    ("order.updated", {"id": 726, "amount": "10.00", "reason": "", "refunded_payment": False}),
    ("order.updated", {"id": 281, "author": "system", "note": "ok", "customer_note": False}),
    ("order.updated", [{"tracking_id": "x", "tracking_number": "1"}]),
    ("order.updated", [{"slug": "gold", "name": "Gold", "total": 0}]),
    ("", {"id": 726, "amount": "10.00"}),
    ("order.updated", {"status": "processing", "total": "1"}),
    ("order.updated", {"id": 1, "status": "processing"}),
    ("order.updated", "x"),
    ("order.updated", None),
    ("order.deleted", {}),
    ("coupon.created", {"id": 5, "status": "publish", "number": 1}),
    ("product.updated", {"id": 5, "status": "publish", "total": 1}),
]


@pytest.mark.parametrize(("topic", "body"), NO_ORDERS, ids=lambda one: str(one)[:60])
def test_what_is_no_order_is_stored_and_never_made_one(topic: str, body: Any) -> None:
    written = json.dumps(body).encode()
    headers = {"x-wc-webhook-topic": topic}
    assert len(SOURCE.identify(Raw(headers, written))) == 1
    with pytest.raises(Unmappable) as problem:
        SOURCE.map(topic, headers, written, {})
    assert str(problem.value).endswith(".")


WRONG: list[object] = [None, True, 5, "x", [], [1], {}, [{}], {"a": 1}, "x" * 3000]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: repr(one)[:20])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    for name in (*woo_order(), "shipment_trackings"):
        body = json.dumps(woo_order(**{name: wrong})).encode()
        SOURCE.identify(raw(body))
        with contextlib.suppress(Unmappable):
            SOURCE.map("order.updated", {}, body, {})
