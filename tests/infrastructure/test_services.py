"""The suite's own helpers do what the other tests rely on."""

import socket
import sys
from datetime import UTC, datetime

import psycopg
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests import services


def test_a_connection_to_the_outside_is_refused() -> None:
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError, match="only loopback"):
        probe.connect(("192.0.2.1", 80))


def test_nobody_outside_is_asked_for_a_name() -> None:
    with pytest.raises(socket.gaierror, match="look up"):
        socket.getaddrinfo("example.com", 443)


def test_loopback_may_be_reached() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


@pytest.mark.django_db
def test_the_main_database_is_one_that_the_run_made() -> None:
    assert str(connection.settings_dict["NAME"]).split("/")[-1].startswith("test")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert str(connection.settings_dict["NAME"]).startswith(str(settings.DATA_DIR))


def test_travel_stops_the_clock(travel) -> None:
    clock = travel(datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
    clock.shift(120)
    assert timezone.now() == datetime(2026, 3, 29, 1, 1, tzinfo=UTC)


@pytest.mark.services
def test_a_postgresql_database_is_empty_and_gone_afterwards() -> None:
    server, why = services.postgres()
    if not server:
        pytest.skip(f"Did not run: {why}")
    with services.postgres_database(server) as url, psycopg.connect(url) as base:
        tables = base.execute(
            "select count(*) from information_schema.tables where table_schema = 'public'"
        )
        assert tables.fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


@pytest.mark.services
def test_two_redis_databases_at_once_are_not_the_same(redis_url: str) -> None:
    with services.redis_database(services.redis_server()[0]) as other:
        assert other != redis_url
        with redis.Redis.from_url(redis_url) as first, redis.Redis.from_url(other) as second:
            first.set("a", 1)
            assert second.get("a") is None


@pytest.mark.services
def test_a_redis_of_its_own_can_be_frozen_and_stopped(own_redis) -> None:
    url, process = own_redis
    with redis.Redis.from_url(url, socket_timeout=0.2) as client:
        assert client.ping()
        process.suspend()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        process.resume()
    process.kill()
    process.wait(5)
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()


@pytest.mark.services
def test_a_rabbitmq_host_has_no_messages(amqp_url: str) -> None:
    with services.kombu.Connection(amqp_url) as broker, broker.channel() as channel:
        assert channel.queue_declare("celery", durable=True, auto_delete=False).message_count == 0


def test_a_process_is_killed_with_its_children(running) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('child', child.pid, flush=True); time.sleep(60)\n"
    )
    with running([sys.executable, "-c", script]) as process:
        process.wait_for("child ")
        child = process.tree.children()[0]
    assert process.popen.poll() is not None
    assert not child.is_running() or child.status() == "zombie"


def test_a_process_that_ends_early_shows_its_last_words(running) -> None:
    with (
        running([sys.executable, "-c", "print('no database')"]) as process,
        pytest.raises(AssertionError, match="no database"),
    ):
        process.wait_for("ready", 20)


def test_the_sandbox_answers_where_the_settings_point(sandbox, settings) -> None:
    port = int(settings.SANDBOX_URL.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET /_control/messages HTTP/1.0\r\n\r\n")
        assert b"200 OK" in client.recv(1000)
    assert sandbox.base_url == settings.SANDBOX_URL
