"""The partner's endpoint: signature, body, addresses, answers, and the stand-in."""

import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from standardwebhooks.webhooks import Webhook as Oracle
from standardwebhooks.webhooks import WebhookVerificationError

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.providers.webhook.provider import Webhook, WebhookCredentials, signature
from channels_app.providers.webhook.sandbox import WebhookSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call
from tests.cases import SendCase

from .cases import BODY, CREDENTIALS, MESSAGE, NOW, SECRET, SEND_CASES, SENT_AT, URL, signed

BASE = "http://127.0.0.1:8001/webhook"
ACCOUNT = Account("", CREDENTIALS)
OTHER = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="


def secret_of(size: int) -> str:
    return f"whsec_{base64.b64encode(b'k' * size).decode()}"


def failed(message: Message) -> SendError:
    with pytest.raises(SendError) as caught:
        Webhook(CREDENTIALS).request(message)
    return caught.value


@pytest.mark.parametrize("case", SEND_CASES, ids=lambda case: case.label)
def test_a_send_puts_these_bytes_on_the_wire_and_ends_so(case: SendCase) -> None:
    provider = Webhook(CREDENTIALS)
    if case.expected_request is not None:
        assert provider.request(case.message) == case.expected_request
    if isinstance(case.expected, FailureKind):
        with pytest.raises(SendError) as caught:
            provider.accepted(case.response)
        assert (caught.value.kind, caught.value.retry_after) == (case.expected, case.retry_after)
    else:
        assert provider.accepted(case.response) == case.expected


def test_gone_says_that_the_partner_asked_us_to_stop() -> None:
    case = next(case for case in SEND_CASES if case.label == "410")
    with pytest.raises(SendError) as caught:
        Webhook(CREDENTIALS).accepted(case.response)
    assert caught.value.detail == "The partner asked us to stop."


# --- Signatures


@pytest.mark.parametrize(
    ("stamp", "body", "expected"),
    [
        (
            "1795289400",
            b'{"id":1001,"status":"ready"}',
            "c2etsPTpKUfrwDgvysbKkbQaU/UvAOQMp1orwQ2ExNQ=",
        ),
        ("1614265330", b'{"test": 2432232314}', "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ],
)
def test_the_published_vectors_come_out(stamp: str, body: bytes, expected: str) -> None:
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", stamp, body) == f"v1,{expected}"


def test_the_reference_library_accepts_our_signature_and_no_other() -> None:
    request = Webhook(CREDENTIALS).request(MESSAGE)
    with time_machine.travel(NOW, tick=False):
        assert Oracle(SECRET).verify(request.body, dict(request.headers)) == json.loads(BODY)
        with pytest.raises(WebhookVerificationError):
            Oracle(SECRET).verify(request.body + b" ", dict(request.headers))
        with pytest.raises(WebhookVerificationError):
            Oracle(OTHER).verify(request.body, dict(request.headers))


def test_while_a_secret_rotates_both_sign() -> None:
    request = Webhook({"signing_secret": f"{OTHER} {SECRET}"}).request(MESSAGE)
    given = request.headers["webhook-signature"]
    assert given == f"{signed(BODY, secret=OTHER)} {signed(BODY)}"
    with time_machine.travel(NOW, tick=False):
        for secret in (OTHER, SECRET):
            assert Oracle(secret).verify(request.body, dict(request.headers))


@pytest.mark.parametrize(
    "given",
    [SENT_AT, float(SENT_AT), str(SENT_AT), "2026-11-21T19:30:00Z", "2026-11-21T20:30:00+01:00",
     "2026-11-21T19:30:00", NOW],
)  # fmt: skip
def test_the_time_of_signing_may_be_written_in_these_ways(given: Any) -> None:
    message = replace(MESSAGE, data={**MESSAGE.data, "sent_at": given})
    assert Webhook(CREDENTIALS).request(message).headers["webhook-timestamp"] == str(SENT_AT)


@pytest.mark.parametrize("given", [None, "", "yesterday", True, [], "NaN"])
def test_without_a_usable_time_the_clock_is_taken(given: Any) -> None:
    message = replace(MESSAGE, data={**MESSAGE.data, "sent_at": given})
    with time_machine.travel(NOW, tick=False):
        assert Webhook(CREDENTIALS).request(message).headers["webhook-timestamp"] == str(SENT_AT)


def test_a_repeat_has_the_same_id_and_a_new_time() -> None:
    later = replace(MESSAGE, data={**MESSAGE.data, "sent_at": SENT_AT + 900})
    first, second = (Webhook(CREDENTIALS).request(one).headers for one in (MESSAGE, later))
    assert first["webhook-id"] == second["webhook-id"] == MESSAGE.ref
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


def test_the_reference_library_takes_a_late_repeat_only_because_it_is_signed_anew() -> None:
    first = Webhook(CREDENTIALS).request(MESSAGE)
    later = replace(MESSAGE, data={**MESSAGE.data, "sent_at": SENT_AT + 900})
    again = Webhook(CREDENTIALS).request(later)
    with time_machine.travel(NOW + timedelta(seconds=900), tick=False):
        with pytest.raises(WebhookVerificationError):
            Oracle(SECRET).verify(first.body, dict(first.headers))
        assert Oracle(SECRET).verify(again.body, dict(again.headers))
    assert again.body == first.body, "a repeat says what was said first"


def test_the_reference_library_agrees_with_every_size_of_secret_that_the_form_takes() -> None:
    for size in (16, 24, 32, 64):  # 16: a secret from before there was a shortest one
        request = Webhook({"signing_secret": secret_of(size)}).request(MESSAGE)
        with time_machine.travel(NOW, tick=False):
            assert Oracle(secret_of(size)).verify(request.body, dict(request.headers))


def test_who_the_customer_is_never_leaves() -> None:
    assert b"ada" not in Webhook(CREDENTIALS).request(MESSAGE).body.lower()


# --- Addresses


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://partner.example.com/",
        "https://partner.example.com:8443/",
        "https://user:pw@partner.example.com/",
        "https://partner.example.com/#x",
        "https:///x",
        "https://partner.example.com\\@10.0.0.1/",
        "https://partner.example.com/\r\nHost: x",
        "ftp://partner.example.com/",
        "partner.example.com",
    ],
)
def test_an_address_that_is_not_plain_https_is_refused(url: str) -> None:
    error = failed(replace(MESSAGE, to=url))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "url")
    assert "Correct the partner's address" in error.detail


