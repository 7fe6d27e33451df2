"""Writing a mapping in a real browser: results while typing, the keyboard, a narrow screen."""

import json
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright

from tests.factories import ConnectionFactory, MembershipFactory
from tests.notifications.views.rows import make_event

BODY = {
    "data": {"uuid": "u-1", "state": "baking", "buyer": {"first": "Ada", "tel": "+12025550143"}},
    "meta": {"shard": 7},
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection():
    connection = ConnectionFactory()
    make_event(connection, body=json.dumps(BODY).encode(), state="failed")
    return connection


@pytest.fixture
def page(chromium, live_server, connection) -> Iterator[Page]:
    """The page of the mapping, for somebody of the whole brand."""
    client = Client()
    client.force_login(MembershipFactory(brand=connection.brand, user__is_staff=False).user)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "url": live_server.url}
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_cookies([{**cookie, "value": client.cookies[cookie["name"]].value}])
        page = context.new_page()
        page.goto(f"{live_server.url}/dashboard/connections/{connection.pk}/mapping/")
        yield page
        browser.close()


def test_results_come_while_somebody_types_and_the_keyboard_saves(page: Page, connection):
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.get_by_label("id The order").press_sequentially("data.uuid")
    expect(page.locator("#got-field-id")).to_have_text("u-1")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#field-status")).to_be_focused()
    page.keyboard.type("data.state")
    shown = page.get_by_label("What it would mean")
    expect(shown).to_contain_text("“baking”")
    expect(page.locator("#field-status")).to_be_focused()
    expect(shown.get_by_label("Used by nothing")).to_contain_text("meta.shard")
    expect(page.locator("#mapping-said")).to_have_text("u-1 · baking")
    page.get_by_text("The customer", exact=True).click()
    page.locator("#field-customer-phone").fill("data.buyer.tel[")
    expect(page.locator("#got-field-customer-phone")).to_contain_text("it ends too early")
    page.locator("#field-customer-phone").fill("data.buyer.tel")
    expect(shown).to_contain_text("+12025550143")
    page.locator("#field-customer-phone").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Version 1 is in use")).to_be_visible()
    connection.refresh_from_db()
    fields = connection.settings["mapping"]["fields"]
    assert fields == {
        "id": "data.uuid", "status": "data.state", "customer.phone": "data.buyer.tel",
    }  # fmt: skip
    page.get_by_label("Meaning of “baking”").select_option("preparing")
    page.get_by_role("button", name="Save the words").click()
    expect(page.get_by_label("What it would mean")).to_contain_text("Preparing")
    assert complaints == []


def test_a_pasted_sample_offers_its_own_paths(page: Page):
    sample = page.get_by_role("textbox", name="A body as it comes")
    sample.fill('{"order": {"nr": 5}}')
    expect(page.locator("#mapping-paths option")).to_have_count(1)
    assert page.locator("#mapping-paths option").get_attribute("value") == "order.nr"
    sample.fill("{")
    expect(page.get_by_label("What it would mean")).to_contain_text("not valid JSON")


def test_it_fits_a_telephone(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.querySelectorAll('.mapping-group').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(
        "[...document.querySelectorAll('main button, main select, main input:not([type=hidden])')]"
        ".filter(one => one.offsetParent && one.offsetHeight < 44).map(one => one.id)"
    )
    assert small == []
