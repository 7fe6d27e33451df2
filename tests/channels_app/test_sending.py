"""The transport against real sockets: what certainly was not sent, and what may have been."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from channels_app.contract import (
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError
from channels_app.sending import BODY_CAP, Transport
from tests.channels_app.sockets import (
    RawServer,
    Writer,
    exchange,
    failure,
    hang_up,
    ok,
    raw_server,
    says,
    send_to,
    silence,
    transport,
)


# --- what leaves ---
def test_the_request_leaves_as_described() -> None:
    request = lambda url: Request(  # noqa: E731
        "POST", f"{url}/a%2Fb?To=%2B1&DateSent%3E=2026", {"X-Mine": "yes"}, "¡Olé!".encode()
    )
    end, server, _took = exchange(ok(b'{"a":1}', b"X-Thing: One\r\n"), request=request)
    assert isinstance(end, Response)
    assert (end.status, end.body, end.headers["x-thing"]) == (200, b'{"a":1}', "One")
    head, _sep, body = server.heard[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a%2Fb?To=%2B1&DateSent%3E=2026 HTTP/1.1"
    assert b"X-Mine: yes" in lines
    assert b"User-Agent: Orderbell" in lines
    assert body == "¡Olé!".encode()


def test_one_connection_carries_many_requests_and_no_cookie_comes_along() -> None:
    async def run() -> RawServer:
        reply = ok(b"{}", b"Set-Cookie: who=ada\r\n")
        async with raw_server(reply) as server, transport() as sender:
            for _ in range(3):
                await sender.exchange(Request("GET", f"{server.url}/"), 5)
            return server

    server = asyncio.run(run())
    assert server.connections == 1
    assert len(server.heard) == 3
    assert not any(b"cookie" in request.lower() for request in server.heard)


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    end, _server, _took = exchange(ok(b"{}"))
    assert isinstance(end, Response)


def test_a_redirect_is_an_answer_and_not_a_journey() -> None:
    reply = says(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
    end, server, _took = exchange(reply)
    assert isinstance(end, Response)
    assert end.status == 302
    assert len(server.heard) == 1


# --- what is read ---
@pytest.mark.parametrize("size", [BODY_CAP - 1, BODY_CAP])
def test_a_body_up_to_the_cap_is_read_whole(size: int) -> None:
    end, _server, _took = exchange(ok(b"x" * size))
    assert isinstance(end, Response)
    assert len(end.body) == size


def test_a_huge_body_is_cut_at_the_cap_and_not_waited_for() -> None:
    async def flood(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 65536)
            await writer.drain()

    end, _server, took = exchange(flood)
    assert isinstance(end, Response)
    assert len(end.body) == BODY_CAP
    assert took < 3


def test_a_small_body_that_unpacks_into_a_huge_one_is_cut_too() -> None:
    packed = gzip.compress(b"\0" * 50_000_000)
    end, _server, took = exchange(ok(packed, b"Content-Encoding: gzip\r\n"))
    assert isinstance(end, Response)
    assert end.body == b"\0" * BODY_CAP
    assert took < 3


# --- what goes wrong ---
def test_a_silent_provider_may_have_it() -> None:
    error, server, took = failure(silence, deadline=0.3)
    assert (error.kind, error.code) == (FailureKind.UNKNOWN, "timeout")
    assert len(server.heard) == 1
    assert took < 2


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    async def drip(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    error, _server, took = failure(drip, deadline=0.4)
    assert (error.kind, error.code) == (FailureKind.UNKNOWN, "timeout")
    assert 0.3 < took < 2


@pytest.mark.parametrize(
    "reply",
    [
        hang_up,
        says(b"HTTP/1.1 200 OK\r\nContent-Le"),
        says(b"SSH-2.0-OpenSSH_9\r\n\r\n"),
    ],
    ids=["no answer", "half a head", "another protocol"],
)
def test_a_connection_that_breaks_after_the_request_may_have_carried_it(
    reply: Callable[[Writer], Awaitable[None]],
) -> None:
    async def then_close(writer: Writer) -> None:
        await reply(writer)
        writer.close()

    error, server, _took = failure(then_close)
    assert (error.kind, error.code) == (FailureKind.UNKNOWN, "disconnected")
    assert len(server.heard) == 1


def test_half_a_body_may_have_carried_it() -> None:
    async def half(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxx")
        await writer.drain()
        writer.close()

    error, _server, _took = failure(half)
    assert error.kind is FailureKind.UNKNOWN


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_nobody_listening_means_certainly_not_sent() -> None:
    error = send_to(f"http://127.0.0.1:{free_port()}/")
    assert (error.kind, error.code) == (FailureKind.TRANSIENT, "connect")


def test_an_unknown_host_means_certainly_not_sent() -> None:
    error = send_to("https://nobody.invalid/")
    assert (error.kind, error.code) == (FailureKind.TRANSIENT, "connect")


def test_a_host_that_never_takes_the_connection_means_certainly_not_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        error = send_to(f"http://127.0.0.1:{port}/")
        for filler in fillers:
            filler.close()
    assert (error.kind, error.code) == (FailureKind.TRANSIENT, "connect")


def test_a_failed_handshake_means_certainly_not_sent() -> None:
    async def run() -> tuple[SendError, RawServer]:
        async with raw_server(silence) as server, transport() as sender:
            with pytest.raises(SendError) as caught:
                await sender.exchange(
                    Request("POST", f"https://127.0.0.1:{server.port}/", {}, b"x"), 1.0
                )
            return caught.value, server

    error, server = asyncio.run(run())
    assert error.kind is FailureKind.TRANSIENT
    assert error.code in ("tls", "connect")
    assert server.heard == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def test_a_certificate_that_nobody_vouches_for_gets_no_message(tmp_path: Path) -> None:
    async def run() -> tuple[SendError, RawServer]:
        async with raw_server(ok(b"{}"), self_signed(tmp_path)) as server, transport() as sender:
            url = f"https://localhost:{server.port}/"
            with pytest.raises(SendError) as caught:
                await sender.exchange(Request("POST", url, {}, b"x"), 5)
            return caught.value, server

    error, server = asyncio.run(run())
    assert (error.kind, error.code) == (FailureKind.TRANSIENT, "tls")
    assert server.heard == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/a b", "http://127.0.0.1:9/\r\nX: y", "nonsense", "file:///etc/passwd"],
)
def test_a_url_that_cannot_be_written_is_never_called(url: str) -> None:
    error = send_to(url)
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, "url")


def test_a_header_cannot_smuggle_another() -> None:
    request = lambda url: Request("POST", f"{url}/", {"X-A": "1\r\nX-B: 2"}, b"x")  # noqa: E731
    error, server, _took = failure(ok(b"{}"), request=request)
    assert error.kind is FailureKind.CONTENT_REJECTED
    assert server.heard == []


@pytest.mark.parametrize("value", [None, 1])
def test_a_header_that_is_no_text_is_never_sent(value: Any) -> None:
    request = lambda url: Request("POST", f"{url}/", {"X-A": value}, b"x")  # noqa: E731
    error, server, _took = failure(ok(b"{}"), request=request)
    assert (error.kind, error.code) == (FailureKind.CONTENT_REJECTED, "request")
    assert server.heard == []


def test_a_body_packed_wrongly_may_have_been_taken() -> None:
    error, _server, _took = failure(ok(b"not gzip at all", b"Content-Encoding: gzip\r\n"))
    assert error.kind is FailureKind.UNKNOWN


def test_a_closed_transport_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="open"):
        asyncio.run(Transport().exchange(Request("GET", "http://127.0.0.1:9/"), 1))
