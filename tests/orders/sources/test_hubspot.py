"""HubSpot: its signature, changes that point, the record behind them, and workflows."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Clock,
    Item,
    Malformed,
    NoAccess,
    OrderEvent,
    Raw,
    SourceError,
    Told,
    TryLater,
    Unmappable,
)
from orders.signatures import sign
from orders.sources.hubspot import api, signing
from orders.sources.hubspot.sandbox import LATE, StandIn, demo_credentials
from orders.sources.hubspot.signing import HUBSPOT
from orders.sources.hubspot.source import SOURCE
from tests.orders.sources.automation_bodies import (
    BODY,
    NOW,
    SECRET,
    forgeries,
    signed,
    template,
    written,
)
from tests.orders.sources.hubspot_bodies import OPEN, SHIPPED, change, creation, of_any_object

URL = "https://hub.example.com/hooks/abc/"
TIME, SIGNATURE = "x-hubspot-request-timestamp", "x-hubspot-signature-v3"
BASE = "https://api.hubapi.com"
API = Api(BASE, demo_credentials())
AT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)


# -- who may send -------------------------------------------------------------------------------


def request(body: bytes, url: str, millis: str, signature: str) -> Raw:
    arrived = datetime.fromtimestamp(int(millis) / 1000, UTC)
    return Raw({TIME: millis, SIGNATURE: signature}, body, url=url, received_at=arrived)


VECTORS = [
    (
        "test_secret",
        request(
            BODY,
            "https://hub.example.com/in/hubspot/abc",
            "1795289400000",
            "hvl4EMVQDAIvf7zGAwEvGJsI6jaPt/Zdxg0ke5RUaEY=",
        ),
    ),
    (
        "test-client-secret",
        request(
            b'[{"eventId":1,"subscriptionType":"deal.propertyChange","propertyName":"dealstage",'
            b'"propertyValue":"closedwon","objectId":42}]',
            "https://hub.example.org/in/hubspot/",
            "1700000000000",
            "8FGc40BkSBHrg22khQMadfbYnWGhE6ffM4adD/aDhrw=",
        ),
    ),
]


@pytest.mark.parametrize(("secret", "raw"), VECTORS, ids=["facts", "vendor's kit"])
def test_a_known_signature_is_made_and_accepted(secret: str, raw: Raw) -> None:
    assert sign(HUBSPOT, raw, secret) == raw.headers[SIGNATURE]
    SOURCE.authenticate(raw, ["newer", secret])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw, ["another"])


@pytest.mark.parametrize("forged", forgeries(HUBSPOT, SECRET, url=URL))
def test_a_forgery_is_refused(forged: str) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(forgeries(HUBSPOT, SECRET, url=URL)[forged], [SECRET])


def test_another_address_or_method_is_not_what_was_signed() -> None:
    good = signed(HUBSPOT, SECRET, url=URL)
    SOURCE.authenticate(good, [SECRET])
    for other in (
        replace(good, url=URL.replace("abc", "abd")),
        replace(good, url=URL.rstrip("/")),
        replace(good, url=URL.replace("https", "http")),
        replace(good, method="PUT"),
    ):
        with pytest.raises(BadSignature):
            SOURCE.authenticate(other, [SECRET])


# HubSpot's own kit takes any time in the future.
def test_a_time_in_the_future_is_refused_too() -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(
            signed(HUBSPOT, SECRET, at=NOW + timedelta(minutes=6), url=URL), [SECRET]
        )


# HubSpot's documented example of version 1; it and version 2 cover no time.
V1_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,'
    b'"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
V1_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"


def test_the_older_signatures_are_known_and_refused() -> None:
    first = hashlib.sha256(V1_SECRET.encode() + V1_BODY).hexdigest()
    assert first == "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    second = hashlib.sha256(f"{V1_SECRET}POST{URL}".encode() + V1_BODY).hexdigest()
    for version, mark in (("v1", first), ("v2", second)):
        for name in ("x-hubspot-signature", SIGNATURE):
            headers = {name: mark, "x-hubspot-signature-version": version, TIME: "1795289400000"}
            with pytest.raises(BadSignature):
                SOURCE.authenticate(Raw(headers, V1_BODY, url=URL, received_at=NOW), [V1_SECRET])


def test_the_address_is_signed_with_some_escapes_written_out() -> None:
    sent = "https://hub.example.com/hooks/a%3Ab/?q=%40x%2c%20y%2Fz"
    assert signing.signed_url(Raw({}, b"", url=sent)) == (
        "https://hub.example.com/hooks/a:b/?q=@x,%20y/z"
    )
    plain = signed(HUBSPOT, SECRET, url="https://hub.example.com/hooks/a:b/?q=@x,%20y/z")
    SOURCE.authenticate(replace(plain, url=sent), [SECRET])


def test_the_address_may_be_another_one_behind_a_proxy() -> None:
    seen = replace(signed(HUBSPOT, SECRET, url=URL), url="https://inner.example/hooks/abc/")
    with pytest.raises(BadSignature):
        SOURCE.authenticate(seen, [SECRET])
    SOURCE.authenticate(replace(seen, settings={"registered_url": URL}), [SECRET])
    with pytest.raises(BadSignature, match="registered_url"):
        SOURCE.authenticate(replace(seen, settings={"registered_url": "hub.example.com"}), [SECRET])


def test_the_weaker_proof_never_stands_in_for_the_stronger_one() -> None:
    bearer = Raw({"authorization": f"Bearer {SECRET}"}, BODY, url=URL, received_at=NOW)
    with pytest.raises(BadSignature):
        SOURCE.authenticate(bearer, [SECRET])
    SOURCE.authenticate(replace(bearer, settings={"auth": "token"}), [SECRET])
    token = replace(signed(HUBSPOT, SECRET, url=URL), settings={"auth": "token"})
    with pytest.raises(BadSignature):
        SOURCE.authenticate(token, [SECRET])
    with pytest.raises(BadSignature, match="auth"):
        SOURCE.authenticate(replace(bearer, settings={"auth": "none"}), [SECRET])


# -- the list of an app -------------------------------------------------------------------------


def items(*events: dict[str, Any]) -> list[Item]:
    return list(SOURCE.identify(Raw({}, written(list(events)))))


def test_each_change_of_a_list_is_an_event_of_its_own() -> None:
    found = items(change(), change(objectId=4001), of_any_object("0-3", propertyName="dealstage"))
    assert [item.topic for item in found] == [
        "order.propertyChange",
        "order.propertyChange",
        "deal.propertyChange",
    ]
    assert json.loads(found[0].body or b"") == change()


def test_a_retry_is_recognised_and_an_event_id_that_comes_twice_is_not_mistaken_for_one() -> None:
    (first,) = items(change())
    assert items(change(attemptNumber=3))[0].event_key == first.event_key
    for other in (
        {"occurredAt": 1795285800001},
        {"objectId": 4001},
        {"portalId": 34},
        {"propertyName": "hs_order_name"},
        {"subscriptionId": 26},
    ):
        assert items(change(**other))[0].event_key != first.event_key


def test_a_big_id_stays_exact() -> None:
    (item,) = items(change(objectId=9007199254740993))
    (event,) = SOURCE.map(item.topic, {}, item.body or b"", {})
    assert event.external_id == "hubspot:9007199254740993"


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[1]",
        b"[[]]",
        b'[{"a": 1}]',
        written([change(objectId=None)]),
        written([change(occurredAt="")]),
        written([change()] * 1001),
        b"[" * 100 + b"]" * 100,
    ],
    ids=range(8),
)
def test_a_list_of_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        SOURCE.identify(Raw({}, body))


# -- changes without their record ---------------------------------------------------------------


def mapped(value: dict[str, Any], **settings: Any) -> OrderEvent | None:
    (item,) = items(value)
    found = SOURCE.map(item.topic, {}, item.body or b"", settings)
    return found[0] if found else None


def test_a_change_of_stage_moves_a_known_order_without_asking() -> None:
    event = mapped(change())
    assert event is not None
    assert (event.external_id, event.status, event.may_create) == (
        "hubspot:4002",
        "out_for_delivery",
        False,
    )
    assert (event.clock, event.occurred_at) == (Clock(None, AT), AT)


def test_a_stage_of_their_own_is_never_guessed() -> None:
    deal = of_any_object("0-3", propertyName="dealstage", propertyValue="closedwon")
    event = mapped(deal)
    assert event is not None
    assert (event.status, event.unmapped_status) == ("", "closedwon")
    event = mapped(deal, status_map={"closedwon": "confirmed"})
    assert event is not None
    assert event.status == "confirmed"
    assert mapped(deal, status_map={"closedwon": "ignore"}) is None


def test_a_property_that_says_nothing_of_an_order_is_neither_asked_about_nor_told() -> None:
    value = change(propertyName="hs_num_notes", propertyValue="3")
    assert mapped(value) is None
    (item,) = items(value)
    assert SOURCE.ask(item.topic, {}, item.body or b"", API) is None
    # It does as soon as the connection reads it.
    mine = replace(API, settings={"fields": {"note": "hs_num_notes"}})
    assert SOURCE.ask(item.topic, {}, item.body or b"", mine) is not None


def test_a_deleted_order_is_archived() -> None:
    event = mapped(creation(subscriptionType="order.deletion"))
    assert event is not None
    assert event.clock == Clock(None, AT)
    assert (event.external_id, event.archived, event.may_create, event.status) == (
        "hubspot:4002",
        True,
        False,
        "",
    )


def test_what_only_points_says_that_a_token_is_needed() -> None:
    with pytest.raises(Unmappable, match="access_token"):
        mapped(creation())
    with pytest.raises(Unmappable, match="Delete that subscription"):
        mapped(change(subscriptionType="contact.propertyChange"))
    with pytest.raises(Unmappable, match="Delete that subscription"):
        mapped(of_any_object("0-1"))


# -- the record behind a change -----------------------------------------------------------------


def ask(value: dict[str, Any], api_: Api = API) -> Ask:
    (item,) = items(value)
    found = SOURCE.ask(item.topic, {}, item.body or b"", api_)
    assert found is not None
    return found


def fetch(value: dict[str, Any], stand_in: StandIn, api_: Api = API, **settings: Any) -> Any:
    (item,) = items(value)
    api_ = replace(api_, settings=settings)
    body = SOURCE.fetched(item.topic, item.body or b"", stand_in.handle(ask(value, api_)))
    return SOURCE.map(item.topic, {}, body, settings)


def test_the_record_is_asked_for_as_the_api_wants_it() -> None:
    asking = ask(change())
    assert asking.method == "GET"
    assert asking.url.startswith(f"{BASE}/crm/objects/2026-09/orders/4002?properties=")
    assert "hs_pipeline_stage" in asking.url
    assert asking.url.endswith("&associations=contacts")
    assert asking.headers == {
        "authorization": f"Bearer {API.credentials['access_token']}",
        "accept": "application/json",
    }
    deal = ask(of_any_object("0-3", propertyName="dealstage", objectId=5001))
    assert "/deals/5001?" in deal.url
    older = ask(change(), replace(API, settings={"api_version": "2026-03"}))
    assert "/crm/objects/2026-03/" in older.url
    with pytest.raises(SourceError, match="api_version"):
        ask(change(), replace(API, settings={"api_version": "../v3"}))


def test_nothing_is_asked_without_a_token_or_about_a_strange_id() -> None:
    (item,) = items(change())
    assert SOURCE.ask(item.topic, {}, item.body or b"", Api(BASE)) is None
    (item,) = items(change(objectId="4002/../x"))
    with pytest.raises(Unmappable):
        SOURCE.ask(item.topic, {}, item.body or b"", API)


def test_the_record_is_the_order() -> None:
    (event,) = fetch(change(), StandIn())
    assert (event.external_id, event.aliases) == ("web-4002", ["hubspot:4002"])
    assert (event.display_number, event.status) == ("#4002", "out_for_delivery")
    assert (event.total_minor, event.currency, event.may_create) == (2150, "USD", True)
    # How new it is, is when the record was touched; when it happened, when the stage was changed.
    assert event.clock.at == datetime(2026, 11, 21, 18, 10, tzinfo=UTC)
    assert event.occurred_at == AT
    assert event.contact is not None
    assert (event.contact.name, event.contact.email, event.contact.phone) == (
        "Ada Example",
        "ada@example.com",
        "+12025550143",
    )
    assert event.contact.external_id == "701"


def test_a_deal_is_an_order_by_its_own_id() -> None:
    value = of_any_object("0-3", propertyName="dealstage", objectId=5001)
    (event,) = fetch(value, StandIn(), status_map={"closedwon": "confirmed"})
    assert (event.external_id, event.display_number) == ("5001", "Catering 5001")
    assert (event.status, event.total_minor) == ("confirmed", 48000)


def test_only_records_of_the_chosen_pipeline_are_orders() -> None:
    assert fetch(change(), StandIn(), pipeline="another") == []
    assert len(fetch(change(), StandIn(), pipeline="14a2e10e-5471-408a-906e-c51f3b04369e")) == 1


def test_a_restored_record_is_back_on_the_board() -> None:
    (event,) = fetch(creation(subscriptionType="order.restore"), StandIn())
    assert event.archived is False
    (event,) = fetch(creation(), StandIn())
    assert event.archived is None


# Complaint: a record that is not readable yet is lost when the answer counts as handled.
def test_a_record_that_is_not_there_yet_is_asked_for_again() -> None:
    stand_in, value = StandIn(), creation(objectId=int(LATE))
    with pytest.raises(TryLater):
        fetch(value, stand_in)
    (event,) = fetch(value, stand_in)
    assert event.external_id == f"web-{LATE}"


@pytest.mark.parametrize(
    ("record", "seconds"), [("429", 10.0), ("500", None)], ids=["throttled", "broken"]
)
def test_an_api_that_cannot_answer_now_is_asked_later(record: str, seconds: float | None) -> None:
    with pytest.raises(TryLater) as wait:
        fetch(change(objectId=int(record)), StandIn())
    assert wait.value.seconds == seconds


@pytest.mark.parametrize("token", ["wrong", "sandbox-noscope"])
def test_a_refused_token_is_said_to_be_one(token: str) -> None:
    with pytest.raises(NoAccess):
        fetch(change(), StandIn(), Api(BASE, {"access_token": token}))


ANSWERS = [
    (Told(429, {"retry-after": "3"}, b""), TryLater, 3.0),
    (Told(429, {}, b'{"policyName": "DAILY"}'), TryLater, 3600.0),
    (Told(423, {}, b""), TryLater, None),
    (Told(477, {"retry-after": "60"}, b""), TryLater, 60.0),
    (Told(524, {}, b""), TryLater, None),
    (Told(400, {}, b"{}"), SourceError, None),
    (Told(200, {}, b"<html>"), Malformed, None),
    (Told(200, {}, b"[]"), SourceError, None),
    (Told(200, {}, b'{"id": "1"}'), SourceError, None),
]


@pytest.mark.parametrize(("told", "error", "seconds"), ANSWERS, ids=str)
def test_other_answers_are_told_apart(
    told: Told, error: type[SourceError], seconds: float | None
) -> None:
    with pytest.raises(error) as raised:
        api.record(told)
    assert getattr(raised.value, "seconds", None) == seconds


# -- catching up --------------------------------------------------------------------------------


def pages(since: datetime, **settings: Any) -> list[Item]:
    stand_in, found, cursor = StandIn(), [], ""
    api_ = replace(API, settings=settings)
    while True:
        asking = SOURCE.list_ask(since, cursor, api_)
        assert asking is not None
        page = SOURCE.listed(stand_in.handle(asking))
        found += page.items
        if not page.next:
            return found
        cursor = page.next


def test_what_changed_since_is_listed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 1)
    found = pages(datetime(2026, 11, 21, 18, 5, tzinfo=UTC))
    assert [item.topic for item in found] == ["orders.listed"] * 2
    (event,) = SOURCE.map(found[0].topic, {}, found[0].body or b"", {})
    assert (event.external_id, event.status) == ("web-4002", "out_for_delivery")
    again = pages(datetime(2026, 11, 21, 18, 5, tzinfo=UTC))
    assert [item.event_key for item in again] == [item.event_key for item in found]


def test_deals_are_listed_when_the_connection_says_so() -> None:
    (item,) = pages(datetime(2026, 11, 21, tzinfo=UTC), object="deals")
    (event,) = SOURCE.map(item.topic, {}, item.body or b"", {})
    assert (event.external_id, event.unmapped_status) == ("5001", "closedwon")
    with pytest.raises(SourceError, match="object"):
        pages(NOW, object="contacts")


def test_listing_needs_a_token_and_an_answer() -> None:
    assert SOURCE.list_ask(NOW, "", Api(BASE)) is None
    with pytest.raises(NoAccess):
        SOURCE.listed(Told(401, {}, b""))
    for body in (b"[]", b"{}", b"<html>"):
        with pytest.raises(Malformed):
            SOURCE.listed(Told(200, {}, body))


def test_the_stand_in_refuses_what_hubspot_refuses() -> None:
    stand_in = StandIn()
    asking = SOURCE.list_ask(NOW, "", API)
    assert asking is not None
    assert stand_in.handle(replace(asking, headers={})).status == 401
    assert stand_in.handle(replace(asking, method="GET")).status == 400
    assert stand_in.handle(replace(asking, body=b"{}")).status == 400
    assert (
        stand_in.handle(replace(asking, url=f"{BASE}/crm/v3/objects/orders/search")).status == 404
    )
    assert stand_in.handle(replace(ask(change()), method="PATCH")).status == 400


# -- workflows ----------------------------------------------------------------------------------


def test_a_workflow_posts_the_template_with_a_stage() -> None:
    body = written(template(status=OPEN, hs_object_id=4002, record_id=""))
    (event,) = SOURCE.map("order.updated", {}, body, {})
    assert (event.external_id, event.status, event.aliases) == ("1001", "placed", ["hubspot:4002"])
    assert SHIPPED in SOURCE.STATUSES
    assert SOURCE.ask("order.updated", {}, body, API) is None
