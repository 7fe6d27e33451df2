"""Otter: each of its events, its words, and who may send them."""

import contextlib
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from orders import signatures
from orders.contract import (
    BadSignature,
    Malformed,
    OrderEvent,
    Raw,
    SourceError,
    Tracking,
    Unmappable,
)
from orders.loading import Word
from orders.models import Order
from orders.sources.otter.source import MAPPERS, OTTER, SOURCE
from orders.statuses import Fact
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.otter_bodies import (
    EVENT,
    ORDER,
    STORE,
    otter_event,
    otter_order,
    written,
)

HEADER = "x-hmac-sha256"
SECRET = "otter-secret"


def said(
    name: str, payload: Any, settings: dict[str, Any] | None = None, **metadata: Any
) -> OrderEvent:
    return mapped(SOURCE, name, otter_event(name, payload, **metadata), settings)


def order(
    settings: dict[str, Any] | None = None, mode: str = "DELIVERY", **changes: Any
) -> OrderEvent:
    return said("orders.update", otter_order(mode, **changes), settings)


def bare(name: str, settings: dict[str, Any] | None = None, **payload: Any) -> OrderEvent:
    return said(f"orders.{name}", {"orderId": ORDER, **payload}, settings)


def delivery(status: Any, settings: dict[str, Any] | None = None, **payload: Any) -> OrderEvent:
    known = {"provider": "bikeco", "status": status, "updatedTime": "2026-11-21T19:58:00Z"}
    return said("delivery.delivery_status_update", {**known, **payload}, settings)


def at(hour: int, minute: int, second: int = 0, milliseconds: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, second, milliseconds * 1000, tzinfo=UTC)


# -- who says it --------------------------------------------------------------------------------


def test_the_signature_is_base64_over_the_body() -> None:
    """The vector of the contract."""
    body = b'{"id":1001,"status":"ready"}'
    expected = "p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="
    assert signatures.sign(OTTER, Raw({}, body), "test_secret") == expected
    SOURCE.authenticate(Raw({HEADER: expected}, body), ["newer", "test_secret"])


