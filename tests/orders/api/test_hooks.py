"""The inbound edge: what is stored, what is refused, and that nothing is acknowledged in vain."""

import base64
import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from orders import intake
from orders.api.bodies import read_body
from orders.api.hooks import HookView
from orders.api.problems import Problem
from orders.models import InboundEvent
from tests.factories import ConnectionFactory
from tests.orders.api.signing import event, shopify_headers, standard_headers

pytestmark = pytest.mark.django_db

ORDER = b'{"id":1001,"admin_graphql_api_id":"gid://shopify/Order/1001","name":"#1001"}'


def shop(**fields: Any) -> Any:
    return ConnectionFactory(source="shopify", **fields)


def post(key: str, body: bytes, headers: dict[str, str], kind: str = "application/json") -> Any:
    return Client().post(f"/hooks/{key}/", body, content_type=kind, headers=headers)


def assert_nothing_stored(hook: Any, refused: int) -> None:
    assert not InboundEvent.objects.exists()
    hook.refresh_from_db()
    assert hook.refused_count == refused


def test_a_genuine_webhook_is_stored_with_its_bytes_and_answered_200() -> None:
    hook = shop()
    answer = post(hook.key, ORDER, shopify_headers(ORDER))
    assert (answer.status_code, answer.json()) == (200, {"received": 1, "duplicates": 0})
    row = InboundEvent.objects.get()
    assert bytes(row.body) == ORDER
    assert (row.connection_id, row.topic, row.state) == (hook.pk, "orders/updated", "received")
    assert row.mode == "live"
    assert row.headers["x-shopify-topic"] == "orders/updated"
    assert row.headers["content-type"] == "application/json"


def test_credentials_and_the_way_a_request_travelled_are_not_kept() -> None:
    hook = shop()
    headers = shopify_headers(
        ORDER,
        Authorization="Bearer abc",
        Cookie="session=1",
        **{"X-Forwarded-For": "203.0.113.9", "X-Token": "is test_secret here"},
    )
    assert post(hook.key, ORDER, headers).status_code == 200
    kept = InboundEvent.objects.get().headers
    assert not {"authorization", "cookie", "x-forwarded-for", "x-token"} & set(kept)


def test_the_same_delivery_again_is_acknowledged_and_counted_but_stored_once() -> None:
    hook = shop()
    for _ in range(3):
        answer = post(hook.key, ORDER, shopify_headers(ORDER))
    assert (answer.status_code, answer.json()) == (200, {"received": 0, "duplicates": 1})
    assert InboundEvent.objects.count() == 1
    hook.refresh_from_db()
    assert hook.duplicate_count == 2


def test_a_forged_signature_is_refused_counted_and_not_stored() -> None:
    hook = shop()
    answer = post(hook.key, ORDER, shopify_headers(ORDER, secret="guess"))
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert "hmac" not in answer.content.decode().lower()
    assert_nothing_stored(hook, refused=1)
    assert hook.refused_why == "BadSignature"
    assert hook.refused_at is not None


def test_refusals_look_alike_whatever_was_wrong() -> None:
    hook = shop()
    genuine = shopify_headers(ORDER)
    forged = {**genuine, "X-Shopify-Hmac-Sha256": base64.b64encode(b"x" * 32).decode()}
    unsigned = {k: v for k, v in genuine.items() if "Hmac" not in k}
    not_ascii = {**genuine, "X-Shopify-Hmac-Sha256": "\xe9"}
    empty = {**genuine, "X-Shopify-Hmac-Sha256": ""}
    answers = [post(hook.key, ORDER, headers) for headers in (forged, unsigned, not_ascii, empty)]
    answers.append(post(hook.key, ORDER[:-1], genuine))
    assert {(a.status_code, a.content) for a in answers} == {(401, answers[0].content)}
    assert_nothing_stored(hook, refused=5)


def test_another_tenants_signature_does_not_open_our_address() -> None:
    ours = shop(secrets=[{"secret": "ours", "until": None}])
    shop(secrets=[{"secret": "theirs", "until": None}])
    answer = post(ours.key, ORDER, shopify_headers(ORDER, secret="theirs"))
    assert answer.status_code == 401
    assert_nothing_stored(ours, refused=1)


