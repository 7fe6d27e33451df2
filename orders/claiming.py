"""Rows that several processes work on: each is taken by one, for a while, by the database's clock.

One UPDATE ... RETURNING. PostgreSQL skips what another has locked; SQLite has a
single writer (`transaction_mode` IMMEDIATE), so the statement alone is enough:
there `select_for_update(skip_locked=True)` would lock nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection


def database_now(seconds: int = 0) -> str:
    """SQL for the database's clock, `seconds` from now."""
    if connection.vendor == "postgresql":
        return f"(now() + interval '{int(seconds)} seconds')"
    # The same text form in which Django stores times, so that they compare.
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now', '{int(seconds):+d} seconds')"


def claim(
    table: str,
    where: str,
    order_by: str,
    limit: int,
    updates: Mapping[str, str],
    params: Sequence[Any] = (),
    update_params: Sequence[Any] = (),
    returning: str = "id",
) -> list[tuple[Any, ...]]:
    """Take up to `limit` rows of `table` that satisfy `where`; their `returning` columns.

    `updates` maps columns to SQL. All SQL comes from our own code; values go in
    `params` (of `where`) and `update_params` (of `updates`).
    """
    sets = ", ".join(f"{column} = {sql}" for column, sql in updates.items())
    chosen = f"SELECT id FROM {table} WHERE {where} ORDER BY {order_by} LIMIT {int(limit)}"  # noqa: S608
    if connection.vendor == "postgresql":
        # An array is computed once. A plain IN may be computed again for every row of the
        # table, each time with other rows: that would take more than the limit.
        picked = f"= ANY(ARRAY({chosen} FOR UPDATE SKIP LOCKED))"
    else:
        picked = f"IN ({chosen})"
    sql = f"UPDATE {table} SET {sets} WHERE id {picked} RETURNING {returning}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*update_params, *params])
        return cursor.fetchall()


def set_each(table: str, column: str, cast: str, values: Sequence[tuple[int, Any]]) -> None:
    """Give each row of `table` its own value of `column`, in one statement.

    `values` are (id, value); `cast` is the column's SQL type.
    """
    if not values:
        return
    rows = ", ".join(["(%s, %s)"] * len(values))
    sql = (
        f"UPDATE {table} SET {column} = CAST(v.column2 AS {cast}) FROM (VALUES {rows}) AS v "  # noqa: S608
        f"WHERE {table}.id = CAST(v.column1 AS bigint)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [part for pair in values for part in pair])
