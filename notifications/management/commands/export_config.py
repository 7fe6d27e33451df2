"""`manage.py export_config`: the installation as a file."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications.config_export import export
from orders.models import Brand


class Command(BaseCommand):
    """Prints brands as a configuration file; secrets appear as names of variables only."""

    help = "Print a configuration file that makes the same brands elsewhere. It holds no secret."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which brand."""
        parser.add_argument("--brand", help="the slug of one brand; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        brands = Brand.objects.order_by("slug")
        if options["brand"]:
            brands = brands.filter(slug=options["brand"])
            if not brands:
                known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none"
                raise CommandError(f"No brand is called {options['brand']!r}; there are: {known}.")
        self.stdout.write(export(brands)[0], ending="")
