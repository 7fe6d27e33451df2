"""Celery's part: it rings, and it keeps the beat. No task carries a message."""

from celery import shared_task
from django.utils import timezone

from notifications import chores, doorbell


@shared_task(ignore_result=True, expires=30, max_retries=0)
def drain() -> None:
    """Look now."""
    doorbell.wake_here()


@shared_task(ignore_result=True, expires=30, max_retries=0)
def chore(name: str) -> None:
    """Run a chore by its name; two beats do no harm."""
    chores.run(name, timezone.now())


def ring_workers() -> None:
    """Ask some worker to look now. May raise whatever the broker raises."""
    drain.apply_async()
