"""The whole product in one process: pages, pump, chores, and in the demo the sandbox and lunch.

Served by one granian worker of `manage.py up`.
"""

import importlib
import os
import threading

from config.wsgi import application

__all__ = ["application"]

_stop = threading.Event()


def _start() -> None:
    """Start the threads. Their modules need Django set up, which importing `application` did."""
    if os.environ.get("ORDERBELL_DEMO") == "1":
        importlib.import_module("notifications.demo.serving").start(_stop)
    importlib.import_module("notifications.running").start()
    importlib.import_module("notifications.chores").run_in_thread(_stop)


_start()
