"""Square's API: what is asked, what the answers mean, and the stand-in that gives them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.contract import Api, Ask, Malformed, NoAccess, SourceError, Told, TryLater
from orders.sources.square.api import BASES
from orders.sources.square.sandbox import LOCATION, SquareApi, demo_credentials
from orders.sources.square.source import SOURCE, TOPICS
from tests.orders.sources.square_bodies import (
    ORDER_ID,
    dump,
    envelope,
    fulfilment,
    order,
    payment,
    refund,
    updated,
)

API = Api(BASES["production"], {"access_token": "EAAA-live"})
SINCE = datetime(2026, 11, 21, 19, 0, tzinfo=UTC)


def told(status: int, value: Any, **headers: str) -> Told:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Told(status, names, value if isinstance(value, bytes) else dump(value))


def asked(body: Any, api: Api = API) -> Ask:
    ask = SOURCE.ask(body["type"], {}, dump(body), api)
    assert ask is not None
    return ask


# -- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [updated(), refund(), payment()], ids=lambda one: one["type"])
def test_every_webhook_asks_for_its_order(body: Any) -> None:
    assert asked(body) == Ask(
        "GET",
        f"https://connect.squareup.com/v2/orders/{ORDER_ID}",
        {
            "authorization": "Bearer EAAA-live",
            "square-version": "2025-08-20",
            "accept": "application/json",
        },
    )


NOTHING_TO_ASK = {
    "a draft": updated(state="DRAFT"),
    "a payment without an order": payment(order_id=None),
    "a test": envelope("webhooks.test_notification", "webhooks", {}),
    "a listed order": {"order": order()},
    "a list": [],
}


@pytest.mark.parametrize("body", NOTHING_TO_ASK.values(), ids=NOTHING_TO_ASK)
def test_what_needs_no_order_asks_for_none(body: Any) -> None:
    assert SOURCE.ask("x", {}, dump(body), API) is None


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    url = asked(updated(order_id="../customers/1?x=#")).url
    assert url == "https://connect.squareup.com/v2/orders/..%2Fcustomers%2F1%3Fx%3D%23"


def test_without_a_token_a_person_must_look() -> None:
    with pytest.raises(NoAccess, match="access_token"):
        SOURCE.ask("order.updated", {}, dump(updated()), Api(BASES["production"]))


def test_only_squares_own_two_hosts_are_called() -> None:
    assert SOURCE.base({}) == "https://connect.squareup.com"
    assert SOURCE.base({"environment": " Sandbox "}) == "https://connect.squareupsandbox.com"
    with pytest.raises(NoAccess, match="production or sandbox"):
        SOURCE.base({"environment": "https://evil.example"})


# -- answers ------------------------------------------------------------------------------------


def test_the_answer_is_put_beside_the_webhook_without_any_cards() -> None:
    body = SOURCE.fetched("payment.updated", dump(payment()), told(200, {"order": order()}))
    assert b"1111" not in body
    assert b"fingerprint" not in body
    kept = json.loads(body)
    assert kept["order"]["tenders"] == [{"id": "PAY1"}]
    assert kept["data"]["object"]["payment"]["status"] == "COMPLETED"
    assert SOURCE.map("payment.updated", {}, body, {})[0].external_id == ORDER_ID


def test_an_answer_older_than_its_webhook_is_asked_for_again() -> None:
    stale = told(200, {"order": order(version=5)})
    with pytest.raises(TryLater, match="older") as caught:
        SOURCE.fetched("order.updated", dump(updated(6)), stale)
    assert caught.value.seconds == 2
    for version in (6, 7, None):
        SOURCE.fetched(
            "order.updated", dump(updated(6)), told(200, {"order": order(version=version)})
        )


def test_the_answer_must_be_the_order_that_was_asked_for() -> None:
    wrong: list[Any] = [{"order": order(id="another")}, {}, {"order": []}]
    for answer in wrong:
        with pytest.raises(SourceError, match="not the order"):
            SOURCE.fetched("order.updated", dump(updated()), told(200, answer))


def refused(status: int, code: str = "", **headers: str) -> Told:
    return told(status, {"errors": [{"code": code, "detail": "Ada +12025550143"}]}, **headers)


ANSWERS: list[tuple[Told, type[SourceError], str, float | None]] = [
    (refused(401, "UNAUTHORIZED"), NoAccess, "UNAUTHORIZED", None),
    (refused(401, "ACCESS_TOKEN_EXPIRED"), NoAccess, "ACCESS_TOKEN_EXPIRED", None),
    (refused(403, "INSUFFICIENT_SCOPES"), NoAccess, "ORDERS_READ", None),
    (refused(404, "NOT_FOUND"), TryLater, "yet", 2.0),
    (refused(429, "RATE_LIMITED"), TryLater, "RATE_LIMITED", None),
    (refused(429, "RATE_LIMITED", retry_after="7"), TryLater, "now", 7.0),
    (refused(429, retry_after="Sun, 22 Nov 2026 04:00:00 GMT"), TryLater, "no code", None),
    (refused(500, "INTERNAL_SERVER_ERROR"), TryLater, "500", None),
    (told(503, b"<html>"), TryLater, "503", None),
    (refused(400, "BAD_REQUEST"), SourceError, "BAD_REQUEST", None),
    (told(200, b"<html>"), Malformed, "JSON", None),
    (told(200, []), Malformed, "object", None),
]


@pytest.mark.parametrize(("answer", "kind", "words", "seconds"), ANSWERS)
def test_what_an_error_means(
    answer: Told, kind: type[SourceError], words: str, seconds: float | None
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        SOURCE.fetched("order.updated", dump(updated()), answer)
    assert type(caught.value) is kind
    assert getattr(caught.value, "seconds", None) == seconds
    assert "Ada" not in str(caught.value)


def test_an_order_that_is_not_readable_yet_is_not_lost() -> None:
    """A freshly announced order may be unknown for a moment; answering "done" loses it for good."""
    with pytest.raises(TryLater):
        SOURCE.fetched("order.created", dump(updated()), refused(404, "NOT_FOUND"))


# -- listing ------------------------------------------------------------------------------------


def test_orders_are_listed_by_their_last_change() -> None:
    api = replace(API, settings={"locations": ["LOC1", "LOC2"]})
    ask = SOURCE.list_ask(SINCE, "", api)
    assert ask is not None
    assert (ask.method, ask.url) == ("POST", "https://connect.squareup.com/v2/orders/search")
    assert ask.headers["content-type"] == "application/json"
    assert json.loads(ask.body) == {
        "location_ids": ["LOC1", "LOC2"],
        "limit": 100,
        "query": {
            "filter": {
                "date_time_filter": {"updated_at": {"start_at": "2026-11-21T19:00:00.000Z"}},
                "state_filter": {"states": ["OPEN", "COMPLETED", "CANCELED"]},
            },
            "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        },
    }
    next_page = SOURCE.list_ask(SINCE, "c2", api)
    assert next_page is not None
    assert json.loads(next_page.body) == {**json.loads(ask.body), "cursor": "c2"}


def test_without_locations_nothing_is_listed_and_more_than_ten_are_refused() -> None:
    assert SOURCE.list_ask(SINCE, "", API) is None
    assert SOURCE.list_ask(SINCE, "", replace(API, settings={"locations": "LOC1"})) is None
    with pytest.raises(Malformed, match="ten"):
        SOURCE.list_ask(SINCE, "", replace(API, settings={"locations": ["L"] * 11}))


def test_a_listed_order_is_mapped_without_asking() -> None:
    page = SOURCE.listed(told(200, {"orders": [order(fulfilment()), {"id": ""}], "cursor": "c2"}))
    (item,) = page.items
    assert (page.next, item.topic, item.event_key) == ("c2", "order.listed", f"listed:{ORDER_ID}:6")
    assert item.body is not None
    assert b"1111" not in item.body
    assert SOURCE.ask(item.topic, {}, item.body, API) is None
    (event,) = SOURCE.map(item.topic, {}, item.body, {})
    assert (event.external_id, event.clock.version) == (ORDER_ID, 6)


def test_a_later_version_of_a_listed_order_is_another_event() -> None:
    keys = [
        SOURCE.listed(told(200, {"orders": [order(version=v, updated_at=at)]})).items[0].event_key
        for v, at in [(6, "a"), (7, "a"), (None, "b"), (None, "c")]
    ]
    assert len(set(keys)) == 4


def test_an_answer_without_orders_is_the_last_page_and_a_refusal_is_raised() -> None:
    assert SOURCE.listed(told(200, {})).items == []
    assert SOURCE.listed(told(200, {})).next == ""
    with pytest.raises(NoAccess):
        SOURCE.listed(refused(401))
    with pytest.raises(Malformed, match="cursor"):
        SOURCE.listed(told(200, {"cursor": "c" * 501}))


# -- subscriptions ------------------------------------------------------------------------------


def test_what_is_not_sent_here_is_named() -> None:
    url = "https://hub.example.com/hooks/k/"
    ask = SOURCE.subscriptions_ask(API)
    assert ask is not None
    assert ask.url.startswith("https://connect.squareup.com/v2/webhooks/subscriptions?")

    def missing(*subscriptions: Any) -> Any:
        return SOURCE.missing_topics(told(200, {"subscriptions": list(subscriptions)}), url)

    ours = {"notification_url": url, "enabled": True, "event_types": list(TOPICS)}
    assert missing(ours) == []
    assert missing() == list(TOPICS)
    assert missing({**ours, "enabled": False}) == list(TOPICS)
    assert missing({**ours, "notification_url": url + "x"}) == list(TOPICS)
    assert missing({**ours, "event_types": [*TOPICS[1:], "x"]}) == ["order.created"]
    assert missing({**ours, "event_types": TOPICS[:3]}, {**ours, "event_types": TOPICS[3:]}) == []


# -- the stand-in -------------------------------------------------------------------------------


class Walk:
    """A connection with the stand-in behind it."""

    def __init__(self) -> None:
        self.end = SquareApi()
        credentials = demo_credentials()
        settings = {"locations": [LOCATION]}
        self.api = Api(SOURCE.base(credentials), credentials, settings)

    def fetch(self, name: str) -> Any:
        body = dump(updated(1, order_id=name))
        ask = SOURCE.ask("order.updated", {}, body, self.api)
        assert ask is not None
        fetched = SOURCE.fetched("order.updated", body, self.end.handle(ask))
        return SOURCE.map("order.updated", {"square-environment": "Sandbox"}, fetched, {})[0]


def test_a_webhook_becomes_an_order_through_the_stand_in() -> None:
    event = Walk().fetch("SANDBOX-3")
    assert (event.external_id, event.groups[0].status) == ("SANDBOX-3", "ready")
    assert (event.contact.phone, event.test) == ("+12025550143", True)


@pytest.mark.parametrize("name", ["SANDBOX-LATE", "SANDBOX-BUSY"])
def test_what_the_stand_in_refuses_once_is_there_the_second_time(name: str) -> None:
    walk = Walk()
    with pytest.raises(TryLater):
        walk.fetch(name)
    assert walk.fetch(name).external_id == name


def test_the_stand_in_refuses_a_strange_token_and_an_unknown_order() -> None:
    walk = Walk()
    with pytest.raises(TryLater):
        walk.fetch("NOBODY")
    walk.api = replace(walk.api, credentials={"access_token": "EAAA-other"})
    with pytest.raises(NoAccess):
        walk.fetch("SANDBOX-1")


def test_the_stand_in_is_read_page_by_page() -> None:
    walk, cursor, names = Walk(), "", []
    since = datetime.now(UTC) - timedelta(hours=1)
    for _page in range(9):
        ask = SOURCE.list_ask(since, cursor, walk.api)
        assert ask is not None
        smaller = json.loads(ask.body) | {"limit": 4}
        page = SOURCE.listed(walk.end.handle(replace(ask, body=json.dumps(smaller).encode())))
        names += [json.loads(item.body or b"")["order"]["id"] for item in page.items]
        cursor = page.next
        if not cursor:
            break
    assert sorted(names) == sorted(walk.end.orders)
    assert SOURCE.listed(walk.end.handle(_asked(walk, datetime.now(UTC)))).items == []


def _asked(walk: Walk, since: datetime) -> Ask:
    ask = SOURCE.list_ask(since, "", walk.api)
    assert ask is not None
    return ask


@pytest.mark.parametrize(
    "changes",
    [
        {"location_ids": []},
        {"limit": 1001},
        {"query": {}},
        {"query": {"filter": 1}},
        {"cursor": "x"},
    ],
)
def test_the_stand_in_refuses_what_square_refuses(changes: Any) -> None:
    walk = Walk()
    ask = _asked(walk, SINCE)
    body = json.dumps(json.loads(ask.body) | changes).encode()
    assert walk.end.handle(replace(ask, body=body)).status == 400
    unsorted = json.loads(ask.body)
    del unsorted["query"]["sort"]
    assert walk.end.handle(replace(ask, body=json.dumps(unsorted).encode())).status == 400
    assert walk.end.handle(replace(ask, method="DELETE")).status == 404


def test_the_stand_in_lists_its_subscriptions() -> None:
    walk = Walk()
    url = "https://hub.example.com/hooks/k/"
    ask = SOURCE.subscriptions_ask(walk.api)
    assert ask is not None
    assert list(SOURCE.missing_topics(walk.end.handle(ask), url)) == list(TOPICS)
    ours = {"notification_url": url, "enabled": True, "event_types": list(TOPICS)}
    walk.end.subscriptions.append(ours)
    assert list(SOURCE.missing_topics(walk.end.handle(ask), url)) == []
