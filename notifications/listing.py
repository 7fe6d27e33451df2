"""Orders that a source lists: those we missed, and the history of a shop that has just come.

What is listed goes the same way as what is posted: stored in the inbox under its key, so that a
repeat is recognised, then understood. A customer is never told of what is too old to be news,
and never of history.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from channels_app.sending import Transport
from notifications.source_calls import SourceCaller
from orders import intake, registry
from orders.contract import Ask, OrderSource, Page, SourceError
from orders.models import SourceConnection
from orders.normalising import where

log = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=15)  # clocks differ, and a source may list late
FIRST_LOOK = timedelta(hours=24)
MOST_PAGES = 40  # in one go; the cursor is kept, so the next go continues
Progress = dict[str, Any]


def list_sources(now: datetime) -> int:
    """Orders that sources changed and we did not hear of; history that is being imported."""
    if not due():
        return 0

    async def in_database(function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(database, function, *args)

    with ThreadPoolExecutor(1, "list-sources") as database:
        try:
            return asyncio.run(reconcile_all(in_database, lambda: now))
        finally:
            database.submit(connection.close)


def due() -> list[SourceConnection]:
    """Live connections whose source lists orders, and imports that are under way."""
    rows = SourceConnection.objects.filter(enabled=True).exclude(credentials="")
    return [row for row in rows.select_related("brand", "store") if row.credentials and _lists(row)]


def _lists(connection: SourceConnection) -> bool:
    try:
        source = registry.source(connection.source)
    except LookupError:
        return False
    return type(source).list_ask is not OrderSource.list_ask


async def reconcile(
    connection: SourceConnection,
    caller: SourceCaller,
    in_database: Callable[..., Awaitable[Any]],
    now: datetime,
) -> int:
    """List what changed since the last time, page by page; how many events were new."""
    importing = connection.mode == SourceConnection.Mode.IMPORT
    since = _since(connection, now, importing)
    cursor, new, begun = connection.list_cursor, 0, now
    for _page in range(MOST_PAGES):
        page = await _page_of(connection, caller, since, cursor)
        if page is None:
            break
        new += await in_database(_store, connection, page, now)
        cursor = page.next
        await in_database(_note, connection.pk, since, begun, cursor, len(page.items), importing)
        if not cursor:
            break
    return new


def _since(connection: SourceConnection, now: datetime, importing: bool) -> datetime:
    """Where the list begins. While a cursor is kept it must stay the same."""
    progress: Progress = connection.settings.get("listing", {})
    if connection.list_cursor and progress.get("since"):
        return datetime.fromisoformat(progress["since"])
    if importing:
        days = int(connection.settings.get("import_days", 60))
        return connection.listed_until or now - timedelta(days=days)
    return (connection.listed_until or now - FIRST_LOOK) - OVERLAP


async def _page_of(
    connection: SourceConnection, caller: SourceCaller, since: datetime, cursor: str
) -> Page | None:
    source = registry.source(connection.source)

    def make(api: Any) -> Ask | None:
        return source.list_ask(since, cursor, api)

    told = await caller.ask(connection, make)
    return None if told is None else source.listed(told)


def _store(connection: SourceConnection, page: Page, now: datetime) -> int:
    """New rows in the inbox; bodies that we know already are recognised by their key."""
    items = [item for item in page.items if item.body is not None]
    return len(intake.store(connection, items, {}, b"", now, connection.mode)) if items else 0


@transaction.atomic  # a page may change other settings of the connection at the same time
def _note(
    connection_id: int, since: datetime, begun: datetime, cursor: str, count: int, importing: bool
) -> None:
    """How far it came; at the end of the list, up to when all is known."""
    row = SourceConnection.objects.select_for_update().get(pk=connection_id)
    progress: Progress = dict(row.settings.get("listing", {}))
    total = int(progress.get("count", 0)) + count
    row.settings = {
        **row.settings,
        "listing": {"since": since.isoformat(), "count": total, "done": not cursor},
    }
    row.list_cursor = cursor[:500]
    if not cursor:
        row.listed_until = begun
        row.settings["listing"]["count"] = 0 if not importing else total
    row.save(update_fields=["settings", "list_cursor", "listed_until"])


async def reconcile_all(
    in_database: Callable[..., Awaitable[Any]], now: Callable[[], datetime]
) -> int:
    """Every connection, one after the other; one that cannot be listed does not stop the others."""
    new = 0
    transport = Transport(frozenset(settings.PRIVATE_HOSTS_ALLOWED))
    await transport.open()
    try:
        caller = SourceCaller(transport, in_database, now)
        for connection in await in_database(due):
            try:
                new += await reconcile(connection, caller, in_database, now())
            except SourceError as error:
                await in_database(partial(_trouble, connection.pk, str(error)))
            except Exception as error:
                log.error("connection %s could not be listed: %s", connection.pk, where(error))
    finally:
        await transport.close()
    return new


@transaction.atomic
def _trouble(connection_id: int, why: str) -> None:
    """The health page says why the list could not be read."""
    row = SourceConnection.objects.select_for_update().get(pk=connection_id)
    progress = dict(row.settings.get("listing", {}))
    row.settings = {**row.settings, "listing": {**progress, "error": why[:300]}}
    row.save(update_fields=["settings"])
