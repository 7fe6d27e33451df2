"""Power Automate: addresses, signing in, the body and its schema, subscriptions, the stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema  # type: ignore[import-untyped]
import pytest

from channels_app.contract import Access, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.power_automate import body, subscription
from channels_app.providers.power_automate.hosts import Unusable
from channels_app.providers.power_automate.provider import (
    PowerAutomate,
    PowerAutomateCredentials,
)
from channels_app.providers.power_automate.sandbox import PowerAutomateSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import APP, CREDENTIALS, DATA, MESSAGE, TENANT_URL, URL, answer, said

BASE = "http://127.0.0.1:8001/power_automate"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CALLBACK = "https://flow-apim.azure-apim.net/runtime/abc/callback?sig=XyZ%2Fw"
HOST = "default0a1b2c.09.environment.api.powerplatform.com"
GUIDE = Path(body.__file__).with_name("guide.md")


def sent(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PowerAutomate(CREDENTIALS).request(message).body)
    return found


# --- The address


@pytest.mark.parametrize(
    "url",
    [
        URL,
        URL.replace(":443", ""),
        "https://prod-12.westeurope.logic.azure.com:443/workflows/86ffea6392fe4f3f9555f5e8f9b1f06e"
        "/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun"
        "&sv=1.0&sig=AbC",
    ],
)
def test_a_flows_address_is_taken_and_never_written_anew(url: str) -> None:
    known = {**CREDENTIALS, "trigger_url": url}
    assert PowerAutomateCredentials(known).is_valid()
    assert PowerAutomate(known).request(MESSAGE).url == url


@pytest.mark.parametrize(
    ("url", "word"),
    [
        (URL.replace("https:", "http:"), "https"),
        (URL.replace(":443", ":8443"), "443"),
        (URL.replace(HOST, "evil.example"), "trigger"),
        (URL.replace(HOST, f"{HOST}.evil.example"), "trigger"),
        (URL.replace(HOST, "evilenvironment.api.powerplatform.com"), "trigger"),
        (URL.replace(HOST, "evillogic.azure.com"), "trigger"),
        (URL.replace("https://", "https://x@"), "user name"),
        (URL.replace("/paths/invoke", "/paths/other"), "trigger"),
        (URL.replace("/triggers/manual", "/triggers/../x"), "path"),
        (URL + "#x", "fragment"),
        ("https://outlook.office.com/webhook/x/IncomingWebhook/y/z", "switched off"),
        ("https://bella.webhook.office.com/webhookb2/x", "switched off"),
        ("flow", "address"),
        (URL + "a" * 16_384, "longer"),
    ],
)
def test_another_address_is_refused_with_what_to_do(url: str, word: str) -> None:
    form = PowerAutomateCredentials({**CREDENTIALS, "trigger_url": url})
    assert not form.is_valid()
    assert word in str(form.errors["trigger_url"])


@pytest.mark.parametrize(
    ("known", "good"),
    [
        (CREDENTIALS, True),
        (APP, True),
        ({**APP, "client_secret": ""}, False),
        ({**CREDENTIALS, "trigger_url": TENANT_URL}, False),
        ({**APP, "trigger_url": URL}, False),
        ({**APP, "tenant_id": "bella"}, False),
    ],
)
def test_either_the_url_is_signed_or_an_app_signs_in(known: dict[str, str], good: bool) -> None:
    assert PowerAutomateCredentials(known).is_valid() is good


def test_the_demo_is_valid_and_the_url_is_a_secret() -> None:
    assert PowerAutomateCredentials(demo_credentials()).is_valid()
    assert demo_credentials() != demo_credentials()
    assert "trigger_url" in PowerAutomateCredentials.secret


# --- Signing in


def test_a_signed_url_needs_no_token() -> None:
    provider = PowerAutomate(CREDENTIALS)
    assert provider.token_request(NOW) is None
    assert "Authorization" not in provider.request(MESSAGE).headers


def test_an_app_asks_for_its_token() -> None:
    asked = PowerAutomate(APP).token_request(NOW)
    assert asked == Request(
        "POST",
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"grant_type=client_credentials&client_id=66666666-7777-8888-9999-000000000000"
        b"&client_secret=s3cret~value&scope=https%3A%2F%2Fservice.flow.microsoft.com%2F%2F.default",
    )
    stand_in = PowerAutomate(APP, BASE).token_request(NOW)
    assert stand_in is not None and stand_in.url.startswith(f"{BASE}/{APP['tenant_id']}/oauth2/")


def test_the_token_goes_along_and_without_one_nothing_is_sent() -> None:
    provider = PowerAutomate(APP)
    with pytest.raises(SendError) as caught:
        provider.request(MESSAGE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "token")
    provider.access = Access("t0ken", NOW + timedelta(hours=1))
    request = provider.request(MESSAGE)
    assert (request.url, request.headers["Authorization"]) == (TENANT_URL, "Bearer t0ken")


def test_what_the_login_answers() -> None:
    provider = PowerAutomate(APP)
    good = {"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ.x.y"}
    access = provider.token(answer(200, good), NOW)
    assert access.token == "eyJ.x.y"
    assert NOW + timedelta(minutes=50) < access.expires_at < NOW + timedelta(hours=1)
    with pytest.raises(SendError) as caught:
        provider.token(answer(401, {"error": "invalid_client"}), NOW)
    assert caught.value.kind is FailureKind.MISCONFIGURED
    with pytest.raises(SendError) as caught:
        provider.token(answer(503), NOW)
    assert caught.value.kind is FailureKind.TRANSIENT


def test_a_token_that_is_refused_is_fetched_again_and_a_closed_flow_is_not() -> None:
    with pytest.raises(AccessRefused):
        PowerAutomate(APP).accepted(answer(401, said("InvalidAuthenticationToken")))
    for provider, word in ((CREDENTIALS, "x"), (APP, "DirectApiAuthorizationRequired")):
        with pytest.raises(SendError) as caught:
            PowerAutomate(provider).accepted(answer(401, said(word)))
        assert not isinstance(caught.value, AccessRefused)
    assert "tenant" in caught.value.detail and "ada" not in str(caught.value)


# --- The body

BARE = Message(to="x", text="News.", ref="r2")
BROKEN = replace(
    BARE,
    data={
        "order": {"total_minor": "5", "number": 7, "currency": None},
        "customer": {"opted_out": "sms", "name": None},
        "items": [None, {"quantity": None}, {"quantity": True}],
        "tracking": {"number": 1},
        "store": "Centro",
        "event": 5,
    },
)


@pytest.mark.parametrize("message", [MESSAGE, BARE, BROKEN])
def test_every_event_is_as_the_schema_says_and_nothing_is_ever_null(message: Message) -> None:
    event = sent(message)
    jsonschema.Draft202012Validator.check_schema(body.SCHEMA)
    jsonschema.Draft202012Validator(body.SCHEMA).validate(event)
    assert "null" not in json.dumps(event)
    assert set(event) == set(body.SCHEMA["properties"])


def test_the_schema_would_notice() -> None:
    checker = jsonschema.Draft202012Validator(body.SCHEMA)
    assert not checker.is_valid({**sent(MESSAGE), "event_id": None})
    assert not checker.is_valid({**sent(MESSAGE), "order": {}})


def test_the_guide_shows_this_schema() -> None:
    shown = GUIDE.read_text().partition("```json\n")[2].partition("```")[0]
    assert json.loads(shown) == body.SCHEMA


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(2150, "EUR", "21.50"), (1200, "JPY", "1200"), (1234, "OMR", "1.234"), (0, "EUR", "0.00"),
     (None, "EUR", ""), (5, "", "")],
)  # fmt: skip
def test_amounts_have_the_digits_of_their_currency(minor: Any, currency: str, text: str) -> None:
    known = {"total_minor": minor, "refunded_minor": minor, "currency": currency}
    order = sent(replace(MESSAGE, data={**DATA, "order": known}))["order"]
    assert (order["total"], order["refunded"]) == (text, text)


def test_an_unknown_total_is_not_a_zero() -> None:
    order = sent(BROKEN)["order"]
    assert (order["total"], order["number"]) == ("", "7") and "total_minor" not in order


# --- Subscriptions of a custom connector


def test_a_registered_address_is_called_in_place_of_the_flow() -> None:
    provider = PowerAutomate(APP)  # without a token: that address has its own signature
    request = provider.request(replace(MESSAGE, to=CALLBACK))
    assert request.url == CALLBACK
    assert "Authorization" not in request.headers
    assert json.loads(request.body)["destination"] == "", "the address is a secret"


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/x", "https://azure-apim.net/", "https://x.azure-apim.net.evil.example/",
     "https://x@a.azure-apim.net/", "https://a.azure-apim.net:8443/"],
)  # fmt: skip
def test_another_address_is_neither_called_nor_registered(url: str) -> None:
    with pytest.raises(SendError) as caught:
        PowerAutomate(CREDENTIALS).request(replace(MESSAGE, to=url))
    assert (caught.value.kind, caught.value.code) == (FailureKind.RECIPIENT_INVALID, "url")
    with pytest.raises(Unusable):
        subscription.subscription_of(json.dumps({"callback_url": url}).encode())


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_subscription_that_is_gone_does_not_stop_the_channel(status: int) -> None:
    provider, subscribed = PowerAutomate(CREDENTIALS), replace(MESSAGE, to=CALLBACK)
    with pytest.raises(SendError) as caught:
        provider.following(subscribed, answer(status))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID
    assert provider.following(MESSAGE, answer(status)) is None
    assert provider.following(subscribed, answer(503)) is None


def test_what_a_connector_registers_is_read() -> None:
    asked = {"callback_url": CALLBACK, "event": "ready"}
    found = subscription.subscription_of(json.dumps(asked).encode())
    assert found == subscription.Subscription(CALLBACK, "ready")
    del asked["event"]
    assert subscription.subscription_of(json.dumps(asked).encode()).event == "any"
    assert subscription.location("https://hub.example.com/", "k1") == (
        "https://hub.example.com/api/v1/hooks/k1"
    )


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"callback_url": 5}', b"x" * 40_000])
def test_a_broken_registration_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        subscription.subscription_of(raw)


def test_the_connectors_document_says_what_power_automate_needs() -> None:
    found = subscription.definition("https://hub.example.com", "Orderbell")
    assert (found["swagger"], found["host"], found["schemes"]) == (
        "2.0",
        "hub.example.com",
        ["https"],
    )
    path = found["paths"]["/api/v1/hooks"]
    assert path["post"]["x-ms-trigger"] == "single"
    fields = path["post"]["parameters"][0]["schema"]["properties"]
    assert fields["callback_url"]["x-ms-notification-url"] is True
    assert "Location" in path["post"]["responses"]["201"]["headers"]
    assert path["x-ms-notification-content"]["schema"] == body.SCHEMA
    assert "delete" in found["paths"]["/api/v1/hooks/{key}"]
    json.dumps(found)


# --- The stand-in


def ask(request: Request, credentials: dict[str, str]) -> tuple[Response, Taken | None]:
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    path, query = unquote(parts.path), dict(parse_qsl(parts.query))
    call = Call(request.method, path, headers, request.body, query)
    reply, taken = PowerAutomateSandbox().handle(call, [Account("", credentials)])
    names = {name.lower(): value for name, value in reply.headers.items()}
    return Response(reply.status, names, reply.body), taken


def test_the_stand_in_starts_a_signed_flow() -> None:
    response, taken = ask(PowerAutomate(CREDENTIALS, BASE).request(MESSAGE), CREDENTIALS)
    assert (response.status, response.body) == (202, b"") and taken is not None
    assert (taken.to, taken.subject, taken.text) == ("kitchen flow", "Ready", MESSAGE.text)
    assert PowerAutomate(CREDENTIALS).accepted(response).message_id == taken.id


def test_the_stand_in_gives_an_app_its_token_and_starts_its_flow() -> None:
    provider = PowerAutomate(APP, BASE)
    asked = provider.token_request(NOW)
    assert asked is not None
    provider.access = provider.token(ask(asked, APP)[0], NOW)
    assert ask(provider.request(MESSAGE), APP)[0].status == 202
    other = {**APP, "client_secret": "other"}
    with pytest.raises(SendError):
        provider.token(ask(asked, other)[0], NOW)
    with pytest.raises(AccessRefused):
        provider.access = Access("wrong", NOW)
        provider.accepted(answer(ask(provider.request(MESSAGE), APP)[0].status))


def test_the_stand_in_calls_a_registered_address() -> None:
    request = PowerAutomate(CREDENTIALS, BASE).request(replace(MESSAGE, to=CALLBACK))
    assert request.url == f"{BASE}/runtime/abc/callback?sig=XyZ%2Fw"
    assert ask(request, CREDENTIALS)[0].status == 202


def test_the_stand_in_refuses_as_power_automate_does() -> None:
    good = PowerAutomate(CREDENTIALS, BASE).request(MESSAGE)
    event = json.loads(good.body)
    bad = [
        (replace(good, method="GET"), 405),
        (replace(good, url=good.url.replace("sig=A", "sig=B")), 401),
        (replace(good, url=good.url.replace("86ff", "96ff")), 404),
        (replace(good, url=f"{BASE}/elsewhere"), 404),
        (replace(good, headers={**good.headers, "Authorization": "Bearer x"}), 401),
        (replace(good, headers={"Content-Type": "text/plain"}), 400),
        (replace(good, body=b"["), 400),
        (replace(good, body=json.dumps({**event, "order": None}).encode()), 400),
        (replace(good, body=json.dumps({**event, "more": 1}).encode()), 400),
    ]
    for request, status in bad:
        response, taken = ask(request, CREDENTIALS)
        assert (response.status, taken) == (status, None)
        assert response.json()["error"]["code"]


@pytest.mark.parametrize(
    ("to", "kind"),
    [("off", FailureKind.MISCONFIGURED), ("late", FailureKind.TRANSIENT),
     ("throttled", FailureKind.THROTTLED)],
)  # fmt: skip
def test_destinations_that_play_trouble(to: str, kind: FailureKind) -> None:
    request = PowerAutomate(CREDENTIALS, BASE).request(replace(MESSAGE, to=to))
    with pytest.raises(SendError) as caught:
        PowerAutomate(CREDENTIALS).accepted(ask(request, CREDENTIALS)[0])
    assert caught.value.kind is kind


def test_a_flow_can_say_that_it_handled_an_event() -> None:
    request = PowerAutomate(CREDENTIALS, BASE).request(replace(MESSAGE, to="handled"))
    assert "handled" in PowerAutomate(CREDENTIALS).accepted(ask(request, CREDENTIALS)[0]).detail


def test_no_personal_data_but_the_recipients() -> None:
    without = replace(MESSAGE, data={**DATA, "customer": None})
    assert "ada@example.com" not in json.dumps(sent(without))
    assert sent(without)["recipient"]["opted_out"] == []
