"""What planning and sending look up all the time, kept per process for a few seconds.

A change in the admin is seen by every process within them; nothing here grows
with orders.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from django.db.models import Q

from channels_app.models import Channel, ChannelHealth
from notifications.models import Destination, MessageTemplate, PhaseTime, Rule
from orders.models import Brand, SourceConnection, Store

FRESH_SECONDS = 3.0
HEALTH_SECONDS = 1.0


@dataclass(frozen=True)
class RuleCard:
    """A rule with its many-to-many sides as plain sets."""

    rule: Rule
    stores: frozenset[int]
    destinations: frozenset[int]
    events: frozenset[str]


@dataclass
class Library:
    """One brand's rules, words, channels and places."""

    brand: Brand
    stores: dict[int, Store]
    rules: list[RuleCard]
    templates: list[MessageTemplate]
    channels: list[Channel]
    destinations: list[Destination]
    phase_times: list[PhaseTime] = field(default_factory=list)
    # connection id -> (source, name)
    connections: dict[int, tuple[str, str]] = field(default_factory=dict)
    loaded_at: float = field(default_factory=time.monotonic)

    @cached_property
    def by_family(self) -> dict[str, list[Channel]]:
        """Family -> its enabled channels, best first."""
        found: dict[str, list[Channel]] = {}
        for channel in self.channels:
            found.setdefault(channel.family, []).append(channel)
        return found

    @cached_property
    def by_name(self) -> dict[tuple[str, str, str], list[MessageTemplate]]:
        """(name, event, family) -> templates in all languages and stores."""
        found: dict[tuple[str, str, str], list[MessageTemplate]] = {}
        for template in self.templates:
            key = (template.name, template.event, template.family)
            found.setdefault(key, []).append(template)
        return found

    def templates_for(self, name: str, event: str, family: str) -> Sequence[MessageTemplate]:
        """The templates among which language and store choose."""
        return self.by_name.get((name, event, family), ())


_libraries: dict[int, Library] = {}
_channels: dict[int, Channel] = {}
_healths: tuple[float, dict[int, ChannelHealth]] | None = None


def of_brand(brand_id: int) -> Library:
    """The brand's library, at most a few seconds old."""
    found = _libraries.get(brand_id)
    if found is None or time.monotonic() - found.loaded_at > FRESH_SECONDS:
        found = _libraries[brand_id] = _load(brand_id)
    return found


def channel(channel_id: int) -> Channel:
    """A channel with its ready provider; whatever its state."""
    return _channels.get(channel_id) or _keep(Channel.objects.get(pk=channel_id))


def healths() -> dict[int, ChannelHealth]:
    """Channel id -> what is known of its account, at most a second old; only where there is any."""
    global _healths
    if _healths is None or time.monotonic() - _healths[0] > HEALTH_SECONDS:
        rows = {row.channel_id: row for row in ChannelHealth.objects.all()}
        _healths = (time.monotonic(), rows)
    return _healths[1]


def forget_healths() -> None:
    """They have just been changed here."""
    global _healths
    _healths = None


def clear() -> None:
    """Forget everything (tests; after a configuration was applied)."""
    _libraries.clear()
    _channels.clear()
    forget_healths()


def refresh_channels() -> list[Channel]:
    """All enabled channels of all brands, and those that were used here, re-read."""
    wanted = Channel.objects.filter(Q(enabled=True) | Q(pk__in=list(_channels)))
    return [_keep(row) for row in wanted]


def _keep(row: Channel) -> Channel:
    """Reuse the object while its row is the same: its provider keeps tokens and parsed keys."""
    known = _channels.get(row.pk)
    if known is not None and _columns(known) == _columns(row):
        return known
    _channels[row.pk] = row
    return row


def _columns(row: Channel) -> dict[str, object]:
    ignored = ("_state", "speaker", "refused_count", "refused_at")
    return {name: value for name, value in vars(row).items() if name not in ignored}


def _load(brand_id: int) -> Library:
    rules = Rule.objects.filter(brand_id=brand_id, active=True)
    cards = [
        RuleCard(
            rule,
            frozenset(store.pk for store in rule.stores.all()),
            frozenset(one.pk for one in rule.destinations.all()),
            frozenset(rule.events),
        )
        for rule in rules.prefetch_related("stores", "destinations")
    ]
    channels = Channel.objects.filter(brand_id=brand_id, enabled=True)
    return Library(
        brand=Brand.objects.get(pk=brand_id),
        stores={store.pk: store for store in Store.objects.filter(brand_id=brand_id)},
        rules=cards,
        templates=list(MessageTemplate.objects.filter(brand_id=brand_id, active=True)),
        channels=[_keep(row) for row in channels],
        destinations=list(Destination.objects.filter(brand_id=brand_id, enabled=True)),
        phase_times=list(PhaseTime.objects.filter(brand_id=brand_id)),
        connections={
            pk: (source, name)
            for pk, source, name in SourceConnection.objects.filter(brand_id=brand_id).values_list(
                "id", "source", "name"
            )
        },
    )
