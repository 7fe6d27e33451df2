"""Klaviyo: profiles, metrics, amounts, errors, its own schema, and the stand-in."""

import json
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.conf import settings

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.providers.klaviyo.provider import REVISION, Klaviyo, KlaviyoCredentials
from channels_app.providers.klaviyo.sandbox import KlaviyoSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken

from .cases import BARE, CREDENTIALS, CUSTOMER, DATA, EMAIL, MESSAGE, answer, errors

CONTRACT = settings.BASE_DIR.parent / "shared" / "contracts" / "klaviyo.json"
BASE = "http://127.0.0.1:8001/klaviyo"
ACCOUNT = Account("", CREDENTIALS)


def attributes(message: Message, **credentials: str) -> dict[str, Any]:
    request = Klaviyo({**CREDENTIALS, **credentials}).request(message)
    found: dict[str, Any] = json.loads(request.body)["data"]["attributes"]
    return found


def profile(customer: Any, **credentials: str) -> dict[str, str]:
    message = replace(MESSAGE, data={**DATA, "customer": customer})
    found: dict[str, str] = attributes(message, **credentials)["profile"]["data"]["attributes"]
    return found


def failed(message: Message, **credentials: str) -> SendError:
    with pytest.raises(SendError) as caught:
        Klaviyo({**CREDENTIALS, **credentials}).request(message)
    return caught.value


# --- Who it is about


@pytest.mark.parametrize(
    ("by", "customer", "expected"),
    [
        ("email", CUSTOMER, {"email": "ada@example.com", "first_name": "Ada"}),
        ("", CUSTOMER, {"email": "ada@example.com", "first_name": "Ada"}),
        ("phone", CUSTOMER, {"phone_number": "+34600000001", "first_name": "Ada"}),
        ("external_id", CUSTOMER, {"external_id": "88", "first_name": "Ada"}),
        ("email", {"phone": "+34600000001"}, {"phone_number": "+34600000001"}),
        ("phone", {"phone": "600 000", "email": "a@b.example"}, {"email": "a@b.example"}),
    ],
)
def test_a_profile_is_found_by_one_identifier(by: str, customer: Any, expected: Any) -> None:
    assert profile(customer, identify_by=by) == expected


@pytest.mark.parametrize("customer", [None, {}, {"email": "", "phone": "0600"}, "Ada", {"id": "1"}])
def test_nobody_to_tell_is_said_and_not_sent(customer: Any) -> None:
    error = failed(replace(MESSAGE, data={**DATA, "customer": customer}))
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, "no_contact")


def test_a_customer_without_an_id_cannot_be_found_by_it() -> None:
    error = failed(
        replace(MESSAGE, data={"customer": {"email": "a@b.c"}}), identify_by="external_id"
    )
    assert error.code == "no_contact" and "external_id" in error.detail


# --- What it says


@pytest.mark.parametrize(
    ("to", "name"),
    [("Order {event}", "Order ready"), ("{status}: {event}", "ready: ready"), ("News", "News"),
     ("x" * 127, "x" * 127)],
)  # fmt: skip
def test_the_destination_names_the_metric(to: str, name: str) -> None:
    found = attributes(replace(MESSAGE, to=to))["metric"]["data"]["attributes"]["name"]
    assert found == name


@pytest.mark.parametrize("to", ["", "  ", "x" * 128])
def test_a_metric_without_a_name_or_with_a_long_one_is_refused(to: str) -> None:
    assert failed(replace(MESSAGE, to=to)).code == "metric"


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [(2150, "EUR", 21.5), (1200, "JPY", 1200), (1234, "OMR", 1.234), (0, "USD", 0.0),
     (None, "EUR", None), (5, "", None), ("5", "EUR", None)],
)  # fmt: skip
def test_amounts_are_whole_units_of_their_currency(
    minor: Any, currency: str, expected: float | None
) -> None:
    order = {"total_minor": minor, "refunded_minor": minor, "currency": currency}
    sent = attributes(replace(MESSAGE, data={**DATA, "order": order}))
    told = sent["properties"]
    assert (sent.get("value"), told.get("Total"), told.get("Refunded")) == (expected,) * 3
    assert sent.get("value_currency", "") == currency


@pytest.mark.parametrize("at", [None, "", "yesterday", "2026-11-21T19:29:58", 5])
def test_a_time_that_is_not_certain_is_left_out(at: Any) -> None:
    assert "time" not in attributes(replace(MESSAGE, data={**DATA, "occurred_at": at}))


def test_broken_fields_are_left_out_and_long_lists_are_cut() -> None:
    data = {"customer": CUSTOMER, "order": "x", "items": [{"name": str(n)} for n in range(99)],
            "tracking": "y", "groups": [None, 5], "store": []}  # fmt: skip
    told = attributes(replace(MESSAGE, data=data))["properties"]
    assert len(told.pop("Items")) == 50
    assert set(told) == {"Message", "Url", "Language", "OptedOut"}


