"""A TCP proxy on loopback that gets into trouble on demand. Stands before anything that listens.

In a thread and a loop of its own; `get_into` and `recover` may be called from any thread.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNK = 64 * 1024
MODES = ("latency", "bandwidth", "freeze", "drop", "mute", "reset", "refuse", "talk")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the line.

    latency    every chunk comes `amount` seconds late, either way
    bandwidth  `amount` bytes a second, either way
    freeze     bytes are held back, either way, and go on when it is over
    drop       bytes are swallowed, either way, and the connection stays open
    mute       requests pass, answers are swallowed
    reset      every connection is torn down, new ones at once
    refuse     nobody listens
    talk       `talk` answers in the place of whoever is behind
    """

    mode: str = ""
    amount: float = 0.0
    talk: Talk | None = None


class FaultProxy:
    """Forwards `port` to `target_port` of loopback; with `tls` it is the end of the encryption."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        self._trouble = Trouble()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        self._await(self._listen())
        return self

    def __exit__(self, *_error: object) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _end(self) -> None:
        await self._shut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # --- trouble, from any thread ---

    def get_into(self, mode: str, amount: float = 0.0, talk: Talk | None = None) -> None:
        """Be in trouble from now on; see `Trouble`."""
        if mode not in MODES:
            raise ValueError(f"`mode` is one of {', '.join(MODES)}.")
        self._await(self._change(Trouble(mode, amount, talk)))

    def recover(self) -> None:
        """Forward as if nothing had been. Connections that trouble spoilt are gone."""
        self._await(self._change(Trouble()))

    def cut(self) -> None:
        """Tear down every connection once."""
        self._await(self._reset_all())

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _change(self, trouble: Trouble) -> None:
        before, self._trouble = self._trouble, trouble
        spoilt = before.mode in ("drop", "mute", "talk") or trouble.mode in ("reset", "refuse")
        if spoilt or trouble.mode == "talk":
            await self._reset_all()
        if trouble.mode == "refuse":
            await self._shut()
        elif self._server is None:
            await self._listen()

    # --- the line ---

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, reuse_address=True, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset_all()

    async def _reset_all(self) -> None:
        for writer in tuple(self._writers):
            _reset(writer)
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._trouble.mode == "reset":
            _reset(writer)
            return
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self._trouble.talk is not None:
                await self._trouble.talk(reader, writer)
            else:
                await self._forward(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        self._writers.add(back)
        try:
            await asyncio.gather(self._pipe(reader, back, False), self._pipe(there, writer, True))
        finally:
            self._writers.discard(back)
            back.close()

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(CHUNK):
                if await self._passes(chunk, answers):
                    sink.write(chunk)
                    await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.write_eof()

    async def _passes(self, chunk: bytes, answers: bool) -> bool:
        """Wait as the trouble wants it; whether the chunk goes on at all."""
        while self._trouble.mode == "freeze":
            await asyncio.sleep(0.01)
        trouble = self._trouble
        if trouble.mode == "latency":
            await asyncio.sleep(trouble.amount)
        elif trouble.mode == "bandwidth":
            await asyncio.sleep(len(chunk) / trouble.amount)
        return not (trouble.mode == "drop" or (trouble.mode == "mute" and answers))


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection the hard way: whoever reads next hears of it at once."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
