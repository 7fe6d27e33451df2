"""`manage.py dispatcher`: the pump as a process of its own, without Celery."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from notifications import chores, running


class Command(BaseCommand):
    """Normalise, plan and send whatever is due, until told to stop."""

    help = "Run the pump in this process: inbox to timeline to messages. No broker needed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Start, wait for SIGTERM or SIGINT, and let what is in flight end."""
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        running.start()
        chores.run_in_thread(stop)
        self.stdout.write("The dispatcher runs. Stop it with Ctrl-C.")
        stop.wait()
        running.stop()
