"""Quiet hours end at an allowed moment, also on the days when the clock changes."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consents import quiet

ZONES = (
    "America/New_York",
    "Europe/Madrid",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Santiago",
    "UTC",
)
# Days around which clocks change in some of the zones; Apia skipped 30 December 2011 as a whole.
CHANGES = (
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2027, 3, 14, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2026, 9, 6, tzinfo=UTC),
    datetime(2011, 12, 30, tzinfo=UTC),
)
NEW_YORK = "America/New_York"


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.integers(-36 * 60, 36 * 60),
    st.integers(0, 95),
    st.integers(0, 95),
    st.sampled_from(ZONES),
)
def test_a_wait_ends_at_the_first_allowed_moment_and_not_before(
    day: datetime, minutes: int, start_quarter: int, end_quarter: int, zone: str
) -> None:
    now = day + timedelta(minutes=minutes)
    start, end = (time(q // 4, q % 4 * 15) for q in (start_quarter, end_quarter))

    until = quiet.ends_at(now, start, end, zone)

    if until is None:
        assert not quiet.is_quiet(now, start, end, zone)
        return
    assert now < until
    assert not quiet.is_quiet(until, start, end, zone)
    assert until - now < timedelta(hours=50)
    # Nothing allowed was passed over, but for the hour that a change of the clock may swallow.
    step = now
    while step < until - timedelta(minutes=61):
        assert quiet.is_quiet(step, start, end, zone)
        step += timedelta(minutes=5)


def test_the_hour_that_happens_twice_is_quiet_twice() -> None:
    first = datetime(2026, 11, 1, 5, 15, tzinfo=UTC)  # 01:15, summer time
    second = datetime(2026, 11, 1, 6, 15, tzinfo=UTC)  # 01:15 again, winter time
    ends = (time(22), time(1, 30))

    assert quiet.ends_at(first, *ends, NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert quiet.ends_at(second, *ends, NEW_YORK) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_an_end_in_the_hour_that_never_happens_falls_after_it() -> None:
    now = datetime(2027, 3, 14, 6, 0, tzinfo=UTC)  # 01:00; at 02:00 it becomes 03:00

    until = quiet.ends_at(now, time(22), time(2, 30), NEW_YORK)

    assert until == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)  # 03:30


@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (time(22), None), (None, time(7)), (time(7), time(7))]
)
def test_without_two_different_ends_there_is_no_quiet(start: time | None, end: time | None) -> None:
    assert quiet.ends_at(datetime(2026, 3, 3, 3, tzinfo=UTC), start, end, NEW_YORK) is None


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "America", "../etc/passwd", "x" * 300])
def test_a_zone_that_does_not_exist_counts_as_utc(zone: str) -> None:
    now = datetime(2026, 3, 3, 23, tzinfo=UTC)

    until = quiet.ends_at(now, time(22), time(7), zone)

    assert until == datetime(2026, 3, 4, 7, tzinfo=UTC)


def test_an_end_that_the_clock_leaps_over_is_the_moment_of_the_leap() -> None:
    """02:15 does not exist on that night; at 03:00 there is a quarter of an hour without quiet."""
    now = datetime(2027, 3, 14, 0, 0, tzinfo=UTC)
    until = quiet.ends_at(now, time(3, 15), time(2, 15), "America/New_York")
    assert until == datetime(2027, 3, 14, 7, 0, tzinfo=UTC)
