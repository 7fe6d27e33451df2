"""Twilio: what the tables cannot say, and Twilio's own validator as the judge."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from django.conf import settings
from twilio.http import HttpClient
from twilio.http.response import Response as TwilioResponse
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Message,
    ProviderTemplate,
    Receipt,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.twilio.callbacks import CALLBACKS, signature, spellings
from channels_app.providers.twilio.codes import ERRORS
from channels_app.providers.twilio.provider import PROVIDER, TwilioCredentials
from channels_app.providers.twilio.sandbox import NO_TEMPLATE, TwilioSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from channels_app.wire.sms import segments
from tests.channels_app.providers.twilio.cases import (
    CALLBACK_CASES,
    CALLBACK_URL,
    CONTENT_SID,
    CREDENTIALS,
    MESSAGE,
    MESSAGE_SID,
    SERVICE,
    SID,
    TEMPLATED,
    answer,
    error,
    form_call,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOCS_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
DOCS_FIELDS = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]
SPEC = Path(settings.BASE_DIR).parent / "shared" / "contracts" / "twilio.json"


# --- sending ---
def test_a_messaging_service_takes_the_place_of_a_number_and_a_key_that_of_the_token() -> None:
    request = PROVIDER(SERVICE).request(MESSAGE)
    fields = dict(parse_qsl(request.body.decode()))
    assert fields["MessagingServiceSid"] == "MG" + "a" * 32
    assert "From" not in fields
    assert request.headers["Authorization"] == (
        "Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDp0aGUta2V5LXNlY3JldA=="
    )


@pytest.mark.parametrize(("ttl", "sent"), [(0, "1"), (60, "60"), (90_000, "36000")])
def test_the_validity_stays_in_the_range_that_twilio_takes(ttl: int, sent: str) -> None:
    request = PROVIDER(CREDENTIALS).request(replace(MESSAGE, ttl_seconds=ttl))
    assert dict(parse_qsl(request.body.decode()))["ValidityPeriod"] == sent


def test_without_a_callback_url_none_is_sent() -> None:
    request = PROVIDER(CREDENTIALS).request(replace(MESSAGE, callback_url=""))
    assert b"StatusCallback" not in request.body


def test_the_body_is_one_that_twilios_own_contract_takes() -> None:
    if not SPEC.is_file():
        pytest.skip("Did not run: Twilio's contract is not on this machine.")
    spec = json.loads(SPEC.read_text())
    path = spec["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    schema = path["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    for credentials, message in ((CREDENTIALS, MESSAGE), (SERVICE, MESSAGE), (SERVICE, TEMPLATED)):
        fields = dict(parse_qsl(PROVIDER(credentials).request(message).body.decode()))
        assert set(fields) <= set(schema["properties"])
        assert set(schema["required"]) <= set(fields)
    query = dict(parse_qsl(PROVIDER(CREDENTIALS).lookup(MESSAGE, NOW).url.partition("?")[2]))
    assert set(query) <= {parameter["name"] for parameter in path["get"]["parameters"]}


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_listed_code_means_the_same_in_an_answer_and_in_a_receipt(code: str) -> None:
    kind, detail = ERRORS[code]
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(answer(400, {"code": int(code), "status": 400}))
    assert (caught.value.kind, caught.value.code, caught.value.detail) == (kind, code, detail)
    call = form_call({"MessageSid": MESSAGE_SID, "MessageStatus": "failed", "ErrorCode": code})
    (receipt,) = CALLBACKS.read(call)
    assert isinstance(receipt, Receipt)
    assert (receipt.failure, receipt.opt_out) == (kind, code == "21610")


class Caught(HttpClient):
    """Twilio's own package, as far as the wire."""

    form: dict[str, str]

    def request(self, method: str, url: str, *args: object, **more: object) -> TwilioResponse:  # type: ignore[override]
        data = more.get("data")
        self.form = dict(data) if isinstance(data, dict) else {}
        return TwilioResponse(201, json.dumps({"sid": MESSAGE_SID}))


