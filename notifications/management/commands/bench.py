"""`manage.py bench`: the speed ratios, measured on this machine."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Hands over to `python -m tests.bench`, which measures the product from outside."""

    help = "Measure sending and intake beside what one would write instead. See also --help."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass every argument on, --help too."""
        try:
            sys.exit(_bench(argv[2:]))
        except CommandError as error:
            self.stderr.write(str(error))
            sys.exit(1)

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure with the defaults, when another program calls."""
        if status := _bench(args):
            raise CommandError(f"The bench ended with status {status}.")


def _bench(arguments: Sequence[str]) -> int:
    """Run it; its exit status."""
    if not (settings.BASE_DIR / "tests" / "bench").is_dir():
        raise CommandError(
            "The bench lives in tests/bench, and this installation has no tests. "
            "Run `make bench` in a clone of the repository."
        )
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, check=False).returncode  # noqa: S603
