"""Rows that somebody else holds: waited for a moment only, so that the others go on.

PostgreSQL waits for a locked row without end unless it is told otherwise. SQLite has one
writer at a time and a limit of its own.
"""

from django.db import OperationalError, connection

LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code
A_MOMENT = 300  # milliseconds


def wait_a_moment() -> None:
    """For the rest of this transaction: give up on a lock that is not to be had soon."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {A_MOMENT}")


def is_held(error: OperationalError) -> bool:
    """Whether `error` says that somebody else holds a row."""
    return getattr(error.__cause__, "sqlstate", None) == LOCK_NOT_AVAILABLE
