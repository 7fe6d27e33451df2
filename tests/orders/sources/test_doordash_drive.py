"""DoorDash Drive: legs of orders that another connection brings."""

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from orders.contract import BadSignature, Malformed, OrderEvent, Raw, Unmappable
from orders.intake import kept_headers
from orders.loading import Word
from orders.models import Order
from orders.sources.doordash_drive.source import SOURCE
from orders.sources.doordash_drive.statuses import FACTS, STATUSES, WHERE
from orders.statuses import Fact
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.doordash_drive_bodies import drive_event

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE)) / "doordash"
SECRET = "Basic bm9ubmE6bG9uZy1yYW5kb20td29yZA=="
BODY = json.dumps(drive_event()).encode()
OWN = {"creates_orders": True}


def leg(name: str, settings: dict[str, Any] | None = None, **more: Any) -> OrderEvent:
    return mapped(SOURCE, "", drive_event(name, **more), settings)


# -- the header ---------------------------------------------------------------------------------


def test_the_fixed_header_is_accepted() -> None:
    for secrets in ([SECRET], ["newer", SECRET], [SECRET.partition(" ")[2]]):
        SOURCE.authenticate(Raw({"authorization": SECRET}, BODY), secrets)
    SOURCE.authenticate(Raw({"authorization": f" {SECRET} "}, BODY), [SECRET])


FORGERIES: dict[str, tuple[dict[str, str], list[str]]] = {
    "missing": ({}, [SECRET]),
    "empty": ({"authorization": " "}, [SECRET]),
    "wrong": ({"authorization": "Basic bm9ubmE6d3Jvbmc="}, [SECRET]),
    "truncated": ({"authorization": SECRET[:-1]}, [SECRET]),
    "only the first word": ({"authorization": "Basic"}, [SECRET]),
    "only the first word, and an empty secret": ({"authorization": "Basic "}, [""]),
    "small letters": ({"authorization": SECRET.lower()}, [SECRET]),
    "no ascii": ({"authorization": "Basic é"}, [SECRET]),
    "another tenant's secret": ({"authorization": SECRET}, ["Basic dGhlaXJz"]),
    "no secret": ({"authorization": SECRET}, []),
    "a signature that DoorDash does not make": ({"x-doordash-signature": SECRET}, [SECRET]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    headers, secrets = FORGERIES[name]
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw(headers, BODY), secrets)


def test_the_header_is_not_kept() -> None:
    assert kept_headers({"authorization": SECRET, "user-agent": "x"}, [SECRET]) == {
        "user-agent": "x"
    }


# -- what identifies an event -------------------------------------------------------------------


def key(**more: Any) -> str:
    (item,) = SOURCE.identify(Raw({}, json.dumps(drive_event(**more)).encode()))
    return item.event_key


def test_delivery_name_and_time_know_an_event_again() -> None:
    assert key() == "DASHER_CONFIRMED:2026-11-21T18:30:00.791883Z:1001"
    assert key(dasher_name="somebody else", fee=1) == key()
    others = [
        key(),
        key(created_at="2026-11-21T18:30:00.791884Z"),
        key(external_delivery_id="1002"),
        key(name="DASHER_PICKED_UP"),
    ]
    assert len(set(others)) == 4


def test_without_a_time_the_content_knows_it_again() -> None:
    assert key(created_at=None) == key(created_at=None)
    assert key(created_at=None) != key(created_at=None, fee=1)
    assert len(key(created_at=None)) == 64


def test_a_replay_is_the_same_event_since_nothing_is_signed() -> None:
    items = [
        SOURCE.identify(Raw({}, BODY, received_at=datetime(2026, 11, day, tzinfo=UTC)))
        for day in (21, 28)
    ]
    assert items[0] == items[1]


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b""])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


# -- events -------------------------------------------------------------------------------------

