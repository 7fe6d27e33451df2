"""WhatsApp: the window, templates, buttons, signatures, its stand-in, and Meta's own contract."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from django.conf import settings

from channels_app import callbacks
from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Message,
    ProviderTemplate,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel
from channels_app.providers.whatsapp.callbacks import CALLBACKS
from channels_app.providers.whatsapp.errors import ERRORS
from channels_app.providers.whatsapp.provider import WhatsApp, WhatsAppCredentials
from channels_app.providers.whatsapp.sandbox import SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken
from channels_app.wire import meta_graph

from .cases import (
    CALLBACK_CASES,
    CREDENTIALS,
    PLAIN,
    SECRET,
    SEND_CASES,
    TEMPLATE,
    USER_ID,
    VECTOR,
    VECTOR_SIGNATURE,
    call,
    error,
    notice,
)

NOW = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", CREDENTIALS)
CONTRACT = settings.BASE_DIR.parent / "shared" / "contracts" / "whatsapp_messenger.json"
LINK = "https://orders.example.com/t/abc/"


def sent(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(WhatsApp(CREDENTIALS).request(message).body)
    return body


def refusal(message: Message) -> SendError:
    with pytest.raises(SendError) as failed:
        WhatsApp(CREDENTIALS).request(message)
    return failed.value


# --- the window ---
def test_outside_the_window_free_words_are_not_even_tried() -> None:
    error_ = refusal(replace(PLAIN, window_open=False))
    assert (error_.kind, error_.code) == (FailureKind.WINDOW_CLOSED, "window")


def test_a_template_goes_out_whether_the_window_is_open_or_not() -> None:
    bodies = [sent(replace(PLAIN, template=TEMPLATE, window_open=known)) for known in (True, False)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["type"] == "template"


# --- whom ---
@pytest.mark.parametrize("to", ["+16505551234", "16505551234"])
def test_a_number_goes_into_to(to: str) -> None:
    body = sent(replace(PLAIN, to=to))
    assert body["to"] == to
    assert "recipient" not in body


@pytest.mark.parametrize("to", [USER_ID, "US.ENT.11815799212886844830"])
def test_a_user_id_goes_into_recipient(to: str) -> None:
    body = sent(replace(PLAIN, to=to))
    assert body["recipient"] == to
    assert "to" not in body


@pytest.mark.parametrize(
    "to", ["", "ada", "+0123456789", "us.123", "US.", "٤٤٧٧٠٠٩٠٠٠٠٠", "+1 650"]
)
def test_what_is_neither_is_refused_before_it_is_sent(to: str) -> None:
    assert refusal(replace(PLAIN, to=to)).kind is FailureKind.RECIPIENT_INVALID


# --- words and buttons ---
def test_a_long_text_with_a_link_stays_whole_and_carries_the_link_below() -> None:
    body = sent(replace(PLAIN, text="word " * 400, url=LINK))
    assert body["type"] == "text"
    assert body["text"]["body"].endswith(f"word \n\n{LINK}")


def test_the_longest_text_leaves_room_for_the_link() -> None:
    provider = WhatsApp(CREDENTIALS)
    body = sent(provider.fit(replace(PLAIN, text="x" * 9000, url=LINK)))
    assert len(body["text"]["body"]) <= 4096
    assert body["text"]["body"].endswith(f"…\n\n{LINK}")


def test_a_text_with_buttons_is_cut_to_what_whatsapp_shows() -> None:
    body = sent(replace(PLAIN, text="word " * 400, actions=[("Yes", "y")], url=LINK))
    text = body["interactive"]["body"]["text"]
    assert 900 < len(text) <= 1024
    assert text.endswith(f"…\n\n{LINK}")


def test_a_link_that_is_in_the_text_or_no_web_address_makes_no_button() -> None:
    assert sent(replace(PLAIN, text=f"See {LINK}", url=LINK))["type"] == "text"
    assert sent(replace(PLAIN, url="javascript:alert(1)"))["type"] == "text"


def test_a_fourth_button_is_refused_and_not_dropped() -> None:
    four = [(f"Label {count}", f"v{count}") for count in range(4)]
    assert sent(replace(PLAIN, actions=four[:3]))["type"] == "interactive"
    assert refusal(replace(PLAIN, actions=four)).code == "buttons"


@pytest.mark.parametrize("button", [("", "v"), ("Yes", ""), ("Yes", "v" * 257)])
def test_a_button_without_label_or_value_is_refused(button: tuple[str, str]) -> None:
    assert refusal(replace(PLAIN, actions=[button])).code == "button"


def test_an_empty_text_is_refused() -> None:
    assert refusal(replace(PLAIN, text=" \n")).kind is FailureKind.CONTENT_REJECTED


# --- templates ---
@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (ProviderTemplate("Order Ready", "en"), "small letters"),
        (ProviderTemplate("order_ready"), "language"),
        (ProviderTemplate("order_ready", "english"), "language"),
        (ProviderTemplate("order_ready", "en", {"1": " "}), "nothing"),
        (ProviderTemplate("order_ready", "en", {"2": "a", "1": "b"}), "begin with 1"),
        (ProviderTemplate("order_ready", "en", {"1": "a", "3": "b"}), "begin with 1"),
        (ProviderTemplate("order_ready", "en", {"1": "a", "name": "b"}), "all numbered"),
        (ProviderTemplate("order_ready", "en", {"footer:1": "a"}), "no gap “footer:1”"),
        (ProviderTemplate("order_ready", "en", {"button:x": "a"}), "no gap “button:x”"),
    ],
)
def test_what_is_wrong_with_a_template_is_seen_from_here(
    template: ProviderTemplate, problem: str
) -> None:
    problems = WhatsApp(CREDENTIALS).template_problems(template)
    assert any(problem in one for one in problems), problems


@pytest.mark.parametrize("language", ["en", "en_US", "fil", "zh_CN", "es_419"])
def test_a_good_template_has_no_problems(language: str) -> None:
    gaps = {"1": "a", "2": "b", "header:1": "c", "button:0": "d", "reply:1": "e"}
    good = ProviderTemplate("order_ready_2", language, gaps)
    assert list(WhatsApp(CREDENTIALS).template_problems(good)) == []


def test_a_gap_that_came_out_empty_is_refused_with_a_sentence() -> None:
    error_ = refusal(replace(PLAIN, template=replace(TEMPLATE, parameters={"1": " "})))
    assert (error_.kind, error_.code) == (FailureKind.CONTENT_REJECTED, "parameter")


def test_a_template_without_a_name_is_refused_with_a_sentence() -> None:
    assert refusal(replace(PLAIN, template=ProviderTemplate("", "en"))).code == "template"


# --- errors ---
def test_no_error_repeats_what_meta_says_of_people() -> None:
    with pytest.raises(SendError) as failed:
        WhatsApp(CREDENTIALS).accepted(error(400, 131026))
    assert "6505551234" not in str(failed.value)


def test_nothing_that_concerns_whatsapp_alone_spoils_the_phone_number() -> None:
    suppress = {FailureKind.RECIPIENT_INVALID, FailureKind.OPTED_OUT}
    assert {code for code, (kind, _says) in ERRORS.items() if kind in suppress} == {"131021"}


@pytest.mark.parametrize(
    "usage", ["", "x", "[]", "null", '{"1": 5}', '{"1": ["a"]}', '{"1": [{}]}']
)
def test_a_usage_header_that_cannot_be_read_gives_no_wait(usage: str) -> None:
    assert meta_graph.regained(usage) is None


def test_the_version_of_the_graph_api_is_a_setting() -> None:
    older = WhatsApp({**CREDENTIALS, "graph_version": "v24.0"})
    assert older.request(PLAIN).url.startswith("https://graph.facebook.com/v24.0/1065")
    assert older.verification().url.startswith("https://graph.facebook.com/v24.0/1065")
    assert not WhatsAppCredentials({**CREDENTIALS, "graph_version": "24"}).is_valid()


def test_the_token_is_in_no_address() -> None:
    provider = WhatsApp(CREDENTIALS)
    for request in (provider.request(PLAIN), provider.verification()):
        assert CREDENTIALS["access_token"] not in request.url


def test_the_link_opens_a_chat_with_the_words_that_join() -> None:
    link = WhatsApp(CREDENTIALS).join_link("ab_1")
    assert link == "https://wa.me/15550783881?text=/start%20ab_1"
    assert WhatsApp({**CREDENTIALS, "phone_number": ""}).join_link("ab_1") == ""


# --- calls to us ---
def test_the_signature_is_the_one_of_the_vector() -> None:
    assert meta_graph.signature(SECRET, VECTOR) == VECTOR_SIGNATURE


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("", VECTOR),
        (VECTOR_SIGNATURE[:-1], VECTOR),
        (VECTOR_SIGNATURE.removeprefix("sha256="), VECTOR),
        (VECTOR_SIGNATURE.upper(), VECTOR),
        (VECTOR_SIGNATURE, VECTOR + b"\n"),
        ("\ud800", VECTOR),
    ],
)
def test_a_spoilt_signature_is_refused(header: str, body: bytes) -> None:
    request = CallbackRequest("POST", "", {"x-hub-signature-256": header}, body)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, CREDENTIALS, NOW)


def test_without_a_secret_nothing_is_believed() -> None:
    request = CallbackRequest("POST", "", {"x-hub-signature-256": ""}, b"{}")
    signed = replace(request, headers={"x-hub-signature-256": meta_graph.signature("", b"{}")})
    for one in (request, signed):
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(one, {"app_secret": ""}, NOW)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "wrong", "hub.challenge": "1"},
        {"hub.mode": "unsubscribe", "hub.verify_token": "test-verify-token"},
    ],
)
def test_a_set_up_with_the_wrong_token_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(CallbackRequest("GET", "", {}, b"", query), CREDENTIALS, NOW)


def test_the_challenge_comes_back_as_it_is_and_only_for_a_get() -> None:
    answer = CALLBACKS.handshake(CALLBACK_CASES[-1].request, CREDENTIALS)
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, "1158201444", "text/plain")
    assert CALLBACKS.handshake(CALLBACK_CASES[0].request, CREDENTIALS) is None


def test_a_channel_answers_the_set_up_and_hears_nothing_in_it() -> None:
    channel = Channel(provider="whatsapp", credentials=CREDENTIALS)
    found, answer = callbacks.read(channel, CALLBACK_CASES[-1].request, NOW)
    assert (list(found), answer.body) == ([], "1158201444")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 5000,
        b"\xff",
        notice(statuses={"id": "x"}),
        {"object": "whatsapp_business_account", "entry": {"id": "1"}},
    ],
    ids=["empty", "list", "cut", "deep", "not utf-8", "no list", "no entries"],
)
def test_a_broken_body_raises_value_error(body: Any) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(call(body))


@pytest.mark.parametrize(
    "value",
    [
        {"statuses": [None, 5, {"id": "x"}, {"status": "read"}, {"id": "x", "status": "odd"}]},
        {"messages": [None, "x", {"id": "m"}, {"id": "m", "from": "abc", "type": "text"}]},
        {"messages": [{"id": "m", "from": "٤٤٧", "type": "text", "text": {"body": "x"}}]},
        {},
    ],
)
def test_what_has_a_strange_shape_tells_nothing(value: dict[str, Any]) -> None:
    assert list(CALLBACKS.read(call(notice(**value)))) == []


# --- the stand-in ---
def handed(
    body: Any, token: str = CREDENTIALS["access_token"], **more: Any
) -> tuple[int, Any, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    request = Call("POST", "/v26.0/106540352242922/messages", headers, raw)
    reply, taken = SANDBOX.handle(replace(request, **more), [ACCOUNT])
    return reply.status, json.loads(reply.body), taken


@pytest.mark.parametrize("case", SEND_CASES[:5], ids=lambda case: case.label)
def test_the_stand_in_takes_every_kind_of_message(case: Any) -> None:
    status, answer, taken = handed(sent(case.message))
    assert (status, taken.to) == (200, case.message.to)
    assert answer["messages"] == [{"id": taken.id, "message_status": "accepted"}]
    assert taken.extra["ref"] == case.message.ref


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"messaging_product": None}, 400, 100),
        ({"to": "abc"}, 400, 131009),
        ({"to": None, "recipient": "abc"}, 400, 131009),
        ({"to": "+15005551026"}, 400, 131026),
        ({"to": "+15005551047"}, 400, 131047),
        ({"to": "+15005550429"}, 429, 130429),
        ({"type": "poem"}, 400, 131051),
        ({"text": {"body": ""}}, 400, 131008),
        ({"text": {"body": "x" * 4097}}, 400, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 400, 100),
    ],
)
def test_the_stand_in_refuses_as_whatsapp_does(
    change: dict[str, Any], status: int, code: int
) -> None:
    got, answer, taken = handed(sent(PLAIN) | change)
    assert (got, answer["error"]["code"], taken) == (status, code, None)


@pytest.mark.parametrize(
    "interactive",
    [
        {"type": "button", "body": {"text": "x"}, "action": {"buttons": []}},
        {"type": "button", "body": {"text": "x" * 1025}, "action": {"buttons": []}},
        {"type": "cta_url", "body": {"text": "x"}, "action": {"name": "cta_url"}},
        {
            "type": "button",
            "body": {"text": "x"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "A"}}] * 2},
        },
    ],
    ids=["none", "long", "no link", "twins"],
)
def test_the_stand_in_refuses_wrong_buttons(interactive: dict[str, Any]) -> None:
    body = {**sent(PLAIN), "type": "interactive", "interactive": interactive}
    assert handed(body)[0] == 400


def test_the_stand_in_knows_no_template_of_that_name() -> None:
    wrong = replace(PLAIN, template=ProviderTemplate("no_such_template", "en"))
    assert handed(sent(wrong))[1]["error"]["code"] == 132001


def test_the_stand_in_wants_its_token_its_number_and_its_path() -> None:
    body = sent(PLAIN)
    assert handed(body, token="another")[:1] == (401,)
    assert handed(body, path="/v26.0/999999/messages")[0] == 400
    assert handed(body, path="/v26.0/106540352242922/media")[0] == 400
    assert handed(body, method="DELETE")[0] == 400
    assert (
        handed(b"{", headers={"authorization": f"Bearer {CREDENTIALS['access_token']}"})[0] == 400
    )


def taken_of(message: Message) -> Taken:
    taken = handed(sent(message))[2]
    assert isinstance(taken, Taken)
    return taken


@pytest.mark.parametrize("to", ["+16505551234", USER_ID])
@pytest.mark.parametrize("word", ["sent", "delivered", "read", "failed:131047"])
def test_a_receipt_of_the_stand_in_is_believed_and_names_the_message(word: str, to: str) -> None:
    taken = taken_of(replace(PLAIN, to=to))
    request = SANDBOX.receipt(taken, word, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (receipt,) = CALLBACKS.read(request)
    assert (receipt.message_id, receipt.ref, receipt.address) == (taken.id, "ref-1", to)  # type: ignore[union-attr]
    assert receipt.status == word.partition(":")[0]  # type: ignore[union-attr]
    assert receipt.code == word.partition(":")[2]  # type: ignore[union-attr]


def test_the_stand_in_has_no_other_receipts() -> None:
    assert SANDBOX.receipt(taken_of(PLAIN), "opened", ACCOUNT) is None


@pytest.mark.parametrize("sender", ["+16505551234", USER_ID])
@pytest.mark.parametrize(
    ("written", "expected"),
    [("STOP", {"text": "STOP"}), ("press:ack:1", {"action": "ack:1"})],
)
def test_what_people_write_in_the_sandbox_is_read(
    sender: str, written: str, expected: dict[str, str]
) -> None:
    request = SANDBOX.inbound(sender, written, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    (found,) = CALLBACKS.read(request)
    assert found.sender == sender  # type: ignore[union-attr]
    assert {name: getattr(found, name) for name in expected} == expected


def test_nobody_writes_from_what_is_no_number() -> None:
    assert SANDBOX.inbound("ada", "Hi", ACCOUNT) is None


@pytest.mark.parametrize(("status", "kind"), [(401, "misconfigured"), (429, "throttled")])
def test_trouble_of_the_stand_in_reads_like_trouble_of_whatsapp(status: int, kind: str) -> None:
    response = Response(status, {}, SANDBOX.fault_body(status))
    with pytest.raises(SendError) as failed:
        WhatsApp(CREDENTIALS).accepted(response)
    assert failed.value.kind == kind


def test_the_demo_credentials_pass_the_form_and_differ_each_time() -> None:
    form = WhatsAppCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert demo_credentials()["access_token"] != demo_credentials()["access_token"]


# --- Meta's contract ---
def relaxed(spec: dict[str, Any]) -> dict[str, Any]:
    """Meta's file without what is known to be wrong in it."""
    mended = copy.deepcopy(spec)
    schemas = mended["components"]["schemas"]
    schemas["LanguageObject"]["required"].remove("policy")  # demanded by mistake
    del schemas["TemplateComponent"]["properties"]["index"]["pattern"]  # forbids button "0"
    schemas["InteractiveObject"]["properties"]["type"]["enum"].append("cta_url")  # newer
    return mended


