"""Let stored inbound events be understood again, for example after a mapping was corrected."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from orders import intake
from orders.models import InboundEvent, SourceConnection

BATCH = 500


class Command(BaseCommand):
    """`manage.py replay --connection NAME`: timelines are completed, and no customer is told."""

    help = (
        "Understand stored inbound events again. In the default mode `replay` timelines are "
        "corrected and no customer is messaged; --live keeps the mode that each event had."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which events, and how."""
        parser.add_argument("--connection", help="The connection's name, or brand-slug/name.")
        parser.add_argument("--since", help="Only those received since then: 2026-11-21T19:30:00Z")
        parser.add_argument("--state", choices=InboundEvent.State.values)
        parser.add_argument("--ids", nargs="+", type=int, help="Only these inbox rows.")
        parser.add_argument("--live", action="store_true", help="Customers may be messaged.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set the chosen rows back, a batch at a time."""
        rows = _chosen(options)
        done, mode = 0, None if options["live"] else "replay"
        while ids := list(rows.values_list("pk", flat=True)[:BATCH]):
            done += intake.replay(ids, mode, timezone.now())
            rows = rows.filter(pk__gt=ids[-1])
        self.stdout.write(f"{done} events will be understood again ({mode or 'as they were'}).")


def _chosen(options: dict[str, Any]) -> QuerySet[InboundEvent]:
    if not options["connection"] and not options["ids"]:
        raise CommandError("Say which events: --connection NAME, or --ids 1 2 3.")
    rows = InboundEvent.objects.order_by("pk")
    if options["connection"]:
        rows = rows.filter(connection=_connection(options["connection"]))
    if options["ids"]:
        rows = rows.filter(pk__in=options["ids"])
    if options["since"]:
        rows = rows.filter(received_at__gte=_moment(options["since"]))
    if options["state"]:
        rows = rows.filter(state=options["state"])
    return rows


def _connection(name: str) -> SourceConnection:
    brand, slash, rest = name.partition("/")
    found = list(SourceConnection.objects.filter(name=name)[:2])
    if slash and not found:
        found = list(SourceConnection.objects.filter(brand__slug=brand, name=rest)[:2])
    if not found:
        known = ", ".join(SourceConnection.objects.values_list("name", flat=True)[:20])
        raise CommandError(f"No connection is called {name!r}. There are: {known or 'none'}.")
    if len(found) > 1:
        raise CommandError(f"Several brands have a connection {name!r}: write brand-slug/{name}.")
    return found[0]


def _moment(text: str) -> datetime:
    try:
        value = parse_datetime(text)
    except ValueError:
        value = None
    if value is None or timezone.is_naive(value):
        raise CommandError("--since takes a time with its offset, as in 2026-11-21T19:30:00Z.")
    return value
