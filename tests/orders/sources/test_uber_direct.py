"""Uber Direct: legs of orders that another connection brings."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
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
    SourceError,
    TokenRefused,
    Told,
    TryLater,
    Unmappable,
)
from orders.loading import Word
from orders.models import Order, StatusChange
from orders.signatures import sign
from orders.sources.uber_direct.sandbox import STATUSES, UberDirectStandIn, demo_credentials
from orders.sources.uber_direct.source import SOURCE
from orders.statuses import Fact
from orders.timeline import record
from tests.factories import ConnectionFactory
from tests.orders.sources.bodies import mapped
from tests.orders.sources.uber_direct_bodies import delivery, older, status_event

NOW = datetime(2026, 11, 21, 18, 31, tzinfo=UTC)
BODY, SECRET = b'{"id":1001,"status":"ready"}', "test_secret"
VECTOR = "a7c4bec624274e0583e51a23a608d821864bd8b83341558a4c0e3df8294695b6"
OWN = {"creates_orders": True}


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{clock}:00+00:00")


def leg(status: str, settings: dict[str, Any] | None = None, **more: Any) -> OrderEvent:
    return mapped(SOURCE, "event.delivery_status", status_event(status, **more), settings)


# -- the signature ------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["x-uber-signature", "x-postmates-signature"])
def test_the_known_signature_is_accepted_under_both_names(header: str) -> None:
    SOURCE.authenticate(Raw({header: VECTOR}, BODY), [SECRET])
    SOURCE.authenticate(Raw({header: f"  {VECTOR} "}, BODY), ["newer", SECRET])


FORGERIES: dict[str, tuple[dict[str, str], bytes, list[str]]] = {
    "missing": ({}, BODY, [SECRET]),
    "empty": ({"x-uber-signature": ""}, BODY, [SECRET]),
    "wrong": ({"x-uber-signature": "0" * 64}, BODY, [SECRET]),
    "truncated": ({"x-uber-signature": VECTOR[:-2]}, BODY, [SECRET]),
    "capitals": ({"x-uber-signature": VECTOR.upper()}, BODY, [SECRET]),
    "no ascii": ({"x-uber-signature": "é" * 64}, BODY, [SECRET]),
    "another tenant's secret": ({"x-uber-signature": VECTOR}, BODY, ["theirs"]),
    "no secret": ({"x-uber-signature": VECTOR}, BODY, []),
    "an empty secret": ({"x-uber-signature": VECTOR}, BODY, [""]),
    "written anew": ({"x-uber-signature": VECTOR}, json.dumps(json.loads(BODY)).encode(), [SECRET]),
    "another header": ({"x-signature": VECTOR}, BODY, [SECRET]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused(name: str) -> None:
    headers, body, secrets = FORGERIES[name]
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw(headers, body), secrets)


def test_a_large_body_is_checked_whole() -> None:
    body = json.dumps({"pad": "x" * 600_000}).encode()
    signature = sign(uber_api.SIGNED, Raw({}, body), SECRET)
    SOURCE.authenticate(Raw({"x-uber-signature": signature}, body), [SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(Raw({"x-uber-signature": signature}, body + b" "), [SECRET])


def test_a_replay_is_recognised_by_the_event_since_no_time_is_signed() -> None:
    body = json.dumps(status_event()).encode()
    (first,) = SOURCE.identify(Raw({}, body, received_at=NOW))
    (again,) = SOURCE.identify(Raw({}, body, received_at=NOW + timedelta(days=30)))
    assert first == again
    assert first.event_key == "event.delivery_status:evt_pickup"


# -- what identifies an event -------------------------------------------------------------------


def key(body: dict[str, Any]) -> str:
    (item,) = SOURCE.identify(Raw({}, json.dumps(body).encode()))
    return item.event_key


def test_events_of_one_delivery_are_told_apart() -> None:
    events = [status_event("pickup"), status_event("dropoff"), older("COMPLETED")]
    assert len({key(event) for event in events}) == 3
    assert key(older("COMPLETED")).endswith("d1122602-45c4-4851-a91e-b35354a233b7")


def test_a_delivery_without_an_event_is_known_by_its_content_not_by_its_id() -> None:
    assert key(delivery(status="pickup")) != key(delivery(status="dropoff"))


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"{", b"kind=event", b""])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


# -- statuses -----------------------------------------------------------------------------------

# status, a minute away -> ours, what staff see
TABLE = [
    ("pending", False, "", "courier_wanted"),
    ("pickup", False, "", "courier_assigned"),
    ("pickup", True, "", "courier_near_store"),
    ("pickup_complete", False, "out_for_delivery", "on_the_way"),
    ("dropoff", False, "out_for_delivery", "on_the_way"),
    ("dropoff", True, "out_for_delivery", "arriving"),
    ("delivered", False, "delivered", "delivered"),
    ("canceled", False, "", "courier_cancelled"),
    ("returned", False, "", "coming_back"),
]


@pytest.mark.parametrize(("word", "near", "status", "where"), TABLE)
def test_each_status(word: str, near: bool, status: str, where: str) -> None:
    event = leg(word, courier_imminent=near)
    (part,) = event.groups
    assert (part.key, part.method, part.status, part.sub_status) == (
        "main",
        "delivery",
        status,
        where,
    )
    assert (part.source_status, event.status, event.unmapped_status) == (word, "", "")
    assert not event.may_create


def test_a_leg_names_the_order_by_all_its_references_and_itself_by_its_own_id() -> None:
    event = leg("pickup", related_deliveries=[{"id": "del_zero", "relationship": "original"}])
    assert event.external_id == "del_one"
    assert list(event.aliases) == ["5001", "#1001", "del_zero"]


def test_a_leg_says_nothing_of_what_the_shop_decides() -> None:
    event = leg("delivered")
    assert (event.contact, event.total_minor, event.currency) == (None, None, "")
    assert (list(event.lines), event.display_number, event.location) == ([], "", "")


def test_courier_window_and_tracking() -> None:
    (part,) = leg("pickup").groups
    assert (part.deliver_from, part.deliver_to) == (at("18:20"), at("18:50"))
    assert (part.courier, part.delayed) == ("Cori R.", False)
    (parcel,) = part.tracking
    assert (parcel.number, parcel.carrier) == ("del_one", "Uber")
    assert parcel.url == "https://www.ubereats.com/orders/one"
    assert "5550199" not in repr(leg("pickup"))


def test_an_estimate_before_the_window_opens_still_makes_a_window() -> None:
    (part,) = leg("pickup", dropoff_ready="2026-11-21T19:00:00Z").groups
    assert (part.deliver_from, part.deliver_to) == (at("18:50"), at("18:50"))


def test_without_an_estimate_the_ordered_window_counts() -> None:
    (part,) = leg("pending", dropoff_eta=None, courier=None).groups
    assert (part.deliver_from, part.deliver_to) == (at("18:20"), at("19:10"))
    assert (part.delayed, part.courier) == (None, "")


def test_an_estimate_after_the_window_is_a_delay() -> None:
    (part,) = leg("dropoff", dropoff_eta="2026-11-21T19:30:00Z").groups
    assert part.delayed is True


@pytest.mark.parametrize("word", ["delivered", "canceled", "returned"])
def test_what_is_over_promises_nothing(word: str) -> None:
    (part,) = leg(word, dropoff_eta="2026-11-21T19:30:00Z").groups
    assert (part.deliver_from, part.deliver_to, part.delayed) == (None, None, None)


def test_no_tracking_before_there_is_an_address_to_follow() -> None:
    for url in (None, "", "javascript:alert(1)", "ftp://x"):
        (part,) = leg("pickup", tracking_url=url).groups
        assert list(part.tracking) == []


def test_a_cancelled_delivery_is_no_cancelled_order() -> None:
    event = leg("canceled", undeliverable_reason="customer_unavailable")
    ((fact, data),) = event.facts
    assert fact == Fact.FAILED
    assert data == {"group": "main", "reason": "customer_unavailable", "delivery": "del_one"}
    assert (event.status, event.groups[0].status) == ("", "")


def test_a_return_is_told_once_and_its_way_back_is_never_delivered() -> None:
    ((fact, _data),) = leg("returned").facts
    assert fact == Fact.RETURNED
    related = [{"id": "del_one", "relationship": "original"}]
    for word in ("pickup", "pickup_complete", "dropoff", "delivered", "canceled"):
        back = leg(word, id="ret_one", related_deliveries=related)
        (part,) = back.groups
        assert (part.status, list(back.facts), back.unmapped_status) == ("", [], "")
        assert (list(part.tracking), part.deliver_to) == ([], None)
        assert "del_one" in back.aliases
    assert leg("delivered", id="ret_one").groups[0].sub_status == "back_at_store"


def test_the_way_back_makes_no_order() -> None:
    assert not leg("pickup", OWN, id="ret_one").may_create


def test_a_test_delivery_is_a_test() -> None:
    assert leg("dropoff", live_mode=False).test
    body = status_event("dropoff")
    del body["data"]["live_mode"]
    assert mapped(SOURCE, "", {**body, "live_mode": False}).test
    assert not leg("dropoff").test


def test_an_unknown_word_is_not_guessed_and_may_be_mapped() -> None:
    event = leg("teleported")
    assert (event.unmapped_status, event.groups[0].status) == ("teleported", "")
    event = leg("teleported", {"status_map": {"teleported": "delivered"}})
    assert (event.unmapped_status, event.groups[0].status) == ("", "delivered")


def test_the_delivery_is_newer_than_the_envelope_around_it() -> None:
    body = status_event("pickup")
    body["data"]["status"] = "dropoff"
    event = mapped(SOURCE, "", body)
    assert event.groups[0].status == "out_for_delivery"
    assert event.clock.at == at("18:30")


def test_what_the_delivery_leaves_empty_the_envelope_says() -> None:
    body = status_event("dropoff")
    body["data"] |= {"status": None, "id": None, "live_mode": None}
    event = mapped(SOURCE, "", {**body, "live_mode": False})
    assert (event.external_id, event.groups[0].status, event.test) == (
        "del_one",
        "out_for_delivery",
        True,
    )


def test_older_versions_say_no_time_of_change() -> None:
    body = status_event("pickup")
    del body["data"]["updated"]
    event = mapped(SOURCE, "", body)
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, 1, 500000, UTC)


def test_an_event_without_its_delivery_says_what_it_can() -> None:
    body = status_event("delivered")
    del body["data"]
    event = mapped(SOURCE, "", body)
    assert (event.external_id, event.groups[0].status) == ("del_one", "delivered")
    assert not event.may_create


def test_positions_and_money_between_shop_and_uber_are_left_aside() -> None:
    for kind in ("event.courier_update", "event.refund_request", "event.shopping_progress"):
        assert SOURCE.map(kind, {}, json.dumps({**status_event(), "kind": kind}).encode(), {}) == []
    position = {**status_event("dropoff"), "kind": "event.courier_update"}
    event = mapped(SOURCE, "", position, {"courier_updates": True})
    assert event.groups[0].deliver_to == at("18:50")


@pytest.mark.parametrize(
    "body",
    [{"kind": "event.new_thing", "id": "x"}, {}, {"data": {}}, [], older("FAILED", order_id="")],
)
def test_what_names_no_delivery_goes_to_the_inbox(body: Any) -> None:
    with pytest.raises(Unmappable):
        SOURCE.map("", {}, json.dumps(body).encode(), {})


def test_names_and_ids_of_every_script_and_size() -> None:
    event = leg("pickup", external_id=820982911946154508, courier={"name": "كريم\r\n\u202eabc"})
    assert event.aliases[0] == "820982911946154508"
    assert event.groups[0].courier == "كريم abc"


# -- a delivery that is an order of its own -----------------------------------------------------


def test_an_order_of_its_own_has_people_goods_and_money() -> None:
    event = leg("pickup", OWN)
    assert (event.may_create, event.external_id, event.display_number) == (True, "del_one", "#1001")
    assert (event.status, event.fulfilment_type) == ("confirmed", "delivery")
    assert (event.total_minor, event.currency, event.location) == (2150, "USD", "main-street")
    assert event.contact is not None
    assert (event.contact.name, event.contact.phone, event.contact.country) == (
        "Ada Lovelace",
        "(202) 555-0143",
        "US",
    )
    assert [(one.line_id, one.name, one.quantity) for one in event.lines] == [
        ("item1", "Pizza Margherita", "2"),
        ("item2", "Cola", "1"),
    ]


def test_numbers_that_come_again_do_not_find_an_old_order() -> None:
    assert list(leg("pickup", OWN).aliases) == []


def _told(connection: Any, *words: tuple[str, int]) -> Order:
    for word, minutes in words:
        updated = (at("18:30") + timedelta(minutes=minutes)).isoformat()
        url = f"https://www.ubereats.com/{word}"
        event = leg(word, OWN, updated=updated, tracking_url=url)
        record([Word(event, connection)], NOW + timedelta(hours=2))
    return Order.objects.get(connection=connection)


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_a_late_event_does_not_downgrade_a_delivered_order_nor_erase_its_tracking(
    order: tuple[int, ...],
) -> None:
    words = [("pickup", 0), ("dropoff", 10), ("delivered", 20)]
    found = _told(ConnectionFactory(source="uber_direct"), *(words[n] for n in order))
    part = found.groups.get()
    assert (found.status, part.status) == ("delivered", "delivered")
    assert list(part.tracking) == ["del_one"]


@pytest.mark.django_db
def test_the_same_leg_told_twice_is_told_once() -> None:
    connection = ConnectionFactory(source="uber_direct")
    _told(connection, ("dropoff", 10), ("dropoff", 10), ("pickup_complete", 10))
    steps = StatusChange.objects.filter(status="out_for_delivery", applied=True)
    assert steps.count() == 1


# -- what is fetched ----------------------------------------------------------------------------


def api(**more: str) -> Api:
    return Api(
        "https://stand-in.example", demo_credentials(), {}, more.get("token", uber_api.GRANTED)
    )


def thin(delivery_id: str) -> bytes:
    body = status_event("pickup")
    del body["data"]
    return json.dumps({**body, "delivery_id": delivery_id}).encode()


def ask(body: bytes, using: Api | None = None) -> Ask:
    found = SOURCE.ask("", {}, body, using or api())
    assert found is not None
    return found


def test_a_whole_event_asks_for_nothing_and_without_credentials_nothing_is_asked() -> None:
    assert SOURCE.ask("", {}, json.dumps(status_event()).encode(), api()) is None
    assert SOURCE.ask("", {}, thin("del_sandbox3"), Api("https://x.example")) is None


def test_the_question_goes_to_ubers_own_address_whatever_the_body_says() -> None:
    found = ask(json.dumps(older("COMPLETED")).encode())
    assert found.url == (
        "https://stand-in.example/v1/eats/deliveries/orders/8a8972cf-2331-4f77-85c0-d84fbed6bf53"
    )
    for hostile in ("../../oauth", "a/b", "a?b", "a b", "é", "x" * 81, "", None, 5.5):
        body = json.dumps(older("COMPLETED", order_id=hostile)).encode()
        assert SOURCE.ask("", {}, body, api()) is None


def test_from_a_thin_event_to_the_order() -> None:
    stand_in = UberDirectStandIn()
    for number, word in enumerate(STATUSES):
        body = thin(f"del_sandbox{number}")
        fetched = SOURCE.fetched("", body, stand_in.handle(ask(body)))
        event = mapped(SOURCE, "", fetched)
        assert event.groups[0].source_status == word
        assert event.aliases[0] == f"100{number}"


def test_from_the_older_notification_to_the_order() -> None:
    body = json.dumps(older("ARRIVED_AT_DROPOFF")).encode()
    fetched = SOURCE.fetched("", body, UberDirectStandIn().handle(ask(body)))
    event = mapped(SOURCE, "", fetched)
    (part,) = event.groups
    assert (part.status, part.sub_status) == ("out_for_delivery", "arriving")
    assert part.tracking[0].url.startswith("https://www.ubereats.com/orders/8a8972cf")
    assert list(event.aliases) == ["5001"]
    assert event.clock.at == datetime.fromtimestamp(1795285800, UTC)


OLDER = [
    ("SCHEDULED", "", "courier_wanted", None),
    ("EN_ROUTE_TO_PICKUP", "", "courier_assigned", None),
    ("ARRIVED_AT_PICKUP", "", "courier_near_store", None),
    ("EN_ROUTE_TO_DROPOFF", "out_for_delivery", "on_the_way", None),
    ("ARRIVED_AT_DROPOFF", "out_for_delivery", "arriving", None),
    ("COMPLETED", "delivered", "delivered", None),
    ("FAILED", "", "courier_cancelled", Fact.FAILED),
]


@pytest.mark.parametrize(("word", "status", "where", "fact"), OLDER)
def test_each_word_of_the_older_notification(
    word: str, status: str, where: str, fact: str | None
) -> None:
    event = mapped(SOURCE, "dapi.status_changed", older(word))
    assert (event.groups[0].status, event.groups[0].sub_status) == (status, where)
    assert [name for name, _data in event.facts] == ([fact] if fact else [])
    assert event.unmapped_status == ""


def test_an_unknown_older_word_and_the_way_back() -> None:
    assert mapped(SOURCE, "", older("LOST")).unmapped_status == "LOST"
    back = mapped(SOURCE, "", older("COMPLETED", is_returning=True))
    assert (back.groups[0].status, list(back.facts)) == ("", [])


def test_what_is_fetched_is_newer_than_the_notification() -> None:
    body = json.dumps(older("EN_ROUTE_TO_DROPOFF")).encode()
    answer = json.dumps({"order_status": "COMPLETED", "order_tracking_url": ""}).encode()
    event = mapped(SOURCE, "", SOURCE.fetched("", body, Told(200, {}, answer)))
    assert event.groups[0].status == "delivered"


def test_an_exact_id_stays_exact_through_the_fetch() -> None:
    answer = b'{"id":"del_one","status":"dropoff","external_id":820982911946154508,"fee":1.50}'
    event = mapped(SOURCE, "", SOURCE.fetched("", thin("del_one"), Told(200, {}, answer)))
    assert event.aliases[0] == "820982911946154508"


# -- answers of the API -------------------------------------------------------------------------


def answer_to(delivery_id: str, stand_in: UberDirectStandIn | None = None) -> bytes:
    body = thin(delivery_id)
    return SOURCE.fetched("", body, (stand_in or UberDirectStandIn()).handle(ask(body)))


def test_an_order_that_is_not_yet_there_is_asked_for_again() -> None:
    stand_in = UberDirectStandIn()
    with pytest.raises(TryLater):
        answer_to("del_late", stand_in)
    assert mapped(SOURCE, "", answer_to("del_late", stand_in)).external_id == "del_late"


def test_too_many_questions_wait_as_long_as_uber_says() -> None:
    with pytest.raises(TryLater) as refusal:
        answer_to("del_busy")
    assert refusal.value.seconds == 7


def test_trouble_at_uber_and_missing_rights() -> None:
    with pytest.raises(TryLater) as refusal:
        answer_to("del_broken")
    assert refusal.value.seconds is None
    with pytest.raises(NoAccess) as no_access:
        answer_to("del_denied")
    assert not isinstance(no_access.value, TokenRefused)


def test_a_dead_token_is_told_from_missing_rights() -> None:
    body = thin("del_sandbox1")
    told = UberDirectStandIn().handle(ask(body, api(token="old")))
    with pytest.raises(TokenRefused):
        SOURCE.fetched("", body, told)


@pytest.mark.parametrize(
    "told",
    [Told(400, {}, b"{}"), Told(200, {}, b"[]"), Told(200, {}, b"<html>"), Told(302, {}, b"")],
)
def test_an_answer_without_a_delivery(told: Told) -> None:
    with pytest.raises(SourceError) as refusal:
        SOURCE.fetched("", thin("del_one"), told)
    assert not isinstance(refusal.value, TryLater | NoAccess)


def test_a_token_is_fetched_and_renewed_before_it_dies() -> None:
    question = SOURCE.token_ask(api(), NOW)
    assert question is not None
    token = SOURCE.token(UberDirectStandIn().handle(question), NOW)
    assert token.value == uber_api.GRANTED
    assert NOW + timedelta(days=29) < token.expires_at < NOW + timedelta(days=30)
    assert SOURCE.token_ask(Api("https://x.example"), NOW) is None


def test_a_token_comes_from_ubers_own_host_in_production() -> None:
    question = SOURCE.token_ask(Api(SOURCE.base({}), demo_credentials()), NOW)
    assert question is not None
    assert question.url == "https://auth.uber.com/oauth/v2/token"
    assert question.body == (
        b"client_id=sandbox-client&client_secret=sandbox-client-secret"
        b"&grant_type=client_credentials&scope=eats.deliveries"
    )


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_wrong_credentials_are_for_a_person(missing: str) -> None:
    credentials = {**demo_credentials(), missing: "wrong"}
    question = SOURCE.token_ask(Api("https://stand-in.example", credentials), NOW)
    assert question is not None
    with pytest.raises(NoAccess):
        SOURCE.token(UberDirectStandIn().handle(question), NOW)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (Told(429, {}, b"{}"), 60),
        (Told(429, {"retry-after": "90"}, b"{}"), 90),
        (Told(503, {"retry-after": "Sun, 22 Nov 2026 05:00:00 GMT"}, b"{}"), 60),
        (Told(200, {}, b'{"expires_in": 5}'), 60),
    ],
)
def test_no_token_now(told: Told, seconds: float) -> None:
    with pytest.raises(TryLater) as refusal:
        SOURCE.token(told, NOW)
    assert refusal.value.seconds == seconds


def test_a_life_without_end_is_not_believed() -> None:
    for life in (b"1e30", b"9" * 30, b"-1", b'"x"'):
        body = b'{"access_token":"a","expires_in":' + life + b"}"
        assert SOURCE.token(Told(200, {}, body), NOW).expires_at == NOW + timedelta(minutes=55)


def test_a_short_token_is_used_for_half_its_life() -> None:
    token = SOURCE.token(Told(200, {}, b'{"access_token":"a","expires_in":60}'), NOW)
    assert token.expires_at == NOW + timedelta(seconds=30)


def test_the_stand_in_refuses_what_uber_refuses() -> None:
    stand_in = UberDirectStandIn()
    headers = {"authorization": f"Bearer {uber_api.GRANTED}"}
    path = "https://x.example/v1/customers/cus_sandbox/deliveries/del_sandbox1"
    assert stand_in.handle(Ask("GET", path)).status == 401
    assert (
        stand_in.handle(Ask("GET", path, {"Authorization": headers["authorization"]})).status == 200
    )
    assert stand_in.handle(Ask("POST", path, headers)).status == 405
    assert stand_in.handle(Ask("GET", path + "0", headers)).status == 404
    wrong = Ask("POST", "https://x.example/oauth/v2/token", {}, b"grant_type=password")
    assert stand_in.handle(wrong).status == 400
    scope = Api("https://x.example", demo_credentials())
    question = uber_api.token_ask(scope, "eats.order")
    assert question is not None
    assert stand_in.handle(question).status == 400
