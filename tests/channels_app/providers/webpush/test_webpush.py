"""Web Push: encryption, signing, hosts, errors, reports, and the stand-in."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import http_ece  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ValidationError

from channels_app.contract import CallbackRefused, Message
from channels_app.failures import FailureKind, SendError
from channels_app.providers.webpush import keys
from channels_app.providers.webpush.callbacks import CALLBACKS
from channels_app.providers.webpush.provider import (
    WebPush,
    WebPushCredentials,
    a_vapid_key,
    title_of,
)
from channels_app.providers.webpush.sandbox import (
    demo_credentials,
)
from tests.cases import CallbackCase, SendCase

from .cases import (
    BROWSER,
    BROWSER_AUTH,
    CALLBACK_CASES,
    CLOCK,
    CREDENTIALS,
    ENDPOINT,
    MESSAGE,
    PAYLOAD,
    PUSH,
    SEND_CASES,
    pinned,
    report,
    unsigned,
)

BASE = "http://127.0.0.1:8001/webpush"
MOMENT = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)


def opened(body: bytes) -> bytes:
    """What the browser reads."""
    plain: bytes = http_ece.decrypt(body, private_key=BROWSER, auth_secret=BROWSER_AUTH)
    return plain


def claims_of(header: str) -> dict[str, Any]:
    part = header.removeprefix("vapid t=").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def failed(message: Message, provider: WebPush | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        (provider or WebPush(CREDENTIALS)).request(message)
    return caught.value


@pytest.mark.parametrize("case", SEND_CASES, ids=lambda case: case.label)
def test_a_send_puts_these_bytes_on_the_wire_and_ends_so(case: SendCase) -> None:
    provider = pinned()
    if case.expected_request is not None:
        assert provider.request(case.message) == case.expected_request
    if isinstance(case.expected, FailureKind):
        with pytest.raises(SendError) as caught:
            provider.accepted(case.response)
        assert (caught.value.kind, caught.value.retry_after) == (case.expected, case.retry_after)
        assert caught.value.detail
    else:
        assert provider.accepted(case.response) == case.expected


@pytest.mark.parametrize("case", CALLBACK_CASES, ids=lambda case: case.label)
def test_a_report_of_the_service_worker_is_read_so(case: CallbackCase) -> None:
    CALLBACKS.verify(case.request, case.credentials, MOMENT)
    assert tuple(CALLBACKS.read(case.request)) == tuple(case.expected)


# --- On the wire


def test_the_browser_reads_exactly_this_payload() -> None:
    assert opened(WebPush(CREDENTIALS).request(MESSAGE).body) == PAYLOAD


def test_rfc_8291_gives_the_same_bytes_here() -> None:
    browser = keys.private_key("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    sender = keys.private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    body = keys.encrypt(
        b"When I grow up, I want to be a watermelon",
        keys.public_bytes(browser),
        keys.receiver_secret("BTBZMqHH6r4Tts7J_aSIgg"),
        (keys.decode64("DGv6ra1nlYgDCS1FRnbzlw"), sender),
    )
    assert keys.encode64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmY"
        "WAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexS"
        "gSxsj_Qulcy4a-fN"
    )


def test_pywebpush_makes_a_body_of_the_same_length_that_the_same_browser_reads() -> None:
    from pywebpush import WebPusher  # noqa: PLC0415 heavy, and only this test needs it

    theirs = WebPusher({"endpoint": ENDPOINT, "keys": PUSH}).encode(PAYLOAD)["body"]
    ours = WebPush(CREDENTIALS).request(MESSAGE).body
    assert opened(theirs) == opened(ours)
    assert len(theirs) == len(ours) == len(PAYLOAD) + 103


def test_two_sends_share_neither_salt_nor_key() -> None:
    one, two = (WebPush(CREDENTIALS).request(MESSAGE).body for _ in range(2))
    assert one[:16] != two[:16]
    assert one[21:86] != two[21:86]


def test_the_token_is_signed_for_the_origin_and_for_less_than_a_day() -> None:
    from py_vapid import Vapid02  # noqa: PLC0415 only this test needs it

    header = pinned().request(MESSAGE).headers["Authorization"]
    assert Vapid02.verify(header)
    claims = claims_of(header)
    assert claims["aud"] == "https://updates.push.services.mozilla.com"
    assert claims["sub"] == "mailto:push@bella-napoli.example.com"
    assert CLOCK + 10 * 3600 < claims["exp"] <= CLOCK + 12 * 3600
    assert header.endswith(",k=" + WebPush(CREDENTIALS).public_key)


def test_the_token_is_kept_for_an_hour_per_origin() -> None:
    provider = pinned()

    def token(at: float, to: str = ENDPOINT) -> str:
        provider.clock = lambda: at
        return provider.request(replace(MESSAGE, to=to)).headers["Authorization"]

    hour = CLOCK - CLOCK % 3600
    assert token(hour) == token(hour + 3599)
    assert token(hour) != token(hour + 3600)
    assert (
        claims_of(token(hour, "https://web.push.apple.com/x"))["aud"]
        == "https://web.push.apple.com"
    )


def test_a_quiet_message_has_normal_urgency_and_no_topic() -> None:
    headers = pinned().request(replace(MESSAGE, urgent=False, collapse_key="")).headers
    assert headers["Urgency"] == "normal"
    assert "Topic" not in headers


@pytest.mark.parametrize(("asked", "sent"), [(-5, "0"), (0, "0"), (10**9, "2592000")])
def test_the_time_to_live_stays_in_mozillas_range(asked: int, sent: str) -> None:
    assert pinned().request(replace(MESSAGE, ttl_seconds=asked)).headers["TTL"] == sent


@pytest.mark.parametrize("unit", ["word ", '"\\\n', "\U0001f355 ", "é"])
def test_a_payload_never_has_more_than_2048_bytes(unit: str) -> None:
    provider = WebPush(CREDENTIALS)
    link = "https://orders.example.com/" + "t" * 600
    long = replace(MESSAGE, text=unit * 3000, subject=unit * 300, url=link, callback_url=link)
    payload = provider.payload(long)
    assert len(payload) <= 2048
    assert json.loads(payload)["url"] == link
    assert json.loads(payload)["body"].endswith("…") or not json.loads(payload)["body"]


def test_links_that_leave_no_room_are_refused() -> None:
    error = failed(replace(MESSAGE, url="https://a.example/" + "x" * 2100))
    assert error.kind is FailureKind.CONTENT_REJECTED


def test_without_an_address_for_reports_the_payload_holds_no_proof() -> None:
    payload = json.loads(WebPush(CREDENTIALS).payload(replace(MESSAGE, callback_url="")))
    assert set(payload) == {"title", "body", "url", "tag", "ref"}


def test_the_title_is_the_subject_the_brand_or_plain_words() -> None:
    bare = replace(MESSAGE, subject="", data={})
    assert title_of(MESSAGE) == "Bella Napoli"
    assert title_of(replace(bare, data={"brand": {"name": "Napoli"}})) == "Napoli"
    assert title_of(replace(bare, data={"brand": "Napoli"})) == "Napoli"
    assert title_of(bare) == "Order update"
    assert title_of(replace(bare, language="es-MX")) == "Novedades de su pedido"


# --- Keys and hosts


OFF_CURVE = b"\x04" + b"\x01" * 64


@pytest.mark.parametrize(
    "push",
    [
        None,
        {},
        {**PUSH, "p256dh": ""},
        {**PUSH, "p256dh": "!!!"},
        {**PUSH, "p256dh": keys.encode64(keys.public_bytes(BROWSER)[:64])},
        {**PUSH, "p256dh": keys.encode64(b"\x02" + keys.public_bytes(BROWSER)[1:])},
        {**PUSH, "p256dh": keys.encode64(OFF_CURVE)},
        {**PUSH, "p256dh": "é"},
        {**PUSH, "auth": keys.encode64(b"x" * 15)},
        {**PUSH, "auth": 5},
    ],
)
def test_keys_that_no_browser_could_use_are_refused(push: Any) -> None:
    assert failed(replace(MESSAGE, data={"push": push})).kind is FailureKind.RECIPIENT_INVALID


def test_keys_with_padding_or_the_other_alphabet_are_understood() -> None:
    push = {
        "p256dh": base64.b64encode(keys.public_bytes(BROWSER)).decode(),
        "auth": base64.urlsafe_b64encode(BROWSER_AUTH).decode(),
    }
    body = WebPush(CREDENTIALS).request(replace(MESSAGE, data={"push": push})).body
    assert opened(body) == PAYLOAD


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc",
        "https://FCM.googleapis.com:443/fcm/send/abc",
        "https://autopush.push.services.mozilla.com/wpush/v1/x",
        "https://web.push.apple.com/QGuQ",
        "https://api.push.apple.com/3/x",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d",
    ],
)
def test_known_push_services_are_called(endpoint: str) -> None:
    assert WebPush(CREDENTIALS).request(replace(MESSAGE, to=endpoint)).url == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://example.com/push",
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://evilnotify.windows.com/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@127.0.0.1/x",
        "https://fcm.googleapis.com\\@127.0.0.1/x",
        "https://fcm.googleapis.com/x#y",
        "https://fcm.googleapis.com/../x",
        "https://fcm.googleapis.com:99999/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://fcm.googleapis.com/\r\nX: y",
        "https://fcm.googlеapis.com/x",
        "file:///etc/passwd",
    ],
)
def test_other_endpoints_are_refused_before_anything_is_sent(endpoint: str) -> None:
    error = failed(replace(MESSAGE, to=endpoint))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "endpoint")


def test_the_operator_can_allow_a_host_of_their_own() -> None:
    own = replace(MESSAGE, to="http://127.0.0.1:9999/push/abc")
    assert failed(own).kind is FailureKind.RECIPIENT_INVALID
    request = WebPush(CREDENTIALS, "", frozenset({"127.0.0.1"})).request(own)
    assert request.url == own.to
    assert claims_of(request.headers["Authorization"])["aud"] == "http://127.0.0.1:9999"


def test_on_a_stand_in_every_request_goes_to_the_stand_in() -> None:
    for endpoint in (ENDPOINT, "https://example.com/p?token=a%2Fb"):
        request = WebPush(CREDENTIALS, BASE).request(replace(MESSAGE, to=endpoint))
        assert request.url == f"{BASE}/{endpoint.removeprefix('https://')}"
    climbing = replace(MESSAGE, to="https://example.com/%2e%2e/../_control/faults")
    assert failed(climbing, WebPush(CREDENTIALS, BASE)).kind is FailureKind.RECIPIENT_INVALID


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_a_vapid_key_is_read_from_pem_and_from_base64url() -> None:
    raw = keys.new_vapid_key()
    pem = pem_of(keys.private_key(raw))
    assert keys.application_server_key(pem) == keys.application_server_key(raw)
    assert len(keys.decode64(keys.application_server_key(raw))) == 65


@pytest.mark.parametrize(
    "text",
    [
        "nonsense!",
        "AAAA",
        "A" * 43,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        pem_of(ec.generate_private_key(ec.SECP384R1())),
    ],
)
def test_what_is_no_vapid_key_is_refused_by_the_form(text: str) -> None:
    with pytest.raises(ValidationError):
        a_vapid_key(text)


def test_the_demo_credentials_pass_the_form_and_a_bad_contact_does_not() -> None:
    form = WebPushCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    for contact in (
        "mailto: <a@b.example>",
        "push@example.com",
        "http://a.example",
        "mailto:a@localhost",
    ):
        assert not WebPushCredentials({**demo_credentials(), "vapid_subject": contact}).is_valid()


# --- Reports


def test_a_report_without_a_token_is_refused() -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(unsigned(report("shown")), CREDENTIALS, MOMENT)


@pytest.mark.parametrize("token", ["", "x", "é", keys.receipt_token("another secret", "ref-1")])
def test_a_forged_report_is_refused(token: str) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(report("shown", token=token), CREDENTIALS, MOMENT)


def test_a_token_proves_one_message_only_and_nothing_without_a_secret() -> None:
    other = report("shown", "ref-2", keys.receipt_token(CREDENTIALS["receipt_secret"], "ref-1"))
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(other, CREDENTIALS, MOMENT)
    unsigned = report("shown", "ref-1", keys.receipt_token("", "ref-1"))
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(unsigned, {"receipt_secret": ""}, MOMENT)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 1999, b" " * 2001, b'{"ref": 5}'])
def test_a_broken_report_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(report("shown"), body=body), CREDENTIALS, MOMENT)
    with pytest.raises(ValueError):
        CALLBACKS.read(replace(report("shown"), body=body))
