"""Airship: two kinds of address, looking for devices, the push, and its stand-in."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from channels_app.contract import Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.airship.provider import Airship, AirshipCredentials
from channels_app.providers.airship.sandbox import GONE, SANDBOX, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken
from channels_app.sending import STEPS

from .cases import BASE, CHANNEL, CREDENTIALS, FULL, PLAIN, PUSHED, SEND_CASES, TAKEN, answer, error

STAND_IN = "http://127.0.0.1:8001/airship"
DEMO = demo_credentials()
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", DEMO)
PHONE = {"channel_id": CHANNEL, "device_type": "ios", "installed": True, "opt_in": True}


def airship(**fields: str) -> Airship:
    return Airship({**CREDENTIALS, **fields})


def sent(message: Message, **fields: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(airship(**fields).push(message).body)
    return found


def person(*devices: dict[str, Any]) -> Response:
    return answer(200, {"ok": True, "named_user": {"named_user_id": "x", "channels": devices}})


def channel(**fields: Any) -> Response:
    return answer(200, {"ok": True, "channel": {**PHONE, **fields}})


# --- the push ---
def test_the_push_that_follows_is_this_one_byte_for_byte() -> None:
    assert airship().following(FULL, person(PHONE)) == PUSHED
    assert airship(look_first="no").request(FULL) == PUSHED


def test_a_plain_push_to_a_device_names_nothing_that_it_does_not_have() -> None:
    assert sent(PLAIN) == {
        "audience": {"channel": CHANNEL},
        "device_types": "all",
        "notification": {
            "alert": "Hola.",
            "ios": {"priority": 5},
            "android": {"delivery_priority": "normal"},
        },
        "options": {"expiry": 60},
    }


def test_the_region_decides_the_host_and_a_stand_in_replaces_it() -> None:
    assert airship(region="us").request(PLAIN).url.startswith("https://go.urbanairship.com/api/")
    assert airship().request(PLAIN).url.startswith(f"{BASE}/api/")
    assert Airship(CREDENTIALS, STAND_IN).request(PLAIN).url.startswith(f"{STAND_IN}/api/")


def test_only_the_platforms_that_were_named_get_a_part() -> None:
    body = sent(FULL, device_types="ios, web")
    assert body["device_types"] == ["ios", "web"]
    assert set(body["notification"]) == {"alert", "actions", "ios", "web"}


@pytest.mark.parametrize(
    "to",
    [
        "",
        "user:",
        "cust-123",
        "named_user:x",
        f"channel:{CHANNEL}",
        f"{CHANNEL}\n",
        "user:" + "x" * 129,
        "user:a\nb",
    ],
)
def test_what_is_neither_a_person_nor_a_device_is_refused(to: str) -> None:
    for provider in (airship(), airship(look_first="no")):
        with pytest.raises(SendError) as caught:
            provider.request(replace(FULL, to=to))
        assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize("unit", ["word ", "\U0001f355", '"'])
def test_a_long_text_is_cut_so_that_platforms_take_it(unit: str) -> None:
    notification = sent(replace(FULL, text=unit * 4000, subject="h" * 400))["notification"]
    assert notification["alert"].endswith("…")
    assert 400 < len(notification["alert"]) <= 1000
    for name in ("ios", "android"):
        whole = {**notification, "android": 0, "ios": 0, "web": 0, name: notification[name]}
        assert len(json.dumps(whole, ensure_ascii=False).encode()) < 4096


def test_names_that_replace_fit_apple() -> None:
    names = [
        sent(replace(FULL, collapse_key=k))["notification"]["ios"]["collapse_id"]
        for k in ("order-7", "ü" * 32, "ü" * 33)
    ]
    assert names[:2] == ["order-7", "ü" * 32]
    assert len(names[2]) == 32


def test_odd_links_and_times_are_left_out_or_bounded() -> None:
    assert "actions" not in sent(replace(FULL, url="javascript:alert(1)"))["notification"]
    assert (
        "actions" not in sent(replace(FULL, url="https://a.example/" + "x" * 1000))["notification"]
    )
    assert sent(replace(FULL, ttl_seconds=10**9))["options"] == {"expiry": 2_419_200}
    assert sent(replace(FULL, ttl_seconds=-1))["options"] == {"expiry": 0}


# --- looking for devices ---
def stopped(message: Message, response: Response, **fields: str) -> SendError:
    with pytest.raises(SendError) as caught:
        airship(**fields).following(message, response)
    return caught.value


def test_one_device_that_can_show_it_is_enough() -> None:
    off = {**PHONE, "opt_in": False}
    mail = {"device_type": "email", "installed": True, "opt_in": True}
    assert airship().following(FULL, person(mail, off, PHONE)) == PUSHED
    assert airship().following(PLAIN, channel()) is not None


def test_what_cannot_be_told_is_sent() -> None:
    bare = answer(200, {"ok": True, "named_user": {"named_user_id": "x"}})
    assert airship().following(FULL, bare) == PUSHED
    assert airship().following(FULL, person({"channel_id": "x"})) == PUSHED


@pytest.mark.parametrize(
    "response",
    [
        error(404, 40401),
        person(),
        person({**PHONE, "installed": False}),
        person({"device_type": "email", "installed": True, "opt_in": True}),
    ],
    ids=["unknown", "none", "removed", "only mail"],
)
def test_a_person_without_a_device_is_told_otherwise_and_may_come_back(response: Response) -> None:
    found = stopped(FULL, response)
    assert (found.kind, found.code) == (FailureKind.WINDOW_CLOSED, "no_device")


@pytest.mark.parametrize("response", [error(404, 40401), channel(installed=False)], ids="ab")
def test_a_device_that_is_gone_stays_gone(response: Response) -> None:
    assert stopped(PLAIN, response).kind is FailureKind.RECIPIENT_INVALID


def test_a_device_of_a_platform_that_was_not_named_counts_for_nothing() -> None:
    assert stopped(FULL, person(PHONE), device_types="web").code == "no_device"


def test_switched_off_notifications_are_no_reason_to_forget_the_address() -> None:
    for message, response in (
        (FULL, person({**PHONE, "opt_in": False})),
        (PLAIN, channel(opt_in=False)),
    ):
        found = stopped(message, response)
        assert (found.kind, found.code) == (FailureKind.WINDOW_CLOSED, "opted_out")


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(401, b"Unauthorized"), FailureKind.MISCONFIGURED),
        (answer(301), FailureKind.MISCONFIGURED),
        (answer(429, retry_after="3"), FailureKind.THROTTLED),
        (answer(503), FailureKind.TRANSIENT),
        (answer(200, b"<html>"), FailureKind.UNKNOWN),
    ],
    ids=str,
)
def test_a_question_that_failed_sends_nothing(response: Response, kind: FailureKind) -> None:
    assert stopped(FULL, response).kind is kind


def test_after_the_push_nothing_follows() -> None:
    for response in (TAKEN, answer(202, b"<html>"), answer(200, {"ok": True, "push_ids": ["x"]})):
        assert airship().following(FULL, response) is None
    assert airship(look_first="no").following(FULL, person(PHONE)) is None


def test_a_refused_push_names_the_part_and_never_the_recipient() -> None:
    with pytest.raises(SendError) as caught:
        airship().accepted(
            error(400, 40000, path="notification.ios.expiry", error="ada@example.com")
        )
    assert caught.value.detail == "Airship refuses the message itself at notification.ios.expiry."
    with pytest.raises(SendError) as caught:
        airship().accepted(error(400, 40000, path="call ada@example.com", error="x"))
    assert "ada" not in caught.value.detail


def test_every_refusal_says_what_to_do() -> None:
    for case in SEND_CASES:
        if isinstance(case.expected, FailureKind) and not case.response.ok:
            with pytest.raises(SendError) as caught:
                airship().accepted(case.response)
            assert caught.value.detail.endswith("."), case.label


# --- credentials ---
@pytest.mark.parametrize(
    "fields",
    [
        {"app_key": "short"},
        {"master_secret": "x" * 23},
        {"region": "mars"},
        {"device_types": "ios, email"},
        {"device_types": "all"},
    ],
    ids=str,
)
def test_credentials_that_cannot_be_right_are_refused(fields: dict[str, str]) -> None:
    assert AirshipCredentials(CREDENTIALS).is_valid()
    assert not AirshipCredentials({**CREDENTIALS, **fields}).is_valid()


def test_what_is_optional_may_be_left_out() -> None:
    needed = {name: CREDENTIALS[name] for name in ("app_key", "master_secret", "region")}
    assert AirshipCredentials(needed).is_valid()
    assert Airship(needed).looks_first


# --- the stand-in ---
def exchanged(request: Request) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    parts = urlsplit(request.url.removeprefix(STAND_IN))
    call = Call(request.method, parts.path, headers, request.body, dict(parse_qsl(parts.query)))
    reply, taken = SANDBOX.handle(call, [ACCOUNT])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def through(message: Message) -> tuple[Response, Taken | None]:
    """All steps of one message."""
    provider = Airship(DEMO, STAND_IN)
    response, taken = exchanged(provider.request(message))
    for _step in range(STEPS - 1):
        following = provider.following(message, response)
        if following is None:
            break
        response, taken = exchanged(following)
    return response, taken


@pytest.mark.parametrize("message", [FULL, PLAIN], ids=["person", "device"])
def test_the_stand_in_shows_what_was_sent(message: Message) -> None:
    response, taken = through(message)
    assert taken is not None
    assert (taken.to, taken.text, taken.subject) == (message.to, message.text, message.subject)
    assert Airship(DEMO, STAND_IN).accepted(response).message_id == taken.id


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("user:nobody", FailureKind.WINDOW_CLOSED),
        ("user:no-device", FailureKind.WINDOW_CLOSED),
        ("user:switched-off", FailureKind.WINDOW_CLOSED),
        (GONE, FailureKind.RECIPIENT_INVALID),
    ],
)
def test_the_stand_in_plays_its_special_people(to: str, kind: FailureKind) -> None:
    with pytest.raises(SendError) as caught:
        through(replace(FULL, to=to))
    assert caught.value.kind is kind


def test_without_looking_first_airship_takes_what_nobody_gets() -> None:
    provider = Airship({**DEMO, "look_first": "no"}, STAND_IN)
    response, taken = exchanged(provider.request(replace(FULL, to="user:nobody")))
    assert (response.status, taken is not None) == (202, True)
    response, taken = exchanged(provider.request(replace(FULL, to=GONE)))
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        ({"audience": "all"}, 400),
        ({"audience": {"tag": "x"}}, 400),
        ({"audience": {"channel": "x"}}, 400),
        ({"device_types": ["email"]}, 400),
        ({"device_types": []}, 400),
        ({"notification": {"alert": ""}}, 400),
        ({"notification": {"alert": "x", "alert1": "x"}}, 400),
        ({"notification": {"alert": "x", "ios": {"collapse_key": "x"}}}, 400),
        ({"notification": {"alert": "x", "ios": {"collapse_id": "x" * 65}}}, 400),
        ({"notification": {"alert": "x" * 5000}}, 413),
        ({"options": {"expiry": "soon"}}, 400),
    ],
    ids=str,
)
def test_the_stand_in_refuses_what_airship_refuses(spoil: dict[str, Any], status: int) -> None:
    good = Airship(DEMO, STAND_IN).push(PLAIN)
    bad = replace(good, body=json.dumps({**json.loads(good.body), **spoil}).encode())
    assert exchanged(good)[0].status == 202
    response, taken = exchanged(bad)
    assert (response.status, taken) == (status, None)


def test_the_stand_in_wants_the_version_the_keys_and_the_slash() -> None:
    good = Airship(DEMO, STAND_IN).push(PLAIN)
    other = Airship({**DEMO, "master_secret": "x" * 22}, STAND_IN).push(PLAIN)
    assert exchanged(replace(good, url=good.url.rstrip("/")))[0].status == 301
    assert exchanged(replace(good, headers={**good.headers, "Accept": "*/*"}))[0].status == 406
    assert exchanged(other)[0].status == 401
    assert exchanged(replace(good, method="PUT"))[0].status == 405
    assert exchanged(replace(good, url=f"{STAND_IN}/api/pushes/"))[0].status == 404


def test_the_body_of_a_fault_is_one_that_airship_sends() -> None:
    for status, kind in {
        400: FailureKind.CONTENT_REJECTED,
        401: FailureKind.MISCONFIGURED,
        429: FailureKind.THROTTLED,
        503: FailureKind.TRANSIENT,
    }.items():
        with pytest.raises(SendError) as caught:
            airship().accepted(Response(status, {}, SANDBOX.fault_body(status)))
        assert caught.value.kind is kind
