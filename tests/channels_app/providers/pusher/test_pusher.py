"""Pusher: signatures, names, what who may hear, the page that asks to listen, the stand-in."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from channels_app.contract import CallbackRefused, CallbackRequest, Message, Request, Response
from channels_app.failures import FailureKind, SendError
from channels_app.providers.pusher import signing
from channels_app.providers.pusher.callbacks import CALLBACKS
from channels_app.providers.pusher.payload import LARGEST
from channels_app.providers.pusher.provider import Pusher, PusherCredentials
from channels_app.providers.pusher.sandbox import PusherSandbox, demo_credentials
from channels_app.sandbox.contract import Account, Call, Reply, Taken
from channels_app.sending import guarded

from .cases import (
    BARE,
    CREDENTIALS,
    EXPIRED,
    FULL,
    MISMATCH,
    NOW,
    PLAIN,
    TOKEN,
    answer,
    webhook,
)

BASE = "http://127.0.0.1:8001/pusher"
ACCOUNT = Account("http://127.0.0.1:8000/receipts/k/", demo_credentials())
KEY, SECRET = CREDENTIALS["key"], CREDENTIALS["secret_key"]


def event(message: Message) -> dict[str, Any]:
    provider = Pusher(CREDENTIALS)
    found: dict[str, Any] = json.loads(provider.request(provider.fit(message)).body)
    return found


def told(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(event(message)["data"])
    return found


def refusal(message: Message) -> SendError:
    with pytest.raises(SendError) as caught:
        Pusher(CREDENTIALS).request(message)
    return caught.value


# --- The vendor's vectors


def test_the_events_call_of_the_vendors_page_has_its_signature() -> None:
    body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
    found = signing.signed_query(KEY, SECRET, "POST", "/apps/3/events", body, 1353088179)
    assert found == {
        "auth_key": "278d425bdf160c739803",
        "auth_timestamp": "1353088179",
        "auth_version": "1.0",
        "body_md5": "ec365a775a4cd0599faeb73354201b6f",
        "auth_signature": "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
    }


def test_the_query_is_sorted_and_its_names_are_in_lower_case() -> None:
    mixed = {"Name": "Something else", "auth_key": "foo"}
    plain = {"auth_key": "foo", "name": "Something else"}
    first, second = (signing.query_signature(SECRET, "GET", "/x", one) for one in (mixed, plain))
    assert first == second
    assert first == signing.digest(SECRET, b"GET\n/x\nauth_key=foo&name=Something else")


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (
            "1234.1234:private-foobar",
            "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
        ),
        (
            '1234.1234::user::{"id":"12345"}',
            "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
        ),
    ],
)
def test_the_strings_of_the_vendors_page_have_their_signatures(text: str, signature: str) -> None:
    assert signing.digest(SECRET, text.encode()) == signature


def test_a_subscription_is_the_key_and_the_signature() -> None:
    assert signing.subscription(KEY, SECRET, "1234.1234", "private-foobar") == (
        "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    )


# --- Where it goes


def url_of(**changes: str) -> str:
    return Pusher({**CREDENTIALS, **changes}).request(PLAIN).url.partition("?")[0]


def test_the_cluster_decides_the_host_and_a_typed_host_is_checked_when_it_is_called() -> None:
    assert url_of(cluster="ap1") == "https://api-ap1.pusher.com/apps/3/events"
    own = {"cluster": "", "host": "push.example.com"}
    assert url_of(**own) == "https://push.example.com/apps/3/events"
    for credentials, outside in ((CREDENTIALS, False), ({**CREDENTIALS, **own}, True)):
        provider = Pusher(credentials)
        assert guarded(provider, provider.request(PLAIN)) is outside
        assert guarded(provider, provider.verification()) is outside
    standing_in = Pusher({**CREDENTIALS, **own}, BASE)
    assert standing_in.request(PLAIN).url.startswith(f"{BASE}/apps/3/events?")


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({}, True),
        ({"cluster": "", "host": "push.example.com"}, True),
        ({"cluster": ""}, False),
        ({"host": "push.example.com"}, False),
        ({"cluster": "eu.evil.io"}, False),
        ({"cluster": "EU"}, False),
        ({"cluster": "", "host": "127.0.0.1"}, False),
        ({"cluster": "", "host": "localhost"}, False),
        ({"cluster": "", "host": "push.example.com:8080"}, False),
        ({"cluster": "", "host": "push.example.com/x"}, False),
        ({"cluster": "", "host": "me@push.example.com"}, False),
        ({"app_id": "3/events"}, False),
        ({"key": ""}, False),
        ({"secret_key": "short"}, False),
    ],
)
def test_the_form_takes_one_place_and_nothing_odd(changes: dict[str, str], good: bool) -> None:
    assert PusherCredentials({**CREDENTIALS, **changes}).is_valid() is good


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("private-order-{token}", f"private-order-{TOKEN}"),
        (" private-order-{token} ", f"private-order-{TOKEN}"),
        ("private-store-{store}", "private-store-centro"),
        ("orders-{number}", "orders-1024"),
        ("o.{external_id},{store}", "o.gid-shopify-Order-5,centro"),
        ("all", "all"),
    ],
)
def test_a_pattern_makes_a_name_that_pusher_takes(pattern: str, name: str) -> None:
    assert event(replace(PLAIN, to=pattern))["channel"] == name


@pytest.mark.parametrize(
    "pattern",
    ["", "orders {number}", "orders-{phone}", "orders-{}", "orders-{number", "bücher", "x" * 165,
     "private-encrypted-{token}", "private-order-{number}", "private-order-1",
     "private-order-{token}-x", "private-order-{external_id}"],
)  # fmt: skip
def test_a_pattern_that_makes_no_channel_is_refused_with_a_reason(pattern: str) -> None:
    error = refusal(replace(PLAIN, to=pattern))
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "pattern")
    assert len(error.detail) > 60


def test_a_store_cannot_smuggle_a_name_into_the_customers_channels() -> None:
    data = {**FULL, "store": {"slug": "order-" + "x" * 20}}
    assert refusal(replace(PLAIN, to="private-{store}", data=data)).code == "pattern"


@pytest.mark.parametrize("gap", ["token", "number", "external_id", "store"])
def test_an_order_that_lacks_what_the_name_needs_is_not_sent(gap: str) -> None:
    for data in ({}, {"order": None, "store": None}, {"order": {gap: ""}, "store": {"slug": "?"}}):
        error = refusal(replace(PLAIN, to=f"private-x-{{{gap}}}", data=data))
        assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, f"no_{gap}")


def test_a_token_is_never_changed_to_make_it_fit() -> None:
    data = {"order": {"token": "Zk3 abcdefghij/KLMN0"}}
    assert refusal(replace(PLAIN, data=data)).code == "no_token"


def test_long_values_are_cut() -> None:
    data = {"order": {"number": "9" * 300}}
    assert event(replace(PLAIN, to="o-{number}", data=data))["channel"] == "o-" + "9" * 64


# --- What is told


def test_nothing_of_the_customer_and_no_token_is_ever_told() -> None:
    for pattern in ("private-order-{token}", "private-store-{store}", "presence-x", "orders"):
        data = event(replace(PLAIN, to=pattern))["data"]
        for secret in ("Ada", "Lovelace", "example.com/t/", TOKEN, "customer", "attributes"):
            assert secret not in data


@pytest.mark.parametrize("pattern", ["orders", "cache-orders", "Private-order", "xprivate-order"])
def test_a_public_channel_hears_only_that_something_changed(pattern: str) -> None:
    found = told(replace(PLAIN, to=pattern))
    assert set(found) == {"id", "event", "occurred_at", "brand", "order", "store", "left_out"}
    assert set(found["order"]) == {"number", "status", "previous_status", "fulfilment"}
    assert found["left_out"] == ["items", "tracking", "groups", "text"]


@pytest.mark.parametrize("pattern", ["private-x", "private-cache-x", "presence-x"])
def test_a_closed_channel_hears_it_all(pattern: str) -> None:
    found = told(replace(PLAIN, to=pattern))
    assert found["text"] == PLAIN.text and "left_out" not in found


def rows(number: int, **fields: Any) -> list[dict[str, Any]]:
    return [fields] * number


@pytest.mark.parametrize(
    ("more", "left_out"),
    [
        ({"items": rows(300, id="7", name="Pizza " * 5, quantity=1)}, ["items"]),
        ({"items": rows(200, id="7", name="ピザ" * 8)}, ["items"]),  # bytes count, not letters
        (
            {
                "items": rows(5, id="7", name="Pizza"),
                "tracking": rows(99, url="https://x.io/" + "u" * 99),
            },
            ["items", "tracking"],
        ),
        ({"groups": rows(900, key="a", status="ready")}, ["items", "tracking", "groups"]),
    ],
)
def test_what_is_too_much_is_left_out_and_named(more: dict[str, Any], left_out: list[str]) -> None:
    message = replace(PLAIN, data={**FULL, **more})
    assert len(event(message)["data"].encode()) <= LARGEST
    found = told(message)
    assert found["left_out"] == left_out
    assert found["text"] == PLAIN.text and not set(left_out) & set(found)


def test_even_the_longest_text_is_small_enough_beside_the_order() -> None:
    found = told(replace(PLAIN, text="🍕" * 5000))
    assert len(found["text"]) == 1000 and "left_out" not in found


def test_fields_that_no_shop_has_are_refused() -> None:
    data = {"order": {"token": TOKEN, "id": "i" * 11_000}}
    error = refusal(replace(PLAIN, data=data))
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, "too_large")


def test_a_time_that_is_no_text_yet_is_written() -> None:
    found = told(replace(PLAIN, data={**FULL, "occurred_at": datetime(2026, 1, 2, tzinfo=UTC)}))
    assert found["occurred_at"].startswith("2026-01-02")


def test_a_wrong_clock_is_told_apart_from_a_wrong_secret() -> None:
    said = {}
    for name, body in (("clock", EXPIRED), ("401", MISMATCH)):
        with pytest.raises(SendError) as caught:
            Pusher(CREDENTIALS).accepted(answer(401, body))
        said[caught.value.code] = caught.value.detail
        assert name in said
    assert "clock" in said["clock"] and "secret" in said["401"]


def test_the_proof_is_signed_now_and_asks_only_for_channels() -> None:
    asks = Pusher(CREDENTIALS).verification()
    parts = urlsplit(asks.url)
    query = dict(parse_qsl(parts.query))
    assert (asks.method, parts.path) == ("GET", "/apps/3/channels")
    assert "body_md5" not in query and abs(int(query["auth_timestamp"]) - time.time()) < 5
    given = query.pop("auth_signature")
    assert given == signing.query_signature(SECRET, "GET", "/apps/3/channels", query)


# --- A page that asks to listen


def question(
    socket_id: str = "1234.1234", channel: str = f"private-order-{TOKEN}", **more: str
) -> CallbackRequest:
    body = urlencode({"socket_id": socket_id, "channel_name": channel, **more}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return CallbackRequest("POST", "https://hub.example.com/receipts/k/", headers, body)


def test_who_knows_the_token_may_listen() -> None:
    request = question(extra="ignored")
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    found = CALLBACKS.handshake(request, CREDENTIALS)
    assert found is not None and (found.status, found.content_type) == (200, "application/json")
    wanted = signing.digest(SECRET, f"1234.1234:private-order-{TOKEN}".encode())
    assert json.loads(found.body) == {"auth": f"{KEY}:{wanted}"}


@pytest.mark.parametrize(
    "channel",
    ["private-order-1024", "private-order-", "private-store-centro", "presence-order-" + TOKEN,
     "private-encrypted-" + TOKEN, "orders", "xprivate-order-" + TOKEN,
     "private-order-" + "x" * 65, "private-order-" + TOKEN + ";x"],
)  # fmt: skip
def test_another_channel_is_never_opened(channel: str) -> None:
    request = question(channel=channel)
    CALLBACKS.verify(request, CREDENTIALS, NOW)
    found = CALLBACKS.handshake(request, CREDENTIALS)
    assert found is not None and found.status == 403
    assert KEY not in found.body


@pytest.mark.parametrize(
    "request_",
    [
        question(socket_id=""),
        question(socket_id="1234"),
        question(socket_id="1234.1234:private-x"),
        question(socket_id='1.1::user::{"id":"1"}'),
        question(socket_id="١.١"),
        question(socket_id="1.1\n"),
        question(channel=f"private-order-{TOKEN}:x"),
        question(channel=f"private-order-{TOKEN}\n"),
        question(channel=""),
        question(more="x" * 2000),
        replace(question(), body=question().body + b"&socket_id=1.2"),
        replace(question(), body=question().body + b"&channel_name=x"),
        replace(question(), body=b"\xff=1"),
        replace(question(), body=b"a=1&" * 20 + question().body),
        replace(question(), method="GET"),
        replace(question(), headers={}),
        replace(question(), headers={"content-type": "application/json"}),
        replace(question(), headers={**question().headers, "x-pusher-key": KEY}),
    ],
)
def test_a_question_of_a_strange_shape_is_refused(request_: CallbackRequest) -> None:
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(request_, CREDENTIALS, NOW)


@pytest.mark.parametrize("missing", ["key", "secret_key"])
def test_a_channel_without_key_or_secret_opens_nothing(missing: str) -> None:
    for request in (question(), webhook()):
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(request, {**CREDENTIALS, missing: ""}, NOW)


# --- Pusher's webhooks


def with_headers(**changes: str) -> CallbackRequest:
    request = webhook()
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    return replace(request, headers={**request.headers, **named})


@pytest.mark.parametrize(
    "forged",
    [
        with_headers(x_pusher_signature=""),
        with_headers(x_pusher_signature="é"),
        with_headers(x_pusher_signature=webhook().headers["x-pusher-signature"][:-1]),
        with_headers(x_pusher_signature=webhook().headers["x-pusher-signature"].upper()),
        with_headers(x_pusher_key=""),
        with_headers(x_pusher_key="another0key"),
        replace(webhook(), body=webhook().body + b" "),
    ],
)
def test_a_forged_webhook_is_refused(forged: CallbackRequest) -> None:
    CALLBACKS.verify(webhook(), CREDENTIALS, NOW)
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(forged, CREDENTIALS, NOW)


@pytest.mark.parametrize("seconds", [-602, 602, 86_400])
def test_a_webhook_that_was_kept_is_refused(seconds: int) -> None:
    CALLBACKS.verify(webhook(), CREDENTIALS, NOW + timedelta(seconds=590))
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(webhook(), CREDENTIALS, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"time_ms":"now"}'])
def test_a_signed_webhook_without_a_time_is_refused(body: bytes) -> None:
    headers = {**webhook().headers, "x-pusher-signature": signing.digest(SECRET, body)}
    with pytest.raises(CallbackRefused):
        CALLBACKS.verify(replace(webhook(), body=body, headers=headers), CREDENTIALS, NOW)


def test_a_webhook_is_no_question() -> None:
    assert CALLBACKS.handshake(webhook(), CREDENTIALS) is None


# --- The stand-in


def call_for(request: Request) -> Call:
    parts = urlsplit(request.url.removeprefix(BASE))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(request.method, parts.path, headers, request.body, dict(parse_qsl(parts.query)))


def standing_in(**changes: str) -> Pusher:
    return Pusher({**ACCOUNT.credentials, **changes}, BASE)


def fresh(message: Message) -> Message:
    data = {name: value for name, value in message.data.items() if name != "sent_at"}
    return replace(message, data=data)


def handle(call: Call) -> tuple[Reply, Taken | None]:
    return PusherSandbox().handle(call, [ACCOUNT])


def custom(body: bytes) -> Call:
    """A signed call with this body."""
    known = ACCOUNT.credentials
    path = f"/apps/{known['app_id']}/events"
    args = (known["key"], known["secret_key"], "POST", path, body, int(time.time()))
    headers = {"content-type": "application/json"}
    return Call("POST", path, headers, body, signing.signed_query(*args))


def test_an_event_of_ours_is_shown_with_its_channel_and_data() -> None:
    reply, taken = handle(call_for(standing_in().request(fresh(PLAIN))))
    assert (reply.status, reply.body) == (200, b"{}") and taken is not None
    assert (taken.to, taken.text) == (f"private-order-{TOKEN}", PLAIN.text)
    assert taken.extra["data"]["order"]["number"] == "#1024"


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        (call_for(standing_in().request(PLAIN)), 401, "Timestamp expired"),
        (call_for(standing_in(secret_key="x" * 20).request(fresh(PLAIN))), 401, "signature"),
        (call_for(standing_in(key="another0key").request(fresh(PLAIN))), 401, "auth_key"),
        (call_for(standing_in(app_id="7").request(fresh(PLAIN))), 404, "app"),
        (replace(call_for(standing_in().request(fresh(PLAIN))), body=b"{}"), 401, "md5"),
        (replace(call_for(standing_in().request(fresh(PLAIN))), query={}), 401, "auth"),
        (replace(call_for(standing_in().request(fresh(PLAIN))), method="GET"), 405, "allowed"),
        (replace(call_for(standing_in().request(fresh(PLAIN))), path="/apps/1"), 404, "path"),
        (replace(call_for(standing_in().request(fresh(PLAIN))), headers={}), 400, "JSON"),
        (call_for(standing_in().request(replace(fresh(BARE), to="over-quota"))), 403, "quota"),
        (custom(b"{"), 400, "JSON"),
        (custom(b'{"name":"x","channel":"y"}'), 400, "required"),
        (custom(b'{"name":"x","channel":"y","data":{}}'), 400, "required"),
        (custom(b'{"channel":"y","data":"z"}'), 400, "required"),
        (custom(b'{"name":"x","data":"z"}'), 400, "channel"),
        (custom(b'{"name":"x","channel":"a b","data":"z"}'), 400, "channel"),
        (custom(json.dumps({"name": "x", "channels": ["y"] * 101, "data": ""}).encode()), 400,
         "100"),
        (custom(json.dumps({"name": "x", "channel": "y", "data": "z" * 10241}).encode()), 413,
         "maximum"),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_in_pushers_plain_words(call: Call, status: int, said: str) -> None:
    reply, taken = handle(call)
    assert (reply.status, taken) == (status, None)
    assert said in reply.body.decode()
    with pytest.raises(SendError):
        Pusher(CREDENTIALS).accepted(Response(reply.status, {}, reply.body))


def test_pages_and_webhooks_of_the_stand_in_are_believed() -> None:
    end = PusherSandbox()
    now = datetime.now(UTC)
    page = end.inbound(f"private-order-{TOKEN}", "subscribe", ACCOUNT)
    assert page is not None
    CALLBACKS.verify(page, ACCOUNT.credentials, now)
    found = CALLBACKS.handshake(page, ACCOUNT.credentials)
    assert found is not None and found.status == 200
    for text in ("channel_occupied", "channel_vacated"):
        request = end.inbound("private-order-x", text, ACCOUNT)
        assert request is not None
        CALLBACKS.verify(request, ACCOUNT.credentials, now)
        assert tuple(CALLBACKS.read(request)) == ()
        with pytest.raises(CallbackRefused):
            CALLBACKS.verify(request, CREDENTIALS, now)
    assert end.inbound("x", "hello", ACCOUNT) is None


def test_the_demo_credentials_pass_the_form_and_differ() -> None:
    first, second = demo_credentials(), demo_credentials()
    assert PusherCredentials(first).is_valid() and first != second