@pytest.mark.parametrize("message", [MESSAGE, TEMPLATED], ids=["text", "template"])
def test_the_form_is_the_one_that_twilios_own_package_makes(message: Message) -> None:
    ours = dict(parse_qsl(PROVIDER(CREDENTIALS).request(message).body.decode()))
    caught = Caught(logging.getLogger(__name__), is_async=False)
    words = {"body": message.text}
    if message.template:
        words = {
            "content_sid": CONTENT_SID,
            "content_variables": json.dumps({"1": "1042", "2": "Café Sur"}, ensure_ascii=False),
        }
    Client(SID, "token", http_client=caught).messages.create(
        to=message.to,
        from_="+12025550100",
        status_callback=f"{CALLBACK_URL}?ref=d-7f3a",
        validity_period=1200,
        **words,
    )
    assert {name: str(value) for name, value in caught.form.items()} == ours


# --- templates ---
def test_a_template_without_gaps_sends_no_variables() -> None:
    request = PROVIDER(CREDENTIALS).request(
        replace(MESSAGE, template=ProviderTemplate(CONTENT_SID))
    )
    assert b"ContentVariables" not in request.body
    assert b"Body" not in request.body


@pytest.mark.parametrize(
    ("template", "word"),
    [
        (ProviderTemplate("HX12"), "HX"),
        (ProviderTemplate("d-" + "0" * 32), "HX"),
        (ProviderTemplate(CONTENT_SID, "en", {"1": "a", "3": "b"}), "numbered"),
        (ProviderTemplate(CONTENT_SID, "en", {"2": "a", "1": "b"}), "numbered"),
        (ProviderTemplate(CONTENT_SID, "en", {"number": " "}), "number is empty"),
        (ProviderTemplate(CONTENT_SID, "en", {"1": "x" * 1601}), "1,600"),
    ],
    ids=str,
)
def test_a_template_that_cannot_work_is_seen_before_it_is_sent(
    template: ProviderTemplate, word: str
) -> None:
    provider = PROVIDER(CREDENTIALS)
    problems = provider.template_problems(template)
    assert len(problems) == 1 and word in problems[0]
    with pytest.raises(SendError) as caught:
        provider.request(replace(MESSAGE, template=template))
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_what_fills_a_template_in_goes_on_one_line() -> None:
    template = ProviderTemplate(CONTENT_SID, "en", {"1": "two\nlines,  \ttwo     gaps"})
    request = PROVIDER(CREDENTIALS).request(replace(MESSAGE, template=template))
    fields = dict(parse_qsl(request.body.decode()))
    assert json.loads(fields["ContentVariables"]) == {"1": "two lines, two gaps"}


def test_a_good_template_has_no_problems_whatever_its_parameters_are_called() -> None:
    for names in (("1", "2"), ("order", "store"), ()):
        template = ProviderTemplate(CONTENT_SID, "es", dict.fromkeys(names, "x"))
        assert PROVIDER(CREDENTIALS).template_problems(template) == []


# --- the account ---
def test_an_api_key_proves_itself_by_what_it_may_do() -> None:
    provider = PROVIDER(SERVICE)
    asks = provider.verification()
    assert asks is not None
    assert asks.url == (
        f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json?PageSize=1"
    )
    assert provider.verified(answer(200, {"messages": []})).startswith("Twilio lets this login")
    for response, kind in (
        (error(401, 20003), FailureKind.MISCONFIGURED),
        (answer(200, {}), FailureKind.UNKNOWN),
    ):
        with pytest.raises(SendError) as caught:
            provider.verified(response)
        assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("credentials", "path", "status"),
    [
        (CREDENTIALS, "", 200),
        (SERVICE, "/Messages", 200),
        (SERVICE, "", 401),
        ({**CREDENTIALS, "auth_token": "guess"}, "", 401),
    ],
    ids=["token", "key, list", "key, account", "a wrong token"],
)
def test_the_stand_in_shows_the_account_to_its_token_and_not_to_a_key(
    credentials: dict[str, str], path: str, status: int
) -> None:
    headers = {n.lower(): v for n, v in PROVIDER(credentials).request(MESSAGE).headers.items()}
    call = Call("GET", f"/2010-04-01/Accounts/{SID}{path}.json", headers, b"", {"PageSize": "1"})
    known = [Account(CALLBACK_URL, CREDENTIALS), Account(CALLBACK_URL, SERVICE)]
    reply, taken = TwilioSandbox().handle(call, known)
    assert (reply.status, taken) == (status, None)


