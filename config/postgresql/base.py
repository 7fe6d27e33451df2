"""The backend itself; Django finds it by this file's name."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class PreparedCursor(psycopg.Cursor[Any]):
    """Sends values beside the statement, and keeps the statement prepared."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """As psycopg's own, always prepared."""
        return super().execute(query, params, **{**options, "prepare": True})


class DatabaseWrapper(base.DatabaseWrapper):
    """Django asks `SELECT 1` before the first query of every request; we look at the socket.

    A server that went away has closed its end, which makes the socket readable. That
    costs a microsecond instead of a round trip. Whenever there is something to read, or
    an error came before, the question is asked after all.
    """

    def is_usable(self) -> bool:
        """Whether the kept connection can still be used."""
        if self.connection is None or self.errors_occurred:
            return super().is_usable()
        try:
            socket = self.connection.fileno()
        except psycopg.Error:
            return False
        poll = select.poll()
        poll.register(socket, select.POLLIN | select.POLLERR | select.POLLHUP)
        return super().is_usable() if poll.poll(0) else True

    def prepared_cursor(self) -> Any:
        """A cursor for the few statements that run for every request: read and planned once."""
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(PreparedCursor(self.connection))  # type: ignore[attr-defined]
