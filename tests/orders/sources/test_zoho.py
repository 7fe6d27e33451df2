"""Zoho CRM: a secret in three places, workflow webhooks, and notifications that point."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from orders.contract import (
    Api,
    Ask,
    BadSignature,
    Item,
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
from orders.sources.zoho import api
from orders.sources.zoho.sandbox import LATE, StandIn, demo_credentials
from orders.sources.zoho.source import SOURCE
from tests.orders.sources.automation_bodies import NOW, SECRET, template, written
from tests.orders.sources.zoho_bodies import affected, notification

FORM = {"content-type": "application/x-www-form-urlencoded"}
BASE = "https://www.zohoapis.com"
CREDENTIALS = demo_credentials()
HOOK = "https://hub.example.com/hooks/abc/"


# -- who may send -------------------------------------------------------------------------------


def form(**more: str) -> Raw:
    return Raw(FORM, urlencode({"order_id": "1", "status": "ready", **more}).encode(), url=HOOK)


GOOD = {
    "a header": replace(form(), headers={**FORM, "x-orderbell-secret": SECRET}),
    "a parameter of a form": form(orderbell_secret=SECRET),
    "a member of JSON": Raw({}, written(template(orderbell_secret=SECRET))),
    "a parameter of the address": replace(form(), url=f"{HOOK}?orderbell_secret={SECRET}"),
    "the channel's token": Raw({}, written(notification())),
}


@pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD)
def test_the_secret_is_taken_from_where_zoho_can_send_it(raw: Raw) -> None:
    SOURCE.authenticate(raw, ["newer", SECRET])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw, ["the secret of another tenant"])
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw, [])


REFUSED = {
    "none": form(),
    "empty": form(orderbell_secret=""),
    "truncated": form(orderbell_secret=SECRET[:-1]),
    "other letters": form(orderbell_secret=SECRET.upper()),
    "another parameter": form(token=SECRET),
    "in the address, truncated": replace(form(), url=f"{HOOK}?orderbell_secret={SECRET[:-1]}"),
    "a wrong header before a good parameter": replace(
        form(orderbell_secret=SECRET), headers={**FORM, "x-orderbell-secret": "no"}
    ),
    "a wrong token": Raw({}, written(notification(token="no"))),
    "a token that is no text": Raw({}, written(notification(token=[SECRET]))),
    "no token": Raw({}, written(notification(token=None))),
    "a template with a token": Raw({}, written(template(token=SECRET))),
    "no JSON": Raw({}, b"{"),
    "endless parameters": replace(form(), url=HOOK + "?" + "&".join(["a=1"] * 100)),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused(raw: Raw) -> None:
    with pytest.raises(BadSignature):
        SOURCE.authenticate(raw, [SECRET])


@pytest.mark.parametrize("raw", GOOD.values(), ids=GOOD)
def test_the_secret_is_never_kept(raw: Raw) -> None:
    kept = [raw.body if one.body is None else one.body for one in SOURCE.identify(raw)]
    assert all(SECRET.encode() not in body for body in kept)


# -- workflow webhooks --------------------------------------------------------------------------


def test_a_workflows_form_is_an_order() -> None:
    local = {"updated_at": "2026-11-21 19:30:00", "customer_name": "Zoë Example"}
    (item,) = SOURCE.identify(form(orderbell_secret=SECRET, record_id="600100", **local))
    assert item.body is not None
    settings = {"time_zone": "Europe/Berlin"}
    (event,) = SOURCE.map(item.topic, FORM, item.body, settings)
    assert (event.external_id, event.status, event.aliases) == ("1", "ready", ["zoho:600100"])
    assert event.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)


# -- notifications ------------------------------------------------------------------------------


def items(*ids: str, **more: Any) -> list[Item]:
    return list(SOURCE.identify(Raw({}, written(notification(*ids, **more)))))


def event(item: Item, **settings: Any) -> OrderEvent | None:
    found = SOURCE.map(item.topic, {}, item.body or b"", settings)
    return found[0] if found else None


def test_each_record_is_an_event_of_its_own_and_a_repeat_is_recognised() -> None:
    first = items("6001", "6002", "6001")
    assert [item.topic for item in first] == ["Sales_Orders.update"] * 2
    assert len({item.event_key for item in first}) == 2
    assert [item.event_key for item in items("6001", "6002")] == [i.event_key for i in first]
    later = items("6001", server_time=1795285801000)
    assert later[0].event_key != first[0].event_key


@pytest.mark.parametrize(
    "more",
    [{"ids": "6001"}, {"ids": []}, {"ids": [None]}, {"module": ""}, {"ids": ["1"] * 1001}],
    ids=str,
)
def test_a_notification_of_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        items(**more)


def test_the_values_that_changed_move_a_known_order() -> None:
    (item,) = items(affected_values=[affected("6001", Status="Out for delivery")])
    found = event(item)
    assert found is not None
    assert (found.external_id, found.status, found.may_create) == (
        "zoho:6001",
        "out_for_delivery",
        False,
    )
    assert found.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert SOURCE.ask(item.topic, {}, item.body or b"", Api(BASE, CREDENTIALS, {}, "t")) is None


def test_a_deleted_record_is_archived() -> None:
    found = event(items(operation="delete")[0])
    assert found is not None
    assert (found.external_id, found.archived, found.may_create) == ("zoho:6001", True, False)


def test_modules_that_hold_no_orders_are_left_alone() -> None:
    (item,) = items(module="Leads")
    assert event(item) is None
    assert SOURCE.ask(item.topic, {}, item.body or b"", Api(BASE, CREDENTIALS, {}, "t")) is None
    assert event(items(module="Orders2", operation="delete")[0], modules=["Orders2"]) is not None


def test_a_bare_notification_without_credentials_says_what_to_do() -> None:
    with pytest.raises(Unmappable, match="credentials"):
        event(items()[0])


# -- reading the record -------------------------------------------------------------------------


def opened(stand_in: StandIn) -> Api:
    asking = SOURCE.token_ask(Api(BASE, CREDENTIALS), NOW)
    assert asking is not None
    token = SOURCE.token(stand_in.handle(asking), NOW)
    assert token.expires_at == NOW + timedelta(seconds=3570)
    return Api(BASE, CREDENTIALS, {}, token.value)


def fetch(stand_in: StandIn, item: Item, api_: Api) -> bytes:
    asking = SOURCE.ask(item.topic, {}, item.body or b"", api_)
    assert asking is not None
    return SOURCE.fetched(item.topic, item.body or b"", stand_in.handle(asking))


def test_the_record_is_asked_for_read_and_mapped() -> None:
    stand_in = StandIn()
    (item,) = items("6001")
    api_ = opened(stand_in)
    asking = SOURCE.ask(item.topic, {}, item.body or b"", api_)
    assert asking == Ask(
        "GET",
        f"{BASE}/crm/v8/Sales_Orders/6001",
        {"authorization": f"Zoho-oauthtoken {api_.token}", "accept": "application/json"},
    )
    body = fetch(stand_in, item, api_)
    settings = {"fields": {"customer_phone": "Phone"}}
    (found,) = SOURCE.map(item.topic, {}, body, settings)
    assert (found.external_id, found.status, found.display_number) == ("6001", "ready", "#6001")
    assert (found.total_minor, found.currency, found.may_create) == (2150, "USD", True)
    assert found.aliases == ["zoho:6001"]
    assert found.clock.at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert found.contact is not None
    assert (found.contact.external_id, found.contact.name, found.contact.phone) == (
        "701",
        "Ada Example",
        "+12025550143",
    )


# Complaint: a record that is not readable yet is lost when the answer counts as handled.
def test_a_record_that_is_not_there_yet_is_asked_for_again() -> None:
    stand_in = StandIn()
    (item,) = items(LATE)
    api_ = opened(stand_in)
    with pytest.raises(TryLater):
        fetch(stand_in, item, api_)
    assert SOURCE.map(item.topic, {}, fetch(stand_in, item, api_), {})[0].external_id == LATE


@pytest.mark.parametrize(("record", "error"), [("429", TryLater), ("500", TryLater)])
def test_an_api_that_cannot_answer_now_is_asked_later(
    record: str, error: type[SourceError]
) -> None:
    stand_in = StandIn()
    with pytest.raises(error):
        fetch(stand_in, items(record)[0], opened(stand_in))


def test_a_dead_token_is_said_to_be_one() -> None:
    with pytest.raises(TokenRefused):
        fetch(StandIn(), items()[0], Api(BASE, CREDENTIALS, {}, "1000.dead"))


ANSWERS = [
    (Told(403, {}, b"{}"), NoAccess),
    (Told(404, {}, b"{}"), TryLater),
    (Told(204, {}, b""), TryLater),
    (Told(400, {}, b"{}"), SourceError),
    (Told(200, {}, b"<html>"), Malformed),
    (Told(200, {}, b'{"data": []}'), TryLater),
]


@pytest.mark.parametrize(("told", "error"), ANSWERS, ids=str)
def test_other_answers_are_told_apart(told: Told, error: type[SourceError]) -> None:
    with pytest.raises(error):
        api.record(told)


def test_a_wait_that_is_named_is_kept() -> None:
    with pytest.raises(TryLater) as wait:
        api.record(Told(429, {"retry-after": "7"}, b""))
    assert wait.value.seconds == 7


def test_nothing_is_asked_without_a_token_or_about_strange_names() -> None:
    (item,) = items()
    assert SOURCE.ask(item.topic, {}, item.body or b"", Api(BASE, {})) is None
    (strange,) = items("6001/../x")
    with pytest.raises(Unmappable):
        SOURCE.ask(strange.topic, {}, strange.body or b"", Api(BASE, CREDENTIALS, {}, "t"))


# -- tokens -------------------------------------------------------------------------------------


def test_the_token_is_asked_for_at_the_accounts_of_the_data_centre() -> None:
    credentials = {**CREDENTIALS, "data_centre": "EU"}
    assert SOURCE.base(credentials) == "https://www.zohoapis.eu"
    asking = SOURCE.token_ask(Api("https://www.zohoapis.eu", credentials), NOW)
    assert asking is not None
    assert asking.url == "https://accounts.zoho.eu/oauth/v2/token"
    assert parse_qs(asking.body.decode())["grant_type"] == ["refresh_token"]
    assert SOURCE.base({"data_centre": "ca"}) == "https://www.zohoapis.ca"
    stand_in = SOURCE.token_ask(Api("http://127.0.0.1:9/zoho", credentials), NOW)
    assert stand_in is not None
    assert stand_in.url == "http://127.0.0.1:9/zoho/oauth/v2/token"


def test_another_host_is_no_data_centre() -> None:
    for wrong in ("com.evil.example", "com/x", "example"):
        with pytest.raises(NoAccess):
            SOURCE.base({"data_centre": wrong})


def test_half_a_set_of_credentials_asks_for_nothing() -> None:
    for name in ("client_id", "client_secret", "refresh_token"):
        assert SOURCE.token_ask(Api(BASE, {**CREDENTIALS, name: " "}), NOW) is None


def test_a_refused_token_is_told_even_with_the_status_200() -> None:
    asking = SOURCE.token_ask(Api(BASE, {**CREDENTIALS, "refresh_token": "revoked"}), NOW)
    assert asking is not None
    answer = StandIn().handle(asking)
    assert answer.status == 200
    with pytest.raises(NoAccess, match="invalid_code"):
        SOURCE.token(answer, NOW)
    with pytest.raises(TryLater):
        SOURCE.token(Told(500, {}, b""), NOW)
    odd = json.dumps({"access_token": "t", "expires_in": "soon"}).encode()
    assert SOURCE.token(Told(200, {}, odd), NOW).expires_at == NOW + timedelta(seconds=3570)
