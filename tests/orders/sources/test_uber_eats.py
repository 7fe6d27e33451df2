"""Uber Eats: notifications that point, and the orders that are fetched for them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orders import uber_api
from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Malformed,
    NoAccess,
    OrderEvent,
    Raw,
    TokenRefused,
    TryLater,
    Unmappable,
)
from orders.loading import Word
from orders.models import Order
from orders.signatures import sign
from orders.sources.uber_eats.sandbox import HELD, UberEatsStandIn, demo_credentials
from orders.sources.uber_eats.source import SOURCE
from orders.statuses import Fact
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.uber_eats_bodies import eats_leg, eats_order, notification

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "payloads"
SAMPLES = Path(os.environ.get("SAMPLE_PAYLOADS", BESIDE)) / "ubereats"
NOW = datetime(2026, 11, 21, 18, 31, tzinfo=UTC)
SENT = datetime.fromtimestamp(1795285800, UTC)
BODY, SECRET = b'{"id":1001,"status":"ready"}', "test_secret"
VECTOR = "a7c4bec624274e0583e51a23a608d821864bd8b83341558a4c0e3df8294695b6"


def seen(
    kind: str = "orders.notification",
    settings: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    **order: Any,
) -> OrderEvent:
    """What becomes of a notification whose order was fetched."""
    event, answer = (json.dumps(one).encode() for one in (notification(kind), eats_order(**order)))
    return mapped(SOURCE, kind, uber_api.together(event, answer), settings, headers)


# -- the signature ------------------------------------------------------------------------------


def test_the_known_signature_is_accepted() -> None:
    SOURCE.authenticate(Raw({"x-uber-signature": VECTOR}, BODY), ["newer", SECRET])


FORGERIES: dict[str, tuple[dict[str, str], bytes, list[str]]] = {
    "missing": ({}, BODY, [SECRET]),
    "empty": ({"x-uber-signature": " "}, BODY, [SECRET]),
    "wrong": ({"x-uber-signature": "f" * 64}, BODY, [SECRET]),
    "truncated": ({"x-uber-signature": VECTOR[:32]}, BODY, [SECRET]),
    "capitals": ({"x-uber-signature": VECTOR.upper()}, BODY, [SECRET]),
    "another tenant's secret": ({"x-uber-signature": VECTOR}, BODY, ["theirs"]),
    "no secret": ({"x-uber-signature": VECTOR}, BODY, []),
    "written anew": ({"x-uber-signature": VECTOR}, json.dumps(json.loads(BODY)).encode(), [SECRET]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    headers, body, secrets = FORGERIES[name]
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw(headers, body), secrets)


def test_a_name_in_another_script_is_signed_as_its_bytes() -> None:
    body = '{"name":"كريم é"}'.encode()
    signature = sign(uber_api.SIGNED, Raw({}, body), SECRET)
    SOURCE.authenticate(Raw({"x-uber-signature": signature}, body), [SECRET])
    escaped = json.dumps(json.loads(body)).encode()
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw({"x-uber-signature": signature}, escaped), [SECRET])


def test_a_repeat_is_recognised_by_the_notifications_id() -> None:
    (item,) = SOURCE.identify(Raw({}, json.dumps(notification()).encode()))
    assert item.event_key == "orders.notification:c4d2261e-2779-4eb6-beb0-cb41235c751e"
    assert item.topic == "orders.notification"
    (bare,) = SOURCE.identify(Raw({}, b'{"event_type":"orders.release"}'))
    assert len(bare.event_key) == len("orders.release:") + 64


@pytest.mark.parametrize("body", [b"[]", b"{", b"null"])
def test_what_is_no_notification_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


# -- the order ----------------------------------------------------------------------------------


def test_a_fetched_order_is_whole() -> None:
    event = seen()
    assert (event.external_id, event.display_number, event.status) == (
        "f9f363d1",
        "BC953",
        "confirmed",
    )
    assert (event.currency, event.total_minor, event.location) == ("USD", 1399, "store-uuid")
    assert (event.fulfilment_type, event.may_create) == ("delivery", True)
    assert event.placed_at == datetime(2026, 11, 21, 18, 16, 54, tzinfo=UTC)
    assert event.groups[0].ready_at == datetime(2026, 11, 21, 18, 36, 54, tzinfo=UTC)
    assert event.clock.at == SENT
    assert [(one.line_id, one.name, one.quantity, one.note) for one in event.lines] == [
        ("Muffin-1", "Fresh-baked muffin", "2", "Chocolate deluxe"),
        ("Coffee-1", "Coffee", "1", "iced please"),
    ]
    assert event.lines_complete


def test_the_number_is_masked_has_its_pin_and_is_never_taken_for_the_guests() -> None:
    contact = seen().contact
    assert contact is not None
    assert (contact.phone, contact.phone_pin, contact.proxy) == (
        "+1 202-555-0143",
        "555 55 555",
        True,
    )
    assert (contact.name, contact.given_name, contact.country) == ("Larry", "Larry", "US")
    assert (contact.email, contact.external_id) == ("", "")
    assert SOURCE.contact_hours == 1


@pytest.mark.django_db
def test_a_masked_number_makes_no_customer_and_is_kept_as_masked() -> None:
    connection: Any = ConnectionFactory(source="uber_eats")
    record([Word(seen(), connection)], NOW)
    order = Order.objects.get()
    assert order.contact_proxy
    assert order.customer is None


def test_a_pin_without_a_usable_number_is_not_kept() -> None:
    contact = seen(
        eater={"first_name": "Larry", "phone": "555-555-SHIP", "phone_code": "1"}
    ).contact
    assert contact is not None
    assert (contact.phone, contact.phone_pin) == ("", "")
    assert seen(eater=None).contact is None


def test_uber_delivers_is_told_to_the_rules() -> None:
    assert seen().attributes == {"delivered_by": "uber", "reference": "Check 146"}
    assert seen(type="PICK_UP").attributes == {"reference": "Check 146"}


def test_what_the_till_calls_it_is_no_name_to_find_an_order_by() -> None:
    assert list(seen().aliases) == []


def test_the_store_may_be_named_in_three_ways() -> None:
    for name, expected in (
        ("id", "store-uuid"),
        ("integrator_store_id", "Store123"),
        ("merchant_store_id", "main-street"),
        ("nonsense", "store-uuid"),
        (7, "store-uuid"),
    ):
        assert seen(settings={"store_id": name}).location == expected


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("CREATED", "placed"),
        ("ACCEPTED", "confirmed"),
        ("DENIED", "cancelled"),
        ("CANCELED", "cancelled"),
        ("FINISHED", ""),
        ("", ""),
    ],
)
def test_each_state_of_an_order(word: str, status: str) -> None:
    event = seen(current_state=word)
    assert (event.status, event.unmapped_status, event.source_status) == (status, "", word)


def test_an_unknown_state_is_not_guessed_and_may_be_mapped() -> None:
    assert seen(current_state="SHELVED").unmapped_status == "SHELVED"
    event = seen(settings={"status_map": {"FINISHED": "delivered"}}, current_state="FINISHED")
    assert (event.status, event.unmapped_status) == ("delivered", "")


def test_a_release_starts_the_kitchen_but_revives_nothing() -> None:
    assert seen("orders.release").status == "preparing"
    assert seen("orders.release", current_state="CREATED").status == "preparing"
    assert seen("orders.release", current_state="CANCELED").status == "cancelled"


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("DELIVERY_BY_UBER", "delivery"),
        ("DELIVERY_BY_RESTAURANT", "delivery"),
        ("PICK_UP", "pickup"),
        ("DINE_IN", "dine_in"),
        ("TELEPORT", ""),
    ],
)
def test_how_it_reaches_the_guest(kind: str, method: str) -> None:
    event = seen(type=kind)
    assert (event.fulfilment_type, event.groups[0].method) == (method, method)


LEGS = [
    ("SCHEDULED", "", "courier_wanted"),
    ("EN_ROUTE_TO_PICKUP", "", "courier_assigned"),
    ("ARRIVED_AT_PICKUP", "", "courier_at_store"),
    ("EN_ROUTE_TO_DROPOFF", "out_for_delivery", "on_the_way"),
    ("ARRIVED_AT_DROPOFF", "out_for_delivery", "arriving"),
    ("COMPLETED", "delivered", "delivered"),
    ("FAILED", "", "delivery_failed"),
]


@pytest.mark.parametrize(("word", "status", "where"), LEGS)
def test_each_state_of_a_delivery(word: str, status: str, where: str) -> None:
    event = seen(deliveries=[eats_leg(word)])
    (part,) = event.groups
    assert (part.status, part.sub_status, part.source_status) == (status, where, word)
    assert (part.courier, list(part.aliases)) == ("Bruce", ["65d700da"])
    assert [fact for fact, _data in event.facts] == ([Fact.FAILED] if word == "FAILED" else [])
    assert event.unmapped_status == ""


def test_of_two_couriers_the_one_who_is_least_far_counts() -> None:
    legs = [eats_leg("COMPLETED"), eats_leg("EN_ROUTE_TO_DROPOFF", id="two", first_name="Ann")]
    (part,) = seen(deliveries=legs).groups
    assert (part.status, part.courier) == ("out_for_delivery", "Bruce, Ann")


def test_an_unknown_state_of_a_delivery_is_not_guessed() -> None:
    event = seen(deliveries=[eats_leg("BEAMING")])
    assert (event.unmapped_status, event.groups[0].status) == ("BEAMING", "")


def test_the_same_dish_twice_is_two_lines() -> None:
    cart = {"items": [{"id": "a", "title": "A"}, {"id": "a", "title": "A"}, {"title": "B"}]}
    assert [one.line_id for one in seen(cart=cart).lines] == ["a", "a:2", "item3"]


def test_money_that_is_no_whole_number_is_left_out() -> None:
    for amount in ("13.99", 13.99, True, None):
        total = {"charges": {"total": {"amount": amount, "currency_code": "USD"}}}
        assert seen(payment=total).total_minor is None


def test_the_sandbox_of_uber_is_a_test() -> None:
    assert seen(headers={"x-environment": "sandbox"}).test
    assert not seen(headers={"x-environment": "production"}).test
    ended = json.dumps(notification("orders.cancel")).encode()
    assert mapped(SOURCE, "", ended, headers={"x-environment": "Sandbox"}).test


# -- notifications that are not followed ---------------------------------------------------------


@pytest.mark.parametrize("kind", ["orders.cancel", "orders.failure"])
def test_an_end_is_known_without_asking(kind: str) -> None:
    body = json.dumps(notification(kind)).encode()
    assert SOURCE.ask(kind, {}, body, api()) is None
    event = mapped(SOURCE, kind, body)
    assert (event.external_id, event.status) == ("sandbox-created", "cancelled")
    assert (event.clock.at, event.may_create) == (SENT, False)


def test_a_store_that_opens_or_closes_is_no_news_of_an_order() -> None:
    body = json.dumps(notification("store.provisioned")).encode()
    assert SOURCE.map("store.provisioned", {}, body, {}) == []
    assert SOURCE.ask("store.provisioned", {}, body, api()) is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (notification(), "client_id and client_secret"),
        (notification("eats.report.success"), "Unsubscribe"),
        (notification("orders.cancel", meta={}), "names no order"),
        ({}, "no id"),
        ([], "no object"),
    ],
)
def test_what_cannot_be_said_goes_to_the_inbox(body: Any, sentence: str) -> None:
    with pytest.raises(Unmappable, match=sentence):
        SOURCE.map("", {}, json.dumps(body).encode(), {})


# -- fetching -----------------------------------------------------------------------------------


def api(**more: str) -> Api:
    return Api(
        "https://stand-in.example", demo_credentials(), {}, more.get("token", uber_api.GRANTED)
    )


def pointing_at(order_id: Any) -> bytes:
    return json.dumps(notification(meta={"resource_id": order_id})).encode()


def ask(body: bytes, using: Api | None = None) -> Ask:
    found = SOURCE.ask("", {}, body, using or api())
    assert found is not None
    return found


def test_the_question_goes_to_ubers_own_address_whatever_the_body_says() -> None:
    found = ask(pointing_at("153dd7f1-339d"))
    assert (found.method, found.url) == (
        "GET",
        "https://stand-in.example/v2/eats/order/153dd7f1-339d",
    )
    for hostile in ("../oauth/v2/token", "a?b=c", "a#b", "a b", "", None, {"x": 1}):
        assert SOURCE.ask("", {}, pointing_at(hostile), api()) is None
    assert SOURCE.ask("", {}, pointing_at("153dd7f1"), Api("https://x.example")) is None


@pytest.mark.parametrize("order_id", [one for one in HELD if not one.endswith("late")])
def test_from_a_notification_to_the_order(order_id: str) -> None:
    body = pointing_at(order_id)
    event = mapped(SOURCE, "", SOURCE.fetched("", body, UberEatsStandIn().handle(ask(body))))
    state, _kind, delivery = HELD[order_id]
    assert (event.external_id, event.source_status) == (order_id, state)
    assert event.groups[0].source_status == delivery
    assert event.unmapped_status == ""


def test_an_order_that_uber_does_not_know_yet_is_not_lost() -> None:
    stand_in, body = UberEatsStandIn(), pointing_at("sandbox-late")
    with pytest.raises(TryLater):
        SOURCE.fetched("", body, stand_in.handle(ask(body)))
    fetched = SOURCE.fetched("", body, stand_in.handle(ask(body)))
    assert mapped(SOURCE, "", fetched).external_id == "sandbox-late"


def test_answers_that_are_no_order() -> None:
    for order_id, refusal in (("x-busy", TryLater), ("x-broken", TryLater), ("x-denied", NoAccess)):
        body = pointing_at(order_id)
        with pytest.raises(refusal):
            SOURCE.fetched("", body, UberEatsStandIn().handle(ask(body)))
    body = pointing_at("sandbox-created")
    with pytest.raises(TokenRefused):
        SOURCE.fetched("", body, UberEatsStandIn().handle(ask(body, api(token="dead"))))


def test_a_token_with_the_scope_that_uber_gave() -> None:
    question = SOURCE.token_ask(api(), NOW)
    assert question is not None
    assert SOURCE.token(UberEatsStandIn().handle(question), NOW).value == uber_api.GRANTED
    bare = {name: demo_credentials()[name] for name in ("client_id", "client_secret")}
    question = SOURCE.token_ask(Api(SOURCE.base({}), bare), NOW)
    assert question is not None
    assert b"scope=eats.order" in question.body
    other = SOURCE.token_ask(Api("https://x.example", {**bare, "scope": "eats.deliveries"}), NOW)
    assert other is not None
    with pytest.raises(NoAccess):
        SOURCE.token(UberEatsStandIn().handle(other), NOW)


def test_it_says_that_uber_must_approve() -> None:
    assert "approval" in SOURCE.approval


# -- bodies that Uber has published -------------------------------------------------------------


def sample(name: str) -> bytes:
    path = SAMPLES / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no sample bodies in {SAMPLES}; set SAMPLE_PAYLOADS")
    return path.read_bytes()


def test_the_published_notification_and_order() -> None:
    body = sample("orders.notification-1")
    order_id = "153dd7f1-339d-4619-940c-418943c14636"
    assert ask(body).url.endswith(f"/v2/eats/order/{order_id}")
    event = mapped(SOURCE, "", uber_api.together(body, sample("order-get-1")))
    assert (event.external_id, event.display_number, event.status) == (
        "f9f363d1-e1c2-4595-b477-c649845bc953",
        "BC953",
        "placed",
    )
    assert (event.total_minor, event.currency, event.fulfilment_type) == (1399, "USD", "delivery")
    assert event.clock.at == datetime.fromtimestamp(1427343990, UTC)
    assert event.contact is not None
    assert (event.contact.phone_pin, event.contact.proxy, event.contact.country) == (
        "555 55 555",
        True,
        "US",
    )
    assert [one.line_id for one in event.lines] == [
        "Muffin-Instance",
        "CoffeeInstance",
        "Strawberry-Donut-Instance",
    ]
    (part,) = event.groups
    assert (part.status, part.sub_status, part.courier) == ("", "courier_at_store", "Bruce")
    assert event.unmapped_status == ""
