"""HubSpot: the steps to a record, the mapping, events, tokens, and the stand-in's refusals."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from channels_app.contract import Accepted, Access, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.hubspot import mapping
from channels_app.providers.hubspot.provider import FIELDS, HubSpot, HubSpotCredentials
from channels_app.providers.hubspot.sandbox import (
    PROPERTIES,
    HubSpotSandbox,
    access_token,
    demo_credentials,
)
from channels_app.sandbox.contract import Account, Call, Taken
from tests.channels_app.providers.hubspot.cases import (
    CREDENTIALS,
    DATA,
    MESSAGE,
    RECORD,
    UPDATE,
    answer,
    detail,
    error,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
APP = {
    "client_id": "c-1",
    "client_secret": "test_secret_1",
    "refresh_token": "test_refresh_1",
    "mode": "orders",
}
EVENT = {**CREDENTIALS, "mode": "event", "event_name": "pe42_order_changed"}


def provider(**changes: str) -> HubSpot:
    return HubSpot({**CREDENTIALS, **changes})


def with_data(**changes: Any) -> Message:
    return replace(MESSAGE, data={**DATA, **changes})


def body(request: Request | None) -> Any:
    assert request is not None
    return json.loads(request.body)


# --- The steps


def test_a_missing_record_is_made_with_a_link_to_the_contact() -> None:
    contact = provider().following(MESSAGE, answer(404))
    assert contact is not None and contact.method == "POST"
    assert contact.url == "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/upsert"
    one = {
        "idProperty": "email",
        "id": "ada@example.com",
        "properties": {"email": "ada@example.com"},
    }
    assert body(contact) == {"inputs": [one]}, "nothing else of the contact is overwritten"
    made = provider().following(MESSAGE, answer(200, {"results": [{"id": "501", "new": True}]}))
    assert made is not None
    assert (made.method, made.url) == ("POST", "https://api.hubapi.com/crm/objects/2026-09/orders")
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 507}
    assert body(made)["associations"] == [{"to": {"id": "501"}, "types": [kind]}]
    properties = body(made)["properties"]
    assert properties["orderbell_order_id"] == "gid/1024"
    assert properties["hs_pipeline"] == "pipe-7"
    assert properties["hs_pipeline_stage"] == "4b27-ready"


def test_deals_have_properties_and_a_link_of_their_own() -> None:
    made = provider(mode="deals").following(MESSAGE, answer(200, {"results": [{"id": "501"}]}))
    found = body(made)
    assert found["associations"][0]["types"][0]["associationTypeId"] == 3
    assert found["properties"] == {
        "orderbell_order_id": "gid/1024",
        "dealname": "#1024 · Nonna",
        "amount": "21.50",
        "description": "Order #1024 is ready.",
        "dealstage": "4b27-ready",
        "pipeline": "pipe-7",
    }


@pytest.mark.parametrize(
    ("message", "contacts"),
    [(with_data(customer=None), ""), (with_data(customer={"name": "Ada"}), ""), (MESSAGE, "none")],
)
def test_without_an_address_or_where_unwanted_nothing_is_linked(
    message: Message, contacts: str
) -> None:
    made = provider(contacts=contacts).following(message, answer(404))
    assert made is not None and made.url.endswith("/orders")
    assert body(made)["associations"] == []


def test_the_word_default_leaves_the_pipeline_to_hubspot() -> None:
    message = replace(MESSAGE, to="default", data={**DATA, "customer": None})
    assert "hs_pipeline" not in body(provider().following(message, answer(404)))["properties"]


@pytest.mark.parametrize(
    "response",
    [error(409, "CONFLICT"), error(400, "VALIDATION_ERROR", "123 already has that value.")],
)
def test_who_lost_the_race_changes_what_the_other_made(response: Response) -> None:
    assert provider().following(MESSAGE, response) == UPDATE


@pytest.mark.parametrize(
    "response", [answer(200, RECORD), answer(503), answer(401), detail("INVALID_OPTION")]
)
def test_nothing_follows_an_end(response: Response) -> None:
    assert provider().following(MESSAGE, response) is None


def test_a_contact_that_is_refused_in_a_batch_ends_the_send() -> None:
    refused = answer(207, {"results": [], "errors": [{"category": "VALIDATION_ERROR"}]})
    with pytest.raises(SendError) as caught:
        provider().following(MESSAGE, refused)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED
    assert "ada" not in caught.value.detail


@pytest.mark.parametrize(
    ("key", "path"), [("order.number", "%231024"), ("order.id", "77"), ("", "gid%2F1024")]
)
def test_the_record_is_known_by_the_id_of_the_settings(key: str, path: str) -> None:
    request = provider(key=key, id_property="my_key").request(MESSAGE)
    assert request.url.endswith(f"/orders/{path}?idProperty=my_key")


@pytest.mark.parametrize("data", [{}, {"order": None}, {"order": {"number": "7"}}])
def test_an_order_without_an_id_is_not_sent(data: dict[str, Any]) -> None:
    with pytest.raises(SendError) as caught:
        provider().request(replace(MESSAGE, data=data))
    assert (caught.value.kind, caught.value.code) == (
        FailureKind.CONTENT_REJECTED,
        "no_external_id",
    )


# --- The mapping


def test_every_value_is_a_text() -> None:
    order = {"total_minor": 12345, "currency": "OMR", "refunded_minor": 0, "number": 7}
    wanted = {"orderbell_a": "order.total", "orderbell_b": "order.refunded", "orderbell_c": "order"}
    settings = "\n".join(f"{name} = {path}" for name, path in wanted.items())
    change = provider(properties=f"{settings}\norderbell_d = order.number", key="order.number")
    sent = json.loads(change.request(with_data(order=order)).body)["properties"]
    assert sent == {"orderbell_a": "12.345", "orderbell_b": "0.000", "orderbell_d": "7"}


@pytest.mark.parametrize("data", [{}, {"items": "x", "tracking": {}, "customer": [], "order": 5}])
def test_no_value_needs_any_other(data: dict[str, Any]) -> None:
    paths = {path for fields in FIELDS.values() for path in fields.values()}
    more = {"items", "tracking.number", "customer.opted_out", "order.refunded"}
    found = {mapping.value(replace(MESSAGE, data=data), path) for path in paths | more}
    assert found == {"", "Order #1024 is ready."}


@pytest.mark.parametrize("text", ["a b", "x = secret.key", "X = text", "x == text", "x = a.b.c.d"])
def test_lines_that_cannot_be_read_are_refused_by_the_form(text: str) -> None:
    form = HubSpotCredentials({**CREDENTIALS, "properties": text})
    assert "properties" in form.errors
    assert "stages" in HubSpotCredentials({**CREDENTIALS, "stages": "ready = a b"}).errors


def test_a_status_without_a_stage_leaves_the_stage_alone() -> None:
    message = with_data(order={**DATA["order"], "status": "preparing"})
    assert "hs_pipeline_stage" not in body(provider().request(message))["properties"]


# --- Events


def test_an_event_is_sent_whole_and_with_an_id_of_its_own() -> None:
    request = HubSpot(EVENT).request(MESSAGE)
    assert (request.method, request.url) == ("POST", "https://api.hubapi.com/events/2026-09/send")
    found = body(request)
    assert found == {
        "eventName": "pe42_order_changed",
        "email": "ada@example.com",
        "uuid": found["uuid"],
        "properties": {
            "order_id": "gid/1024",
            "order_number": "#1024",
            "order_status": "ready",
            "order_event": "ready",
            "order_text": "Order #1024 is ready.",
        },
        "occurredAt": "2026-11-21T12:00:00+00:00",
    }
    other = body(HubSpot(EVENT).request(replace(MESSAGE, ref="ref-2")))
    assert other["uuid"] != found["uuid"] == body(HubSpot(EVENT).request(MESSAGE))["uuid"]


def test_an_event_needs_an_address() -> None:
    with pytest.raises(SendError) as caught:
        HubSpot(EVENT).request(with_data(customer=None))
    assert caught.value.code == "no_contact"


@pytest.mark.parametrize(
    "response",
    [
        answer(204),
        answer(409),
        error(400, "VALIDATION_ERROR", "An event with this uuid was already taken"),
    ],
)
def test_an_event_that_was_taken_before_is_a_success(response: Response) -> None:
    assert HubSpot(EVENT).following(MESSAGE, response) is None
    assert HubSpot(EVENT).accepted(response) == Accepted(handed_off=True)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(200, {"id": "1"}), FailureKind.UNKNOWN),
        (error(400, "VALIDATION_ERROR", "uuid is too long"), FailureKind.CONTENT_REJECTED),
        (error(400, "VALIDATION_ERROR", "already archived"), FailureKind.CONTENT_REJECTED),
        (error(400, "VALIDATION_ERROR", "The event definition x"), FailureKind.MISCONFIGURED),
        (answer(404), FailureKind.MISCONFIGURED),
        (answer(503), FailureKind.TRANSIENT),
    ],
)
def test_an_event_that_was_not_taken_is_none(response: Response, kind: FailureKind) -> None:
    with pytest.raises(SendError) as caught:
        HubSpot(EVENT).accepted(response)
    assert caught.value.kind is kind


def test_for_events_the_account_itself_is_asked_for() -> None:
    asks = HubSpot(EVENT).verification()
    assert asks.url == "https://api.hubapi.com/account-info/2026-09/details"
    found = HubSpot(EVENT).verified(answer(200, {"portalId": 42}))
    assert found == "HubSpot answers for account 42."


# --- Tokens


def test_a_token_is_asked_for_at_the_dated_path() -> None:
    request = HubSpot({**APP, "api_version": "2027-03"}).token_request(NOW)
    assert request is not None
    assert request.url == "https://api.hubapi.com/oauth/2027-03/token"
    assert request.body == (
        b"grant_type=refresh_token&client_id=c-1&client_secret=test_secret_1"
        b"&refresh_token=test_refresh_1"
    )
    assert provider().token_request(NOW) is None, "a service key is used as it is"


@pytest.mark.parametrize(
    ("told", "seconds"), [(10**400, 86340), (1, 30), (0, 1740), (-5, 1740), ("600", 1740)]
)
def test_a_token_with_a_strange_end_is_used_for_a_sensible_time(told: Any, seconds: int) -> None:
    access = HubSpot(APP).token(answer(200, {"access_token": "t", "expires_in": told}), NOW)
    assert access.expires_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"status": "BAD_REFRESH_TOKEN"}, "BAD_REFRESH_TOKEN"),
        ({"status": "error", "category": "EXPIRED"}, "EXPIRED"),
        ({"status": "error"}, "400"),
        ({"error": {"x": 1}}, "400"),
    ],
)
def test_a_refused_token_is_named_by_its_code(said: dict[str, Any], code: str) -> None:
    with pytest.raises(SendError) as caught:
        HubSpot(APP).token(answer(400, said), NOW)
    assert caught.value.code == code


def test_a_token_ends_when_hubspot_says() -> None:
    access = HubSpot(APP).token(answer(200, {"access_token": "t", "expires_in": 600}), NOW)
    assert access == Access("t", NOW + timedelta(seconds=540), {})


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (error(400, "BAD_REFRESH_TOKEN"), FailureKind.MISCONFIGURED),
        (answer(400, {"status": "BAD_REFRESH_TOKEN"}), FailureKind.MISCONFIGURED),
        (answer(400), FailureKind.MISCONFIGURED),
        (answer(429, retry_after="9"), FailureKind.THROTTLED),
        (answer(502), FailureKind.TRANSIENT),
        (answer(200, {}), FailureKind.TRANSIENT),
        (answer(200, {"access_token": "a b"}), FailureKind.TRANSIENT),
        (answer(200, {"access_token": "a\r\nX: y"}), FailureKind.TRANSIENT),
        (Response(200, {}, b"<html>"), FailureKind.TRANSIENT),
    ],
)
def test_no_token_is_never_an_unknown_send(response: Response, kind: FailureKind) -> None:
    with pytest.raises(SendError) as caught:
        HubSpot(APP).token(response, NOW)
    assert caught.value.kind is kind


def test_a_fetched_token_is_used_and_renewed_and_a_key_is_not() -> None:
    app = HubSpot(APP)
    with pytest.raises(SendError) as caught:
        app.request(MESSAGE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "token")
    app.access = Access("fetched", NOW)
    assert app.request(MESSAGE).headers["Authorization"] == "Bearer fetched"
    with pytest.raises(AccessRefused):
        app.accepted(error(401, "EXPIRED_AUTHENTICATION"))
    with pytest.raises(SendError) as caught:
        provider().accepted(error(401, "EXPIRED_AUTHENTICATION"))
    assert not isinstance(caught.value, AccessRefused)


def test_the_form_wants_a_key_or_all_that_fetches_one() -> None:
    assert HubSpotCredentials(APP).is_valid()
    assert not HubSpotCredentials({**APP, "refresh_token": ""}).is_valid()
    assert not HubSpotCredentials({"mode": "orders"}).is_valid()
    assert "event_name" in HubSpotCredentials({**CREDENTIALS, "mode": "event"}).errors
    assert HubSpotCredentials(EVENT).is_valid()
    for name, value in (("api_version", "v3"), ("id_property", "a b"), ("event_name", "x")):
        assert name in HubSpotCredentials({**CREDENTIALS, name: value}).errors
    assert HubSpotCredentials(demo_credentials()).is_valid()


# --- The stand-in

BASE = "http://127.0.0.1:8001/hubspot"


def at(
    end: HubSpotSandbox, request: Request | None, known: dict[str, str]
) -> tuple[Response, Taken | None]:
    assert request is not None
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(parse_qsl(parts.query))
    call = Call(request.method, unquote(parts.path), headers, request.body, query)
    reply, taken = end.handle(call, [Account("https://hub.example/r/", known)])
    return Response(reply.status, reply.headers, reply.body), taken


def test_three_steps_make_a_record_and_one_step_changes_it() -> None:
    end, known = HubSpotSandbox(), demo_credentials()
    there = HubSpot(known, BASE)
    missing, none = at(end, there.request(MESSAGE), known)
    assert (missing.status, none) == (404, None)
    contact, none = at(end, there.following(MESSAGE, missing), known)
    assert (contact.status, none) == (200, None)
    made, taken = at(end, there.following(MESSAGE, contact), known)
    assert taken is not None and made.status == 201
    assert taken.extra["linked"] == [json.loads(contact.body)["results"][0]["id"]]
    assert there.accepted(made).message_id == taken.id
    changed, again = at(end, there.request(MESSAGE), known)
    assert again is not None and there.accepted(changed).message_id == again.id == taken.id
    assert again.text == MESSAGE.text
    late, none = at(end, there.following(MESSAGE, contact), known)
    assert (late.status, none) == (409, None)


def test_the_stand_in_gives_tokens_and_takes_them() -> None:
    end, app = HubSpotSandbox(), HubSpot({**APP, "mode": "orders"}, BASE)
    response, taken = at(end, app.token_request(NOW), APP)
    assert taken is None
    app.access = app.token(response, NOW)
    assert app.access.token == access_token("test_refresh_1")
    assert app.verified(at(end, app.verification(), APP)[0])
    refused, _none = at(end, app.token_request(NOW), {**APP, "refresh_token": "other"})
    with pytest.raises(SendError) as caught:
        app.token(refused, NOW)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_a_pipeline_that_is_not_there_pauses_the_channel() -> None:
    end, known = HubSpotSandbox(), demo_credentials()
    there, message = HubSpot(known, BASE), replace(with_data(customer=None), to="nowhere")
    response, _none = at(end, there.request(message), known)
    response, _none = at(end, there.following(message, response), known)
    with pytest.raises(SendError) as caught:
        there.accepted(response)
    assert caught.value.kind is FailureKind.MISCONFIGURED


@pytest.mark.parametrize(
    ("changes", "data", "kind"),
    [
        ({"properties": "missing_one = text"}, {}, FailureKind.MISCONFIGURED),
        ({"id_property": "hs_external_order_id"}, {}, FailureKind.MISCONFIGURED),
        ({}, {"customer": {"email": "x@refused.example"}}, FailureKind.CONTENT_REJECTED),
        ({"service_key": "pat-another-key-of-another"}, {}, FailureKind.MISCONFIGURED),
    ],
)
def test_the_stand_in_refuses_what_hubspot_refuses(
    changes: dict[str, str], data: dict[str, Any], kind: FailureKind
) -> None:
    end, known = HubSpotSandbox(), demo_credentials()
    there, message = HubSpot({**known, **changes}, BASE), with_data(**data)
    with pytest.raises(SendError) as caught:
        request: Request | None = there.request(message)
        for _step in range(4):
            response, _taken = at(end, request, known)
            request = there.following(message, response)
            if request is None:
                there.accepted(response)
    assert caught.value.kind is kind


def test_the_stand_in_takes_an_event_once() -> None:
    end, known = HubSpotSandbox(), {**demo_credentials(), "mode": "event"}
    known |= {"event_name": "pe42_order_changed", "properties": ""}
    there = HubSpot(known, BASE)
    first, taken = at(end, there.request(MESSAGE), known)
    assert taken is not None and taken.text == MESSAGE.text
    second, none = at(end, there.request(MESSAGE), known)
    assert none is None and second.status == 400
    assert there.accepted(first) == there.accepted(second) == Accepted(handed_off=True)


@pytest.mark.parametrize(
    ("method", "path", "headers", "sent", "status"),
    [
        ("POST", "/crm/objects/v3/orders", {}, b"{}", 404),
        ("DELETE", "/crm/objects/2026-09/orders/1", {}, b"", 404),
        ("POST", "/crm/objects/2026-09/orders", {}, b"{}", 401),
        ("POST", "/crm/objects/2026-09/orders", {"content-type": "text/plain"}, b"{}", 415),
        ("POST", "/crm/objects/2026-09/orders", {"content-type": "application/json"}, b"{", 400),
        ("POST", "/crm/objects/2026-09/orders", {"content-type": "application/json"}, b"{}", 400),
        ("POST", "/events/2026-09/send", {"content-type": "application/json"},
         b'{"eventName":"pe1_a","properties":{}}', 400),
        ("PATCH", "/crm/objects/2026-09/orders/1", {"content-type": "application/json"},
         b'{"properties":{"amount":5}}', 400),
        ("POST", "/oauth/2026-09/token", {}, b"grant_type=password", 400),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_in_hubspots_form(
    method: str, path: str, headers: dict[str, str], sent: bytes, status: int
) -> None:
    known = demo_credentials()
    auth = {"authorization": f"Bearer {known['service_key']}"} if status != 401 else {}
    call = Call(method, path, {**headers, **auth}, sent)
    reply, taken = HubSpotSandbox().handle(call, [Account("", known)])
    assert (reply.status, taken) == (status, None)
    assert {"category", "message", "correlationId"} <= set(json.loads(reply.body))


def test_the_demo_writes_the_words() -> None:
    assert mapping.fields(PROPERTIES)["orderbell_text"] == "text"
    fault = HubSpot(CREDENTIALS).accepted
    with pytest.raises(SendError) as caught:
        fault(Response(429, {}, HubSpotSandbox().fault_body(429)))
    assert (caught.value.kind, caught.value.retry_after) == (FailureKind.THROTTLED, 10.0)
