"""Tokens that a provider hands out: one fetch for all who send, at the stand-in of Zoho."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from channels_app import tokens
from channels_app.contract import Access, Message, Request, Response
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.models import Channel, ChannelAccess
from channels_app.providers.zoho.sandbox import access_token
from channels_app.sandbox.server import SandboxServer, demo_credentials
from channels_app.sending import Transport, send
from channels_app.tokens import Tokens
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGE = Message(
    to="Sales_Orders",
    text="Your order is ready.",
    ref="d-1",
    data={"event": "ready", "order": {"id": "7", "external_id": "1001", "number": "#1001"}},
)
Asked = list[str]  # the URLs at which tokens were asked for


async def in_database(function: Callable[..., Any], *args: Any) -> Any:
    """Run `function` where queries are allowed."""
    return await sync_to_async(function, thread_sensitive=True)(*args)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    seen: Asked = []
    plain = Transport.exchange

    async def counted(self: Transport, request: Request, *args: Any, **more: Any) -> Response:
        if request.url.endswith("/oauth/v2/token"):
            seen.append(request.url)
        return await plain(self, request, *args, **more)

    monkeypatch.setattr(Transport, "exchange", counted)
    return seen


@pytest.fixture
def channel(sandbox: SandboxServer) -> Channel:
    row: Channel = ChannelFactory(
        provider="zoho", slug="zoho", credentials=demo_credentials("zoho")
    )
    sandbox.add_account("zoho", row.callback_url, row.credentials)
    return row


def another(channel: Channel) -> Channel:
    """The same channel as another worker has read it."""
    return Channel.objects.get(pk=channel.pk)


def right(channel: Channel) -> str:
    """The token that the stand-in gives for these credentials."""
    return access_token(channel.credentials["refresh_token"])


def run(work: Callable[[Transport], Awaitable[Any]]) -> Any:
    """What `work` returns; it gets an open transport."""

    async def all_of_it() -> Any:
        transport = Transport()
        await transport.open()
        try:
            return await work(transport)
        finally:
            await transport.close()

    return asyncio.run(all_of_it())


def tokens_over(
    transport: Transport, now: Callable[[], datetime] = timezone.now, deadline: float = 5.0
) -> Tokens:
    return Tokens(transport, in_database, now, deadline)


def make_ready(channel: Channel, **more: Any) -> SendError | None:
    """One call of `ready`: how it ended."""

    async def work(transport: Transport) -> SendError | None:
        try:
            await tokens_over(transport, **more).ready(channel)
        except SendError as error:
            return error
        return None

    found: SendError | None = run(work)
    return found


def row_of(channel: Channel) -> ChannelAccess:
    return ChannelAccess.objects.get(channel=channel)


def keep(channel: Channel, token: str, minutes: float) -> None:
    """A token that some worker fetched a while ago."""
    tokens.claim(channel.pk, timezone.now())
    until = timezone.now() + timedelta(minutes=minutes)
    tokens.keep(channel.pk, Access(token, until, {"api_domain": "https://www.zohoapis.eu"}))


# --- one fetch ---


def test_many_sends_at_once_ask_for_one_token(
    channel: Channel, sandbox: SandboxServer, asked: Asked
) -> None:
    async def work(transport: Transport) -> None:
        shared = tokens_over(transport)

        async def one() -> None:
            await shared.ready(channel)
            await send(transport, channel.speaker, MESSAGE, 5)

        await asyncio.gather(*(one() for _number in range(30)))

    run(work)
    assert len(asked) == 1
    assert len(sandbox.messages("zoho")) == 30


def test_two_workers_over_one_database_share_one_token(channel: Channel, asked: Asked) -> None:
    twin = another(channel)

    async def work(transport: Transport) -> None:
        first, second = tokens_over(transport), tokens_over(transport)
        calls = [first.ready(channel) for _n in range(5)] + [second.ready(twin) for _n in range(5)]
        await asyncio.gather(*calls)

    run(work)
    assert len(asked) == 1
    assert channel.speaker.access is not None
    assert twin.speaker.access is not None
    assert channel.speaker.access.token == twin.speaker.access.token == right(channel)
    assert twin.speaker.access.data == {"api_domain": "https://www.zohoapis.eu"}
    assert row_of(channel).fetching_until is None


def test_a_worker_that_starts_later_uses_what_is_stored(channel: Channel, asked: Asked) -> None:
    make_ready(channel)
    twin = another(channel)
    make_ready(twin)
    assert len(asked) == 1
    assert twin.speaker.access == channel.speaker.access


def test_the_token_is_kept_encrypted(channel: Channel) -> None:
    make_ready(channel)
    raw = ChannelAccess.objects.extra(select={"raw": "value"}).values_list("raw", flat=True).get()
    assert right(channel) not in str(raw)
    assert row_of(channel).value["token"] == right(channel)


def test_a_provider_without_tokens_costs_no_row(db: Any, asked: Asked) -> None:
    plain = ChannelFactory(provider="twilio", credentials=demo_credentials("twilio"))
    assert make_ready(plain) is None
    assert not ChannelAccess.objects.exists()
    assert asked == []


# --- tokens that end ---


@pytest.mark.parametrize(("minutes", "fetched"), [(-5, 1), (0.5, 1), (2, 0)])
def test_a_token_that_ended_or_is_about_to_is_replaced(
    channel: Channel, asked: Asked, minutes: float, fetched: int
) -> None:
    keep(channel, "earlier", minutes)
    make_ready(channel)
    assert len(asked) == fetched
    assert channel.speaker.access is not None
    assert channel.speaker.access.token == (right(channel) if fetched else "earlier")


def test_a_token_in_hand_is_replaced_when_its_time_is_over(channel: Channel, asked: Asked) -> None:
    make_ready(channel)
    make_ready(channel, now=lambda: timezone.now() + timedelta(minutes=70))
    assert len(asked) == 2


def test_a_refused_token_is_forgotten_by_all_and_fetched_anew(
    channel: Channel, sandbox: SandboxServer, asked: Asked
) -> None:
    keep(channel, "withdrawn", 30)
    twin = another(channel)

    async def work(transport: Transport) -> None:
        shared = tokens_over(transport)
        await shared.ready(channel)
        with pytest.raises(AccessRefused):
            await send(transport, channel.speaker, MESSAGE, 5)
        await shared.refused(channel)
        assert channel.speaker.access is None
        await shared.ready(channel)
        await send(transport, channel.speaker, MESSAGE, 5)
        await tokens_over(transport).ready(twin)

    run(work)
    assert len(asked) == 1
    assert twin.speaker.access is not None
    assert twin.speaker.access.token == right(channel)
    assert len(sandbox.messages("zoho")) == 1


def test_a_late_refusal_of_an_old_token_leaves_the_new_one(channel: Channel) -> None:
    make_ready(channel)
    tokens.forget(channel.pk, "an older one")
    known = tokens.stored(channel.pk)
    assert known is not None
    assert known.token == right(channel)
    tokens.forget(channel.pk, right(channel))
    assert tokens.stored(channel.pk) is None


# --- who fetches ---


def test_only_one_may_fetch_until_it_is_done_or_dead(channel: Channel) -> None:
    now = timezone.now()
    assert tokens.claim(channel.pk, now)
    assert not tokens.claim(channel.pk, now)
    assert not tokens.claim(channel.pk, now + tokens.FETCHING)
    assert tokens.claim(channel.pk, now + tokens.FETCHING + timedelta(seconds=1))
    tokens.keep(channel.pk, None)
    assert tokens.claim(channel.pk, now)


def test_while_another_fetches_we_wait_and_then_say_so(channel: Channel, asked: Asked) -> None:
    tokens.claim(channel.pk, timezone.now())
    error = make_ready(channel, deadline=0.5)
    assert error is not None
    assert (error.kind, error.code) == (FailureKind.TRANSIENT, "token")
    assert asked == []


def test_what_another_has_fetched_meanwhile_is_used(channel: Channel, asked: Asked) -> None:
    tokens.claim(channel.pk, timezone.now())

    async def work(transport: Transport) -> None:
        waiting = asyncio.create_task(tokens_over(transport).ready(channel))
        await asyncio.sleep(0.3)
        await in_database(keep, channel, "the other's", 30)
        await waiting

    run(work)
    assert asked == []
    assert channel.speaker.access is not None
    assert channel.speaker.access.token == "the other's"


def test_a_fetcher_that_died_is_replaced(channel: Channel, asked: Asked) -> None:
    died = timezone.now() - tokens.FETCHING - timedelta(seconds=1)
    assert tokens.claim(channel.pk, died)
    assert make_ready(channel) is None
    assert len(asked) == 1
    assert tokens.stored(channel.pk) is not None


# --- when there is none to be had ---


def test_wrong_credentials_are_a_matter_for_staff_and_nobody_is_kept_waiting(
    channel: Channel, asked: Asked
) -> None:
    wrong = another(channel)
    wrong.credentials = {**wrong.credentials, "client_secret": "0" * 42}
    error = make_ready(wrong)
    assert error is not None
    assert (error.kind, error.code) == (FailureKind.MISCONFIGURED, "invalid_client_secret")
    assert "0" * 42 not in str(error)
    assert row_of(channel).fetching_until is None
    assert tokens.stored(channel.pk) is None
    assert make_ready(channel) is None
    assert len(asked) == 2


def test_a_lost_answer_to_the_question_for_a_token_loses_no_message(
    channel: Channel, sandbox: SandboxServer
) -> None:
    sandbox.set_fault("zoho", "hang", count=1, seconds=1.5)
    error = make_ready(channel, deadline=0.5)
    assert error is not None
    assert error.kind is FailureKind.TRANSIENT
    assert row_of(channel).fetching_until is None
    assert make_ready(channel) is None


def test_who_is_told_to_slow_down_hears_for_how_long(
    channel: Channel, sandbox: SandboxServer
) -> None:
    sandbox.set_fault("zoho", "status", status=429, retry_after=7, count=1)
    error = make_ready(channel)
    assert error is not None
    assert (error.kind, error.retry_after) == (FailureKind.THROTTLED, 7)
