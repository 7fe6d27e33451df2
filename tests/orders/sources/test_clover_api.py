"""Clover's REST API: what is asked, what the answers mean, and the stand-in that gives them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orders.contract import Api, Ask, Malformed, NoAccess, SourceError, Told, TryLater
from orders.sources.clover import sandbox
from orders.sources.clover.api import BASES, EXPAND
from orders.sources.clover.sandbox import CloverApi, demo_credentials
from orders.sources.clover.source import SOURCE
from tests.orders.sources.clover_bodies import (
    AT,
    MERCHANT,
    ORDER_ID,
    dump,
    elements,
    order,
    pointer,
)

API = Api(BASES["eu"], {"api_token": "live-token", "region": "eu"}, {"merchant_id": MERCHANT})
SINCE = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)


def told(status: int, value: Any, **headers: str) -> Told:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Told(status, names, value if isinstance(value, bytes) else dump(value))


def asked(body: Any, api: Api = API) -> Ask:
    ask = SOURCE.ask("order.update", {}, dump(body), api)
    assert ask is not None
    return ask


# -- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_a_ring_asks_for_its_order(kind: str) -> None:
    ask = asked(pointer(kind))
    address = urlsplit(ask.url)
    assert (ask.method, address.netloc) == ("GET", "api.eu.clover.com")
    assert address.path == f"/v3/merchants/{MERCHANT}/orders/{ORDER_ID}"
    assert parse_qs(address.query) == {"expand": [EXPAND]}
    assert ask.headers == {"authorization": "Bearer live-token", "accept": "application/json"}


@pytest.mark.parametrize("body", [pointer("DELETE"), order(), []])
def test_what_needs_no_order_asks_for_none(body: Any) -> None:
    assert SOURCE.ask("x", {}, dump(body), API) is None


def test_ids_cannot_leave_their_places_in_the_path() -> None:
    url = asked({**pointer(), "objectId": "O:../../x?y#", "merchant": "a/b"}).url
    assert url.startswith("https://api.eu.clover.com/v3/merchants/a%2Fb/orders/..%2F..%2Fx%3Fy%23?")


def test_without_a_token_a_person_must_look() -> None:
    with pytest.raises(NoAccess, match="api_token"):
        SOURCE.ask("order.update", {}, dump(pointer()), replace(API, credentials={}))


def test_only_clovers_own_hosts_are_called() -> None:
    found = {region: SOURCE.base({"region": region}) for region in BASES}
    assert found == BASES
    assert SOURCE.base({}) == "https://api.clover.com"
    assert SOURCE.base({"region": " EU "}) == "https://api.eu.clover.com"
    with pytest.raises(NoAccess, match="one of"):
        SOURCE.base({"region": "https://evil.example"})


# -- answers ------------------------------------------------------------------------------------


def test_the_order_is_kept_without_cards_addresses_and_payments() -> None:
    answer = order(payments=elements({"cardTransaction": {"last4": "2222"}}))
    body = SOURCE.fetched("order.update", dump(pointer()), told(200, answer))
    for secret in (b"1111", b"2222", b"Example Street"):
        assert secret not in body
    (event,) = SOURCE.map("order.update", {}, body, {})
    assert (event.external_id, event.location) == (ORDER_ID, MERCHANT)
    assert event.contact is not None
    assert event.contact.phone == "(202) 555-0143"


def test_a_state_that_the_answer_leaves_out_hides_the_order() -> None:
    answer = order()
    del answer["state"]
    body = SOURCE.fetched("order.update", dump(pointer()), told(200, answer))
    assert SOURCE.map("order.update", {}, body, {}) == []


def test_the_answer_must_be_the_order_that_was_asked_for() -> None:
    with pytest.raises(SourceError, match="not the order"):
        SOURCE.fetched("order.update", dump(pointer()), told(200, order(id="OTHER")))


ANSWERS: list[tuple[Told, type[SourceError], str, float | None]] = [
    (told(401, {"message": "Ada"}), NoAccess, "region", None),
    (told(403, b""), NoAccess, "read orders", None),
    (told(404, {"message": "Ada"}), TryLater, "yet", 2.0),
    (told(429, b"", retry_after="3"), TryLater, "429", 3.0),
    (told(429, b"", retry_after="soon"), TryLater, "429", None),
    (told(429, b"<html>"), TryLater, "429", None),
    (told(500, b""), TryLater, "500", None),
    (told(503, b"Ada"), TryLater, "503", None),
    (told(400, b"Ada"), SourceError, "400", None),
    (told(200, b"<html>"), Malformed, "JSON", None),
    (told(200, []), Malformed, "object", None),
]


@pytest.mark.parametrize(("answer", "kind", "words", "seconds"), ANSWERS)
def test_what_an_error_means(
    answer: Told, kind: type[SourceError], words: str, seconds: float | None
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        SOURCE.fetched("order.update", dump(pointer()), answer)
    assert type(caught.value) is kind
    assert getattr(caught.value, "seconds", None) == seconds
    assert "Ada" not in str(caught.value)


# -- listing ------------------------------------------------------------------------------------


def test_orders_are_listed_by_their_last_change() -> None:
    ask = SOURCE.list_ask(SINCE, "", API)
    assert ask is not None
    address = urlsplit(ask.url)
    assert address.path == f"/v3/merchants/{MERCHANT}/orders"
    assert parse_qs(address.query) == {
        "filter": [f"modifiedTime>={AT}"],
        "expand": [EXPAND],
        "limit": ["200"],
        "offset": ["0"],
    }
    later = SOURCE.list_ask(SINCE, "200", API)
    assert later is not None
    assert parse_qs(urlsplit(later.url).query)["offset"] == ["200"]
    assert SOURCE.list_ask(SINCE, "", replace(API, settings={})) is None


def page(count: int, **more: Any) -> Told:
    orders = [order(id=f"X{n}") for n in range(count)]
    return told(200, {"elements": orders, **more})


def test_a_full_page_leads_to_the_next_one() -> None:
    at = "https://api.eu.clover.com/v3/merchants/X/orders?limit=2&offset="
    assert SOURCE.listed(page(2, href=at + "4")).next == "6"
    assert SOURCE.listed(page(1, href=at + "6")).next == ""
    assert SOURCE.listed(page(2)).next == ""
    with pytest.raises(Malformed, match="full"):
        SOURCE.listed(page(2, href=at))
    with pytest.raises(Malformed, match="full"):
        SOURCE.listed(page(200))


def test_a_listed_order_is_mapped_without_asking() -> None:
    (item,) = SOURCE.listed(told(200, {"elements": [order(), {}]})).items
    assert (item.topic, item.event_key) == ("order.listed", f"listed:{ORDER_ID}:{AT}")
    assert item.body is not None
    assert b"1111" not in item.body
    assert SOURCE.ask(item.topic, {}, item.body, API) is None
    (event,) = SOURCE.map(item.topic, {}, item.body, {})
    assert (event.external_id, event.location) == (ORDER_ID, MERCHANT)


def test_a_list_that_is_refused_is_raised() -> None:
    with pytest.raises(NoAccess):
        SOURCE.listed(told(401, b""))


# -- the stand-in -------------------------------------------------------------------------------


class Walk:
    """A connection with the stand-in behind it."""

    def __init__(self) -> None:
        self.end = CloverApi()
        credentials = demo_credentials()
        settings = {"merchant_id": sandbox.MERCHANT}
        self.api = Api(SOURCE.base(credentials), credentials, settings)

    def fetch(self, name: str, **settings: Any) -> Any:
        rung = dump({**pointer(), "merchant": sandbox.MERCHANT, "objectId": f"O:{name}"})
        ask = SOURCE.ask("order.update", {}, rung, self.api)
        assert ask is not None
        return SOURCE.map(
            "order.update", {}, SOURCE.fetched("order.update", rung, self.end.handle(ask)), settings
        )


def test_a_ring_becomes_an_order_through_the_stand_in() -> None:
    walk = Walk()
    (event,) = walk.fetch("SANDBOX2")
    assert (event.external_id, event.status, event.fulfilment_type) == (
        "SANDBOX2",
        "confirmed",
        "pickup",
    )
    assert event.contact.phone == "+12025550143"
    assert len(event.lines) == 2
    (event,) = walk.fetch("SANDBOX3", status_map={"ready": "ready"})
    assert event.status == "ready"
    assert list(walk.fetch("SANDBOX4")) == []


@pytest.mark.parametrize(("name", "seconds"), [("SANDBOXLATE", 2.0), ("SANDBOXBUSY", 3.0)])
def test_what_the_stand_in_refuses_once_is_there_the_second_time(name: str, seconds: float) -> None:
    walk = Walk()
    with pytest.raises(TryLater) as caught:
        walk.fetch(name)
    assert caught.value.seconds == seconds
    assert walk.fetch(name)[0].external_id == name


def test_the_stand_in_refuses_a_strange_token_and_an_unknown_order() -> None:
    walk = Walk()
    with pytest.raises(TryLater):
        walk.fetch("NOBODY")
    walk.api = replace(walk.api, credentials={"api_token": "another"})
    with pytest.raises(NoAccess):
        walk.fetch("SANDBOX1")


def listing(walk: Walk, since: datetime, cursor: str = "", **changes: str) -> Told:
    ask = SOURCE.list_ask(since, cursor, walk.api)
    assert ask is not None
    url = ask.url
    for old, new in changes.items():
        url = url.replace(f"{old}=", f"{new}&{old}x=") if new else url
    return walk.end.handle(replace(ask, url=url))


def test_the_stand_in_is_read_page_by_page_and_hides_the_hidden_one() -> None:
    walk, cursor, names = Walk(), "", []
    since = datetime.now(UTC) - timedelta(hours=1)
    for _page in range(9):
        found = SOURCE.listed(listing(walk, since, cursor, limit="limit=2"))
        names += [json.loads(item.body or b"")["id"] for item in found.items]
        cursor = found.next
        if not cursor:
            break
    shown = [name for name, one in walk.end.orders.items() if "state" in one]
    assert names == shown
    assert "SANDBOX4" not in names
    assert SOURCE.listed(listing(walk, datetime.now(UTC))).items == []


def test_the_stand_in_refuses_what_clover_refuses() -> None:
    walk = Walk()
    assert listing(walk, SINCE, filter="filter=total>5").status == 400
    assert listing(walk, SINCE, limit="limit=many").status == 400
    ask = SOURCE.list_ask(SINCE, "", replace(walk.api, settings={"merchant_id": "OTHER"}))
    assert ask is not None
    assert walk.end.handle(ask).status == 404
    assert walk.end.handle(replace(ask, method="POST")).status == 404