BODY = written(otter_event("orders.new_order", otter_order()))
GOOD = signatures.sign(OTTER, Raw({}, BODY), SECRET)
FORGERIES = {
    "missing": Raw({}, BODY),
    "empty": Raw({HEADER: " "}, BODY),
    "wrong": Raw({HEADER: "A" * 43 + "="}, BODY),
    "not ascii": Raw({HEADER: "é🍕"}, BODY),
    "truncated": Raw({HEADER: GOOD[:-4]}, BODY),
    "without padding": Raw({HEADER: GOOD.rstrip("=")}, BODY),
    "the older way": Raw({"authorization": f"MAC {GOOD}"}, BODY),
    "another tenant's secret": Raw(
        {HEADER: signatures.sign(OTTER, Raw({}, BODY), "somebody else's")}, BODY
    ),
    "of another body": Raw({HEADER: GOOD}, BODY.replace(b"NEW_ORDER", b"FULFILLED")),
    "over a re-serialised body": Raw(
        {HEADER: GOOD}, json.dumps(json.loads(BODY), indent=1).encode()
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    SOURCE.authenticate(Raw({HEADER: GOOD}, BODY), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(FORGERIES[name], [SECRET])


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nobody_gets_in(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw({HEADER: GOOD}, BODY), secrets)


# -- arriving -----------------------------------------------------------------------------------


def test_a_repeat_is_known_by_its_id() -> None:
    """Nothing says when a webhook was signed: a replayed one must change nothing."""
    (item,) = SOURCE.identify(Raw({}, BODY))
    assert (item.event_key, item.topic) == (EVENT, "orders.new_order")
    keys = [
        SOURCE.identify(Raw({}, written({"eventId": None, "eventType": name})))[0].event_key
        for name in ("a", "a", "b")
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("body", [b"", b"{", b'{"eventId": NaN}', b"[" * 5000, b"[1]", b"null"])
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


@pytest.mark.parametrize(
    "name",
    ["menus.menu_publish", "storefront.pause_store", "ping.ping", "reports.generate_report",
     "orders.pos_injection_state_update", "delivery.request_quote", "delivery.cancel"],
)  # fmt: skip
def test_what_others_need_to_know_changes_nothing(name: str) -> None:
    assert SOURCE.map(name, {}, written(otter_event(name, {})), {}) == []


@pytest.mark.parametrize("name", ["orders.burnt", "delivery.flown", "Order_Ready", ""])
def test_a_mismatch_of_event_names_is_no_silence(name: str) -> None:
    """Integrations have lost every courier event because a name was spelled otherwise."""
    with pytest.raises(Unmappable, match="no meaning here"):
        SOURCE.map("", {}, written(otter_event(name, {"orderId": ORDER})), {})


@pytest.mark.parametrize("name", ["ORDERS.ORDER_READY", "Orders.Order_Ready"])
def test_the_case_of_an_events_name_does_not_matter(name: str) -> None:
    assert said(name, {"orderId": ORDER}).status == "ready"


def test_strange_values_anywhere_are_no_crash() -> None:
    stranges: list[Any] = [None, 5, -1, 10**30, "x", [], {}, [[]], [{}], True, 1.5]
    for event in MAPPERS:
        for payload in (otter_order(), {"orderStatusHistory": [{}], "status": "PICKED_UP"}):
            for name in payload:
                for strange in stranges:
                    body = written(otter_event(event, {**payload, name: strange}))
                    with contextlib.suppress(SourceError):
                        SOURCE.map(event, {}, body, {})


# -- a whole order ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orders.new_order", "orders.update"])
def test_an_order_is_read_whole(name: str) -> None:
    event = said(name, otter_order())
    assert (event.external_id, event.display_number, event.status) == (ORDER, "4F2A", "placed")
    assert (event.total_minor, event.currency, event.location) == (2150, "EUR", STORE)
    assert (event.fulfilment_type, event.note) == ("delivery", "extra napkins")
    assert (event.clock.at, event.placed_at) == (at(19, 30, 0, 250), at(19, 10))
    assert (event.may_create, event.test, list(event.aliases)) == (True, False, [])
    (group,) = event.groups
    assert (group.status, group.ready_at, group.deliver_to) == ("", at(19, 50), at(20, 15))


def test_the_colon_before_the_milliseconds_of_otters_own_example() -> None:
    body = otter_event("orders.order_ready", {"orderId": ORDER})
    event = mapped(SOURCE, "", {**body, "eventTime": "2026-11-21T19:30:05:123Z"})
    assert event.clock.at == at(19, 30, 5, 123)


def test_lines_with_and_without_ids() -> None:
    event = order()
    assert [(one.line_id, one.quantity, one.sku, one.note) for one in event.lines] == [
        ("l-1", "2", "s-1", "Basil, well done"),
        ("i-2", "1", "", ""),
        ("i-2#2", "1", "", ""),
    ]
    assert event.lines_complete


@pytest.mark.parametrize(
    ("mode", "method"),
    [("DELIVERY", "delivery"), ("RESTAURANT_DELIVERY", "delivery"), ("PICKUP", "pickup"),
     ("DINE_IN", "dine_in"), ("DRIVE_THROUGH", "pickup"), ("BY_DRONE", "")],
)  # fmt: skip
def test_how_the_customer_gets_it(mode: str, method: str) -> None:
    event = order(mode=mode)
    assert event.fulfilment_type == method
    assert (event.groups[0].deliver_to is None) == (method != "delivery")


def test_the_platforms_own_id_is_another_name_with_the_platform_before_it() -> None:
    """Two platforms may both have an order 1001."""
    known = {
        "id": "shop-9",
        "friendlyId": "9",
        "source": "aggregator",
        "sourceExternalIdentifiers": {"id": "1001", "friendlyId": "1", "source": "ubereats"},
    }
    event = order(externalIdentifiers=known)
    assert (event.external_id, list(event.aliases)) == ("shop-9", [ORDER, "ubereats:1001"])


def customer_of(settings: dict[str, Any] | None = None, code: str = "", **source: Any) -> Any:
    known = {"id": ORDER, "friendlyId": "1", **source}
    person = {"name": "Ada", "phone": "+31615550143", "phoneCode": code}
    return order(settings, externalIdentifiers=known, customer=person).contact


@pytest.mark.parametrize(
    ("source", "settings", "masked"),
    [
        ({"source": "ubereats", "sourceType": "ORDERING_MARKETPLACE"}, {}, True),
        ({"source": "hub", "sourceType": "AGGREGATOR"}, {}, True),
        ({"source": "till", "sourceType": "POINT_OF_SALE"}, {}, False),
        ({"source": "unknown"}, {}, True),
        ({"source": "My-Webshop"}, {"direct_sources": ["my-webshop"]}, False),
        ({"source": None}, {"direct_sources": [""]}, True),
        ({"source": "x"}, {"direct_sources": "x"}, True),
    ],
    ids=str,
)
def test_numbers_that_come_through_a_platform_are_masked(
    source: dict[str, Any], settings: dict[str, Any], masked: bool
) -> None:
    assert customer_of(settings, **source).proxy is masked


def test_a_number_with_a_code_is_masked_whoever_sent_it() -> None:
    contact = customer_of(code="111 11", source="till", sourceType="POINT_OF_SALE")
    assert (contact.proxy, contact.phone_pin) == (True, "111 11")


@pytest.mark.parametrize("customer", [None, {}, {"phoneCode": "1"}, "Ada"])
def test_nobody_is_nobody(customer: Any) -> None:
    assert order(customer=customer).contact is None


@pytest.mark.parametrize("name", ["Żółć", "李小龍", "علي", "A\r\nB", "\u202eAda"])
def test_names_of_every_script(name: str) -> None:
    contact = order(customer={"name": name}).contact
    assert contact is not None
    assert contact.name == name.replace("\r\n", " ").replace("\u202e", "")


def test_an_order_without_an_id_is_for_a_person() -> None:
    with pytest.raises(Unmappable, match="which order"):
        said("orders.update", otter_order(externalIdentifiers=None), resourceId=None)


# -- statuses -----------------------------------------------------------------------------------

STATUSES = [
    ("NEW_ORDER", "DELIVERY", "placed"),
    ("CONFIRMED", "DELIVERY", "confirmed"),
    ("PREPARED", "PICKUP", "ready"),
    ("PICKED_UP", "DELIVERY", "out_for_delivery"),
    ("PICKED_UP", "RESTAURANT_DELIVERY", "out_for_delivery"),
    ("PICKED_UP", "PICKUP", "picked_up"),
    ("PICKED_UP", "DINE_IN", "delivered"),
    ("PICKED_UP", "BY_DRONE", ""),
    ("FULFILLED", "DELIVERY", "delivered"),
    ("FULFILLED", "PICKUP", "picked_up"),
    ("FULFILLED", "DINE_IN", "delivered"),
    ("CANCELED", "DELIVERY", "cancelled"),
    ("REJECTED", "DELIVERY", "cancelled"),
    ("UNKNOWN", "DELIVERY", ""),
    ("prepared", "DELIVERY", "ready"),
]


@pytest.mark.parametrize(("word", "mode", "status"), STATUSES)
def test_the_status_follows_the_table(word: str, mode: str, status: str) -> None:
    event = order(mode=mode, status=word)
    assert (event.status, event.unmapped_status) == (status, "")


@pytest.mark.parametrize(
    ("name", "status"),
    [("confirm", "confirmed"), ("order_ready", "ready"), ("cancel_order", "cancelled"),
     ("order_handed_off", ""), ("order_fulfilled", "")],
)  # fmt: skip
def test_a_bare_event_is_a_status_by_its_name(name: str, status: str) -> None:
    event = bare(name)
    assert (event.status, event.unmapped_status) == (status, "")
    assert (event.external_id, event.may_create, event.location) == (ORDER, False, STORE)
    assert event.clock.at == at(19, 30, 0, 250)


def test_what_a_bare_end_means_is_a_setting_and_the_body_beats_it() -> None:
    mine = {"handed_off_means": "out_for_delivery", "fulfilled_means": "picked_up"}
    assert bare("order_handed_off", mine).status == "out_for_delivery"
    assert bare("order_fulfilled", mine).status == "picked_up"
    assert order(mine, status="FULFILLED").status == "delivered"
    assert bare("order_fulfilled", {"fulfilled_means": "nothing"}).status == ""
    with pytest.raises(Unmappable, match="fulfilled_means is 'eaten'"):
        bare("order_fulfilled", {"fulfilled_means": "eaten"})


def test_a_cancellation_with_its_reason() -> None:
    event = said(
        "orders.cancel_order",
        {"externalIdentifiers": {"id": ORDER}, "cancellationReason": "KITCHEN_CLOSED"},
    )
    assert (event.status, event.cancel_reason) == ("cancelled", "kitchen_closed")
    assert order(status="REJECTED").cancel_reason == "rejected"
    waiting = bare("cancel_order", {"status_map": {"orders.cancel_order": "ignore"}})
    assert (waiting.status, waiting.unmapped_status, waiting.cancel_reason) == ("", "", "")


def history(*steps: tuple[str, str], **payload: Any) -> OrderEvent:
    written_steps = [{"status": word, "eventTime": time} for word, time in steps]
    return said("orders.order_status_update", {"orderStatusHistory": written_steps, **payload})


def test_the_newest_step_of_a_history_counts_in_whatever_order() -> None:
    accepted = ("ORDER_ACCEPTED", "2026-11-21T19:15:00Z")
    ready = ("ORDER_READY_TO_PICKUP", "2026-11-21T19:40:00Z")
    for steps in ((accepted, ready), (ready, accepted)):
        event = history(*steps)
        assert (event.status, event.clock.at) == ("ready", at(19, 40))
    assert event.external_id == ORDER


def test_the_preparation_time_counts_from_the_acceptance() -> None:
    event = history(
        ("ORDER_ACCEPTED", "2026-11-21T19:15:00Z"),
        orderAcceptedInfo={"preparationTimeInMinutes": 25},
    )
    assert (event.status, event.groups[0].ready_at) == ("confirmed", at(19, 40))
    for minutes in (0, -5, 10**9, True, "25", None):
        odd = history(
            ("ORDER_ACCEPTED", "2026-11-21T19:15:00Z"),
            orderAcceptedInfo={"preparationTimeInMinutes": minutes},
        )
        assert odd.groups == []


def test_a_history_without_times_ends_with_its_last_step() -> None:
    event = history(("ORDER_ACCEPTED", ""), ("ORDER_READY_TO_PICKUP", ""))
    assert (event.status, event.clock.at) == ("ready", at(19, 30, 0, 250))
    with pytest.raises(Unmappable, match="no status"):
        history()


def test_an_unknown_word_is_never_guessed() -> None:
    assert order(status="BURNT").unmapped_status == "BURNT"
    assert history(("BURNT", "")).unmapped_status == "BURNT"
    assert delivery("BURNT").unmapped_status == "delivery:BURNT"
    lost = {"fulfillmentMode": "DELIVERY", "courierStatus": "COURIER_LOST"}
    assert order(fulfillmentInfo=lost).unmapped_status == "COURIER_LOST"


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"PREPARED": "preparing", "FULFILLED": "out_for_delivery"}}
    assert order(mine, status="PREPARED").status == "preparing"
    assert order(mine, status="FULFILLED").status == "out_for_delivery"
    assert order({"status_map": {"PREPARED": "prepairing"}}, status="PREPARED").status == ""


@pytest.mark.parametrize("wrong", ["x", ["PREPARED"], {"PREPARED": 5}, {"PREPARED": None}, None])
def test_a_map_of_the_wrong_kind_is_no_map(wrong: Any) -> None:
    assert order({"status_map": wrong}, status="PREPARED").status == "ready"


# -- couriers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [("COURIER_ASSIGNED", ""), ("COURIER_ON_ROUTE_TO_PICKUP", ""), ("COURIER_ARRIVED", ""),
     ("COURIER_PICKED_UP_FOOD", "out_for_delivery"), ("COURIER_COMPLETED", "delivered")],
)  # fmt: skip
def test_the_courier_of_an_order_is_of_the_part(word: str, status: str) -> None:
    event = order(fulfillmentInfo={"fulfillmentMode": "DELIVERY", "courierStatus": word})
    assert (event.status, event.groups[0].status, event.unmapped_status) == ("placed", status, "")
    assert event.groups[0].sub_status == word.lower()


