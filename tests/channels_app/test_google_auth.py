"""Google's service accounts: key files, assertions that another library can read, tokens."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ValidationError

from channels_app.contract import Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.sandbox.contract import Call
from channels_app.wire import google_auth, google_stand_in

from .google import KEY_FILE, answer

NOW = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
ACCOUNT = google_auth.service_account(KEY_FILE)


def changed(**fields: Any) -> str:
    value = {**json.loads(KEY_FILE), **fields}
    return json.dumps({key: one for key, one in value.items() if one is not None})


def posted(request: Request) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(request.body.decode()).items()}


def test_the_assertion_is_one_that_another_library_believes() -> None:
    request = google_auth.token_request(KEY_FILE, SCOPE, NOW)
    assert (request.method, request.url) == ("POST", "https://oauth2.googleapis.com/token")
    assert request.headers == {"Content-Type": "application/x-www-form-urlencoded"}
    fields = posted(request)
    assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    public = google_auth.private_key(ACCOUNT.pem).public_key()
    claims = jwt.decode(
        fields["assertion"],
        public,
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == {
        "iss": ACCOUNT.email,
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": 1795262430,
        "exp": 1795262430 + 3600,
    }
    head = jwt.get_unverified_header(fields["assertion"])
    assert head == {"alg": "RS256", "typ": "JWT", "kid": ACCOUNT.key_id}


def test_the_same_moment_makes_the_same_request_and_a_later_one_another() -> None:
    one, again = (google_auth.token_request(KEY_FILE, SCOPE, NOW) for _ in range(2))
    later = google_auth.token_request(KEY_FILE, SCOPE, NOW + timedelta(seconds=1))
    assert one == again != later


def test_the_assertion_goes_to_google_whatever_the_file_says() -> None:
    odd = changed(token_uri="https://evil.example/token")
    request = google_auth.token_request(odd, SCOPE, NOW)
    assert request.url == "https://oauth2.googleapis.com/token"


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "whole content"),
        ("-----BEGIN PRIVATE KEY-----", "whole content"),
        ("[]", "whole content"),
        ("{" + " " * 30_000, "longer"),
        (changed(type="authorized_user"), "not the key file"),
        (changed(private_key_id=None), "not complete"),
        (changed(client_email=7), "not complete"),
        (
            changed(private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
            "read",
        ),
        (changed(private_key=elliptic()), "RSA"),
        (changed(universe_domain="example.cloud"), "another cloud"),
    ],
    ids=range(10),
)
def test_what_is_no_key_file_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as caught:
        google_auth.a_key_file(text)
    assert "BEGIN" not in str(caught.value)


def test_a_token_lasts_as_long_as_google_says() -> None:
    found = google_auth.token(
        answer(200, {"access_token": "ya29.a", "expires_in": 3599, "token_type": "Bearer"}), NOW
    )
    assert (found.token, found.expires_at) == ("ya29.a", NOW + timedelta(seconds=3599))
    assert google_auth.bearer(found) == {"Authorization": "Bearer ya29.a"}


@pytest.mark.parametrize(
    ("response", "kind", "wait"),
    [
        (answer(400, {"error": "invalid_grant"}), FailureKind.MISCONFIGURED, None),
        (answer(401, {"error": "invalid_client"}), FailureKind.MISCONFIGURED, None),
        (answer(400, {"error": "invalid_scope"}), FailureKind.MISCONFIGURED, None),
        (answer(400, {"error": "a_new_word"}), FailureKind.MISCONFIGURED, None),
        (answer(400, {"error": "internal_failure"}), FailureKind.TRANSIENT, None),
        (answer(404, b"<html>"), FailureKind.MISCONFIGURED, None),
        (answer(302, b""), FailureKind.MISCONFIGURED, None),
        (answer(429, b"", retry_after="9"), FailureKind.THROTTLED, 9.0),
        (answer(503, b"<html>"), FailureKind.TRANSIENT, None),
        (answer(200, b"<html>"), FailureKind.TRANSIENT, None),
        (answer(200, {"access_token": ""}), FailureKind.TRANSIENT, None),
        (answer(200, {"access_token": "a\nb"}), FailureKind.TRANSIENT, None),
        (answer(200, {"access_token": "a", "expires_in": "soon"}), FailureKind.TRANSIENT, None),
        (answer(200, {"access_token": "a", "expires_in": 0}), FailureKind.TRANSIENT, None),
    ],
    ids=range(14),
)
def test_no_token_ends_so(response: Response, kind: FailureKind, wait: float | None) -> None:
    with pytest.raises(SendError) as caught:
        google_auth.token(response, NOW)
    assert (caught.value.kind, caught.value.retry_after) == (kind, wait)
    assert caught.value.detail


def test_without_a_token_nothing_is_sent_and_it_is_tried_again() -> None:
    with pytest.raises(SendError) as caught:
        google_auth.bearer(None)
    assert caught.value.kind is FailureKind.TRANSIENT


# --- the stand-in's token endpoint ---
def traded(assertion: str, accounts: list[google_auth.ServiceAccount]) -> tuple[int, Any]:
    request = Request.form("x", {"grant_type": google_auth.GRANT, "assertion": assertion})
    call = Call("POST", "/token", {}, request.body)
    reply = google_stand_in.token_reply(call, accounts, SCOPE)
    return reply.status, json.loads(reply.body)


def test_the_stand_in_gives_a_token_that_only_it_can_make() -> None:
    signed = google_auth.assertion(ACCOUNT, SCOPE, datetime.now(UTC))
    status, body = traded(signed, [ACCOUNT])
    assert (status, body["token_type"]) == (200, "Bearer")
    header = f"Bearer {body['access_token']}"
    assert google_stand_in.holds_token(header, [ACCOUNT], SCOPE)
    assert google_stand_in.holds_token(header, [], SCOPE)
    other = replace(ACCOUNT, email="somebody@else.example")
    assert not google_stand_in.holds_token(header, [other], SCOPE)
    assert not google_stand_in.holds_token(header, [ACCOUNT], "https://example.com/other")
    for bad in (
        header + "0",
        header.replace("Bearer", "Basic"),
        "Bearer ya29.9.é.a",
        "",
        "Bearer a",
    ):
        assert not google_stand_in.holds_token(bad, [ACCOUNT], SCOPE)
    ended = google_stand_in.made(ACCOUNT.email, 1_700_000_000, SCOPE)
    assert not google_stand_in.holds_token(f"Bearer {ended}", [ACCOUNT], SCOPE)


def test_the_stand_in_refuses_assertions_that_google_refuses() -> None:
    now = datetime.now(UTC)
    good = google_auth.assertion(ACCOUNT, SCOPE, now)
    head, claims, _signature = good.split(".")
    other = google_auth.service_account(google_stand_in.demo_key_file("other"))
    impostor = replace(other, email=ACCOUNT.email, key_id=ACCOUNT.key_id)
    refused = [
        "",
        "a.b",
        f"{head}.{claims}.AAAA",
        google_auth.assertion(other, SCOPE, now),
        google_auth.assertion(impostor, SCOPE, now),
        google_auth.assertion(ACCOUNT, SCOPE, now - timedelta(hours=2)),
        google_auth.assertion(ACCOUNT, SCOPE, now + timedelta(hours=2)),
    ]
    assert [traded(one, [ACCOUNT])[0] for one in refused] == [400] * len(refused)
    assert {traded(one, [ACCOUNT])[1]["error"] for one in refused} == {"invalid_grant"}
    wrong = google_auth.assertion(ACCOUNT, "https://example.com/other", now)
    assert traded(wrong, [ACCOUNT])[1]["error"] == "invalid_scope"


def test_what_the_stand_in_refuses_is_read_as_our_mistake() -> None:
    call = Call("POST", "/token", {}, b"grant_type=password")
    reply = google_stand_in.token_reply(call, [ACCOUNT], SCOPE)
    with pytest.raises(SendError) as caught:
        google_auth.token(Response(reply.status, {}, reply.body), NOW)
    assert caught.value.kind is FailureKind.MISCONFIGURED


def test_no_http_client_and_no_sdk_comes_with_it() -> None:
    code = (
        "import sys, channels_app.wire.google_auth as found\n"
        "print([name for name in ('aiohttp', 'requests', 'google', 'jwt') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
