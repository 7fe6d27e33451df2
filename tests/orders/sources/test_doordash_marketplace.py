"""DoorDash Marketplace: its orders, and where its Dashers are."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orders.contract import BadSignature, Malformed, Raw, Unmappable
from orders.loading import Word
from orders.models import Order
from orders.sources.doordash_marketplace.source import SOURCE
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.doordash_marketplace_bodies import (
    ORDER_ID,
    dasher_status,
    marketplace_order,
    release,
)

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE)) / "doordash"
SECRET = "a-long-random-word-of-32-characters"
BODY = json.dumps(marketplace_order()).encode()


# -- the header ---------------------------------------------------------------------------------


def test_the_fixed_header_is_accepted_with_or_without_the_word_before_it() -> None:
    for given in (SECRET, f"Bearer {SECRET}", f"Basic {SECRET}"):
        SOURCE.authenticate(Raw({"authorization": given}, BODY), ["newer", SECRET])


FORGERIES: dict[str, tuple[dict[str, str], list[str]]] = {
    "missing": ({}, [SECRET]),
    "empty": ({"authorization": ""}, [SECRET]),
    "wrong": ({"authorization": "Bearer wrong"}, [SECRET]),
    "truncated": ({"authorization": f"Bearer {SECRET[:-1]}"}, [SECRET]),
    "another tenant's secret": ({"authorization": SECRET}, ["theirs"]),
    "no secret": ({"authorization": SECRET}, []),
    "an empty secret": ({"authorization": "Bearer "}, [""]),
    "a signature that DoorDash does not make": ({"x-doordash-signature": SECRET}, [SECRET]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    headers, secrets = FORGERIES[name]
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw(headers, BODY), secrets)


# -- what identifies an event -------------------------------------------------------------------


def key(body: Any) -> str:
    (item,) = SOURCE.identify(Raw({}, json.dumps(body).encode()))
    return item.event_key


def test_an_order_that_is_passed_on_twice_is_one_event() -> None:
    assert key(marketplace_order()) == key(marketplace_order(tax=301)) == f"ORDERCREATE:{ORDER_ID}"
    assert key(marketplace_order(id="other")) != key(marketplace_order())
    cancelled = {**marketplace_order(), "event": {"type": "OrderCancel"}}
    assert key(cancelled) != key(marketplace_order())
    assert key(cancelled) != key({**cancelled, "reason": "again"})


def test_other_events_are_known_by_their_content() -> None:
    bodies = [dasher_status("dropoff"), dasher_status("arriving_at_store"), release()]
    assert len({key(body) for body in bodies}) == 3
    assert key(dasher_status("dropoff")) == key(dasher_status("dropoff"))
    topics = [SOURCE.identify(Raw({}, json.dumps(one).encode()))[0].topic for one in bodies]
    assert topics == ["dasher_status", "dasher_status", "order_release"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"null"])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


# -- orders -------------------------------------------------------------------------------------


def test_a_new_order() -> None:
    event = mapped(SOURCE, "", marketplace_order())
    assert (event.external_id, event.display_number, event.status) == (ORDER_ID, "a1b2c3", "placed")
    assert (event.location, event.fulfilment_type) == ("main-street", "delivery")
    assert event.groups[0].ready_at == datetime(2026, 11, 21, 18, 50, tzinfo=UTC)
    assert (event.note, event.may_create) == ("ring twice", True)
    assert event.attributes == {"experience": "DOORDASH", "fulfillment_type": "dx_delivery"}
    assert [(one.line_id, one.name, one.quantity, one.note) for one in event.lines] == [
        ("pizza", "Pizza Margherita", "2", "Ketchup; well done"),
        ("pizza:2", "Pizza Margherita", "1", "well done"),
        ("item3", "Cola", "1", ""),
    ]


def test_no_total_is_made_up_where_no_currency_is_said() -> None:
    event = mapped(SOURCE, "", marketplace_order())
    assert (event.total_minor, event.currency) == (None, "")


def test_phone_and_email_are_masks() -> None:
    contact = mapped(SOURCE, "", marketplace_order()).contact
    assert contact is not None
    assert (contact.name, contact.given_name) == ("Kelley W.", "Kelley")
    assert (contact.phone, contact.email, contact.proxy) == (
        "+12025550143",
        "masked@example.com",
        True,
    )
    assert SOURCE.contact_hours == 1
    assert mapped(SOURCE, "", marketplace_order(consumer=None)).contact is None


@pytest.mark.django_db
def test_masks_make_no_customer() -> None:
    connection: Any = ConnectionFactory(source="doordash_marketplace")
    event = mapped(SOURCE, "", marketplace_order())
    record([Word(event, connection)], datetime(2026, 11, 21, 18, 31, tzinfo=UTC))
    order = Order.objects.get()
    assert order.contact_proxy
    assert order.customer is None


@pytest.mark.parametrize(
    ("kind", "is_pickup", "method"),
    [
        ("dx_delivery", False, "delivery"),
        ("mx_delivery", False, "delivery"),
        ("pickup", True, "pickup"),
        ("dx_delivery", True, "delivery"),
        ("", True, "pickup"),
        ("unheard_of", False, ""),
    ],
)
def test_how_it_reaches_the_guest(kind: str, is_pickup: bool, method: str) -> None:
    body = marketplace_order(fulfillment_type=kind, is_pickup=is_pickup)
    assert mapped(SOURCE, "", body).fulfilment_type == method


def test_a_status_of_an_order_that_we_do_not_know() -> None:
    body = {**marketplace_order(), "event": {"type": "OrderCreate", "status": "SIMMERING"}}
    event = mapped(SOURCE, "", body)
    assert (event.status, event.unmapped_status) == ("", "SIMMERING")
    event = mapped(SOURCE, "", body, {"status_map": {"SIMMERING": "preparing"}})
    assert (event.status, event.unmapped_status) == ("preparing", "")
    event = mapped(SOURCE, "", body, {"status_map": {"SIMMERING": ""}})
    assert (event.status, event.unmapped_status) == ("", "")


def test_an_order_without_its_envelope_is_an_order() -> None:
    event = mapped(SOURCE, "", marketplace_order()["order"])
    assert (event.external_id, event.status) == (ORDER_ID, "placed")


@pytest.mark.parametrize("kind", ["OrderCancel", "OrderCanceled", "OrderCancelled", "ordercancel"])
def test_a_cancelled_order(kind: str) -> None:
    for more in ({"order": {"id": ORDER_ID}}, {"external_order_id": ORDER_ID}):
        event = mapped(SOURCE, "", {"event": {"type": kind}, "reason": "store closed", **more})
        assert (event.external_id, event.status, event.may_create) == (ORDER_ID, "cancelled", False)
        assert event.cancel_reason == "store closed"


def test_a_release_starts_the_kitchen() -> None:
    event = mapped(SOURCE, "", release())
    (part,) = event.groups
    assert (event.external_id, part.status, part.courier) == (ORDER_ID, "preparing", "Kelley")
    assert not event.may_create


TABLE = [
    ("dasher_confirmed", "", "courier_assigned"),
    ("arriving_at_store", "", "courier_near_store"),
    ("arrived_at_store", "", "courier_at_store"),
    ("dasher_out_for_delivery", "out_for_delivery", "on_the_way"),
    ("dropoff", "", "arriving"),
    ("DASHER_OUT_FOR_DELIVERY", "out_for_delivery", "on_the_way"),
]


@pytest.mark.parametrize(("word", "status", "where"), TABLE)
def test_where_the_dasher_is(word: str, status: str, where: str) -> None:
    event = mapped(SOURCE, "", dasher_status(word))
    (part,) = event.groups
    assert (part.status, part.sub_status, part.courier) == (status, where, "Kelley")
    assert (event.external_id, event.unmapped_status, event.may_create) == (ORDER_ID, "", False)
    assert event.clock.at == datetime(2026, 11, 21, 18, 40, tzinfo=UTC)
    assert "5550199" not in repr(event)


def test_the_operator_may_say_what_the_last_word_means() -> None:
    event = mapped(SOURCE, "", dasher_status("dropoff"), {"status_map": {"dropoff": "delivered"}})
    assert event.groups[0].status == "delivered"
    assert mapped(SOURCE, "", dasher_status("flying")).unmapped_status == "flying"


@pytest.mark.django_db
def test_from_the_order_to_the_dasher() -> None:
    connection: Any = ConnectionFactory(source="doordash_marketplace")
    now = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)
    for body in (marketplace_order(), release(), dasher_status("dasher_out_for_delivery")):
        record([Word(mapped(SOURCE, "", body), connection)], now)
    order = Order.objects.get()
    assert (order.status, order.groups.get().courier) == ("out_for_delivery", "Kelley")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "no id"),
        ([], "no object"),
        ({"event": {"type": "MenuStatus"}}, "Remove that subscription"),
        ({"dasher_status": "dropoff"}, "external_order_id"),
        ({"distance_from_store": 1}, "external_order_id"),
        ({"event": {"type": "OrderCancel"}, "order": "x"}, "external_order_id"),
        ({"event": {"type": "OrderCreate"}, "order": None}, "no id"),
    ],
)
def test_what_cannot_be_said_goes_to_the_inbox(body: Any, sentence: str) -> None:
    with pytest.raises(Unmappable, match=sentence):
        SOURCE.map("", {}, json.dumps(body).encode(), {})


def test_it_says_that_doordash_must_approve() -> None:
    assert "approval" in SOURCE.approval


def test_the_published_order() -> None:
    path = SAMPLES / "marketplace-order-1.json"
    if not path.exists():
        pytest.skip(f"no sample bodies in {SAMPLES}; set SAMPLE_PAYLOADS")
    whole = path.read_bytes()
    envelope = b'{"event":{"type":"OrderCreate","status":"NEW"},"order":' + whole + b"}"
    for body in (whole, envelope):
        event = mapped(SOURCE, "", body)
        assert (event.external_id, event.status) == ("abc12345", "placed")
        assert (event.fulfilment_type, event.location) == ("delivery", "abc12345")
        assert [(one.name, one.note) for one in event.lines] == [("Burrito Scram-Bowl", "KETCHUP")]
        assert event.contact is not None
        assert event.contact.proxy