TABLE = [
    ("DELIVERY_CREATED", "", "courier_wanted", None),
    ("DASHER_CONFIRMED", "", "courier_assigned", None),
    ("dasher_enroute_to_pickup", "", "courier_assigned", None),
    ("DASHER_CONFIRMED_PICKUP_ARRIVAL", "", "courier_at_store", None),
    ("DASHER_PICKED_UP", "out_for_delivery", "on_the_way", None),
    ("dasher_enroute_to_dropoff", "out_for_delivery", "on_the_way", None),
    ("DASHER_CONFIRMED_DROPOFF_ARRIVAL", "out_for_delivery", "arriving", None),
    ("DASHER_DROPPED_OFF", "delivered", "delivered", None),
    ("DELIVERY_CANCELLED", "", "courier_cancelled", Fact.FAILED),
    ("DELIVERY_RETURN_INITIALIZED", "", "coming_back", Fact.RETURNED),
    ("dasher_enroute_to_return", "", "coming_back", None),
    ("DASHER_CONFIRMED_RETURN_ARRIVAL", "", "coming_back", None),
    ("DELIVERY_RETURNED", "", "back_at_store", None),
    ("DELIVERY_BATCHED", "", "batched", None),
]


@pytest.mark.parametrize(("name", "status", "where", "fact"), TABLE)
def test_each_event(name: str, status: str, where: str, fact: str | None) -> None:
    event = leg(name)
    (part,) = event.groups
    assert (part.key, part.status, part.sub_status) == ("main", status, where)
    assert [one for one, _data in event.facts] == ([fact] if fact else [])
    assert (event.unmapped_status, event.status, event.may_create) == ("", "", False)
    assert part.source_status == name.upper()


def test_every_event_of_the_tables_is_tested() -> None:
    tested = {name.upper() for name, *_rest in TABLE}
    assert tested == set(WHERE)
    assert set(STATUSES) | set(FACTS) <= tested


def test_an_event_in_other_letters_is_not_dropped_silently() -> None:
    assert leg("Dasher_Dropped_Off").groups[0].status == "delivered"
    (item,) = SOURCE.identify(Raw({}, json.dumps(drive_event("dasher_dropped_off")).encode()))
    assert item.topic == "DASHER_DROPPED_OFF"


@pytest.mark.parametrize("wrong_key", ["delivery_status", "event_type", "status"])
def test_an_event_under_the_wrong_key_is_not_dropped_silently(wrong_key: str) -> None:
    body = drive_event()
    body[wrong_key] = body.pop("event_name")
    with pytest.raises(Unmappable, match="event_name"):
        SOURCE.map("", {}, json.dumps(body).encode(), {})


def test_an_unknown_event_is_shown_and_may_be_mapped() -> None:
    event = leg("DASHER_TELEPORTED")
    assert (event.unmapped_status, event.groups[0].status) == ("DASHER_TELEPORTED", "")
    event = leg("DASHER_TELEPORTED", {"status_map": {"DASHER_TELEPORTED": "delivered"}})
    assert (event.unmapped_status, event.groups[0].status) == ("", "delivered")


@pytest.mark.parametrize("missing", ["", None, {}, True])
def test_an_event_without_a_delivery_goes_to_the_inbox(missing: Any) -> None:
    with pytest.raises(Unmappable, match="external_delivery_id"):
        leg("DASHER_CONFIRMED", external_delivery_id=missing)


def test_a_leg_says_nothing_of_what_the_shop_decides() -> None:
    event = leg("DASHER_DROPPED_OFF")
    assert (event.contact, event.total_minor, event.currency) == (None, None, "")
    assert (event.display_number, event.fulfilment_type) == ("", "")


def test_dasher_arrival_and_tracking() -> None:
    event = leg("DASHER_PICKED_UP")
    (part,) = event.groups
    assert (part.courier, part.method) == ("John D.", "delivery")
    assert part.deliver_to == datetime(2026, 11, 21, 18, 50, tzinfo=UTC)
    (parcel,) = part.tracking
    assert (parcel.number, parcel.carrier) == ("1001", "DoorDash")
    assert parcel.url == "https://doordash.com/drive/portal/track/53904a0b"
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, 0, 791883, UTC)
    assert "5550143" not in repr(event)


def test_what_is_over_promises_nothing() -> None:
    assert leg("DASHER_DROPPED_OFF").groups[0].deliver_to is None
    assert leg("DELIVERY_CANCELLED").groups[0].deliver_to is None


def test_empty_members_are_left_out_by_doordash() -> None:
    event = mapped(SOURCE, "", {"event_name": "DASHER_PICKED_UP", "external_delivery_id": 1001})
    (part,) = event.groups
    assert (event.external_id, part.status, part.courier) == ("1001", "out_for_delivery", "")
    assert (list(part.tracking), part.deliver_to, event.clock.at) == ([], None, None)


