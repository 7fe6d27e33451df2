"""What each channel can do: every provider has a row and a page; nothing secret is shown."""

import importlib
import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import settings
from django.db import connection as database
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from playwright.sync_api import Locator, Page, sync_playwright

from channels_app import features, registry
from channels_app.contract import Family, Message, Provider, Request
from channels_app.credentials import is_secret
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel
from notifications import provider_examples
from notifications.provider_examples import NOW, Masks, example
from notifications.views.phones import Bubble
from notifications.views.providers import furthest
from tests.factories import MembershipFactory

SLUGS = registry.slugs()
NARROW = {"width": 390, "height": 844}


def page_of(client: Client, name: str, *args: str, **query: str) -> str:
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, str]]]:
    """The made-up credentials of each provider whose page was shown."""
    known: dict[str, dict[str, str]] = {}
    for slug in SLUGS:
        module = importlib.import_module(f"channels_app.providers.{slug}.sandbox")
        fixed = module.demo_credentials()
        known[slug] = fixed
        monkeypatch.setattr(module, "demo_credentials", lambda fixed=fixed: fixed)
    example.cache_clear()
    yield known
    example.cache_clear()


def secrets_in(slug: str, credentials: dict[str, str]) -> Iterator[str]:
    """Everything in the credentials that nobody may read, also inside of a file or an address."""
    for name in registry.provider_class(slug).Credentials.secret:
        value = credentials.get(name, "")
        if value.startswith("{"):
            yield from (v for n, v in json.loads(value).items() if is_secret(n))
        if "://" in value:
            parts = urlsplit(value)
            yield from (v for n, v in parse_qsl(parts.query) if n in ("sig", "token", "key"))
            yield from (part for part in parts.path.split("/") if len(part) >= 30)
        yield value


# --- The matrix -----------------------------------------------------------------
@pytest.mark.django_db
def test_every_provider_has_a_row_without_any_channel(staff: Client):
    assert not Channel.objects.exists()
    page = page_of(staff, "providers")
    for slug in SLUGS:
        kind = registry.provider_class(slug)
        (row,) = re.findall(rf'<tr role="row" id="{slug}">(.*?)</tr>', page)
        assert f'href="{reverse("provider", args=[slug])}"' in row
        assert f"img/providers/{slug}" in row
        assert row.count('<td role="cell"') == len(features.FEATURES)
        for _feature, words in features.words_of(kind):
            assert words in unescape(row)


@pytest.mark.django_db
@pytest.mark.parametrize("family", list(Family))
def test_a_family_is_shown_by_a_plain_link(staff: Client, family: str):
    page = page_of(staff, "providers")
    assert f'href="{reverse("providers")}?family={family}"' in page
    shown = set(
        re.findall(r'<tr role="row" id="(\w+)">', page_of(staff, "providers", family=family))
    )
    assert shown == {slug for slug, one in registry.families().items() if one == family}


@pytest.mark.django_db
def test_a_family_that_does_not_exist_shows_all(staff: Client):
    page = page_of(staff, "providers", family="<pigeon>")
    assert len(re.findall(r'<tr role="row" id=', page)) == len(SLUGS)
    assert "pigeon" not in page


@pytest.mark.django_db
def test_the_pages_ask_nothing_of_the_database_but_who_is_there(staff: Client):
    addresses = [reverse("providers"), *(reverse("provider", args=[one]) for one in SLUGS[:3])]
    for address in addresses:
        with CaptureQueriesContext(database) as seen:
            staff.get(address)
        tables = set(re.findall(r'FROM "(\w+)"', " ".join(q["sql"] for q in seen.captured_queries)))
        asked = {name for name in tables if name.startswith(("channels_app", "consents"))}
        assert asked == set()
        assert len(seen) <= 8


@pytest.mark.django_db
def test_the_page_of_channels_leads_there(staff: Client):
    assert f'href="{reverse("providers")}"' in page_of(staff, "channels")


@pytest.mark.django_db
def test_without_a_login_there_is_only_the_login(client: Client):
    assert client.get(reverse("providers")).status_code == 302
    assert client.get(reverse("provider", args=["twilio"])).status_code == 302


# --- One provider -----------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_every_provider_has_a_page_with_its_guide_its_look_and_its_request(
    staff: Client, slug: str, made: dict[str, dict[str, str]]
):
    kind = registry.provider_class(slug)
    page = page_of(staff, "provider", slug)
    shown = example(slug, "en")
    assert f"{kind.name}</h1>" in page
    assert shown.problem == ""
    assert f"<strong>{shown.method}</strong>" in page
    assert " ".join(shown.path.split()) in unescape(page)
    assert "1024" in shown.text or "1024" in shown.subject
    assert " ".join(shown.text.split()) in unescape(page)
    look = page[page.index('class="gallery-screen"') : page.index("A made-up order.")]
    assert {"email": "mailcard", "push": "banner"}.get(kind.family, slug) in look
    assert "<h3>" in page or "<li>" in page  # the guide is no plain text


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_no_secret_of_the_credentials_is_shown(
    staff: Client, slug: str, made: dict[str, dict[str, str]]
):
    page = unescape(page_of(staff, "provider", slug))
    hidden = [one for one in secrets_in(slug, made[slug]) if len(one) >= 6]
    assert hidden
    assert [one for one in hidden if one in page] == []
    assert "made-up-access-token" not in page