@pytest.mark.parametrize("secrets", [[], [{"secret": "", "until": None}]])
def test_a_connection_without_a_secret_takes_nothing(secrets: list[dict[str, Any]]) -> None:
    hook = shop(secrets=secrets)
    assert post(hook.key, ORDER, shopify_headers(ORDER, secret="")).status_code == 401
    assert_nothing_stored(hook, refused=1)


def test_an_old_secret_is_good_until_its_time_and_not_after() -> None:
    now = datetime.now(UTC)
    late, past = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    overlap = shop(secrets=[{"secret": "new", "until": None}, {"secret": "old", "until": late}])
    over = shop(secrets=[{"secret": "new", "until": None}, {"secret": "old", "until": past}])
    old = shopify_headers(ORDER, secret="old")
    assert post(overlap.key, ORDER, old).status_code == 200
    assert post(over.key, ORDER, old).status_code == 401


def test_an_unknown_address_and_a_disabled_one_are_the_same_404() -> None:
    off = shop(enabled=False)
    unknown = post("f" * 40, ORDER, shopify_headers(ORDER))
    disabled = post(off.key, ORDER, shopify_headers(ORDER))
    assert unknown.status_code == disabled.status_code == 404
    assert unknown.content == disabled.content
    assert_nothing_stored(off, refused=0)


def test_a_replay_within_minutes_is_a_duplicate_and_after_six_minutes_a_refusal() -> None:
    hook = ConnectionFactory(secrets=[{"secret": "whsec_dGVzdA==", "until": None}])
    body, now = event(), datetime.now(UTC)
    fresh = standard_headers(body, "msg_1", now, "whsec_dGVzdA==")
    old = standard_headers(body, "msg_2", now - timedelta(minutes=6), "whsec_dGVzdA==")
    ahead = standard_headers(body, "msg_3", now + timedelta(minutes=6), "whsec_dGVzdA==")
    assert post(hook.key, body, fresh).json() == {"received": 1, "duplicates": 0}
    assert post(hook.key, body, fresh).json() == {"received": 0, "duplicates": 1}
    assert post(hook.key, body, old).status_code == 401
    assert post(hook.key, body, ahead).status_code == 401
    assert InboundEvent.objects.count() == 1


BAD_JSON = {
    "cut short": b'{"id": 1',
    "not a number": b'{"id": 1, "total": NaN}',
    "infinite": b'{"id": 1, "total": Infinity}',
    "5,000 levels": b'{"id": 1, "a": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a lone surrogate": b'{"id": 1, "name": "\\ud800"}',
    "NUL": b'{"id": 1, "name": "a\\u0000b"}',
    "raw NUL": b'{"id": 1, "name": "a\x00b"}',
    "not UTF-8": b'{"id": 1, "name": "\xff"}',
    "5,000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "empty": b"",
}


@pytest.mark.parametrize("source", ["shopify", "generic"])
@pytest.mark.parametrize("what", BAD_JSON)
def test_a_signed_body_that_is_no_clean_json_is_a_400_with_a_reason(what: str, source: str) -> None:
    hook, body = ConnectionFactory(source=source), BAD_JSON[what]
    sign = shopify_headers if source == "shopify" else standard_headers
    answer = post(hook.key, body, sign(body))
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert len(problem["detail"]) > 20
    assert_nothing_stored(hook, refused=1)
    assert hook.refused_why == "Malformed"


def test_authentic_json_that_means_nothing_to_us_is_stored_and_acknowledged() -> None:
    hook, body = shop(), b'{"something": "else"}'
    assert post(hook.key, body, shopify_headers(body)).status_code == 200
    assert bytes(InboundEvent.objects.get().body) == body


def test_a_body_of_exactly_the_limit_is_taken(settings: Any) -> None:
    hook = shop()
    body = ORDER + b" " * (settings.MAX_WEBHOOK_BYTES - len(ORDER))
    assert post(hook.key, body, shopify_headers(body)).status_code == 200


