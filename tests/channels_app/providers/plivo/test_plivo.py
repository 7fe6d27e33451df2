"""Plivo: what the tables cannot say, and the vectors of its own packages."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    ProviderTemplate,
    Receipt,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.plivo.callbacks import CALLBACKS, signature
from channels_app.providers.plivo.codes import ERRORS
from channels_app.providers.plivo.provider import PROVIDER, PlivoCredentials
from channels_app.providers.plivo.sandbox import PlivoSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from channels_app.wire import sms
from tests.channels_app.providers.plivo.cases import (
    AUTH_ID,
    CALLBACK_CASES,
    CALLBACK_URL,
    CREDENTIALS,
    IN_INDIA,
    MESSAGE,
    SUBACCOUNT,
    UUID,
    error,
    form_call,
    status_call,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def body_of(credentials: dict[str, str] = CREDENTIALS, **changes: Any) -> dict[str, Any]:
    request = PROVIDER(credentials).request(replace(MESSAGE, **changes))
    found: dict[str, Any] = json.loads(request.body)
    return found


# --- sending ---
def test_a_powerpack_takes_the_place_of_a_number_and_the_log_is_theirs_to_say() -> None:
    body = body_of(SUBACCOUNT)
    assert body["powerpack_uuid"] == SUBACCOUNT["powerpack_uuid"]
    assert body["log"] == "number_only"
    assert "src" not in body


@pytest.mark.parametrize(("ttl", "sent"), [(0, 5), (60, 60), (90_000, 10_799)])
def test_the_expiry_stays_in_the_range_that_plivo_takes(ttl: int, sent: int) -> None:
    assert body_of(ttl_seconds=ttl)["message_expiry"] == sent


def test_without_a_callback_url_none_is_sent() -> None:
    assert not {"url", "method"} & set(body_of(callback_url=""))


def test_what_india_asks_for_stays_there() -> None:
    assert not [name for name in body_of(template=IN_INDIA.template) if name.startswith("dlt")]
    bare = {**CREDENTIALS, "dlt_entity_id": "", "dlt_template_category": ""}
    assert not [name for name in body_of(bare, to=IN_INDIA.to) if name.startswith("dlt")]


@pytest.mark.parametrize(
    ("template", "word"),
    [
        (ProviderTemplate("order_ready"), "digits"),
        (ProviderTemplate("1107", "en", {"1": "1042"}), "no parameters"),
    ],
)
def test_a_template_that_cannot_be_a_dlt_one_is_refused(
    template: ProviderTemplate, word: str
) -> None:
    problems = PROVIDER(CREDENTIALS).template_problems(template)
    assert len(problems) == 1 and word in problems[0]
    with pytest.raises(SendError) as caught:
        body_of(template=template)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED
    assert PROVIDER(CREDENTIALS).template_problems(ProviderTemplate("1107165")) == []


def test_an_error_never_repeats_a_number() -> None:
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(error(400, "dst +12025550143 and 12025550143 are odd"))
    assert caught.value.detail == "dst … and … are odd"


# --- length ---
@pytest.mark.parametrize(
    ("text", "end", "length"),
    [
        ("a" * 1600, "a", 1600),
        ("word " * 400, "...", 1597),
        ("a" * 1601, "...", 1600),
        ("€" * 900, "...", 801),
        ("ő" * 737, "ő", 737),
        ("ő" * 738, "…", 737),
        ("😀" * 400, "…", 369),
    ],
    ids=["fits", "words", "one word", "double places", "other fits", "other", "emoji"],
)
def test_a_text_is_cut_to_what_its_alphabet_allows(text: str, end: str, length: int) -> None:
    fitted = PROVIDER(CREDENTIALS).fit(replace(MESSAGE, text=text)).text
    assert fitted.endswith(end)
    assert len(fitted) == length
    assert sms.is_gsm(fitted) == sms.is_gsm(text)


# --- errors in receipts ---
@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_listed_code_is_read_from_a_receipt(code: str) -> None:
    (receipt,) = CALLBACKS.read(status_call("failed", ErrorCode=code))
    assert isinstance(receipt, Receipt)
    assert (receipt.failure, receipt.detail) == ERRORS[code]
    assert receipt.opt_out == (code == "200")


# --- signatures ---
VECTOR_URL = "https://hub.example.test/hooks/plivo/status?acct=7"
VECTOR_BODY = (
    b"To=15550101&ErrorCode=000&From=15550100"
    b"&MessageUUID=5b40a428-bfc7-4daf-9d06-726c558bf3b8&Status=delivered"
)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        (VECTOR_URL, "aJ6BXZr1QCkkkHuvrI3Z3knw8LAirwrT1fbK4BB0sGs="),
        (VECTOR_URL.partition("?")[0], "BhMo5PtN6QEUJ6F7U2Fyphe4Ig00JFzixkYQpXQs49M="),
    ],
    ids=["with a query", "without"],
)
@pytest.mark.parametrize("header", ["x-plivo-signature-v3", "x-plivo-signature-ma-v3"])
def test_the_vectors_of_plivos_package(url: str, signed: str, header: str) -> None:
    nonce = "x-plivo-signature-v3-nonce"
    call = CallbackRequest("POST", url, {header: signed, nonce: "12345"}, VECTOR_BODY)
    CALLBACKS.verify(call, {"auth_token": "MATOKEN"}, NOW)
    for bent in (
        replace(call, body=VECTOR_BODY.replace(b"delivered", b"failed")),
        replace(call, url=f"{url}x"),
        replace(call, method="GET"),
        replace(call, headers={header: signed, nonce: "12346"}),
        replace(call, headers={header: signed}),
        replace(call, headers={header: signed[:-1], nonce: "12345"}),
        replace(call, headers={nonce: "12345"}),
    ):
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(bent, {"auth_token": "MATOKEN"}, NOW)


@pytest.mark.parametrize(
    ("method", "query", "body", "signed"),
    [
        ("GET", "?b=2&a=1", b"", b"0H1bLlbHhiUbqoakkZwEV5jz/JiuBk3MbZFTrfXDCH0="),
        ("GET", "?a=1&b=2", b"", b"0H1bLlbHhiUbqoakkZwEV5jz/JiuBk3MbZFTrfXDCH0="),
        (
            "POST",
            "?b=2&a=1&a=0&z=",
            b"X=2&X=1&E=&Q=%C2%BFQu%C3%A9%3F+a%2Bb",
            b"oQLDWtSRIveL6pYuUcu83L7pFBHHexnOjIDnZEMgBoM=",
        ),
        ("POST", "", b"", b"Dhtllg8wXw8ZjYsES3QYwKi62ig2Triz8+aTTFxJgT4="),
    ],
    ids=["a GET", "another order", "repeats, blanks and letters", "nothing"],
)
def test_more_vectors_that_plivos_package_made(
    method: str, query: str, body: bytes, signed: bytes
) -> None:
    call = CallbackRequest(method, CALLBACK_URL + query, {}, body)
    assert signature(call, "12345", "MATOKEN") == signed


@pytest.mark.parametrize("nonce", ["", None])
def test_a_call_without_a_nonce_is_refused_even_if_it_is_signed(nonce: str | None) -> None:
    call = form_call({"MessageUUID": UUID})
    signed = signature(call, "", CREDENTIALS["auth_token"]).decode()
    headers = {"x-plivo-signature-v3": signed}
    if nonce is not None:
        headers["x-plivo-signature-v3-nonce"] = nonce
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(call, headers=headers), CREDENTIALS, NOW)


def test_the_second_scheme_which_leaves_the_body_out_is_not_believed() -> None:
    headers = {
        "x-plivo-signature-v2": "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=",
        "x-plivo-signature-v2-nonce": "12345",
    }
    call = CallbackRequest("POST", "https://answer.url", headers, b"Status=delivered")
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call, {"auth_token": "my_auth_token"}, NOW)


def test_a_subaccounts_calls_are_proven_by_either_token() -> None:
    for key in ("auth_token", "main_auth_token"):
        for header in ("x-plivo-signature-v3", "x-plivo-signature-ma-v3"):
            call = form_call({"MessageUUID": UUID}, None, SUBACCOUNT[key], header)
            CALLBACKS.verify(call, SUBACCOUNT, NOW)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(form_call({"A": "1"}, None, "another"), SUBACCOUNT, NOW)


@pytest.mark.parametrize("credentials", [{}, {"auth_token": ""}])
def test_without_a_token_nothing_is_believed(credentials: dict[str, str]) -> None:
    with pytest.raises(CallbackRefused, match="Auth Token"):
        CALLBACKS.verify(CALLBACK_CASES[0].request, credentials, NOW)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"no form at all", b"&".join([b"a=1"] * 300)])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    call = replace(form_call({"A": "1"}), body=body)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call, CREDENTIALS, NOW)


# --- the form ---
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"auth_id": "AC12"}, "auth_id"),
        ({"auth_token": ""}, "auth_token"),
        ({"from_number": ""}, "from_number"),
        ({"powerpack_uuid": SUBACCOUNT["powerpack_uuid"]}, "from_number"),
        ({"from_number": "12-34"}, "from_number"),
        ({"log": "all"}, "log"),
        ({"dlt_entity_id": "abc"}, "dlt_entity_id"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_the_field(
    change: dict[str, str], field: str
) -> None:
    assert field in PlivoCredentials({**CREDENTIALS, **change}).errors


def test_a_subaccount_and_the_demo_are_taken() -> None:
    assert PlivoCredentials(SUBACCOUNT).is_valid()
    assert PlivoCredentials(demo_credentials()).is_valid()
    assert demo_credentials()["auth_id"] != demo_credentials()["auth_id"]


# --- the account ---
def test_a_subaccount_is_asked_what_it_may_say() -> None:
    asks = PROVIDER(SUBACCOUNT).verification()
    assert asks is not None
    assert asks.url == f"https://api.plivo.com/v1/Account/{SUBACCOUNT['auth_id']}/Message/?limit=1"
    headers = {name.lower(): value for name, value in asks.headers.items()}
    path = f"/v1/Account/{SUBACCOUNT['auth_id']}/"
    known = [Account(CALLBACK_URL, SUBACCOUNT)]
    for rest, status in (("Message/", 200), ("", 401)):
        call = Call("GET", path + rest, headers, b"", {"limit": "1"})
        reply, _taken = PlivoSandbox().handle(call, known)
        assert reply.status == status


# --- the stand-in ---
ACCOUNT = Account(CALLBACK_URL, CREDENTIALS)


def post(token: str = "t0ken-of-a-test", **changes: Any) -> tuple[Reply, Taken | None]:
    request = PROVIDER({**CREDENTIALS, "auth_token": token}).request(MESSAGE)
    value = json.loads(request.body) | changes
    body = json.dumps({name: one for name, one in value.items() if one != ""}).encode()
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", f"/v1/Account/{AUTH_ID}/Message/", headers, body)
    return PlivoSandbox().handle(call, [ACCOUNT])


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"dst": "5550"}, FailureKind.RECIPIENT_INVALID),
        ({"dst": "+15005550001"}, FailureKind.RECIPIENT_INVALID),
        ({"dst": "+15005550003"}, FailureKind.MISCONFIGURED),
        ({"dst": ""}, FailureKind.CONTENT_REJECTED),
        ({"src": ""}, FailureKind.CONTENT_REJECTED),
        ({"text": ""}, FailureKind.CONTENT_REJECTED),
        ({"text": "x" * 1601}, FailureKind.CONTENT_REJECTED),
        ({"text": "ő" * 738}, FailureKind.CONTENT_REJECTED),
        ({"message_expiry": 4}, FailureKind.CONTENT_REJECTED),
        ({"log": "all"}, FailureKind.CONTENT_REJECTED),
        ({"surprise": "1"}, FailureKind.CONTENT_REJECTED),
    ],
    ids=str,
)
def test_the_stand_in_refuses_as_plivo_does(changes: dict[str, Any], kind: FailureKind) -> None:
    reply, taken = post(**changes)
    assert taken is None
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert caught.value.kind is kind


def test_the_stand_in_knows_its_accounts() -> None:
    reply, taken = post("guess")
    assert (reply.status, taken) == (401, None)


def test_receipts_and_texts_of_the_stand_in_are_signed() -> None:
    end, child = PlivoSandbox(), Account(CALLBACK_URL, SUBACCOUNT)
    _reply, taken = post()
    assert taken is not None
    for call in (
        end.receipt(taken, "undelivered:80", ACCOUNT),
        end.inbound("+12025550143", "¿Qué tal?", ACCOUNT),
    ):
        assert call is not None
        CALLBACKS.verify(call, CREDENTIALS, NOW)
        assert len(CALLBACKS.read(call)) == 1
    of_child = end.inbound("+12025550143", "stop", child)
    assert of_child is not None
    CALLBACKS.verify(of_child, SUBACCOUNT, NOW)
    assert b"MessageIntent=optout" in of_child.body
    assert end.receipt(taken, "teleported", ACCOUNT) is None


@pytest.mark.parametrize(("to", "code"), [("+15005550004", "200"), ("+15005550006", "900")])
def test_numbers_that_fail_later_do_so_after_they_were_queued(to: str, code: str) -> None:
    end = PlivoSandbox()
    _reply, taken = post(dst=to)
    assert taken is not None
    queued, delivered = (end.receipt(taken, word, ACCOUNT) for word in ("queued", "delivered"))
    assert queued is not None and b"Status=queued" in queued.body
    assert delivered is not None
    (receipt,) = CALLBACKS.read(delivered)
    assert isinstance(receipt, Receipt)
    assert (receipt.failure, receipt.detail) == ERRORS[code]
