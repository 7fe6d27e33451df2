"""Clover: the code, the header, the doorbell, and what the order says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from orders.contract import BadSignature, Malformed, Raw, Unmappable
from orders.loading import Word
from orders.models import Order
from orders.sources.clover.source import SOURCE
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.clover_bodies import (
    AT,
    MERCHANT,
    ORDER_ID,
    customer,
    doorbell,
    dump,
    elements,
    order,
    pointer,
    ring,
)

HEADER = "x-clover-auth"
CODE = "6d3b7a52-1c1e-4c9b-9f2e-0c7d5a1b2e3f"
SAMPLES = Path(django_settings.BASE_DIR).parent / "shared" / "payloads" / "clover"


def raw(body: Any = b"{}", given: str | None = CODE, **more: Any) -> Raw:
    headers = {} if given is None else {HEADER: given}
    return Raw(headers, body if isinstance(body, bytes) else dump(body), **more)


def mapped(body: Any, topic: str = "order.update", **settings: Any) -> Any:
    return list(SOURCE.map(topic, {}, dump(body), settings))


def the(**changes: Any) -> Any:
    (event,) = mapped(order(**changes))
    return event


# -- set-up -------------------------------------------------------------------------------------


def test_the_code_is_answered_before_there_is_any_secret_and_can_be_shown() -> None:
    request = raw({"verificationCode": CODE}, None)
    assert SOURCE.handshake(request, []) == (200, "")
    assert SOURCE.set_up_code(request) == CODE


NO_CODES = {
    "a doorbell": raw(doorbell(ring())),
    "a code beside other members": raw({"verificationCode": CODE, "merchants": {}}),
    "no text": raw({"verificationCode": 5}),
    "markup": raw({"verificationCode": "<script>alert(1)</script>"}),
    "endless": raw({"verificationCode": "a" * 81}),
    "too short": raw({"verificationCode": "a"}),
    "no JSON": raw(b"verificationCode"),
    "a list": raw(["verificationCode"]),
    "fetched": raw({"verificationCode": CODE}, method="GET"),
}


@pytest.mark.parametrize("request_", NO_CODES.values(), ids=NO_CODES)
def test_nothing_else_is_a_code(request_: Raw) -> None:
    assert SOURCE.set_up_code(request_) == ""
    assert SOURCE.handshake(request_, [CODE]) is None


# -- the header ---------------------------------------------------------------------------------


def test_the_static_code_lets_in_old_ones_too_and_blanks_do_not_matter() -> None:
    SOURCE.authenticate(raw(), [CODE])
    SOURCE.authenticate(raw(), ["newer", CODE])
    SOURCE.authenticate(raw(given=f" {CODE} "), [CODE])


FORGERIES: dict[str, tuple[str | None, list[str]]] = {
    "missing": (None, [CODE]),
    "empty": ("", [CODE]),
    "blank": ("  ", [CODE]),
    "truncated": (CODE[:-1], [CODE]),
    "longer": (CODE + "0", [CODE]),
    "in another case": (CODE.upper(), [CODE]),
    "of another tenant": ("11111111-1111-1111-1111-111111111111", [CODE]),
    "not ascii": ("ü" + CODE, [CODE]),
    "no secret": (CODE, []),
    "an empty secret": ("", [""]),
    "bearer": (f"Bearer {CODE}", [CODE]),
}


@pytest.mark.parametrize(("given", "secrets"), FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused(given: str | None, secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(given=given), secrets)


def test_clover_signs_neither_body_nor_time_so_only_the_key_tells_a_repeat() -> None:
    """Any body passes with the code, however old; the same ring is the same event."""
    old = raw(doorbell(ring()), received_at=datetime.now(UTC) + timedelta(days=1))
    SOURCE.authenticate(old, [CODE])
    keys = {SOURCE.identify(old)[0].event_key for _n in range(2)}
    assert keys == {f"{MERCHANT}:O:{ORDER_ID}:UPDATE:{AT}"}


# -- the doorbell -------------------------------------------------------------------------------


def test_a_bundle_is_one_event_for_each_order() -> None:
    body = doorbell(ring("O:B", "CREATE", 3), ring("O:A", "UPDATE", 1), OTHER=[ring("O:C", ts=2)])
    items = SOURCE.identify(raw(body))
    assert [(one.event_key, one.topic) for one in items] == [
        (f"{MERCHANT}:O:B:CREATE:3", "order.create"),
        (f"{MERCHANT}:O:A:UPDATE:1", "order.update"),
        ("OTHER:O:C:UPDATE:2", "order.update"),
    ]
    assert json.loads(items[0].body or b"") == {
        "merchant": MERCHANT, "objectId": "O:B", "type": "CREATE", "ts": 3,
    }  # fmt: skip


def test_three_rings_of_one_order_within_a_second_are_one_question() -> None:
    rings = [ring(ts=AT + 324), ring(kind="CREATE"), ring(ts=AT + 100)]
    (item,) = SOURCE.identify(raw(doorbell(*rings)))
    assert item.event_key.endswith(f"UPDATE:{AT + 324}")
    (item,) = SOURCE.identify(raw(doorbell(ring(kind="DELETE", ts=AT + 1), ring())))
    assert item.topic == "order.delete"


def test_other_merchants_of_the_same_app_are_left_out() -> None:
    body = doorbell(ring(), OTHER=[ring("O:C")])
    items = SOURCE.identify(raw(body, settings={"merchant_id": MERCHANT}))
    assert [one.event_key for one in items] == [f"{MERCHANT}:O:{ORDER_ID}:UPDATE:{AT}"]


@pytest.mark.parametrize("thing", ["P:1", "C:1", "I:1", "A:1", "M:1", "", 5, None])
def test_things_that_are_no_orders_are_left_unread(thing: Any) -> None:
    assert SOURCE.identify(raw(doorbell(ring(thing), "x", None))) == []
    assert SOURCE.identify(raw(doorbell(ring(kind="RENAME")))) == []


def test_a_ring_without_a_time_counts_as_the_oldest() -> None:
    rings = [ring(ts=5), ring(ts=None, kind="DELETE"), ring(ts=True, kind="DELETE")]
    (item,) = SOURCE.identify(raw(doorbell(*rings)))
    assert item.topic == "order.update"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"merchants": []}', b"\xff", b"[" * 9000])
def test_what_is_no_doorbell_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


def test_a_ring_that_was_not_fetched_says_what_to_do() -> None:
    with pytest.raises(Unmappable, match="api_token"):
        mapped(pointer())


# -- an order -----------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = the()
    assert (event.external_id, event.display_number) == (ORDER_ID, "101 - Main Dining Room")
    assert (event.location, event.status, event.source_status) == (MERCHANT, "placed", "open")
    assert (event.clock.version, event.clock.at) == (
        None,
        datetime(2026, 11, 21, 19, 30, tzinfo=UTC),
    )
    assert event.placed_at == datetime(2026, 11, 21, 19, 0, tzinfo=UTC)
    assert (event.total_minor, event.currency, event.note) == (2150, "USD", "ring twice")
    assert (event.fulfilment_type, event.test, event.may_create) == ("pickup", False, True)
    assert event.attributes == {
        "payment_state": "PAID", "order_type": "Take-out", "reference_id": "WEB-77",
    }  # fmt: skip


def test_each_piece_is_a_line_and_a_fee_is_none() -> None:
    event = the()
    read = [(one.line_id, one.name, one.sku, one.removed_quantity, one.note) for one in event.lines]
    assert read == [
        ("L1", "Hamburger", "HB", "0", "Lettuce, Cheese, rare"),
        ("L2", "Fries", "", "1", ""),
    ]
    assert event.lines_complete
    unasked = order()
    del unasked["lineItems"]
    assert not mapped(unasked)[0].lines_complete


def test_the_customer_is_whom_to_tell() -> None:
    contact = the().contact
    assert (contact.name, contact.given_name, contact.external_id) == (
        "Ada Lovelace",
        "Ada",
        "CUST1",
    )
    assert (contact.email, contact.phone) == ("ada@example.com", "(202) 555-0143")
    assert not contact.proxy
    assert the(customers=elements()).contact is None
    assert the(customers=[customer()]).contact == contact


STATES = [("open", "placed"), ("OPEN", "placed"), ("locked", "confirmed")]


@pytest.mark.parametrize(("state", "status"), STATES)
def test_a_state_of_clover_is_translated(state: str, status: str) -> None:
    assert (the(state=state).status, the(state=state).unmapped_status) == (status, "")


def test_words_of_an_app_need_the_connections_table() -> None:
    assert (the(state="Ready").status, the(state="Ready").unmapped_status) == ("", "Ready")
    (event,) = mapped(order(state="Ready"), status_map={"ready": "ready"})
    assert event.status == "ready"
    (event,) = mapped(order(state="open"), status_map={"open": "ignore"})
    assert (event.status, event.unmapped_status) == ("", "")


def test_paying_is_no_step_of_the_kitchen() -> None:
    for paid in ("OPEN", "PAID", "PARTIALLY_PAID", "CREDITED", None):
        assert (the(paymentState=paid).status, the(paymentState=paid).facts) == ("placed", ())


def test_a_hidden_order_is_not_one_yet() -> None:
    assert mapped(order(state=None)) == []
    assert mapped(order(state="")) == []


def test_a_test_order_is_marked() -> None:
    assert the(testMode=True).test


def test_refunds_are_read_and_a_full_one_is_said() -> None:
    given = elements(
        {"id": "R1", "amount": 500, "createdTime": AT, "reason": "cold"}, {"id": "R2", "amount": 0}
    )
    event = the(refunds=given, paymentState="PARTIALLY_REFUNDED")
    assert [(one.refund_id, one.amount_minor, one.reason) for one in event.refunds] == [
        ("R1", 500, "cold")
    ]
    assert not event.refunded_in_full
    assert the(paymentState="REFUNDED").refunded_in_full


TYPES = [
    ({"label": "Take-out"}, "pickup"),
    ({"label": "DELIVERY"}, "delivery"),
    ({"label": "Dine-in"}, "dine_in"),
    ({"label": "Drinnen", "systemOrderTypeId": "DINE-IN-TYPE"}, "dine_in"),
    ({"label": "Drinnen", "labelKey": "com.clover.order.type.dine_in"}, "dine_in"),
    ({"label": "Drive through"}, ""),
    ({}, ""),
    (None, ""),
]


@pytest.mark.parametrize(("kind", "method"), TYPES)
def test_the_way_to_the_customer_is_the_order_type(kind: Any, method: str) -> None:
    assert the(orderType=kind).fulfilment_type == method


def test_the_connections_own_types_come_first() -> None:
    own: dict[str, Any] = {
        "Take-out": "curbside",
        "TYPE9": "delivery",
        "Staff": "ignore",
        "X": ["x"],
    }
    read = [
        mapped(order(orderType=kind), order_types=own)
        for kind in ({"label": "Take-out"}, {"label": "Y", "id": "TYPE9"}, {"label": "X"})
    ]
    assert [one[0].fulfilment_type for one in read] == ["curbside", "delivery", ""]
    assert mapped(order(orderType={"label": "Staff"}), order_types=own) == []
    assert mapped(order(), order_types="x")[0].fulfilment_type == "pickup"


def test_orders_that_name_no_customer_are_the_connections_choice() -> None:
    assert mapped(order(customers=elements()), walk_ins="ignore") == []
    assert len(mapped(order(), walk_ins="ignore")) == 1
    with pytest.raises(Unmappable, match="walk_ins"):
        mapped(order(customers=None), walk_ins="maybe")


def test_a_deleted_order_is_taken_off_the_board_or_cancelled() -> None:
    for body in (pointer("DELETE"), order(deletedTimestamp=AT)):
        (event,) = mapped(body, "order.delete")
        assert (event.external_id, event.archived, event.status) == (ORDER_ID, True, "")
        assert (event.may_create, event.clock.at) == (
            False,
            datetime(2026, 11, 21, 19, 30, tzinfo=UTC),
        )
        (event,) = mapped(body, "order.delete", deleted_means="cancelled")
        assert (event.archived, event.status) == (None, "cancelled")


def test_a_reference_is_another_name_only_when_it_is_unique() -> None:
    assert list(the().aliases) == []
    assert list(mapped(order(), reference_is_order_id=True)[0].aliases) == ["WEB-77"]


def test_long_numbers_stay_exact_and_names_lose_their_tricks() -> None:
    person = customer(firstName="Zoë\r\n\u202e", lastName="مريم 李", phoneNumbers=elements())
    event = the(id=9007199254740993, customers=elements(person), total=2**60)
    assert (event.external_id, event.total_minor) == ("9007199254740993", 2**60)
    assert (event.contact.name, event.contact.phone) == ("Zoë مريم 李", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"lineItems": {"elements": 5}, "customers": "x", "refunds": [7]},
        {"total": "21.50", "modifiedTime": "soon", "orderType": [], "currency": 5},
        {"customers": elements({"emailAddresses": 5, "phoneNumbers": {"elements": [{}]}})},
    ],
)
def test_members_of_the_wrong_kind_are_members_not_said(changes: Any) -> None:
    assert the(**changes).external_id == ORDER_ID


@pytest.mark.parametrize("body", [[], "x", {}, {"id": 1.5}, {"id": True}])
def test_what_is_no_order_is_unmappable(body: Any) -> None:
    with pytest.raises(Unmappable):
        mapped(body)


# -- the timeline -------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("backwards", [False, True])
def test_the_orders_own_time_of_change_decides_what_is_newer(backwards: bool) -> None:
    connection: Any = ConnectionFactory(source="clover")
    steps = [order(), order(state="locked", modifiedTime=AT + 1)]
    for body in reversed(steps) if backwards else steps:
        record([Word(event, connection) for event in mapped(body)], timezone.now())
    known = Order.objects.get()
    assert (known.status, known.contact_phone) == ("confirmed", "+12025550143")


@pytest.mark.django_db
def test_a_deletion_archives_the_order() -> None:
    connection: Any = ConnectionFactory(source="clover")
    for body in (order(), pointer("DELETE", AT + 1)):
        record([Word(event, connection) for event in mapped(body)], timezone.now())
    known = Order.objects.get()
    assert known.archived_at == datetime(2026, 11, 21, 19, 30, 0, 1000, tzinfo=UTC)
    assert known.status == "placed"


# -- published bodies ---------------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published samples are not on this machine")
def test_the_published_bodies_are_known() -> None:
    code = (SAMPLES / "verification-1.json").read_bytes()
    assert SOURCE.set_up_code(raw(code, None)) == json.loads(code)["verificationCode"]
    items = SOURCE.identify(raw((SAMPLES / "webhook-1.json").read_bytes()))
    assert [one.event_key for one in items] == [
        "XYZVJT2ZRRRSC:O:GHIVJT2ABCRSC:CREATE:1537970958000",
        "XYZVJT2ZRRRSC:O:ABCVJTABCRRSC:UPDATE:1536156558000",
    ]
    for path in sorted(SAMPLES.glob("*.json")):
        with pytest.raises(Malformed):
            SOURCE.identify(raw(path.read_bytes().strip()[:-1]))
