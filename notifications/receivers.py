"""Who listens to the domain signal: only the doorbell."""

from typing import Any

from notifications import doorbell, tasks
from orders.signals import inbound_stored, order_status_changed


def wake(sender: Any, **kwargs: Any) -> None:
    """Something changed: look now."""
    doorbell.ring()


def connect() -> None:
    """Called once, when the apps are ready; the tasks must be known to ring with."""
    doorbell.through(tasks.ring_workers)
    for signal in (inbound_stored, order_status_changed):
        signal.connect(wake, dispatch_uid="notifications.wake")