def test_the_operator_can_allow_a_private_partner() -> None:
    own = replace(MESSAGE, to="http://127.0.0.1:9999/in")
    assert failed(own).kind is FailureKind.RECIPIENT_INVALID
    assert Webhook(CREDENTIALS, "", frozenset({"127.0.0.1"})).request(own).url == own.to


def test_on_a_stand_in_every_request_goes_to_the_stand_in() -> None:
    for url in (URL, "http://10.0.0.1:99/x"):
        found = urlsplit(Webhook(CREDENTIALS, BASE).request(replace(MESSAGE, to=url)).url)
        assert f"{found.scheme}://{found.netloc}{found.path}" == f"{BASE}/endpoint"
        assert parse_qsl(found.query) == [("to", url)]


@pytest.mark.parametrize(
    ("secret", "good"),
    [
        (SECRET, True),
        (f"{SECRET} {OTHER}", True),
        pytest.param(demo_credentials()["signing_secret"], True, id="the demo's"),
        (f"{SECRET} {OTHER} {secret_of(32)}", False),
        (f"{SECRET} {SECRET}", False),
        (secret_of(24), True),
        (secret_of(64), True),
        (secret_of(23), False),
        (secret_of(65), False),
        (f"{SECRET} {secret_of(16)}", False),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", False),
        ("whsec_", False),
        ("whsec_c2hvcnQ=", False),
        ("whsec_!!!!", False),
    ],
)
def test_the_form_takes_only_signing_secrets(secret: str, good: bool) -> None:
    assert WebhookCredentials({"signing_secret": secret}).is_valid() is good


# --- The stand-in


def call_for(message: Message, at: float | None = None, by: Webhook | None = None) -> Call:
    sent_at = time.time() if at is None else at
    message = replace(message, data={**message.data, "sent_at": sent_at})
    request = (by or Webhook(CREDENTIALS, BASE)).request(message)
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call("POST", parts.path, headers, request.body, dict(parse_qsl(parts.query)))


def test_the_stand_in_takes_an_event_once_and_answers_a_repeat_well() -> None:
    end = WebhookSandbox()
    reply, taken = end.handle(call_for(MESSAGE), [ACCOUNT])
    assert (reply.status, json.loads(reply.body)["repeat"]) == (200, False)
    assert taken is not None
    assert (taken.id, taken.to, taken.text) == (MESSAGE.ref, URL, "Order #1024 is ready.")
    assert taken.extra["data"]["order"] == {"number": "#1024", "total_minor": 2150}
    again, nothing = end.handle(call_for(MESSAGE, time.time() + 5), [ACCOUNT])
    assert (again.status, json.loads(again.body)["repeat"], nothing) == (200, True, None)
    assert end.handle(call_for(replace(MESSAGE, to=URL + "2")), [ACCOUNT])[1] is not None


def test_the_stand_in_takes_both_signatures_while_a_secret_rotates() -> None:
    both = Account("", {"signing_secret": f"{OTHER} {SECRET}"})
    for known in (ACCOUNT, both, Account("", {"signing_secret": OTHER})):
        signs = Webhook({"signing_secret": f"{OTHER} {SECRET}"}, BASE)
        reply, taken = WebhookSandbox().handle(call_for(MESSAGE, by=signs), [known])
        assert (reply.status, taken is not None) == (200, True)
    third = Account("", {"signing_secret": secret_of(32)})
    assert WebhookSandbox().handle(call_for(MESSAGE), [third])[0].status == 401


def test_what_was_refused_may_be_sent_again_with_the_same_id() -> None:
    end = WebhookSandbox()
    assert end.handle(call_for(MESSAGE, time.time() - 400), [ACCOUNT])[0].status == 400
    assert end.handle(call_for(MESSAGE), [ACCOUNT])[1] is not None


def test_the_stand_in_refuses_as_a_careful_partner_does() -> None:
    good = call_for(MESSAGE)
    bad = {
        "changed body": (replace(good, body=good.body + b" "), 401),
        "another secret": (
            replace(good, headers={**good.headers, "webhook-signature": "v1,AAAA v2,x x"}),
            401,
        ),
        "no headers": (replace(good, headers={}), 400),
        "too old": (call_for(MESSAGE, time.time() - 301), 400),
        "too new": (call_for(MESSAGE, time.time() + 302), 400),
        "not a POST": (replace(good, method="PUT"), 405),
        "nowhere": (replace(good, query={}), 404),
        "gone": (call_for(replace(MESSAGE, to="https://partner.example.com/gone")), 410),
        "busy": (call_for(replace(MESSAGE, to="https://partner.example.com/busy")), 503),
        "not JSON": (replace(good, headers={**good.headers, "content-type": "text/plain"}), 415),
    }
    answers = {name: WebhookSandbox().handle(call, [ACCOUNT]) for name, (call, _s) in bad.items()}
    assert {name: reply.status for name, (reply, _taken) in answers.items()} == {
        name: status for name, (_call, status) in bad.items()
    }
    assert all(taken is None for _reply, taken in answers.values())
