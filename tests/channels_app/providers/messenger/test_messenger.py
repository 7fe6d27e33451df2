"""Messenger: the window, templates, buttons, joining, signatures, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Message,
    ProviderTemplate,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.messenger.callbacks import CALLBACKS
from channels_app.providers.messenger.errors import ERRORS
from channels_app.providers.messenger.provider import Messenger, MessengerCredentials
from channels_app.providers.messenger.sandbox import SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken

from .cases import (
    CALLBACK_CASES,
    CREDENTIALS,
    LINK,
    PAGE,
    PERSON,
    PLAIN,
    SEND_CASES,
    TEMPLATE,
    call,
    error,
    event,
    notice,
)

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", CREDENTIALS)


def sent(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(Messenger(CREDENTIALS).request(message).body)
    return body


def refusal(message: Message) -> SendError:
    with pytest.raises(SendError) as failed:
        Messenger(CREDENTIALS).request(message)
    return failed.value


# --- the window ---
def test_outside_the_window_free_words_are_not_even_tried() -> None:
    found = refusal(replace(PLAIN, window_open=False))
    assert (found.kind, found.code) == (FailureKind.WINDOW_CLOSED, "window")


def test_no_message_ever_carries_a_tag() -> None:
    for case in SEND_CASES[:4]:
        body = sent(case.message)
        assert "tag" not in body
        assert body["messaging_type"] in ("RESPONSE", "UTILITY")


def test_a_template_is_a_utility_message_within_the_window_too() -> None:
    body = sent(replace(PLAIN, template=TEMPLATE, window_open=True))
    assert body["messaging_type"] == "UTILITY"
    assert set(body["message"]) == {"template"}


@pytest.mark.parametrize("to", ["", "ada", "+16505551234", "٤٤٧", "12a"])
def test_what_is_no_persons_id_is_refused_before_it_is_sent(to: str) -> None:
    assert refusal(replace(PLAIN, to=to)).kind is FailureKind.RECIPIENT_INVALID


# --- words and buttons ---
def test_a_long_text_keeps_its_words_and_carries_the_link_below() -> None:
    message = sent(replace(PLAIN, text="word " * 200, url=LINK))["message"]
    assert message["text"] == f"{'word ' * 200}\n\n{LINK}"
    assert "attachment" not in message


def test_the_longest_text_leaves_room_for_the_link() -> None:
    provider = Messenger(CREDENTIALS)
    text = sent(provider.fit(replace(PLAIN, text="x" * 9000, url=LINK)))["message"]["text"]
    assert len(text) <= 2000
    assert text.endswith(f"…\n\n{LINK}")


def test_a_link_that_is_in_the_text_or_no_web_address_makes_no_button() -> None:
    for message in (
        replace(PLAIN, text=f"See {LINK}", url=LINK),
        replace(PLAIN, url="javascript:alert(1)"),
    ):
        assert set(sent(message)["message"]) == {"text", "metadata"}


def test_too_many_answers_are_refused_and_not_dropped() -> None:
    many = [(f"Answer {count}", f"v{count}") for count in range(14)]
    assert len(sent(replace(PLAIN, actions=many[:13]))["message"]["quick_replies"]) == 13
    assert refusal(replace(PLAIN, actions=many)).code == "buttons"


@pytest.mark.parametrize("button", [(" ", "v"), ("Yes", ""), ("Yes", "v" * 1001)])
def test_a_button_without_label_or_value_is_refused(button: tuple[str, str]) -> None:
    assert refusal(replace(PLAIN, actions=[button])).code == "button"


def test_an_empty_text_is_refused() -> None:
    assert refusal(replace(PLAIN, text=" \n")).kind is FailureKind.CONTENT_REJECTED


# --- templates ---
@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (ProviderTemplate("", "en"), "small letters"),
        (ProviderTemplate("order_ready"), "language"),
        (ProviderTemplate("order_ready", "en", {"header:1": "a"}), "no gap “header:1”"),
        (ProviderTemplate("order_ready", "en", {"1": ""}), "nothing"),
    ],
)
def test_what_is_wrong_with_a_template_is_seen_from_here(
    template: ProviderTemplate, problem: str
) -> None:
    problems = Messenger(CREDENTIALS).template_problems(template)
    assert any(problem in one for one in problems), problems


def test_a_good_template_has_no_problems_and_names_its_gaps() -> None:
    good = ProviderTemplate("order_ready", "en_US", {"number": "1024", "reply:0": "ack:1"})
    assert list(Messenger(CREDENTIALS).template_problems(good)) == []
    (body, _buttons) = sent(replace(PLAIN, template=good))["message"]["template"]["components"]
    assert body["parameters"] == [{"type": "text", "parameter_name": "number", "text": "1024"}]


# --- the account and joining ---
def test_no_error_repeats_what_meta_says_of_people() -> None:
    with pytest.raises(SendError) as failed:
        Messenger(CREDENTIALS).accepted(error(403, 200, 0, "isn't receiving messages"))
    assert PERSON not in str(failed.value)


def test_the_link_brings_the_token_to_the_page() -> None:
    assert Messenger(CREDENTIALS).join_link("a_b-1") == "https://m.me/bella.napoli?ref=a_b-1"
    nameless = Messenger({**CREDENTIALS, "page_username": ""})
    assert nameless.join_link("a&b") == f"https://m.me/{PAGE}?ref=a%26b"


def test_the_token_is_in_no_address_and_the_version_is_a_setting() -> None:
    older = Messenger({**CREDENTIALS, "graph_version": "v24.0"})
    for request in (older.request(PLAIN), older.verification()):
        assert request.url.startswith(f"https://graph.facebook.com/v24.0/{PAGE}")
        assert CREDENTIALS["access_token"] not in request.url


# --- calls to us ---
@pytest.mark.parametrize("header", ["", "sha256=", "sha1=ab", "sha256=" + "0" * 64, "\ud800"])
def test_a_spoilt_signature_is_refused(header: str) -> None:
    request = replace(CALLBACK_CASES[0].request, headers={"x-hub-signature-256": header})
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, CREDENTIALS, NOW)


def test_a_changed_body_is_refused() -> None:
    request = CALLBACK_CASES[0].request
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(request, body=request.body + b" "), CREDENTIALS, NOW)


def test_the_set_up_gets_its_challenge_and_another_token_gets_nothing() -> None:
    asks = CALLBACK_CASES[-1].request
    answer = CALLBACKS.handshake(asks, CREDENTIALS)
    assert answer is not None and answer.body == "1158201444"
    wrong = replace(asks, query={**asks.query, "hub.verify_token": "test-verify-tokem"})
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(wrong, CREDENTIALS, NOW)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", {"object": "page", "entry": 5}],
    ids=["empty", "list", "cut", "not utf-8", "no list"],
)
def test_a_broken_body_raises_value_error(body: Any) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(call(body))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "x",
        event(message="x"),
        event(message={"mid": "m_1"}),
        event(delivery={"mids": "m_A"}),
        event(delivery={"mids": [None, 5, ""]}),
        event(postback={"mid": "m_1"}),
        event(referral={"ref": 5}),
        {"message": {"mid": "m_1", "text": "Hi"}},
    ],
)
def test_what_has_a_strange_shape_tells_nothing(odd: Any) -> None:
    assert list(CALLBACKS.read(call(notice(odd)))) == []


# --- the stand-in ---
def handed(body: Any, **more: Any) -> tuple[int, Any, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "authorization": f"Bearer {CREDENTIALS['access_token']}",
        "content-type": "application/json",
    }
    request = Call("POST", f"/v26.0/{PAGE}/messages", headers, raw)
    reply, taken = SANDBOX.handle(replace(request, **more), [ACCOUNT])
    return reply.status, json.loads(reply.body), taken


@pytest.mark.parametrize("case", SEND_CASES[:4], ids=lambda case: case.label)
def test_the_stand_in_takes_every_kind_of_message(case: Any) -> None:
    status, answer, taken = handed(sent(case.message))
    assert status == 200
    assert answer == {"recipient_id": PERSON, "message_id": taken.id}


@pytest.mark.parametrize("key", sorted(ERRORS))
def test_every_error_of_the_table_can_be_played(key: str) -> None:
    code, _slash, subcode = key.partition("/")
    person = {"id": subcode or code}
    status, answer, taken = handed(sent(PLAIN) | {"recipient": person})
    assert taken is None
    assert (str(answer["error"]["code"]), str(answer["error"].get("error_subcode", ""))) == (
        code,
        subcode,
    )
    with pytest.raises(SendError) as failed:
        Messenger(CREDENTIALS).accepted(Response(status, {}, json.dumps(answer).encode()))
    assert failed.value.kind is ERRORS[key][0]


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"recipient": {}}, None),
        ({"recipient": {"id": "ada"}}, None),
        ({"messaging_type": "UTILITY"}, None),
        ({"messaging_type": "MESSAGE_TAG", "tag": "POST_PURCHASE_UPDATE"}, None),
        ({"message": {}}, 2018034),
        ({"message": {"text": ""}}, 2018034),
        ({"message": {"text": "x" * 2001}}, None),
        ({"message": {"text": "x", "quick_replies": [{}]}}, 2018034),
        ({"message": {"attachment": {"payload": {"template_type": "generic"}}}}, None),
    ],
)
def test_the_stand_in_refuses_as_messenger_does(
    change: dict[str, Any], subcode: int | None
) -> None:
    status, answer, taken = handed(sent(PLAIN) | change)
    assert (status, answer["error"]["code"], taken) == (400, 100, None)
    assert answer["error"].get("error_subcode") == subcode


def test_the_stand_in_knows_no_template_of_that_name_and_none_among_free_words() -> None:
    wrong = replace(PLAIN, template=ProviderTemplate("no_such_template", "en"))
    assert handed(sent(wrong))[0] == 400
    right = sent(replace(PLAIN, template=TEMPLATE))
    assert handed(right)[0] == 200
    assert handed(right | {"messaging_type": "RESPONSE"})[0] == 400


def test_the_stand_in_wants_its_token_its_page_and_its_path() -> None:
    body = sent(PLAIN)
    assert handed(body, headers={"authorization": "Bearer other"})[0] == 401
    assert handed(body, path="/v26.0/999999/messages")[0] == 400
    assert handed(body, path=f"/v26.0/{PAGE}/feed")[0] == 400
    assert handed(body, method="PUT")[0] == 400


@pytest.mark.parametrize("word", ["sent", "delivered"])
def test_a_receipt_of_the_stand_in_is_believed_and_names_the_message(word: str) -> None:
    taken = handed(sent(PLAIN))[2]
    assert isinstance(taken, Taken)
    request = SANDBOX.receipt(taken, word, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (receipt,) = CALLBACKS.read(request)
    assert (receipt.message_id, receipt.status, receipt.address) == (taken.id, word, PERSON)  # type: ignore[union-attr]
    assert SANDBOX.receipt(taken, "failed", ACCOUNT) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("STOP", {"text": "STOP", "action": ""}),
        ("press:ack:1", {"text": "", "action": "ack:1"}),
        ("/start abc", {"text": "/start abc", "action": ""}),
    ],
)
def test_what_people_do_in_the_sandbox_is_read(written: str, expected: dict[str, str]) -> None:
    request = SANDBOX.inbound(PERSON, written, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (found,) = CALLBACKS.read(request)
    assert found.sender == PERSON  # type: ignore[union-attr]
    assert {name: getattr(found, name) for name in expected} == expected
    assert SANDBOX.inbound("ada", written, ACCOUNT) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "content_rejected"), (401, "misconfigured"), (429, "throttled"), (503, "transient")],
)
def test_trouble_of_the_stand_in_reads_like_trouble_of_messenger(status: int, kind: str) -> None:
    with pytest.raises(SendError) as failed:
        Messenger(CREDENTIALS).accepted(Response(status, {}, SANDBOX.fault_body(status)))
    assert failed.value.kind == kind


def test_the_demo_credentials_pass_the_form_and_differ_each_time() -> None:
    form = MessengerCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["page_id"] != demo_credentials()["page_id"]


def test_a_request_that_is_no_call_of_metas_reads_as_nothing() -> None:
    assert list(CALLBACKS.read(CallbackRequest("GET", "", {}, b""))) == []
