"""What a newcomer sees: the phones, the board and the reasons, in a real browser."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from notifications.demo import bodies, senders
from tests import services
from tests.real_parts.conftest import needed
from tests.real_parts.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("test_browser")]
NUMBER = 21
ADA = "+12025550143"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo without its lunch, so that only what a test does moves; Ada has ordered."""
    made = Demo(tmp_path_factory.mktemp("data"), DEMO_LUNCH="0")
    with made.stack:
        made.up()
        topic, order = bodies.ada(NUMBER)[0]
        shopify = next(e for e in made.facts["connections"] if e["source"] == "shopify")
        assert senders.post(shopify, order(datetime.now(UTC).replace(microsecond=0)), topic) == 200
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = needed(services.chromium)
    with (
        pytest.MonkeyPatch.context() as patch,
        sync_playwright() as playwright,
    ):
        # Playwright's loop runs in the test's thread, where Django would refuse the ORM.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        with playwright.chromium.launch(executable_path=program, args=FLAGS) as found:
            yield found


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser's console has complained of."""
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, demo: Demo, complaints: list[str]) -> Iterator[Page]:
    """Somebody of the staff, logged in by the form."""
    expect.set_options(timeout=PATIENCE)
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(PATIENCE)
    tab.on("pageerror", lambda error: complaints.append(f"{tab.url}: {error}"))
    tab.on(
        "console",
        lambda said: (
            complaints.append(f"{tab.url}: {said.text}")
            if said.type in ("error", "warning")
            else None
        ),
    )
    tab.goto(demo.url)
    tab.get_by_label("User name").fill(demo.facts["staff"]["username"])
    tab.get_by_label("Password").fill(demo.facts["staff"]["password"])
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("navigation", name="Pages")).to_be_visible()
    yield tab
    tab.close()


@pytest.fixture
def phone(page: Page, demo: Demo) -> Locator:
    """Ada's phone."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{demo.url}/dashboard/phones/")
    return page.get_by_role("article", name="Ada")


def _received(phone: Locator) -> list[str]:
    """The texts on her screen that came from us, newest first."""
    return phone.locator(".bubble.sms:not(.mine) .text").all_text_contents()


def _accepted(demo: Demo) -> list[str]:
    """What the sandbox took for her, newest first."""
    return [m["text"] for m in reversed(demo.messages(f"?provider=twilio&to=%2B{ADA[1:]}"))]


def test_the_phone_shows_exactly_what_the_provider_took(phone: Locator, demo: Demo):
    expect(phone.locator(".bubble.sms .text")).to_have_text(re.compile("Nonna: .*#A021"))
    assert _received(phone) == _accepted(demo)
    assert len(_accepted(demo)) == 1


def test_a_press_on_the_next_step_brings_a_new_message(phone: Locator, demo: Demo):
    before = len(_accepted(demo))
    phone.get_by_role("button", name="Preparing").click()
    phone.get_by_role("button", name="Ready").click()
    expect(phone.locator(".bubble.sms:not(.mine)")).to_have_count(before + 1)
    expect(phone.locator(".bubble.sms .text").first).to_contain_text("ready")
    assert _received(phone) == _accepted(demo)
    walked = demo.ask("SELECT status FROM orders_statuschange WHERE fact = 'status' ORDER BY id")
    assert walked == [("confirmed",), ("preparing",), ("ready",)]


def test_an_answer_gets_a_reply(phone: Locator, demo: Demo):
    expect(phone.locator(".bubble.sms:not(.mine)").first).to_be_visible()
    before = len(_accepted(demo))
    phone.get_by_label("Answer", exact=True).fill("STATUS")
    phone.get_by_role("button", name="Send").click()
    expect(phone.locator(".bubble.mine .text")).to_have_text("STATUS")
    expect(phone.locator(".bubble.sms:not(.mine)")).to_have_count(before + 1)
    expect(phone.locator(".bubble.sms:not(.mine) .text").first).to_contain_text("#A021")
    assert _received(phone) == _accepted(demo)
    assert demo.ask("SELECT understood_as FROM notifications_customermessage") == [("status",)]


def test_the_order_page_says_why(page: Page, phone: Locator, demo: Demo):
    phone.get_by_role("link", name="#A021").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("#A021")
    shown = page.locator(".timeline").inner_text()
    for text in _accepted(demo)[1:]:  # the newest is the reply
        assert " ".join(text.split()) in " ".join(shown.split())
    why = page.locator(".timeline .why").first
    expect(why).to_be_visible()
    told = demo.ask("SELECT sentence FROM notifications_decision WHERE verdict = 'send'")
    assert told
    assert any(sentence in shown for (sentence,) in told)


@pytest.mark.parametrize("screen", ["", "board/", "orders/1/", "phones/", "deliveries/", "inbox/"])
def test_a_phone_in_the_hand_need_not_scroll_sideways(page: Page, demo: Demo, screen: str):
    page.set_viewport_size({"width": 390, "height": 844})
    answer = page.goto(f"{demo.url}/dashboard/{screen}")
    assert answer is not None
    assert answer.status == 200
    expect(page.locator("#main")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390


def test_the_console_has_nothing_to_complain_of(page: Page, complaints: list[str]):
    assert page.url  # it has been everywhere by now
    assert complaints == []
