"""A load generator: `python -m tests.bench.load` reads a job as JSON, prints what came of it.

Every request is written and signed before the clock starts, and is unique, so that
the generator costs as little as it can on the machine that it shares with the server.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

try:
    import uvloop
except ImportError:  # it is only faster
    uvloop = None

NOW = datetime.now(UTC).isoformat(timespec="seconds")
LINE_ITEM = {"id": 9001, "name": "Margherita", "quantity": 2, "current_quantity": 2, "sku": "M"}


def body(number: int) -> bytes:
    """An order as Shopify posts it, about 600 bytes."""
    order = {
        "id": 5_000_000_000_000 + number,
        "name": f"#{number}",
        "test": False,
        "created_at": NOW,
        "updated_at": NOW,
        "financial_status": "paid",
        "fulfillment_status": None,
        "confirmed": True,
        "currency": "USD",
        "total_price": "21.50",
        "customer_locale": "en",
        "phone": f"+1202{2_000_000 + number % 5_000_000:07d}",
        "customer": {"id": 77_000 + number, "first_name": "Ada", "last_name": "Lovelace"},
        "shipping_lines": [{"title": "Pickup", "code": "Pickup", "source": "shopify"}],
        "line_items": [LINE_ITEM],
        "fulfillments": [],
        "refunds": [],
    }
    return json.dumps(order).encode()


def request(path: str, port: int, secret: str, number: int, run: str) -> bytes:
    """One signed POST, as bytes."""
    raw = body(number)
    signature = base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Content-Type: application/json",
        "User-Agent: Shopify-Captain-Hook",
        "X-Shopify-Topic: orders/create",
        "X-Shopify-Shop-Domain: trattoria.example",
        f"X-Shopify-Event-Id: {run}-{number}",
        f"X-Shopify-Hmac-Sha256: {signature}",
        f"Content-Length: {len(raw)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + raw


class Caller(asyncio.Protocol):
    """One connection: sends the next request when the last one is answered."""

    def __init__(self, job: "Job") -> None:
        self._job, self._waiting = job, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self._next()

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        if not _whole(self._waiting):
            return
        self._job.note(self._waiting[9:12], time.perf_counter() - self._sent)
        self._waiting = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._job.gone()

    def _next(self) -> None:
        call = self._job.take()
        if call is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(call)


def _whole(answer: bytes) -> bool:
    """Whether all of an answer is there. Nothing follows it: each call waits for its answer."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:  # in chunks; the last one is empty
        return answer.endswith(b"0\r\n\r\n")
    return len(answer) >= end + 4 + int(head[at + 17 :].split(b"\r\n", 1)[0])


class Job:
    """All requests of one window, and how they were answered."""

    def __init__(self, calls: list[bytes], seconds: float) -> None:
        self._calls: Iterator[bytes] = iter(calls)
        self._end = time.perf_counter() + seconds
        self.times: list[float] = []
        self.good = self.bad = 0
        self._open = 0
        self.over = asyncio.Event()

    def take(self) -> bytes | None:
        """The next request; None when the time or the requests are over."""
        return next(self._calls, None) if time.perf_counter() < self._end else None

    def note(self, status: bytes, seconds: float) -> None:
        """An answer."""
        self.times.append(seconds)
        if status.startswith(b"2"):
            self.good += 1
        else:
            self.bad += 1

    def gone(self) -> None:
        """A connection ended."""
        self._open -= 1
        if self._open == 0:
            self.over.set()

    async def run(self, port: int, connections: int) -> float:
        """Drive all connections to the end; the seconds that it took."""
        loop = asyncio.get_running_loop()
        self._open = connections
        started = time.perf_counter()
        for _ in range(connections):
            await loop.create_connection(lambda: Caller(self), "127.0.0.1", port)
        await self.over.wait()
        return time.perf_counter() - started


async def measure(order: dict[str, Any]) -> dict[str, Any]:
    """Warm the server up, then measure."""
    run = uuid.uuid4().hex
    port, warm, most = order["port"], order["warm"], order["most"]
    first = order.get("first", 0)
    calls = [
        request(order["path"], port, order["secret"], number, run)
        for number in range(first, first + most + warm)
    ]
    before = Job(calls[:warm], 10)
    await before.run(port, order["connections"])
    job = Job(calls[warm:], order["seconds"])
    took = await job.run(port, order["connections"])
    times = sorted(job.times)
    return {
        "good": job.good,
        "bad": job.bad + before.bad,
        "stored": job.good + before.good,
        "rate": job.good / took,
        "p99_ms": times[int(len(times) * 0.99)] * 1000 if times else 0.0,
    }


def main() -> None:
    """Read, measure, print."""
    order = json.load(sys.stdin)
    run = uvloop.run if uvloop else asyncio.run
    print(json.dumps(run(measure(order))))


if __name__ == "__main__":
    main()
