"""Mailgun: what the tables cannot say, its published contract, and a proof that proves little."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jsonschema
import pytest
from django.conf import settings

from channels_app.contract import CallbackRefused, CallbackRequest, ProviderTemplate, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.mailgun.callbacks import CALLBACKS, signature
from channels_app.providers.mailgun.provider import PROVIDER, MailgunCredentials
from channels_app.providers.mailgun.sandbox import (
    NO_TEMPLATE,
    MailgunSandbox,
    demo_credentials,
)
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from tests.channels_app.providers.mailgun.cases import (
    CALLBACK_CASES,
    CREDENTIALS,
    MESSAGE,
    NOW,
    STAMP,
    TEMPLATED,
    TOKEN,
    call_of,
    error,
    event,
)

SPEC = Path(settings.BASE_DIR).parent / "shared" / "contracts" / "mailgun.json"
KEY = CREDENTIALS["webhook_signing_key"]


def fields_of(credentials: dict[str, str] = CREDENTIALS, **changes: Any) -> dict[str, str]:
    return dict(parse_qsl(PROVIDER(credentials).request(replace(MESSAGE, **changes)).body.decode()))


# --- sending ---
@pytest.mark.parametrize("message", [MESSAGE, TEMPLATED], ids=["words", "template"])
def test_the_form_is_one_that_mailguns_own_contract_takes(message: Any) -> None:
    if not SPEC.is_file():
        pytest.skip("Did not run: Mailgun's contract is not on this machine.")
    schemas = json.loads(SPEC.read_text())["components"]["schemas"]
    schema = schemas["POST-v3-domain_name-messages-multipart-form-data-RequestBody"]
    credentials = {**CREDENTIALS, "reply_to": "hello@casa.example"}
    fields: dict[str, Any] = dict(parse_qsl(PROVIDER(credentials).request(message).body.decode()))
    # A form repeats what the contract calls a list.
    fields["to"] = [fields["to"]]
    jsonschema.Draft202012Validator(schema).validate(fields)
    named = set(schema["properties"])
    assert {name for name in fields if name[:2] not in ("h:", "v:")} <= named


def test_without_html_and_without_an_unsubscribe_url_there_is_nothing_of_them() -> None:
    fields = fields_of(html="", unsubscribe_url="")
    assert set(fields) == {"from", "to", "subject", "text", "v:ob_ref", "o:deliver-within"}


def test_a_mail_without_a_subject_gets_one_line_of_its_text() -> None:
    assert fields_of(subject="", text="Ready!\nCome  in.")["subject"] == "Ready! Come in."
    assert len(fields_of(subject="x" * 400)["subject"]) == 250


@pytest.mark.parametrize(
    ("ttl", "within"),
    [(0, "5m"), (299, "5m"), (301, "6m"), (3600, "1h"), (90_000, "24h"), (5400, "1h30m")],
)
def test_a_mail_is_delivered_while_it_is_news(ttl: int, within: str) -> None:
    assert fields_of(ttl_seconds=ttl)["o:deliver-within"] == within


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "orders@casa.example"),
        ("Casa, Verde & Co.", '"Casa, Verde & Co." <orders@casa.example>'),
        ("Casa\r\nBcc: x@y.example", '"Casa Bcc: x@y.example" <orders@casa.example>'),
        ("Café", "=?utf-8?b?Q2Fmw6k=?= <orders@casa.example>"),
    ],
)
def test_the_senders_name_is_written_so_that_it_stays_a_name(name: str, written: str) -> None:
    assert fields_of({**CREDENTIALS, "from_name": name})["from"] == written


def test_answers_go_where_the_credentials_say() -> None:
    fields = fields_of({**CREDENTIALS, "reply_to": "hello@casa.example"})
    assert fields["h:Reply-To"] == "hello@casa.example"


def test_a_european_domain_is_spoken_to_in_europe_unless_something_stands_in() -> None:
    europe, path = {**CREDENTIALS, "region": "eu"}, "/v3/mg.casa.example/messages"
    assert PROVIDER(europe).request(MESSAGE).url == f"https://api.eu.mailgun.net{path}"
    there = PROVIDER(europe, "http://127.0.0.1:8001/mailgun/").request(MESSAGE).url
    assert there == f"http://127.0.0.1:8001/mailgun{path}"


def test_an_error_never_repeats_the_address() -> None:
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(error(400, "ada@example.com is odd"))
    assert caught.value.detail == "… is odd"


# --- templates ---
@pytest.mark.parametrize(
    ("template", "word"),
    [
        (ProviderTemplate("Order-Ready"), "lower case"),
        (ProviderTemplate(" order"), "lower case"),
        (ProviderTemplate("x" * 256), "255"),
        (ProviderTemplate("a\nb"), "seen"),
        (ProviderTemplate("order", "en", {"1": "a"}), "“1”"),
        (ProviderTemplate("order", "en", {"order number": "a"}), "“order number”"),
    ],
    ids=str,
)
def test_a_template_that_cannot_work_is_seen_before_it_is_sent(
    template: ProviderTemplate, word: str
) -> None:
    problems = PROVIDER(CREDENTIALS).template_problems(template)
    assert len(problems) == 1 and word in problems[0]
    with pytest.raises(SendError) as caught:
        fields_of(template=template)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_a_good_template_has_no_problems_and_without_gaps_sends_no_variables() -> None:
    assert TEMPLATED.template is not None
    assert PROVIDER(CREDENTIALS).template_problems(TEMPLATED.template) == []
    fields = fields_of(template=ProviderTemplate("pedido-listo"))
    assert fields["template"] == "pedido-listo"
    assert not {"text", "html", "t:variables"} & set(fields)


# --- the account ---
def test_the_key_is_proven_by_a_mail_to_nobody() -> None:
    asks = PROVIDER(CREDENTIALS).verification()
    assert asks is not None
    fields = dict(parse_qsl(asks.body.decode()))
    assert asks.url == "https://api.mailgun.net/v3/mg.casa.example/messages"
    assert not {"to", "cc", "bcc"} & set(fields)


# --- events ---
def test_the_published_way_of_signing() -> None:
    assert signature("1700000000", "a" * 50, "key-test") == (
        "c831b43c5b16fe108131ca2a0ee82b53808fd53255a924f124c12c5aa8b5c2a3"
    )


def test_the_token_is_good_for_one_event_whatever_it_says() -> None:
    """The body is not signed: the token is what the hub remembers an event by."""
    first, forged = (CALLBACKS.read(call_of(event(word)))[0] for word in ("opened", "failed"))
    assert first.event_id == forged.event_id == TOKEN


@pytest.mark.parametrize(
    ("passed", "believed"),
    [
        (timedelta(0), True),
        (timedelta(hours=8, minutes=59), True),
        (timedelta(hours=9, seconds=1), False),
        (timedelta(minutes=-4), True),
        (timedelta(minutes=-6), False),
    ],
    ids=str,
)
def test_a_proof_is_good_for_as_long_as_mailgun_repeats_itself(
    passed: timedelta, believed: bool
) -> None:
    call = call_of(event("delivered"))
    if believed:
        CALLBACKS.verify(call, CREDENTIALS, NOW + passed)
        return
    with pytest.raises(CallbackRefused, match="hours"):
        CALLBACKS.verify(call, CREDENTIALS, NOW + passed)


def signed(stamp: Any, token: Any) -> dict[str, Any]:
    return {"timestamp": stamp, "token": token, "signature": signature(f"{stamp}", f"{token}", KEY)}


@pytest.mark.parametrize(
    "proof",
    [
        {"signature": ""},
        {"signature": None},
        {"signature": "é" * 64},
        {"signature": signature(STAMP, TOKEN, "another")},
        {"token": TOKEN[:-1]},
        {"timestamp": str(int(STAMP) + 1)},
        signed(STAMP, ""),
        signed(STAMP, "short"),
        signed(STAMP, "x" * 101),
        signed("", TOKEN),
        signed("soon", TOKEN),
        signed(f" {STAMP[:9]}", TOKEN),
        signed("9" * 40, TOKEN),
        # What was signed as one text, cut elsewhere.
        {"timestamp": STAMP + TOKEN[0], "token": TOKEN[1:]},
        {"timestamp": STAMP[:-1], "token": STAMP[-1] + TOKEN},
    ],
    ids=str,
)
def test_a_broken_or_changed_proof_is_refused(proof: dict[str, Any]) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call_of(event("delivered"), **proof), CREDENTIALS, NOW)


def test_a_time_as_a_number_is_a_time() -> None:
    CALLBACKS.verify(call_of(event("delivered"), timestamp=int(STAMP)), CREDENTIALS, NOW)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b"[" * 100_000, b"\xff", b'{"signature":1}']
)
def test_a_body_without_a_proof_is_refused(body: bytes) -> None:
    call = CallbackRequest("POST", "https://hub.example/receipts/k1/", {}, body)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(call, CREDENTIALS, NOW)


@pytest.mark.parametrize("credentials", [{}, {"webhook_signing_key": ""}, {"api_key": "x"}])
def test_without_the_signing_key_nothing_is_believed(credentials: dict[str, str]) -> None:
    with pytest.raises(CallbackRefused, match="signing key"):
        CALLBACKS.verify(CALLBACK_CASES[0].request, credentials, NOW)


@pytest.mark.parametrize("stamp", [None, "soon", 1e300, [], "inf"])
def test_an_event_without_a_readable_time_is_still_an_event(stamp: Any) -> None:
    (receipt,) = CALLBACKS.read(call_of(event("delivered", timestamp=stamp)))
    assert receipt.at is None


# --- the form ---
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"domain": "casa"}, "domain"),
        ({"domain": "mg.casa.example/v3"}, "domain"),
        ({"domain": "https://mg.casa.example"}, "domain"),
        ({"domain": "mg..example"}, "domain"),
        ({"api_key": ""}, "api_key"),
        ({"from_email": "casa"}, "from_email"),
        ({"region": "mars"}, "region"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_the_field(
    change: dict[str, str], field: str
) -> None:
    assert field in MailgunCredentials({**CREDENTIALS, **change}).errors


def test_the_demos_credentials_fit_the_form_and_differ_each_time() -> None:
    assert MailgunCredentials(demo_credentials()).is_valid()
    assert demo_credentials()["domain"] != demo_credentials()["domain"]


# --- the stand-in ---
ACCOUNT = Account("https://hub.example/receipts/k1/", CREDENTIALS)


def post(
    key: str = "key-of-a-test", domain: str = "mg.casa.example", **changes: str
) -> tuple[Reply, Taken | None]:
    request = PROVIDER({**CREDENTIALS, "api_key": key}).request(MESSAGE)
    fields = dict(parse_qsl(request.body.decode())) | changes
    body = urlencode({name: value for name, value in fields.items() if value})
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", f"/v3/{domain}/messages", headers, body.encode())
    return MailgunSandbox().handle(call, [Account("https://other.example/", {}), ACCOUNT])


def test_the_stand_in_takes_what_we_send_and_remembers_whose_it_was() -> None:
    reply, taken = post()
    assert taken is not None
    assert json.loads(reply.body) == {"id": f"<{taken.id}>", "message": "Queued. Thank you."}
    assert (taken.to, taken.text, taken.subject) == (MESSAGE.to, MESSAGE.text, MESSAGE.subject)
    assert (taken.html, taken.callback_url) == (MESSAGE.html, ACCOUNT.callback_url)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"to": "ada"}, FailureKind.RECIPIENT_INVALID),
        ({"to": ""}, FailureKind.CONTENT_REJECTED),
        ({"from": ""}, FailureKind.CONTENT_REJECTED),
        ({"from": "casa"}, FailureKind.CONTENT_REJECTED),
        ({"text": "", "html": ""}, FailureKind.CONTENT_REJECTED),
        ({"template": "a"}, FailureKind.CONTENT_REJECTED),
        ({"html": "", "template": NO_TEMPLATE}, FailureKind.MISCONFIGURED),
        ({"html": "", "template": "a", "t:variables": "{"}, FailureKind.CONTENT_REJECTED),
        ({"v:more": "x" * 16_400}, FailureKind.CONTENT_REJECTED),
        ({"o:deliver-within": "soon"}, FailureKind.CONTENT_REJECTED),
        ({"to": "stranger@example.com"}, FailureKind.MISCONFIGURED),
        ({"key": "guess"}, FailureKind.MISCONFIGURED),
        ({"domain": "mg.other.example"}, FailureKind.MISCONFIGURED),
    ],
    ids=lambda value: str(value)[:60],
)
def test_the_stand_in_refuses_as_mailgun_does(changes: dict[str, str], kind: FailureKind) -> None:
    reply, taken = post(**changes)
    assert taken is None
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert caught.value.kind is kind


def test_the_stand_in_takes_a_template_and_shows_what_fills_it_in() -> None:
    request = PROVIDER(CREDENTIALS).request(TEMPLATED)
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", "/v3/mg.casa.example/messages", headers, request.body)
    reply, taken = MailgunSandbox().handle(call, [ACCOUNT])
    assert reply.status == 200 and taken is not None
    assert taken.text == "[order ready] number=1042 store=Café"


def test_the_stand_ins_trouble_says_how_long_to_wait() -> None:
    body = MailgunSandbox().fault_body(429)
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(429, {}, body))
    assert caught.value.retry_after == 2.0


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("delivered", "delivered"),
        ("queued", "queued"),
        ("read", "read"),
        ("deferred", "deferred"),
        ("failed", "failed"),
        ("permanent_fail:suppress-complaint", "failed"),
        ("complained", "delivered"),
    ],
)
def test_events_of_the_stand_in_are_signed_and_carry_our_reference(word: str, status: str) -> None:
    _reply, taken = post()
    assert taken is not None
    end = MailgunSandbox()
    call, again = end.receipt(taken, word, ACCOUNT), end.receipt(taken, word, ACCOUNT)
    assert call is not None and again is not None
    proof = json.loads(call.body)["signature"]
    signed_at = NOW.fromtimestamp(int(proof["timestamp"]), NOW.tzinfo)
    CALLBACKS.verify(call, CREDENTIALS, signed_at)
    (receipt,) = CALLBACKS.read(call)
    assert (receipt.ref, receipt.message_id, receipt.status) == ("d-7f3a", taken.id, status)
    assert receipt.event_id != CALLBACKS.read(again)[0].event_id
    assert receipt.opt_out == ("compl" in word)


@pytest.mark.parametrize(
    ("local", "failure"),
    [
        ("bounce", FailureKind.RECIPIENT_INVALID),
        ("unsubscribed", FailureKind.OPTED_OUT),
        ("old", FailureKind.TRANSIENT),
        ("busy", None),
    ],
)
def test_addresses_that_fail_later(local: str, failure: FailureKind | None) -> None:
    _reply, taken = post(to=f"{local}@example.com")
    assert taken is not None
    call = MailgunSandbox().receipt(taken, "delivered", ACCOUNT)
    assert call is not None
    assert CALLBACKS.read(call)[0].failure is failure


def test_a_word_that_mailgun_does_not_have_makes_no_event() -> None:
    _reply, taken = post()
    assert taken is not None
    assert MailgunSandbox().receipt(taken, "teleported", ACCOUNT) is None
