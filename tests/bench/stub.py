"""A stand-in for an SMS provider: takes any POST, answers like one after a while.

`python -m tests.bench.stub PORT [MILLISECONDS [throttled]]`: `throttled` answers 429.
GET /stats says how many came and when the first and the last one did, /fresh when each
came that is not of a crowd, /reset forgets them.
It speaks just enough HTTP/1.1 to cost next to nothing.
"""

import asyncio
import json
import sys
import time
from itertools import count
from typing import cast

try:
    import uvloop
except ImportError:  # it is only faster
    uvloop = None

ANSWER = {
    "account_sid": "AC" + "b" * 32,
    "api_version": "2010-04-01",
    "body": "",
    "date_created": "Sat, 21 Nov 2026 12:00:00 +0000",
    "date_sent": None,
    "date_updated": "Sat, 21 Nov 2026 12:00:00 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": "+12025550100",
    "messaging_service_sid": None,
    "num_media": "0",
    "num_segments": "1",
    "price": None,
    "price_unit": "USD",
    "sid": "SM%s",
    "status": "queued",
    "subresource_uris": {},
    "to": "+12025550143",
    "uri": "/2010-04-01/Accounts/AC/Messages/SM.json",
}
SID_DIGITS = 32
CROWD = b"2125550199"  # the number to which a backlog goes that only keeps the product busy


def _http(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Stub:
    """What arrived, and the answer to the next one."""

    def __init__(self, seconds: float, throttled: bool = False) -> None:
        self.seconds, self.throttled = seconds, throttled
        self.arrivals: list[float] = []
        self.fresh: list[float] = []
        self.connections = 0
        blank = json.dumps(ANSWER).encode().replace(b"%s", b"x" * SID_DIGITS)
        self._before, self._after = _http("201 Created", blank).split(b"x" * SID_DIGITS)
        self._numbers = count(1)

    def answer(self) -> bytes:
        """A 201 with an id that nobody had before; or the word that it is too much."""
        if self.throttled:
            return _http("429 Too Many Requests\r\nRetry-After: 1", b"{}")
        return self._before + b"%032x" % next(self._numbers) + self._after

    def control(self, path: bytes) -> bytes:
        """The answer to a GET."""
        if path.startswith(b"/fresh"):
            return _http("200 OK", json.dumps(self.fresh).encode())
        stats = {
            "count": len(self.arrivals),
            "connections": self.connections,
            "first": self.arrivals[0] if self.arrivals else 0.0,
            "last": self.arrivals[-1] if self.arrivals else 0.0,
        }
        if path.startswith(b"/reset"):
            self.arrivals.clear()
            self.fresh.clear()
            self.connections = 0
        return _http("200 OK", json.dumps(stats).encode())


class Wire(asyncio.Protocol):
    """One connection."""

    def __init__(self, stub: Stub, loop: asyncio.AbstractEventLoop) -> None:
        self._stub, self._loop, self._waiting = stub, loop, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self._stub.connections += 1

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(self._waiting[:end])
            if len(self._waiting) < whole:
                return
            head, body = self._waiting[:end], self._waiting[end + 4 : whole]
            self._waiting = self._waiting[whole:]
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._transport.write(self._stub.control(head.split(b" ", 2)[1]))
            return
        self._stub.arrivals.append(time.monotonic())
        if CROWD not in body:
            self._stub.fresh.append(self._stub.arrivals[-1])
        if self._stub.seconds:
            self._loop.call_later(self._stub.seconds, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._stub.answer())


def _length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def main() -> None:
    """Listen until killed."""
    port = int(sys.argv[1])
    seconds = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0
    stub = Stub(seconds, sys.argv[3:] == ["throttled"])
    loop = uvloop.new_event_loop() if uvloop else asyncio.new_event_loop()
    listening = loop.create_server(lambda: Wire(stub, loop), "127.0.0.1", port, backlog=1024)
    loop.run_until_complete(listening)
    loop.run_forever()


if __name__ == "__main__":
    main()
