"""A person's look at the tracking page is evidence; a machine's is not."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import sync_playwright

from notifications import looking
from notifications.models import Delivery, PageView
from orders.models import Order
from tests.notifications.views.rows import make_order

pytestmark = pytest.mark.django_db(transaction=True)
NOW = "2026-11-21T17:05:00Z"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture
def clock(travel: Any) -> Any:
    return travel(NOW)


@pytest.fixture
def order(clock: Any) -> Order:
    return make_order(status="ready")


def look(order: Order, stamp: str, client: Any = None, **headers: str) -> int:
    """The script's call; the answer's status."""
    head = {"User-Agent": PHONE, **{name.replace("_", "-"): text for name, text in headers.items()}}
    url = reverse("seen", args=[order.token])
    answer = (client or Client(enforce_csrf_checks=True)).post(url, {"stamp": stamp}, headers=head)
    assert answer.content == b""
    return answer.status_code


def stamped(order: Order) -> str:
    return looking.stamp(order.pk, timezone.now())


def views() -> list[PageView]:
    return list(PageView.objects.order_by("id"))


# --- A person --------------------------------------------------------------------
def test_a_look_is_kept_with_what_the_page_said(order: Order, clock: Any):
    stamp = stamped(order)
    clock.shift(4)
    assert look(order, stamp) == 204
    (view,) = views()
    assert (view.order_id, view.status, view.seen_at) == (order.pk, "ready", timezone.now())


def test_the_page_gives_its_script_what_it_needs(order: Order, client: Client):
    page = client.get(reverse("tracking", args=[order.token])).content.decode()
    assert f'data-seen="/t/{order.token}/seen/"' in page
    assert f'data-stamp="{stamped(order)}"' in page
    assert '<script src="/static/js/seen.js" defer>' in page


def test_at_most_one_row_for_an_order_and_minute(order: Order, clock: Any):
    stamp = stamped(order)
    for _second in range(30):
        clock.shift(4)
        look(order, stamp)
    assert [(view.seen_at - views()[0].seen_at).total_seconds() for view in views()] == [0, 60]


def test_a_new_status_within_the_minute_is_put_on_the_row(order: Order, clock: Any):
    stamp = stamped(order)
    clock.shift(4)
    look(order, stamp)
    Order.objects.update(status="picked_up")
    clock.shift(4)
    look(order, stamp)
    (view,) = views()
    assert (view.status, view.seen_at) == ("picked_up", timezone.now())


def test_every_look_calls_off_the_wait_for_proof_also_within_the_minute(
    order: Order, clock: Any, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    monkeypatch.setattr(looking.confirming, "seen", lambda pk, now: asked.append(pk))
    stamp = stamped(order)
    clock.shift(4)
    look(order, stamp)
    look(order, stamp)
    assert asked == [order.pk, order.pk]


def test_the_orders_page_says_who_looked_and_when(order: Order, clock: Any, staff: Client, brand):
    Order.objects.update(brand=brand)
    PageView.objects.create(order=order, status="ready", seen_at=timezone.now())
    page = staff.get(reverse("order", args=[order.pk])).content.decode()
    assert "Ada looked at the tracking page" in page
    assert "It said: Ready." in page
    assert "17:05:00" in page or "12:05:00" in page


# --- Not a person ----------------------------------------------------------------
def test_fetching_the_page_counts_for_nothing(order: Order, client: Client):
    for method in (client.get, client.head):
        method(reverse("tracking", args=[order.token]))
    assert client.get(reverse("seen", args=[order.token])).status_code == 405
    assert views() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Purpose": "prefetch"},
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Purpose": "preview"},
        {"X_Moz": "prefetch"},
        {"User_Agent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
        {"User_Agent": "WhatsApp/2.24"},
        {"User_Agent": "Mozilla/5.0 (X11) HeadlessChrome/130.0"},
        {"User_Agent": "python-requests/2.32"},
    ],
)
def test_what_looks_ahead_of_a_person_does_not_count(
    order: Order, clock: Any, headers: dict[str, str]
):
    stamp = stamped(order)
    clock.shift(4)
    assert look(order, stamp, **headers) == 204
    assert views() == []


def test_a_scanner_that_posts_at_once_does_not_count(order: Order, clock: Any):
    stamp = stamped(order)
    clock.shift(1)
    look(order, stamp)
    assert views() == []


def test_a_page_of_yesterday_does_not_count(order: Order, clock: Any):
    stamp = stamped(order)
    clock.shift(timedelta(hours=25))
    look(order, stamp)
    assert views() == []


@pytest.mark.parametrize("stamp", ["", "1", "1.1:nonsense", "x" * 5000])
def test_a_made_up_stamp_does_not_count(order: Order, stamp: str):
    look(order, stamp)
    assert views() == []


def test_the_stamp_of_another_order_does_not_count(order: Order, clock: Any):
    stamp = stamped(make_order(status="ready"))
    clock.shift(4)
    look(order, stamp)
    assert views() == []


def test_staff_who_open_the_customers_page_do_not_count(order: Order, clock: Any, staff: Client):
    stamp = stamped(order)
    clock.shift(4)
    look(order, stamp, staff)
    assert views() == []


def test_a_link_that_leads_nowhere_is_not_found(client: Client, db: Any):
    assert client.post("/t/nothing/seen/").status_code == 404


# --- In a browser ----------------------------------------------------------------
def test_the_page_itself_says_that_it_is_looked_at(chromium: str, live_server: Any):
    order = make_order(status="ready")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_context(user_agent=PHONE).new_page()
        with page.expect_response("**/seen/", timeout=30_000) as answer:
            page.goto(f"{live_server.url}/t/{order.token}/")
            assert not PageView.objects.exists()
        assert answer.value.status == 204
        browser.close()
    assert PageView.objects.get().order_id == order.pk
    assert not Delivery.objects.exists()
