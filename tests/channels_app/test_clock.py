"""Times that a message carries."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from channels_app.wire.clock import moment, seconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAMP = NOW.timestamp()


@pytest.mark.parametrize(
    "value",
    [STAMP, int(STAMP), str(STAMP), f" {int(STAMP)} ", NOW, NOW.replace(tzinfo=None),
     NOW.isoformat(), "2026-11-21T12:00:00Z", "2026-11-21T12:00:00", "2026-11-21T14:00:00+02:00"],
)  # fmt: skip
def test_a_time_is_read_in_every_form(value: Any) -> None:
    with time_machine.travel(0):
        assert seconds(value) == STAMP


@pytest.mark.parametrize("value", [None, "", "soon", "NaN", True, {}, []])
def test_without_a_time_the_clock_is_asked(value: Any) -> None:
    with time_machine.travel(NOW, tick=False):
        assert seconds(value) == STAMP


@pytest.mark.parametrize("value", [None, "", "soon", 5, ["2026-11-21"], "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(value: Any) -> None:
    assert moment(value) is None
    assert moment("2026-11-21T14:00:00+02:00") == moment("2026-11-21T12:00:00") == NOW
