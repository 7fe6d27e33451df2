"""A kept connection is looked at cheaply, and a dead one is still noticed."""

import environ
import psycopg
import pytest
from django.db import DataError, connections

from config.postgresql.base import DatabaseWrapper

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def kept(postgres_url: str) -> DatabaseWrapper:
    """A connection between two requests, as Django keeps it."""
    options = {**connections["default"].settings_dict, **environ.Env.db_url_config(postgres_url)}
    options |= {"OPTIONS": {}, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    wrapper = DatabaseWrapper(options, "kept")
    wrapper.inc_thread_sharing()
    wrapper.connect()
    return wrapper


def ask(kept: DatabaseWrapper) -> int:
    """The server process that answers this request."""
    kept.close_if_unusable_or_obsolete()  # what Django does between two requests
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_connection_that_lives_is_kept(kept: DatabaseWrapper) -> None:
    try:
        assert ask(kept) == ask(kept)
    finally:
        kept.close()


def test_a_connection_that_the_server_closed_is_made_anew(
    kept: DatabaseWrapper, postgres_url: str
) -> None:
    first = ask(kept)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    try:
        assert ask(kept) != first
    finally:
        kept.close()


def test_a_prepared_cursor_reports_errors_as_django_does(kept: DatabaseWrapper) -> None:
    try:
        with kept.prepared_cursor() as cursor:
            cursor.execute("SELECT %s::int + 1", [41])
            assert cursor.fetchone() == (42,)
            with pytest.raises(DataError):
                cursor.execute("SELECT 1/0")
    finally:
        kept.close()
