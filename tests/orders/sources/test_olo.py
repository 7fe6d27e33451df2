"""Olo: the signature, the event types, and members of bodies that a connection names."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders import intake
from orders.contract import BadSignature, Malformed, OrderEvent, Raw, Unmappable
from orders.models import InboundEvent, Order
from orders.normalising import normalise
from orders.signatures import sign
from orders.sources.olo.signing import SCHEME, from_ticks
from orders.sources.olo.source import SOURCE
from tests.orders.sources.arriving import connected, states, steps
from tests.orders.sources.bodies import mapped
from tests.orders.sources.olo_bodies import MEMBERS, MESSAGE, order

HOOK = "https://hub.example.com/hooks/abc/"
SECRET = "s" * 64
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
BODY = b'{"made":{"up":1001}}'
ID = "9007199254740993"


def ticks(moment: datetime) -> str:
    since = moment - datetime(1, 1, 1, tzinfo=UTC)
    return str((since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10)


def signed(body: bytes = BODY, secret: str = SECRET, sent: datetime = NOW, **more: Any) -> Raw:
    """A request as Olo sends it."""
    headers = {
        "x-olo-event-type": "OrderPlaced",
        "x-olo-message-id": MESSAGE,
        "x-olo-timestamp": ticks(sent),
    }
    raw = Raw(headers, body, **{"url": HOOK, "received_at": NOW, **more})
    return with_header(raw, "x-olo-signature", sign(SCHEME, raw, secret))


def with_header(raw: Raw, name: str, value: str) -> Raw:
    headers = {**raw.headers, name: value}
    return replace(raw, headers={key: one for key, one in headers.items() if one})


def read(kind: str = "OrderPlaced", settings: Any = None, **changes: Any) -> OrderEvent:
    return mapped(SOURCE, kind, order(**changes), {"members": MEMBERS, **(settings or {})})


# -- the signature ------------------------------------------------------------------------------


def test_the_vendors_published_example_is_reproduced() -> None:
    """Address, body, id, time and secret of Olo's public code samples."""
    raw = Raw(
        {
            "x-olo-message-id": "f8dac5dd-d3b2-w76c-b969-a668c699637c",
            "x-olo-timestamp": "635616089149791951",
        },
        b'{"message":"Olo webhook test!"}',
        url="https://www.olo.com/webhook/",
    )
    text = b"\n".join(
        [
            b"https://www.olo.com/webhook/",
            raw.body,
            b"f8dac5dd-d3b2-w76c-b969-a668c699637c",
            b"635616089149791951",
        ]
    )
    digest = hmac.digest(b"ThisIsADemonstrationSecret", text, hashlib.sha256)
    assert sign(SCHEME, raw, "ThisIsADemonstrationSecret") == base64.b64encode(digest).decode()
    assert base64.b64encode(digest) == b"wdXzIQ3FsGtRWtcIgJ5+7eCsPW19s2lILsuOicy54nI="


def test_ticks_are_tenths_of_a_microsecond_since_the_year_1() -> None:
    assert from_ticks("635616089149791951") == datetime(2015, 3, 10, 18, 28, 34, 979195, UTC)
    assert from_ticks(ticks(NOW)) == NOW
    for odd in ("", "-1", "1e5", "x", "9" * 19, "9" * 30, "٣"):
        assert from_ticks(odd) is None


def test_a_request_of_olo_gets_in() -> None:
    SOURCE.authenticate(signed(), [SECRET])
    SOURCE.authenticate(signed(), ["newer", SECRET])


