"""Who is on shift at a store: on the store's own clock, over midnight, when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifications.models import Destination, Shift
from notifications.values import zone
from orders.models import Store

_DAY = timedelta(days=1)


def on_shift(store: Store, now: datetime) -> list[Destination]:
    """The places that reach whoever is on shift now; each once, in the order of their slugs."""
    place = zone(store.time_zone)
    today = now.astimezone(place).date()
    days = [today - _DAY, today]
    rows = Shift.objects.filter(
        store=store,
        weekday__in=[day.weekday() for day in days],
        destination__enabled=True,
        destination__channel__enabled=True,
    ).select_related("destination__channel", "destination__brand")
    found: dict[int, Destination] = {}
    for row in rows:
        day = next(one for one in days if one.weekday() == row.weekday)
        begin, end = _span(day, row.starts, row.ends, place)
        if begin <= now < end:
            found[row.destination_id] = row.destination
    return sorted(found.values(), key=lambda one: one.slug)


def _span(day: date, starts: time, ends: time, place: ZoneInfo) -> tuple[datetime, datetime]:
    """Both ends in UTC. One that does not end after its start ends on the next day.

    An hour that clocks skip or repeat belongs to it whole: between two shifts that touch
    there is never a gap.
    """
    last = day if ends > starts else day + _DAY
    begin = [datetime.combine(day, starts, place).replace(fold=fold) for fold in (0, 1)]
    end = [datetime.combine(last, ends, place).replace(fold=fold) for fold in (0, 1)]
    return min(x.astimezone(UTC) for x in begin), max(x.astimezone(UTC) for x in end)
