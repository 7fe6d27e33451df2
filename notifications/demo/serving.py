"""The demo's moving parts, beside the product in its process: the sandbox and the lunch service."""

import json
import os
import threading
from urllib.parse import urlsplit

from django.conf import settings

from channels_app.sandbox.server import SandboxServer
from notifications.demo import lunch, secrets, seeding
from orders.sandbox import ends as source_ends


def start(stop: threading.Event) -> None:
    """Start the stand-in server, and a lunch that posts to our own front door."""
    demo = json.loads((settings.DATA_DIR / secrets.FILE).read_text())
    address = urlsplit(demo["sandbox_url"])
    server = SandboxServer(
        address.hostname or "127.0.0.1",
        address.port or 0,
        accounts=seeding.accounts(demo),
        foreign=source_ends(),
    )
    server.start_in_thread()
    if os.environ.get("DEMO_LUNCH", "1") != "0":
        lunch.start(demo, stop)
