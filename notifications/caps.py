"""How many messages a channel may send on one UTC day: in all, and by country of the number.

Counted before a message leaves, in the row that all workers share; given back when the
provider did not take it. A worker that dies leaves its last few counted: the cap may be
reached a little early, never late.
"""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import phonenumbers
from django.db import DatabaseError, transaction
from django.db.models import F
from phonenumbers import PhoneNumberType

from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelDay
from channels_app.registry import provider_class
from notifications.context import Job
from notifications.gating import Stop
from notifications.models import Delivery
from notifications.reasons import Reason
from orders.claiming import set_each

State = Delivery.State
T = TypeVar("T")
OTHERS = "*"
# Nobody orders food for these; fraud lives of them. Never sent to where countries are capped.
_DEAR = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


class Box(NamedTuple):
    """What one message counts towards: a channel's day, in all ("") or for a country."""

    channel_id: int
    day: date
    country: str


class Counts:
    """Counts against the caps; remembers what this process counted and may have to give back."""

    def __init__(self) -> None:
        self._held: dict[int, list[Box]] = {}
        self._owed: Counter[Box] = Counter()

    def reserve(
        self, ready: Sequence[tuple[Job, T]], now: datetime
    ) -> tuple[list[tuple[Job, T]], list[tuple[Job, Stop]]]:
        """Count what is `ready`: what may leave, and what is over a cap with what becomes of it."""
        day = now.astimezone(UTC).date()
        asked = {
            job.delivery.pk: (job, _boxes(job, day)) for job, _t in ready if is_capped(job.channel)
        }
        if not asked:
            return list(ready), []
        with transaction.atomic():
            rows = _held_rows({box for _job, boxes in asked.values() for box in boxes})
            used = {box: row.count for box, row in rows.items()}
            over = [
                (job, _stop(job, full, boxes[full] or 0, now))
                for job, boxes in asked.values()
                if (full := _count(boxes, used)) is not None
            ]
            changed = [(row.pk, used[box]) for box, row in rows.items() if used[box] != row.count]
            set_each("channels_app_channelday", "count", "integer", changed)
        stopped = {job.delivery.pk for job, _stop in over}
        self._held |= {pk: list(boxes) for pk, (_, boxes) in asked.items() if pk not in stopped}
        return [pair for pair in ready if pair[0].delivery.pk not in stopped], over

    def settled(self, endings: Iterable[tuple[Job, object]]) -> None:
        """Calls have ended: what the provider did not take does not count."""
        refused = []
        for job, ending in endings:
            if isinstance(ending, SendError) and ending.kind != FailureKind.UNKNOWN:
                refused.append(job.delivery.pk)
            else:
                self._held.pop(job.delivery.pk, None)
        self.give_back(refused)

    def give_back(self, delivery_ids: Iterable[int]) -> None:
        """They did not leave. When the database is away, they are given back with the next ones."""
        for pk in delivery_ids:
            self._owed.update(self._held.pop(pk, ()))
        if not self._owed:
            return
        with contextlib.suppress(DatabaseError), transaction.atomic():
            for box, count in sorted(self._owed.items()):
                row = ChannelDay.objects.filter(**box._asdict(), count__gte=count)
                row.update(count=F("count") - count)
            self._owed = Counter()


def _count(boxes: Mapping[Box, int | None], used: dict[Box, int]) -> Box | None:
    """Count one message in `used`; or nothing, and the first of its boxes that is full."""
    for box, cap in boxes.items():
        if cap is not None and used[box] >= cap:
            return box
    for box in boxes:
        used[box] += 1
    return None


def is_capped(channel: Channel) -> bool:
    """Whether the messages of a channel are counted by day."""
    return channel.daily_cap is not None or bool(_country_caps(channel))


@lru_cache(maxsize=10_000)
def country_of(number: str) -> str:
    """ISO 3166 alpha-2 of an E.164 number; empty: of no country, or one that costs extra."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.number_type(parsed) in _DEAR:
        return ""
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return region if len(region) == 2 and region.isalpha() and region != "ZZ" else ""


def _country_caps(channel: Channel) -> Mapping[str, Any]:
    """The caps by country, for channels that dial numbers."""
    if not channel.country_caps or not isinstance(channel.country_caps, dict):
        return {}
    is_phone = str(provider_class(channel.provider).address) == "phone"
    return channel.country_caps if is_phone else {}


def _boxes(job: Job, day: date) -> dict[Box, int | None]:
    """What a message counts towards, each with its cap."""
    channel = job.channel
    boxes: dict[Box, int | None] = {Box(channel.pk, day, ""): channel.daily_cap}
    caps = {str(name).upper(): value for name, value in _country_caps(channel).items()}
    if caps:
        country = country_of(job.delivery.address)
        name = country if country in caps or OTHERS not in caps else OTHERS
        cap = _number(caps[name]) if name in caps else None
        boxes[Box(channel.pk, day, name or OTHERS)] = cap if country else 0
    return boxes


def _number(cap: Any) -> int:
    """A cap that cannot be read lets nothing through: it was meant to be a limit."""
    try:
        return max(int(cap), 0)
    except (TypeError, ValueError):
        return 0


def _held_rows(boxes: Iterable[Box]) -> dict[Box, ChannelDay]:
    """The rows of `boxes`, ours until commit; made when they are missing."""
    wanted = sorted(boxes)
    found = _select(wanted)
    if len(found) < len(wanted):
        new = [ChannelDay(**box._asdict()) for box in wanted if box not in found]
        ChannelDay.objects.bulk_create(new, ignore_conflicts=True)
        found = _select(wanted)
    return found


def _select(wanted: Sequence[Box]) -> dict[Box, ChannelDay]:
    rows = ChannelDay.objects.select_for_update(no_key=True).filter(
        channel_id__in={box.channel_id for box in wanted},
        day__in={box.day for box in wanted},
        country__in={box.country for box in wanted},
    )
    found = {Box(row.channel_id, row.day, row.country): row for row in rows.order_by("id")}
    return {box: row for box, row in found.items() if box in set(wanted)}


def _stop(job: Job, full: Box, cap: int, now: datetime) -> Stop:
    """Over the cap: another way, else tomorrow when it is news then, else it is not sent."""
    values = {"channel": job.channel.name, "cap": cap, "country": _words(full, job)}
    reason = Reason.DAY_FULL if not full.country else Reason.COUNTRY_FULL
    if cap == 0:
        reason = Reason.NOT_SENT_THERE
        return Stop(reason, State.CANCELLED, next_route=True, values=values)
    tomorrow = datetime.combine(full.day + timedelta(days=1), datetime.min.time(), UTC)
    if job.notification.routes:
        return Stop(reason, State.CANCELLED, next_route=True, values=values)
    if tomorrow < job.notification.useful_until:
        return Stop(reason, State.QUEUED, until=tomorrow, values=values)
    return Stop(reason, State.EXPIRED, next_route=True, values=values)


def _words(full: Box, job: Job) -> str:
    """The country as the sentence says it."""
    if full.country != OTHERS:
        return full.country
    return country_of(job.delivery.address) or "premium and satellite services"