@pytest.mark.parametrize(
    ("word", "status", "detail"),
    [("REQUESTED", "", "requested"), ("ALLOCATED", "", "allocated"),
     ("ARRIVED_AT_PICKUP", "", "arrived_at_pickup"), ("PICKED_UP", "out_for_delivery", "picked_up"),
     ("ARRIVED_AT_DROP_OFF", "out_for_delivery", "arriving"),
     ("COMPLETED", "delivered", "completed")],
)  # fmt: skip
def test_what_a_delivery_says(word: str, status: str, detail: str) -> None:
    event = delivery(word, estimatedDeliveryTime="2026-11-21T20:20:00Z")
    (group,) = event.groups
    assert (event.status, group.status, group.sub_status) == ("", status, detail)
    assert (event.clock.at, group.deliver_to) == (at(19, 58), at(20, 20))
    assert (event.external_id, event.may_create, event.facts) == (ORDER, False, ())


def test_a_delivery_that_was_called_off_does_not_end_the_order() -> None:
    event = delivery("CANCELED")
    assert (event.status, event.groups[0].status) == ("", "")
    assert event.facts == [(Fact.FAILED, {"group": "main"})]


def test_where_to_follow_a_delivery() -> None:
    tracked = delivery("PICKED_UP", deliveryTrackingUrl="https://track.example/1")
    assert tracked.groups[0].tracking == [Tracking(carrier="bikeco", url="https://track.example/1")]
    assert delivery("PICKED_UP", deliveryTrackingUrl="javascript:alert(1)").groups[0].tracking == []


