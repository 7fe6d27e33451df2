"""From a provider's call to what it tells."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels_app import callbacks, registry
from channels_app.contract import Answer, CallbackRefused, CallbackRequest, Callbacks
from channels_app.models import Channel
from tests.channels_app.providers.sendgrid import cases as sendgrid
from tests.channels_app.providers.twilio import cases as twilio

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def channel(provider: str, credentials: dict[str, str]) -> Channel:
    return Channel(provider=provider, credentials=credentials)


def test_a_proven_call_is_read_and_answered_as_the_provider_likes_it() -> None:
    case = twilio.CALLBACK_CASES[0]
    found, answer = callbacks.read(channel("twilio", twilio.CREDENTIALS), case.request, NOW)
    assert list(found) == list(case.expected)
    assert answer == Answer(200, "<Response/>", "text/xml")


def test_a_forged_call_is_refused() -> None:
    forged = replace(twilio.CALLBACK_CASES[0].request, body=b"MessageSid=SM1&MessageStatus=read")
    with pytest.raises(CallbackRefused):
        callbacks.read(channel("twilio", twilio.CREDENTIALS), forged, NOW)


def test_a_call_of_another_tenants_account_is_refused() -> None:
    other = {**twilio.CREDENTIALS, "auth_token": "another tenant's"}
    with pytest.raises(CallbackRefused):
        callbacks.read(channel("twilio", other), twilio.CALLBACK_CASES[0].request, NOW)


def test_a_provider_without_callbacks_is_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "callbacks", lambda slug: None)
    with pytest.raises(CallbackRefused):
        callbacks.read(channel("twilio", {}), twilio.CALLBACK_CASES[0].request, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b"[null]",
        b'[{"event": "delivered"}]',
        b'[{"event": "delivered", "timestamp": 1e400}]',
        b'[{"event": "delivered", "timestamp": 99999999999999999999}]',
        b"[" * 100_000,
    ],
    ids=["number", "null", "no time", "infinite time", "far time", "deep"],
)
def test_a_proven_call_in_another_shape_is_broken_and_nothing_worse(body: bytes) -> None:
    account = channel("sendgrid", sendgrid.CREDENTIALS)
    with pytest.raises(ValueError):
        callbacks.read(account, sendgrid.signed(body), sendgrid.NOW)


def test_a_handshake_is_answered_after_it_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shy(Callbacks):
        def verify(self, request: CallbackRequest, credentials: object, now: datetime) -> None:
            if request.body != b"proven":
                raise CallbackRefused("no")

        def handshake(self, request: CallbackRequest, credentials: object) -> Answer:
            return Answer(200, "challenge")

    monkeypatch.setattr(registry, "callbacks", lambda slug: Shy())
    call = CallbackRequest("POST", "https://hub.example/", {}, b"proven")
    assert callbacks.read(channel("twilio", {}), call, NOW) == ((), Answer(200, "challenge"))
    with pytest.raises(CallbackRefused):
        callbacks.read(channel("twilio", {}), replace(call, body=b"forged"), NOW)
