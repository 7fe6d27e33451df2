"""`python -m tests.drills.poisoned WORD`: a Celery worker that dies of any message with WORD.

As one would that meets a row on which a library crashes the interpreter.
"""

import os
import sys
from typing import Any

import django

django.setup()

from config.celery import app  # noqa: E402 - the app needs the set-up above
from notifications import calling  # noqa: E402

WORD = sys.argv[1]
_send = calling.send


async def deadly(transport: Any, provider: Any, message: Any, deadline: float) -> Any:
    """Send, unless the message is the poison."""
    if WORD in message.text:
        os._exit(9)
    return await _send(transport, provider, message, deadline)


if __name__ == "__main__":
    calling.send = deadly
    app.worker_main(
        [
            "worker",
            "-P",
            "prefork",
            "-c",
            "2",
            "--without-gossip",
            "--without-mingle",
            *sys.argv[2:],
        ]
    )
