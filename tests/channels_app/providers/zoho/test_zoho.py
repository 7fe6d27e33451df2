"""Zoho CRM: data centres, tokens, records with codes of their own, and the stand-in's refusals."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from channels_app.contract import Access, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.zoho.centres import CENTRES, api_host
from channels_app.providers.zoho.errors import KINDS
from channels_app.providers.zoho.provider import Zoho, ZohoCredentials
from channels_app.providers.zoho.sandbox import ZohoSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken
from tests.channels_app.providers.zoho.cases import (
    CREDENTIALS,
    DATA,
    HEADERS,
    HOST,
    MESSAGE,
    NOW,
    RECORD,
    answer,
    error,
    in_record,
    pinned,
)


def with_data(**changes: Any) -> Message:
    return replace(MESSAGE, data={**DATA, **changes})


def record_of(message: Message, **changes: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pinned(**changes).request(message).body)["data"][0]
    return found


# --- Data centres and tokens


@pytest.mark.parametrize(
    ("key", "accounts", "api"),
    [
        ("com", "https://accounts.zoho.com", "https://www.zohoapis.com"),
        ("eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu"),
        ("in", "https://accounts.zoho.in", "https://www.zohoapis.in"),
        ("com.au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
        ("jp", "https://accounts.zoho.jp", "https://www.zohoapis.jp"),
        ("com.cn", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
        ("sa", "https://accounts.zoho.sa", "https://www.zohoapis.sa"),
        ("uk", "https://accounts.zoho.uk", "https://www.zohoapis.uk"),
        ("ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
    ],
)
def test_tokens_are_asked_for_in_the_data_centre_of_the_account(
    key: str, accounts: str, api: str
) -> None:
    provider = Zoho({**CREDENTIALS, "centre": key})
    request = provider.token_request(NOW)
    assert request.url == f"{accounts}/oauth/v2/token"
    assert request.body == (
        b"grant_type=refresh_token&client_id=1000.TEST&client_secret=test-secret-1"
        b"&refresh_token=1000.test.refresh"
    )
    assert provider.base == api
    provider.access = provider.token(answer(200, {"access_token": "t", "api_domain": api}), NOW)
    assert provider.request(MESSAGE).url == f"{api}/crm/v8/Deals/upsert"
    assert set(CENTRES) == {"com", "eu", "in", "com.au", "jp", "com.cn", "sa", "uk", "ca"}


def test_a_token_is_good_for_an_hour_at_the_host_that_it_names() -> None:
    value = {"access_token": "t", "api_domain": "https://sandbox.zohoapis.eu/", "expires_in": 3600}
    access = pinned().token(answer(200, value), NOW)
    data = {"api_domain": "https://sandbox.zohoapis.eu"}
    assert access == Access("t", NOW + timedelta(seconds=3540), data)
    plain = pinned().token(answer(200, {"access_token": "t", "expires_in": 90}), NOW)
    assert (plain.data["api_domain"], plain.expires_at) == (HOST, NOW + timedelta(seconds=30))


@pytest.mark.parametrize(
    "url",
    [
        *("https://www.zohoapis.com", "https://evilzohoapis.eu", "http://www.zohoapis.eu"),
        *("https://www.zohoapis.eu.evil.example", "https://www.zohoapis.eu/x", "nothing"),
        *("https://a@www.zohoapis.eu", "https://www.zohoapis.eu:8443", "https://www.zohoapis.eu?x"),
    ],
)
def test_a_token_of_another_host_is_not_used(url: str) -> None:
    with pytest.raises(ValueError):
        api_host(CENTRES["eu"], url)
    with pytest.raises(SendError) as caught:
        pinned().token(answer(200, {"access_token": "t", "api_domain": url}), NOW)
    assert (caught.value.kind, caught.value.code) == (FailureKind.MISCONFIGURED, "api_domain")


@pytest.mark.parametrize(
    ("response", "kind", "wait"),
    [
        (answer(200, {"error": "invalid_code"}), FailureKind.MISCONFIGURED, None),
        (answer(200, {"error": "invalid_client"}), FailureKind.MISCONFIGURED, None),
        (answer(200, {"error": "invalid_client_secret"}), FailureKind.MISCONFIGURED, None),
        (answer(400, {"error": "Access Denied", "error_description": "too many requests"}),
         FailureKind.THROTTLED, 600.0),
        (answer(429, retry_after="20"), FailureKind.THROTTLED, 20.0),
        (answer(200, {"error": "server_error"}), FailureKind.TRANSIENT, None),
        (answer(500), FailureKind.TRANSIENT, None),
        (Response(200, {}, b"<html>"), FailureKind.TRANSIENT, None),
    ],
)  # fmt: skip
def test_a_refusal_with_http_200_is_no_token(
    response: Response, kind: FailureKind, wait: float | None
) -> None:
    with pytest.raises(SendError) as caught:
        pinned().token(response, NOW)
    assert (caught.value.kind, caught.value.retry_after) == (kind, wait)
    assert len(caught.value.detail) > 15


def test_without_a_token_nothing_is_sent_yet_and_an_ended_one_is_renewed() -> None:
    with pytest.raises(SendError) as caught:
        Zoho(CREDENTIALS).request(MESSAGE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "token")
    for read in (pinned().accepted, pinned().verified):
        for response in (error(401, "INVALID_TOKEN"), answer(401), in_record("INVALID_TOKEN")):
            with pytest.raises(AccessRefused):
                read(response)
    with pytest.raises(SendError) as caught:
        pinned().accepted(error(401, "OAUTH_SCOPE_MISMATCH"))
    assert not isinstance(caught.value, AccessRefused), "a new token would have the same scopes"


# --- Records


@pytest.mark.parametrize(
    ("module", "name"),
    [("Deals", "Deal_Name"), ("Sales_Orders", "Subject"), ("Leads", "Last_Name"),
     ("Food_Orders", "Name")],
)  # fmt: skip
def test_a_record_is_called_by_the_name_field_of_its_module(module: str, name: str) -> None:
    assert record_of(replace(MESSAGE, to=module))[name] == "#1024 · Nonna"


def test_the_settings_name_the_fields() -> None:
    found = record_of(
        MESSAGE,
        fields_map="Amount = order.total\nDeal_Name = order.number\nRef = ref",
        match_field="Shop_ID",
        key="order.id",
        stage_field="Status",
    )
    assert found == {
        "Shop_ID": "77",
        "Deal_Name": "#1024",
        "Amount": 21.5,
        "Ref": "ref-1",
        "Status": "Ready to collect",
    }
    body = json.loads(pinned(match_field="Shop_ID").request(MESSAGE).body)
    assert body["duplicate_check_fields"] == ["Shop_ID"]
    assert "/crm/v9/" in pinned(api_version="v9").request(MESSAGE).url


def test_a_status_without_a_stage_leaves_the_stage_alone() -> None:
    assert "Stage" not in record_of(with_data(order={**DATA["order"], "status": "preparing"}))
    assert "Stage" not in record_of(with_data(order={"external_id": "1"}))


def test_an_order_that_says_nothing_but_its_id_is_still_a_record() -> None:
    bare = replace(MESSAGE, data={"order": {"external_id": "1"}})
    expected = {"Orderbell_ID": "1", "Deal_Name": "1", "Order_Text": "Order #1024 is ready."}
    assert record_of(bare) == expected


@pytest.mark.parametrize("data", [{}, {"order": None}, {"order": {"number": "7"}}])
def test_an_order_without_an_id_is_not_sent(data: dict[str, Any]) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(MESSAGE, data=data))
    assert caught.value.code == "no_external_id"


@pytest.mark.parametrize("to", ["", "Sales Orders", "../org", "Deals/upsert", "1", "Ä"])
def test_an_address_that_is_no_module_is_refused(to: str) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(MESSAGE, to=to))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize(
    "details", [{"id": "41"}, {"duplicate_record": {"id": "41", "module": {"id": "1"}}}]
)
def test_who_lost_the_race_changes_what_the_other_made(details: dict[str, Any]) -> None:
    lost = in_record("DUPLICATE_DATA", api_name="Orderbell_ID", **details)
    body = f'{{"data":[{RECORD}],"trigger":["workflow"]}}'.encode()
    expected = Request("PUT", f"{HOST}/crm/v8/Deals/41", HEADERS, body)
    assert pinned().following(MESSAGE, lost) == expected


@pytest.mark.parametrize(
    "response",
    [
        in_record("DUPLICATE_DATA", api_name="Customer_Email", id="41"),
        in_record("DUPLICATE_DATA", api_name="Orderbell_ID"),
        in_record("INVALID_DATA", api_name="Orderbell_ID", id="41"),
        answer(200, {"data": [{"code": "SUCCESS", "details": {"id": "41"}}]}),
        answer(503),
    ],
)
def test_a_record_that_is_not_ours_is_never_changed(response: Response) -> None:
    assert pinned().following(MESSAGE, response) is None


@pytest.mark.parametrize("code", sorted(KINDS))
def test_every_known_code_says_what_to_do_and_quotes_nothing(code: str) -> None:
    for status in (200, 202, 400):
        with pytest.raises(SendError) as caught:
            pinned().accepted(in_record(code, status, api_name="Order_Status"))
        assert caught.value.kind is KINDS[code]
        assert caught.value.code == code
    odd = in_record(code, api_name="ada@example.com")
    with pytest.raises(SendError) as caught:
        pinned().accepted(odd)
    assert "ada" not in caught.value.detail


# --- The mapping


def test_amounts_are_numbers_with_the_digits_of_their_currency() -> None:
    order = {**DATA["order"], "refunded_minor": 0, "total_minor": 12345, "currency": "OMR"}
    paths = "A = order.refunded\nB = order.total\nC = order.total_text\nD = order.attributes.x"
    sent = json.loads(pinned(fields_map=paths).request(with_data(order=order)).body)["data"][0]
    assert (sent["A"], sent["B"], sent["C"]) == (0, 12.345, "12.345 OMR")
    assert "D" not in sent


@pytest.mark.parametrize("text", ["a b", "X = secret.key", "1X = text", "X == text"])
def test_lines_that_cannot_be_read_are_refused_by_the_form(text: str) -> None:
    assert "fields_map" in ZohoCredentials({**CREDENTIALS, "fields_map": text}).errors
    assert "stages" in ZohoCredentials({**CREDENTIALS, "stages": "READY = x"}).errors
    assert "stages" in ZohoCredentials({**CREDENTIALS, "stages": "ready ="}).errors
    for name, value in (("centre", "mars"), ("api_version", "8"), ("match_field", "a b")):
        assert name in ZohoCredentials({**CREDENTIALS, name: value}).errors
    assert ZohoCredentials({**CREDENTIALS, "fields_map": "A = text\n\n B=ref "}).is_valid()


# --- The stand-in

BASE = "http://127.0.0.1:8001/zoho"


def at(end: ZohoSandbox, request: Request, known: dict[str, str]) -> tuple[Response, Taken | None]:
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(parse_qsl(parts.query))
    call = Call(request.method, unquote(parts.path), headers, request.body, query)
    reply, taken = end.handle(call, [Account("https://hub.example/r/", known)])
    return Response(reply.status, reply.headers, reply.body), taken


def connected(end: ZohoSandbox, **changes: str) -> tuple[Zoho, dict[str, str]]:
    known = {**demo_credentials(), **changes}
    provider = Zoho(known, BASE)
    response, taken = at(end, provider.token_request(NOW), known)
    assert taken is None
    provider.access = provider.token(response, NOW)
    return provider, known


def test_a_record_is_inserted_then_updated() -> None:
    end = ZohoSandbox()
    provider, known = connected(end)
    first, made = at(end, provider.request(MESSAGE), known)
    again, changed = at(end, provider.request(MESSAGE), known)
    assert made is not None and changed is not None
    assert (first.status, again.status, made.id) == (201, 200, changed.id)
    assert provider.accepted(again).message_id == made.id
    assert (made.to, made.text) == ("Deals", MESSAGE.text)


def test_a_lost_race_ends_in_a_changed_record() -> None:
    end = ZohoSandbox()
    provider, known = connected(end)
    message = with_data(order={"external_id": "twice-1"})
    lost, none = at(end, provider.request(message), known)
    assert (lost.status, none) == (200, None)
    following = provider.following(message, lost)
    assert following is not None
    response, taken = at(end, following, known)
    assert taken is not None and provider.accepted(response).message_id == taken.id


@pytest.mark.parametrize(
    ("changes", "message", "kind"),
    [
        ({}, replace(MESSAGE, to="Nowhere"), FailureKind.MISCONFIGURED),
        ({"fields_map": "Count_of_items = text"}, MESSAGE, FailureKind.MISCONFIGURED),
        ({}, with_data(customer={"email": "ada"}), FailureKind.CONTENT_REJECTED),
        ({}, replace(MESSAGE, text="x" * 2001), FailureKind.CONTENT_REJECTED),
    ],
)
def test_the_stand_in_refuses_what_zoho_refuses(
    changes: dict[str, str], message: Message, kind: FailureKind
) -> None:
    end = ZohoSandbox()
    provider, known = connected(end, **changes)
    response, taken = at(end, provider.request(message), known)
    assert taken is None
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is kind


def test_the_eleventh_token_in_ten_minutes_is_refused() -> None:
    end = ZohoSandbox()
    provider, known = connected(end)
    for _more in range(9):
        provider.token(at(end, provider.token_request(NOW), known)[0], NOW)
    with pytest.raises(SendError) as caught:
        provider.token(at(end, provider.token_request(NOW), known)[0], NOW)
    assert (caught.value.kind, caught.value.retry_after) == (FailureKind.THROTTLED, 600.0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "1000.OTHER"}, "invalid_client"),
        ({"client_secret": "other"}, "invalid_client_secret"),
        ({"refresh_token": "1000.other"}, "invalid_code"),
    ],
)
def test_the_stand_in_gives_no_token_to_strangers(changes: dict[str, str], code: str) -> None:
    known = demo_credentials()
    provider = Zoho({**known, **changes}, BASE)
    response, _none = at(ZohoSandbox(), provider.token_request(NOW), known)
    assert response.status == 200
    with pytest.raises(SendError) as caught:
        provider.token(response, NOW)
    assert (caught.value.kind, caught.value.code) == (FailureKind.MISCONFIGURED, code)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "/crm/v8/Deals/upsert", b"{", 400),
        ("POST", "/crm/v8/Deals/upsert", b"{}", 400),
        ("POST", "/crm/v8/Deals/upsert", b'{"data":[{"Deal_Name":"x"}]}', 400),
        ("POST", "/crm/v8/Deals/upsert", b'{"data":[{"Amount":1}]}', 200),
        ("PUT", "/crm/v8/Deals/41", b'{"data":[{"Deal_Name":"x"}]}', 200),
        ("PUT", "/crm/v8/Deals/upsert", b"{}", 404),
        ("GET", "/crm/v8/Deals/upsert", b"", 404),
        ("POST", "/crm/v8/org", b"", 404),
    ],
)
def test_the_stand_in_refuses_in_zohos_form(
    method: str, path: str, sent: bytes, status: int
) -> None:
    end = ZohoSandbox()
    provider, known = connected(end)
    assert provider.access is not None
    headers = {"authorization": f"Zoho-oauthtoken {provider.access.token}"}
    reply, taken = end.handle(Call(method, path, headers, sent), [Account("", known)])
    assert (reply.status, taken) == (status, None)
    said = json.loads(reply.body)
    assert {"code", "details", "message", "status"} == set(said.get("data", [said])[0])


def test_bearer_is_not_zohos_scheme() -> None:
    end = ZohoSandbox()
    provider, known = connected(end)
    assert provider.access is not None
    headers = {"authorization": f"Bearer {provider.access.token}"}
    reply, taken = end.handle(Call("GET", "/crm/v8/org", headers, b""), [Account("", known)])
    assert (reply.status, taken) == (401, None)


def test_the_demo_credentials_pass_the_form_and_faults_are_read() -> None:
    assert ZohoCredentials(demo_credentials()).is_valid()
    for status, kind in ((401, FailureKind.MISCONFIGURED), (429, FailureKind.THROTTLED)):
        with pytest.raises(SendError) as caught:
            pinned().accepted(Response(status, {}, ZohoSandbox().fault_body(status)))
        assert caught.value.kind is kind
