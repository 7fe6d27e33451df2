"""The one INSERT behind every webhook: a row per event that is not there yet.

Only the columns that a new row has are sent; the rest have defaults in the database.
A model instance for each row, and a statement that PostgreSQL reads anew for each
request, cost more than the storing itself (measured).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection as database
from django.db import transaction

from orders.models import InboundEvent

Key = tuple[int, str]  # connection, event key
ROWS_PER_INSERT = 500
PREPARED_ROWS = 16  # statements for up to that many rows are kept prepared


class NewEvent(NamedTuple):
    """What a new row holds, in the order of its columns; `headers` is JSON."""

    connection_id: int
    event_key: str
    body: bytes
    due_at: datetime
    received_at: datetime
    topic: str = ""
    headers: str = "{}"
    mode: str = "live"


_TABLE = InboundEvent._meta
_COLUMNS = NewEvent._fields  # a foreign key's column has the name of its attribute


def json_text(headers: Mapping[str, str]) -> str:
    """`headers` as the column takes them."""
    return json.dumps(headers, ensure_ascii=False)


def insert_new(rows: Sequence[NewEvent]) -> dict[Key, int]:
    """INSERT ... ON CONFLICT DO NOTHING RETURNING: key -> id of the rows that were new."""
    if len(rows) <= ROWS_PER_INSERT:
        return _insert(rows) if rows else {}
    new: dict[Key, int] = {}
    with transaction.atomic():
        for start in range(0, len(rows), ROWS_PER_INSERT):
            new |= _insert(rows[start : start + ROWS_PER_INSERT])
    return new


def _insert(rows: Sequence[NewEvent]) -> dict[Key, int]:
    sql = _statement(len(rows), database.vendor)
    values = [_adapted(value) for row in rows for value in row]
    with _cursor(len(rows)) as cursor:
        cursor.execute(sql, values)
        return {(owner, key): pk for owner, key, pk in cursor.fetchall()}


def _cursor(rows: int) -> Any:
    if database.vendor == "postgresql" and rows <= PREPARED_ROWS:
        return database.prepared_cursor()  # type: ignore[attr-defined]
    return database.cursor()


def _adapted(value: Any) -> Any:
    """SQLite has no column type for times."""
    return database.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


@lru_cache(maxsize=64)
def _statement(rows: int, vendor: str) -> str:
    quote = database.ops.quote_name
    columns = ", ".join(quote(column) for column in _COLUMNS)
    marks = f"({', '.join(['%s'] * len(_COLUMNS))})"
    # Only names of our own columns are put into the text; every value is a parameter.
    return (
        f"INSERT INTO {quote(_TABLE.db_table)} ({columns}) "  # noqa: S608
        f"VALUES {', '.join([marks] * rows)} ON CONFLICT DO NOTHING "
        "RETURNING connection_id, event_key, id"
    )
