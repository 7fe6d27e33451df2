"""F13-F19, F21, F22: providers fail, stall, lie, and come back."""

import asyncio
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests import services
from tests.drills.house import CACHED_FOR, SEND_TIMEOUT_SECONDS, Drill, House, size
from tests.drills.records import Records

pytestmark = [
    pytest.mark.services,
    pytest.mark.usefixtures("unpaused"),
    pytest.mark.xdist_group("drills_provider"),
]


@pytest.fixture(scope="module")
def home(houses: Callable) -> Iterator[House]:
    """A shop that tells its customers only: by text message, or else by email."""
    with houses() as made:
        made.execute(
            "UPDATE notifications_rule SET active = false WHERE slug <> 'customer-updates'",
            "UPDATE notifications_rule SET confirm_minutes = 30 WHERE active",
        )
        made.product.web()
        made.dispatcher()
        yield made


def requests(home: House, provider: str) -> int:
    """How many requests the stand-in of `provider` has had."""
    return int(home.product.sandbox.stats().get(provider, {}).get("requests", 0))


def tried(drill: Drill, ending: str) -> int:
    """How many attempts of this drill ended so."""
    return drill.house.product.number(
        "SELECT count(*) FROM notifications_attempt a"
        " JOIN notifications_delivery d ON d.id = a.delivery_id"
        f" WHERE a.ending = '{ending}' AND d.notification_id > {drill.since.notification}"
    )


def nobody_twice(found: Records) -> None:
    """Nothing explains a repeat here."""
    assert all(len(found.taken_of(one)) <= 1 for one in found.deliveries)


def test_f13_provider_answers_500(drill: Drill):
    """Twilio's end answers 500 to everything for a while."""
    home, numbers = drill.house, drill.house.source.fresh(size(8, 60))
    home.product.sandbox.set_fault("twilio", "status", status=500)
    home.source.at_once(numbers, 4)
    started = time.monotonic()
    services.wait_until(lambda: tried(drill, "transient") >= len(numbers))
    time.sleep(size(1, 30))
    asked, lasted = requests(home, "twilio"), time.monotonic() - started
    home.product.sandbox.faults.clear()
    drill.over()
    found = drill.finish(len(numbers), 90)
    nobody_twice(found)
    drill.keep(found, f"{asked} requests to it in {lasted:.0f} s of {len(numbers)} messages")


def test_f14_provider_says_429(drill: Drill):
    """Twilio's end answers 429 and Retry-After: 3 to the first requests."""
    home, numbers = drill.house, drill.house.source.fresh(size(6, 60))
    home.product.sandbox.set_fault("twilio", "status", status=429, retry_after=3, count=3)
    home.source.at_once(numbers, 4)
    drill.over_at = time.time()
    found = drill.finish(len(numbers), 60)
    nobody_twice(found)
    waits = home.product.ask(
        "SELECT min(b.started_at - a.started_at) FROM notifications_attempt a"
        " JOIN notifications_attempt b ON b.delivery_id = a.delivery_id AND b.id > a.id"
        " JOIN notifications_delivery d ON d.id = a.delivery_id WHERE a.ending = 'throttled'"
        f" AND d.notification_id > {drill.since.notification}"
    )
    early = waits[0][0].total_seconds() < 2.8
    assert not early
    assert tried(drill, "throttled") >= 1
    drill.keep(found, f"sooner than told: 0; first again after {waits[0][0].total_seconds():.1f} s")


