"""Calls to the APIs of sources: one request and its answer, with a token where one is needed."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from channels_app.contract import Request
from channels_app.failures import SendError
from channels_app.sending import Transport
from orders import registry
from orders.contract import Api, Ask, NoAccess, Token, TokenRefused, Told, TryLater
from orders.models import SourceConnection

ANSWER_CAP = 4 * 1024 * 1024  # bytes: an order, or a page of them
EARLY = timedelta(seconds=60)
InDatabase = Callable[..., Awaitable[Any]]


def api_of(connection: SourceConnection, token: str = "") -> Api:
    """How to reach the API of `connection`: the stand-in's, where its settings say so."""
    credentials: Any = connection.credentials
    base = registry.source(connection.source).base(credentials)
    if connection.settings.get("sandbox"):
        base = f"{settings.SANDBOX_URL}/source-{connection.source}"
    return Api(base.rstrip("/"), credentials, connection.settings, token)


def stored_token(connection_id: int) -> Token | None:
    """The token that the workers share."""
    row = SourceConnection.objects.filter(pk=connection_id).first()
    value: Any = row.token if row else {}
    if not value.get("value"):
        return None
    return Token(value["value"], datetime.fromisoformat(value["until"]))


def keep_token(connection_id: int, token: Token | None) -> None:
    """Share a new one; None: forget it."""
    value = {"value": token.value, "until": token.expires_at.isoformat()} if token else {}
    SourceConnection.objects.filter(pk=connection_id).update(token=value)


class SourceCaller:
    """Calls over one transport. `in_database` runs a function where queries are allowed."""

    def __init__(
        self, transport: Transport, in_database: InDatabase, now: Callable[[], datetime]
    ) -> None:
        self._transport, self._in_database, self._now = transport, in_database, now
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ask(
        self, connection: SourceConnection, make: Callable[[Api], Ask | None]
    ) -> Told | None:
        """The answer to the request that `make` makes; None when it makes none.

        Raises TryLater and NoAccess. A token that is refused is fetched anew, once.
        """
        for again in (False, True):
            token = await self._token(connection, fresh=again)
            request = make(api_of(connection, token))
            if request is None:
                return None
            told = await self._exchange(connection, request)
            if told.status != 401 or not token or again:
                return told
        raise AssertionError("unreachable")

    async def _token(self, connection: SourceConnection, fresh: bool) -> str:
        source, now = registry.source(connection.source), self._now()
        asks = source.token_ask(api_of(connection), now)
        if asks is None:
            return ""
        async with self._locks[connection.pk]:
            known: Token | None = None
            if not fresh:
                known = await self._in_database(stored_token, connection.pk)
            if known is not None and known.expires_at - EARLY > now:
                return known.value
            try:
                found = source.token(await self._exchange(connection, asks), now)
            except TokenRefused as error:
                raise NoAccess(str(error)) from None
            await self._in_database(keep_token, connection.pk, found)
            return found.value

    async def _exchange(self, connection: SourceConnection, asks: Ask) -> Told:
        request = Request(asks.method, asks.url, asks.headers, asks.body)
        own = f"{settings.SANDBOX_URL}/source-{connection.source}/"
        guard = not (connection.settings.get("sandbox") and asks.url.startswith(own))
        try:
            answer = await self._transport.exchange(
                request, settings.SEND_TIMEOUT_SECONDS, guard, ANSWER_CAP
            )
        except SendError as error:
            if error.code in ("url", "private_address"):
                raise NoAccess(error.detail) from None
            raise TryLater(f"{error.code}: {error.detail}") from None
        return Told(answer.status, answer.headers, answer.body)
