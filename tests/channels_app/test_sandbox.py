"""The stand-in server, over real sockets, with a small receiver in the product's place."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import call_command

from channels_app import registry, sending
from channels_app.contract import Accepted, CallbackRequest, InboundMessage, Message, Receipt
from channels_app.failures import FailureKind, SendError
from channels_app.management.commands.sandbox import accounts_of_channels
from channels_app.sandbox import server as server_module
from channels_app.sandbox.contract import Account
from channels_app.sandbox.server import SandboxServer, demo_credentials, ends
from tests.factories import ChannelFactory

TO = "+12025550143"


@dataclass
class Receiver:
    """Keeps what is posted to it; `failing` answers 503 that many times first."""

    url: str = ""
    calls: list[CallbackRequest] = field(default_factory=list)
    failing: int = 0
    posts: int = 0

    def wait(self, count: int) -> list[CallbackRequest]:
        until(lambda: len(self.calls) >= count)
        return self.calls


def until(true: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.posts += 1
            if found.failing:
                found.failing -= 1
                self.send_response(503)
            else:
                query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
                url = found.url + self.path
                found.calls.append(CallbackRequest("POST", url, headers, body, query))
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    http.shutdown()
    http.server_close()


@pytest.fixture
def credentials() -> dict[str, dict[str, str]]:
    return {slug: demo_credentials(slug) for slug in ("twilio", "sendgrid")}


@pytest.fixture
def sandbox(receiver: Receiver, credentials: dict[str, dict[str, str]]) -> Iterator[SandboxServer]:
    accounts = {
        slug: [Account(f"{receiver.url}/receipts/{slug}/", known)]
        for slug, known in credentials.items()
    }
    running = SandboxServer(accounts=accounts)
    running.start_in_thread()
    yield running
    running.stop()


def control(sandbox: SandboxServer, method: str, path: str, value: Any = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{sandbox.base_url}/_control/{path}",
        method=method,
        data=None if value is None else json.dumps(value).encode(),
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@dataclass
class Sender:
    """Sends as the product does: provider, transport, stand-in."""

    sandbox: SandboxServer
    credentials: dict[str, dict[str, str]]
    receiver: Receiver

    def message(self, slug: str, **changes: Any) -> Message:
        base = {
            "to": TO if slug == "twilio" else "ada@example.com",
            "text": "Your order #1042 is ready.",
            "subject": "Ready",
            "html": "<p>Ready</p>",
            "ref": "d-7f3a",
            "callback_url": f"{self.receiver.url}/receipts/{slug}/",
        }
        return Message(**{**base, **changes})

    def __call__(self, slug: str, deadline: float = 5.0, **changes: Any) -> Accepted:
        return self.run(slug, self.message(slug, **changes), deadline)[0]

    def failure(self, slug: str, deadline: float = 5.0, **changes: Any) -> SendError:
        with pytest.raises(SendError) as caught:
            self(slug, deadline, **changes)
        return caught.value

    def run(self, slug: str, message: Message, deadline: float) -> list[Accepted]:
        return asyncio.run(self._send(slug, [message], deadline))

    async def _send(self, slug: str, messages: list[Message], deadline: float) -> list[Accepted]:
        transport = sending.Transport()
        await transport.open()
        try:
            provider = self.provider(slug)
            calls = (sending.send(transport, provider, m, deadline) for m in messages)
            return list(await asyncio.gather(*calls))
        finally:
            await transport.close()

    def look_up(self, slug: str, since: datetime) -> Accepted | None:
        async def run() -> Accepted | None:
            transport = sending.Transport()
            await transport.open()
            try:
                message = self.message(slug)
                return await sending.look_up(transport, self.provider(slug), message, since, 5)
            finally:
                await transport.close()

        return asyncio.run(run())

    def provider(self, slug: str) -> Any:
        base = f"{self.sandbox.base_url}/{slug}"
        return registry.provider_class(slug)(self.credentials[slug], base)


@pytest.fixture
def send(
    sandbox: SandboxServer, credentials: dict[str, dict[str, str]], receiver: Receiver
) -> Sender:
    return Sender(sandbox, credentials, receiver)


def read(slug: str, call: CallbackRequest, credentials: dict[str, str]) -> list[Any]:
    """Believe and read a call as the product does."""
    callbacks = registry.callbacks(slug)
    assert callbacks is not None
    callbacks.verify(call, credentials, datetime.now(UTC))
    return list(callbacks.read(call))


# --- messages ---
@pytest.mark.parametrize("slug", ["twilio", "sendgrid"])
def test_what_is_sent_is_taken_recorded_and_reported_back_signed(
    slug: str, send: Sender, sandbox: SandboxServer, receiver: Receiver
) -> None:
    accepted = send(slug)
    (message,) = sandbox.messages(slug)
    assert message["id"] == accepted.message_id
    assert (message["provider"], message["text"]) == (slug, "Your order #1042 is ready.")
    steps = len(ends()[slug].progress)
    calls = receiver.wait(steps)
    receipts = [found for call in calls for found in read(slug, call, send.credentials[slug])]
    assert {receipt.message_id for receipt in receipts} == {accepted.message_id}
    assert {receipt.ref for receipt in receipts} == {"d-7f3a"}
    assert receipts[-1].status == "delivered"
    assert len(receiver.calls) == steps


def test_the_recorded_request_is_whole_with_its_credentials_masked(
    send: Sender, sandbox: SandboxServer
) -> None:
    send("twilio")
    request = sandbox.messages("twilio")[0]["request"]
    account = send.credentials["twilio"]["account_sid"]
    assert request["method"] == "POST"
    assert request["path"] == f"/2010-04-01/Accounts/{account}/Messages.json"
    assert "Body=Your+order+%231042+is+ready." in request["body"]
    assert request["headers"]["user-agent"] == "Orderbell"
    assert request["headers"]["authorization"].startswith("••••")


def test_messages_are_found_by_provider_and_recipient_and_forgotten_on_demand(
    send: Sender, sandbox: SandboxServer
) -> None:
    send("twilio")
    send("twilio", to="+12025550144")
    send("sendgrid")
    assert len(control(sandbox, "GET", "messages")[1]) == 3
    assert len(control(sandbox, "GET", "messages?provider=twilio")[1]) == 2
    (only,) = control(sandbox, "GET", "messages?provider=twilio&to=%2B12025550144")[1]
    assert control(sandbox, "GET", "messages?to=+12025550144")[1] == [only]
    assert set(only) == {"id", "provider", "to", "text", "subject", "html", "at", "request"}
    assert control(sandbox, "DELETE", "messages")[0] == 200
    assert control(sandbox, "GET", "messages")[1] == []


def test_a_wrong_key_is_refused_and_nothing_is_recorded(
    send: Sender, sandbox: SandboxServer
) -> None:
    send.credentials["twilio"] = {**send.credentials["twilio"], "auth_token": "guess"}
    assert send.failure("twilio").kind is FailureKind.MISCONFIGURED
    assert sandbox.messages() == []


def test_an_account_that_was_told_later_is_known(
    send: Sender, sandbox: SandboxServer, receiver: Receiver
) -> None:
    other = demo_credentials("twilio")
    url = f"{receiver.url}/receipts/second/"
    value = {"provider": "twilio", "callback_url": url, "credentials": other}
    assert control(sandbox, "POST", "accounts", value)[0] == 200
    send.credentials["twilio"] = other
    send("twilio", callback_url=url)
    assert read("twilio", receiver.wait(1)[0], other)


def test_the_numbers_tell_how_busy_it_was(send: Sender, sandbox: SandboxServer) -> None:
    sandbox.set_fault("twilio", "delay", seconds=0.2)
    messages = [send.message("twilio", ref=f"d-{n}", text=f"text {n}") for n in range(5)]
    assert len(asyncio.run(send._send("twilio", messages, 5))) == 5
    stats = control(sandbox, "GET", "stats")[1]["twilio"]
    assert (stats["requests"], stats["accepted"], stats["in_flight_max"]) == (5, 5, 5)
    assert stats["first_at"] <= stats["last_at"]
    sandbox.clear()
    assert sandbox.stats()["twilio"]["accepted"] == 0


# --- trouble ---
def test_an_error_status_comes_with_the_providers_body_and_the_time_to_wait(
    send: Sender, sandbox: SandboxServer
) -> None:
    value = {"provider": "twilio", "mode": "status", "status": 429, "retry_after": 3, "count": 1}
    assert control(sandbox, "POST", "faults", value)[0] == 200
    error = send.failure("twilio")
    assert (error.kind, error.code, error.retry_after) == (FailureKind.THROTTLED, "20429", 3.0)
    assert sandbox.messages() == []
    assert send("twilio").message_id


def test_a_hanging_provider_leaves_us_not_knowing(send: Sender, sandbox: SandboxServer) -> None:
    sandbox.set_fault("sendgrid", "hang")
    assert send.failure("sendgrid", deadline=0.3).kind is FailureKind.UNKNOWN
    assert sandbox.messages() == []


def test_a_lost_answer_is_found_out_by_the_lookup(send: Sender, sandbox: SandboxServer) -> None:
    sandbox.set_fault("twilio", "drop_after_accept", count=1)
    since = datetime.now(UTC)
    error = send.failure("twilio")
    assert (error.kind, error.code) == (FailureKind.UNKNOWN, "disconnected")
    (taken,) = sandbox.messages("twilio")
    found = send.look_up("twilio", since)
    assert found is not None
    assert found.message_id == taken["id"]
    assert send.look_up("twilio", since + timedelta(minutes=1)) is None


def test_a_lost_answer_of_sendgrid_is_found_out_by_its_receipt(
    send: Sender, sandbox: SandboxServer, receiver: Receiver
) -> None:
    sandbox.set_fault("sendgrid", "drop_after_accept", count=1)
    assert send.failure("sendgrid").kind is FailureKind.UNKNOWN
    found = read("sendgrid", receiver.wait(1)[0], send.credentials["sendgrid"])
    assert found[0].ref == "d-7f3a"


def test_garbage_is_a_success_that_nobody_can_read(send: Sender, sandbox: SandboxServer) -> None:
    sandbox.set_fault("twilio", "garbage")
    assert send.failure("twilio").kind is FailureKind.UNKNOWN
    assert len(sandbox.messages("twilio")) == 1


def test_a_redirect_means_that_something_is_set_up_wrongly(
    send: Sender, sandbox: SandboxServer
) -> None:
    sandbox.set_fault("*", "redirect")
    assert send.failure("twilio").kind is FailureKind.MISCONFIGURED
    assert send.failure("sendgrid").kind is FailureKind.MISCONFIGURED
    assert control(sandbox, "DELETE", "faults")[0] == 200
    assert send("twilio").message_id


# --- calls to us ---
def test_a_receipt_can_be_asked_for(
    send: Sender, sandbox: SandboxServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(ends()["twilio"]), "progress", ())
    accepted = send("twilio")
    value = {"message_id": accepted.message_id, "status": "undelivered:30005"}
    assert control(sandbox, "POST", "receipt", value)[0] == 200
    (receipt,) = read("twilio", receiver.wait(1)[0], send.credentials["twilio"])
    assert isinstance(receipt, Receipt)
    assert (receipt.failure, receipt.ref) == (FailureKind.RECIPIENT_INVALID, "d-7f3a")


def test_a_person_can_write(send: Sender, sandbox: SandboxServer, receiver: Receiver) -> None:
    value = {"provider": "twilio", "from": TO, "text": "¿Dónde está mi pedido?"}
    assert control(sandbox, "POST", "inbound", value)[0] == 200
    (message,) = read("twilio", receiver.wait(1)[0], send.credentials["twilio"])
    assert isinstance(message, InboundMessage)
    assert (message.sender, message.text) == (TO, "¿Dónde está mi pedido?")


def test_a_call_is_repeated_while_the_product_is_away(
    sandbox: SandboxServer, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "CALLBACK_PAUSES", (0.05, 0.05, 0.05))
    receiver.failing = 2
    control(sandbox, "POST", "inbound", {"provider": "twilio", "from": TO, "text": "Hi"})
    receiver.wait(1)
    assert receiver.posts == 3


@pytest.mark.parametrize(
    ("method", "path", "value", "status"),
    [
        ("POST", "receipt", {"message_id": "nobody", "status": "sent"}, 404),
        ("POST", "receipt", {"status": "sent"}, 400),
        ("POST", "inbound", {"provider": "nobody", "from": TO, "text": "Hi"}, 400),
        ("POST", "inbound", {"provider": "sendgrid", "from": "a@b.example", "text": "Hi"}, 400),
        ("POST", "faults", {"mode": "explode"}, 400),
        ("POST", "faults", [], 400),
        ("POST", "accounts", {"provider": "nobody", "callback_url": "", "credentials": {}}, 400),
        ("GET", "nonsense", None, 404),
    ],
)
def test_a_control_that_makes_no_sense_says_why(
    sandbox: SandboxServer, method: str, path: str, value: Any, status: int
) -> None:
    found, answer = control(sandbox, method, path, value)
    assert found == status
    assert answer["error"]


def test_an_unknown_provider_is_not_found(sandbox: SandboxServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{sandbox.base_url}/nobody/x", timeout=5)
    assert caught.value.code == 404


# --- running ---
def test_a_port_that_is_taken_is_an_error_at_once(sandbox: SandboxServer) -> None:
    with pytest.raises(OSError):
        SandboxServer(port=sandbox.port).start_in_thread()


def test_two_servers_do_not_share_what_they_took(send: Sender) -> None:
    send("twilio")
    second = SandboxServer()
    second.start_in_thread()
    try:
        assert second.messages() == []
        send.sandbox = second
        assert send.look_up("twilio", datetime.now(UTC) - timedelta(minutes=1)) is None
    finally:
        second.stop()


@pytest.mark.django_db
def test_the_command_tells_the_server_its_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = ChannelFactory(credentials={"auth_token": "t"})
    ChannelFactory(mode="live")
    assert accounts_of_channels() == {
        "twilio": [Account(channel.callback_url, {"auth_token": "t"})]
    }
    started: list[Any] = []
    monkeypatch.setattr(SandboxServer, "run_forever", lambda self: started.append(self))
    call_command("sandbox", "--port", "0")
    assert len(started) == 1
