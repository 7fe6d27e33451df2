"""The stand-in push service: what it takes, what it refuses, what it reports."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels_app.contract import Message, Receipt, ReceiptStatus, Response
from channels_app.providers.webpush.callbacks import CALLBACKS
from channels_app.providers.webpush.provider import WebPush
from channels_app.providers.webpush.sandbox import (
    SANDBOX,
    UNREADABLE,
    demo_credentials,
    demo_subscription,
)
from channels_app.sandbox.contract import Account, Call

from .cases import CREDENTIALS, ENDPOINT, MESSAGE

BASE = "http://127.0.0.1:8001/webpush"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
MOMENT = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)


def demo_message(name: str, **changes: Any) -> Message:
    subscription = demo_subscription(name)
    push = {part: subscription[part] for part in ("p256dh", "auth")}
    return replace(MESSAGE, to=subscription["endpoint"], data={"push": push}, **changes)


def call_for(message: Message, credentials: dict[str, str] | None = None) -> Call:
    request = WebPush(credentials or demo_credentials(), BASE).request(message)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, request.url.removeprefix(BASE), headers, request.body)


def test_the_stand_in_decrypts_what_it_takes_and_names_it() -> None:
    reply, taken = SANDBOX.handle(call_for(demo_message("ada")), [ACCOUNT])
    assert reply.status == 201
    assert taken is not None
    assert (taken.to, taken.subject) == (demo_subscription("ada")["endpoint"], "Bella Napoli")
    assert taken.text == "Your order #1024 is ready."
    assert taken.callback_url == MESSAGE.callback_url
    answer = Response(reply.status, reply.headers, reply.body)
    assert WebPush(CREDENTIALS).accepted(answer).message_id == taken.id


def test_a_demo_subscription_follows_from_its_name() -> None:
    assert demo_subscription("ada") == demo_subscription("ada")
    assert demo_subscription("ada")["p256dh"] != demo_subscription("bob")["p256dh"]


def test_a_real_browsers_message_is_taken_and_stays_unread() -> None:
    reply, taken = SANDBOX.handle(call_for(MESSAGE), [ACCOUNT])
    assert (reply.status, taken and taken.text) == (201, UNREADABLE)
    assert taken is not None and taken.to == ENDPOINT


def test_the_browser_called_gone_has_unsubscribed() -> None:
    reply, taken = SANDBOX.handle(call_for(demo_message("gone")), [ACCOUNT])
    assert (reply.status, taken) == (410, None)


def with_headers(call: Call, **changes: str) -> Call:
    return replace(call, headers={**call.headers, **changes})


def test_the_stand_in_refuses_what_push_services_refuse() -> None:
    good = call_for(demo_message("ada"))
    vapid = good.headers["authorization"]
    tampered = vapid.replace("vapid t=eyJ", "vapid t=eyK")
    bad = {
        "no signature": (with_headers(good, authorization=""), 401),
        "a changed token": (with_headers(good, authorization=tampered), 401),
        "for another service": (
            with_headers(good, authorization=call_for(MESSAGE).headers["authorization"]),
            401,
        ),
        "another key": (call_for(demo_message("ada"), CREDENTIALS), 403),
        "no time to live": (with_headers(good, ttl=""), 400),
        "a bad topic": (with_headers(good, topic="a b"), 400),
        "another encoding": (with_headers(good, **{"content-encoding": "aesgcm"}), 400),
        "too large": (replace(good, body=b"x" * 4097), 413),
        "for another browser": (replace(good, path=good.path.replace("ada", "bob")), 400),
        "cut": (replace(good, body=good.body[:50]), 400),
    }
    answers = {name: SANDBOX.handle(call, [ACCOUNT]) for name, (call, _status) in bad.items()}
    assert {name: reply.status for name, (reply, _taken) in answers.items()} == {
        name: status for name, (_call, status) in bad.items()
    }
    assert all(taken is None for _reply, taken in answers.values())


def test_an_expired_token_is_refused_by_the_stand_in() -> None:
    provider = WebPush(demo_credentials(), BASE)
    provider.clock = lambda: time.time() - 13 * 3600
    request = provider.request(demo_message("ada"))
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call("POST", request.url.removeprefix(BASE), headers, request.body)
    assert SANDBOX.handle(call, [ACCOUNT])[0].status == 401


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("shown", ReceiptStatus.DELIVERED),
        ("delivered", ReceiptStatus.DELIVERED),
        ("read", ReceiptStatus.READ),
        ("clicked", ReceiptStatus.READ),
    ],
)
def test_what_the_stand_in_reports_is_believed(status: str, expected: ReceiptStatus) -> None:
    _reply, taken = SANDBOX.handle(call_for(demo_message("ada")), [ACCOUNT])
    assert taken is not None
    request = SANDBOX.receipt(taken, status, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, ACCOUNT.credentials, MOMENT)
    (found,) = CALLBACKS.read(request)
    assert isinstance(found, Receipt)
    assert (found.ref, found.status) == ("ref-1", expected)
    assert SANDBOX.receipt(taken, "bounced", ACCOUNT) is None
