"""SendGrid: what the tables cannot say, and SendGrid's own package as the judge."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.conf import settings
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import (
    Content,
    CustomArg,
    Email,
    Header,
    Mail,
    Personalization,
    TemplateId,
    To,
)

from channels_app.contract import CallbackRefused, ProviderTemplate, Receipt, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.sendgrid.callbacks import CALLBACKS
from channels_app.providers.sendgrid.provider import PROVIDER, SendGridCredentials
from channels_app.providers.sendgrid.sandbox import SendGridSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from tests.channels_app.providers.sendgrid.cases import (
    BODY,
    CREDENTIALS,
    DEMO,
    MESSAGE,
    NOW,
    TEMPLATE_BODY,
    TEMPLATE_ID,
    TEMPLATED,
    batch,
    event,
    signed,
)

SPEC = Path(settings.BASE_DIR).parent / "shared" / "contracts" / "sendgrid.json"
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


def body_of(credentials: dict[str, str] = CREDENTIALS, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        PROVIDER(credentials).request(replace(MESSAGE, **changes)).body
    )
    return body


# --- sending ---
def test_the_body_is_the_one_that_sendgrids_own_package_makes() -> None:
    mail = Mail(from_email=Email("orders@casa.example", "Casa Verde"), subject=MESSAGE.subject)
    person = Personalization()
    person.add_to(To("ada@example.com"))
    person.add_custom_arg(CustomArg("ob_ref", "d-7f3a"))
    mail.add_personalization(person)
    mail.add_content(Content("text/plain", MESSAGE.text))
    mail.add_content(Content("text/html", MESSAGE.html))
    for name, value in BODY["headers"].items():
        mail.add_header(Header(name, value))
    ours = body_of()
    del ours["tracking_settings"]
    assert ours == mail.get()


def test_the_body_is_one_that_sendgrids_own_contract_takes() -> None:
    if not SPEC.is_file():
        pytest.skip("Did not run: SendGrid's contract is not on this machine.")
    spec = json.loads(SPEC.read_text())
    request = spec["components"]["requestBodies"]["PostMailSend"]
    schema = request["content"]["application/json"]["schema"] | {"components": spec["components"]}
    for body in (body_of(), body_of(template=TEMPLATED.template)):
        jsonschema.Draft202012Validator(schema).validate(body)
        assert set(body) <= set(schema["properties"])


def test_without_html_there_is_only_text() -> None:
    assert body_of(html="")["content"] == [{"type": "text/plain", "value": MESSAGE.text}]


def test_without_an_unsubscribe_url_there_are_no_headers_for_it() -> None:
    assert "headers" not in body_of(unsubscribe_url="")


def test_a_mail_without_a_subject_gets_one_line_of_its_text() -> None:
    assert body_of(subject="", text="Ready!\nCome  in.")["subject"] == "Ready! Come in."
    assert len(body_of(subject="x" * 400)["subject"]) == 250


def test_answers_go_where_the_credentials_say() -> None:
    credentials = {**CREDENTIALS, "reply_to": "hello@casa.example", "from_name": ""}
    body = body_of(credentials)
    assert body["reply_to"] == {"email": "hello@casa.example"}
    assert body["from"] == {"email": "orders@casa.example"}


def test_a_european_account_is_spoken_to_in_europe_unless_something_stands_in() -> None:
    europe = {**CREDENTIALS, "region": "eu"}
    assert PROVIDER(europe).request(MESSAGE).url == "https://api.eu.sendgrid.com/v3/mail/send"
    there = PROVIDER(europe, "http://127.0.0.1:8001/sendgrid/").request(MESSAGE).url
    assert there == "http://127.0.0.1:8001/sendgrid/v3/mail/send"


def test_an_error_never_repeats_the_address() -> None:
    value = {"errors": [{"message": "ada@example.com is odd", "field": "content"}]}
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(400, {}, json.dumps(value).encode()))
    assert caught.value.detail == "… is odd"


def test_a_limit_far_away_is_asked_about_again_after_a_quarter_of_an_hour() -> None:
    headers = {"x-ratelimit-reset": "1895262430", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    with pytest.raises(SendError) as caught:
        PROVIDER(CREDENTIALS).accepted(Response(429, headers, b""))
    assert caught.value.retry_after == 900.0


# --- templates ---
def test_the_body_with_a_template_is_the_one_that_sendgrids_own_package_makes() -> None:
    mail = Mail(from_email=Email("orders@casa.example", "Casa Verde"))
    mail.template_id = TemplateId(TEMPLATE_ID)
    person = Personalization()
    person.add_to(To("ada@example.com"))
    person.add_custom_arg(CustomArg("ob_ref", "d-7f3a"))
    person.dynamic_template_data = {"number": "1042", "store": "Café Sur"}
    mail.add_personalization(person)
    for name, value in BODY["headers"].items():
        mail.add_header(Header(name, value))
    ours = body_of(template=TEMPLATED.template)
    del ours["tracking_settings"]
    assert ours == mail.get()


def test_a_template_without_gaps_sends_no_data() -> None:
    body = body_of(template=ProviderTemplate(TEMPLATE_ID))
    assert set(body["personalizations"][0]) == {"to", "custom_args"}


@pytest.mark.parametrize(
    ("template", "word"),
    [
        (ProviderTemplate("d-12"), "d-"),
        (ProviderTemplate("01234567-89ab-cdef-0123-456789abcdef"), "d-"),
        (ProviderTemplate(TEMPLATE_ID, "en", {"1": "a"}), "“1”"),
        (ProviderTemplate(TEMPLATE_ID, "en", {"order number": "a"}), "“order number”"),
    ],
    ids=str,
)
def test_a_template_that_cannot_work_is_seen_before_it_is_sent(
    template: ProviderTemplate, word: str
) -> None:
    problems = PROVIDER(CREDENTIALS).template_problems(template)
    assert len(problems) == 1 and word in problems[0]
    with pytest.raises(SendError) as caught:
        body_of(template=template)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_a_good_template_has_no_problems() -> None:
    assert TEMPLATED.template is not None
    assert PROVIDER(CREDENTIALS).template_problems(TEMPLATED.template) == []


# --- the account ---
def test_the_rights_are_asked_for_where_the_account_lives() -> None:
    for region, base in (("", "https://api.sendgrid.com"), ("eu", "https://api.eu.sendgrid.com")):
        asks = PROVIDER({**CREDENTIALS, "region": region}).verification()
        assert asks is not None
        assert (asks.method, asks.url) == ("GET", f"{base}/v3/scopes")


# --- events ---
VECTOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw"
    "+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)


# What SendGrid's own package is tested with: one event, the members in their order.
VECTOR_EVENT = {
    "email": "hello@world.com",
    "event": "dropped",
    "reason": "Bounced Address",
    "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
    "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
    "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",
    "timestamp": 1600112492,
}
VECTOR_SIGNATURE = (
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtE"
    "ZtM="
)


def test_the_published_vector_with_its_line_end_and_not_without() -> None:
    body = json.dumps([VECTOR_EVENT], separators=(",", ":")).encode() + b"\r\n"
    assert len(body) == 327
    headers = {SIGNATURE: VECTOR_SIGNATURE, TIMESTAMP: "1600112502"}
    call = replace(batch(), headers=headers, body=body)
    known, now = {"webhook_public_key": VECTOR_KEY}, NOW.fromtimestamp(1600112502, NOW.tzinfo)
    CALLBACKS.verify(call, known, now)
    (receipt,) = CALLBACKS.read(call)
    assert isinstance(receipt, Receipt)
    assert receipt.failure is FailureKind.RECIPIENT_INVALID
    for bent in (body.rstrip(), body.replace(b"hello", b"hallo")):
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(replace(call, body=bent), known, now)


def test_sendgrids_package_agrees_about_the_signature() -> None:
    call = batch(event("delivered"))
    judge = EventWebhook(DEMO["webhook_public_key"])
    headers = call.headers
    assert judge.verify_signature(call.body.decode(), headers[SIGNATURE], headers[TIMESTAMP])
    CALLBACKS.verify(call, CREDENTIALS, NOW)


def test_the_line_end_belongs_to_what_is_signed() -> None:
    call = batch(event("delivered"))
    assert call.body.endswith(b"\r\n")
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(call, body=call.body.strip()), CREDENTIALS, NOW)


@pytest.mark.parametrize("hours", [-25, 25])
def test_a_batch_of_another_day_is_refused(hours: int) -> None:
    call = signed(b"[]", NOW + timedelta(hours=hours))
    with pytest.raises(CallbackRefused, match="day"):
        CALLBACKS.verify(call, CREDENTIALS, NOW)


def test_a_batch_that_sendgrid_repeats_after_hours_is_taken() -> None:
    CALLBACKS.verify(signed(b"[]", NOW - timedelta(hours=23)), CREDENTIALS, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SIGNATURE: "%%%"},
        {SIGNATURE: "AAAA"},
        {TIMESTAMP: "soon"},
        {TIMESTAMP: "9" * 40},
        {TIMESTAMP: "1795262401"},
    ],
    ids=str,
)
def test_a_broken_or_changed_signature_is_refused(headers: dict[str, str]) -> None:
    call = batch(event("delivered"))
    bent = {**call.headers, **headers} if headers else {}
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(call, headers=bent), CREDENTIALS, NOW)


@pytest.mark.parametrize("key", ["", "nonsense", "AAAA", VECTOR_KEY])
def test_without_the_right_key_nothing_is_believed(key: str) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(batch(), {**CREDENTIALS, "webhook_public_key": key}, NOW)


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b"\xff"])
def test_a_body_that_is_no_batch_is_broken(body: bytes) -> None:
    with pytest.raises(ValueError):
        CALLBACKS.read(signed(body))


# --- the form ---
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"api_key": "key"}, "api_key"),
        ({"from_email": "casa"}, "from_email"),
        ({"webhook_public_key": "nonsense"}, "webhook_public_key"),
        ({"region": "mars"}, "region"),
    ],
)
def test_credentials_that_cannot_work_are_refused_at_the_field(
    change: dict[str, str], field: str
) -> None:
    assert field in SendGridCredentials({**CREDENTIALS, **change}).errors


def test_a_key_that_was_pasted_with_line_breaks_is_mended() -> None:
    form = SendGridCredentials(
        {**CREDENTIALS, "webhook_public_key": f"{VECTOR_KEY[:60]}\n{VECTOR_KEY[60:]}\n"}
    )
    assert form.is_valid()
    assert form.cleaned_data["webhook_public_key"] == VECTOR_KEY


def test_the_demos_credentials_fit_the_form_and_differ_each_time() -> None:
    assert SendGridCredentials(demo_credentials()).is_valid()
    assert demo_credentials()["webhook_private_key"] != demo_credentials()["webhook_private_key"]


# --- the stand-in ---
ACCOUNT = Account(
    "https://hub.example/receipts/k1/",
    {**CREDENTIALS, "webhook_private_key": DEMO["webhook_private_key"]},
)


def post(value: Any, key: str = "SG.key-of-a-test") -> tuple[Reply, Taken | None]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    call = Call("POST", "/v3/mail/send", headers, json.dumps(value).encode())
    return SendGridSandbox().handle(call, [Account("https://other.example/", {}), ACCOUNT])


def test_the_stand_in_takes_what_we_send_and_remembers_whose_it_was() -> None:
    reply, taken = post(body_of())
    assert taken is not None
    assert (reply.status, reply.body) == (202, b"")
    assert reply.headers["X-Message-Id"] == taken.id
    assert (taken.to, taken.text, taken.subject) == (MESSAGE.to, MESSAGE.text, MESSAGE.subject)
    assert (taken.html, taken.callback_url) == (MESSAGE.html, ACCOUNT.callback_url)


def test_the_stand_in_takes_a_template_and_shows_what_fills_it_in() -> None:
    reply, taken = post(TEMPLATE_BODY)
    assert reply.status == 202 and taken is not None
    assert taken.text == f"[{TEMPLATE_ID}] number=1042 store=Café Sur"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template_id": "order-ready"}, "template_id"),
        ({"personalizations": [{"to": [{"email": "ada"}]}]}, "personalizations.0.to"),
        ({"personalizations": []}, "personalizations"),
        ({"from": {"email": "x"}}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": list(reversed(BODY["content"]))}, "content"),
        ({"surprise": 1}, None),
    ],
)
def test_the_stand_in_refuses_as_sendgrid_does(changes: dict[str, Any], field: str) -> None:
    reply, taken = post(body_of() | changes)
    assert (reply.status, taken) == (400, None)
    assert json.loads(reply.body)["errors"][0]["field"] == field


def test_the_stand_in_knows_its_accounts() -> None:
    reply, taken = post(body_of(), "SG.another")
    assert (reply.status, taken) == (401, None)


@pytest.mark.parametrize(
    ("word", "read"), [("delivered", 2), ("processed", 1), ("failed", 1), ("read", 1)]
)
def test_events_of_the_stand_in_are_signed_and_carry_our_reference(word: str, read: int) -> None:
    _reply, taken = post(body_of())
    assert taken is not None
    call = SendGridSandbox().receipt(taken, word, ACCOUNT)
    assert call is not None
    assert call.url == ACCOUNT.callback_url
    signed_at = NOW.fromtimestamp(int(call.headers[TIMESTAMP]), NOW.tzinfo)
    CALLBACKS.verify(call, CREDENTIALS, signed_at)
    found = CALLBACKS.read(call)
    assert len(found) == read
    assert {(receipt.ref, receipt.message_id) for receipt in found} == {("d-7f3a", taken.id)}  # type: ignore[union-attr]
    assert len({receipt.event_id for receipt in found}) == 1  # type: ignore[union-attr]


def test_a_word_that_sendgrid_does_not_have_makes_no_event() -> None:
    _reply, taken = post(body_of())
    assert taken is not None
    assert SendGridSandbox().receipt(taken, "teleported", ACCOUNT) is None