def test_the_revision_is_a_setting() -> None:
    without = {"private_key": CREDENTIALS["private_key"]}
    assert Klaviyo(without).request(MESSAGE).headers["revision"] == REVISION
    other = Klaviyo({**CREDENTIALS, "revision": "2027-01-15"}).request(MESSAGE)
    assert other.headers["revision"] == "2027-01-15"


# --- Errors


def test_what_klaviyo_quotes_is_not_kept() -> None:
    for response in (answer(400, errors("invalid", EMAIL)), answer(401, errors("x"))):
        with pytest.raises(SendError) as caught:
            Klaviyo(CREDENTIALS).accepted(response)
        assert "ada" not in f"{caught.value.code} {caught.value.detail}"
    assert "private key" in caught.value.detail


def test_a_bad_address_of_one_customer_is_told_apart() -> None:
    with pytest.raises(SendError) as caught:
        Klaviyo(CREDENTIALS).accepted(answer(400, errors("invalid", EMAIL)))
    assert caught.value.code == "bad_contact"


# --- The form


@pytest.mark.parametrize(
    ("change", "good"),
    [({}, True), ({"revision": ""}, True), ({"identify_by": ""}, True),
     ({"private_key": "sk_0123456789"}, False), ({"private_key": "pk_1"}, False),
     ({"revision": "v3"}, False), ({"identify_by": "name"}, False)],
)  # fmt: skip
def test_the_form(change: dict[str, str], good: bool) -> None:
    assert KlaviyoCredentials({**CREDENTIALS, **change}).is_valid() is good
    assert KlaviyoCredentials(demo_credentials()).is_valid()


# --- The stand-in


def call(message: Message = MESSAGE, **headers: str) -> Call:
    request = Klaviyo(CREDENTIALS, BASE).request(message)
    known = {name.lower(): value for name, value in request.headers.items()}
    known |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", request.url.removeprefix(BASE), known, request.body)


def handle(end: KlaviyoSandbox, one: Call) -> tuple[Reply, Taken | None]:
    return end.handle(one, [ACCOUNT])


def test_the_stand_in_takes_an_event_once() -> None:
    end = KlaviyoSandbox()
    reply, taken = handle(end, call())
    assert (reply.status, reply.body) == (202, b"") and taken is not None
    assert (taken.id, taken.to, taken.text) == ("ref-1", "Order ready", MESSAGE.text)
    assert taken.extra["who"] == "ada@example.com"
    assert handle(end, call()) == (Reply(202), None)
    assert handle(end, call(replace(MESSAGE, to="Another")))[1] is not None
    assert handle(end, call(replace(MESSAGE, ref="ref-9")))[1] is not None


def spoilt(change: Any, name: str) -> Call:
    body = json.loads(call().body)
    body["data"]["attributes"][name] = change
    return replace(call(), body=json.dumps(body).encode())


def test_the_stand_in_refuses_as_klaviyo_does() -> None:
    person = {**CUSTOMER, "email": "invalid@example.com"}
    waiting = {**CUSTOMER, "email": "throttle@example.com"}
    bad = [
        (call(authorization="Klaviyo-API-Key pk_other0000"), 401),
        (call(authorization="Bearer x"), 401),
        (call(revision=""), 400),
        (call(revision="2023-02-22"), 410),
        (call(content_type="application/json"), 415),
        (replace(call(), method="PUT"), 405),
        (replace(call(), path="/api/track"), 404),
        (replace(call(), body=b"["), 400),
        (spoilt({}, "metric"), 400),
        (spoilt({}, "profile"), 400),
        (spoilt([], "properties"), 400),
        (spoilt("21.50", "value"), 400),
        (spoilt("euro", "value_currency"), 400),
        (spoilt("now", "time"), 400),
        (call(replace(MESSAGE, data={**DATA, "customer": person})), 400),
        (call(replace(MESSAGE, data={**DATA, "customer": waiting})), 429),
    ]
    for one, status in bad:
        reply, taken = handle(KlaviyoSandbox(), one)
        assert (reply.status, taken) == (status, None)
        assert json.loads(reply.body)["errors"][0]["status"] == status
    assert reply.headers["retry-after"] == "7"


# --- The vendor's own schema


@pytest.mark.skipif(not CONTRACT.exists(), reason="the vendor's contract is not beside this tree")
def test_the_vendors_schema_takes_our_events_and_knows_every_field() -> None:
    spec = json.loads(CONTRACT.read_text())
    event = spec["paths"]["/api/events"]["post"]
    reference = event["requestBody"]["content"]["application/vnd.api+json"]["schema"]["$ref"]
    schema = closed({"$ref": reference, "components": spec["components"]})
    checker = jsonschema.Draft202012Validator(schema)
    for message in (MESSAGE, BARE):
        body = json.loads(Klaviyo(CREDENTIALS).request(message).body)
        checker.validate(body)
        body["data"]["attributes"]["surprise"] = 1
        assert not checker.is_valid(body), "a field that Klaviyo does not know must be seen"


def closed(schema: Any) -> Any:
    """`schema` that takes no field which it does not name; free objects stay free."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(inner) for name, inner in schema.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found["additionalProperties"] = False
    return found
