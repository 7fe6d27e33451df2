"""How each channel does: used or not and why, its calls of the last hour, what happened to it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.db.models import Count, F, Max, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_app.models import (
    Channel,
    ChannelCheck,
    ChannelEvent,
    ChannelHealth,
    ChannelMinute,
)
from notifications import breaker, channel_minutes, doorbell, endings, failover
from notifications.models import Attempt, Delivery
from notifications.views import labels, scope
from notifications.views.chart import Segment
from notifications.views.live import live
from notifications.views.returning import back
from notifications.views.scope import staff_page

HOUR = timedelta(hours=1)
SPAN = timedelta(minutes=2)
BARS = HOUR // SPAN
WIDTH, HEIGHT = 10, 48
WINDOW = 2000  # messages of the brand that the errors are looked for in
EVENTS = 4
Breaker = ChannelHealth.Breaker


@dataclass(frozen=True, slots=True)
class State:
    """Whether a channel is used: a sign, a tone, words, and until when."""

    icon: str
    tone: str
    word: str
    until: datetime | None = None
    why: str = ""
    asleep: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often tries ended in one way."""

    word: str
    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Sums:
    """The calls of the last hour."""

    accepted: int
    failed: int
    throttled: int
    call_ms: int | None
    arrival_seconds: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """One channel as the page shows it."""

    channel: Channel
    family: str
    provider: str
    state: State
    share: int | None
    sums: Sums
    bars: tuple[Segment, ...]
    troubles: list[Trouble]
    events: list[ChannelEvent]
    check: ChannelCheck | None = None
    width: int = BARS * WIDTH
    height: int = HEIGHT


@require_safe
@staff_page
def channels(request: HttpRequest) -> HttpResponse:
    """Every channel of the brand."""
    rows = list(scope.channels(scope.scope(request)))
    context = {"cards": _cards(rows, timezone.now()), "endings": endings.table()}
    page, part = "notifications/channels.html", "notifications/parts/channels.html"
    return live(request, page, part, context, "5s")


@require_POST
@staff_page
def use_again(request: HttpRequest, pk: int) -> HttpResponse:
    """End the pause of a channel, whoever began it."""
    seen = scope.scope(request)
    channel = get_object_or_404(scope.channels(seen), pk=pk)
    breaker.use_again(channel, seen.actor, timezone.now())
    messages.success(request, _("%(channel)s is used again.") % {"channel": channel.name})
    return back(request, "channels")


