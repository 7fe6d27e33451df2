"""Just Eat: the key, events by name or shape, words without a clock, and the masked number."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders import intake
from orders.contract import BadSignature, Malformed, OrderEvent, Raw, Unmappable
from orders.models import InboundEvent, Order
from orders.normalising import normalise
from orders.sources.just_eat.source import SOURCE
from orders.sources.just_eat.statuses import spelled
from orders.statuses import Fact
from tests.orders.sources.arriving import NOW, arrive, connected, states, steps
from tests.orders.sources.bodies import mapped
from tests.orders.sources.just_eat_bodies import driver, order, word

KEY = "a-long-random-key"
HOOK = "https://hub.example.com/hooks/abc/"


def at(minute: int) -> datetime:
    return datetime(2026, 11, 21, 18, minute, tzinfo=UTC)


def raw(body: Any = b"{}", authorization: str = "", url: str = HOOK, **settings: Any) -> Raw:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": authorization} if authorization else {}
    return Raw(headers, written, url=url, settings=settings)


def topic(body: Any, query: str = "") -> str:
    return SOURCE.identify(raw(body, url=HOOK + query))[0].topic


def read(body: dict[str, Any], query: str = "", **settings: Any) -> OrderEvent:
    """What becomes of `body` on its way through identify and map."""
    return mapped(SOURCE, topic(body, query), body, settings)


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode()


# -- the key ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [KEY, f"Bearer {KEY}", f"bearer  {KEY}", f"JE-API-KEY {KEY}", f" {KEY} ", basic(KEY)]
)
def test_the_key_opens_in_each_of_its_forms(given: str) -> None:
    SOURCE.authenticate(raw(authorization=given), [KEY])
    SOURCE.authenticate(raw(authorization=given), ["newer", KEY])


def test_basic_holds_user_and_password() -> None:
    SOURCE.authenticate(raw(authorization=basic("hub:geheim-ß")), ["hub:geheim-ß"])


FORGERIES = {
    "missing": "",
    "wrong": "Bearer another-key",
    "truncated": KEY[:-1],
    "longer": KEY + "x",
    "in capitals": KEY.upper(),
    "another kind": f"Digest {KEY}",
    "the kind alone": "Bearer",
    "basic with the plain key": f"Basic {KEY}",
    "basic of another": basic("hub:other"),
    "not ASCII": "Bearer ключ",
}


@pytest.mark.parametrize("given", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused(given: str) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(authorization=given), [KEY])


@pytest.mark.parametrize("given", ["", "Bearer ", basic(""), "Bearer x"])
def test_without_a_secret_nobody_gets_in(given: str) -> None:
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(raw(authorization=given), secrets)


def test_the_key_may_come_in_another_header() -> None:
    request = Raw({"x-hub-key": KEY}, b"{}", settings={"auth_header": "X-Hub-Key"})
    SOURCE.authenticate(request, [KEY])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw({"x-hub-key": KEY}, b"{}"), [KEY])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw(authorization=KEY, auth_header="X-Hub-Key"), [KEY])


# -- which event --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("OrderAccepted", "order-accepted"),
        ("OnItsWay", "on-its-way"),
        ("Ready for pickup", "ready-for-pickup"),
        ("order_cancelled", "order-cancelled"),
        (" driver-at-restaurant ", "driver-at-restaurant"),
    ],
)
def test_a_name_is_spelled_one_way(written: str, ours: str) -> None:
    assert spelled(written) == ours


def test_the_body_names_its_event_before_the_address_does() -> None:
    assert topic(word("OrderAccepted"), "?event=order-cancelled") == "order-accepted"
    assert topic(order(), "?event=order-ready-for-preparation-sync") == (
        "order-ready-for-preparation-sync"
    )
    assert topic(order()) == "order"
    assert topic({"OrderId": "1", "Location": {}, "TimeStamp": "x"}) == "driver-location"
    assert topic({"OrderId": "1"}) == "event"


def test_a_repeat_is_known_by_its_content() -> None:
    first = SOURCE.identify(raw(word("OrderAccepted")))
    assert SOURCE.identify(raw(word("OrderAccepted"))) == first
    assert SOURCE.identify(raw(word("OrderAccepted", AcceptedFor="x"))) != first
    ready = SOURCE.identify(raw(order(), url=HOOK + "?event=order-ready-for-preparation"))
    assert ready != SOURCE.identify(raw(order()))


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{}", b'{"Items": 5}', b"[" * 5000])
def test_what_says_nothing_is_refused_on_arrival(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(raw(body))


# -- a whole order ------------------------------------------------------------------------------


def test_an_order_is_read_whole() -> None:
    event = read(order())
    assert (event.external_id, event.display_number) == ("abc123XYZ", "JE0042")
    assert (event.status, event.unmapped_status) == ("placed", "")
    assert (event.total_minor, event.currency) == (1925, "GBP")
    assert (event.fulfilment_type, event.location) == ("delivery", "I-100")
    assert (event.placed_at, event.occurred_at) == (at(0), at(0))
    assert event.note == "Blue door; No onions"
    assert [group.deliver_to for group in event.groups] == [datetime(2026, 11, 21, 19, tzinfo=UTC)]
    assert event.may_create
    assert event.clock.at is None


def test_items_are_known_by_their_place_and_say_what_is_in_them() -> None:
    event = read(order())
    assert [(one.line_id, one.name, one.quantity, one.sku) for one in event.lines] == [
        ("1", "Box meal (Large)", "2", "77"),
        ("2", "Milkshake", "1", "78"),
    ]
    assert event.lines[0].note == "Fries, 2 × Cola (330ml)"
    assert event.lines_complete


def test_every_number_counts_as_masked() -> None:
    contact = read(order()).contact
    assert contact is not None
    assert contact.proxy
    assert (contact.phone, contact.phone_pin) == ("+442033221100", "482913")
    assert (contact.name, contact.external_id) == ("Ada Lovelace", "90210")
    bare = read(order(Fulfilment={"PhoneNumber": "+442033221100"})).contact
    assert bare is not None
    assert bare.proxy
    assert read(order(Customer=None, Fulfilment={})).contact is None


def test_a_collection_is_awaited_at_the_counter() -> None:
    fulfilment = {"Method": "Collection", "CustomerDueDate": "2026-11-21T18:30:00Z"}
    event = read(order(Fulfilment=fulfilment))
    assert event.fulfilment_type == "pickup"
    assert [(group.ready_at, group.deliver_to) for group in event.groups] == [(at(30), None)]


def test_the_kitchens_time_comes_before_the_customers() -> None:
    fulfilment = {
        "Method": "Delivery",
        "CustomerDueDate": "2026-11-21T18:50:00Z",
        "PrepareFor": "2026-11-21T18:20:00Z",
    }
    (group,) = read(order(Fulfilment=fulfilment)).groups
    assert (group.ready_at, group.deliver_to) == (at(20), at(50))


def test_an_order_for_the_kitchen_is_confirmed_and_happens_now() -> None:
    event = read(order(), "?event=order-ready-for-preparation-async")
    assert (event.status, event.occurred_at, event.placed_at) == ("confirmed", None, at(0))


def test_notes_may_be_a_list_of_keys_and_values() -> None:
    notes = [{"Key": "Floor", "Value": "5th floor"}, {"Key": "Code", "Value": "1234"}]
    assert read(order(CustomerNotes=notes)).note == "5th floor; 1234"


def test_a_test_order_says_so() -> None:
    assert read(order(IsTest=True)).test
    assert not read(order(IsTest="no")).test
    assert read(word("OrderCancelled", Reason="system_cancelled_test_order")).test


def test_the_partners_own_reference_is_the_second_choice() -> None:
    assert read(order(Restaurant={"Refererence": "R-7"})).location == "R-7"
    assert read(order(Restaurant=None)).location == ""


# -- words about an order -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("OrderAccepted", "confirmed"),
        ("order-is-ready-for-pickup", "ready"),
        ("Ready for pickup", "ready"),
        ("OrderRejected", "cancelled"),
        ("OrderCancelled", "cancelled"),
    ],
)
def test_a_word_moves_an_order_that_is_known(event: str, status: str) -> None:
    said = read(word(event))
    assert (said.external_id, said.status, said.may_create) == ("abc123XYZ", status, False)


def test_a_cancellation_says_why() -> None:
    reason = read(word("OrderCancelled", Reason="rest_cancelled_too_busy")).cancel_reason
    assert reason == "rest_cancelled_too_busy"
    rejected = read(
        word("OrderRejected", RejectedReason="Kitchen full", RejectedAt="2026-11-21T18:03:00Z")
    )
    assert (rejected.cancel_reason, rejected.occurred_at) == ("Kitchen full", at(3))


def test_the_time_that_was_agreed_is_not_the_time_of_the_event() -> None:
    event = read(word("OrderAccepted", AcceptedFor="2026-11-21T19:00:00Z"))
    assert (event.occurred_at, event.clock.at) == (None, None)
    assert event.attributes == {"accepted_for": "2026-11-21T19:00:00+00:00"}


@pytest.mark.parametrize("event", ["OrderRejected", "Ready for pickup", "order-accepted"])
def test_a_word_without_an_order_says_what_to_ask_for(event: str) -> None:
    with pytest.raises(Unmappable, match="without OrderId"):
        read({"Event": event})


def test_an_unknown_event_is_reported_and_never_guessed() -> None:
    event = read(word("OrderTeleported"))
    assert (event.status, event.unmapped_status) == ("", "order-teleported")
    assert read(word("OrderTeleported"), status_map={"order-teleported": "ready"}).status == "ready"


def test_own_words_override_the_table() -> None:
    own = {"order-ready-for-preparation": "preparing", "order-accepted": "ignore"}
    event = read(order(), "?event=order-ready-for-preparation", status_map=own)
    assert event.status == "preparing"
    body = json.dumps(word("OrderAccepted")).encode()
    assert SOURCE.map("order-accepted", {}, body, {"status_map": own}) == []


@pytest.mark.parametrize(
    "name",
    ["driver-location", "late-order-query", "redelivery-requested", "menu-ingestion-complete"],
)
def test_what_nobody_waits_for_is_ignored(name: str) -> None:
    assert SOURCE.map(name, {}, b'{"OrderId": "1"}', {}) == []


def test_a_failed_delivery_is_a_fact_and_no_status() -> None:
    event = read(word("delivery-failed"))
    assert (event.status, event.unmapped_status) == ("", "")
    assert event.facts == [(Fact.FAILED, {})]


def test_an_order_that_did_not_reach_the_till_is_shown_in_the_inbox() -> None:
    assert read({"OrderId": "1"}, "?event=send-to-pos-failed").unmapped_status == (
        "send-to-pos-failed"
    )


# -- drivers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "status", "sub_status"),
    [
        ("DriverAssigned", "", "driver-assigned"),
        ("DriverAtRestaurant", "", "driver-at-restaurant"),
        ("OnItsWay", "out_for_delivery", "on-its-way"),
        ("AtDeliveryAddress", "out_for_delivery", "arriving"),
        ("Delivered", "delivered", "delivered"),
    ],
)
def test_a_driver_moves_the_part_by_a_clock_of_its_own(
    event: str, status: str, sub_status: str
) -> None:
    said = read(driver(event, EstimatedDeliveryTime="2026-11-21T18:55:00Z"))
    (group,) = said.groups
    assert (said.status, said.unmapped_status, said.may_create) == ("", "", False)
    assert (group.status, group.sub_status, group.courier) == (status, sub_status, "Marco")
    assert group.clock is not None
    assert (group.clock.at, said.occurred_at, group.deliver_to) == (at(40), at(40), at(55))
    assert "+447700900000" not in repr(said)


@pytest.mark.parametrize("wrong", [None, 5, "x", [], {}, [None], [[]], {"a": 1}, True])
def test_a_member_of_the_wrong_kind_never_breaks_the_reader(wrong: Any) -> None:
    for name in order():
        if name != "OrderId":
            assert mapped(SOURCE, "order", order(**{name: wrong})).external_id == "abc123XYZ"
    for name in ("TimeStamp", "DriverName", "EstimatedDeliveryTime"):
        body = driver("OnItsWay") | {name: wrong}
        assert mapped(SOURCE, "on-its-way", body).external_id == "abc123XYZ"


def test_the_rules_about_contacts_are_said() -> None:
    assert SOURCE.approval.startswith("Needs a partner agreement")
    assert "No SMS" in SOURCE.contact_use
    assert SOURCE.contact_hours == 2


# -- on the timeline ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_words_without_a_clock_only_move_an_order_forward() -> None:
    hook = connected("just_eat")
    arrive(hook, order())
    for body in (word("OrderAccepted"), driver("OnItsWay"), word("OrderAccepted", AcceptedFor="")):
        arrive(hook, body)
    kept = Order.objects.get()
    assert (kept.status, kept.groups.get().courier) == ("out_for_delivery", "Marco")
    later = {**driver("Delivered"), "TimeStamp": "2026-11-21T18:59:00Z"}
    arrive(hook, later)
    arrive(hook, driver("AtDeliveryAddress"))
    assert Order.objects.get().status == "delivered"
    assert steps() == ["placed", "confirmed", "out_for_delivery", "delivered"]


@pytest.mark.django_db
def test_a_word_that_comes_before_its_order_waits_for_it() -> None:
    hook = connected("just_eat")
    arrive(hook, word("OrderCancelled", Reason="cust_cancelled_other"))
    assert states() == ["waiting"]
    arrive(hook, order())
    normalise(100, NOW + timedelta(minutes=20))
    assert states() == ["processed", "processed"]
    kept = Order.objects.get()
    assert (kept.status, kept.cancel_reason) == ("cancelled", "cust_cancelled_other")


@pytest.mark.django_db
def test_the_key_lets_in_and_nothing_else_does() -> None:
    hook = connected("just_eat")
    assert intake.receive(hook, raw(order(), "Bearer test_secret"), NOW).ids
    assert intake.receive(hook, raw(order(), "test_secret"), NOW).duplicates == 1
    with pytest.raises(BadSignature):
        intake.receive(hook, raw(order(), "Bearer test_secre"), NOW)
    row = InboundEvent.objects.get()
    assert "test_secret" not in json.dumps(row.headers)
