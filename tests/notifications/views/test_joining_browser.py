"""The push button and its service worker in a real browser.

No push service can be reached from a test: `PushManager.subscribe` is replaced, and messages are
handed to the worker by the browser's own debugging protocol.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from channels_app.contract import CallbackRequest, Message, ReceiptStatus
from channels_app.providers.webpush.callbacks import CALLBACKS
from channels_app.providers.webpush.sandbox import demo_credentials, demo_subscription
from consents.models import ContactPoint
from tests.factories import ChannelFactory
from tests.notifications.views.rows import make_order

ENDPOINT = "https://fcm.googleapis.com/fcm/send/browser"
# What a push service would have given the browser.
SUBSCRIBE = """
  const known = %s;
  PushManager.prototype.subscribe = async function (options) {
    window.subscribedWith = options;
    return { endpoint: known.endpoint, toJSON: () => known, options };
  };
"""
BUTTON = "Tell me on this phone"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order():
    order = make_order()
    order.channel = ChannelFactory(
        brand_id=order.brand_id, provider="webpush", credentials=demo_credentials()
    )
    return order


@pytest.fixture
def context(chromium) -> Iterator[BrowserContext]:
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser.new_context()
        browser.close()


@pytest.fixture
def reports() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes the worker's reports, and what came."""
    taken: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            taken.append(json.loads(self.rfile.read(size)))
            self._answer()

        def _answer(self) -> None:
            self.send_response(204)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "content-type")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", taken
    server.shutdown()
    server.server_close()


def visit(context: BrowserContext, live_server, order) -> tuple[Page, list[str]]:
    """The tracking page, and what its console complains of."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/t/{order.token}/")
    return page, complaints


def subscribing(context: BrowserContext) -> None:
    context.grant_permissions(["notifications"])
    context.add_init_script(SUBSCRIBE % subscription_at(ENDPOINT))


def subscription_at(endpoint: str) -> str:
    known = demo_subscription("browser")
    secrets = {"p256dh": known["p256dh"], "auth": known["auth"]}
    return json.dumps({"endpoint": endpoint, "keys": secrets})


def join(context: BrowserContext, live_server, order) -> tuple[Page, list[str]]:
    subscribing(context)
    page, complaints = visit(context, live_server, order)
    page.get_by_role("button", name=BUTTON).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Done")).to_be_focused()
    return page, complaints


def test_the_keyboard_joins_and_the_worker_is_registered(context, live_server, order):
    page, complaints = join(context, live_server, order)
    point = ContactPoint.objects.get()
    assert (point.address, point.customer_id) == (ENDPOINT, order.customer_id)
    scopes = page.evaluate(
        "navigator.serviceWorker.getRegistrations()"
        ".then(all => all.map(one => [one.scope, one.active.state]))"
    )
    assert scopes == [[f"{live_server.url}/push/{order.channel.pk}/", "activated"]]
    assert page.evaluate("window.subscribedWith.applicationServerKey.length") == 65
    assert page.evaluate("window.subscribedWith.userVisibleOnly") is True
    expect(page.get_by_role("button", name=BUTTON)).to_be_hidden()
    assert complaints == []


def test_without_permission_the_button_stays_hidden(context, live_server, order):
    context.add_init_script(
        "Object.defineProperty(Notification, 'permission', { get: () => 'denied' })"
    )
    page, complaints = visit(context, live_server, order)
    expect(page.get_by_text("Tell me on this phone")).to_be_hidden()
    assert complaints == []


def test_a_refusal_is_shown_in_the_servers_words(context, live_server, order):
    subscribing(context)
    page, _complaints = visit(context, live_server, order)
    type(order).objects.filter(pk=order.pk).update(is_test=True)
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_text("no messages are sent about it")).to_be_visible()
    expect(page.get_by_role("button", name=BUTTON)).to_be_visible()
    assert not ContactPoint.objects.exists()


def test_the_worker_shows_what_the_provider_sends_and_its_report_is_believed(
    context, live_server, order, reports
):
    page, _complaints = join(context, live_server, order)
    address, taken = reports
    url = f"{live_server.url}/t/{order.token}/"
    message = Message(
        to=ENDPOINT,
        text="Your order is ready.",
        subject="Bella Pizza",
        ref="r1",
        url=url,
        collapse_key="order-1",
        callback_url=address,
    )
    deliver(page, live_server.url, order.channel.speaker.payload(message).decode())
    assert page.evaluate(NOTIFICATIONS) == [["Bella Pizza", "Your order is ready.", "order-1"]]
    in_worker(page, CLICK)
    wait_for(page, lambda: len(taken) == 2)
    request = CallbackRequest("POST", address, {}, json.dumps(taken[0]).encode())
    CALLBACKS.verify(request, order.channel.credentials, timezone.now())
    assert [(one["ref"], one["event"]) for one in taken] == [("r1", "shown"), ("r1", "clicked")]
    assert [one.status for one in CALLBACKS.read(request)] == [ReceiptStatus.DELIVERED]
    assert (
        page.evaluate(
            "navigator.serviceWorker.getRegistrations()"
            ".then(([one]) => one.getNotifications()).then(all => all.length)"
        )
        == 0
    )


def test_a_message_that_cannot_be_read_shows_something_and_reports_nothing(
    context, live_server, order, reports
):
    page, _complaints = join(context, live_server, order)
    deliver(page, live_server.url, "not json")
    assert page.evaluate(NOTIFICATIONS) == [["localhost", "", ""]]
    assert reports[1] == []


def test_a_changed_subscription_is_made_known_in_place_of_the_old_one(context, live_server, order):
    page, _complaints = join(context, live_server, order)
    in_worker(page, SUBSCRIBE.replace("window", "self") % subscription_at(ENDPOINT + "2"))
    in_worker(page, "self.dispatchEvent(new ExtendableEvent('pushsubscriptionchange'))")
    wait_for(page, lambda: ContactPoint.objects.count() == 2)
    ended = dict(ContactPoint.objects.values_list("address", "invalid_at"))
    assert ended[ENDPOINT] is not None and ended[ENDPOINT + "2"] is None


NOTIFICATIONS = """async () => {
  const [registration] = await navigator.serviceWorker.getRegistrations();
  for (let i = 0; i < 50; i += 1) {
    const found = await registration.getNotifications();
    if (found.length) return found.map(one => [one.title, one.body, one.tag]);
    await new Promise(done => setTimeout(done, 100));
  }
  return [];
}"""


# A synthetic event may not extend the worker's life, which the handlers of the worker survive.
CLICK = """self.registration.getNotifications().then(([notification]) => {
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
})"""


def in_worker(page: Page, script: str) -> None:
    """Run `script` inside the page's service worker."""
    wait_for(page, lambda: bool(page.context.service_workers))
    page.context.service_workers[0].evaluate(script)


def wait_for(page: Page, happened: Callable[[], bool]) -> None:
    for _turn in range(100):
        if happened():
            return
        page.wait_for_timeout(50)
    pytest.fail("It did not happen in 5 seconds.")


def deliver(page: Page, origin: str, data: str) -> None:
    """Hand `data` to the page's worker as a push message."""
    session = page.context.new_cdp_session(page)
    seen: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: seen.extend(one["registrationId"] for one in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    wait_for(page, lambda: bool(seen))
    session.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": seen[0], "data": data},
    )
