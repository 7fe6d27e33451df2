"""The calls of a pump to providers: a message, or the question whether one arrived."""

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

from django.conf import settings

from channels_app.contract import Accepted
from channels_app.failures import AccessRefused, FailureKind, SendError
from channels_app.sending import Transport, look_up, send
from channels_app.tokens import Tokens
from notifications import checking, fetching, outcomes, subscriptions
from notifications.composing import Composed, compose
from notifications.context import Job
from notifications.source_calls import SourceCaller
from orders.normalising import where

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def transport_open() -> AsyncIterator[Transport]:
    """The connections to providers, closed at the end."""
    transport = Transport(frozenset(settings.PRIVATE_HOSTS_ALLOWED))
    await transport.open()
    try:
        yield transport
    finally:
        await transport.close()


class Caller:
    """Calls over one transport. `in_database` runs a function where queries are allowed."""

    def __init__(
        self,
        transport: Transport,
        in_database: Callable[..., Awaitable[Any]],
        now: Callable[[], datetime],
    ) -> None:
        self._transport, self._in_database, self._now = transport, in_database, now
        self._deadline = settings.SEND_TIMEOUT_SECONDS
        self._sources = SourceCaller(transport, in_database, now)
        self.tokens = Tokens(transport, in_database, now, self._deadline)

    async def send(self, job: Job, composed: Composed) -> outcomes.Result:
        """Send; how it ended. Raises nothing."""
        started, message = time.monotonic(), composed.message
        ending: Accepted | SendError
        try:
            ending = await self._twice_if_refused(job, composed)
        except SendError as error:
            ending = error
        except Exception as error:
            log.error("sending delivery %s failed: %s", job.delivery.pk, where(error))
            ending = SendError(FailureKind.UNKNOWN, "internal", "Sending it broke off.")
        return outcomes.Result(
            job,
            ending,
            text=message.text,
            subject=message.subject,
            template_version=composed.template_version,
            milliseconds=int((time.monotonic() - started) * 1000),
        )

    async def _twice_if_refused(self, job: Job, composed: Composed) -> Accepted:
        """A token may be withdrawn before its time: then a new one is fetched, once."""
        try:
            return await self._send(job, composed)
        except AccessRefused:
            await self.tokens.refused(job.channel)
            return await self._send(job, composed)

    async def _send(self, job: Job, composed: Composed) -> Accepted:
        await self.tokens.ready(job.channel)
        return await send(self._transport, job.channel.speaker, composed.message, self._deadline)

    async def asides(self) -> list[Coroutine[Any, Any, None]]:
        """What is asked besides messages: orders of sources; whether channels and sources work."""
        now, run = self._now(), self._in_database
        pointers = await run(fetching.take, now)
        checks = await run(checking.take, now)
        questions = await run(subscriptions.take, now)
        return [
            *(fetching.fetch(one, self._sources, run, now) for one in pointers),
            *(checking.find_out(one, self._transport, self.tokens, run, now) for one in checks),
            *(subscriptions.find_out(one, self._sources, run, now) for one in questions),
        ]

    async def ask(self, job: Job) -> outcomes.Result | None:
        """Whether the provider has the message; None: it does not. Raises SendError."""
        composed: Composed = await self._in_database(compose, job, self._now())
        await self.tokens.ready(job.channel)
        since = job.delivery.claimed_at or job.delivery.created_at
        message = composed.message
        found = await look_up(self._transport, job.channel.speaker, message, since, self._deadline)
        if found is None:
            return None
        return outcomes.Result(job, found, text=message.text, subject=message.subject)
