"""Several accounts of one kind share the messages, and stand in for each other.

Which account an order's messages take is a draw by weight that always falls the same for
that order, so that a customer keeps one sender; when the weights shift a little, only a
few orders change theirs.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from channels_app.contract import AddressKind
from channels_app.failures import FailureKind
from channels_app.models import Channel
from channels_app.registry import provider_class
from notifications import library
from notifications.breaker import asleep_until
from notifications.models import Attempt, Delivery, Notification

# An address of these kinds means the same to every account. A room, a chat or a push
# subscription belongs to the account that it was made with.
PORTABLE = frozenset({AddressKind.PHONE, AddressKind.EMAIL})
# What another account may do better. Never an unknown fate: that could tell somebody twice.
ACCOUNT_FAULTS = frozenset(
    {FailureKind.MISCONFIGURED, FailureKind.TRANSIENT, FailureKind.THROTTLED}
)
LONG_REST = timedelta(seconds=60)  # throttled for longer than that, others take over


def group(channel: Channel) -> tuple[str, str] | None:
    """(family, kind of address): accounts with the same may stand in for each other."""
    kind = provider_class(channel.provider).address
    return (channel.family, str(kind)) if kind in PORTABLE else None


def choose(fitting: Sequence[Channel], key: object, now: datetime) -> Channel | None:
    """The account for the order `key` among `fitting` (one kind, best first).

    Those that work before those that do not; among these, those with a weight before those
    without; among these, the smallest position; among these, by weight and present share.
    """
    if len(fitting) < 2 or group(fitting[0]) is None:
        return next(iter(fitting), None)
    awake = [one for one in fitting if _awake(one, now)] or list(fitting)
    weighted = [one for one in awake if one.weight] or awake
    first = min(one.position for one in weighted)
    return max((one for one in weighted if one.position == first), key=lambda one: _pull(one, key))


def _awake(channel: Channel, now: datetime) -> bool:
    health = library.healths().get(channel.pk)
    rests = health.resting_until if health is not None else None
    return asleep_until(channel, now) is None and (rests is None or rests <= now + LONG_REST)


def _pull(channel: Channel, key: object) -> float:
    """The highest of these wins as often as its weight says (rendezvous hashing)."""
    digest = blake2b(f"{key}:{channel.pk}".encode(), digest_size=8).digest()
    chance = (int.from_bytes(digest) + 0.5) / 2**64
    health = library.healths().get(channel.pk)
    share = health.share if health is not None else 100
    return -max((channel.weight or 1) * share, 1) / math.log(chance)


def stand_in(
    channel: Channel,
    key: object,
    now: datetime,
    but_not: frozenset[int] = frozenset(),
) -> Channel | None:
    """Another account that may be used now in place of `channel`; None when there is none."""
    kind = group(channel)
    if kind is None:
        return None
    others = [
        one
        for one in library.of_brand(channel.brand_id).channels
        if one.pk != channel.pk
        and one.pk not in but_not
        and group(one) == kind
        and _awake(one, now)
    ]
    return choose(others, key, now)


def may_have_arrived(delivery: Delivery) -> bool:
    """Whether the fate of one of its tries was ever unknown: no other account may repeat it."""
    return (
        delivery.claims > 1
        and delivery.attempts.filter(ending__in=[FailureKind.UNKNOWN, Attempt.LOST]).exists()
    )


def may_move(delivery: Delivery, channel: Channel, now: datetime) -> bool:
    """Whether another account could take it now."""
    other = stand_in(channel, delivery.order_id or delivery.notification_id, now)
    return other is not None and not may_have_arrived(delivery)


def same_address(
    notification: Notification, failed: Delivery, now: datetime
) -> dict[str, Any] | None:
    """The route to the same address by an account that has not been tried; None: there is none."""
    if may_have_arrived(failed):
        return None
    tried = notification.deliveries.filter(address=failed.address)
    channel = library.channel(failed.channel_id)
    but_not = frozenset(tried.values_list("channel_id", flat=True))
    other = stand_in(channel, notification.order_id or notification.pk, now, but_not)
    if other is None:
        return None
    return {
        "family": other.family,
        "channel": other.pk,
        "contact_point": failed.contact_point_id,
        "address": failed.address,
    }


def working(route: dict[str, Any], key: object, now: datetime) -> dict[str, Any]:
    """`route`, by another account when the one it names is not used at the moment."""
    channel = library.channel(route["channel"])
    if _awake(channel, now):
        return route
    other = stand_in(channel, key, now)
    return route if other is None else {**route, "channel": other.pk}
