"""Who is on shift, on the store's clock: over midnight, and when clocks change."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from notifications.models import Destination, Shift
from notifications.shifts import on_shift
from orders.models import Store
from tests.factories import ChannelFactory, StoreFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> Store:
    """A store in New York, whose clocks go back on 1 November and forward on 14 March."""
    return StoreFactory(time_zone="America/New_York")


def shift(store: Store, name: str, weekday: int, starts: str, ends: str, **place: Any) -> None:
    channel = ChannelFactory(brand_id=store.brand_id, provider="slack")
    values = {"brand": store.brand, "slug": name, "name": name, "address": name, **place}
    Shift.objects.create(
        store=store,
        destination=Destination.objects.create(channel=channel, **values),
        weekday=weekday,
        starts=time.fromisoformat(starts),
        ends=time.fromisoformat(ends),
    )


def who(store: Store, at: datetime) -> list[str]:
    return [place.slug for place in on_shift(store, at)]


def test_from_its_start_until_before_its_end(store: Store):
    shift(store, "day", 4, "09:00", "17:00")
    # A Friday; New York is five hours behind.
    for hour, minute, expected in ((13, 59, []), (14, 0, ["day"]), (21, 59, ["day"]), (22, 0, [])):
        assert who(store, datetime(2026, 11, 20, hour, minute, tzinfo=UTC)) == expected


def test_over_midnight_it_belongs_to_the_day_on_which_it_starts(store: Store):
    shift(store, "night", 4, "22:00", "06:00")
    assert who(store, datetime(2026, 11, 21, 10, 59, tzinfo=UTC)) == ["night"]
    assert who(store, datetime(2026, 11, 21, 11, 0, tzinfo=UTC)) == []
    assert who(store, datetime(2026, 11, 20, 10, 0, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    "day", [datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 3, 14, tzinfo=UTC)]
)
@pytest.mark.parametrize("change_over", ["01:30", "02:00", "02:30"])
def test_between_two_shifts_nobody_is_missing_when_clocks_change(
    store: Store, day: datetime, change_over: str
):
    shift(store, "late", 5, "20:00", change_over)
    shift(store, "early", 6, change_over, "10:00")
    begin = day + timedelta(hours=2)
    gaps = [at for n in range(90) if not who(store, at := begin + timedelta(minutes=5 * n))]
    assert gaps == []


def test_who_is_switched_off_is_not_on_shift(store: Store):
    shift(store, "away", 4, "00:00", "00:00", enabled=False)
    shift(store, "all-day", 4, "00:00", "00:00")
    assert who(store, datetime(2026, 11, 20, 18, 0, tzinfo=UTC)) == ["all-day"]
