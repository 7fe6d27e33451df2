"""`manage.py apply_config FILE`: make the installation be as a file says."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.config_file import ConfigError, apply


class Command(BaseCommand):
    """Applies a configuration file, and prints what changes."""

    help = (
        "Apply a configuration file (YAML; - reads standard input). Prints a line for each thing: "
        "+ created, ~ changed, = as it was. What the file does not name stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and whether to try only."""
        parser.add_argument("file")
        parser.add_argument("--dry-run", action="store_true", help="change nothing, only print")

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply, print, count."""
        name = options["file"]
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            result = apply(text, name, os.environ, dry_run=options["dry_run"])
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{name} cannot be read: {error}") from None
        except ConfigError as error:
            raise CommandError(f"{error}\nNothing was changed.") from None
        for line in result.lines:
            self.stdout.write(line)
        self.stdout.write(result.summary)
