"""The circuit breaker of each channel: a channel that fails is left alone, then tried again.

Closed: it is used. Open: it is not, until `open_until`. Then half open: one message, over
all workers, may try; if it goes well the channel is used again, otherwise it is left alone
for twice as long. Every change is written down as a ChannelEvent, in a sentence.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from channels_app.contract import Accepted, AddressKind
from channels_app.failures import CONSEQUENCES, FailureKind, SendError
from channels_app.models import Channel, ChannelEvent, ChannelHealth, ChannelMinute
from channels_app.registry import provider_class
from notifications import incidents, library
from notifications.channel_minutes import FAULTS, Tally, begin
from notifications.incidents import Trouble
from notifications.models import Delivery

Breaker = ChannelHealth.Breaker
MOST_FAILED = 5  # calls that fail, and
SHARE_FAILED = 0.5  # their share of all calls
LOOK_BACK = timedelta(minutes=2)
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=15)
# An account that refuses us stays refused until a person looks: its pause begins here.
TIMES_WHEN_MISCONFIGURED = 5
CALM = timedelta(minutes=5)  # closed for so long, the pauses begin anew
# A delivery that only waits for its channel has this in `failure`.
WAITING = "waiting"
MOST_RELEASED = 5000


# --- May it be used? ---------------------------------------------------------


def asleep_until(channel: Channel, now: datetime) -> datetime | None:
    """Until when the channel is not used, by staff or by the breaker; None: it may be used."""
    health = library.healths().get(channel.pk)
    moments = [channel.paused_until]
    if health is not None and health.breaker != Breaker.CLOSED:
        moments.append(health.open_until)
    return max((one for one in moments if one is not None and one > now), default=None)


def why_asleep(channel: Channel) -> str:
    """The reason as a sentence."""
    health = library.healths().get(channel.pk)
    own = health.why if health is not None and health.breaker != Breaker.CLOSED else ""
    return channel.paused_why or own or "by staff."


def admit(channel: Channel, now: datetime) -> tuple[datetime | None, bool]:
    """(until when nothing may go out over it, or None; whether it is the one that tries).

    When the pause is over, the first to ask may let its message try.
    """
    until = asleep_until(channel, now)
    if until is not None:
        return until, False
    health = library.healths().get(channel.pk)
    if health is None or health.breaker == Breaker.CLOSED:
        return None, False
    if _may_try(channel.pk, now):
        return None, True
    return asleep_until(channel, now), False


def _may_try(channel_id: int, now: datetime) -> bool:
    """Whether we are the one; a try that was never heard of again is repeated in time."""
    over = ChannelHealth.objects.filter(channel_id=channel_id).exclude(breaker=Breaker.CLOSED)
    until = now + timedelta(seconds=settings.SEND_TIMEOUT_SECONDS + 5)
    ours = over.filter(Q(open_until__isnull=True) | Q(open_until__lte=now)).update(
        breaker=Breaker.HALF_OPEN, open_until=until, changed_at=now
    )
    library.forget_healths()
    if ours:
        note(channel_id, "probe", "The pause is over: one message tries the channel.", now)
    return bool(ours)


# --- What results mean for it ------------------------------------------------


def judge(tallies: Mapping[int, Tally], now: datetime) -> None:
    """Open and close breakers by what a batch of results and the last minutes say.

    To be called before the batch is added to the minutes. Costs nothing while all goes well.
    """
    for _pk, one in sorted(tallies.items()):
        if one.probe is not None:
            _tried(one, now)
    failing = {
        pk: one
        for pk, one in sorted(tallies.items())
        if one.fault is not None and one.probe is None
    }
    if not failing:
        return
    known = ChannelHealth.objects.in_bulk(list(failing), field_name="channel_id")
    rows = ChannelMinute.objects.filter(
        channel_id__in=list(failing), minute__gte=begin(now - LOOK_BACK)
    )
    counts = list(rows.values_list("channel_id", "minute", "accepted", "failed", "throttled"))
    for pk, one in failing.items():
        mine = [row[1:] for row in counts if row[0] == pk]
        why = _too_many(one, mine, known.get(pk))
        if why:
            trip(one.channel, why, now, one.fault)


def _has_breaker(channel: Channel) -> bool:
    """Where every address is a server of its own, one that fails says nothing of the others."""
    return bool(provider_class(channel.provider).address != AddressKind.URL)


def _too_many(
    one: Tally, minutes: list[tuple[datetime, int, int, int]], health: ChannelHealth | None
) -> str:
    """Why the channel is to be left alone; empty when it is not."""
    assert one.fault is not None
    if health is not None and health.breaker != Breaker.CLOSED:
        return ""  # it was sent before, and only landed now
    if one.fault.kind == FailureKind.MISCONFIGURED:
        return _said(one.fault)
    if not _has_breaker(one.channel):
        return ""
    if health is not None and health.opened_times:
        # What led to the last opening has been judged already.
        minutes = [row for row in minutes if row[0] > begin(health.changed_at)]
    failed = one.failed + sum(row[2] for row in minutes)
    calls = one.calls + sum(sum(row[1:]) for row in minutes)
    if failed < MOST_FAILED or failed < calls * SHARE_FAILED:
        return ""
    return f"{failed} of the last {calls} calls failed. {_said(one.fault)}"


def _said(error: SendError) -> str:
    """What the provider said, else what such a failure means; a sentence."""
    words = f"{error.code} {error.detail}".strip() or CONSEQUENCES[error.kind].sentence
    return words if words.endswith(".") else f"{words}."


def _tried(one: Tally, now: datetime) -> None:
    """How the one message ended that tried a channel."""
    ending = one.probe
    if isinstance(ending, SendError) and ending.kind in FAULTS:
        trip(one.channel, f"It was tried in vain. {_said(ending)}", now, ending)
    elif isinstance(ending, Accepted) or one.probe_called:
        close(one.channel, "The message that tried it went well.", now)
    else:  # it never left: another one may try
        half_open = ChannelHealth.objects.filter(
            channel_id=one.channel.pk, breaker=Breaker.HALF_OPEN
        )
        half_open.update(open_until=now)
        library.forget_healths()


# --- Changes -----------------------------------------------------------------


def trip(channel: Channel, why: str, now: datetime, error: SendError | None = None) -> bool:
    """Stop using a channel for a while, say so, and tell a person; False when it is so already."""
    if not _has_breaker(channel):
        _raise(channel, why, now, error)
        return False
    health = ensure(channel.pk)
    if health.breaker == Breaker.OPEN and (health.open_until or now) > now:
        return False
    times = _times(health, now, error)
    pause = min(FIRST_PAUSE * 2 ** min(times - 1, 10), LONGEST_PAUSE)
    ours = ChannelHealth.objects.filter(
        pk=health.pk, breaker=health.breaker, changed_at=health.changed_at
    ).update(
        breaker=Breaker.OPEN,
        open_until=now + pause,
        opened_times=times,
        why=why[:300],
        changed_at=now,
    )
    library.forget_healths()
    if not ours:
        return False
    # For the eye, and for those who only look at the channel.
    channel.paused_until, channel.paused_why = now + pause, why[:300]
    Channel.objects.filter(pk=channel.pk).update(
        paused_until=channel.paused_until, paused_why=channel.paused_why
    )
    note(channel.pk, "opened", f"{why[:250]} Not used for {_duration(pause)}.", now)
    _raise(channel, why, now, error)
    return True


def _times(health: ChannelHealth, now: datetime, error: SendError | None) -> int:
    """How often in a row it was opened, this time included."""
    calm = health.breaker == Breaker.CLOSED and now - health.changed_at > CALM
    times = 1 if calm or not health.opened_times else health.opened_times + 1
    if error is not None and error.kind == FailureKind.MISCONFIGURED:
        return max(times, TIMES_WHEN_MISCONFIGURED)
    return times


def close(channel: Channel, why: str, now: datetime) -> bool:
    """Use a channel again that was tried; what waited for it is due at once."""
    ours = ChannelHealth.objects.filter(channel_id=channel.pk, breaker=Breaker.HALF_OPEN).update(
        breaker=Breaker.CLOSED, open_until=None, why="", changed_at=now
    )
    library.forget_healths()
    if not ours:
        return False
    _wake(channel, now)
    note(channel.pk, "closed", f"{why} It is used again.", now)
    incidents.resolve(channel.brand_id, about(channel.pk), f"{why} It is used again.", now)
    return True


def use_again(channel: Channel, actor: str, now: datetime) -> None:
    """A person says that the channel works: no pause any more, whoever began it."""
    ChannelHealth.objects.filter(channel_id=channel.pk).update(
        breaker=Breaker.CLOSED, open_until=None, opened_times=0, why="", changed_at=now
    )
    library.forget_healths()
    _wake(channel, now, until=datetime.max.replace(tzinfo=UTC))
    why = f"{actor} says that it works. It is used again."
    note(channel.pk, "resumed", why, now)
    incidents.resolve(channel.brand_id, about(channel.pk), why, now, actor)


def try_now(channel: Channel, why: str, now: datetime) -> bool:
    """Let the next message try a channel that is left alone; False when it is not."""
    asleep = ChannelHealth.objects.filter(channel_id=channel.pk).exclude(breaker=Breaker.CLOSED)
    health = asleep.first()
    if health is None or not asleep.update(breaker=Breaker.OPEN, open_until=now, changed_at=now):
        return False
    library.forget_healths()
    _wake(channel, now, until=health.open_until)
    note(channel.pk, "probe", f"{why} The next message tries it.", now)
    return True


def _wake(channel: Channel, now: datetime, until: datetime | None = None) -> None:
    """Take off a pause that ends by `until` (now): a longer one is not the breaker's.

    What waited for the channel is let go.
    """
    rows = Channel.objects.filter(pk=channel.pk, paused_until__lte=max(until or now, now))
    if rows.update(paused_until=None, paused_why=""):
        channel.paused_until, channel.paused_why = None, ""
    waiting = Delivery.objects.filter(
        channel_id=channel.pk,
        state=Delivery.State.QUEUED,
        due_at__gt=now,
        failure__in=(WAITING, FailureKind.UNKNOWN),
    )
    some = waiting.order_by("-urgent", "due_at", "id").values("id")[:MOST_RELEASED]
    Delivery.objects.filter(id__in=some, state=Delivery.State.QUEUED).update(due_at=now)


def ensure(channel_id: int) -> ChannelHealth:
    """The channel's health row, made if there is none."""
    found = ChannelHealth.objects.filter(channel_id=channel_id).first()
    if found is not None:
        return found
    ChannelHealth.objects.bulk_create([ChannelHealth(channel_id=channel_id)], ignore_conflicts=True)
    return ChannelHealth.objects.get(channel_id=channel_id)


def note(channel_id: int, kind: str, detail: str, at: datetime) -> None:
    """A line in the channel's history."""
    ChannelEvent.objects.create(channel_id=channel_id, kind=kind, detail=detail[:300], at=at)


def about(channel_id: int) -> str:
    """What an incident about the channel is about."""
    return f"channel:{channel_id}"


def _raise(channel: Channel, why: str, now: datetime, error: SendError | None) -> None:
    """Tell a person, also when every message finds another way."""
    misconfigured = error is not None and error.kind == FailureKind.MISCONFIGURED
    incidents.raise_incident(
        Trouble(
            brand_id=channel.brand_id,
            kind="channel",
            about=about(channel.pk),
            title=f"{channel.name} does not work",
            detail=why,
            next_act="Correct the account's credentials in the settings, then use it again."
            if misconfigured
            else "Look at the provider's status page. The channel is tried again by itself.",
            channel_id=channel.pk,
        ),
        now,
    )


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
