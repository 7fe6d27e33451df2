"""Which deliveries to take, and from which channels; and one row at a time where many may fail."""

import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection

from channels_app.models import Channel
from notifications import library
from notifications.models import Delivery
from orders.claiming import claim, database_now
from orders.normalising import where

log = logging.getLogger(__name__)


def channels_with_work(now: datetime) -> list[Channel]:
    """Channels that have something due: two index probes each, one query.

    Urgent and other deliveries are asked for apart: so the index ends where they are not due yet.
    """
    due = (
        "EXISTS (SELECT 1 FROM notifications_delivery d WHERE d.channel_id = c.id"
        " AND d.state = 'queued' AND d.urgent = %s AND d.due_at <= %s)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.id FROM channels_app_channel c WHERE {due} OR {due}",  # noqa: S608
            [True, now, False, now],
        )
        found = [pk for (pk,) in cursor.fetchall()]
    channels = [one_of_many(_usable, pk) for pk in found]
    return [channel for channel in channels if channel is not None]


def _usable(channel_id: int) -> Channel:
    """The channel; raises when its provider or its credentials cannot be read."""
    channel = library.channel(channel_id)
    _provider = channel.speaker
    return channel


def one_of_many(work: Callable[..., Any], *args: Any) -> Any:
    """What `work` returns; None, and a line in the log, when it fails: the others go on."""
    try:
        return work(*args)
    except OperationalError:
        raise
    except Exception as error:
        log.error("%s failed: %s", getattr(work, "__name__", "a chore"), where(error))
        return None


def claim_deliveries(channel_id: int, room: int, now: datetime) -> list[int]:
    """Take up to `room` due deliveries of a channel: urgent ones first, then the oldest."""
    ids = _claim_some(channel_id, True, room, now)
    if len(ids) < room:
        ids += _claim_some(channel_id, False, room - len(ids), now)
    return ids


def _claim_some(channel_id: int, urgent: bool, room: int, now: datetime) -> list[int]:
    rows = claim(
        "notifications_delivery",
        "state = 'queued' AND channel_id = %s AND urgent = %s AND due_at <= %s",
        "due_at, id",
        room,
        {
            "state": "'sending'",
            "lease_until": database_now(settings.LEASE_SECONDS),
            "lease_token": "%s",
            "claimed_at": "%s",
            "claims": "claims + 1",
        },
        params=[channel_id, urgent, now],
        update_params=[secrets.token_hex(8), now],
    )
    return [pk for (pk,) in rows]


def put_back(ids: Sequence[int]) -> None:
    """Claimed here, and certainly not sent: due again at once, if it can still be said."""
    connection.close_if_unusable_or_obsolete()
    with contextlib.suppress(DatabaseError):
        Delivery.objects.filter(id__in=ids, state=Delivery.State.SENDING).update(
            state=Delivery.State.QUEUED, lease_until=None
        )
