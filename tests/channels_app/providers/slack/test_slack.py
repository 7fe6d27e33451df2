"""Slack: requests, errors, signatures, button presses, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    InboundMessage,
    IncidentAction,
    Message,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.providers.slack.callbacks import CALLBACKS, signature
from channels_app.providers.slack.provider import ERRORS, Slack, SlackCredentials
from channels_app.providers.slack.sandbox import SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call
from tests.cases import CallbackCase, SendCase

from .cases import (
    ALERT,
    BUTTON,
    CALLBACK_CASES,
    CREDENTIALS,
    FULL,
    NOW,
    PLAIN,
    SEND_CASES,
    STAMP,
    TAKEN,
    TOKEN,
    alert_button,
    call,
    event,
    form,
    press,
)

CONTRACT = Path(__file__).resolve().parents[5] / "shared" / "contracts" / "slack.json"
BASE = "http://127.0.0.1:8001/slack"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())


def sent(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Slack(CREDENTIALS).request(message).body)
    return found


@pytest.mark.parametrize("case", SEND_CASES, ids=lambda case: case.label)
def test_a_send_puts_these_bytes_on_the_wire_and_ends_so(case: SendCase) -> None:
    provider = Slack(CREDENTIALS)
    if case.expected_request is not None:
        assert provider.request(case.message) == case.expected_request
    if isinstance(case.expected, FailureKind):
        with pytest.raises(SendError) as caught:
            provider.accepted(case.response)
        assert (caught.value.kind, caught.value.retry_after) == (case.expected, case.retry_after)
    else:
        assert provider.accepted(case.response) == case.expected


@pytest.mark.parametrize("case", CALLBACK_CASES, ids=lambda case: case.label)
def test_a_call_of_slack_is_read_so(case: CallbackCase) -> None:
    CALLBACKS.verify(case.request, case.credentials, NOW)
    assert CALLBACKS.handshake(case.request, case.credentials) is None
    assert tuple(CALLBACKS.read(case.request)) == tuple(case.expected)


def test_a_room_without_the_bot_says_how_to_invite_it() -> None:
    with pytest.raises(SendError) as caught:
        Slack(CREDENTIALS).accepted(Response(200, {}, b'{"ok":false,"error":"not_in_channel"}'))
    assert (caught.value.code, "/invite" in caught.value.detail) == ("not_in_channel", True)


@pytest.mark.parametrize("unit", ["word ", "<&>", "&"])
def test_a_long_text_is_cut_so_that_its_section_fits(unit: str) -> None:
    body = sent(replace(FULL, text=unit * 4000, subject="h" * 400))
    header, section = body["blocks"][0]["text"]["text"], body["blocks"][1]["text"]["text"]
    assert 2900 < len(section) <= 3000
    assert len(header) == 150
    assert section.endswith("…") and not section.rstrip("…").endswith("&am")
    assert len(json.dumps(body["blocks"])) < 8000


def test_markup_in_customer_data_cannot_call_the_whole_room() -> None:
    assert "<!channel>" not in Slack(CREDENTIALS).request(
        replace(FULL, text="<!channel> hi", data={"store": "<!here>"})
    ).body.decode().replace("&lt;!channel&gt;", "")


def test_two_buttons_have_two_ids_and_a_repeat_has_the_same() -> None:
    message = replace(PLAIN, actions=[("Yes", "1"), ("No", "2")])
    elements = sent(message)["blocks"][-1]["elements"]
    assert len({element["action_id"] for element in elements}) == 2
    assert sent(message) == sent(message)


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("open", ["incident_acknowledge", "incident_snooze_15", "incident_resolve"]),
        ("snoozed", ["incident_acknowledge", "incident_resolve"]),
        ("acknowledged", ["incident_resolve"]),
        ("resolved", []),
    ],
)
def test_an_alert_offers_what_can_still_be_done(state: str, names: list[str]) -> None:
    incident = {**ALERT.data["incident"], "state": state}
    message = replace(ALERT, language="es", data={"incident": incident})
    *shown, link = sent(message)["blocks"][-1]["elements"]
    assert [one["action_id"] for one in shown] == names
    assert (link["action_id"], link["text"]["text"]) == ("open_alert", "Abrir aviso")
    labels = {"incident_acknowledge": "Me encargo", "incident_snooze_15": "Posponer 15 min"}
    assert all(one["text"]["text"] == labels.get(one["action_id"], "Resuelto") for one in shown)


def test_an_alert_about_an_order_has_a_button_to_each() -> None:
    message = replace(ALERT, url="https://hub.example.com/t/1/")
    names = [one["action_id"] for one in sent(message)["blocks"][-1]["elements"]]
    assert names[-2:] == ["open_alert", "open_link"]


@pytest.mark.parametrize("name", ["incident_", "incident_explode", "incident_snooze_", "incident"])
def test_a_button_that_only_looks_like_one_of_an_alert_is_an_answer(name: str) -> None:
    (found,) = CALLBACKS.read(press(alert_button(name)))
    assert isinstance(found, InboundMessage) and found.action == TOKEN


def test_an_empty_text_or_an_endless_value_is_refused_before_it_is_sent() -> None:
    for bad in (replace(PLAIN, text=" "), replace(PLAIN, actions=[("Yes", "x" * 2001)])):
        with pytest.raises(SendError) as caught:
            Slack(CREDENTIALS).request(bad)
        assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_the_question_whose_token_it_is_carries_nothing_but_the_token() -> None:
    assert Slack(CREDENTIALS).verification() == Request(
        "POST",
        "https://slack.com/api/auth.test",
        {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "Bearer xoxb-test-000000000001",
        },
    )


# --- Signatures


def test_a_signature_of_our_own_making_is_stable() -> None:
    found = signature("test_secret", "1795289400", b'{"id":1001,"status":"ready"}')
    assert found == "v0=ccac130af0641a43eb50d05da1a75a56218743de901b3e057bc3672bfc907b0c"


@pytest.mark.parametrize("seconds", [-301, 301, -86400])
def test_a_call_outside_five_minutes_is_refused(seconds: int) -> None:
    CALLBACKS.verify(press(BUTTON), CREDENTIALS, NOW + timedelta(seconds=299))
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(press(BUTTON), CREDENTIALS, NOW + timedelta(seconds=seconds))


def changed(**headers: str) -> CallbackRequest:
    request = press(BUTTON)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **named})


@pytest.mark.parametrize(
    "request_",
    [
        changed(x_slack_signature=""),
        changed(x_slack_signature="v0="),
        changed(x_slack_signature="é"),
        changed(x_slack_signature=press(BUTTON).headers["x-slack-signature"].upper()),
        changed(x_slack_signature="v1" + press(BUTTON).headers["x-slack-signature"][2:]),
        changed(x_slack_request_timestamp=str(STAMP + 1)),
        changed(x_slack_request_timestamp=""),
        changed(x_slack_request_timestamp="nan"),
        changed(x_slack_request_timestamp="٣"),
        changed(x_slack_request_timestamp="9" * 400),
        replace(press(BUTTON), body=press(BUTTON).body + b" "),
    ],
)
def test_a_forged_call_is_refused(request_: CallbackRequest) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request_, CREDENTIALS, NOW)


def test_a_channel_without_a_secret_believes_nothing() -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(press(BUTTON), {"signing_secret": ""}, NOW)


def test_the_set_up_question_is_answered_with_its_challenge() -> None:
    request = event({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"})
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    answer = CALLBACKS.handshake(request, CREDENTIALS)
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, "3eZbrw1aB", "text/plain")


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=%5B%5D", b"payload={", b"a=1&" * 50])
def test_a_broken_form_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(call(body, "application/x-www-form-urlencoded"))


@pytest.mark.parametrize("value", [None, 5, [], {}, [5], [None], [{"value": 5}]])
def test_a_press_of_a_strange_shape_tells_nothing(value: object) -> None:
    payload = {"type": "block_actions", "user": {"id": "U0ADA"}, "actions": value}
    assert tuple(CALLBACKS.read(form(payload))) == ()


# --- The stand-in


def call_for(message: Message, credentials: dict[str, str] | None = None) -> Call:
    request = Slack(credentials or demo_credentials(), BASE).request(message)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call("POST", request.url.removeprefix(BASE), headers, request.body)


def test_a_message_of_ours_is_taken_by_the_stand_in_under_the_same_name() -> None:
    reply, taken = SANDBOX.handle(call_for(FULL), [ACCOUNT])
    assert taken is not None
    assert (taken.to, taken.subject, taken.text) == ("C0KITCHEN", FULL.subject, FULL.text)
    button = taken.extra["buttons"][0]
    assert (button["label"], button["value"], button["url"]) == ("I call her", "ack:7", None)
    accepted = Slack(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert accepted.message_id == taken.id


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (call_for(replace(PLAIN, to="kitchen")), "channel_not_found"),
        (call_for(replace(PLAIN, to="C0ARCHIVED")), "is_archived"),
        (call_for(replace(PLAIN, to="C0PRIVATE")), "not_in_channel"),
        (call_for(PLAIN, CREDENTIALS), "invalid_auth"),
        (replace(call_for(PLAIN), headers={}), "not_authed"),
        (replace(call_for(PLAIN), body=b"{"), "invalid_json"),
        (replace(call_for(PLAIN), body=b'{"channel":"C0KITCHEN"}'), "no_text"),
        (replace(call_for(PLAIN), path="/chat.meMessage"), "unknown_method"),
        (
            replace(call_for(PLAIN), body=json.dumps({
                "channel": "C0KITCHEN", "text": "x",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
            }).encode()),
            "invalid_blocks",
        ),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_with_slacks_words_and_status_200(bad: Call, word: str) -> None:
    reply, taken = SANDBOX.handle(bad, [ACCOUNT])
    assert (reply.status, json.loads(reply.body)["error"], taken) == (200, word, None)


def test_the_stand_in_knows_whose_token_it_is() -> None:
    asks = replace(call_for(PLAIN), path="/auth.test", body=b"")
    for call_, token in ((asks, True), (replace(asks, headers={}), False)):
        reply, taken = SANDBOX.handle(call_, [ACCOUNT])
        assert (reply.status, json.loads(reply.body)["ok"], taken) == (200, token, None)


def test_a_press_by_the_stand_in_is_believed_and_read() -> None:
    request = SANDBOX.inbound("U0ADA", "ack:7", ACCOUNT)
    CALLBACKS.verify(request, ACCOUNT.credentials, datetime.now(UTC))
    (found,) = CALLBACKS.read(request)
    (again,) = CALLBACKS.read(SANDBOX.inbound("U0ADA", "ack:7", ACCOUNT))
    assert isinstance(found, InboundMessage)
    assert isinstance(again, InboundMessage)
    assert (found.sender, found.action) == ("U0ADA", "ack:7")
    assert again.message_id != found.message_id
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, CREDENTIALS, datetime.now(UTC))


def test_the_stand_in_presses_a_button_of_the_newest_alert_or_of_a_named_one() -> None:
    end = type(SANDBOX)()
    with pytest.raises(LookupError):
        end.inbound("U0ADA", "button:acknowledge", ACCOUNT)
    newer = {"incident": {**ALERT.data["incident"], "token": "another"}}
    for message in (ALERT, replace(ALERT, to="C0BAR", data=newer), PLAIN):
        end.handle(call_for(message), [ACCOUNT])
    for text, token, room in (
        ("button:snooze", "another", "C0BAR"),
        (f"button:snooze:{TOKEN}", TOKEN, "C0KITCHEN"),
    ):
        request = end.inbound("U0ADA", text, ACCOUNT)
        CALLBACKS.verify(request, ACCOUNT.credentials, datetime.now(UTC))
        (found,) = CALLBACKS.read(request)
        assert isinstance(found, IncidentAction)
        assert (found.token, found.verb, found.minutes) == (token, "snooze", 15)
        assert (found.actor, found.room) == ("u0ada", room)


def test_the_demo_credentials_pass_the_form() -> None:
    form_ = SlackCredentials(demo_credentials())
    assert form_.is_valid(), form_.errors
    assert not SlackCredentials({"bot_token": "xoxp-1", "signing_secret": "x"}).is_valid()


# --- An oracle


def test_the_vendor_contract_knows_every_field_that_we_send() -> None:
    if not CONTRACT.exists():
        pytest.skip("Did not run: the vendor's contract file is not on this machine.")
    spec = json.loads(CONTRACT.read_text())["paths"]["/chat.postMessage"]["post"]
    known = {field["name"]: field for field in spec["parameters"]}
    body = sent(FULL)
    assert set(body) <= set(known)
    needed = {name for name, field in known.items() if field.get("required")}
    assert needed - {"token"} <= set(body)
    success = spec["responses"]["200"]["schema"]["required"]
    assert set(success) <= set(json.loads(TAKEN.body))


def test_each_error_of_the_vendor_contract_has_a_kind_of_its_own() -> None:
    if not CONTRACT.exists():
        pytest.skip("Did not run: the vendor's contract file is not on this machine.")
    spec = json.loads(CONTRACT.read_text())["paths"]["/chat.postMessage"]["post"]
    words = spec["responses"]["default"]["schema"]["properties"]["error"]["enum"]
    assert set(words) <= set(ERRORS)