@pytest.mark.parametrize("name", ["reason", "cancellation_reason"])
def test_a_cancelled_delivery_is_no_cancelled_order_and_says_why(name: str) -> None:
    event = leg("DELIVERY_CANCELLED", None, **{name: "failed_to_return"})
    ((_fact, data),) = event.facts
    assert data == {"group": "main", "reason": "failed_to_return", "delivery": "1001"}
    assert (event.status, event.groups[0].status) == ("", "")


@pytest.mark.parametrize(
    ("delivery_id", "settings", "aliases"),
    [
        ("1001", {}, []),
        ("nonna-1001_2", {}, []),
        ("nonna-1001_2", {"id_prefix": "nonna-", "id_mark": "_"}, ["1001"]),
        ("nonna-1001", {"id_prefix": "nonna-", "id_mark": "_"}, ["1001"]),
        ("a_b_2", {"id_mark": "_"}, ["a_b"]),
        ("_2", {"id_mark": "_"}, []),
        ("nonna-", {"id_prefix": "nonna-"}, []),
        ("nonna-1001", {"id_prefix": 5, "id_mark": ["_"]}, []),
    ],
)
def test_the_order_inside_the_deliverys_id(
    delivery_id: str, settings: dict[str, Any], aliases: list[str]
) -> None:
    event = leg("DASHER_CONFIRMED", settings, external_delivery_id=delivery_id)
    assert (event.external_id, list(event.aliases)) == (delivery_id, aliases)


def test_an_order_of_its_own() -> None:
    event = leg("DASHER_CONFIRMED", OWN)
    assert (event.may_create, event.display_number, event.status) == (True, "1001", "confirmed")
    assert (event.total_minor, event.currency, event.fulfilment_type) == (5555, "USD", "delivery")
    assert leg("DASHER_CONFIRMED", OWN, order_value="55.55").total_minor is None
    assert leg("DELIVERY_RETURNED", OWN).status == ""


def test_numbers_that_come_again_do_not_find_an_old_order() -> None:
    settings = {**OWN, "id_mark": "_"}
    assert list(leg("DASHER_CONFIRMED", settings, external_delivery_id="1001_2").aliases) == []


def _told(connection: Any, words: list[tuple[str, int]]) -> Order:
    for name, minutes in words:
        moment = datetime(2026, 11, 21, 18, 30, tzinfo=UTC) + timedelta(minutes=minutes)
        event = leg(name, OWN, created_at=moment.isoformat())
        record([Word(event, connection)], moment + timedelta(hours=2))
    return Order.objects.get(connection=connection)


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_a_late_event_does_not_downgrade_a_delivered_order(order: tuple[int, ...]) -> None:
    words = [("DASHER_CONFIRMED", 0), ("DASHER_PICKED_UP", 10), ("DASHER_DROPPED_OFF", 20)]
    connection = ConnectionFactory(source="doordash_drive")
    found = _told(connection, [words[n] for n in order])
    assert found.status == "delivered"
    assert found.groups.get().sub_status == "delivered"


@pytest.mark.django_db
def test_a_dasher_who_gives_the_delivery_back_moves_nothing_back() -> None:
    connection = ConnectionFactory(source="doordash_drive")
    words = [("DASHER_CONFIRMED", 0), ("DELIVERY_CREATED", 5), ("DASHER_CONFIRMED", 9)]
    found = _told(connection, words)
    assert (found.status, found.groups.get().sub_status) == ("confirmed", "courier_assigned")
    assert found.changes.filter(fact=Fact.REVERTED).count() == 0


def test_the_published_event() -> None:
    path = SAMPLES / "drive-DASHER_DROPPED_OFF-1.json"
    if not path.exists():
        pytest.skip(f"no sample bodies in {SAMPLES}; set SAMPLE_PAYLOADS")
    event = mapped(SOURCE, "", path.read_bytes())
    (part,) = event.groups
    assert event.external_id == "c19a5d37-e457-4247-9a67-921ec0134125"
    assert (part.status, part.courier) == ("delivered", "John D.")
    assert event.clock.at == datetime(2022, 2, 1, 23, 18, 22, 791883, UTC)
    assert part.tracking[0].url == "https://doordash.com/drive/portal/track/53904a0b"
