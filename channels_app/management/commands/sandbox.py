"""`manage.py sandbox`: the stand-in for every provider, as a process."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from channels_app.models import Channel
from channels_app.sandbox.contract import Account
from channels_app.sandbox.server import SandboxServer


def accounts_of_channels() -> dict[str, list[Account]]:
    """The channels in mode sandbox, as their stand-ins know them."""
    found: dict[str, list[Account]] = {}
    for channel in Channel.objects.filter(mode=Channel.Mode.SANDBOX).order_by("pk"):
        credentials: Any = channel.credentials
        found.setdefault(channel.provider, []).append(Account(channel.callback_url, credentials))
    return found


class Command(BaseCommand):
    """Serve until interrupted."""

    help = "Stands in for every provider: records messages, answers, posts receipts back."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the server."""
        try:
            accounts = accounts_of_channels()
        except DatabaseError:
            accounts = {}
            self.stderr.write("No channels can be read yet: tell me by POST /_control/accounts.")
        server = SandboxServer(options["host"], options["port"], accounts)
        self.stdout.write(f"The sandbox listens on http://{options['host']}:{options['port']}")
        try:
            server.run_forever()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
