"""Who listens to signals: the doorbell, and the breaker of a channel that was put right."""

from collections.abc import Collection
from typing import Any

from django.db.models.signals import post_save
from django.utils import timezone

from channels_app.models import Channel
from notifications import breaker, doorbell, tasks
from orders.signals import inbound_stored, order_status_changed


def wake(sender: Any, **kwargs: Any) -> None:
    """Something changed: look now."""
    doorbell.ring()


def channel_saved(
    instance: Channel,
    created: bool,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    """Its credentials may be right now: in the admin, by a configuration file, or otherwise."""
    if created or raw or (update_fields is not None and "credentials" not in update_fields):
        return
    breaker.try_now(instance, "Its settings were saved.", timezone.now())


def connect() -> None:
    """Called once, when the apps are ready; the tasks must be known to ring with."""
    doorbell.through(tasks.ring_workers)
    for signal in (inbound_stored, order_status_changed):
        signal.connect(wake, dispatch_uid="notifications.wake")
    post_save.connect(channel_saved, Channel, dispatch_uid="notifications.channel_saved")
