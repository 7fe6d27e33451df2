"""Bodies that only point at an order: the order is asked for at its source, then understood.

The rows wait in the inbox as `fetching`. One answer serves all rows that ask for the same.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from notifications import doorbell, incidents
from notifications.incidents import Trouble
from notifications.models import IncidentKind
from notifications.source_calls import SourceCaller, api_of
from notifications.words.alerts import alert_words
from orders import registry
from orders.claiming import claim, database_now
from orders.contract import Api, Ask, NoAccess, SourceError, TokenRefused, TryLater
from orders.models import InboundEvent, SourceConnection
from orders.normalising import where

log = logging.getLogger(__name__)
State = InboundEvent.State
AT_ONCE = 24
LEASE_SECONDS = 60
LONGEST_WAIT = timedelta(minutes=15)
NO_ACCESS_WAIT = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(days=2)
InDatabase = Callable[..., Awaitable[Any]]
Rows = Sequence[InboundEvent]


@dataclass(frozen=True, slots=True)
class Pointer:
    """Inbox rows of one connection that point at the same thing."""

    connection: SourceConnection
    rows: tuple[InboundEvent, ...]

    @property
    def ids(self) -> list[int]:
        """Of the rows."""
        return [row.pk for row in self.rows]


def take(now: datetime) -> list[Pointer]:
    """Rows that wait for their source's answer, leased to us, those that ask alike together."""
    rows = claim(
        "orders_inboundevent",
        f"state = 'fetching' AND due_at <= %s AND (lease_until IS NULL OR lease_until < "
        f"{database_now()})",
        "id",
        AT_ONCE,
        {"lease_until": database_now(LEASE_SECONDS), "attempts": "attempts + 1"},
        params=[now],
    )
    if not rows:
        return []
    events = InboundEvent.objects.select_related("connection__brand", "connection__store")
    alike: dict[object, list[InboundEvent]] = defaultdict(list)
    for row in events.filter(pk__in=[pk for (pk,) in rows]).order_by("id"):
        alike[_what(row)].append(row)
    return [Pointer(some[0].connection, tuple(some)) for some in alike.values()]


def _what(row: InboundEvent) -> object:
    """What a row asks for; by itself when that cannot be said without a token."""
    try:
        asks = registry.source(row.connection.source).ask(
            row.topic, row.headers, bytes(row.body), api_of(row.connection, "a token")
        )
    except Exception:
        return row.pk
    return (row.connection_id, asks.method, asks.url, asks.body) if asks else row.pk


def _asks(row: InboundEvent, api: Api) -> Ask | None:
    source = registry.source(row.connection.source)
    return source.ask(row.topic, row.headers, bytes(row.body), api)


async def fetch(
    pointer: Pointer, caller: SourceCaller, in_database: InDatabase, now: datetime
) -> None:
    """Ask, and write down what came of it."""
    row = pointer.rows[-1]
    source = registry.source(row.connection.source)
    try:
        told = await caller.ask(pointer.connection, partial(_asks, row))
        bodies = {
            one.pk: b"" if told is None else source.fetched(one.topic, bytes(one.body), told)
            for one in pointer.rows
        }
    except TryLater as error:
        await in_database(later, pointer, str(error), error.seconds, now)
    except TokenRefused as error:
        await in_database(later, pointer, str(error), 1.0, now)
    except NoAccess as error:
        await in_database(no_access, pointer, str(error), now)
    except SourceError as error:
        await in_database(fail, pointer, str(error), now)
    except Exception as error:
        log.error("an answer of %s could not be read: %s", source.slug, where(error))
        why = f"The answer of the source could not be read ({type(error).__name__}). Replay it."
        await in_database(fail, pointer, why, now)
    else:
        await in_database(keep, pointer, bodies, now)


def keep(pointer: Pointer, bodies: Mapping[int, bytes], now: datetime) -> None:
    """The answer is stored beside the body that pointed at it, and understood next."""
    for pk, body in bodies.items():
        InboundEvent.objects.filter(pk=pk, state=State.FETCHING).update(
            state=State.RECEIVED, fetched=body, error="", lease_until=None, due_at=now, attempts=0
        )
    connection = pointer.connection
    incidents.resolve(connection.brand_id, _about(connection), "The source answers again.", now)
    doorbell.ring()


def later(pointer: Pointer, why: str, seconds: float | None, now: datetime) -> None:
    """Asked again, each time a little later; after two days a person looks."""
    for row in pointer.rows:
        if now - row.received_at > GIVE_UP_AFTER:
            fail(Pointer(pointer.connection, (row,)), why, now)
            continue
        jitter = 1 + secrets.randbelow(250) / 1000
        wait = timedelta(seconds=seconds or 2 ** min(row.attempts, 10) * jitter)
        InboundEvent.objects.filter(pk=row.pk, state=State.FETCHING).update(
            error=why[:500], lease_until=None, due_at=now + min(wait, LONGEST_WAIT)
        )


def no_access(pointer: Pointer, why: str, now: datetime) -> None:
    """Nothing is lost: it is asked again, and staff hear that the source refuses us."""
    later(pointer, why, NO_ACCESS_WAIT.total_seconds(), now)
    connection = pointer.connection
    words = alert_words(connection.brand.language)
    incidents.raise_incident(
        Trouble(
            brand_id=connection.brand_id,
            kind=IncidentKind.SILENT,
            about=_about(connection),
            title=words.no_access.format(source=connection.name),
            detail=why,
            next_act=words.no_access_act,
            store_id=connection.store_id,
            connection_id=connection.pk,
        ),
        now,
    )


def fail(pointer: Pointer, why: str, now: datetime) -> None:
    """It stays in the inbox with the reason, and can be replayed."""
    InboundEvent.objects.filter(pk__in=pointer.ids, state=State.FETCHING).update(
        state=State.FAILED, error=why[:2000], lease_until=None, processed_at=now
    )


def _about(connection: SourceConnection) -> str:
    return f"no-access:{connection.pk}"