GOOD = signed()
FORGERIES = {
    "no signature": with_header(GOOD, "x-olo-signature", ""),
    "no id": with_header(GOOD, "x-olo-message-id", ""),
    "no time": with_header(GOOD, "x-olo-timestamp", ""),
    "wrong": with_header(GOOD, "x-olo-signature", "A" * 43 + "="),
    "truncated": with_header(GOOD, "x-olo-signature", GOOD.headers["x-olo-signature"][:20]),
    "not ASCII": with_header(GOOD, "x-olo-signature", "é" * 44),
    "another id": with_header(GOOD, "x-olo-message-id", "another"),
    "another time": with_header(GOOD, "x-olo-timestamp", ticks(NOW - timedelta(seconds=1))),
    "another address": replace(GOOD, url=HOOK + "?x=1"),
    "written again": replace(GOOD, body=b'{"made": {"up": 1001}}'),
    "another tenant's secret": signed(secret="somebody-elses"),
    "26 hours old": signed(sent=NOW - timedelta(hours=26)),
    "ten minutes ahead": signed(sent=NOW + timedelta(minutes=10)),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused(forged: Raw) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(forged, [SECRET])


def test_without_a_secret_nobody_gets_in() -> None:
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(GOOD, secrets)


def test_a_retry_of_the_same_day_gets_in() -> None:
    """Olo tries again for 24 hours."""
    SOURCE.authenticate(signed(sent=NOW - timedelta(hours=24)), [SECRET])
    SOURCE.authenticate(signed(sent=NOW + timedelta(minutes=4)), [SECRET])


def test_the_address_may_differ_when_somebody_forwards_the_request() -> None:
    raw = replace(signed(url="https://till.example.com/olo"), url=HOOK)
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw, [SECRET])
    told = {"destination_url": "https://till.example.com/olo"}
    SOURCE.authenticate(replace(raw, settings=told), [SECRET])


def test_a_replay_is_known_by_its_message_even_under_another_type() -> None:
    """The type is not signed: a replay as OrderCancelled would otherwise be a second event."""
    other = with_header(GOOD, "x-olo-event-type", "OrderCancelled")
    SOURCE.authenticate(other, [SECRET])
    assert SOURCE.identify(other)[0].event_key == SOURCE.identify(GOOD)[0].event_key == MESSAGE


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"[" * 5000])
def test_a_body_that_is_no_object_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(replace(GOOD, body=body))
    with pytest.raises(Malformed):
        SOURCE.identify(with_header(GOOD, "x-olo-event-type", ""))


# -- orders -------------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = read()
    assert (event.external_id, event.display_number) == (ID, "A-7")
    assert (event.status, event.source_status, event.unmapped_status) == (
        "placed",
        "OrderPlaced",
        "",
    )
    assert (event.total_minor, event.currency) == (2150, "USD")
    assert (event.fulfilment_type, event.location) == ("pickup", "Harbour")
    assert event.may_create
    assert event.clock.at is None


def test_the_contact_is_the_brands_own_guest() -> None:
    contact = read().contact
    assert contact is not None
    assert (contact.name, contact.given_name, contact.external_id) == (
        "Ada Lovelace",
        "Ada",
        "63775",
    )
    assert (contact.phone, contact.email, contact.proxy) == (
        "12025550143",
        "ada@example.com",
        False,
    )


def test_a_marketplaces_number_is_masked() -> None:
    contact = read(settings={"masked_contacts": True}).contact
    assert contact is not None
    assert contact.proxy
    assert read(guest=None).contact is None


def test_items_are_known_by_their_place_and_by_their_number_when_nothing_names_them() -> None:
    lines = read().lines
    assert [(one.line_id, one.name, one.quantity, one.sku) for one in lines] == [
        ("1", "Margherita", "2", "122483"),
        ("2", "5", "1", "5"),
    ]
    only_order = {"members": {"order": "made.up"}}
    assert [one.name for one in read(settings=only_order).lines] == ["122483", "5"]


def test_only_what_is_public_is_read_without_being_told_where() -> None:
    event = read(settings={"members": {"order": "made.up"}})
    assert (event.external_id, event.display_number) == (ID, ID)
    assert (event.contact, event.location) == (None, "Harbour")


def test_the_place_of_a_store_may_be_another() -> None:
    event = read(settings={"members": {"order": "made.up", "store": "made.number"}})
    assert event.location == "A-7"


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("pickup", "pickup"),
        ("Delivery", "delivery"),
        ("zeppelin", ""),
        (None, ""),
    ],
)
def test_how_an_order_is_handed_over(word: Any, method: str) -> None:
    assert read(deliveryMethod=word).fulfilment_type == method


@pytest.mark.parametrize(
    ("kind", "status"),
    [("OrderPlaced", "placed"), ("OrderPickedUp", "picked_up"), ("OrderCancelled", "cancelled")],
)
def test_the_type_of_the_event_is_the_status(kind: str, status: str) -> None:
    event = read(kind)
    assert (event.status, event.may_create) == (status, True)


