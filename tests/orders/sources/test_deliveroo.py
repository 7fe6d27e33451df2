"""Deliveroo: the two signatures, the status log, the riders, and the masked number."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.contract import BadSignature, Malformed, OrderEvent, Raw, Unmappable
from orders.models import Order, StatusChange
from orders.signatures import Scheme, sign
from orders.sources.deliveroo.signing import CURRENT, LEGACY
from orders.sources.deliveroo.source import SOURCE
from tests.orders.sources.arriving import arrive, connected, steps
from tests.orders.sources.bodies import mapped
from tests.orders.sources.deliveroo_bodies import (
    ORDER_ID,
    legacy_body,
    log,
    order,
    order_body,
    rider,
    rider_body,
)

GUID = "0f6f2c1e-0000-4000-8000-000000000001"
BODY = b'{"id":1001,"status":"ready"}'
CURRENT_VECTOR = "c8d8a2b5b7eda4e4cfcb2e4c2ebc0a146a56ba3ebbc9aeac6319cf1db80e009e"
LEGACY_VECTOR = "ff54de80aa6a0caf4a85078769fb6f9fea2b479a47d7cf34cd1e12860ecb5537"
SECRET = "test_secret"


def at(minute: int, second: int = 0) -> datetime:
    return datetime(2026, 11, 21, 18, minute, second, tzinfo=UTC)


def read(body: dict[str, Any], **settings: Any) -> OrderEvent:
    return mapped(SOURCE, str(body["event"]), body, settings)


def raw(body: bytes, signature: str = "", guid: str = GUID, **more: Any) -> Raw:
    headers = {"x-deliveroo-sequence-guid": guid, "x-deliveroo-hmac-sha256": signature}
    return Raw({name: value for name, value in headers.items() if value}, body, **more)


def signed(body: Any, scheme: Scheme, secret: str = SECRET) -> Raw:
    """`body` as Deliveroo would send it."""
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw(written, sign(scheme, raw(written), secret))


# -- signatures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "vector"), [(CURRENT, CURRENT_VECTOR), (LEGACY, LEGACY_VECTOR)])
def test_the_known_signatures_are_made(scheme: Scheme, vector: str) -> None:
    assert sign(scheme, raw(BODY), SECRET) == vector


def test_the_known_signature_of_today_is_accepted() -> None:
    SOURCE.authenticate(raw(BODY, CURRENT_VECTOR), [SECRET])
    SOURCE.authenticate(raw(BODY, CURRENT_VECTOR), ["newer", SECRET])


@pytest.mark.parametrize("event", ["order.new", "order.status_update", "rider.status_update"])
def test_todays_events_have_one_blank_after_the_id(event: str) -> None:
    SOURCE.authenticate(signed({"event": event}, CURRENT), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(signed({"event": event}, LEGACY), [SECRET])


@pytest.mark.parametrize("event", ["new_order", "cancel_order"])
def test_the_old_events_have_a_line_break_between_blanks(event: str) -> None:
    SOURCE.authenticate(signed({"event": event}, LEGACY), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(signed({"event": event}, CURRENT), [SECRET])


def test_a_body_that_begins_with_the_old_separator_is_not_taken_for_an_old_one() -> None:
    """The bytes that are signed would be the same."""
    body = json.dumps({"event": "new_order"}).encode()
    good = signed(body, LEGACY)
    SOURCE.authenticate(good, [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(b"\n " + body, good.headers["x-deliveroo-hmac-sha256"]), [SECRET])


def test_no_part_of_the_body_can_be_passed_off_as_the_id() -> None:
    whole = signed(b'{"event":"x"} {"event":"order.new"}', CURRENT)
    signature = whole.headers["x-deliveroo-hmac-sha256"]
    shifted = raw(b'{"event":"order.new"}', signature, guid=GUID + ' {"event":"x"}')
    with pytest.raises(BadSignature):
        SOURCE.authenticate(shifted, [SECRET])


FORGERIES = {
    "no signature": raw(BODY),
    "no id": raw(BODY, CURRENT_VECTOR, guid=""),
    "wrong": raw(BODY, CURRENT_VECTOR[:-1] + "0"),
    "truncated": raw(BODY, CURRENT_VECTOR[:32]),
    "in capitals": raw(BODY, CURRENT_VECTOR.upper()),
    "base64 instead of hex": raw(BODY, "p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="),
    "over the body alone": raw(
        BODY, "a7c4bec624274e0583e51a23a608d821864bd8b83341558a4c0e3df8294695b6"
    ),
    "another id": raw(BODY, CURRENT_VECTOR, guid=GUID[:-1] + "2"),
    "written again": raw(b'{"id": 1001, "status": "ready"}', CURRENT_VECTOR),
    "not ASCII": raw(BODY, "é" * 64),
    "another tenant's secret": signed(BODY, CURRENT, "somebody-elses"),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused(forged: Raw) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(forged, [SECRET])


def test_without_a_secret_nobody_gets_in() -> None:
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(raw(BODY, CURRENT_VECTOR), secrets)


def test_the_age_of_a_request_cannot_be_seen_so_a_replay_is_known_by_its_content() -> None:
    """Deliveroo signs no time: ten minutes ahead or a year old look alike."""
    for now in (at(0) + timedelta(days=365), at(0) - timedelta(minutes=10)):
        SOURCE.authenticate(raw(BODY, CURRENT_VECTOR, received_at=now), [SECRET])
    body = json.dumps(order_body()).encode()
    first, again = SOURCE.identify(raw(body)), SOURCE.identify(raw(body, guid=GUID[:-1] + "9"))
    assert first == again
    other = json.dumps(order_body(display_id="9")).encode()
    assert SOURCE.identify(raw(other)) != first


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{}", b'{"event": true}', b"[" * 5000])
def test_what_names_no_event_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


# -- orders -------------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = read(order_body("order.new"))
    assert (event.external_id, event.display_number) == (ORDER_ID, "1753")
    assert (event.status, event.source_status, event.unmapped_status) == ("placed", "placed", "")
    assert (event.total_minor, event.currency) == (1770, "GBP")
    assert (event.fulfilment_type, event.location) == ("delivery", "site-1")
    assert (event.clock.at, event.occurred_at, event.placed_at) == (at(0, 2), at(0, 2), at(0, 2))
    assert event.note == "No pickles, please"
    assert event.attributes == {"order_number": "73001753"}
    assert [group.ready_at for group in event.groups] == [at(25)]
    assert event.may_create
    assert not event.test


def test_items_are_known_by_their_place_and_say_what_was_chosen() -> None:
    lines = read(order_body()).lines
    assert [(one.line_id, one.name, one.quantity, one.sku) for one in lines] == [
        ("1", "Margherita", "2", "M1"),
        ("2", "Cola 330", "1", ""),
    ]
    assert lines[0].note == "Olives, 2 × Chilli"


def test_the_number_is_masked_and_has_a_code() -> None:
    contact = read(order_body()).contact
    assert contact is not None
    assert contact.proxy
    assert (contact.phone, contact.phone_pin) == ("+442033221100", "482913")
    assert (contact.given_name, contact.email) == ("Ada", "")


def test_an_order_without_a_customer_has_no_contact() -> None:
    assert read(order_body(customer=None)).contact is None
    assert read(order_body(customer={"contact_access_code": "1"})).contact is None


TABLE = [
    ("pending", "placed"),
    ("placed", "placed"),
    ("accepted", "confirmed"),
    ("confirmed", "preparing"),
    ("rejected", "cancelled"),
    ("canceled", "cancelled"),
    ("delivered", "delivered"),
]


@pytest.mark.parametrize(("word", "status"), TABLE)
def test_the_status_follows_the_table(word: str, status: str) -> None:
    event = read(order_body(status_log=log(("00:02", "placed"), ("05:00", word))))
    assert (event.status, event.source_status) == (status, word)
    assert event.cancel_reason == (word if status == "cancelled" else "")


def test_the_newest_entry_of_the_log_counts_wherever_it_stands() -> None:
    """Deliveroo calls it the source of truth; the calls themselves come in any order."""
    entries = log(("09:00", "canceled"), ("00:02", "placed"), ("04:00", "accepted"))
    event = read(order_body(status="accepted", status_log=entries))
    assert (event.status, event.clock.at) == ("cancelled", at(9))


def test_of_one_second_the_last_entry_counts() -> None:
    entries = log(("00:02", "placed"), ("00:02", "accepted"))
    assert read(order_body(status_log=entries)).status == "confirmed"


def test_without_a_log_the_status_itself_counts_and_there_is_no_clock() -> None:
    event = read(order_body(status="accepted", status_log=[]))
    assert (event.status, event.clock.at) == ("confirmed", None)


def test_an_unknown_word_is_reported_and_never_guessed() -> None:
    body = order_body(status_log=log(("03:00", "on_a_drone")))
    event = read(body)
    assert (event.status, event.unmapped_status) == ("", "on_a_drone")
    assert read(body, status_map={"on_a_drone": "out_for_delivery"}).status == "out_for_delivery"
    ignored = json.dumps(body).encode()
    settings = {"status_map": {"on_a_drone": "ignore"}}
    assert SOURCE.map("order.status_update", {}, ignored, settings) == []


def test_a_rejection_may_say_why() -> None:
    entries = log(("03:00", "rejected"))
    assert read(order_body(status_log=entries, reject_reason="busy")).cancel_reason == "busy"


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("deliveroo", "delivery"),
        ("restaurant", "delivery"),
        ("customer", "pickup"),
        ("table_service", "dine_in"),
        ("autonomous", ""),
    ],
)
def test_how_an_order_reaches_the_customer(kind: str, method: str) -> None:
    assert read(order_body(fulfillment_type=kind)).fulfilment_type == method


def test_a_restaurants_own_delivery_has_a_time_at_the_door() -> None:
    delivery = {"estimated_delivery_at": "2026-11-21T18:40:00Z"}
    (group,) = read(order_body(fulfillment_type="restaurant", delivery=delivery)).groups
    assert (group.ready_at, group.deliver_to) == (at(25), at(40))


def test_an_order_that_is_made_again_names_the_first() -> None:
    event = read(order_body(remake_details={"parent_order_id": "gb:1", "fault": "restaurant"}))
    assert event.attributes["parent_external_id"] == "gb:1"


def test_the_old_events_are_understood() -> None:
    new, gone = read(legacy_body()), read(legacy_body("cancel_order"))
    assert (new.external_id, new.status, new.may_create) == (ORDER_ID, "placed", True)
    assert (gone.external_id, gone.status, gone.may_create) == (ORDER_ID, "cancelled", False)
    assert (gone.cancel_reason, gone.clock.at) == ("canceled", None)


def test_an_answer_of_the_api_is_an_order_too() -> None:
    assert mapped(SOURCE, "api", order()).external_id == ORDER_ID


@pytest.mark.parametrize("amount", [None, -1, "17.70", 17.5, True, 10**13])
def test_an_amount_of_the_wrong_kind_is_none(amount: Any) -> None:
    price = {"fractional": amount, "currency_code": "GBP"}
    assert read(order_body(total_price=price)).total_minor is None


def test_names_of_every_script_are_kept_and_their_tricks_are_not() -> None:
    customer = {"first_name": "Zoë\r\nStop \u202e王", "contact_number": "+442033221100"}
    contact = read(order_body(customer=customer)).contact
    assert contact is not None
    assert contact.name == "Zoë Stop 王"


def test_a_large_number_as_id_stays_exact() -> None:
    assert read(order_body(id=820982911946154508)).external_id == "820982911946154508"


@pytest.mark.parametrize("topic", ["menu.upload_result", "delivery.update_status"])
def test_what_is_not_about_an_order_says_so(topic: str) -> None:
    with pytest.raises(Unmappable, match="not about an order"):
        SOURCE.map(topic, {}, b'{"event": "x"}', {})


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"body": {"order": {}}}', b'{"body": 5}'])
def test_a_body_without_an_order_says_so(body: bytes) -> None:
    with pytest.raises(Unmappable):
        SOURCE.map("order.new", {}, body, {})
    with pytest.raises(Unmappable):
        SOURCE.map("rider.status_update", {}, body, {})


# -- riders -------------------------------------------------------------------------------------

ON_THE_WAY = ("20:00", "rider_in_transit")


def test_a_rider_on_the_way_moves_the_part_and_not_the_order() -> None:
    event = read(rider_body(rider(("10:00", "rider_assigned"), ON_THE_WAY)))
    (group,) = event.groups
    assert (event.external_id, event.status, event.may_create) == (ORDER_ID, "", False)
    assert (group.status, group.courier) == ("out_for_delivery", "Marco P.")
    assert group.clock is not None
    assert (group.clock.at, event.occurred_at) == (at(20), at(20))


@pytest.mark.parametrize(
    "word",
    ["rider_assigned", "rider_arrived", "rider_confirmed_at_restaurant", "rider_check_in"],
)
def test_a_rider_before_pickup_is_shown_and_moves_nothing(word: str) -> None:
    event = read(rider_body(rider(("10:00", word))))
    assert (event.groups[0].status, event.groups[0].sub_status) == ("", word)
    assert event.unmapped_status == ""


def test_a_rider_who_is_nearly_there_is_arriving() -> None:
    (group,) = read(rider_body(rider(ON_THE_WAY, ("25:00", "rider_nearby")))).groups
    assert (group.status, group.sub_status) == ("out_for_delivery", "arriving")


def test_a_rider_who_gave_up_does_not_count_and_is_no_pickup() -> None:
    gone = rider(("10:00", "rider_assigned"), ("12:00", "rider_unassigned"), name="Gone")
    event = read(rider_body(gone))
    assert event.groups == []
    other = rider(("13:00", "rider_assigned"), ON_THE_WAY)
    (group,) = read(rider_body(gone, other)).groups
    assert (group.status, group.courier) == ("out_for_delivery", "Marco P.")


def test_with_two_riders_the_order_is_as_far_as_the_slower() -> None:
    slow = rider(("19:00", "rider_arrived"), name="Slow")
    (group,) = read(rider_body(rider(ON_THE_WAY), slow)).groups
    assert (group.status, group.sub_status, group.courier) == ("", "rider_arrived", "Slow")


def test_an_unknown_word_of_a_rider_is_reported() -> None:
    event = read(rider_body(rider(("10:00", "rider_teleported"))))
    assert (event.unmapped_status, event.groups[0].status) == ("rider_teleported", "")


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {}, [None], [[]], {"a": 1}, True])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    for name in order():
        if name != "id":
            assert read(order_body(**{name: wrong})).external_id == ORDER_ID
    for name in ("full_name", "status_log"):
        one = rider(ON_THE_WAY) | {name: wrong}
        assert read(rider_body(one)).external_id == ORDER_ID


def test_the_rules_about_contacts_are_said() -> None:
    assert SOURCE.approval.startswith("Needs Deliveroo's approval")
    assert "No SMS" in SOURCE.contact_use
    assert SOURCE.contact_hours == 2


# -- on the timeline ----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("late_first", [True, False])
def test_calls_in_any_order_end_alike(late_first: bool) -> None:
    new = order_body("order.new")
    entries = log(("00:02", "placed"), ("04:00", "accepted"))
    accepted = order_body(status_log=entries)
    hook = connected("deliveroo")
    for body in (accepted, new) if late_first else (new, accepted):
        arrive(hook, body)
    assert Order.objects.get().status == "confirmed"
    assert steps().count("confirmed") == 1


@pytest.mark.django_db
def test_a_new_time_from_the_kitchen_is_told_once() -> None:
    hook = connected("deliveroo")
    arrive(hook, order_body("order.new"))
    entries = log(("00:02", "placed"), ("04:00", "accepted"))
    later: dict[str, Any] = {"status_log": entries, "prepare_for": "2026-11-21T18:35:00Z"}
    arrive(hook, order_body(**later))
    arrive(hook, order_body(**later, order_notes="again"))
    assert StatusChange.objects.filter(fact="eta").count() == 1
    assert Order.objects.get().groups.get().ready_at == at(35)