@pytest.mark.skipif(not CONTRACT.exists(), reason="The vendor's contract is not on this machine.")
@pytest.mark.parametrize("case", SEND_CASES[:5], ids=lambda case: case.label)
def test_metas_own_contract_takes_what_we_send(case: Any) -> None:
    spec = relaxed(json.loads(CONTRACT.read_text()))
    body = sent(case.message)
    if "recipient" in body:  # newer than the file
        body["to"] = body.pop("recipient")
    base = {"$ref": "#/components/schemas/BaseMessageProperties"}
    jsonschema.validate(body, {**base, "components": spec["components"]})
    kind = {"text": "TextMessage", "interactive": "InteractiveMessage"}.get(
        body["type"], "TemplateMessage"
    )
    own = spec["components"]["schemas"][kind]["allOf"][1]["properties"][body["type"]]
    content = body[body["type"]]
    if content.get("type") == "cta_url":  # its action is newer than the file
        assert content["action"].pop("name") == "cta_url"
        content["action"] = {"name": "call_permission_request"}
    jsonschema.validate(content, {**own, "components": spec["components"]})


@pytest.mark.skipif(not CONTRACT.exists(), reason="The vendor's contract is not on this machine.")
def test_metas_own_contract_describes_the_answer_of_the_stand_in() -> None:
    spec = json.loads(CONTRACT.read_text())
    schema = {"$ref": "#/components/schemas/MessageResponsePayload"}
    _status, answer, _taken = handed(sent(PLAIN))
    jsonschema.validate(answer, {**schema, "components": spec["components"]})
    with pytest.raises(jsonschema.ValidationError):
        answer["messages"][0]["message_status"] = "lost"
        jsonschema.validate(answer, {**schema, "components": spec["components"]})
