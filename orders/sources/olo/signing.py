"""Olo's signature: over the address, the body, the message's id and its time in ticks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orders.contract import BadSignature, Raw
from orders.parsing import text
from orders.signatures import Scheme, header, verify

MESSAGE_ID = ("x-olo-message-id",)
TIMESTAMP = ("x-olo-timestamp",)
SCHEME = Scheme(
    headers=("x-olo-signature",),
    template="{url}\n{body}\n{id}\n{timestamp}",
    timestamp_headers=TIMESTAMP,
    id_headers=MESSAGE_ID,
)
# Olo tries again for a day; a second try may or may not get a new time.
OLDEST, AHEAD = timedelta(hours=25), timedelta(minutes=5)
TICKS_PER_MICROSECOND = 10


def check(raw: Raw, secrets: Sequence[str]) -> None:
    """Raise BadSignature unless Olo signed `raw`, for this address, not too long ago."""
    address = text(raw.settings.get("destination_url"), 500)
    verify(SCHEME, replace(raw, url=address) if address else raw, secrets)
    sent = from_ticks(header(raw, TIMESTAMP))
    now = raw.received_at or datetime.now(UTC)
    if sent is None or not -AHEAD <= now - sent <= OLDEST:
        raise BadSignature("The time of sending is missing, unreadable or too far from now.")


def from_ticks(ticks: str) -> datetime | None:
    """A time written as tenths of a microsecond since the year 1."""
    if not re.fullmatch(r"[0-9]{1,19}", ticks):
        return None
    try:
        since = timedelta(microseconds=int(ticks) // TICKS_PER_MICROSECOND)
        return datetime(1, 1, 1, tzinfo=UTC) + since
    except OverflowError:
        return None
