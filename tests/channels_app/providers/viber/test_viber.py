"""Viber: requests, its codes, who comes and leaves, signatures, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels_app import callbacks
from channels_app.contract import CallbackRefused, CallbackRequest, Message, Response
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel
from channels_app.providers.viber.callbacks import CALLBACKS, signature
from channels_app.providers.viber.errors import ERRORS
from channels_app.providers.viber.provider import Viber, ViberCredentials
from channels_app.providers.viber.sandbox import SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import (
    CALLBACK_CASES,
    CREDENTIALS,
    LINK,
    PERSON,
    PLAIN,
    SEND_CASES,
    TAKEN,
    TOKEN,
    VECTOR,
    VECTOR_SIGNATURE,
    call,
    event,
    opened,
    told,
)

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", CREDENTIALS)


def sent(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Viber(CREDENTIALS).request(message).body)
    return body


def refusal(message: Message) -> SendError:
    with pytest.raises(SendError) as failed:
        Viber(CREDENTIALS).request(message)
    return failed.value


# --- sending ---
def test_a_token_larger_than_a_float_keeps_every_digit() -> None:
    assert Viber(CREDENTIALS).accepted(TAKEN).message_id == "4912661846655238145"
    assert str(int(float(4912661846655238145))) != "4912661846655238145"


@pytest.mark.parametrize("to", ["", "Ada L", "ä=", "x" * 101])
def test_what_is_no_persons_id_is_refused_before_it_is_sent(to: str) -> None:
    assert refusal(replace(PLAIN, to=to)).kind is FailureKind.RECIPIENT_INVALID


def test_an_empty_text_is_refused() -> None:
    assert refusal(replace(PLAIN, text=" \n")).kind is FailureKind.CONTENT_REJECTED


def test_the_longest_text_has_7000_characters() -> None:
    text = sent(Viber(CREDENTIALS).fit(replace(PLAIN, text="word " * 2000)))["text"]
    assert 6900 < len(text) <= 7000
    assert text.endswith("…")


def test_without_anything_to_press_there_is_no_keyboard() -> None:
    assert "keyboard" not in sent(PLAIN)
    assert "keyboard" not in sent(replace(PLAIN, url="javascript:alert(1)"))
    assert sent(replace(PLAIN, url=LINK))["keyboard"]["Buttons"][0]["ActionBody"] == LINK


@pytest.mark.parametrize("button", [(" ", "v"), ("Yes", ""), ("Yes", "v" * 251)])
def test_a_button_without_label_or_value_is_refused(button: tuple[str, str]) -> None:
    assert refusal(replace(PLAIN, actions=[button])).code == "button"


def test_too_many_buttons_are_refused_and_not_dropped() -> None:
    many = [(f"Answer {count}", f"v{count}") for count in range(25)]
    assert len(sent(replace(PLAIN, actions=many[:24]))["keyboard"]["Buttons"]) == 24
    assert refusal(replace(PLAIN, actions=many)).code == "buttons"


def test_no_error_repeats_what_viber_says_of_people() -> None:
    with pytest.raises(SendError) as failed:
        Viber(CREDENTIALS).accepted(told(6))
    assert PERSON not in str(failed.value)


def test_the_join_link_carries_the_token_and_needs_the_bots_name() -> None:
    assert Viber(CREDENTIALS).join_link("a_b-1") == "viber://pa?chatURI=bellanapoli&context=a_b-1"
    assert Viber(CREDENTIALS).join_link("a&b").endswith("&context=a%26b")
    assert Viber({**CREDENTIALS, "bot_uri": ""}).join_link("a") == ""


def test_viber_keeps_no_templates_and_has_no_window() -> None:
    able = Viber.capabilities
    assert (able.templates, able.window_hours, able.needs_join) == (False, 0, True)
    assert sent(replace(PLAIN, window_open=False)) == sent(replace(PLAIN, window_open=True))


# --- calls to us ---
def test_the_signature_is_the_one_of_the_vector() -> None:
    assert signature(TOKEN, VECTOR) == VECTOR_SIGNATURE


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("", VECTOR),
        (VECTOR_SIGNATURE[:-1], VECTOR),
        (VECTOR_SIGNATURE.upper(), VECTOR),
        (VECTOR_SIGNATURE, VECTOR + b" "),
        ("\ud800", VECTOR),
    ],
)
def test_a_spoilt_signature_is_refused(header: str, body: bytes) -> None:
    request = CallbackRequest("POST", "", {"x-viber-content-signature": header}, body)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, CREDENTIALS, NOW)


def test_without_a_token_nothing_is_believed() -> None:
    request = CallbackRequest(
        "POST", "", {"x-viber-content-signature": signature("", b"{}")}, b"{}"
    )
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, {"auth_token": ""}, NOW)


def test_the_check_of_a_new_webhook_is_answered() -> None:
    answer = CALLBACKS.handshake(CALLBACK_CASES[-1].request, CREDENTIALS)
    assert answer is not None and answer.status == 200


@pytest.mark.parametrize(
    ("language", "word"), [("en", "please"), ("es-MX", "favor"), ("uk", "please")]
)
def test_somebody_new_is_asked_with_a_button_that_joins(language: str, word: str) -> None:
    person = {"id": PERSON, "language": language}
    asks = call({**opened(context="ord_4b0c7e1f", subscribed=False), "user": person})
    answer = CALLBACKS.handshake(asks, CREDENTIALS)
    assert answer is not None and answer.content_type == "application/json"
    welcome = json.loads(answer.body)
    assert "receiver" not in welcome
    assert welcome["sender"] == {"name": "Bella Napoli"}
    (button,) = welcome["keyboard"]["Buttons"]
    assert (button["ActionType"], button["ActionBody"]) == ("reply", "/start ord_4b0c7e1f")
    assert word in button["Text"]


def test_a_channel_welcomes_somebody_new_and_counts_them_as_nobody_yet() -> None:
    channel = Channel(provider="viber", credentials=CREDENTIALS)
    request = call(opened(context="ord_4b0c7e1f", subscribed=False))
    found, answer = callbacks.read(channel, request, NOW)
    assert list(found) == []
    assert json.loads(answer.body)["sender"] == {"name": "Bella Napoli"}


def test_what_the_welcome_says_is_a_message_that_viber_takes() -> None:
    answer = CALLBACKS.handshake(call(opened(subscribed=False)), CREDENTIALS)
    assert answer is not None
    status, _answer, taken = handed({**json.loads(answer.body), "receiver": PERSON})
    assert (status, taken.extra["buttons"]) == (0, [("Sí, por favor", "/start")])


@pytest.mark.parametrize(
    "body", [opened(context="x", subscribed=True), event("message"), event("delivered")]
)
def test_other_events_are_no_handshake(body: dict[str, Any]) -> None:
    assert CALLBACKS.handshake(call(body), CREDENTIALS) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 5000])
def test_a_broken_body_raises_value_error(body: bytes) -> None:
    for read in (lambda: CALLBACKS.read(call(body)), lambda: CALLBACKS.handshake(call(body), {})):
        with pytest.raises(ValueError):
            read()


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"event": 5},
        {"event": "delivered"},
        event("message"),
        event("message", sender={"id": 5}, message="x"),
        {"event": "unsubscribed", "user_id": PERSON},
        event("subscribed", context="x", user=None),
    ],
)
def test_what_has_a_strange_shape_tells_nothing(odd: dict[str, Any]) -> None:
    assert list(CALLBACKS.read(call(odd))) == []


# --- the stand-in ---
def handed(
    body: Any, path: str = "/pa/send_message", token: str = TOKEN, method: str = "POST"
) -> tuple[int, Any, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply, taken = SANDBOX.handle(Call(method, path, {"x-viber-auth-token": token}, raw), [ACCOUNT])
    answer = json.loads(reply.body) if reply.status == 200 else {"status": -reply.status}
    return answer["status"], answer, taken


@pytest.mark.parametrize("case", SEND_CASES[:2], ids=lambda case: case.label)
def test_the_stand_in_takes_what_we_send(case: Any) -> None:
    status, answer, taken = handed(sent(case.message))
    assert (status, taken.to, taken.text) == (0, PERSON, case.message.text)
    assert str(answer["message_token"]) == taken.id


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_code_of_the_table_can_be_played(code: int) -> None:
    status, answer, taken = handed(sent(replace(PLAIN, to=f"status-{code}==")))
    assert (status, taken) == (code, None)
    with pytest.raises(SendError) as failed:
        Viber(CREDENTIALS).accepted(Response(200, {}, json.dumps(answer).encode()))
    assert failed.value.kind is ERRORS[code][0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"receiver": ""}, 4),
        ({"type": "poem"}, 3),
        ({"text": ""}, 4),
        ({"text": "x" * 7001}, 3),
        ({"sender": {}}, 4),
        ({"sender": {"name": "x" * 29}}, 3),
        ({"keyboard": {"Type": "keyboard", "Buttons": []}}, 3),
        ({"keyboard": {"Buttons": [{"ActionType": "dance"}]}}, 3),
        ({"keyboard": {"Buttons": [{"ActionType": "reply", "Text": "x"}]}}, 4),
    ],
)
def test_the_stand_in_refuses_as_viber_does(change: dict[str, Any], code: int) -> None:
    status, _answer, taken = handed(sent(PLAIN) | change)
    assert (status, taken) == (code, None)


def test_the_stand_in_wants_its_token_and_its_path() -> None:
    body = sent(PLAIN)
    assert handed(body, token="another")[0] == 2
    assert handed(body, token="")[0] == 2
    assert handed(b"{")[0] == 3
    assert handed(body, path="/pa/sing")[0] == -404
    assert handed(body, method="GET")[0] == -404


def test_a_webhook_must_be_encrypted() -> None:
    assert handed({"url": "http://x.example/"}, "/pa/set_webhook")[0] == 1
    assert handed({"url": "https://x.example/"}, "/pa/set_webhook")[0] == 0


@pytest.mark.parametrize(
    ("word", "status"),
    [("delivered", "delivered"), ("seen", "read"), ("read", "read"), ("failed", "failed")],
)
def test_a_receipt_of_the_stand_in_is_believed_and_names_the_message(
    word: str, status: str
) -> None:
    taken = handed(sent(PLAIN))[2]
    assert isinstance(taken, Taken)
    request = SANDBOX.receipt(taken, word, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (receipt,) = CALLBACKS.read(request)
    assert (receipt.message_id, receipt.status, receipt.address) == (taken.id, status, PERSON)  # type: ignore[union-attr]
    assert SANDBOX.receipt(taken, "sent", ACCOUNT) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("STOP", {"text": "STOP", "left": False}),
        ("/start abc", {"text": "/start abc", "left": False}),
        ("leave:", {"text": "", "left": True}),
    ],
)
def test_what_people_do_in_the_sandbox_is_read(written: str, expected: dict[str, Any]) -> None:
    request = SANDBOX.inbound(PERSON, written, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (found,) = CALLBACKS.read(request)
    assert found.sender == PERSON  # type: ignore[union-attr]
    assert {name: getattr(found, name) for name in expected} == expected


def test_somebody_new_in_the_sandbox_is_asked_first() -> None:
    request = SANDBOX.inbound(PERSON, "join:abc", ACCOUNT)
    assert request is not None
    assert list(CALLBACKS.read(request)) == []
    answer = CALLBACKS.handshake(request, CREDENTIALS)
    assert answer is not None and '"/start abc"' in answer.body


def test_two_messages_of_the_stand_in_have_two_names() -> None:
    assert handed(sent(PLAIN))[2].id != handed(sent(PLAIN))[2].id


def test_the_demo_credentials_pass_the_form_and_differ_each_time() -> None:
    form = ViberCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["auth_token"] != demo_credentials()["auth_token"]
    assert not ViberCredentials({**CREDENTIALS, "sender_name": "x" * 29}).is_valid()
