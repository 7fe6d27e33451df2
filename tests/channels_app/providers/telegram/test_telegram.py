"""Telegram: requests, errors, updates, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels_app.contract import CallbackRefused, CallbackRequest, Message, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.telegram.callbacks import CALLBACKS
from channels_app.providers.telegram.provider import Telegram, TelegramCredentials
from channels_app.providers.telegram.sandbox import SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call
from channels_app.wire.markup import utf16_length
from tests.cases import CallbackCase, SendCase

from .cases import CALLBACK_CASES, CREDENTIALS, PLAIN, SEND_CASES, TOKEN, call, error, message

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
CONTRACT = Path(__file__).resolve().parents[5] / "shared" / "contracts" / "telegram.json"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())


@pytest.fixture
def provider() -> Telegram:
    return Telegram(CREDENTIALS)


def sent(message: Message, provider: Telegram | None = None) -> dict:
    return json.loads((provider or Telegram(CREDENTIALS)).request(message).body)


@pytest.mark.parametrize("case", SEND_CASES, ids=lambda case: case.label)
def test_a_send_puts_these_bytes_on_the_wire_and_ends_so(
    case: SendCase, provider: Telegram
) -> None:
    if case.expected_request is not None:
        assert provider.request(case.message) == case.expected_request
    if isinstance(case.expected, FailureKind):
        with pytest.raises(SendError) as failed:
            provider.accepted(case.response)
        assert (failed.value.kind, failed.value.retry_after) == (case.expected, case.retry_after)
    else:
        assert provider.accepted(case.response) == case.expected


@pytest.mark.parametrize("case", CALLBACK_CASES, ids=lambda case: case.label)
def test_an_update_is_read_so(case: CallbackCase) -> None:
    CALLBACKS.verify(case.request, case.credentials, NOW)
    assert tuple(CALLBACKS.read(case.request)) == tuple(case.expected)


def test_the_error_of_a_moved_group_names_its_new_number(provider: Telegram) -> None:
    with pytest.raises(SendError) as failed:
        provider.accepted(error(400, "upgraded", migrate_to_chat_id=-1009876543210))
    assert "-1009876543210" in failed.value.detail


def test_the_token_shows_in_no_representation_and_no_error(provider: Telegram) -> None:
    request = provider.request(PLAIN)
    assert TOKEN in request.url
    assert TOKEN not in repr(request)
    assert TOKEN not in repr(provider)
    with pytest.raises(SendError) as failed:
        provider.accepted(error(404, f"no bot {TOKEN} here"))
    assert TOKEN not in str(failed.value)
    assert TOKEN not in failed.value.detail


@pytest.mark.parametrize("address", ["", "abc", "1.5", "--5", "٣٤٥", "5 0", "@", "9" * 30])
def test_what_is_no_chat_number_is_refused_before_it_is_sent(
    address: str, provider: Telegram
) -> None:
    with pytest.raises(SendError) as failed:
        provider.request(replace(PLAIN, to=address))
    assert failed.value.kind is FailureKind.RECIPIENT_INVALID


def test_a_public_channel_is_addressed_by_its_name() -> None:
    assert sent(replace(PLAIN, to="@bella_napoli"))["chat_id"] == "@bella_napoli"


@pytest.mark.parametrize("unit", ["word ", "<&> ", "\U0001f355\U0001f355 ", "x"])
def test_a_long_text_is_cut_to_4096_as_telegram_counts(unit: str) -> None:
    body = sent(replace(PLAIN, text=unit * 5000))
    reply, taken = SANDBOX.handle(api_call("sendMessage", body), [])
    assert reply.status == 200
    assert taken is not None
    assert 4080 < utf16_length(taken.text) <= 4096
    assert taken.text.endswith("…")


def test_an_empty_text_is_refused_before_it_is_sent(provider: Telegram) -> None:
    with pytest.raises(SendError) as failed:
        provider.request(replace(PLAIN, text=" \n"))
    assert failed.value.kind is FailureKind.CONTENT_REJECTED


def test_a_button_value_over_64_bytes_is_refused_before_it_is_sent(provider: Telegram) -> None:
    assert sent(replace(PLAIN, actions=[("Yes", "é" * 32)]))
    with pytest.raises(SendError) as failed:
        provider.request(replace(PLAIN, actions=[("Yes", "é" * 33)]))
    assert failed.value.kind is FailureKind.CONTENT_REJECTED


def test_a_link_that_telegram_would_refuse_makes_no_button() -> None:
    for url in ("http://localhost:8000/t/x/", "javascript:alert(1)", "ftp://a.example/"):
        assert "reply_markup" not in sent(replace(PLAIN, url=url))


def test_the_join_link_carries_the_payload(provider: Telegram) -> None:
    assert provider.join_link(token="abc") == "https://t.me/bella_napoli_bot?start=abc"


def test_without_a_username_there_is_no_join_link() -> None:
    assert Telegram({**CREDENTIALS, "bot_username": ""}).join_link("abc") == ""


def test_the_proof_of_the_credentials_hides_the_token(provider: Telegram) -> None:
    asks = provider.verification()
    assert (asks.method, asks.body) == ("GET", b"")
    assert asks.url == f"https://api.telegram.org/bot{TOKEN}/getMe"
    assert TOKEN not in repr(asks)


def test_the_stand_in_says_whose_token_it_is_and_refuses_others() -> None:
    account = Account("http://127.0.0.1:8000/receipts/k/", CREDENTIALS)
    ours, other = Telegram(CREDENTIALS, "http://x"), Telegram(demo_credentials(), "http://x")
    for provider, status in ((ours, 200), (other, 401)):
        path = provider.verification().url.removeprefix("http://x")
        reply, taken = SANDBOX.handle(Call("GET", path, {}, b""), [account])
        assert (reply.status, taken) == (status, None)
        if status == 200:
            known = Response(reply.status, {}, reply.body)
            assert "@bella_napoli_bot" in provider.verified(known)


def test_the_vendor_contract_knows_the_method_that_proves_the_token() -> None:
    if not CONTRACT.exists():
        pytest.skip("Did not run: the vendor's contract file is not on this machine.")
    spec = json.loads(CONTRACT.read_text())
    assert spec["methods"]["getMe"]["returns"] == ["User"]
    user = {field["name"] for field in spec["types"]["User"]["fields"]}
    assert {"username", "first_name"} <= user


# --- Callbacks


@pytest.mark.parametrize(
    "given", ["", "test_webhook_secret_2", "test_webhook_secret_", "é", "\ud800"]
)
def test_a_wrong_secret_is_refused(given: str) -> None:
    request = call({"update_id": 1})
    forged = replace(request, headers={"x-telegram-bot-api-secret-token": given})
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(forged, CREDENTIALS, NOW)


def test_a_channel_without_a_secret_believes_nothing() -> None:
    request = CallbackRequest("POST", "", {"x-telegram-bot-api-secret-token": ""}, b"{}")
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, {"webhook_secret": ""}, NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"update_id": NaN}',
        b'{"message": {}}',
        b"[" * 5000,
        b"\xff",
        b"9" * 1_000_001,
    ],
    ids=["empty", "list", "cut", "nan", "no number", "deep", "not utf-8", "large"],
)
def test_a_broken_update_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(call(body))


@pytest.mark.parametrize("part", [None, 5, "x", [], {"chat": 5}, {"chat": {"id": True}}])
def test_an_update_of_a_strange_shape_tells_nothing(part: object) -> None:
    for name in ("message", "callback_query", "my_chat_member"):
        assert tuple(CALLBACKS.read(call({"update_id": 1, name: part}))) == ()


def test_text_that_no_database_takes_is_mended() -> None:
    (found,) = CALLBACKS.read(call({"update_id": 1, "message": message(text="a\x00b\ud800c")}))
    assert found.text == "ab?c"  # type: ignore[union-attr]


def test_a_pressed_button_is_answered_in_the_answer_itself() -> None:
    answer = CALLBACKS.answer(CALLBACK_CASES[2].request)
    assert answer.content_type == "application/json"
    assert json.loads(answer.body) == {"method": "answerCallbackQuery", "callback_query_id": "4382"}
    assert CALLBACKS.answer(CALLBACK_CASES[0].request).body == ""


# --- The stand-in


def api_call(method: str, body: object, token: str = demo_credentials()["bot_token"]) -> Call:
    raw = json.dumps(body).encode()
    return Call("POST", f"/bot{token}/{method}", {"content-type": "application/json"}, raw)


def answered(method: str, body: object, token: str = demo_credentials()["bot_token"]) -> tuple:
    reply, taken = SANDBOX.handle(api_call(method, body, token), [ACCOUNT])
    return reply.status, json.loads(reply.body), taken


def test_a_message_of_ours_is_taken_by_the_stand_in_under_the_same_name() -> None:
    ours = Telegram(demo_credentials(), "http://127.0.0.1:8001/telegram")
    request = ours.request(replace(PLAIN, text="2 < 3 & 4", actions=[("Ok", "v")]))
    path = request.url.removeprefix("http://127.0.0.1:8001/telegram")
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply, taken = SANDBOX.handle(Call("POST", path, headers, request.body), [ACCOUNT])
    assert taken is not None
    assert (taken.to, taken.text) == ("5550143", "2 < 3 & 4")
    assert taken.extra == {"buttons": [{"text": "Ok", "callback_data": "v"}]}
    assert ours.accepted(Response(reply.status, {}, reply.body)).message_id == taken.id


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"chat_id": 5}, 400, "Bad Request: message text is empty"),
        ({"text": "x"}, 400, "Bad Request: chat not found"),
        ({"chat_id": 404, "text": "x"}, 400, "Bad Request: chat not found"),
        ({"chat_id": 403, "text": "x"}, 403, "Forbidden: bot was blocked by the user"),
        ({"chat_id": 5, "text": "x" * 4097}, 400, "Bad Request: message is too long"),
        (
            {"chat_id": 5, "text": "<x>", "parse_mode": "HTML"},
            400,
            "Bad Request: can't parse entities: unsupported start tag",
        ),
    ],
)
def test_the_stand_in_refuses_as_telegram_does(body: object, status: int, said: str) -> None:
    assert answered("sendMessage", body) == (
        status,
        {"ok": False, "error_code": status, "description": said},
        None,
    )


def test_the_stand_in_knows_its_tokens_and_methods() -> None:
    assert answered("sendMessage", {"chat_id": 5, "text": "x"}, "1:another-token")[0] == 401
    assert answered("noSuchMethod", {})[0] == 404
    assert answered("setWebhook", {"url": "https://hub.example.com"})[1] == {
        "ok": True,
        "result": True,
    }
    assert answered("answerCallbackQuery", {})[1]["result"] is True
    assert answered("getWebhookInfo", {})[1]["result"]["url"] == ACCOUNT.callback_url


READINGS = [
    ("STATUS", {"text": "STATUS"}),
    ("/start abc", {"text": "/start abc"}),
    ("press:ack:1", {"action": "ack:1"}),
    ("block:", {"left": True}),
]


@pytest.mark.parametrize(("written", "expected"), READINGS)
def test_what_the_stand_in_posts_is_accepted_and_read(written: str, expected: dict) -> None:
    request = SANDBOX.inbound("5550143", written, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, ACCOUNT.credentials, NOW)
    (found,) = CALLBACKS.read(request)
    assert found.sender == "5550143"  # type: ignore[union-attr]
    assert {name: getattr(found, name) for name in expected} == expected


def test_two_updates_of_the_stand_in_have_two_numbers() -> None:
    first, second = (SANDBOX.inbound("5", "x", ACCOUNT) for _ in range(2))
    assert first is not None and second is not None
    assert CALLBACKS.read(first) != CALLBACKS.read(second)


def test_the_demo_credentials_pass_the_form() -> None:
    form = TelegramCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert not TelegramCredentials({"bot_token": "nonsense", "webhook_secret": "short"}).is_valid()


# --- Oracles


@pytest.mark.parametrize("case", [c for c in CALLBACK_CASES if c.expected], ids=lambda c: c.label)
def test_python_telegram_bot_reads_the_same(case: CallbackCase) -> None:
    from telegram import Update  # noqa: PLC0415 heavy, and only this test needs it

    update = Update.de_json(json.loads(case.request.body), bot=None)
    (expected,) = case.expected
    assert expected.message_id == f"u{update.update_id}"
    assert update.effective_chat is not None and update.effective_user is not None
    assert expected.sender == str(update.effective_chat.id)  # type: ignore[union-attr]
    assert expected.sender_name == update.effective_user.full_name  # type: ignore[union-attr]


@pytest.mark.parametrize("written", ["hello", "press:1", "block:"])
def test_python_telegram_bot_can_read_what_the_stand_in_posts(written: str) -> None:
    from telegram import Update  # noqa: PLC0415 heavy, and only this test needs it

    request = SANDBOX.inbound("5550143", written, ACCOUNT)
    assert request is not None
    update = Update.de_json(json.loads(request.body), bot=None)
    assert update.effective_user is not None
    assert update.effective_user.id == 5550143


def test_the_vendor_contract_knows_every_field_that_we_send() -> None:
    if not CONTRACT.exists():
        pytest.skip("Did not run: the vendor's contract file is not on this machine.")
    spec = json.loads(CONTRACT.read_text())
    fields = {field["name"]: field for field in spec["methods"]["sendMessage"]["fields"]}
    full = sent(replace(PLAIN, url="https://a.example/", actions=[("Ok", "v")]))
    assert set(full) <= set(fields)
    assert {name for name, field in fields.items() if field["required"]} <= set(full)
    preview = {field["name"] for field in spec["types"]["LinkPreviewOptions"]["fields"]}
    button = {field["name"] for field in spec["types"]["InlineKeyboardButton"]["fields"]}
    assert set(full["link_preview_options"]) <= preview
    assert all(set(b) <= button for row in full["reply_markup"]["inline_keyboard"] for b in row)