def test_one_byte_over_the_limit_is_a_413(settings: Any) -> None:
    hook = shop()
    body = b" " * (settings.MAX_WEBHOOK_BYTES + 1)
    answer = post(hook.key, body, shopify_headers(body))
    assert answer.status_code == 413
    assert "5,242,880" in answer.json()["detail"]
    assert_nothing_stored(hook, refused=0)


class Counting(BytesIO):
    """A stream that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self.taken += len(part)
        return part


def streamed(body: bytes, key: str = "a" * 40, **environ: Any) -> tuple[Any, Counting]:
    stream = Counting(body)
    request = RequestFactory().post(f"/hooks/{key}/", b"", content_type="application/json")
    request.META.pop("CONTENT_LENGTH", None)
    request.META.update({"wsgi.input": stream, **environ})
    return request, stream


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read(settings: Any) -> None:
    request, stream = streamed(b"x" * 100, CONTENT_LENGTH=str(settings.MAX_WEBHOOK_BYTES + 1))
    assert HookView.as_view()(request, key="a" * 40).status_code == 413
    assert stream.taken == 0


def test_an_endless_body_without_a_length_is_refused_at_the_limit(settings: Any) -> None:
    settings.MAX_WEBHOOK_BYTES = 100_000
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    request, stream = streamed(b"x" * 10_000_000, **chunked)
    assert HookView.as_view()(request, key="a" * 40).status_code == 413
    assert stream.taken == 100_001


def test_a_chunked_body_without_a_length_is_read_whole() -> None:
    hook = shop()
    signed = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in shopify_headers(ORDER).items()}
    request, _stream = streamed(ORDER, hook.key, **{"wsgi.input_terminated": True}, **signed)
    assert HookView.as_view()(request, key=hook.key).status_code == 200
    assert bytes(InboundEvent.objects.get().body) == ORDER


def test_a_server_that_cannot_end_a_chunked_body_asks_for_a_length() -> None:
    request, stream = streamed(ORDER, HTTP_TRANSFER_ENCODING="chunked")
    with pytest.raises(Problem) as refused:
        read_body(request, 100)
    assert (refused.value.status_code, stream.taken) == (411, 0)


@pytest.mark.parametrize("length", ["-1", "1e3", "ten", "٣", "9" * 30])
def test_a_length_that_is_no_number_is_a_400(length: str) -> None:
    request, stream = streamed(ORDER, CONTENT_LENGTH=length)
    assert HookView.as_view()(request, key="a" * 40).status_code == 400
    assert stream.taken == 0


def test_a_body_shorter_than_declared_is_a_400() -> None:
    hook = shop()
    factory = RequestFactory()
    request = factory.post(f"/hooks/{hook.key}/", ORDER, content_type="application/json")
    long = type(request)({**request.environ, "CONTENT_LENGTH": "500", "wsgi.input": BytesIO(ORDER)})
    assert HookView.as_view()(long, key=hook.key).status_code == 400
    assert_nothing_stored(hook, refused=0)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip"])
def test_a_compressed_body_is_refused_unread(encoding: str) -> None:
    hook = shop()
    headers = shopify_headers(ORDER, **{"Content-Encoding": encoding})
    assert post(hook.key, ORDER, headers).status_code == 415
    assert_nothing_stored(hook, refused=0)


def refuse_to_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.lstrip().upper().startswith("INSERT"):
        raise OperationalError("database or disk is full")
    return execute(sql, params, many, context)


def refuse_all(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize("broken", [refuse_to_write, refuse_all])
def test_a_failing_database_is_a_503_that_asks_to_come_again(broken: Any) -> None:
    hook = shop()
    with connection.execute_wrapper(broken):
        answer = post(hook.key, ORDER, shopify_headers(ORDER))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "disk" not in answer.content.decode()
    assert not InboundEvent.objects.exists()
    assert post(hook.key, ORDER, shopify_headers(ORDER)).json()["received"] == 1


def test_a_failing_count_of_refusals_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = shop()

    def refuse_updates(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise OperationalError("database is locked")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse_updates):
        answer = post(hook.key, ORDER, shopify_headers(ORDER, secret="guess"))
    assert answer.status_code == 401


def test_a_webhook_costs_one_look_at_its_connection_and_one_insert(
    django_assert_num_queries: Any,
) -> None:
    hook = shop()
    with django_assert_num_queries(2):
        post(hook.key, ORDER, shopify_headers(ORDER))
    with django_assert_num_queries(1):
        post(hook.key, ORDER, shopify_headers(ORDER, **{"X-Shopify-Event-Id": "evt-2"}))
    assert InboundEvent.objects.count() == 2


def test_a_connection_that_was_switched_off_is_closed_within_two_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hook, clock = shop(), [1000.0]
    monkeypatch.setattr(intake.time, "monotonic", lambda: clock[0])
    assert post(hook.key, ORDER, shopify_headers(ORDER)).status_code == 200
    type(hook).objects.filter(pk=hook.pk).update(enabled=False)
    clock[0] += 2.1
    assert post(hook.key, ORDER, shopify_headers(ORDER)).status_code == 404


def test_events_of_a_test_connection_keep_that_mode() -> None:
    hook = shop(mode="test")
    post(hook.key, ORDER, shopify_headers(ORDER))
    assert InboundEvent.objects.get().mode == "test"


def test_head_says_whether_the_address_exists() -> None:
    hook = shop()
    assert Client().head(f"/hooks/{hook.key}/").status_code == 200
    assert Client().head(f"/hooks/{'f' * 40}/").status_code == 404


def test_an_address_without_its_slash_is_not_redirected() -> None:
    hook = shop()
    path = f"/hooks/{hook.key}"
    answer = Client().post(
        path, ORDER, content_type="application/json", headers=shopify_headers(ORDER)
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["get", "options"])
def test_a_get_that_is_no_handshake_stores_nothing(method: str) -> None:
    hook = shop()
    answer = getattr(Client(), method)(f"/hooks/{hook.key}/", headers=shopify_headers(b""))
    assert answer.status_code == 405
    assert not InboundEvent.objects.exists()


def test_a_cloudevents_sender_may_ask_whether_it_may_deliver() -> None:
    hook = ConnectionFactory()
    answer = Client().options(
        f"/hooks/{hook.key}/",
        headers={"WebHook-Request-Origin": "events.example.com", "WebHook-Request-Rate": "120"},
    )
    assert answer.status_code in (200, 204)
    assert answer["WebHook-Allowed-Origin"] == "events.example.com"
    assert answer["WebHook-Allowed-Rate"] == "*"


def test_patch_and_delete_do_nothing() -> None:
    hook = shop()
    for method in ("patch", "delete"):
        assert getattr(Client(), method)(f"/hooks/{hook.key}/").status_code == 405


def put(key: str, body: bytes, headers: dict[str, str]) -> Any:
    return Client().put(f"/hooks/{key}/", body, content_type="application/json", headers=headers)


def test_a_put_is_stored_as_a_post_is() -> None:
    """Just Eat sends what its drivers do by PUT."""
    hook = shop()
    answer = put(hook.key, ORDER, shopify_headers(ORDER))
    assert (answer.status_code, answer.json()) == (200, {"received": 1, "duplicates": 0})
    assert bytes(InboundEvent.objects.get().body) == ORDER
    again = post(hook.key, ORDER, shopify_headers(ORDER))
    assert again.json() == {"received": 0, "duplicates": 1}


def test_a_put_is_checked_and_capped_as_a_post_is(settings: Any) -> None:
    hook = shop()
    assert put(hook.key, ORDER, shopify_headers(ORDER, secret="guess")).status_code == 401
    long = b" " * (settings.MAX_WEBHOOK_BYTES + 1)
    assert put(hook.key, long, shopify_headers(long)).status_code == 413
    assert put("f" * 40, ORDER, shopify_headers(ORDER)).status_code == 404
    assert_nothing_stored(hook, refused=1)


def test_any_accept_header_is_answered_in_json() -> None:
    hook = shop()
    answer = post(hook.key, ORDER, shopify_headers(ORDER, Accept="text/html"))
    assert answer.status_code == 200
    assert json.loads(answer.content)["received"] == 1
