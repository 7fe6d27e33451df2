"""PagerDuty: events, errors, signatures, what responders do, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from channels_app.contract import CallbackRefused, CallbackRequest, Message, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.pagerduty.callbacks import CALLBACKS, signature
from channels_app.providers.pagerduty.provider import PagerDuty, PagerDutyCredentials
from channels_app.providers.pagerduty.sandbox import PagerDutySandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken

from .cases import ALERT, CREDENTIALS, PLAIN, TOKEN, event, incident, refused, signed, webhook

CONTRACT = Path(__file__).resolve().parents[5] / "shared" / "contracts" / "pagerduty.json"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE = "http://127.0.0.1:8001/pagerduty"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())


def sent(message: Message, **credentials: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        PagerDuty({**CREDENTIALS, **credentials}).request(message).body
    )
    return found


# --- Events


def test_each_region_has_its_own_host_and_a_stand_in_takes_its_place() -> None:
    assert PagerDuty({**CREDENTIALS, "region": "eu"}).request(ALERT).url == (
        "https://events.eu.pagerduty.com/v2/enqueue"
    )
    without = {name: value for name, value in CREDENTIALS.items() if name != "region"}
    assert PagerDuty(without).request(ALERT).url == "https://events.pagerduty.com/v2/enqueue"
    standing_in = PagerDuty({**CREDENTIALS, "region": "eu"}, BASE)
    assert standing_in.request(ALERT).url == f"{BASE}/v2/enqueue"


@pytest.mark.parametrize(
    ("kind", "urgent", "severity"),
    [("channel", False, "critical"), ("silent", True, "critical"), ("unreached", True, "error"),
     ("late", True, "warning"), ("new kind", True, "critical"), ("new kind", False, "error")],
)  # fmt: skip
def test_how_bad_it_is_follows_from_what_it_is(kind: str, urgent: bool, severity: str) -> None:
    message = replace(ALERT, urgent=urgent, data=incident(kind=kind))
    assert sent(message)["payload"]["severity"] == severity


def test_long_words_are_cut_and_the_whole_stays_far_below_the_limit() -> None:
    title, text = "word " * 500, "wörd ⚠ " * 9000
    long = replace(ALERT, text=text, subject=title, data=incident(title=title))
    provider = PagerDuty(CREDENTIALS)
    request = provider.request(provider.fit(long))
    body = json.loads(request.body)
    assert len(body["payload"]["summary"]) <= 200  # a title of an incident is no longer
    assert len(body["payload"]["custom_details"]["message"]) <= 10_000
    assert len(request.body) < 64 * 1024
    plain = json.loads(provider.request(provider.fit(replace(long, data={}))).body)
    assert 900 < len(plain["payload"]["summary"]) <= 1024
    assert plain["payload"]["summary"].endswith("…")


def test_the_same_incident_has_the_same_key_whatever_the_message() -> None:
    messages = [ALERT, replace(ALERT, ref="ref-9", text="Nobody has answered for 5 min.")]
    assert {sent(one)["dedup_key"] for one in messages} == {TOKEN}
    assert sent(PLAIN)["dedup_key"] == PLAIN.ref


def test_an_alerts_own_page_is_linked_once() -> None:
    links = sent(replace(ALERT, url="https://hub.example.com/a/t1/"))["links"]
    assert links == [{"href": "https://hub.example.com/a/t1/", "text": "Open alert"}]


def test_a_put_off_incident_alarms_again_and_links_that_lead_nowhere_are_left_out() -> None:
    body = sent(replace(ALERT, url="", data=incident("snoozed", url="http://localhost/a/1/")))
    assert (body["event_action"], body["links"]) == ("trigger", [])
    assert "client_url" not in body


@pytest.mark.parametrize("bad", [replace(PLAIN, text=" \n "), replace(PLAIN, to=" ")])
def test_an_event_without_words_or_source_is_refused_before_it_is_sent(bad: Message) -> None:
    with pytest.raises(SendError) as caught:
        PagerDuty(CREDENTIALS).request(bad)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_a_refusal_names_the_fields_and_none_of_their_values() -> None:
    answer = refused("'payload.summary' Ada Lovelace is too long", "'severity' is invalid")
    with pytest.raises(SendError) as caught:
        PagerDuty(CREDENTIALS).accepted(answer)
    assert caught.value.code == "invalid event"
    assert caught.value.detail == (
        "PagerDuty refuses the event because of: summary, severity, payload."
    )


# --- Webhooks


def test_the_signature_is_the_one_that_openssl_makes() -> None:
    # printf '{"event":{"id":"01"}}' | openssl dgst -sha256 -hmac 'secret+of/a+webhook0'
    found = signature("secret+of/a+webhook0", b'{"event":{"id":"01"}}')
    assert found == "v1=74f350255944d4870a777457ceee2f8485f387e19f9260b881e19558f6069106"


def with_header(value: str) -> CallbackRequest:
    return replace(webhook("incident.resolved"), headers={"x-pagerduty-signature": value})


def test_while_a_secret_is_changed_one_of_several_signatures_is_enough() -> None:
    good = webhook("incident.resolved").headers["x-pagerduty-signature"]
    for value in (f"v1=00,{good}", f"{good}, v1=ff", f" {good} "):
        CALLBACKS.verify(with_header(value), CREDENTIALS, NOW)


@pytest.mark.parametrize(
    "forged",
    [
        with_header(""),
        with_header("v1="),
        with_header("é"),
        with_header("v0=" + webhook("incident.resolved").headers["x-pagerduty-signature"][3:]),
        with_header(webhook("incident.resolved").headers["x-pagerduty-signature"].upper()),
        with_header("v1=00," * 50 + webhook("incident.resolved").headers["x-pagerduty-signature"]),
        replace(webhook("incident.resolved"), body=webhook("incident.resolved").body + b" "),
        signed(webhook("incident.resolved").body, "another webhook's secret"),
    ],
)
def test_a_forged_webhook_is_refused(forged: CallbackRequest) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(forged, CREDENTIALS, NOW)


@pytest.mark.parametrize("secret", ["", None])
def test_a_channel_without_a_secret_believes_nothing(secret: str | None) -> None:
    known = {"webhook_secret": secret} if secret is not None else {}
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(signed(b"{}", ""), known, NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"event":', b"[" * 100_000])
def test_a_broken_body_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(signed(body))


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        [],
        {"event_type": 5},
        event("incident.resolved", data=[]),
        event("incident.resolved", data={"incident_key": {}}),
        event("incident.resolved", data={"incident_key": ""}),
        event("incident.resolved", data={"incident_key": True}),
    ],
)
def test_an_event_of_a_strange_shape_tells_nothing(value: object) -> None:
    assert tuple(CALLBACKS.read(signed(json.dumps({"event": value}).encode()))) == ()


# --- The stand-in


def handle(end: PagerDutySandbox, message: Message, **changes: Any) -> tuple[Reply, Taken | None]:
    """What `end` makes of `message`, with `changes` to the event."""
    request = PagerDuty(ACCOUNT.credentials, BASE).request(message)
    body = json.dumps({**json.loads(request.body), **changes}).encode()
    headers = {name.lower(): value for name, value in request.headers.items()}
    return end.handle(Call("POST", "/v2/enqueue", headers, body), [ACCOUNT])


def test_an_alert_of_ours_is_taken_by_the_stand_in_under_its_own_key() -> None:
    reply, taken = handle(PagerDutySandbox(), ALERT)
    assert taken is not None and reply.status == 202
    assert (taken.id, taken.to, taken.text) == (TOKEN, "harbour", ALERT.text)
    assert taken.subject == "Ada was not reached: #1024 is ready"
    accepted = PagerDuty(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))
    assert accepted.message_id == TOKEN


def test_the_end_of_an_alert_closes_it_and_a_late_word_is_dropped() -> None:
    end = PagerDutySandbox()
    resolved = replace(ALERT, data=incident("resolved"))
    early = handle(end, resolved)[1]
    assert early is not None and early.text.startswith("dropped")
    handle(end, ALERT)
    over = handle(end, resolved)[1]
    assert over is not None
    assert (over.id, over.to, over.text) == (TOKEN, "harbour", "resolved")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"routing_key": "0" * 32}, "Invalid routing key"),
        ({"routing_key": "short"}, "routing_key"),
        ({"routing_key": None}, "routing_key"),
        ({"event_action": "open"}, "event_action"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key"),
        ({"dedup_key": "x" * 256}, "dedup_key"),
        ({"payload": {}}, "payload.summary"),
        ({"payload": {"summary": "x" * 1025, "source": "s", "severity": "info"}}, "summary"),
        ({"payload": {"summary": "x", "source": "s", "severity": "bad"}}, "severity"),
        ({"links": [{"text": "no address"}]}, "links"),
    ],
)
def test_the_stand_in_refuses_in_pagerdutys_form(changes: dict[str, Any], named: str) -> None:
    reply, taken = handle(PagerDutySandbox(), ALERT, **changes)
    assert (reply.status, taken) == (400, None)
    assert named in " ".join(json.loads(reply.body)["errors"])
    with pytest.raises(SendError) as caught:
        PagerDuty(CREDENTIALS).accepted(Response(400, {}, reply.body))
    about_the_key = "routing_key" in changes
    wanted = FailureKind.MISCONFIGURED if about_the_key else FailureKind.CONTENT_REJECTED
    assert caught.value.kind is wanted


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (Call("POST", "/v2/change/enqueue", {}, b"{}"), 404),
        (Call("GET", "/v2/enqueue", {}, b""), 404),
        (Call("POST", "/v2/enqueue", {}, b"{"), 400),
        (Call("POST", "/v2/enqueue", {}, b" " * (512 * 1024 + 1)), 413),
    ],
)
def test_the_stand_in_refuses_what_is_no_event(call: Call, status: int) -> None:
    reply, taken = PagerDutySandbox().handle(call, [ACCOUNT])
    assert (reply.status, taken) == (status, None)


@pytest.mark.parametrize(
    ("word", "verb"),
    [("acknowledged", "acknowledge"), ("acknowledge", "acknowledge"), ("resolved", "resolve"),
     ("incident.resolved", "resolve"), ("unacknowledged", "reopen"), ("reopened", "reopen")],
)  # fmt: skip
def test_a_responder_of_the_stand_in_is_believed_and_read(word: str, verb: str) -> None:
    end = PagerDutySandbox()
    taken = handle(end, ALERT)[1]
    assert taken is not None
    request = end.receipt(taken, word, ACCOUNT)
    assert request is not None
    CALLBACKS.verify(request, ACCOUNT.credentials, NOW)
    (found,) = CALLBACKS.read(request)
    assert (found.token, found.verb, found.actor) == (TOKEN, verb, "Robin Responder")
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request, CREDENTIALS, NOW)


def test_people_can_act_on_the_newest_alert_or_on_a_named_one() -> None:
    end = PagerDutySandbox()
    with pytest.raises(LookupError):
        end.inbound("Robin", "acknowledge", ACCOUNT)
    handle(end, ALERT)
    handle(end, PLAIN)
    for text, token in (("acknowledge", PLAIN.ref), (f"resolve:{TOKEN}", TOKEN)):
        request = end.inbound("Robin", text, ACCOUNT)
        assert request is not None
        (found,) = CALLBACKS.read(request)
        assert (found.token, found.actor) == (token, "Robin")
    assert end.inbound("Robin", "hello", ACCOUNT) is None
    taken = handle(end, ALERT)[1]
    assert taken is not None and end.receipt(taken, "delivered", ACCOUNT) is None


def test_the_demo_credentials_pass_the_form_and_others_do_not() -> None:
    form = PagerDutyCredentials(demo_credentials())
    assert form.is_valid(), form.errors
    assert PagerDutyCredentials({"routing_key": "a" * 32}).is_valid(), "webhooks are optional"
    for bad in ({"routing_key": "e+93facc0-" * 3}, {"routing_key": "a" * 32, "region": "mars"}):
        assert not PagerDutyCredentials(bad).is_valid()


# --- An oracle


def test_the_vendor_contract_knows_every_field_that_we_send() -> None:
    if not CONTRACT.exists():
        pytest.skip("Did not run: the vendor's contract file is not on this machine.")
    spec = json.loads(CONTRACT.read_text())
    content = spec["paths"]["/enqueue"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    payload = spec["components"]["schemas"]["Payload"]
    for message in (ALERT, PLAIN, replace(ALERT, data=incident("resolved"))):
        body = sent(message)
        assert set(body) <= set(schema["properties"])
        assert set(schema["required"]) <= set(body)
        assert body["event_action"] in schema["properties"]["event_action"]["enum"]
        if body["event_action"] == "trigger":
            assert set(body["payload"]) <= set(payload["properties"])
            assert set(payload.get("required", ())) <= set(body["payload"])
            assert body["payload"]["severity"] in payload["properties"]["severity"]["enum"]
    success = spec["components"]["responses"]["Success"]["content"]["application/json"]["schema"]
    assert {"status", "message", "dedup_key"} == set(success["properties"])
