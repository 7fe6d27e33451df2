"""What the transport refuses to call, and what it says about it."""

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.abc import ResolveResult

from channels_app.contract import (
    Request,
    Response,
)
from channels_app.failures import FailureKind
from channels_app.sending import GuardedResolver
from tests.channels_app.sockets import (
    ok,
    raw_server,
    send_to,
    transport,
)


# --- the guard ---
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
    ],
)
def test_an_address_inside_the_network_is_refused_under_guard(url: str) -> None:
    error = send_to(url, guard=True)
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "private_address")
    assert "PRIVATE_HOSTS_ALLOWED" in error.detail


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/",
        "https://partner.example:8443/",
        "https://ada:pw@partner.example/",
        "https://good.example\\@127.0.0.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f000001/",
    ],
)
def test_under_guard_a_url_is_plain_https(url: str) -> None:
    error = send_to(url, guard=True)
    assert (error.kind, error.code) == (FailureKind.RECIPIENT_INVALID, "url")


def test_a_name_that_leads_inside_is_refused_even_when_only_one_address_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def both(self: Any, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host=found, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for found in ("93.184.216.34", "192.168.0.7")
        ]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", both)
    error = send_to("https://partner.example/hook", guard=True)
    assert error.code == "private_address"

    async def allowed() -> int:
        return len(await GuardedResolver(frozenset({"partner.example"})).resolve("partner.example"))

    assert asyncio.run(allowed()) == 2


def test_a_private_host_that_the_operator_allows_is_called_under_guard() -> None:
    async def run() -> Response:
        async with raw_server(ok(b"{}")) as server, transport(frozenset({"127.0.0.1"})) as sender:
            return await sender.exchange(Request("POST", f"{server.url}/", {}, b"x"), 2, guard=True)

    assert asyncio.run(run()).status == 200