@pytest.mark.parametrize("kind", ["OrderTeleported", "UserSignedUp"])
def test_any_other_type_is_reported_and_never_guessed(kind: str) -> None:
    event = read(kind)
    assert (event.status, event.unmapped_status, event.may_create) == ("", kind, False)


def test_another_type_means_what_the_connection_says() -> None:
    event = read("OrderTeleported", {"status_map": {"OrderTeleported": "delivered"}})
    assert (event.status, event.unmapped_status, event.may_create) == ("delivered", "", True)
    ignored = {"status_map": {"UserSignedUp": "ignore"}}
    assert SOURCE.map("UserSignedUp", {}, b"{}", ignored) == []


@pytest.mark.parametrize("kind", ["AnyType", "OrderPlaced"])
def test_the_test_event_is_ignored(kind: str) -> None:
    """The body of Olo's public code samples."""
    assert SOURCE.map(kind, {}, b'{"message":"Olo webhook test!"}', {}) == []


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (None, "which member"),
        ({}, "which member"),
        ({"number": "x"}, "which member"),
        ("made.up", "written like"),
        ({"order": 5}, "written like"),
        ({"order": "made.up", "colour": "x"}, "knows no colour"),
        ({"order": "no.such"}, "which order"),
        ({"order": "customer"}, "must be a text"),
    ],
)
def test_what_is_missing_in_members_is_said(members: Any, says: str) -> None:
    body = json.dumps(order()).encode()
    with pytest.raises(Unmappable, match=says):
        SOURCE.map("OrderPlaced", {}, body, {"members": members})


def test_a_body_that_is_no_object_says_so() -> None:
    with pytest.raises(Unmappable):
        SOURCE.map("OrderPlaced", {}, b"[]", {})


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {}, [None], [[]], {"a": 1}, True])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    for name in order():
        if name != "made":
            assert read(**{name: wrong}).external_id == ID


def test_the_rules_about_contacts_are_said() -> None:
    assert SOURCE.approval.startswith("Needs an Olo account")
    assert "masked_contacts" in SOURCE.contact_use
    assert SOURCE.contact_hours == 24


# -- on the timeline ----------------------------------------------------------------------------


def told(hook: Any, kind: str, number: int, **changes: Any) -> None:
    """A signed message arrives and is understood."""
    body = json.dumps(changes if "message" in changes else order(**changes)).encode()
    bare = with_header(signed(body), "x-olo-event-type", kind)
    bare = with_header(bare, "x-olo-message-id", f"m{number}")
    raw = with_header(bare, "x-olo-signature", sign(SCHEME, bare, "test_secret"))
    assert intake.receive(hook, raw, NOW).ids
    normalise(100, NOW + timedelta(minutes=1))


@pytest.mark.django_db
def test_without_a_clock_an_order_only_moves_forward() -> None:
    hook = connected("olo", settings={"members": MEMBERS})
    for number, kind in enumerate(["OrderPlaced", "OrderPickedUp", "OrderPlaced"]):
        told(hook, kind, number)
    assert set(states()) == {"processed"}
    assert Order.objects.get().status == "picked_up"
    assert steps() == ["placed", "picked_up"]


@pytest.mark.django_db
def test_an_event_that_nobody_understands_is_for_the_inbox() -> None:
    hook = connected("olo", settings={"members": MEMBERS})
    told(hook, "OrderPlaced", 1)
    told(hook, "OrderTeleported", 2)
    told(hook, "Any", 3, message="hello")
    assert states() == ["processed", "failed", "ignored"]
    assert "“OrderTeleported”" in InboundEvent.objects.get(event_key="m2").error
    assert Order.objects.get().status == "placed"


@pytest.mark.django_db
def test_until_the_connection_names_the_members_the_inbox_keeps_the_bodies() -> None:
    hook = connected("olo")
    told(hook, "OrderPlaced", 1)
    assert states() == ["failed"]
    assert "members" in InboundEvent.objects.get().error


@pytest.mark.django_db
def test_the_numbers_of_marketplaces_stay_masked_in_the_order() -> None:
    settings = {"masked_contacts": True, "members": MEMBERS}
    told(connected("olo", settings=settings), "OrderPlaced", 1)
    kept = Order.objects.get()
    assert (kept.contact_phone, kept.contact_proxy) == ("+12025550143", True)
