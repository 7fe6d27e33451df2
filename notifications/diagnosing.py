"""What `manage.py doctor` looks at: each finding says what is so, and what to do next."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import kombu
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from channels_app import admin as channel_forms
from channels_app import registry
from channels_app.models import Channel
from notifications import health
from orders.api.events import CONNECTION_NAME
from orders.models import Brand, SourceConnection

SWEEP_MAY_BE = timedelta(seconds=60)
PATIENCE = 3  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `todo` is empty when all is well."""

    what: str
    state: str
    todo: str = ""


Look = Callable[[datetime], Iterator[Finding]]


def diagnose(now: datetime) -> Iterator[Finding]:
    """Everything, in the order in which to repair it. Stops early without a usable database.

    What holds secrets is looked at only when they can be read.
    """
    found = [*database(now)]
    yield from found
    if any(finding.todo for finding in found):
        return
    found = [*keys(now)]
    yield from found
    readable = not any(finding.todo for finding in found)
    looks = (
        (broker, sweep, channels, sandbox, connections) if readable else (broker, sweep, sandbox)
    )
    for look in looks:
        yield from look(now)


def database(now: datetime) -> Iterator[Finding]:
    """Whether it answers, and has all tables."""
    where = f"{connection.vendor} {connection.settings_dict['NAME']}"
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseFailure as error:
        line = str(error).strip().splitlines()[0]
        yield Finding("database", f"{where}: {line}", "start it, or correct DATABASE_URL")
        return
    yield Finding("database", f"{where} answers")
    todo = "run `manage.py migrate`" if plan else ""
    yield Finding("migrations", f"{len(plan)} pending" if plan else "all applied", todo)


def keys(now: datetime) -> Iterator[Finding]:
    """Whether the stored secrets can be read with CREDENTIAL_KEYS."""
    try:
        for model, column in ((Channel, "credentials"), (SourceConnection, "secrets")):
            for _value in model._default_manager.values_list(column, flat=True).iterator():
                pass
    except ImproperlyConfigured as error:
        yield Finding("keys", "a stored secret cannot be read", str(error))
        return
    origin = "from the environment" if settings.SECRETS_FROM_ENVIRONMENT else "kept beside the data"
    yield Finding("keys", f"read all stored secrets; {origin}")


def broker(now: datetime) -> Iterator[Finding]:
    """Whether the doorbell can ring. Without one the pump looks by itself."""
    url = settings.CELERY_BROKER_URL
    if not url:
        yield Finding("broker", "none set: the pump of `up` or `dispatcher` does all the work")
        return
    try:
        with kombu.Connection(url, connect_timeout=PATIENCE) as link:
            link.ensure_connection(max_retries=1, timeout=PATIENCE)
            yield Finding("broker", f"{link.as_uri()} answers")
    except Exception as error:  # each transport has errors of its own
        todo = "start it, or correct CELERY_BROKER_URL; meanwhile messages go out by the sweep"
        yield Finding("broker", f"does not answer ({type(error).__name__})", todo)


def sweep(now: datetime) -> Iterator[Finding]:
    """Whether anybody sends."""
    last = health.last_sweep()
    start = "start `manage.py up`, `manage.py dispatcher`, or a Celery worker and beat"
    if last is None:
        yield Finding("pump", "has never run", start)
    elif now - last > SWEEP_MAY_BE:
        yield Finding("pump", f"last ran at {last:%Y-%m-%d %H:%M:%S} UTC", start)
    else:
        yield Finding("pump", f"ran {max(0, (now - last).seconds)} s ago")


def channels(now: datetime) -> Iterator[Finding]:
    """Whether each enabled channel has credentials that its provider accepts, and may send."""
    names = dict(Brand.objects.values_list("pk", "slug"))
    for channel in Channel.objects.filter(enabled=True).order_by("brand_id", "slug"):
        what = f"channel {names.get(channel.brand_id, channel.brand_id)}/{channel.slug}"
        yield _channel(what, channel, now)
    if not Channel.objects.filter(enabled=True).exists():
        yield Finding("channels", "none is enabled", "add one in the admin or by apply_config")


def _channel(what: str, channel: Channel, now: datetime) -> Finding:
    if channel.provider not in registry.slugs():
        todo = "install it, or disable the channel"
        return Finding(what, f"its provider {channel.provider!r} is not here", todo)
    errors = channel_forms.check(channel.provider, channel.credentials).errors
    if errors:
        todo = f"correct {', '.join(errors)} in the admin"
        return Finding(what, f"{channel.provider}: credentials are not complete", todo)
    if channel.paused_until and channel.paused_until > now:
        todo = "repair it at the provider, then choose Resume in the admin"
        return Finding(what, f"paused: {channel.paused_why or 'no reason noted'}", todo)
    return Finding(what, f"{channel.provider}, {channel.mode}")


def sandbox(now: datetime) -> Iterator[Finding]:
    """Whether the stand-in answers, when an enabled channel uses it."""
    if not Channel.objects.filter(enabled=True, mode=Channel.Mode.SANDBOX).exists():
        return
    parts = urlsplit(settings.SANDBOX_URL)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=PATIENCE).close()
    except OSError:
        todo = f"run `manage.py sandbox --port {port}` or `manage.py up`, or set the channels live"
        yield Finding("sandbox", f"{settings.SANDBOX_URL} does not answer", todo)
        return
    yield Finding("sandbox", f"{settings.SANDBOX_URL} answers")


def connections(now: datetime) -> Iterator[Finding]:
    """Whether each enabled connection has a secret to check signatures with."""
    rows = SourceConnection.objects.filter(enabled=True).select_related("brand")
    for row in rows.order_by("brand__slug", "name"):
        what = f"connection {row.brand.slug}/{row.name}"
        if row.source == "generic" and row.name == CONNECTION_NAME and not row.secrets:
            yield Finding(what, f"{row.source}, {row.mode}; orders come in by the API with a token")
        elif row.valid_secrets(now):
            yield Finding(what, f"{row.source}, {row.mode}; {row.refused_count} refused so far")
        else:
            yield Finding(what, "has no valid secret", "choose Rotate secret in the admin")
