"""`manage.py up`: the whole product with one command, on whatever database is configured."""

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from notifications.demo import seeding

THREADS = 4


class Command(BaseCommand):
    """Migrate, seed the demo unless DEMO=0, and serve pages, API and pump in one process."""

    help = "Run everything here: pages, API, pump; and unless DEMO=0 a restaurant to look at."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """HOST, PORT and DEMO of the environment are the defaults."""
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, then become the server."""
        host, port = options["host"], options["port"]
        demo = os.environ.get("DEMO", "1") != "0"
        _must_be_free(host, port)
        call_command("migrate", interactive=False, verbosity=0)
        here = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
        environment = {**os.environ, "ORDERBELL_DEMO": "1" if demo else "0"}
        environment.setdefault("PUBLIC_BASE_URL", here)
        # Each thread would otherwise keep a heap of its own.
        environment.setdefault("MALLOC_ARENA_MAX", "2")
        if demo:
            sandbox = f"http://127.0.0.1:{_free_port(port + 1)}"
            environment["SANDBOX_URL"] = sandbox
            content = seeding.seed(settings.DATA_DIR, here, sandbox)
            self._welcome(here, content)
        else:
            self.stdout.write(f"Orderbell answers on {here}. Add a user: manage.py createsuperuser")
        self.stdout.flush()
        os.execve(sys.executable, _server(host, port), environment)  # noqa: S606

    def _welcome(self, here: str, content: dict[str, Any]) -> None:
        staff = content["staff"]
        self.stdout.write(
            f"\nOrderbell answers on {here}\n"
            f"  log in as  {staff['username']}\n"
            f"  password   {staff['password']}\n"
            f"  phones     {here}/dashboard/phones/\n"
            f"  for scripts: {settings.DATA_DIR / 'demo.json'}\n"
        )


def _server(host: str, port: int) -> list[str]:
    """Granian with one worker: the embedded application runs the pump beside the pages."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", "1", "--blocking-threads", str(THREADS), "--backlog", "1024",
        "--log-level", "warning", "--respawn-failed-workers", "config.embedded:application",
    ]  # fmt: skip


def _must_be_free(host: str, port: int) -> None:
    if not _is_free(host, port):
        raise CommandError(
            f"Port {port} is taken. Stop what listens there, or choose another: make run PORT=8010"
        )


def _free_port(wanted: int) -> int:
    """`wanted`, or one that the system chooses when it is taken."""
    if _is_free("127.0.0.1", wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