# --- looking up ---
def listed(**changes: object) -> Response:
    message = {
        "sid": MESSAGE_SID,
        "body": MESSAGE.text,
        "status": "sent",
        "date_created": "Sat, 21 Nov 2026 12:00:01 +0000",
    }
    return answer(200, {"messages": [message | changes], "next_page_uri": None})


def test_a_lookup_lists_the_days_messages_to_the_number() -> None:
    midnight = datetime(2026, 11, 21, 0, 0, 3, tzinfo=UTC)
    request = PROVIDER(CREDENTIALS).lookup(MESSAGE, midnight)
    assert request.method == "GET"
    assert request.url == (
        f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
        "?To=%2B12025550143&DateSent%3E=2026-11-20&PageSize=100"
    )
    assert request.headers["Authorization"].startswith("Basic ")


def test_the_same_text_since_then_is_found() -> None:
    found = PROVIDER(CREDENTIALS).found(listed(), MESSAGE, NOW)
    assert found is not None
    assert found.message_id == MESSAGE_SID


@pytest.mark.parametrize(
    "other",
    [{"body": "Another text"}, {"date_created": "Sat, 21 Nov 2026 11:59:40 +0000"}],
    ids=["another text", "an older message"],
)
def test_another_message_is_not_taken_for_ours(other: dict[str, object]) -> None:
    assert PROVIDER(CREDENTIALS).found(listed(**other), MESSAGE, NOW) is None


@pytest.mark.parametrize(
    ("body", "ours"),
    [("Pedido 1042, Café  Sur: listo", True), ("Pedido 1043, Café Sur: listo", False)],
)
def test_a_template_is_known_by_what_fills_it_in(body: str, ours: bool) -> None:
    found = PROVIDER(CREDENTIALS).found(listed(body=body), TEMPLATED, NOW)
    assert (found is not None) == ours


def test_a_template_without_gaps_cannot_be_told_from_another_message() -> None:
    bare = replace(MESSAGE, template=ProviderTemplate(CONTENT_SID))
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).found(listed(), bare, NOW)
    assert caught.value.kind is FailureKind.UNKNOWN
    nothing = answer(200, {"messages": [], "next_page_uri": None})
    assert PROVIDER(CREDENTIALS).found(nothing, bare, NOW) is None


def test_a_list_that_goes_on_cannot_say_no() -> None:
    page = answer(200, {"messages": [], "next_page_uri": "/more"})
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).found(page, MESSAGE, NOW)
    assert caught.value.kind is FailureKind.UNKNOWN


def test_a_lookup_that_is_refused_says_why() -> None:
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).found(answer(401, {"code": 20003}), MESSAGE, NOW)
    assert caught.value.kind is FailureKind.MISCONFIGURED


# --- signatures ---
def test_the_published_example_gives_the_published_signature() -> None:
    assert signature(DOCS_URL, DOCS_FIELDS, "12345") == b"RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_repeated_fields_count_once_and_in_order() -> None:
    fields = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ]
    assert signature(DOCS_URL, fields, "12345") == b"IK+Dwps556ElfBT0I3Rgjkr1wJU="


def docs_call(signed: str, url: str = DOCS_URL, settings: str = "") -> CallbackRequest:
    body = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    headers = {"x-twilio-signature": signed}
    if settings:
        headers["x-twilio-webhooks-signature-settings"] = settings
    return CallbackRequest("POST", url, headers, f"{body}&Caller=%2B14158675309".encode())


SHA256_SIGNATURE = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s="


def test_a_shared_key_signs_with_sha256() -> None:
    call = docs_call(SHA256_SIGNATURE, settings="key=webhooks_1,algorithm=HMAC_SHA256")
    CALLBACKS.verify(call, {"shared_key_secret": "12345"}, NOW)


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [
        ("", {"auth_token": "12345"}),
        ("key=x,algorithm=HMAC_SHA256", {"auth_token": "12345"}),
        ("key=x,algorithm=HMAC_MD5", {"auth_token": "12345", "shared_key_secret": "12345"}),
        ("key=x,algorithm=HMAC_SHA256", {"shared_key_secret": "another"}),
        ("", {}),
    ],
    ids=["no settings header", "no shared key", "unknown algorithm", "another key", "no key"],
)
def test_a_sha256_signature_counts_only_with_its_header_and_its_key(
    settings: str, credentials: dict[str, str]
) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(docs_call(SHA256_SIGNATURE, settings=settings), credentials, NOW)


