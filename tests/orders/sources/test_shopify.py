"""Shopify: each topic, and each of the traps that its bodies hold."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from orders.contract import BadSignature, Malformed, Raw, Refund, Tracking, Unmappable
from orders.sources.shopify.source import SOURCE
from orders.statuses import Fact
from tests.orders.sources.bodies import (
    mapped,
    shop_money,
    shopify_fulfilment,
    shopify_line,
    shopify_order,
    shopify_pickup,
)

BIG = "820982911946154508"
ROUNDED = "820982911946154500"
TOPICS = [
    "orders/create",
    "orders/updated",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/paid",
]


def order(topic: str = "orders/updated", settings: Any = None, **changes: Any) -> Any:
    return mapped(SOURCE, topic, shopify_order(**changes), settings)


# -- arriving -----------------------------------------------------------------------------------


def raw(body: bytes = b"{}", **headers: str) -> Raw:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw({"x-shopify-topic": "orders/create", **named}, body)


def test_only_a_body_that_the_shop_signed_gets_in() -> None:
    body = b'{"id":1001,"status":"ready"}'
    signed = "p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="
    SOURCE.authenticate(raw(body, x_shopify_hmac_sha256=signed), ["test_secret"])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(body + b" ", x_shopify_hmac_sha256=signed), ["test_secret"])


def test_a_repeat_is_known_by_topic_and_event_id_then_delivery_then_content() -> None:
    all_ids = raw(x_shopify_event_id="e1", x_shopify_webhook_id="w1")
    assert SOURCE.identify(all_ids)[0].event_key == "orders/create:e1"
    assert SOURCE.identify(raw(x_shopify_webhook_id="w1"))[0].event_key == "orders/create:w1"
    without = SOURCE.identify(raw(b'{"a":1}'))[0].event_key
    assert without == SOURCE.identify(raw(b'{"a":1}'))[0].event_key
    assert without != SOURCE.identify(raw(b'{"a":2}'))[0].event_key


def test_one_event_id_under_two_topics_is_two_events() -> None:
    one = raw(x_shopify_event_id="e1")
    other = Raw({**one.headers, "x-shopify-topic": "orders/paid"}, b"{}")
    assert SOURCE.identify(one)[0].event_key != SOURCE.identify(other)[0].event_key


def test_headers_without_the_prefix_are_understood() -> None:
    headers = {"shopify-topic": "orders/updated", "shopify-event-id": "e9"}
    (item,) = SOURCE.identify(Raw(headers, b"{}"))
    assert (item.topic, item.event_key) == ("orders/updated", "orders/updated:e9")


@pytest.mark.parametrize("body", [b"", b"{", b'{"id": NaN}', b"[" * 5000])
def test_a_broken_body_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


def test_a_request_without_topic_is_refused() -> None:
    with pytest.raises(Malformed, match="X-Shopify-Topic"):
        SOURCE.identify(Raw({}, b"{}"))


# -- a whole order ------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = order(refunds=[])
    assert (event.external_id, event.display_number) == ("5001", "#1001")
    assert (event.status, event.source_status) == ("confirmed", "paid")
    assert event.clock.at == datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert event.placed_at == datetime(2026, 11, 21, 23, 0, 1, tzinfo=UTC)
    assert event.status_page == "https://shop.example/5001/authenticate?key=k"
    assert [(line.line_id, line.quantity, line.sku) for line in event.lines] == [
        ("11", "2", "P-11"),
        ("12", "1", "P-12"),
    ]
    assert event.lines_complete
    assert event.may_create
    assert not event.test
    assert event.fulfilment_type == "shipping"
    assert event.note == "ring twice"


def test_the_contact_is_read() -> None:
    contact = order().contact
    assert (contact.external_id, contact.name, contact.given_name) == (
        "77",
        "Augusta King",
        "Augusta",
    )
    assert contact.email == "ada@example.com"
    assert (contact.phone, contact.country, contact.language) == ("(202) 555-0143", "US", "es-US")


@pytest.mark.parametrize("topic", TOPICS)
def test_the_state_counts_and_not_the_topic(topic: str) -> None:
    cancelled = order(topic, cancelled_at="2026-11-21T18:20:00-05:00", cancel_reason="customer")
    assert (cancelled.status, cancelled.cancel_reason) == ("cancelled", "customer")
    assert order(topic).status == "confirmed"


def test_a_test_order_says_so() -> None:
    assert order(test=True).test
    assert mapped(SOURCE, "orders/paid", shopify_order(), headers={"x-shopify-test": "true"}).test
    assert not mapped(
        SOURCE, "orders/paid", shopify_order(), headers={"x-shopify-test": "false"}
    ).test


def test_the_exact_id_is_taken_from_the_global_one_and_the_rounded_one_is_an_alias() -> None:
    event = order(id=int(ROUNDED), admin_graphql_api_id=f"gid://shopify/Order/{BIG}")
    assert event.external_id == BIG
    assert list(event.aliases) == [f"gid://shopify/Order/{BIG}", ROUNDED]


def test_a_large_id_never_goes_through_a_float() -> None:
    body = json.dumps(shopify_order(admin_graphql_api_id=None)).replace(
        '"id": 5001', f'"id": {BIG}'
    )
    event = mapped(SOURCE, "orders/create", body.encode())
    assert event.external_id == BIG
    assert list(event.aliases) == [f"gid://shopify/Order/{BIG}", ROUNDED]
    wrong = body.replace(f'"id": {BIG}', '"id": 8.2098291194615451e17')
    with pytest.raises(Unmappable, match="whole number"):
        mapped(SOURCE, "orders/create", wrong.encode())


STATUSES = [
    ({"financial_status": "pending", "confirmed": False}, "placed"),
    ({"financial_status": "pending", "confirmed": True}, "confirmed"),
    ({"financial_status": "authorized", "confirmed": False}, "confirmed"),
    ({"financial_status": "voided", "confirmed": True}, "placed"),
    ({"financial_status": "partially_refunded"}, "confirmed"),
    ({"financial_status": "refunded"}, "refunded"),
    ({"financial_status": "refunded", "cancelled_at": "2026-11-21T18:20:00Z"}, "cancelled"),
    ({"financial_status": None, "confirmed": None}, "placed"),
    ({"fulfillment_status": "pending"}, "confirmed"),
    ({"fulfillment_status": "restocked"}, "confirmed"),
]


@pytest.mark.parametrize(("changes", "status"), STATUSES, ids=lambda one: str(one))
def test_the_status_follows_the_table(changes: dict[str, Any], status: str) -> None:
    assert order(**changes).status == status


def test_without_auto_accept_a_paid_order_stays_placed() -> None:
    assert order(settings={"auto_accept": False}).status == "placed"
    cancelled = order(settings={"auto_accept": False}, cancelled_at="2026-11-21T18:20:00Z")
    assert cancelled.status == "cancelled"


def test_refunded_after_it_was_handed_over_stays_delivered() -> None:
    delivered = shopify_fulfilment(9, shopify_line(11), shipment_status="delivered")
    event = order(
        financial_status="refunded", fulfillment_status="fulfilled", fulfillments=[delivered]
    )
    assert event.status == "delivered"
    assert event.refunded_in_full


def test_the_total_is_the_one_after_edits_in_the_shops_currency() -> None:
    assert (order().total_minor, order().currency) == (2150, "USD")
    assert order(current_total_price_set=None).total_minor == 2000
    old = order(current_total_price_set=None, current_total_price=None)
    assert old.total_minor == 3000


def test_a_total_that_is_no_number_does_not_stand_in_the_way() -> None:
    event = order(current_total_price_set=shop_money("a lot"))
    assert (event.total_minor, event.status) == (None, "confirmed")


def test_a_line_that_was_taken_off_is_counted_as_removed() -> None:
    event = order(line_items=[shopify_line(11, 3, current_quantity=1), shopify_line(12)])
    assert [line.removed_quantity for line in event.lines] == ["2", "0"]


def test_what_a_customer_wrote_on_a_line_is_kept_and_private_properties_are_not() -> None:
    properties = [{"name": "Engraving", "value": "Ada"}, {"name": "_id", "value": "7"}]
    assert order(line_items=[shopify_line(11, properties=properties)]).lines[0].note == (
        "Engraving: Ada"
    )


PHONES = [
    ({"phone": "+12025550146"}, "+12025550146"),
    ({"phone": "555-555-SHIP"}, "(202) 555-0143"),
    ({"shipping_address": {"phone": "555-555-SHIP", "country_code": "US"}}, "+12025550145"),
    ({"shipping_address": None, "customer": {"phone": "12"}}, ""),
]


@pytest.mark.parametrize(("changes", "phone"), PHONES, ids=lambda one: str(one))
def test_the_first_phone_that_can_be_one_is_taken(changes: dict[str, Any], phone: str) -> None:
    assert order(**changes).contact.phone == phone


def test_an_order_without_any_person_has_no_contact() -> None:
    event = mapped(SOURCE, "orders/create", {"id": 1, "financial_status": "paid"})
    assert event.contact is None
    assert event.lines_complete is False


METHODS = [
    ({}, "shipping"),
    ({"shipping_lines": [{"title": "Local delivery", "code": "x"}]}, "delivery"),
    ({"shipping_lines": [{"title": "Main St", "delivery_category": "local_delivery"}]}, "delivery"),
    ({"shipping_lines": [{"title": "Abholung in Berlin"}], "shipping_address": None}, "pickup"),
    ({"shipping_lines": [{"title": "Store pickup"}]}, "pickup"),
    ({"shipping_lines": [{"title": "Store pickup", "is_removed": True}]}, "shipping"),
    ({"shipping_lines": [], "shipping_address": None}, "pickup"),
    (
        {
            "shipping_lines": [],
            "shipping_address": None,
            "line_items": [shopify_line(1, requires_shipping=False)],
        },
        "digital",
    ),
]


@pytest.mark.parametrize(("changes", "method"), METHODS, ids=lambda one: str(one)[:60])
def test_how_an_order_reaches_the_customer(changes: dict[str, Any], method: str) -> None:
    assert order(**changes).fulfilment_type == method


def test_own_words_for_pickup_are_a_setting() -> None:
    lines = [{"title": "At the counter"}]
    with_words = order(settings={"pickup_titles": ["at the COUNTER"]}, shipping_lines=lines)
    assert with_words.fulfilment_type == "pickup"
    assert order(shipping_lines=lines).fulfilment_type == "shipping"


def test_a_body_reduced_to_a_few_members_says_nothing_of_the_rest() -> None:
    event = mapped(SOURCE, "orders/updated", {"id": 5001, "updated_at": "2026-11-21T18:30:00Z"})
    assert (event.fulfilment_type, event.total_minor, event.lines) == ("", None, [])


def test_line_breaks_in_names_do_not_reach_a_message() -> None:
    event = order(name="#1001\r\nBcc: x", customer=None)
    assert "\n" not in event.display_number
    assert "\r" not in event.display_number


# -- parts --------------------------------------------------------------------------------------


def test_a_fulfilment_in_an_order_is_a_group_with_its_lines_and_clock() -> None:
    parcel = shopify_fulfilment(
        91,
        shopify_line(11, 2),
        tracking_company="UPS",
        tracking_numbers=["1Z1", "1Z2"],
        tracking_urls=["https://ups.example/1Z1"],
    )
    (group,) = order(fulfillments=[parcel]).groups
    assert (group.key, group.status, group.method) == ("f91", "out_for_delivery", "shipping")
    assert list(group.aliases) == ["91", "gid://shopify/Fulfillment/91"]
    assert group.lines == [("11", "2")]
    assert group.clock.at == datetime(2026, 11, 21, 23, 40, tzinfo=UTC)
    assert group.tracking == [
        Tracking("1Z1", "UPS", "https://ups.example/1Z1"),
        Tracking("1Z2", "UPS", ""),
    ]


def test_a_pickup_whose_lines_are_all_fulfilled_was_picked_up() -> None:
    done = shopify_pickup(
        fulfillment_status="fulfilled",
        fulfillments=[shopify_fulfilment(91, shopify_line(11, 2), shopify_line(12))],
    )
    event = mapped(SOURCE, "orders/updated", done)
    assert event.status == "picked_up"
    assert [group.status for group in event.groups] == ["picked_up"]


def test_the_order_is_never_further_than_its_slowest_parcel() -> None:
    first = shopify_fulfilment(91, shopify_line(11, 2), shipment_status="delivered")
    second = shopify_fulfilment(92, shopify_line(12), shipment_status="in_transit")
    gone = shopify_fulfilment(93, status="cancelled")
    event = order(fulfillment_status="fulfilled", fulfillments=[first, second, gone])
    assert event.status == "out_for_delivery"
    assert [group.status for group in event.groups] == [
        "delivered",
        "out_for_delivery",
        "cancelled",
    ]


SHIPMENTS = [
    ("confirmed", "preparing"),
    ("label_purchased", "preparing"),
    ("label_printed", "preparing"),
    ("ready_for_pickup", "ready"),
    ("carrier_picked_up", "out_for_delivery"),
    ("in_transit", "out_for_delivery"),
    ("out_for_delivery", "out_for_delivery"),
    ("delivered", "delivered"),
    ("OUT_FOR_DELIVERY", "out_for_delivery"),
]


def courier(status: str, **more: Any) -> Any:
    body = {
        "id": 1,
        "fulfillment_id": 91,
        "order_id": 5001,
        "status": status,
        "message": "sorry",
        "happened_at": "2026-11-21T19:00:00-05:00",
        "updated_at": "2026-11-21T20:00:00-05:00",
        "estimated_delivery_at": "2026-11-22T12:00:00Z",
        **more,
    }
    return mapped(SOURCE, "fulfillment_events/create", body)


@pytest.mark.parametrize(("word", "status"), SHIPMENTS)
def test_the_couriers_words_move_the_parcel(word: str, status: str) -> None:
    event = courier(word)
    (group,) = event.groups
    assert (event.external_id, event.may_create, event.facts) == ("5001", False, ())
    assert (group.key, group.status) == ("f91", status)
    assert "gid://shopify/Fulfillment/91" in group.aliases
    assert group.clock.at == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
    assert group.deliver_to == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_courier_speaks_of_the_group_that_the_fulfilment_made() -> None:
    (made,) = order(fulfillments=[shopify_fulfilment(91, shopify_line(11))]).groups
    (spoken_of,) = courier("delivered").groups
    assert made.key == spoken_of.key
    big = shopify_fulfilment(int(BIG), shopify_line(11))
    (made,) = order(fulfillments=[big]).groups
    (spoken_of,) = courier("delivered", fulfillment_id=int(ROUNDED)).groups
    assert {spoken_of.key, *spoken_of.aliases} & {made.key, *made.aliases} == {ROUNDED}


def test_a_delay_is_a_flag_and_no_status() -> None:
    (group,) = courier("delayed").groups
    assert (group.status, group.delayed, group.delay_reason) == ("", True, "sorry")


@pytest.mark.parametrize(
    ("word", "fact"), [("attempted_delivery", Fact.ATTEMPTED), ("failure", Fact.FAILED)]
)
def test_what_went_wrong_at_the_door_is_a_fact(word: str, fact: Fact) -> None:
    event = courier(word)
    assert event.facts == [(fact, {"group": "f91", "reason": "sorry"})]
    assert event.groups[0].status == ""


def test_a_word_that_is_not_in_the_table_is_reported_and_never_guessed() -> None:
    event = courier("teleported")
    assert (event.unmapped_status, event.groups[0].status) == ("teleported", "")
    parcel = shopify_fulfilment(91, shopify_line(11), shipment_status="teleported")
    assert order(fulfillments=[parcel]).unmapped_status == "teleported"


def fulfilment(**more: Any) -> Any:
    return mapped(
        SOURCE, "fulfillments/update", shopify_fulfilment(91, shopify_line(11, 2), **more)
    )


def test_a_fulfilment_alone_waits_for_its_order() -> None:
    event = fulfilment(tracking_number="1Z1", tracking_url="https://ups.example/1Z1")
    assert (event.external_id, event.may_create) == ("5001", False)
    (group,) = event.groups
    assert (group.status, group.lines) == ("out_for_delivery", [("11", "2")])
    assert group.tracking == [Tracking("1Z1", "", "https://ups.example/1Z1")]
    assert event.clock.at == datetime(2026, 11, 21, 23, 40, tzinfo=UTC)


def test_a_fulfilment_alone_does_not_know_whether_it_is_a_pickup() -> None:
    assert fulfilment().groups[0].status == ""
    assert fulfilment(shipment_status="delivered").groups[0].status == "delivered"


def test_a_pending_or_open_fulfilment_is_confirmed_and_a_cancelled_one_cancelled() -> None:
    assert fulfilment(status="pending").groups[0].status == "confirmed"
    assert fulfilment(status="open").groups[0].status == "confirmed"
    late = fulfilment(status="cancelled", shipment_status="in_transit")
    assert (late.groups[0].status, late.status) == ("cancelled", "")


def test_a_failed_fulfilment_is_a_fact() -> None:
    assert fulfilment(status="failure").facts == [(Fact.FAILED, {"group": "f91"})]


def test_only_the_order_says_whether_it_is_a_test() -> None:
    """A real order must not fall silent for good because one fulfilment was tried out."""
    assert not fulfilment(receipt={"testcase": True}).test


# -- fulfilment orders --------------------------------------------------------------------------

GID = "gid://shopify/FulfillmentOrder/1"


def part(kind: str, **more: Any) -> Any:
    body = {"fulfillment_order": {"id": GID, "status": "open"}, **more}
    headers = {"x-shopify-triggered-at": "2026-11-21T19:30:00.123Z"}
    return mapped(SOURCE, f"fulfillment_orders/{kind}", body, headers=headers)


def test_a_prepared_pickup_is_ready_and_names_only_its_part() -> None:
    prepared = {"id": GID, "status": "open", "delivery_method": {"method_type": "pickup"}}
    event = part("line_items_prepared_for_pickup", fulfillment_order=prepared)
    assert (event.external_id, event.may_create) == ("", False)
    assert event.attributes == {"find_by_group_alias": GID}
    (group,) = event.groups
    assert (group.key, list(group.aliases), group.status, group.method) == (
        GID,
        [GID],
        "ready",
        "pickup",
    )
    assert event.clock.at == datetime(2026, 11, 21, 19, 30, 0, 123000, tzinfo=UTC)


PARTS = [
    ("line_items_prepared_for_local_delivery", {"status": "ready", "method": "delivery"}),
    ("progress_reported", {"status": "preparing"}),
    ("hold_released", {"status": "", "delayed": False}),
    ("placed_on_hold", {"status": "", "delayed": True}),
    ("cancelled", {"status": "cancelled"}),
    ("moved", {"status": "", "delayed": None}),
]


@pytest.mark.parametrize(("kind", "said"), PARTS, ids=[kind for kind, _said in PARTS])
def test_topics_of_fulfilment_orders(kind: str, said: dict[str, Any]) -> None:
    (group,) = part(kind).groups
    assert {name: getattr(group, name) for name in said} == said


def test_a_cancelled_part_that_goes_on_under_another_id_is_not_cancelled() -> None:
    again = part("cancelled", replacement_fulfillment_order={"id": "gid://x/FulfillmentOrder/2"})
    assert again.groups[0].status == ""


def test_a_hold_says_why_and_a_new_date_is_kept() -> None:
    held = {"id": GID, "status": "on_hold", "fulfillment_holds": [{"reason": "out of flour"}]}
    assert part("placed_on_hold", fulfillment_order=held).groups[0].delay_reason == "out of flour"
    later = {"id": GID, "status": "scheduled", "fulfill_at": "2026-11-22T12:00:00Z"}
    moved = part("rescheduled", fulfillment_order=later)
    assert moved.groups[0].ready_at == datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_split_is_a_fact_with_all_its_parts() -> None:
    event = part("split", remaining_fulfillment_order={"id": f"{GID}2", "status": "open"})
    assert event.facts == [(Fact.SPLIT, {"kind": "split", "group": GID, "parts": [GID, f"{GID}2"]})]
    assert part("merged").facts[0][1]["kind"] == "merged"


def test_talk_with_the_warehouse_is_nothing_to_tell() -> None:
    topic = "fulfillment_orders/fulfillment_request_accepted"
    assert SOURCE.map(topic, {}, b'{"fulfillment_order": {"id": "g"}}', {}) == []


# -- edits, refunds, the rest -------------------------------------------------------------------


def test_an_edit_is_a_delta_that_needs_its_order() -> None:
    body = {
        "order_edit": {
            "order_id": 5001,
            "committed_at": "2026-11-21T19:00:00-05:00",
            "line_items": {
                "additions": [{"id": 13, "delta": 2}],
                "removals": [{"id": 11, "delta": 1}],
            },
        }
    }
    event = mapped(SOURCE, "orders/edited", body)
    assert event.edited == {
        "added": [{"line_id": "13", "quantity": "2"}],
        "removed": [{"line_id": "11", "quantity": "1"}],
    }
    assert (event.external_id, event.may_create, event.status) == ("5001", False, "")
    assert event.clock.at == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)


def transaction(amount: str, **more: Any) -> dict[str, Any]:
    return {"kind": "refund", "status": "success", "amount": amount, "currency": "USD", **more}


def refund_line(subtotal: str, tax: str) -> dict[str, Any]:
    return {
        "line_item_id": 11,
        "quantity": 1,
        "subtotal_set": shop_money(subtotal),
        "total_tax_set": shop_money(tax),
    }


def refund_body(**more: Any) -> dict[str, Any]:
    return {
        "id": 801,
        "admin_graphql_api_id": "gid://shopify/Refund/801",
        "order_id": 5001,
        "note": "cold",
        "processed_at": "2026-11-21T19:00:00Z",
        "refund_line_items": [refund_line("8.00", "0.75")],
        "transactions": [],
        **more,
    }


SEVEN = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)
AMOUNTS = [
    ([transaction("5.00"), transaction("2.50")], 750),
    ([transaction("5.00"), transaction("2.50", status="failure")], 500),
    ([transaction("5.00"), transaction("9.00", kind="void")], 500),
    ([], 875),
    ([transaction("7.10", currency="CAD")], 875),
    ([transaction("7.10", currency=None)], 710),
]


@pytest.mark.parametrize(("transactions", "minor"), AMOUNTS)
def test_a_refund_is_what_really_went_back(transactions: list[Any], minor: int) -> None:
    event = mapped(SOURCE, "refunds/create", refund_body(transactions=transactions))
    assert event.refunds == [Refund("801", minor, "cold", SEVEN)]
    assert (event.external_id, event.may_create) == ("5001", False)
    inside = order(refunds=[refund_body(transactions=transactions)])
    assert inside.refunds == event.refunds


def test_a_refund_in_a_currency_without_cents_is_counted_right() -> None:
    body = refund_body(transactions=[transaction("1200", currency="JPY")], refund_line_items=[])
    assert mapped(SOURCE, "refunds/create", body).refunds[0].amount_minor == 1200


def test_a_refund_that_has_not_gone_through_is_none() -> None:
    pending = refund_body(transactions=[transaction("5.00", status="pending")])
    assert SOURCE.map("refunds/create", {}, json.dumps(pending).encode(), {}) == []
    assert order(refunds=[pending]).refunds == []


def test_a_refund_of_test_money_is_a_test() -> None:
    body = refund_body(transactions=[transaction("5.00", test=True)])
    assert mapped(SOURCE, "refunds/create", body).test


def test_a_deleted_order_is_archived_and_not_cancelled() -> None:
    event = mapped(SOURCE, "orders/delete", {"id": 5001})
    assert (event.external_id, event.archived, event.status, event.may_create) == (
        "5001",
        True,
        "",
        False,
    )


UNMAPPABLE = [
    ("customers/redact", b"{}"),
    ("app/uninstalled", b'{"id": 1}'),
    ("fulfillment_orders/something_new", b'{"fulfillment_order": {"id": "g"}}'),
    ("orders/create", b"[]"),
    ("orders/create", b"{}"),
    ("orders/create", b'{"id": true}'),
    ("orders/create", b'{"id": {"a": 1}}'),
    ("orders/edited", b'{"order_edit": []}'),
    ("refunds/create", b'{"id": 1}'),
    ("refunds/create", b'{"id": 1, "order_id": 2}'),
    ("fulfillments/create", b'{"id": 1}'),
    ("fulfillment_events/create", b'{"order_id": 1}'),
    ("fulfillment_orders/split", b'{"fulfillment_order": "x"}'),
    ("fulfillment_orders/merged", b'{"fulfillment_order_merges": [1]}'),
]


@pytest.mark.parametrize(("topic", "body"), UNMAPPABLE)
def test_what_makes_no_sense_is_said_in_a_sentence(topic: str, body: bytes) -> None:
    with pytest.raises(Unmappable) as problem:
        SOURCE.map(topic, {}, body, {})
    assert str(problem.value).endswith(".")


WRONG: list[object] = [None, True, 5, "x", [], [1], {}, [{}], {"a": 1}, "x" * 3000]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda one: repr(one)[:20])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    whole = shopify_order(fulfillments=[shopify_fulfilment(91)], refunds=[refund_body()])
    for name in whole:
        with contextlib.suppress(Unmappable):
            SOURCE.map("orders/updated", {}, json.dumps({**whole, name: wrong}).encode(), {})
