"""Salesforce: hosts, tokens, events and records, the mapping, and the stand-in's refusals."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from channels_app.contract import Access, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.salesforce.errors import KINDS
from channels_app.providers.salesforce.provider import (
    FIELDS,
    Salesforce,
    SalesforceCredentials,
    account_host,
)
from channels_app.providers.salesforce.sandbox import SalesforceSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken
from tests.channels_app.providers.salesforce.cases import (
    CREDENTIALS,
    DATA,
    HOST,
    MESSAGE,
    NOW,
    answer,
    error,
    pinned,
)

RECORD = replace(MESSAGE, to="Order__c")


def with_data(message: Message = MESSAGE, **changes: Any) -> Message:
    return replace(message, data={**DATA, **changes})


# --- Hosts


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("nonna.my.salesforce.com", "nonna.my.salesforce.com"),
        ("https://Nonna.my.salesforce.com/", "nonna.my.salesforce.com"),
        ("nonna--uat.sandbox.my.salesforce.com", "nonna--uat.sandbox.my.salesforce.com"),
        ("army.my.salesforce.mil", "army.my.salesforce.mil"),
    ],
)
def test_an_accounts_own_host_is_taken(given: str, host: str) -> None:
    assert account_host(given) == host
    form = SalesforceCredentials({**CREDENTIALS, "domain": given})
    assert form.is_valid() and form.cleaned_data["domain"] == host


@pytest.mark.parametrize(
    "given",
    [
        *("login.salesforce.com", "test.salesforce.com", "nonna.lightning.force.com"),
        *("my.salesforce.com", "evilmy.salesforce.com", "nonna.my.salesforce.com.evil.example"),
        *("http://nonna.my.salesforce.com", "https://a@nonna.my.salesforce.com", "127.0.0.1"),
        *("https://nonna.my.salesforce.com:8443", "nonna my", "https://evil.example/#x", "", "://"),
    ],
)
def test_no_other_host_is_taken(given: str) -> None:
    with pytest.raises(ValueError):
        account_host(given)
    assert "domain" in SalesforceCredentials({**CREDENTIALS, "domain": given}).errors


@pytest.mark.parametrize("given", ["login.salesforce.com", "nonna.lightning.force.com"])
def test_a_host_that_gives_no_tokens_is_refused_with_the_right_one(given: str) -> None:
    errors = SalesforceCredentials({**CREDENTIALS, "domain": given}).errors
    assert ".my.salesforce.com" in str(errors["domain"])


# --- Tokens


def test_a_token_is_asked_for_at_my_domain() -> None:
    request = pinned().token_request(NOW)
    assert request == Request.form(
        f"{HOST}/services/oauth2/token",
        {
            "grant_type": "client_credentials",
            "client_id": "3MVG9test",
            "client_secret": "TESTSECRET0001",
        },
    )


def test_a_token_without_an_end_is_used_for_an_hour_at_its_own_host() -> None:
    other = "https://nonna--eu.my.salesforce.com"
    provider = pinned()
    response = answer(200, {"access_token": "00D!x", "instance_url": other})
    provider.access = provider.token(response, NOW)
    assert provider.access == Access(
        "00D!x", NOW + timedelta(seconds=3540), {"instance_url": other}
    )
    request = provider.request(MESSAGE)
    assert request.url == f"{other}/services/data/v67.0/sobjects/Order_Status__e/"
    assert request.headers["Authorization"] == "Bearer 00D!x"


@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://nonna.my.salesforce.com", "", "https://10.0.0.1", None]
)
def test_a_token_for_another_host_is_not_used(url: str | None) -> None:
    with pytest.raises(SendError) as caught:
        pinned().token(answer(200, {"access_token": "00D!x", "instance_url": url}), NOW)
    assert (caught.value.kind, caught.value.code) == (FailureKind.MISCONFIGURED, "instance_url")


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (answer(400, {"error": "invalid_client"}), FailureKind.MISCONFIGURED, "invalid_client"),
        (answer(400, {"error": "invalid_grant", "error_description": "no user"}),
         FailureKind.MISCONFIGURED, "invalid_grant"),
        (answer(400, {"error": "rate_limit_exceeded"}), FailureKind.THROTTLED,
         "rate_limit_exceeded"),
        (answer(401), FailureKind.MISCONFIGURED, "401"),
        (answer(302, location="/x"), FailureKind.MISCONFIGURED, "302"),
        (answer(503), FailureKind.TRANSIENT, "503"),
        (Response(200, {}, b"<html>"), FailureKind.TRANSIENT, "200"),
        (answer(200, {"error": "invalid_grant", "access_token": "x"}), FailureKind.MISCONFIGURED,
         "invalid_grant"),
        (answer(400, {"error": "a sentence: ada@example.com"}), FailureKind.MISCONFIGURED, "400"),
    ],
)  # fmt: skip
def test_a_token_that_is_refused_says_why(response: Response, kind: FailureKind, code: str) -> None:
    with pytest.raises(SendError) as caught:
        pinned().token(response, NOW)
    assert (caught.value.kind, caught.value.code) == (kind, code)


def test_without_a_token_nothing_is_sent_yet_and_an_ended_one_is_renewed() -> None:
    with pytest.raises(SendError) as caught:
        Salesforce(CREDENTIALS).request(MESSAGE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "token")
    for read in (pinned().accepted, pinned().verified):
        with pytest.raises(AccessRefused):
            read(error(401, "INVALID_SESSION_ID"))


# --- Events and records


def test_what_does_not_end_like_an_event_is_a_record() -> None:
    request = pinned().request(RECORD)
    assert request.method == "PATCH"
    path = "/services/data/v67.0/sobjects/Order__c/External_Id__c/gid%2F1024"
    assert request.url == HOST + path
    assert json.loads(request.body)["Status__c"] == "ready"


def test_the_external_id_is_in_the_path_and_never_in_the_body() -> None:
    provider = pinned(external_id_field="Order_Id__c", key="order.number", api_version="68.0")
    request = provider.request(RECORD)
    assert request.url.endswith("/services/data/v68.0/sobjects/Order__c/Order_Id__c/%231024")
    assert "Order_Id__c" not in json.loads(request.body)


@pytest.mark.parametrize("data", [{}, {"order": None}, {"order": {"number": "7"}}])
def test_a_record_needs_an_id_and_an_event_does_not(data: dict[str, Any]) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(RECORD, data=data))
    assert caught.value.code == "no_external_id"
    body = json.loads(pinned().request(replace(MESSAGE, data=data)).body)
    assert {"Message_Id__c", "Text__c"} <= set(body) <= {*FIELDS}


@pytest.mark.parametrize("to", ["", "Order Status", "../limits", "Order__c/x", "1__e", "Ä__c"])
def test_an_address_that_is_no_api_name_is_refused(to: str) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(MESSAGE, to=to))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


def test_who_lost_the_race_to_make_a_record_changes_it() -> None:
    lost = error(400, "DUPLICATE_VALUE")
    assert pinned().following(RECORD, lost) == pinned().request(RECORD)
    for response in (answer(204), answer(201, {"success": True}), error(400, "INVALID_FIELD")):
        assert pinned().following(RECORD, response) is None


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_known_code_says_what_to_do_and_quotes_nothing(code: str) -> None:
    said = error(400, code, "ada@example.com is bad", ["Status__c", "ada@example.com"])
    with pytest.raises(SendError) as caught:
        pinned().accepted(said)
    assert caught.value.kind is KINDS[code]
    assert caught.value.code == code
    assert "ada" not in caught.value.detail and len(caught.value.detail) > 15


def test_a_refusal_names_the_fields() -> None:
    with pytest.raises(SendError) as caught:
        pinned().accepted(error(400, "INVALID_FIELD", fields=["Status__c"]))
    assert caught.value.detail.endswith(": Status__c.")


# --- The mapping


def test_a_zero_is_written_and_an_empty_value_is_not() -> None:
    order = {"refunded_minor": 0, "total_minor": 12345, "currency": "OMR", "number": ""}
    paths = (
        "A__c = order.refunded\nB__c = order.number\nC__c = order.total\nD__c = order.total_text"
    )
    sent = pinned(fields_map=paths).request(with_data(order=order)).body
    assert json.loads(sent) == {"A__c": 0, "C__c": 12.345, "D__c": "12.345 OMR"}


@pytest.mark.parametrize("text", ["a b", "X = secret.key", "1X = text", "X == text"])
def test_lines_that_cannot_be_read_are_refused_by_the_form(text: str) -> None:
    assert "fields_map" in SalesforceCredentials({**CREDENTIALS, "fields_map": text}).errors
    good = SalesforceCredentials({**CREDENTIALS, "fields_map": "X__c = text\n\n Y__c=order.total "})
    assert good.is_valid(), good.errors


@pytest.mark.parametrize(
    ("name", "value"),
    [("external_id_field", "a b"), ("external_id_field", "../x"), ("external_id_field", "X/")]
    + [("api_version", one) for one in ("67", "v67.0", "67.0/..")],
)
def test_a_setting_that_goes_into_a_path_is_checked(name: str, value: str) -> None:
    assert name in SalesforceCredentials({**CREDENTIALS, name: value}).errors


def test_the_fields_of_the_settings_replace_the_usual_ones() -> None:
    request = pinned(fields_map="Total__c = order.total\nWords__c = text").request(MESSAGE)
    assert request.body == b'{"Total__c":21.5,"Words__c":"Order #1024 is ready."}'


# --- The stand-in

BASE = "http://127.0.0.1:8001/salesforce"


def at(
    end: SalesforceSandbox, request: Request, known: dict[str, str]
) -> tuple[Response, Taken | None]:
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(parse_qsl(parts.query))
    call = Call(request.method, unquote(parts.path), headers, request.body, query)
    reply, taken = end.handle(call, [Account("https://hub.example/r/", known)])
    return Response(reply.status, reply.headers, reply.body), taken


def connected(end: SalesforceSandbox, **changes: str) -> tuple[Salesforce, dict[str, str]]:
    known = {**demo_credentials(), **changes}
    provider = Salesforce(known, BASE)
    response, taken = at(end, provider.token_request(NOW), known)
    assert taken is None
    provider.access = provider.token(response, NOW)
    return provider, known


def test_an_event_and_a_record_are_taken_and_read() -> None:
    end = SalesforceSandbox()
    provider, known = connected(end)
    response, event = at(end, provider.request(MESSAGE), known)
    assert event is not None and json.loads(response.body)["errors"]
    assert provider.accepted(response).message_id == event.id
    first, made = at(end, provider.request(RECORD), known)
    again, changed = at(end, provider.request(RECORD), known)
    assert made is not None and changed is not None
    assert (first.status, again.status, made.id) == (201, 200, changed.id)
    assert provider.accepted(again).message_id == made.id
    assert (made.to, made.text) == ("Order__c", MESSAGE.text)


def test_a_session_can_end_in_the_middle() -> None:
    end = SalesforceSandbox()
    provider, known = connected(end)
    message = with_data(order={"external_id": "expire-1"})
    response, taken = at(end, provider.request(message), known)
    assert taken is None
    with pytest.raises(AccessRefused):
        provider.accepted(response)
    response, taken = at(end, provider.request(message), known)
    assert taken is not None and provider.accepted(response).handed_off


@pytest.mark.parametrize(
    ("changes", "message", "kind"),
    [
        ({}, replace(MESSAGE, to="Nowhere__e"), FailureKind.MISCONFIGURED),
        ({}, replace(MESSAGE, to="Nowhere__c"), FailureKind.MISCONFIGURED),
        ({"fields_map": "Missing__c = text"}, MESSAGE, FailureKind.MISCONFIGURED),
        ({"api_version": "99.0"}, MESSAGE, FailureKind.MISCONFIGURED),
        ({}, with_data(customer={"email": "ada"}), FailureKind.CONTENT_REJECTED),
        ({}, replace(MESSAGE, text="x" * 4001), FailureKind.CONTENT_REJECTED),
    ],
)
def test_the_stand_in_refuses_what_salesforce_refuses(
    changes: dict[str, str], message: Message, kind: FailureKind
) -> None:
    end = SalesforceSandbox()
    provider, known = connected(end, **changes)
    response, taken = at(end, provider.request(message), known)
    assert taken is None
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("method", "path", "headers", "sent", "status"),
    [
        ("POST", "/services/data/v67.0/sobjects/A__e/", {}, b"{}", 415),
        ("POST", "/services/data/v67.0/sobjects/A__e/", {"content-type": "application/json"},
         b"[]", 400),
        ("PATCH", "/services/data/v67.0/sobjects/A__c/X__c/1", {"content-type": "application/json"},
         b'{"X__c":"1"}', 400),
        ("POST", "/services/data/v67.0/sobjects/A__e/", {"content-type": "application/json"},
         b'{"A__c":{}}', 400),
        ("GET", "/services/data/v67.0/sobjects/A__e/", {}, b"", 404),
        ("POST", "/services/soap", {}, b"", 404),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_in_salesforces_form(
    method: str, path: str, headers: dict[str, str], sent: bytes, status: int
) -> None:
    end = SalesforceSandbox()
    provider, known = connected(end)
    assert provider.access is not None
    auth = {"authorization": f"Bearer {provider.access.token}"}
    call = Call(method, path, {**headers, **auth}, sent)
    reply, taken = end.handle(call, [Account("", known)])
    assert (reply.status, taken) == (status, None)
    assert {"message", "errorCode"} <= set(json.loads(reply.body)[0])


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"grant_type=password", b"grant_type=client_credentials&client_id=x"]
)
def test_the_stand_in_gives_no_token_to_strangers(body: bytes) -> None:
    call = Call("POST", "/services/oauth2/token", {}, body)
    reply, taken = SalesforceSandbox().handle(call, [Account("", demo_credentials())])
    assert (reply.status, taken) == (400, None)
    with pytest.raises(SendError) as caught:
        pinned().token(Response(reply.status, {}, reply.body), NOW)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_the_demo_credentials_pass_the_form_and_faults_are_read() -> None:
    assert SalesforceCredentials(demo_credentials()).is_valid()
    with pytest.raises(SendError) as caught:
        pinned().accepted(Response(403, {}, SalesforceSandbox().fault_body(403)))
    assert (caught.value.kind, caught.value.retry_after) == (FailureKind.THROTTLED, 3600.0)
