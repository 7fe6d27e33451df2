"""`manage.py doctor`: what is well, what is not, and what to do about it."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notifications.diagnosing import diagnose


class Command(BaseCommand):
    """Looks at everything that must work for a message to go out."""

    help = "Look at database, broker, keys, pump, channels and connections. Exits 1 on trouble."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each finding."""
        trouble = 0
        for finding in diagnose(timezone.now()):
            trouble += bool(finding.todo)
            mark = "!!" if finding.todo else "ok"
            advice = f" -> {finding.todo}" if finding.todo else ""
            self.stdout.write(f"{mark} {finding.what}: {finding.state}{advice}")
        if trouble:
            self.stdout.write(f"{trouble} thing(s) to repair.")
            sys.exit(1)
        self.stdout.write("All is well.")
