"""A pump in every Celery worker process. Loaded by workers only (CELERY_IMPORTS)."""

import contextlib
import gc

from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)
from django.db import DatabaseError, connection

from notifications import library, running


def _has_children(worker: object) -> bool:
    """Whether tasks run in child processes (prefork), which get their own pump after the fork."""
    pool = getattr(worker, "pool_cls", "prefork")
    return "prefork" in str(getattr(pool, "__module__", pool))


@worker_init.connect
def start_here(sender: object = None, **_kwargs: object) -> None:
    """Pools that stay in this process: solo, threads. Others fork from here, soon."""
    if _has_children(sender):
        _load_what_children_share()
    else:
        running.start()


def _load_what_children_share() -> None:
    """The ciphers, the database's library, the providers in use: 10 MB less in each child."""
    with contextlib.suppress(DatabaseError):  # it may be down now; the children wait for it
        for channel in library.refresh_channels():
            _ready = channel.speaker
    library.clear()
    connection.close()
    # What is loaded by now stays shared: the collector of a child does not touch it.
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def start_in_child(**_kwargs: object) -> None:
    """A fresh child of the prefork pool."""
    running.start()


@worker_process_shutdown.connect
@worker_shutdown.connect
def stop(**_kwargs: object) -> None:
    """Before the process goes: finish the calls in flight and settle them."""
    running.stop()
