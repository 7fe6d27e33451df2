"""Tokens that providers hand out for a while (OAuth): fetched once, shared by all workers.

One worker fetches, under a lock in the database; the others wait for what it stores. A
token that a provider refuses is forgotten everywhere, and the send tried once more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from channels_app.contract import Access, Provider
from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelAccess
from channels_app.sending import Transport, fetch_token, token_request

EARLY = timedelta(seconds=60)  # before its end a token is replaced
FETCHING = timedelta(seconds=20)  # after so long whoever fetched has died
LOOK_EVERY = 0.2  # seconds, while another worker fetches
InDatabase = Callable[..., Awaitable[Any]]


def stored(channel_id: int) -> Access | None:
    """The token that is known to all workers."""
    row = ChannelAccess.objects.filter(channel_id=channel_id, expires_at__isnull=False).first()
    value: Any = row.value if row else {}
    if row is None or row.expires_at is None or not value.get("token"):
        return None
    return Access(value["token"], row.expires_at, value.get("data", {}))


def claim(channel_id: int, now: datetime) -> bool:
    """Whether it is ours to fetch a new one."""
    ChannelAccess.objects.bulk_create([ChannelAccess(channel_id=channel_id)], ignore_conflicts=True)
    nobody = Q(fetching_until__isnull=True) | Q(fetching_until__lt=now)
    rows = ChannelAccess.objects.filter(nobody, channel_id=channel_id)
    return bool(rows.update(fetching_until=now + FETCHING))


def keep(channel_id: int, access: Access | None) -> None:
    """Share what was fetched; None: it could not be, somebody else may try."""
    changes: dict[str, Any] = {"fetching_until": None}
    if access is not None:
        changes |= {
            "value": {"token": access.token, "data": dict(access.data)},
            "expires_at": access.expires_at,
        }
    ChannelAccess.objects.filter(channel_id=channel_id).update(**changes)


def forget(channel_id: int, token: str) -> None:
    """The provider refuses `token`: nobody uses it again. A newer one stays."""
    known = stored(channel_id)
    if known is not None and known.token == token:
        ChannelAccess.objects.filter(channel_id=channel_id).update(expires_at=None, value={})


def is_needed(provider: Provider) -> bool:
    """Whether this kind of provider hands out tokens at all."""
    return type(provider).token_request is not Provider.token_request


class Tokens:
    """Puts a good token into a channel's provider before it composes a request."""

    def __init__(
        self,
        transport: Transport,
        in_database: InDatabase,
        now: Callable[[], datetime],
        deadline: float,
    ) -> None:
        self._transport, self._in_database = transport, in_database
        self._now, self._deadline = now, deadline
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ready(self, channel: Channel) -> None:
        """Return when `channel.speaker` has a token, if it needs one; raises SendError."""
        provider = channel.speaker
        if not is_needed(provider) or self._is_good(provider.access):
            return
        if token_request(provider, self._now()) is None:
            return  # these credentials need none
        async with self._locks[channel.pk]:
            if not self._is_good(provider.access):
                provider.access = await self._shared(channel)

    async def refused(self, channel: Channel) -> None:
        """The provider did not take the token."""
        access, channel.speaker.access = channel.speaker.access, None
        if access is not None:
            await self._in_database(forget, channel.pk, access.token)

    def _is_good(self, access: Access | None) -> bool:
        return access is not None and access.expires_at - EARLY > self._now()

    async def _shared(self, channel: Channel) -> Access:
        """The stored one, else a new one; while another worker fetches it, its."""
        waited = 0.0
        while waited < self._deadline:
            known: Access | None = await self._in_database(stored, channel.pk)
            if known is not None and self._is_good(known):
                return known
            if await self._in_database(claim, channel.pk, self._now()):
                return await self._fetch(channel)
            await asyncio.sleep(LOOK_EVERY)
            waited += LOOK_EVERY
        raise SendError(FailureKind.TRANSIENT, "token", "Another worker is fetching the token.")

    async def _fetch(self, channel: Channel) -> Access:
        found: Access | None = None
        try:
            found = await fetch_token(self._transport, channel.speaker, self._now(), self._deadline)
        except SendError as error:
            if error.kind is FailureKind.UNKNOWN:  # no message was lost with it
                raise SendError(FailureKind.TRANSIENT, error.code, error.detail) from None
            raise
        finally:
            await self._in_database(keep, channel.pk, found)
        if found is None:
            raise SendError(FailureKind.MISCONFIGURED, "token", "There is no token to be had.")
        return found