@pytest.mark.parametrize("signed_url", spellings(CALLBACK_URL))
@pytest.mark.parametrize("seen_url", spellings(CALLBACK_URL))
def test_the_port_may_be_written_or_not(signed_url: str, seen_url: str) -> None:
    signed = signature(signed_url, [("A", "1")], "12345").decode()
    call = CallbackRequest("POST", seen_url, {"x-twilio-signature": signed}, b"A=1")
    CALLBACKS.verify(call, {"auth_token": "12345"}, NOW)


def test_a_json_body_is_proven_by_its_hash_in_the_url() -> None:
    body = b'{"a": 1}'
    digest = "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"
    url = f"{CALLBACK_URL}?bodySHA256={digest}"
    call = CallbackRequest(
        "POST", url, {"x-twilio-signature": signature(url, [], "12345").decode()}, body
    )
    CALLBACKS.verify(call, {"auth_token": "12345"}, NOW)
    assert RequestValidator("12345").validate(
        url, body.decode(), call.headers["x-twilio-signature"]
    )
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(call, body=b'{"a": 2}'), {"auth_token": "12345"}, NOW)


@pytest.mark.parametrize("case", CALLBACK_CASES, ids=lambda case: case.label)
def test_twilios_validator_agrees_about_every_case(case: object) -> None:
    request = case.request  # type: ignore[attr-defined]
    fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    judge = RequestValidator(CREDENTIALS["auth_token"])
    assert judge.validate(request.url, fields, request.headers["x-twilio-signature"])
    assert not judge.validate(
        request.url, fields | {"To": "+1"}, request.headers["x-twilio-signature"]
    )


@pytest.mark.parametrize("body", [b"\xff\xfe", b"no form at all", b"&".join([b"a=1"] * 300)])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    call = CallbackRequest("POST", CALLBACK_URL, {"x-twilio-signature": "x"}, body)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call, CREDENTIALS, NOW)


# --- the form ---
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account_sid": "AC12"}, "account_sid"),
        ({"auth_token": ""}, "auth_token"),
        ({"api_key_sid": "SK" + "0" * 32}, "api_key_secret"),
        ({"from_number": ""}, "from_number"),
        ({"messaging_service_sid": "MG" + "a" * 32}, "from_number"),
        ({"from_number": "12-34"}, "from_number"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_the_field(
    change: dict[str, str], field: str
) -> None:
    assert field in TwilioCredentials({**CREDENTIALS, **change}).errors


def test_both_ways_of_logging_in_are_taken() -> None:
    assert TwilioCredentials(CREDENTIALS).is_valid()
    assert TwilioCredentials({**SERVICE, "auth_token": ""}).is_valid()
    assert TwilioCredentials(demo_credentials()).is_valid()


# --- the stand-in ---
ACCOUNT = Account(CALLBACK_URL, CREDENTIALS)


def post(credentials: dict[str, str] = CREDENTIALS, **changes: str) -> tuple[Reply, object]:
    return send(TwilioSandbox(), credentials, **changes)


def send(end: TwilioSandbox, credentials: dict[str, str], **changes: str) -> tuple[Reply, object]:
    request = PROVIDER(credentials).request(MESSAGE)
    fields = dict(parse_qsl(request.body.decode())) | changes
    body = urlencode({name: value for name, value in fields.items() if value})
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", request.url.partition(".com")[2], headers, body.encode())
    return end.handle(call, [Account(CALLBACK_URL, credentials)])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": "5550143"}, 21211),
        ({"Body": ""}, 21602),
        ({"From": ""}, 21603),
        ({"Body": "x" * 1601}, 21617),
        ({"ValidityPeriod": "36001"}, 21624),
        ({"StatusCallback": "https://my_hub.example/"}, 21609),
        ({"To": "+15005550004"}, 21610),
        ({"From": "+15005550007"}, 21606),
        ({"ContentSid": NO_TEMPLATE}, 21654),
        ({"ContentSid": "HX12"}, 21654),
        ({"ContentSid": CONTENT_SID, "ContentVariables": "{"}, 21656),
        ({"ContentSid": CONTENT_SID, "ContentVariables": '{"1":""}'}, 21656),
        ({"ContentSid": CONTENT_SID, "ContentVariables": '{"1":"a\\nb"}'}, 21656),
    ],
)
def test_the_stand_in_refuses_as_twilio_does(changes: dict[str, str], code: int) -> None:
    reply, taken = post(**changes)
    assert taken is None
    assert reply.status == 400
    assert json.loads(reply.body)["code"] == code


