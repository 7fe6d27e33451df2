"""SignalWire: what the tables cannot say, its own vectors, and where it is not Twilio."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels_app.contract import CallbackRefused, CallbackRequest, Receipt, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.signalwire.callbacks import CALLBACKS, body_signature, signature
from channels_app.providers.signalwire.codes import ERRORS
from channels_app.providers.signalwire.provider import PROVIDER, SignalWireCredentials
from channels_app.providers.signalwire.sandbox import SignalWireSandbox, demo_credentials
from channels_app.providers.twilio.codes import ERRORS as TWILIO_ERRORS
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from tests.channels_app.providers.signalwire.cases import (
    CALLBACK_CASES,
    CALLBACK_URL,
    CREDENTIALS,
    GROUP,
    MESSAGE,
    PROJECT,
    SID,
    answer,
    error,
    form_call,
    listed_error,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


# --- sending ---
def test_a_number_group_takes_the_place_of_a_number() -> None:
    fields = dict(parse_qsl(PROVIDER(GROUP).request(MESSAGE).body.decode()))
    assert fields["MessagingServiceSid"] == GROUP["number_group_id"]
    assert "From" not in fields


@pytest.mark.parametrize(("ttl", "sent"), [(0, "1"), (60, "60"), (200_000, "172800")])
def test_the_validity_stays_in_the_range_that_signalwire_takes(ttl: int, sent: str) -> None:
    request = PROVIDER(CREDENTIALS).request(replace(MESSAGE, ttl_seconds=ttl))
    assert dict(parse_qsl(request.body.decode()))["ValidityPeriod"] == sent


def test_the_space_is_the_host_unless_something_stands_in() -> None:
    there = PROVIDER(CREDENTIALS, "http://127.0.0.1:8001/signalwire/").request(MESSAGE).url
    path = f"/api/laml/2010-04-01/Accounts/{PROJECT}/Messages"
    assert there == f"http://127.0.0.1:8001/signalwire{path}"
    odd = PROVIDER({**CREDENTIALS, "space": "evil.example/"}).request(MESSAGE).url
    assert odd.startswith("https://signalwire.com/")


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_listed_code_means_the_same_in_every_shape_and_in_a_receipt(code: str) -> None:
    kind, detail = ERRORS[code]
    for response in (error(400, code), listed_error(422, code), error(400, int(code))):  # type: ignore[arg-type]
        with pytest.raises(SendError) as caught:
            PROVIDER(CREDENTIALS).accepted(response)
        assert (caught.value.kind, caught.value.code, caught.value.detail) == (kind, code, detail)
    call = form_call({"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": code})
    (receipt,) = CALLBACKS.read(call)
    assert isinstance(receipt, Receipt)
    assert (receipt.failure, receipt.opt_out) == (kind, code == "21610")


@pytest.mark.parametrize("code", ["21606", "30001", "30002"])
def test_the_same_number_is_not_the_same_error_as_at_twilio(code: str) -> None:
    assert ERRORS[code] != TWILIO_ERRORS[code]


def test_a_refused_login_says_what_to_look_at() -> None:
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(answer(401, {"errors": ["Unauthorized"]}))
    assert caught.value.detail == (
        "SignalWire refuses the login. Check it, and what it may do there."
    )


# --- looking up ---
def test_a_lookup_lists_the_days_messages_to_the_number_and_finds_the_text() -> None:
    provider = PROVIDER(CREDENTIALS)
    request = provider.lookup(MESSAGE, NOW)
    assert request.url.endswith(
        f"/Accounts/{PROJECT}/Messages?To=%2B12025550143&DateSent%3E=2026-11-21&PageSize=100"
    )
    message = {
        "sid": SID,
        "body": MESSAGE.text,
        "status": "sent",
        "date_created": "Sat, 21 Nov 2026 12:00:01 +0000",
    }
    page = {"messages": [message], "next_page_uri": None}
    found = provider.found(answer(200, page), MESSAGE, NOW)
    assert found is not None and found.message_id == SID
    other = {"messages": [message | {"body": "Another"}], "next_page_uri": None}
    assert provider.found(answer(200, other), MESSAGE, NOW) is None


# --- signatures ---
KEY = "PSKtest1234567890abcdef"
DOCS_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
JSON_URL = "https://example.ngrok.io/webhook"
VECTORS = [
    (
        JSON_URL,
        b'{"event":"call.state","params":{"call_id":"abc-123","state":"answered"}}',
        KEY,
        "c3c08c1fefaf9ee198a100d5906765a6f394bf0f",
    ),
    (
        DOCS_URL,
        b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
        b"&Caller=%2B14158675309",
        "12345",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    ),
    (
        f"{JSON_URL}?bodySHA256=69f3cbfc18e386ef8236cb7008cd5a54b7fed637a8cb3373b5a1591d7f0fd5f4",
        b'{"event":"call.state"}',
        KEY,
        "dfO9ek8mxyFtn2nMz24plPmPfIY=",
    ),
]


@pytest.mark.parametrize("header", ["x-signalwire-signature", "x-twilio-signature"])
@pytest.mark.parametrize(("url", "body", "key", "signed"), VECTORS, ids=["A", "B", "C"])
def test_the_vendors_vectors(url: str, body: bytes, key: str, signed: str, header: str) -> None:
    call = CallbackRequest("POST", url, {header: signed}, body)
    CALLBACKS.verify(call, {"signing_key": key}, NOW)
    for bent in (
        replace(call, body=body + b"x"),
        replace(call, url=f"{url}x"),
        replace(call, headers={header: signed[:-1]}),
        replace(call, headers={}),
    ):
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(bent, {"signing_key": key}, NOW)


def test_the_stronger_header_is_enough_alone_and_covers_the_body() -> None:
    body, url = b"MessageSid=1&MessageStatus=sent", CALLBACK_URL
    # hex HMAC-SHA256 over URL and body, computed apart.
    signed = "e3053c091d48e34a5469fcaf68efed398da9504332e71bf0fc5bfb199b2e6a35"
    call = CallbackRequest("POST", url, {"x-signalwire-sha256-signature": signed}, body)
    CALLBACKS.verify(call, {"signing_key": KEY}, NOW)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(call, body=body + b"&a=1"), {"signing_key": KEY}, NOW)


def test_a_form_whose_fields_were_left_out_of_the_signature_is_refused() -> None:
    signed = signature(CALLBACK_URL, [], KEY).decode()
    call = CallbackRequest("POST", CALLBACK_URL, {"x-signalwire-signature": signed}, b"A=1")
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call, {"signing_key": KEY}, NOW)


def test_repeats_keep_their_order_and_all_count() -> None:
    twice = [("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
    once = [("Digits", "5678"), ("Digits", "1234")]
    assert signature(DOCS_URL, twice, KEY) != signature(DOCS_URL, once, KEY)
    assert signature(DOCS_URL, once, KEY) != signature(DOCS_URL, once[::-1], KEY)


@pytest.mark.parametrize("case", CALLBACK_CASES, ids=lambda case: case.label)
def test_twilios_validator_agrees_where_nothing_repeats(case: object) -> None:
    request = case.request  # type: ignore[attr-defined]
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    judge = RequestValidator(CREDENTIALS["signing_key"])
    assert judge.validate(request.url, fields, request.headers["x-signalwire-signature"])


def test_the_port_may_be_written_or_not() -> None:
    with_port = CALLBACK_URL.replace(".example", ".example:443")
    for signed_url, seen_url in ((with_port, CALLBACK_URL), (CALLBACK_URL, with_port)):
        for signed in (
            signature(signed_url, [("A", "1")], KEY),
            body_signature(signed_url, b"A=1", KEY),
        ):
            headers = {"x-signalwire-signature": signed.decode()}
            call = CallbackRequest("POST", seen_url, headers, b"A=1")
            CALLBACKS.verify(call, {"signing_key": KEY}, NOW)


@pytest.mark.parametrize("credentials", [{}, {"signing_key": ""}, {"api_token": "x"}])
def test_without_the_signing_key_nothing_is_believed(credentials: dict[str, str]) -> None:
    with pytest.raises(CallbackRefused, match="signing key"):
        CALLBACKS.verify(CALLBACK_CASES[0].request, credentials, NOW)


# --- the form ---
@pytest.mark.parametrize(
    "typed", ["nonna", "Nonna ", "nonna.signalwire.com", "https://nonna.signalwire.com/"]
)
def test_the_space_is_found_in_what_was_pasted(typed: str) -> None:
    form = SignalWireCredentials({**CREDENTIALS, "space": typed})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["space"] == "nonna"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nonna.example.com"}, "space"),
        ({"space": "nonna.signalwire.com.evil.example"}, "space"),
        ({"space": "http://nonna.signalwire.com"}, "space"),
        ({"space": "a/b"}, "space"),
        ({"space": ""}, "space"),
        ({"project_id": "AC12"}, "project_id"),
        ({"api_token": ""}, "api_token"),
        ({"from_number": ""}, "from_number"),
        ({"number_group_id": GROUP["number_group_id"]}, "from_number"),
        ({"from_number": "Nonna"}, "from_number"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_the_field(
    change: dict[str, str], field: str
) -> None:
    assert field in SignalWireCredentials({**CREDENTIALS, **change}).errors


def test_the_demos_credentials_fit_the_form_and_differ_each_time() -> None:
    assert SignalWireCredentials(demo_credentials()).is_valid()
    assert SignalWireCredentials(GROUP).is_valid()
    assert demo_credentials()["signing_key"] != demo_credentials()["signing_key"]


# --- the stand-in ---
ACCOUNT = Account(CALLBACK_URL, CREDENTIALS)


def post(
    end: SignalWireSandbox, token: str = "PTtoken-of-a-test", **changes: str
) -> tuple[Reply, Taken | None]:
    request = PROVIDER({**CREDENTIALS, "api_token": token}).request(MESSAGE)
    fields = dict(parse_qsl(request.body.decode())) | changes
    body = urlencode({name: value for name, value in fields.items() if value})
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", request.url.partition(".com")[2], headers, body.encode())
    return end.handle(call, [ACCOUNT])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, "21604"),
        ({"To": "5550143"}, "21211"),
        ({"From": ""}, "21603"),
        ({"Body": ""}, "21602"),
        ({"Body": "x" * 1601}, "21617"),
        ({"ValidityPeriod": "172801"}, "21624"),
        ({"To": "+15005550002"}, "21606"),
        ({"To": "+15005550004"}, "21610"),
        ({"To": "+15005550005"}, "4001"),
        ({"To": "+15005550008"}, "21611"),
    ],
)
def test_the_stand_in_refuses_as_signalwire_does(changes: dict[str, str], code: str) -> None:
    reply, taken = post(SignalWireSandbox(), **changes)
    assert taken is None
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert caught.value.code == code


def test_the_stand_in_knows_its_projects() -> None:
    reply, taken = post(SignalWireSandbox(), "PTguess")
    assert (reply.status, taken) == (401, None)
    assert json.loads(reply.body) == {"errors": ["Unauthorized"]}


def test_what_the_stand_in_took_is_found_by_the_lookup() -> None:
    end, provider = SignalWireSandbox(), PROVIDER(CREDENTIALS)
    reply, taken = post(end)
    assert reply.status == 201 and taken is not None
    since = datetime.now(UTC)
    request = provider.lookup(MESSAGE, since)
    path, _q, query = request.url.partition(".com")[2].partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    listed, _none = end.handle(Call("GET", path, headers, b"", dict(parse_qsl(query))), [ACCOUNT])
    found = provider.found(Response(200, {}, listed.body), MESSAGE, since)
    assert found is not None and found.message_id == taken.id


def test_receipts_and_texts_of_the_stand_in_are_signed() -> None:
    end = SignalWireSandbox()
    _reply, taken = post(end)
    assert taken is not None
    for call in (
        end.receipt(taken, "undelivered:30006", ACCOUNT),
        end.inbound("+12025550143", "¿Qué tal?", ACCOUNT),
    ):
        assert call is not None
        CALLBACKS.verify(call, CREDENTIALS, NOW)
        assert len(CALLBACKS.read(call)) == 1
    assert end.receipt(taken, "read", ACCOUNT) is None
    assert end.receipt(taken, "teleported", ACCOUNT) is None


def test_the_table_of_errors_knows_every_kind_but_the_unknown() -> None:
    assert {kind for kind, _detail in ERRORS.values()} == set(FailureKind) - {FailureKind.UNKNOWN}
