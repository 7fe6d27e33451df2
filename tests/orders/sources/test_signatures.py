"""Signatures: known answers, and everything that must be refused."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from orders import signatures
from orders.contract import BadSignature, Raw
from orders.signatures import SHOPIFY, STANDARD, WOOCOMMERCE, Scheme, scheme_from_settings

BODY = b'{"id":1001,"status":"ready"}'
SECRET = "test_secret"
BASE64 = "p8S+xiQnTgWD5RojpgjYIYZL2LgzQVWKTA49+ClGlbY="
HEX = "a7c4bec624274e0583e51a23a608d821864bd8b83341558a4c0e3df8294695b6"
NOW = datetime.fromtimestamp(1795289400, UTC)
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def raw(headers: dict[str, str], body: bytes = BODY, **more: Any) -> Raw:
    return Raw(headers=headers, body=body, received_at=NOW, **more)


def settings(**more: Any) -> dict[str, Any]:
    return {"signature_header": "X-Sig", **more}


HEX_SETTINGS = settings(signature_encoding="hex")
# label, scheme, headers besides the signature, url, expected signature
VECTORS = [
    ("shopify", SHOPIFY, {}, "", BASE64),
    ("woocommerce", WOOCOMMERCE, {}, "", BASE64),
    ("hex of the body", scheme_from_settings(HEX_SETTINGS), {}, "", HEX),
    (
        "url before body",
        scheme_from_settings(settings(signature_template="{url}{body}")),
        {},
        "https://hub.example.com/in/square/abc",
        "38xNOF8Uellrzf4R8mrOYVtKUoj3UKTkmYndhjq3Rw0=",
    ),
    (
        "body before timestamp",
        scheme_from_settings(
            settings(signature_template="{body}{timestamp}", timestamp_header="X-Time")
        ),
        {"x-time": "2026-11-21T19:30:00.000Z"},
        "",
        "QMg1KM971LKxnRBMkLq6DjGBSsnlYogBoEEdKM4z9mE=",
    ),
    (
        "id, a blank, body, in hex",
        scheme_from_settings(
            {**HEX_SETTINGS, "signature_template": "{id} {body}", "id_header": "X-Id"}
        ),
        {"x-id": "0f6f2c1e-0000-4000-8000-000000000001"},
        "",
        "c8d8a2b5b7eda4e4cfcb2e4c2ebc0a146a56ba3ebbc9aeac6319cf1db80e009e",
    ),
    (
        "id, blank, line break, blank, body, in hex",
        scheme_from_settings(
            {**HEX_SETTINGS, "signature_template": "{id} \n {body}", "id_header": "X-Id"}
        ),
        {"x-id": "0f6f2c1e-0000-4000-8000-000000000001"},
        "",
        "ff54de80aa6a0caf4a85078769fb6f9fea2b479a47d7cf34cd1e12860ecb5537",
    ),
    (
        "timestamp before body",
        scheme_from_settings(
            settings(signature_template="{timestamp}{body}", timestamp_header="X-Time")
        ),
        {"x-time": "2026-11-21T19:30:00Z"},
        "",
        "1MUlZeG5XZY1IjZBgFphkl30ggnh8qW2omP+PxKM3Uk=",
    ),
    (
        "method, url, body, timestamp",
        scheme_from_settings(
            settings(
                signature_template="{method}{url}{body}{timestamp}",
                timestamp_header="X-Time",
                tolerance_seconds=300,
            )
        ),
        {"x-time": "1795289400000"},
        "https://hub.example.com/in/hubspot/abc",
        "hvl4EMVQDAIvf7zGAwEvGJsI6jaPt/Zdxg0ke5RUaEY=",
    ),
]


@pytest.mark.parametrize(
    ("scheme", "headers", "url", "expected"), [v[1:] for v in VECTORS], ids=[v[0] for v in VECTORS]
)
def test_a_known_signature_is_made_and_accepted(
    scheme: Scheme, headers: dict[str, str], url: str, expected: str
) -> None:
    request = raw({**headers, scheme.headers[0]: expected}, url=url)
    assert signatures.sign(scheme, request, SECRET) == expected
    signatures.verify(scheme, request, [SECRET])
    signatures.verify(scheme, request, ["newer", SECRET])
    with pytest.raises(BadSignature):
        signatures.verify(scheme, request, ["another"])


def test_the_published_vector_of_standard_webhooks_is_accepted() -> None:
    headers = {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    request = Raw(headers, b'{"test": 2432232314}')
    sent = datetime.fromtimestamp(1614265330, UTC)
    signatures.verify(STANDARD, request, [WHSEC], now=sent)
    with pytest.raises(BadSignature):
        signatures.verify(STANDARD, request, [WHSEC], now=sent + timedelta(seconds=301))


def test_our_own_vector_of_standard_webhooks_is_made() -> None:
    headers = signatures.sign_standard(WHSEC, MESSAGE_ID, NOW, BODY)
    assert headers["webhook-signature"] == "v1,c2etsPTpKUfrwDgvysbKkbQaU/UvAOQMp1orwQ2ExNQ="
    assert headers["webhook-timestamp"] == "1795289400"


BODIES = [BODY, b"", '{"name":"Zoë 🍕"}'.encode(), b'{"url":"https:\\/\\/a"}', b"x" * 600_000]


@pytest.mark.parametrize("body", BODIES, ids=["plain", "empty", "non-ascii", "escaped", "600 kB"])
def test_the_reference_library_accepts_what_we_sign_and_we_what_it_signs(body: bytes) -> None:
    library = Webhook(WHSEC)
    with time_machine.travel(NOW, tick=False):
        library.verify(
            body, signatures.sign_standard(WHSEC, MESSAGE_ID, NOW, body), json_parse=False
        )
        theirs = {
            "webhook-id": MESSAGE_ID,
            "webhook-timestamp": "1795289400",
            "webhook-signature": library.sign(MESSAGE_ID, NOW, body.decode()),
        }
    signatures.verify(STANDARD, raw(theirs, body), [WHSEC])


def standard(**changes: str) -> dict[str, str]:
    return {**signatures.sign_standard(WHSEC, MESSAGE_ID, NOW, BODY), **changes}


GOOD = standard()["webhook-signature"]
REFUSED_BY_BOTH = {
    "six minutes old": {"webhook-timestamp": str(1795289400 - 360)},
    "six minutes ahead": {"webhook-timestamp": str(1795289400 + 360)},
    "no time": {"webhook-timestamp": ""},
    "no number": {"webhook-timestamp": "soon"},
    "another time": {"webhook-timestamp": "1795289401"},
    "another id": {"webhook-id": "msg_other"},
    "no id": {"webhook-id": ""},
    "empty signature": {"webhook-signature": ""},
    "another version": {"webhook-signature": GOOD.replace("v1,", "v1a,")},
    "another signature": {"webhook-signature": "v1," + BASE64},
}


@pytest.mark.parametrize("changes", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH)
def test_what_the_reference_library_refuses_we_refuse(changes: dict[str, str]) -> None:
    headers = standard(**changes)
    with time_machine.travel(NOW, tick=False), pytest.raises(WebhookVerificationError):
        Webhook(WHSEC).verify(BODY, headers)
    with pytest.raises(BadSignature):
        signatures.verify(STANDARD, raw(headers), [WHSEC])


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(seconds: int) -> None:
    headers = signatures.sign_standard(WHSEC, "m1", NOW + timedelta(seconds=seconds), BODY)
    signatures.verify(STANDARD, raw(headers), [WHSEC])


def test_one_of_several_signatures_is_enough() -> None:
    signed = f"v1a,xxx v1,{BASE64} {GOOD}"
    signatures.verify(STANDARD, raw(standard(**{"webhook-signature": signed})), [WHSEC])


def test_a_header_of_endless_signatures_is_read_to_a_limit() -> None:
    signed = "v1,x " * 5000 + GOOD
    with pytest.raises(BadSignature):
        signatures.verify(STANDARD, raw(standard(**{"webhook-signature": signed})), [WHSEC])


def test_a_secret_without_whsec_is_text_or_base64() -> None:
    signatures.verify(STANDARD, raw(signatures.sign_standard(SECRET, "m", NOW, BODY)), [SECRET])
    bare = WHSEC.removeprefix("whsec_")
    signatures.verify(STANDARD, raw(standard()), [bare])


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_***", "whsec_="])
def test_an_empty_or_unreadable_secret_opens_nothing(secret: str) -> None:
    for scheme in (SHOPIFY, WOOCOMMERCE, STANDARD):
        empty_key = signatures.sign(replace(scheme, keys=lambda _: [b""]), raw(standard()), "x")
        request = raw({**standard(), scheme.headers[0]: empty_key})
        secrets = [secret] if scheme is STANDARD else [""]
        with pytest.raises(BadSignature):
            signatures.verify(scheme, request, secrets)
        with pytest.raises(BadSignature):
            signatures.verify(scheme, request, [])


NEGATIVE_VALUES = {
    "empty": "",
    "blanks": "   ",
    "without padding": BASE64.rstrip("="),
    "lower case": BASE64.lower(),
    "hex": HEX,
    "non-ascii": "ü" + BASE64,
    "beyond latin-1": "🍕",
    "half a surrogate": "\ud800",
    "quoted": f'"{BASE64}"',
    "two in one": f"{BASE64},{BASE64}",
}


@pytest.mark.parametrize("value", NEGATIVE_VALUES.values(), ids=NEGATIVE_VALUES)
@pytest.mark.parametrize("scheme", [SHOPIFY, WOOCOMMERCE], ids=["shopify", "woocommerce"])
def test_a_signature_that_is_not_exactly_it_is_refused(scheme: Scheme, value: str) -> None:
    with pytest.raises(BadSignature):
        signatures.verify(scheme, raw({scheme.headers[0]: value}), [SECRET])


@pytest.mark.parametrize("scheme", [SHOPIFY, WOOCOMMERCE], ids=["shopify", "woocommerce"])
def test_a_missing_header_is_refused_and_blanks_around_it_do_not_matter(scheme: Scheme) -> None:
    with pytest.raises(BadSignature, match="missing"):
        signatures.verify(scheme, raw({}), [SECRET])
    signatures.verify(scheme, raw({scheme.headers[0]: f"  {BASE64} "}), [SECRET])


def test_hex_in_capitals_is_refused() -> None:
    with pytest.raises(BadSignature):
        signatures.verify(scheme_from_settings(HEX_SETTINGS), raw({"x-sig": HEX.upper()}), [SECRET])


SAME_JSON = {
    "keys in another order": b'{"status":"ready","id":1001}',
    "blanks": b'{"id": 1001, "status": "ready"}',
    "line break at the end": BODY + b"\n",
    "escaped": b'{"id":1001,"status":"\\u0072eady"}',
}


@pytest.mark.parametrize("body", SAME_JSON.values(), ids=SAME_JSON)
def test_the_same_json_in_other_bytes_is_refused(body: bytes) -> None:
    assert json.loads(body) == json.loads(BODY)
    with pytest.raises(BadSignature):
        signatures.verify(SHOPIFY, raw({"x-shopify-hmac-sha256": BASE64}, body), [SECRET])


def test_slashes_as_php_escapes_them_and_non_ascii_count_as_sent() -> None:
    body = b'{"url":"https:\\/\\/shop.example","name":"Zo\xc3\xab"}'
    signed = signatures.sign(WOOCOMMERCE, raw({}, body), SECRET)
    signatures.verify(WOOCOMMERCE, raw({"x-wc-webhook-signature": signed}, body), [SECRET])


def test_events_without_the_prefix_are_accepted_as_shopify() -> None:
    signatures.verify(SHOPIFY, raw({"shopify-hmac-sha256": BASE64}), [SECRET])


def test_a_woocommerce_secret_is_used_as_wordpress_decodes_it() -> None:
    stored = "a&amp;b&quot;c"
    decoded = "f9QusCUDQKwAQ0T+r5vr3m3rmGUmpA3QEDcI1zQx2ro="
    undecoded = "sbXOYm6WccbUFqwzU4UXwIme2VlGfof3eQPY7H9YjiU="
    signatures.verify(WOOCOMMERCE, raw({"x-wc-webhook-signature": decoded}), [stored])
    signatures.verify(WOOCOMMERCE, raw({"x-wc-webhook-signature": decoded}), ['a&b"c'])
    with pytest.raises(BadSignature):
        signatures.verify(WOOCOMMERCE, raw({"x-wc-webhook-signature": undecoded}), [stored])


@pytest.mark.parametrize(
    ("stored", "key"),
    [
        ("&lt;&gt;", b"<>"),
        ("&#039;&#39;&#x27;", b"'''"),
        ("&#038;lt;", b"&lt;"),
        ("&amp;lt;", b"&lt;"),
        ("&copy;&nbsp;", b"&copy;&nbsp;"),
        ("plain123", b"plain123"),
    ],
)
def test_entities_are_decoded_once_and_only_those_of_wordpress(stored: str, key: bytes) -> None:
    assert signatures.wordpress_key(stored) == [key]


def test_a_prefix_and_sha512_are_a_matter_of_settings() -> None:
    scheme = scheme_from_settings(
        settings(signature_algorithm="sha512", signature_encoding="hex", signature_prefix="sha512=")
    )
    signed = signatures.sign(scheme, raw({}), SECRET)
    assert signed.startswith("sha512=")
    assert len(signed) == 7 + 128
    signatures.verify(scheme, raw({"x-sig": signed}), [SECRET])
    with pytest.raises(BadSignature):
        signatures.verify(scheme, raw({"x-sig": signed.removeprefix("sha512=")}), [SECRET])


BAD_SETTINGS = [
    {},
    settings(signature_algorithm="md5"),
    settings(signature_encoding="rot13"),
    settings(signature_template="{timestamp}", timestamp_header="X-Time"),
    settings(signature_template="{body}{password}"),
    settings(signature_template="{body}{}"),
    settings(tolerance_seconds=300),
    settings(tolerance_seconds="soon", timestamp_header="X-Time"),
    settings(tolerance_seconds=-1, timestamp_header="X-Time"),
]


@pytest.mark.parametrize("bad", BAD_SETTINGS, ids=repr)
def test_settings_that_make_no_scheme_let_nobody_in(bad: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        scheme_from_settings(bad)


@pytest.mark.parametrize("missing", ["x-time", "x-id"])
def test_a_signed_member_that_is_missing_is_refused(missing: str) -> None:
    scheme = scheme_from_settings(
        settings(
            signature_template="{id}{timestamp}{body}", timestamp_header="X-Time", id_header="X-Id"
        )
    )
    headers = {"x-time": "1795289400", "x-id": "1"}
    headers.pop(missing)
    signed = signatures.sign(scheme, raw(headers), SECRET)
    with pytest.raises(BadSignature, match="missing"):
        signatures.verify(scheme, raw({**headers, "x-sig": signed}), [SECRET])


def test_tokens_are_compared_whole() -> None:
    signatures.verify_token(SECRET, ["newer", SECRET])
    for wrong in ("", SECRET[:-1], SECRET + "x", "ü", "🍕", "\ud800"):
        with pytest.raises(BadSignature):
            signatures.verify_token(wrong, [SECRET])
    for none in ([], [""]):
        with pytest.raises(BadSignature):
            signatures.verify_token("", none)


def test_a_token_beyond_ascii_is_compared_as_the_bytes_that_were_sent() -> None:
    secret = "schlüssel"
    as_the_server_hands_it_over = secret.encode().decode("latin-1")
    signatures.verify_token(as_the_server_hands_it_over, [secret])


def test_base64_of_a_known_key_is_what_it_says() -> None:
    key = base64.b64decode(WHSEC.removeprefix("whsec_"))
    assert signatures.standard_key(WHSEC) == [key]