def test_f15_connection_and_reading_time_out(drill: Drill):
    """The line to all providers freezes: connections open, nothing passes; then it thaws."""
    home, numbers = drill.house, drill.house.source.fresh(size(8, 100))
    home.provider.get_into("freeze")
    home.source.at_once(numbers, 4)
    services.wait_until(lambda: tried(drill, "unknown") >= 1)
    longest = home.product.number("SELECT max(milliseconds) FROM notifications_attempt")
    drill.over()
    found = drill.finish(len(numbers), 90)
    drill.keep(found, f"longest call {longest / 1000:.1f} s of {SEND_TIMEOUT_SECONDS:g} s allowed")


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One byte of an answer at a time."""
    await reader.readuntil(b"\r\n\r\n")
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b" " * 4000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers that never end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


def test_f16_answers_drip_and_headers_never_end(drill: Drill):
    """Answers come a byte at a time, then headers without end; then the provider is itself."""
    home = drill.house
    numbers = []
    for talk in (drip, endless):
        home.provider.get_into("talk", talk=talk)
        before = tried(drill, "unknown") + tried(drill, "transient")
        numbers += home.source.orders(size(3, 30))
        services.wait_until(
            lambda before=before: tried(drill, "unknown") + tried(drill, "transient") > before
        )
    longest = home.product.number("SELECT max(milliseconds) FROM notifications_attempt")
    assert longest < (SEND_TIMEOUT_SECONDS + 1) * 1000
    drill.over()
    found = drill.finish(len(numbers), 90)
    drill.keep(found, f"longest call {longest / 1000:.1f} s of {SEND_TIMEOUT_SECONDS:g} s allowed")


BODIES = (
    b"",
    b"<html>It works!</html>",
    b"{",
    b"[]",
    b"null",
    b'{"sid": null, "status": "queued"}',
    b'{"ok": true}',
    b"\xff\xfe\x00",
)


def test_f17_garbage_answered_with_200(drill: Drill):
    """200 with HTML, broken JSON, nothing, or no message id, and nothing taken."""
    home, numbers, bodies = drill.house, drill.house.source.fresh(size(4, 40)), iter(BODIES * 9999)

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = next(bodies)
        kind = b"text/html" if b"<" in body else b"application/json"
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (kind, len(body), body)
        )
        await writer.drain()

    home.provider.get_into("talk", talk=garbage)
    home.source.at_once(numbers, 4)
    services.wait_until(lambda: tried(drill, "unknown") >= len(numbers))
    assert tried(drill, "accepted") == 0
    drill.over()
    found = drill.finish(len(numbers), 60)
    nobody_twice(found)
    drill.keep(found, "taken for sent without an id: 0 (Twilio)")


def test_f18_huge_answer(drill: Drill):
    """Answers without end at full speed; the memory of the dispatcher is watched."""
    home, numbers = drill.house, drill.house.source.fresh(size(4, 40))
    chunk = b"x" * 65536

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        for _chunk in range(15_000):
            writer.write(chunk)
            await writer.drain()

    memory = psutil.Process(home.running[0].popen.pid).memory_info
    before = memory().rss
    home.provider.get_into("talk", talk=huge)
    home.source.at_once(numbers, 4)
    services.wait_until(lambda: tried(drill, "unknown") >= len(numbers))
    grown = max(0, memory().rss - before) / 2**20
    drill.over()
    found = drill.finish(len(numbers), 60)
    nobody_twice(found)
    assert grown < 64
    drill.keep(found, f"memory grew by {grown:.0f} MB")


def test_f19_redirects_are_not_followed(drill: Drill):
    """Twilio's end redirects to another host; nobody follows."""
    home, numbers = drill.house, drill.house.source.fresh(size(4, 20))
    home.product.sandbox.set_fault("twilio", "redirect")
    home.source.at_once(numbers, 4)
    services.wait_until(lambda: tried(drill, "misconfigured") >= 1)
    drill.settled(len(numbers))
    home.product.sandbox.faults.clear()
    drill.over()
    found = drill.finish(len(numbers))
    nobody_twice(found)
    # The stand-in named its own address, which nobody else calls but by way of the proxy.
    assert ("127.0.0.1", home.product.sandbox.port) not in found.connections
    drill.keep(found, "email took over; the channel is paused with the reason")


def test_f21_key_revoked(drill: Drill):
    """Twilio's end answers 401; the channel pauses, email takes over."""
    home, numbers = drill.house, drill.house.source.fresh(size(6, 60))
    home.product.sandbox.set_fault("twilio", "status", status=401)
    first, rest = numbers[:2], numbers[2:]
    home.source.at_once(first, 1)
    services.wait_until(lambda: tried(drill, "misconfigured") >= 1)
    asked = requests(home, "twilio")
    time.sleep(CACHED_FOR)
    home.source.at_once(rest, 4)
    drill.settled(len(numbers))
    hammered = requests(home, "twilio") - asked
    assert hammered <= len(first)
    home.product.sandbox.faults.clear()
    drill.over()
    found = drill.finish(len(numbers))
    nobody_twice(found)
    drill.keep(found, f"{hammered} requests while paused; email told them")


def test_f22_accepted_and_no_receipt_ever(drill: Drill):
    """Twilio's end accepts and never reports; the rule waits half an hour for proof."""
    home, numbers = drill.house, drill.house.source.fresh(size(4, 20))
    home.source.at_once(numbers, 4)
    drill.settled(len(numbers))
    assert not emails(home)
    home.execute(  # half an hour passes
        "UPDATE notifications_delivery SET confirm_by = confirm_by - interval '30 minutes',"
        " sent_at = sent_at - interval '30 minutes'"
        f" WHERE notification_id > {drill.since.notification}"
    )
    drill.over()
    services.wait_until(lambda: emails(home) >= len(numbers))
    time.sleep(2)  # another sweep or two: they find nothing more to do
    assert emails(home) == len(numbers)
    found = drill.read()
    assert all(len(found.taken_of(one)) == 1 for one in found.deliveries)
    drill.keep(found, "email took over once for each")


def emails(home: House) -> int:
    """How many emails were taken in this drill."""
    return len(home.product.sandbox.messages("sendgrid"))
