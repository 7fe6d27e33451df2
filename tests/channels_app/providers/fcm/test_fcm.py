"""Firebase: ids, names that replace, sizes, its own description, and its stand-in."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels_app.contract import Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.providers.fcm.provider import Fcm, FcmCredentials
from channels_app.providers.fcm.sandbox import SANDBOX, SPECIAL, demo_credentials
from channels_app.sandbox.contract import Account, Call, Taken
from tests.channels_app.google import check

from .cases import CREDENTIALS, FID, FULL, PLAIN, SEND_CASES, TOKEN, answer, fcm, pinned, word

BASE = "http://127.0.0.1:8001/fcm"
DEMO = demo_credentials()
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", DEMO)


def sent(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pinned().request(message).body)["message"]
    return found


# --- the request ---
@pytest.mark.parametrize(
    "message",
    [
        FULL,
        PLAIN,
        replace(FULL, url="http://192.0.2.7/t/", collapse_key="order 7 of a very long brand" * 9),
        replace(FULL, subject="", data={}, ttl_seconds=-5),
        replace(FULL, text="\U0001f355" * 3000, data={"order": {"number": 1024, "status": None}}),
    ],
    ids=["full", "plain", "odd", "bare", "long"],
)
def test_google_describes_every_part_that_we_send(message: Message) -> None:
    body = json.loads(pinned().request(pinned().fit(message)).body)
    check("fcm.json", "SendMessageRequest", body)


def test_the_connection_test_is_described_too_and_is_only_checked() -> None:
    request = pinned().verification()
    assert request is not None
    body = json.loads(request.body)
    check("fcm.json", "SendMessageRequest", body)
    assert body["validateOnly"] is True
    assert list(body["message"]) == ["topic", "data"]


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        (FID, "fid"),
        ("f" + "A" * 21, "fid"),
        ("a" + "A" * 21, "token"),  # no installation id begins with a
        ("c" + "A" * 20, "token"),
        (TOKEN, "token"),
    ],
)
def test_the_shape_tells_an_installation_id_from_a_token(to: str, kind: str) -> None:
    message = sent(replace(FULL, to=to))
    assert [message.get(name) for name in ("fid", "token")] == (
        [to, None] if kind == "fid" else [None, to]
    )


@pytest.mark.parametrize("to", ["", "two words", "token\n", "ünknown", "x" * 4097])
def test_what_can_be_no_id_is_refused_before_it_leaves(to: str) -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(FULL, to=to))
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


def test_one_name_replaces_on_all_platforms_and_fits_all_of_them() -> None:
    for key in ("order-7", "order 7/ü", "x" * 33):
        message = sent(replace(FULL, collapse_key=key))
        names = {
            message["android"]["collapseKey"],
            message["android"]["notification"]["tag"],
            message["apns"]["headers"]["apns-collapse-id"],
            message["webpush"]["headers"]["Topic"],
            message["data"]["tag"],
        }
        assert len(names) == 1
        assert len(names.pop()) <= 32
    different = [sent(replace(FULL, collapse_key=k))["data"]["tag"] for k in ("a b", "a  b")]
    assert len(set(different)) == 2


@pytest.mark.parametrize("unit", ["word ", "\U0001f355", '"', "a\n"])
def test_a_long_text_is_cut_so_that_all_of_it_fits(unit: str) -> None:
    message = sent(replace(FULL, text=unit * 4000, subject="h" * 400))
    shown = {name: message[name] for name in ("notification", "data")}
    assert len(json.dumps(shown, ensure_ascii=False).encode()) < 4096
    assert message["notification"]["body"].endswith("…")
    assert len(message["notification"]["body"]) > 700
    assert len(message["notification"]["title"]) == 120


def test_a_link_that_leaves_no_room_is_said() -> None:
    with pytest.raises(SendError) as caught:
        pinned().request(replace(FULL, url="https://a.example/" + "x" * 4000))
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_a_message_lives_four_weeks_at_most_and_never_less_than_nothing() -> None:
    for given, kept in ((10**9, 2_419_200), (-1, 0)):
        message = sent(replace(FULL, ttl_seconds=given))
        assert message["android"]["ttl"] == f"{kept}s"
        assert message["webpush"]["headers"]["TTL"] == str(kept)
        assert message["apns"]["headers"]["apns-expiration"] == str(1795289400 + kept)


def test_browsers_get_no_link_that_firebase_refuses() -> None:
    assert "fcmOptions" not in sent(replace(FULL, url="http://orders.example.com/"))["webpush"]


def test_the_data_are_texts_and_reserved_names_are_never_used() -> None:
    odd = {"event": None, "from": "x", "order": {"external_id": 7, "number": ["x"], "status": ""}}
    data = sent(replace(FULL, data=odd))["data"]
    assert data == {
        "ref": "ref-1",
        "url": "https://orders.example.com/t/abc/",
        "tag": "order-7",
        "order_external_id": "7",
    }


def test_without_a_token_it_is_tried_again_later() -> None:
    with pytest.raises(SendError) as caught:
        Fcm(CREDENTIALS).request(PLAIN)
    assert caught.value.kind is FailureKind.TRANSIENT


def test_only_refusals_of_the_token_itself_ask_for_a_new_one() -> None:
    for response in (answer(401), word(401, "UNAUTHENTICATED"), word(403, "PERMISSION_DENIED")):
        with pytest.raises(AccessRefused):
            pinned().accepted(response)
    with pytest.raises(SendError) as caught:
        pinned().accepted(word(401, "UNAUTHENTICATED", fcm("THIRD_PARTY_AUTH_ERROR")))
    assert not isinstance(caught.value, AccessRefused)
    assert "Apple" in caught.value.detail


def test_every_refusal_says_what_to_do() -> None:
    for case in SEND_CASES:
        if isinstance(case.expected, FailureKind) and not case.response.ok:
            with pytest.raises(SendError) as caught:
                pinned().accepted(case.response)
            assert caught.value.detail.endswith("."), case.label


def test_another_project_than_the_key_files_can_be_named() -> None:
    provider = pinned()
    provider.credentials = {**CREDENTIALS, "project_id": "nonna-apps"}
    assert "/v1/projects/nonna-apps/messages:send" in provider.request(PLAIN).url


@pytest.mark.parametrize(
    "fields",
    [
        {"service_account": "{}"},
        {"project_id": "../other"},
        {"project_id": "Has Space"},
        {"android_channel_id": "a b"},
    ],
    ids=str,
)
def test_credentials_that_cannot_be_right_are_refused(fields: dict[str, str]) -> None:
    assert FcmCredentials(CREDENTIALS).is_valid()
    assert not FcmCredentials({**CREDENTIALS, **fields}).is_valid()


# --- the stand-in ---
def connected() -> Fcm:
    """The provider at its stand-in, with a token."""
    provider = Fcm(DEMO, BASE)
    now = datetime.now(UTC)
    request = provider.token_request(now)
    assert request is not None and request.url == f"{BASE}/token"
    provider.access = provider.token(exchanged(request)[0], now)
    return provider


def exchanged(request: Request, account: Account = ACCOUNT) -> tuple[Response, Taken | None]:
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.url.removeprefix(BASE), headers, request.body)
    reply, taken = SANDBOX.handle(call, [account])
    return Response(reply.status, dict(reply.headers), reply.body), taken


def test_the_stand_in_shows_what_was_sent() -> None:
    provider = connected()
    response, taken = exchanged(provider.request(FULL))
    assert taken is not None
    assert (taken.to, taken.text, taken.subject) == (FID, FULL.text, FULL.subject)
    assert (taken.extra["kind"], taken.extra["ref"]) == ("fid", "ref-1")
    assert provider.accepted(response).message_id == taken.id


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("unregistered", FailureKind.RECIPIENT_INVALID),
        ("malformed", FailureKind.RECIPIENT_INVALID),
        ("other-project", FailureKind.RECIPIENT_INVALID),
        ("no-apple-key", FailureKind.MISCONFIGURED),
        ("too-many", FailureKind.THROTTLED),
    ],
)
def test_the_stand_in_plays_its_special_tokens(to: str, kind: FailureKind) -> None:
    assert to in SPECIAL
    provider = connected()
    response, taken = exchanged(provider.request(replace(PLAIN, to=to)))
    assert taken is None
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    "spoil",
    [
        {"data": {"n": 1}},
        {"data": {"from": "x"}},
        {"data": {"google.c": "x"}},
        {"fid": "x"},
        {"token": ""},
        {"android": {"ttl": "soon"}},
        {"android": {"ttl": "1s", "priority": "URGENT"}},
        {"apns": {"headers": {"apns-priority": 5}}},
        {"apns": {"headers": {"apns-collapse-id": "x" * 65}}},
        {"webpush": {"headers": {"Topic": "a b"}}},
        {"webpush": {"fcmOptions": {"link": "http://a.example"}}},
        {"notification": {"title": "", "body": "x" * 5000}},
    ],
    ids=str,
)
def test_the_stand_in_refuses_what_firebase_refuses(spoil: dict[str, Any]) -> None:
    provider = connected()
    good = provider.request(PLAIN)
    message = {**json.loads(good.body)["message"], **spoil}
    bad = replace(good, body=json.dumps({"message": message}).encode())
    response, taken = exchanged(bad)
    assert (response.status, taken) == (400, None)
    with pytest.raises(SendError) as caught:
        provider.accepted(response)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED


def test_the_stand_in_knows_its_projects_and_its_tokens() -> None:
    provider = connected()
    good = provider.request(PLAIN)
    assert exchanged(replace(good, headers={}))[0].status == 401
    assert exchanged(replace(good, method="GET"))[0].status == 404
    strange = replace(good, url=good.url.replace("orderbell-demo", "elsewhere"))
    assert exchanged(strange)[0].status == 403
    named = Account(ACCOUNT.callback_url, {**DEMO, "project_id": "elsewhere"})
    assert exchanged(strange, named)[0].status == 200


def test_the_body_of_a_fault_is_one_that_firebase_sends() -> None:
    kinds = {
        401: FailureKind.MISCONFIGURED,
        403: FailureKind.MISCONFIGURED,
        404: FailureKind.RECIPIENT_INVALID,
        429: FailureKind.THROTTLED,
        500: FailureKind.TRANSIENT,
        503: FailureKind.TRANSIENT,
    }
    for status, kind in kinds.items():
        with pytest.raises(SendError) as caught:
            pinned().accepted(Response(status, {}, SANDBOX.fault_body(status)))
        assert caught.value.kind is kind