@pytest.mark.django_db
def test_the_request_is_the_providers_own(staff: Client, made: dict[str, dict[str, str]]):
    page = unescape(page_of(staff, "provider", "twilio"))
    account = made["twilio"]["account_sid"]
    assert f"</strong> /2010-04-01/Accounts/{account}/Messages.json" in page
    assert "<dt>Authorization</dt><dd>Basic ••••</dd>" in page
    assert "To = +12025550143" in page


@pytest.mark.django_db
def test_a_provider_that_nobody_knows_has_no_page(staff: Client):
    assert staff.get(reverse("provider", args=["pigeon"])).status_code == 404


@pytest.mark.django_db
def test_a_provider_that_refuses_the_example_says_why(
    staff: Client, monkeypatch: pytest.MonkeyPatch
):
    def refuse(self: Provider, message: Message) -> Request:
        raise SendError(FailureKind.CONTENT_REJECTED, "no", "It needs <more>.")

    monkeypatch.setattr(registry.provider_class("discord"), "request", refuse)
    example.cache_clear()
    page = page_of(staff, "provider", "discord")
    example.cache_clear()
    assert "It needs &lt;more&gt;." in page


@pytest.mark.parametrize("slug", SLUGS)
def test_the_sign_below_the_example_is_one_that_it_can_report(slug: str):
    able = registry.provider_class(slug).capabilities
    state = furthest(able)
    assert state in {"sent", "handed_off", *able.receipts}
    assert state != "sent" or "delivered" not in able.receipts


# --- Masks ----------------------------------------------------------------------
def masks_of(slug: str, **credentials: str) -> Masks:
    return Masks(registry.provider_class(slug)(credentials, provider_examples.BASE))


def test_a_secret_is_hidden_wherever_and_however_it_is_written():
    masks = masks_of("twilio", auth_token="s3cret/+ value")
    for text in ("a s3cret/+ value b", "a s3cret%2F%2B%20value b", "a s3cret%2F%2B+value b"):
        assert masks.hide(text) == "a •••• b"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abc", "Bearer ••••"),
        ("Authorization", "abc", "••••"),
        ("X-Viber-Auth-Token", "abc", "••••"),
        ("webhook-signature", "v1,abc", "••••"),
        ("Idempotency-Key", "ref-1", "ref-1"),
        ("Content-Type", "application/json", "application/json"),
    ],
)
def test_headers_that_prove_something_are_masked(name: str, value: str, shown: str):
    assert masks_of("twilio").header(name, value) == shown


def test_parameters_that_prove_something_are_masked():
    path = masks_of("pusher").path("https://x.example/events?auth_signature=abc&sig=d&name=order")
    assert path == "/events?auth_signature=••••&sig=••••&name=order"


def test_what_is_shown_is_escaped():
    hostile = provider_examples.Example("<b>", "", "POST", "/<i>", (("a", "<u>"),), "<script>")
    bubble = Bubble(NOW, "event", "<b>", provider="webhook")
    context = {"row": {"slug": "webhook"}, "example": hostile, "post": True, "bubble": bubble}
    page = render_to_string("notifications/provider.html", context)
    for word in ("&lt;b&gt;", "/&lt;i&gt;", "&lt;u&gt;", "&lt;script&gt;"):
        assert word in page
    assert not re.search("<script>|/<i>|<u>|<b>", page)


# --- In a browser -----------------------------------------------------------------
@pytest.fixture
def browser_page(chromium: str, live_server: Any, transactional_db: None) -> Iterator[Page]:
    client = Client()
    client.force_login(MembershipFactory(user__is_staff=False).user)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "url": live_server.url}
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(viewport=NARROW, base_url=live_server.url)
        context.add_cookies([{**cookie, "value": client.cookies[cookie["name"]].value}])
        yield context.new_page()
        browser.close()


def width_of(found: Locator) -> float:
    box = found.bounding_box()
    return box["width"] if box else 0


def height_of(found: Locator) -> float:
    box = found.bounding_box()
    return box["height"] if box else 0


@pytest.mark.browser
def test_nothing_is_wider_than_a_telephone(browser_page: Page):
    wide = []
    for address in [reverse("providers"), *(reverse("provider", args=[one]) for one in SLUGS)]:
        browser_page.goto(address)
        if browser_page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]:
            wide.append(address)
    assert wide == []


@pytest.mark.browser
def test_a_telephone_shows_cards_and_the_keyboard_opens_a_page(browser_page: Page):
    browser_page.goto(reverse("providers"))
    row = browser_page.get_by_role("row").filter(has_text="Twilio")
    assert width_of(row) <= NARROW["width"]
    assert row.get_by_text("Receipts").is_visible()
    assert not row.get_by_text("Handed off").is_visible()  # what it cannot do takes no room
    link = browser_page.get_by_role("rowheader", name="Twilio").get_by_role("link")
    assert height_of(link) >= 44
    link.focus()
    browser_page.keyboard.press("Enter")
    browser_page.wait_for_url(f"**{reverse('provider', args=['twilio'])}")
    assert browser_page.get_by_role("heading", level=1).inner_text() == "Twilio"
