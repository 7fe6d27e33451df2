"""A provider's whole send: fitted, composed, exchanged, read; and what a log may show of it."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from django.conf import settings

from channels_app import sending
from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Family,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.sending import redacted
from tests.channels_app.sockets import (
    RawServer,
    Writer,
    failure,
    hang_up,
    ok,
    raw_server,
    says,
    transport,
)

MESSAGE = Message(to="+12025550143", text="one two three four", ref="d-1")


# --- a provider's whole send ---
class Parrot(Provider):
    slug = "parrot"
    name = "Parrot"
    family = Family.WEBHOOK
    address = AddressKind.URL
    capabilities = Capabilities(max_text=10)
    base_url = "https://parrot.example"

    def request(self, message: Message) -> Request:
        if message.to == "broken":
            raise KeyError("from_number")
        return Request("POST", f"{self.base}/say", {}, message.text.encode())

    def accepted(self, response: Response) -> Accepted:
        return Accepted(response.json()["id"])

    def lookup(self, message: Message, since: datetime) -> Request:
        return Request.get(f"{self.base}/said", {"text": message.text})

    def found(self, response: Response, message: Message, since: datetime) -> Accepted | None:
        found = response.json()
        return Accepted(message.text) if message.text in found else None


def parrot(
    reply: Callable[[Writer], Awaitable[None]], message: Message = MESSAGE, look: bool = False
) -> tuple[Accepted | SendError | None, RawServer]:
    async def run() -> tuple[Accepted | SendError | None, RawServer]:
        async with raw_server(reply) as server, transport() as sender:
            provider = Parrot({}, server.url)
            try:
                if look:
                    since = datetime(2026, 11, 21, tzinfo=UTC)
                    return await sending.look_up(sender, provider, message, since, 2), server
                return await sending.send(sender, provider, message, 2), server
            except SendError as error:
                return error, server

    return asyncio.run(run())


def test_a_message_is_fitted_sent_and_its_answer_read() -> None:
    end, server = parrot(ok(b'{"id": "p-1"}'))
    assert end == Accepted("p-1")
    assert server.heard[0].endswith("\r\n\r\none two…".encode())


def test_a_message_that_cannot_be_composed_is_never_sent(caplog: pytest.LogCaptureFixture) -> None:
    end, server = parrot(ok(b"{}"), Message(to="broken", text="secret text", ref="d-2"))
    assert isinstance(end, SendError)
    assert (end.kind, end.code) == (FailureKind.CONTENT_REJECTED, "request")
    assert server.heard == []
    assert "secret text" not in caplog.text


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"<html>"])
def test_a_success_that_nobody_can_read_may_have_been_taken(body: bytes) -> None:
    end, _server = parrot(ok(body))
    assert isinstance(end, SendError)
    assert end.kind is FailureKind.UNKNOWN


def test_a_refusal_that_nobody_can_read_goes_by_its_status() -> None:
    end, _server = parrot(says(b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}"))
    assert isinstance(end, SendError)
    assert (end.kind, end.code) == (FailureKind.TRANSIENT, "503")


def test_a_lookup_asks_for_what_was_sent() -> None:
    end, server = parrot(ok('["one two…"]'.encode()), look=True)
    assert end == Accepted("one two…")
    assert b"GET /said?text=one+two%E2%80%A6 " in server.heard[0]
    assert parrot(ok(b"[]"), look=True)[0] is None


def test_only_urls_below_the_providers_own_base_go_unguarded() -> None:
    provider = Parrot({})
    inside, outside = "https://parrot.example/say", "https://parrot.example.evil.example/say"
    assert not sending.guarded(provider, Request("POST", inside))
    assert sending.guarded(provider, Request("POST", outside))
    provider.base = ""
    assert sending.guarded(provider, Request("POST", inside))


def test_a_lookup_that_cannot_be_composed_leaves_us_not_knowing() -> None:
    class Mute(Parrot):
        def lookup(self, message: Message, since: datetime) -> Request:
            raise KeyError("account_sid")

    async def run() -> None:
        async with transport() as sender:
            await sending.look_up(sender, Mute({}), MESSAGE, datetime(2026, 11, 21, tzinfo=UTC), 1)

    with pytest.raises(SendError) as caught:
        asyncio.run(run())
    assert caught.value.kind is FailureKind.UNKNOWN


def test_a_process_that_sends_nothing_loads_neither_the_client_nor_a_vendors_package() -> None:
    code = (
        "import sys, importlib, django; django.setup()\n"
        "importlib.import_module('config.urls')\n"
        "from channels_app import registry\n"
        "[registry.provider_class(slug) for slug in registry.slugs()]\n"
        "[registry.callbacks(slug) for slug in registry.slugs()]\n"
        "heavy = {'aiohttp', 'twilio', 'sendgrid', 'telegram', 'pywebpush'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# --- logs ---
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
            "https://api.telegram.org/•••/sendMessage",
        ),
        (
            "https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/T000/B000/•••",
        ),
        (
            "https://ada:pw@x.example:444/a?sig=abc&To=%2B1202",
            "https://x.example/a?sig=•••&To=•••",
        ),
        ("https://[broken", "an unreadable URL"),
    ],
)
def test_a_url_in_a_log_gives_nothing_away(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_a_failure_is_logged_without_text_address_and_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="channels_app")
    request = lambda url: Request(  # noqa: E731
        "POST", f"{url}/bot1:TOKEN/send?to=ada", {"Authorization": "Bearer s3cret"}, b"the text"
    )
    failure(hang_up, request=request)
    assert "disconnected" in caplog.text
    for word in ("TOKEN", "ada", "s3cret", "the text"):
        assert word not in caplog.text
