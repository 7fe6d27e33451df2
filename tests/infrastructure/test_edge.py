"""Machines that call over plain http: told so, never redirected, never lost without a word."""

from typing import Any

import pytest
from django.conf import settings as real
from django.test import Client

from config.edge import PREFIXES
from orders.models import InboundEvent
from tests.factories import ChannelFactory, ConnectionFactory
from tests.orders.api.signing import shopify_headers

pytestmark = pytest.mark.django_db
ORDER = b'{"id":1001,"admin_graphql_api_id":"gid://shopify/Order/1001","name":"#1001"}'
OVER_TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def https(settings: Any) -> None:
    """As settings.py has it when PUBLIC_BASE_URL is https and SECURE_SSL_REDIRECT is 1."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def post(path: str, headers: dict[str, str]) -> Any:
    return Client().post(path, ORDER, content_type="application/json", headers=headers)


def assert_told_to_use_https(answer: Any) -> None:
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("Use https")


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.usefixtures("https")
def test_a_hook_over_http_is_refused_and_not_redirected(slash: str) -> None:
    hook: Any = ConnectionFactory(source="shopify")
    assert_told_to_use_https(post(f"/hooks/{hook.key}{slash}", shopify_headers(ORDER)))
    assert not InboundEvent.objects.exists()


@pytest.mark.usefixtures("https")
def test_a_callback_over_http_is_refused_and_not_redirected() -> None:
    channel: Any = ChannelFactory()
    assert_told_to_use_https(post(f"/receipts/{channel.key}/", {}))


@pytest.mark.parametrize("method", ["get", "put", "head", "options"])
@pytest.mark.usefixtures("https")
def test_no_other_method_is_redirected_either(method: str) -> None:
    assert getattr(Client(), method)("/hooks/abc/").status_code == 403


@pytest.mark.usefixtures("https")
def test_a_hook_that_came_to_the_proxy_by_tls_is_taken() -> None:
    hook: Any = ConnectionFactory(source="shopify")
    answer = post(f"/hooks/{hook.key}/", shopify_headers(ORDER, **OVER_TLS))
    assert (answer.status_code, answer.json()["received"]) == (200, 1)


@pytest.mark.usefixtures("https")
def test_what_the_proxy_says_of_http_counts() -> None:
    hook: Any = ConnectionFactory(source="shopify")
    headers = shopify_headers(ORDER, **{"X-Forwarded-Proto": "http"})
    assert_told_to_use_https(post(f"/hooks/{hook.key}/", headers))


@pytest.mark.usefixtures("https")
def test_people_are_still_redirected() -> None:
    answer = Client().get("/orders/")
    assert answer.status_code == 301
    assert answer["Location"].startswith("https://")


def test_without_https_http_is_good_enough() -> None:
    hook: Any = ConnectionFactory(source="shopify")
    assert post(f"/hooks/{hook.key}/", shopify_headers(ORDER)).status_code == 200


def test_what_the_edge_answers_is_what_is_never_redirected() -> None:
    assert [f"^{prefix[1:]}" for prefix in PREFIXES] == real.SECURE_REDIRECT_EXEMPT