@require_POST
@staff_page
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether a channel works; the answer appears on its card."""
    seen = scope.scope(request)
    channel = get_object_or_404(scope.channels(seen), pk=pk)
    to = request.POST.get("to", "").strip()[:300]
    if request.POST.get("send") and not to:
        messages.error(request, _("Say where the test message goes."))
        return back(request, "channels")
    ChannelCheck.objects.create(
        channel=channel,
        send_to=to if request.POST.get("send") else "",
        asked_by=seen.actor[:150],
        asked_at=timezone.now(),
    )
    doorbell.ring()
    messages.success(request, _("Asked. The answer appears on the card in a moment."))
    return back(request, "channels")


def _cards(rows: Sequence[Channel], now: datetime) -> list[Card]:
    ids = [channel.pk for channel in rows]
    healths = ChannelHealth.objects.in_bulk(ids, field_name="channel_id")
    since = channel_minutes.begin(now - HOUR)
    minutes = ChannelMinute.objects.filter(channel_id__in=ids, minute__gt=since)
    by_channel: dict[int, list[ChannelMinute]] = labels.by(minutes.order_by("minute"), "channel_id")
    troubles, shares, events = _troubles(rows), _shares(rows, healths, now), _events(ids)
    checks = {row.channel_id: row for row in _latest_checks(ids)}
    return [
        Card(
            channel,
            labels.family_of(channel),
            labels.provider_name(channel),
            state(channel, healths.get(channel.pk), now),
            shares.get(channel.pk),
            _sums(by_channel.get(channel.pk, [])),
            _bars(by_channel.get(channel.pk, []), now),
            troubles[channel.pk],
            events.get(channel.pk, []),
            checks.get(channel.pk),
        )
        for channel in rows
    ]


def _latest_checks(ids: Sequence[int]) -> list[ChannelCheck]:
    """The newest question about each channel."""
    newest = ChannelCheck.objects.filter(channel_id__in=ids).values("channel_id")
    pks = newest.annotate(top=Max("id")).order_by().values_list("top", flat=True)
    return list(ChannelCheck.objects.filter(pk__in=list(pks)))


def state(channel: Channel, health: ChannelHealth | None, now: datetime) -> State:
    """Whether the channel is used, in words."""
    if not channel.enabled:
        return State("slash", "mute", _("Switched off"))
    opened = health is not None and health.breaker != Breaker.CLOSED
    if health is not None and opened:
        why = health.why
        if health.breaker == Breaker.OPEN and health.open_until and health.open_until > now:
            return State("stop", "bad", _("Not used for now"), health.open_until, why, True)
        return State("help", "warn", _("Being tried"), None, why, True)
    if channel.paused_until is not None and channel.paused_until > now:
        why = channel.paused_why
        return State("pause", "warn", _("Paused"), channel.paused_until, why, True)
    if health is not None and health.resting_until and health.resting_until > now:
        why = _("The provider asked us to slow down.")
        return State("clock", "wait", _("Resting"), health.resting_until, why)
    return State("check", "good", _("Working"))


def _shares(
    rows: Sequence[Channel], healths: Mapping[int, ChannelHealth], now: datetime
) -> dict[int, int]:
    """Channel id -> its per cent of the messages, where several accounts share them."""
    groups: dict[object, dict[int, int]] = defaultdict(dict)
    for channel in rows:
        kind = failover.group(channel) if labels.provider_of(channel) else None
        if kind is not None and channel.enabled:
            health = healths.get(channel.pk)
            share = 0 if state(channel, health, now).asleep else health.share if health else 100
            pull = channel.weight * share
            groups[kind, channel.position][channel.pk] = pull
    return {
        pk: round(100 * pull / (sum(pulls.values()) or 1))
        for pulls in groups.values()
        if len(pulls) > 1
        for pk, pull in pulls.items()
    }


def _sums(minutes: Sequence[ChannelMinute]) -> Sums:
    accepted, failed = sum(m.accepted for m in minutes), sum(m.failed for m in minutes)
    throttled = sum(m.throttled for m in minutes)
    calls, delivered = accepted + failed + throttled, sum(m.delivered for m in minutes)
    seconds = sum(m.delivered_seconds for m in minutes)
    return Sums(
        accepted,
        failed,
        throttled,
        sum(m.milliseconds for m in minutes) // calls if calls else None,
        seconds // delivered if delivered else None,
    )


def _bars(minutes: Sequence[ChannelMinute], now: datetime) -> tuple[Segment, ...]:
    """Accepted at the bottom, then throttled, then failed; a bar for every two minutes."""
    first = channel_minutes.begin(now) - HOUR + timedelta(minutes=1)
    counts: Counter[tuple[int, str]] = Counter()
    for row in minutes:
        index = (row.minute - first) // SPAN
        counts[index, "good"] += row.accepted
        counts[index, "wait"] += row.throttled
        counts[index, "bad"] += row.failed
    bands = ("good", "wait", "bad")
    tallest = max([sum(counts[i, b] for b in bands) for i in range(BARS)]) or 1
    segments = []
    for index in range(BARS):
        top = HEIGHT
        for band in bands:
            if count := counts[index, band]:
                height = max(3, round(count * (HEIGHT - 6) / tallest))
                top -= height
                segments.append(Segment(band, index * WIDTH + 1, max(top, 0), height))
    return tuple(segments)


def _events(ids: Sequence[int]) -> dict[int, list[ChannelEvent]]:
    """Channel id -> its latest events, newest first; one query."""
    place = Window(RowNumber(), partition_by="channel_id", order_by=F("id").desc())
    rows = ChannelEvent.objects.filter(channel_id__in=ids).annotate(place=place)
    return labels.by(rows.filter(place__lte=EVENTS).order_by("-id"), "channel_id")


def _troubles(rows: Sequence[Channel]) -> dict[int, list[Trouble]]:
    """Channel id -> how its latest tries failed, most often first. Looks at a bounded window."""
    found: dict[int, list[Trouble]] = defaultdict(list)
    if not rows:
        return found
    newest = Delivery.objects.filter(brand_id=rows[0].brand_id).order_by("-pk").values("pk")
    tries = Attempt.objects.filter(delivery__in=newest[:WINDOW]).order_by()
    failed = tries.exclude(ending=endings.ACCEPTED)
    counted = failed.values_list("channel_id", "ending", "code").annotate(times=Count("pk"))
    for pk, ending, code, times in sorted(counted, key=lambda row: -row[3]):
        found[pk].append(Trouble(endings.word(ending), code, times))
    return found