def test_the_older_name_of_a_deliverys_status() -> None:
    assert delivery(None, deliveryStatus="COMPLETED").groups[0].status == "delivered"


# -- on the timeline ----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("arrival", list(permutations(range(1, 4))))
def test_orders_and_couriers_make_one_story_in_any_order(arrival: tuple[int, ...]) -> None:
    connection = ConnectionFactory.create(source="otter")
    events = [
        said("orders.new_order", otter_order()),
        history(("ORDER_READY_TO_PICKUP", "2026-11-21T19:50:00Z")),
        delivery("PICKED_UP"),
        delivery("COMPLETED", updatedTime="2026-11-21T20:12:00Z"),
    ]
    for n in (0, *arrival):
        record([Word(events[n], connection)], at(20, 30))
    order = Order.objects.get(external_id=ORDER)
    assert (order.status, [group.key for group in order.groups.all()]) == ("delivered", ["main"])
    assert (order.contact_proxy, order.display_number) == (True, "4F2A")


@pytest.mark.django_db
def test_a_bare_event_finds_its_order_by_the_reference_too() -> None:
    """The reference of the event may be another id than the one in the order."""
    connection = ConnectionFactory.create(source="otter")
    known = {"id": "shop-9", "friendlyId": "9"}
    first = said("orders.new_order", otter_order(externalIdentifiers=known))
    record([Word(first, connection)], at(20, 30))
    ready = said("orders.order_ready", {}, resourceId=ORDER)
    record([Word(ready, connection)], at(20, 31))
    assert Order.objects.get().external_id == "shop-9"
