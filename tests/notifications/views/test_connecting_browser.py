"""The wizard in a real browser: choose, copy, post a signed webhook, see it, go live."""

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from orders.models import InboundEvent, Order, SourceConnection, StaffMembership
from orders.normalising import normalise
from orders.signatures import sign_standard
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)
Headers = Mapping[str, str]
SHOPIFY = {
    "id": 450789469,
    "name": "#1001",
    "created_at": "2026-11-21T18:00:00Z",
    "updated_at": "2026-11-21T18:00:00Z",
    "financial_status": "paid",
    "fulfillment_status": None,
    "currency": "USD",
    "total_price": "21.50",
    "customer": {"id": 1, "first_name": "Ada", "last_name": "Lovelace"},
    "phone": "+12025550143",
    "line_items": [{"id": 1, "name": "Margherita", "title": "Margherita", "quantity": 2}],
    "fulfillments": [],
    "shipping_lines": [],
    "refunds": [],
}
WOOCOMMERCE = {
    "id": 1001,
    "number": "1001",
    "status": "processing",
    "currency": "USD",
    "total": "21.50",
    "date_created_gmt": "2026-11-21T18:00:00",
    "date_modified_gmt": "2026-11-21T18:00:00",
    "billing": {"first_name": "Ada", "last_name": "Lovelace", "phone": "+12025550143"},
    "line_items": [{"id": 1, "name": "Margherita", "quantity": 2}],
}
GENERIC = {
    "order": {
        "id": "1001",
        "number": "#1001",
        "status": "confirmed",
        "customer": {"given_name": "Ada", "phone": "+12025550143"},
        "lines": [{"id": "1", "name": "Margherita", "quantity": "2"}],
    }
}


def digest(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def shopify(secret: str, body: bytes) -> Headers:
    return {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Event-Id": "e1",
        "X-Shopify-Hmac-Sha256": digest(secret, body),
    }


def woocommerce(secret: str, body: bytes) -> Headers:
    return {"X-WC-Webhook-Topic": "order.created", "X-WC-Webhook-Signature": digest(secret, body)}


def generic(secret: str, body: bytes) -> Headers:
    return sign_standard(secret, "m1", timezone.now(), body)


CASES = [
    ("shopify", "Shopify", SHOPIFY, shopify),
    ("woocommerce", "WooCommerce", WOOCOMMERCE, woocommerce),
    ("generic", "Webhook or API", GENERIC, generic),
]


@pytest.fixture
def context(chromium: str, settings: Any, live_server: Any) -> Iterator[BrowserContext]:
    settings.ALLOWED_HOSTS = ["*"]
    settings.PUBLIC_BASE_URL = live_server.url
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser.new_context(viewport={"width": 390, "height": 800})
        browser.close()


@pytest.fixture
def page(context: BrowserContext, live_server: Any, settings: Any) -> Page:
    """An owner, signed in, on a phone."""
    member = MembershipFactory(role=StaffMembership.Role.OWNER, user__is_staff=False)
    client = Client()
    client.force_login(member.user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    context.set_default_timeout(8000)
    return context.new_page()


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def post(address: str, body: bytes, headers: Headers) -> int:
    sent = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(address, body, sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def secret_on(page: Page, slug: str) -> str:
    """Ours from the page; of a platform that shows its own, pasted there."""
    if slug != "shopify":
        return page.get_by_label("Signing secret").first.input_value()
    page.get_by_label("The secret that Shopify shows").fill("shopify's own")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("A secret is saved")).to_be_visible()
    return "shopify's own"


@pytest.mark.parametrize(("slug", "name", "body", "sign"), CASES, ids=[one[0] for one in CASES])
def test_the_wizard_ends_with_a_real_event_and_going_live(
    page: Page, live_server: Any, slug: str, name: str, body: Any, sign: Callable[..., Headers]
):
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/dashboard/connections/")
    page.get_by_role("link", name="Connect a source").click()
    assert fits(page)
    page.locator(f'a[href$="/new/{slug}/"]').click()
    page.get_by_label("Name", exact=True).fill(f"My {slug}")
    assert fits(page)
    page.get_by_role("button", name="Make its address").click()
    expect(page.get_by_text("Waiting for the first event")).to_be_visible()
    assert fits(page)
    address = page.get_by_label("Address for the source").first.input_value()
    secret = secret_on(page, slug)
    raw = json.dumps(body).encode()
    assert post(address, raw, sign("wrong" if slug != "generic" else "whsec_AAAA", raw)) == 401
    expect(page.get_by_text("1 call was refused")).to_be_visible()
    assert post(address, raw, sign(secret, raw)) in (200, 202)
    normalise(10, timezone.now())
    expect(page.get_by_text("2 × Margherita")).to_be_visible()
    expect(page.locator("#step-3 ~ *").get_by_text("Confirmed").first).to_be_visible()
    assert "2025550143" not in page.locator("#live .understood").inner_text()
    assert fits(page)
    assert SourceConnection.objects.get().mode == "test"
    button = page.get_by_role("button", name="Go live")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is live.")).to_be_visible()
    assert SourceConnection.objects.get().mode == "live"
    event, order = InboundEvent.objects.get(), Order.objects.get()
    assert (event.mode, event.order_id) == ("test", order.pk)
    assert not order.changes.exclude(silent_why="test").exists()
    assert complaints == []


def test_the_copy_button_copies_and_says_so(page: Page, context: BrowserContext, live_server: Any):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/dashboard/connections/new/generic/")
    page.get_by_role("button", name="Make its address").click()
    page.get_by_role("button", name="Copy Address for the source").click()
    expect(page.get_by_text("Copied").first).to_be_visible()
    address = page.get_by_label("Address for the source").first.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    expect(page.locator("#announcer")).to_have_text("Copied")


def test_the_health_page_fits_a_phone(page: Page, live_server: Any):
    page.goto(f"{live_server.url}/dashboard/connections/new/generic/")
    page.get_by_role("button", name="Make its address").click()
    connection = SourceConnection.objects.get()
    InboundEvent.objects.create(
        connection=connection, event_key="k", body=b"x" * 3000, state="failed", error="No. " * 40
    )
    page.goto(f"{live_server.url}/dashboard/connections/{connection.pk}/")
    expect(page.get_by_role("heading", name="Not understood")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
