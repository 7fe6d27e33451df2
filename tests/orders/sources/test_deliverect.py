"""Deliverect: each of its bodies, its numbers, and who may send them."""

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
from orders.sources.deliverect.source import DELIVERECT, SOURCE
from orders.statuses import Fact
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.deliverect_bodies import (
    LOCATION,
    ORDER,
    deliverect_courier,
    deliverect_order,
    deliverect_status,
    written,
)

HEADER = "x-server-authorization-hmac-sha256"
SECRET = "deliverect-secret"


def said(body: Any, settings: dict[str, Any] | None = None) -> OrderEvent:
    return mapped(SOURCE, "", body, settings)


def order(settings: dict[str, Any] | None = None, **changes: Any) -> OrderEvent:
    return said(deliverect_order(**changes), settings)


def status(code: Any, settings: dict[str, Any] | None = None, **more: Any) -> OrderEvent:
    return said(deliverect_status(code, **more), settings)


def courier(code: Any, settings: dict[str, Any] | None = None, **more: Any) -> OrderEvent:
    return said(deliverect_courier(code, **more), settings)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, second, tzinfo=UTC)


# -- who says it --------------------------------------------------------------------------------


def test_the_signature_is_hex_over_the_body() -> None:
    """The vector of the contract."""
    body = b'{"id":1001,"status":"ready"}'
    expected = "a7c4bec624274e0583e51a23a608d821864bd8b83341558a4c0e3df8294695b6"
    assert signatures.sign(DELIVERECT, Raw({}, body), "test_secret") == expected
    SOURCE.authenticate(Raw({HEADER: expected}, body), ["newer", "test_secret"])