def test_the_stand_in_takes_a_template_and_shows_what_fills_it_in() -> None:
    request = PROVIDER(CREDENTIALS).request(TEMPLATED)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", request.url.partition(".com")[2], headers, request.body)
    reply, taken = TwilioSandbox().handle(call, [ACCOUNT])
    assert reply.status == 201
    assert isinstance(taken, Taken)
    assert taken.text == f"[{CONTENT_SID}] 1042 Café Sur"


def test_the_stand_in_knows_its_accounts() -> None:
    end = TwilioSandbox()
    request = PROVIDER({**CREDENTIALS, "auth_token": "guess"}).request(MESSAGE)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", request.url.partition(".com")[2], headers, request.body)
    reply, taken = end.handle(call, [ACCOUNT])
    assert (reply.status, taken) == (401, None)


def test_the_stand_in_answers_with_every_member_that_twilio_requires() -> None:
    if not SPEC.is_file():
        pytest.skip("Did not run: Twilio's contract is not on this machine.")
    reply, _taken = post()
    schema = json.loads(SPEC.read_text())["components"]["schemas"]["api.v2010.account.message"]
    assert reply.status == 201
    assert set(json.loads(reply.body)) == set(schema["properties"])


def test_what_the_stand_in_took_is_found_by_the_lookup() -> None:
    end = TwilioSandbox()
    send(end, CREDENTIALS)
    provider = PROVIDER(CREDENTIALS)
    request = provider.lookup(MESSAGE, datetime.now(UTC))
    path, _q, query = request.url.partition(".com")[2].partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply, _none = end.handle(Call("GET", path, headers, b"", dict(parse_qsl(query))), [ACCOUNT])
    since = datetime.now(UTC)
    assert provider.found(Response(200, {}, reply.body), MESSAGE, since) is not None
    later = since + timedelta(minutes=1)
    assert provider.found(Response(200, {}, reply.body), MESSAGE, later) is None


def test_receipts_and_texts_of_the_stand_in_are_signed() -> None:
    end = TwilioSandbox()
    _reply, taken = send(end, CREDENTIALS)
    for call in (
        end.receipt(taken, "undelivered:30006", ACCOUNT),  # type: ignore[arg-type]
        end.inbound("+12025550143", "¿Qué tal?", ACCOUNT),
    ):
        assert call is not None
        CALLBACKS.verify(call, CREDENTIALS, NOW)
        assert len(CALLBACKS.read(call)) == 1
    assert end.receipt(taken, "teleported", ACCOUNT) is None  # type: ignore[arg-type]


def test_stop_at_a_messaging_service_blocks_the_pair_until_start() -> None:
    end, account = TwilioSandbox(), Account(CALLBACK_URL, SERVICE)
    stop = end.inbound(MESSAGE.to, " stop ", account)
    assert stop is not None and b"OptOutType=STOP" in stop.body
    reply, _taken = send(end, SERVICE)
    assert json.loads(reply.body)["code"] == 21610
    end.inbound(MESSAGE.to, "START", account)
    reply, _taken = send(end, SERVICE)
    assert reply.status == 201


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("ñ" * 160, 1), ("ő" * 70, 1), ("ő" * 71, 2), ("😀" * 35, 1)],
)
def test_segments_are_counted_as_carriers_do(text: str, parts: int) -> None:
    assert segments(text) == parts
