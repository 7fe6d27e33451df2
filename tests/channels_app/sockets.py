"""Raw sockets that say exactly what a test wants, and one exchange with them."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels_app.contract import (
    Request,
    Response,
)
from channels_app.failures import SendError
from channels_app.sending import Transport

Writer = asyncio.StreamWriter


@dataclass
class RawServer:
    """A socket that says exactly what a test wants, and remembers what it heard."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def raw_server(
    reply: Callable[[Writer], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Reads one request at a time and leaves the rest to `reply`."""
    server = RawServer()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        server.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ]
                body = await reader.readexactly(length[0]) if length else b""
                server.heard.append(head + body)
                await reply(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


def says(text: bytes) -> Callable[[Writer], Awaitable[None]]:
    async def reply(writer: Writer) -> None:
        writer.write(text)
        await writer.drain()

    return reply


def ok(body: bytes, head: bytes = b"") -> Callable[[Writer], Awaitable[None]]:
    length = str(len(body)).encode()
    return says(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n" + head + b"\r\n" + body)


async def silence(writer: Writer) -> None:
    await asyncio.sleep(30)


async def hang_up(writer: Writer) -> None:
    writer.transport.abort()


@asynccontextmanager
async def transport(private_ok: frozenset[str] = frozenset()) -> AsyncIterator[Transport]:
    opened = Transport(private_ok)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


def exchange(
    reply: Callable[[Writer], Awaitable[None]],
    deadline: float = 5.0,
    request: Callable[[str], Request] = lambda url: Request("POST", f"{url}/x", {}, b"hello"),
) -> tuple[Response | SendError, RawServer, float]:
    """One exchange with a server of its own: how it ended, what was heard, how long it took."""

    async def run() -> tuple[Response | SendError, RawServer, float]:
        async with raw_server(reply) as server, transport() as sender:
            began = time.monotonic()
            try:
                end: Response | SendError = await sender.exchange(request(server.url), deadline)
            except SendError as error:
                end = error
            return end, server, time.monotonic() - began

    return asyncio.run(run())


def failure(*args: Any, **kwargs: Any) -> tuple[SendError, RawServer, float]:
    end, server, took = exchange(*args, **kwargs)
    assert isinstance(end, SendError), end
    return end, server, took


def send_to(url: str, guard: bool = False, ok_hosts: frozenset[str] = frozenset()) -> SendError:
    async def run() -> SendError:
        async with transport(ok_hosts) as sender:
            with pytest.raises(SendError) as caught:
                await sender.exchange(Request("POST", url, {}, b"x"), 1.0, guard)
            return caught.value

    return asyncio.run(run())
