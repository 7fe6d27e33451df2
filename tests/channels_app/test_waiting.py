"""Retry-After in both of its forms, and in the forms that providers make up."""

from typing import Any

import pytest

from channels_app.contract import Response
from channels_app.wire.waiting import retry_after

NOW = "2026-11-21T17:05:00Z"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("999999999", 999999999.0),
        ("Sat, 21 Nov 2026 17:05:30 GMT", 30.0),
        ("Saturday, 21-Nov-26 17:06:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 17:04:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 19:05:30 +0200", 30.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("1e400", None),
        ("Sat, 99 Nov 2026 17:05:30 GMT", None),
    ],
)
def test_the_header_is_read_or_left_alone(value: str, seconds: float | None, travel: Any):
    travel(NOW)
    assert retry_after({"retry-after": value}) == seconds


def test_a_date_is_compared_with_the_providers_own_clock(travel: Any):
    travel(NOW)
    headers = {
        "retry-after": "Sat, 21 Nov 2026 16:00:40 GMT",
        "date": "Sat, 21 Nov 2026 16:00:00 GMT",
    }
    assert Response(429, headers, b"").retry_after == 40.0
