"""Look now. Losing a ring loses nothing: the pump looks by itself every second.

`ring` only sets a flag, so that a web request never waits for a broker, not even
for one that is frozen. A thread of this process passes the rings on, at most
one in `QUIET` seconds, and leaves a broker that fails alone for a while.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings

log = logging.getLogger(__name__)

QUIET = 0.25  # seconds between two rings: the pump lingers longer than that
AFTER_FAILURE = 10.0  # seconds

_rung = threading.Event()
_lock = threading.Lock()
_thread: threading.Thread | None = None
_local: Callable[[], None] | None = None
_broker: Callable[[], None] | None = None


def ring() -> None:
    """Something is due. Never blocks, never raises."""
    wake_here()
    if _local is None and settings.CELERY_BROKER_URL and _broker is not None:
        _rung.set()
        _ensure_thread()


def wake_here() -> None:
    """Wake the pump of this process, if it has one."""
    if _local is not None:
        _local()


def listen(wake: Callable[[], None]) -> None:
    """A pump runs in this process: ring it directly."""
    global _local
    _local = wake


def through(send: Callable[[], None]) -> None:
    """How to ring the workers (set once, by `notifications.tasks`)."""
    global _broker
    _broker = send


def _ensure_thread() -> None:
    global _thread
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_pass_on, name="doorbell", daemon=True)
            _thread.start()


def _pass_on() -> None:
    while True:
        _rung.wait()
        _rung.clear()
        time.sleep(_ring_broker())


def _ring_broker() -> float:
    """Ring once; how long to be quiet afterwards."""
    try:
        if _broker is not None:
            _broker()
    except Exception as error:
        name = type(error).__name__
        log.warning("the broker cannot be reached (%s): the workers look by themselves", name)
        return AFTER_FAILURE
    return QUIET
