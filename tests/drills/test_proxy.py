"""The proxy does to a connection what its modes say."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.drills.proxy import FaultProxy


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while data := client.recv(65536):
                client.sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _address = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[FaultProxy]:
    with FaultProxy(echo) as made:
        yield made


def call(proxy: FaultProxy, words: bytes = b"hello", wait: float = 10) -> bytes:
    """What comes back."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=wait) as line:
        line.sendall(words)
        found = b""
        while len(found) < len(words):
            more = line.recv(65536)
            if not more:
                break
            found += more
        return found


def test_without_trouble_it_forwards(proxy: FaultProxy):
    assert call(proxy, b"x" * 200_000) == b"x" * 200_000


@pytest.mark.parametrize("mode", ["freeze", "drop", "mute"])
def test_nothing_comes_back_and_after_recovery_it_does(proxy: FaultProxy, mode: str):
    proxy.get_into(mode)
    with pytest.raises(TimeoutError):
        call(proxy, wait=0.2)
    proxy.recover()
    assert call(proxy) == b"hello"


def test_frozen_bytes_go_on_when_it_thaws(proxy: FaultProxy):
    proxy.get_into("freeze")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as line:
        line.sendall(b"hello")
        proxy.recover()
        assert line.recv(5) == b"hello"


def test_reset_and_refused_connections_fail_at_once(proxy: FaultProxy):
    for mode in ("reset", "refuse"):
        proxy.get_into(mode)
        with pytest.raises(ConnectionError):
            if call(proxy) == b"":
                raise ConnectionResetError
        proxy.recover()
        assert call(proxy) == b"hello"


@pytest.mark.parametrize(
    ("mode", "amount", "words"), [("latency", 0.1, b"hello"), ("bandwidth", 100_000, b"x" * 10_000)]
)
def test_slow_lines_are_slow(proxy: FaultProxy, mode: str, amount: float, words: bytes):
    proxy.get_into(mode, amount)
    began = time.monotonic()
    assert call(proxy, words) == words
    assert time.monotonic() - began >= 0.19


def test_an_open_connection_can_be_cut(proxy: FaultProxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as line:
        line.sendall(b"hello")
        assert line.recv(5) == b"hello"
        proxy.cut()
        with pytest.raises(ConnectionError):
            if line.recv(5) == b"":
                raise ConnectionResetError


def test_an_unknown_mode_is_refused(proxy: FaultProxy):
    with pytest.raises(ValueError, match="latency"):
        proxy.get_into("sulk")
