"""Loaded by every Python process of a drill, through PYTHONPATH.

CONNECTIONS_LOG names a file for the addresses that it connects to, a line each.
CLOCK_WRONG_BY sets its wall clock wrong by so many seconds, and SIGUSR1 and SIGUSR2 set it
an hour back and forth; the clock that measures time goes on undisturbed.
"""

import datetime
import os
import signal
import sys

_BOOK = os.environ.get("CONNECTIONS_LOG")
_WRONG = os.environ.get("CLOCK_WRONG_BY")


def _watch(event: str, arguments: tuple) -> None:
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host, port = arguments[1][:2]
    book = os.open(_BOOK, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(book, f"{host} {port}\n".encode())
    os.close(book)


def _set_clock(wrong_by: float) -> None:
    import time_machine  # noqa: PLC0415 - only where a clock is wrong

    now = datetime.datetime.now(datetime.UTC)
    clock = time_machine.travel(now + datetime.timedelta(seconds=wrong_by), tick=True).start()
    signal.signal(signal.SIGUSR1, lambda *_: clock.shift(-3600))
    signal.signal(signal.SIGUSR2, lambda *_: clock.shift(3600))


if _BOOK:
    sys.addaudithook(_watch)
if _WRONG:
    _set_clock(float(_WRONG))