BODY = written(deliverect_order())
GOOD = signatures.sign(DELIVERECT, Raw({}, BODY), SECRET)
FORGERIES = {
    "missing": Raw({}, BODY),
    "empty": Raw({HEADER: ""}, BODY),
    "wrong": Raw({HEADER: "0" * 64}, BODY),
    "not ascii": Raw({HEADER: "é🍕"}, BODY),
    "truncated": Raw({HEADER: GOOD[:-2]}, BODY),
    "in capitals": Raw({HEADER: GOOD.upper()}, BODY),
    "another tenant's secret": Raw(
        {HEADER: signatures.sign(DELIVERECT, Raw({}, BODY), "somebody else's")}, BODY
    ),
    "of another body": Raw({HEADER: GOOD}, written(deliverect_order(status=70))),
    "over a re-serialised body": Raw(
        {HEADER: GOOD}, json.dumps(json.loads(BODY), indent=1).encode()
    ),
    "with escaped slashes": Raw({HEADER: GOOD}, BODY.replace(b"/", rb"\/")),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    SOURCE.authenticate(Raw({HEADER: f" {GOOD} "}, BODY), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(FORGERIES[name], [SECRET])


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nobody_gets_in(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw({HEADER: GOOD}, BODY), secrets)


# -- arriving -----------------------------------------------------------------------------------


def test_a_copy_is_known_by_its_content() -> None:
    """Nothing says when a webhook was signed: a replayed one must change nothing."""
    keys = [SOURCE.identify(Raw({}, body))[0].event_key for body in (BODY, BODY, BODY + b" ")]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (deliverect_order(), "order"),
        (deliverect_status(20), "status"),
        (deliverect_status(90), "status"),
        (deliverect_status(87), "courier"),
        (deliverect_courier(90), "courier"),
        ({"orderId": ORDER, "status": 90, "courierName": "M", "deliveryTime": "x"}, "courier"),
        ({"orderId": ORDER, "pickupTime": "2026-11-21T19:45:00Z"}, "time"),
        ({"locationId": LOCATION, "status": "open"}, "other"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_bodies_are_told_apart_by_what_they_hold(body: dict[str, Any], kind: str) -> None:
    assert SOURCE.identify(Raw({}, written(body)))[0].topic == kind


@pytest.mark.parametrize("body", [b"", b"{", b'{"_id": NaN}', b"[" * 5000, b"[1]", b"null"])
def test_a_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


def test_what_is_no_order_is_for_a_person() -> None:
    with pytest.raises(Unmappable, match="about no order"):
        said({"locationId": LOCATION, "status": "open"})


def test_strange_values_anywhere_are_no_crash() -> None:
    stranges: list[Any] = [None, 5, -1, 10**30, "x", [], {}, [[]], [{}], True, 1.5]
    for whole in (deliverect_order(), deliverect_status(20), deliverect_courier(87)):
        for name in whole:
            for strange in stranges:
                with contextlib.suppress(SourceError):
                    SOURCE.map("", {}, written({**whole, name: strange}), {"currency": "EUR"})


# -- a whole order ------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = order({"currency": "EUR"})
    assert (event.external_id, event.display_number, event.status) == (ORDER, "N2206", "placed")
    assert (event.total_minor, event.currency, event.location) == (2150, "EUR", LOCATION)
    assert (event.fulfilment_type, event.note) == ("delivery", "no bell, please")
    assert event.clock.at == datetime(2026, 11, 21, 19, 11, 30, 250_000, tzinfo=UTC)
    assert (event.placed_at, event.may_create, event.test) == (at(19, 10), True, False)
    (group,) = event.groups
    assert (group.ready_at, group.deliver_to) == (at(19, 35), at(19, 55))
    assert (group.method, group.courier) == ("delivery", "restaurant")


def test_the_platforms_id_is_no_name_of_the_order() -> None:
    """It is unique for two days only: as an alias it would one day find an old order."""
    event = order()
    assert list(event.aliases) == []
    assert event.attributes == {"channel": "7", "channel_order_id": "NN4711-2206"}


def test_items_without_ids_are_told_apart() -> None:
    event = order()
    assert [(one.line_id, one.quantity, one.note) for one in event.lines] == [
        ("P-MARG", "2", "Basil, well done"),
        ("P-MARG#2", "1", ""),
    ]
    assert event.lines_complete


@pytest.mark.parametrize(
    ("digits", "currency", "total"),
    [(2, "EUR", 2150), (3, "KWD", 2150), (2, "KWD", 21500), (0, "JPY", 2150), (None, "EUR", None),
     (True, "EUR", None), (2, "", None), (99, "EUR", None)],
)  # fmt: skip
def test_money_has_the_decimals_that_the_order_says(
    digits: Any, currency: str, total: int | None
) -> None:
    """Platforms in Kuwait may still send two decimals."""
    assert order({"currency": currency}, decimalDigits=digits).total_minor == total


@pytest.mark.parametrize(
    ("kind", "method"),
    [(1, "pickup"), (2, "delivery"), (3, "dine_in"), (4, "curbside"), (5, "pickup"), (9, "")],
)
def test_how_the_customer_gets_it(kind: int, method: str) -> None:
    event = order(orderType=kind)
    assert event.fulfilment_type == method
    assert (event.groups[0].deliver_to is None) == (method != "delivery")


def test_a_test_order_is_a_test() -> None:
    assert order(testOrder=True).test is True


def test_a_platforms_number_is_masked_and_has_a_code() -> None:
    contact = order().contact
    assert contact is not None
    assert (contact.phone, contact.phone_pin, contact.proxy) == ("+31615550143", "0020", True)
    assert (contact.name, contact.country, contact.time_zone) == (
        "Ada Byron",
        "NL",
        "Europe/Amsterdam",
    )


def test_only_the_operators_own_channels_have_real_numbers() -> None:
    plain = {"name": "Ada", "phoneNumber": "+31615550143", "phoneAccessCode": ""}
    numbers = [
        order(settings, channel=7, customer=plain).contact
        for settings in ({}, {"direct_channels": [7]}, {"direct_channels": ["7"]})
    ]
    assert [one and one.proxy for one in numbers] == [True, False, False]
    coded = order({"direct_channels": [7]}).contact
    assert coded is not None
    assert coded.proxy


@pytest.mark.parametrize("customer", [None, {}, {"note": "ring"}, "Ada"])
def test_nobody_is_nobody(customer: Any) -> None:
    assert order(customer=customer).contact is None


@pytest.mark.parametrize("name", ["Żółć", "李小龍", "علي", "A\r\nB", "\u202eAda"])
def test_names_of_every_script(name: str) -> None:
    contact = order(customer={"name": name}).contact
    assert contact is not None
    assert contact.name == name.replace("\r\n", " ").replace("\u202e", "")


# -- statuses -----------------------------------------------------------------------------------

STATUSES: list[tuple[int, str]] = [
    (10, "placed"),
    (20, "confirmed"),
    (40, "confirmed"),
    (50, "preparing"),
    (60, "ready"),
    (70, "ready"),
    (95, "confirmed"),
    (100, "cancelled"),
    (110, "cancelled"),
    (120, "cancelled"),
    (35, "cancelled"),
    *((code, "") for code in (1, 2, 3, 4, 5, 6, 7, 25, 30, 90)),
]


@pytest.mark.parametrize(("code", "word"), STATUSES)
def test_the_status_follows_the_table(code: int, word: str) -> None:
    for written_as in (code, str(code)):
        event = status(written_as)
        assert (event.status, event.unmapped_status) == (word, "")
    assert (event.external_id, event.clock.at) == (ORDER, at(19, 20))
    assert (event.may_create, event.source_status) == (False, str(code))


def test_why_an_order_was_cancelled() -> None:
    assert status(110).cancel_reason == "voided"
    assert status(110, reason="Sold out").cancel_reason == "Sold out"
    assert status(20, reason="Sold out").cancel_reason == ""
    assert order(status=100).cancel_reason == "cancelled_by_channel"


def test_a_cancellation_is_the_same_order_once_more() -> None:
    event = order(status=100, statusHistory=[{"status": 20}])
    assert (event.external_id, event.status) == (ORDER, "cancelled")


def test_a_status_that_deliverect_ignored_changes_nothing() -> None:
    body = written(deliverect_status(70, isIgnoredPOSStatus=True))
    assert SOURCE.map("status", {}, body, {}) == []


def test_a_step_between_machines_takes_nothing_back() -> None:
    """Received by POS (2) may come after accepted (20)."""
    history = [{"status": 4}, {"status": 20}, {"status": 2}]
    assert order(status=2, statusHistory=history).status == "confirmed"
    assert order(status=2, statusHistory=[]).status == "placed"
    assert order(status=2, statusHistory=[{"status": 110}]).status == "placed"


@pytest.mark.parametrize("code", [124, 999, "gold"])
def test_an_unknown_number_is_never_guessed(code: Any) -> None:
    assert status(code).unmapped_status == str(code)
    assert order(status=code).unmapped_status == str(code)
    assert courier(code).unmapped_status == f"courier:{code}"


def test_the_connections_map_comes_first() -> None:
    mine = {"status_map": {"60": "preparing", "120": "ignore", "courier:80": "out_for_delivery"}}
    assert status(60, mine).status == "preparing"
    failed = status(120, mine)
    assert (failed.status, failed.unmapped_status) == ("", "")
    assert courier(80, mine).groups[0].status == "out_for_delivery"


@pytest.mark.parametrize("wrong", ["x", ["60"], {"60": 5}, {"60": None}, None])
def test_a_map_of_the_wrong_kind_is_no_map(wrong: Any) -> None:
    assert status(60, {"status_map": wrong}).status == "ready"


def test_a_typing_error_in_the_map_is_no_status() -> None:
    assert status(60, {"status_map": {"60": "prepairing"}}).unmapped_status == "60"


@pytest.mark.parametrize(
    ("kind", "word"),
    [(1, "picked_up"), (4, "picked_up"), (3, "delivered"), (2, "out_for_delivery")],
)
def test_finalized_is_not_delivered(kind: int, word: str) -> None:
    """The POS has finished with the order; with a delivery the courier has it now."""
    assert order(status=90, orderType=kind).status == word


def test_what_finalized_means_is_a_setting() -> None:
    assert status(90, {"finalized_means": "picked_up"}).status == "picked_up"
    assert order({"finalized_means": "nothing"}, status=90, statusHistory=[]).status == "placed"
    with pytest.raises(Unmappable, match="finalized_means is 'eaten'"):
        status(90, {"finalized_means": "eaten"})


# -- couriers and times -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "word", "detail"),
    [
        (80, "", "courier_assigned"),
        (81, "", "delivery_created"),
        (83, "", "courier_to_pickup"),
        (84, "", "courier_near_pickup"),
        (85, "", "courier_at_pickup"),
        (87, "out_for_delivery", "courier_to_dropoff"),
        (89, "out_for_delivery", "arriving"),
        (90, "delivered", "delivered"),
    ],
)
def test_what_a_courier_says_is_of_the_part(code: int, word: str, detail: str) -> None:
    event = courier(code)
    (group,) = event.groups
    assert (event.status, group.status, group.sub_status) == ("", word, detail)
    assert (event.clock.at, group.deliver_to) == (at(19, 40), at(20, 0))
    assert (event.may_create, group.courier, event.facts) == (False, "BikeCo", ())


def test_a_delivery_that_was_called_off_does_not_end_the_order() -> None:
    event = courier(115, reason="no rider")
    assert (event.status, event.groups[0].status) == ("", "")
    assert event.facts == [(Fact.FAILED, {"group": "main", "reason": "no rider"})]


def test_the_other_shape_of_a_couriers_news() -> None:
    body = {
        "orderId": ORDER,
        "channelOrderId": "NN4711-2206",
        "status": 87,
        "deliveryTime": "2026-11-21T20:05:00.000000Z",
        "courierName": "Mia M.",
        "dispatchPartner": "BikeCo",
        "trackingURL": "https://track.example/1",
    }
    (group,) = said(body).groups
    assert (group.status, group.deliver_to) == ("out_for_delivery", at(20, 5))
    assert group.tracking == [Tracking(carrier="BikeCo", url="https://track.example/1")]
    assert said({**body, "trackingURL": "javascript:alert(1)"}).groups[0].tracking == []
    assert said(body).clock.at is None


def test_a_couriers_number_in_a_status_update() -> None:
    event = status(87)
    assert (event.status, event.groups[0].status) == ("", "out_for_delivery")
    assert event.clock.at == at(19, 20)


def test_a_new_preparation_time() -> None:
    event = said({"orderId": ORDER, "pickupTime": "2026-11-21T19:50:00Z"})
    assert event.groups[0].ready_at == at(19, 50)
    assert (event.status, event.may_create) == ("", False)


def test_a_name_of_a_courier_is_not_kept() -> None:
    assert "Mia" not in repr(courier(87))


# -- on the timeline ----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("arrival", list(permutations(range(1, 4))))
def test_the_pos_and_the_courier_make_one_story_in_any_order(arrival: tuple[int, ...]) -> None:
    connection = ConnectionFactory.create(source="deliverect")
    bodies: list[dict[str, Any]] = [
        deliverect_order(),
        deliverect_status(70),
        deliverect_courier(87),
        deliverect_courier(90, received="2026-11-21T20:10:00.000000Z"),
    ]
    for n in (0, *arrival):
        record([Word(said(bodies[n]), connection)], at(20, 30))
    order = Order.objects.get(external_id=ORDER)
    assert (order.status, [group.key for group in order.groups.all()]) == ("delivered", ["main"])
    assert (order.contact_proxy, order.fulfilment_type) == (True, "delivery")


@pytest.mark.django_db
def test_a_status_before_its_order_waits() -> None:
    connection = ConnectionFactory.create(source="deliverect")
    assert record([Word(status(20), connection)], at(19, 30)).orders == [None]
