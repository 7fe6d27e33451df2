"""The vocabulary of order statuses: ranks, ends, and how long each stays news."""

from datetime import timedelta

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    """Where a fulfilment group is in its life; the order's own status is derived."""

    PLACED = "placed", _("Placed")
    CONFIRMED = "confirmed", _("Confirmed")
    PREPARING = "preparing", _("Preparing")
    READY = "ready", _("Ready")
    OUT_FOR_DELIVERY = "out_for_delivery", _("Out for delivery")
    DELIVERED = "delivered", _("Delivered")
    PICKED_UP = "picked_up", _("Picked up")
    CANCELLED = "cancelled", _("Cancelled")
    REFUNDED = "refunded", _("Refunded")


class Fact(TextChoices):
    """What a timeline entry can say besides a new status."""

    STATUS = "status", _("Status")
    ETA = "eta", _("New time")
    DELAYED = "delayed", _("Delayed")
    TRACKING = "tracking", _("Tracking")
    EDITED = "edited", _("Edited")
    SPLIT = "split", _("Split")
    REFUND = "refund", _("Part refunded")
    ATTEMPTED = "attempted", _("Delivery attempted")
    FAILED = "failed", _("Delivery failed")
    RETURNED = "returned", _("Returned")
    PAYMENT = "payment", _("Payment")
    UNMAPPED = "unmapped", _("Status not understood")
    STALE = "stale", _("Late update")
    REVERTED = "reverted", _("Moved back")


RANK: dict[str, int] = {
    Status.PLACED: 10,
    Status.CONFIRMED: 20,
    Status.PREPARING: 30,
    Status.READY: 40,
    Status.OUT_FOR_DELIVERY: 50,
    Status.DELIVERED: 60,
    Status.PICKED_UP: 60,
    Status.CANCELLED: 70,
    Status.REFUNDED: 80,
}
HANDED_OVER = frozenset({Status.DELIVERED, Status.PICKED_UP})
BROUGHT = frozenset({"delivery", "shipping"})  # ways to the customer's door
FINAL = HANDED_OVER | {Status.CANCELLED, Status.REFUNDED}

# Everything a rule can listen to, and a template can be written for: a status or a fact.
# STALE, REVERTED, UNMAPPED and PAYMENT go on the timeline and to staff lists, never to a rule.
EVENTS: dict[str, str] = {
    **{status.value: str(status.label) for status in Status},
    **{
        fact.value: str(fact.label)
        for fact in (
            Fact.ETA,
            Fact.DELAYED,
            Fact.TRACKING,
            Fact.EDITED,
            Fact.SPLIT,
            Fact.REFUND,
            Fact.ATTEMPTED,
            Fact.FAILED,
            Fact.RETURNED,
        )
    },
}

# Takes back what an earlier message said. No fact of an order, but rules may listen to it.
CORRECTION = "correction"
EVENTS[CORRECTION] = str(_("Correction"))

# How long after it happened a message about it is still worth sending. A rule may say otherwise.
# Courier and POS integrations use the first few; the rest is our choice in the same spirit.
USEFUL_FOR: dict[str, timedelta] = {
    Status.PLACED: timedelta(hours=2),
    Status.CONFIRMED: timedelta(hours=2),
    Status.PREPARING: timedelta(minutes=30),
    Status.READY: timedelta(minutes=20),
    Status.OUT_FOR_DELIVERY: timedelta(minutes=30),
    Status.DELIVERED: timedelta(hours=6),
    Status.PICKED_UP: timedelta(hours=6),
    Status.CANCELLED: timedelta(hours=48),
    Status.REFUNDED: timedelta(hours=48),
    Fact.ETA: timedelta(minutes=30),
    Fact.DELAYED: timedelta(hours=2),
    Fact.TRACKING: timedelta(hours=24),
    Fact.EDITED: timedelta(hours=6),
    Fact.SPLIT: timedelta(hours=2),
    Fact.REFUND: timedelta(hours=48),
    Fact.ATTEMPTED: timedelta(hours=6),
    Fact.FAILED: timedelta(hours=6),
    Fact.RETURNED: timedelta(hours=48),
}
# These are never held back to see whether something newer follows.
URGENT = frozenset({Status.READY, Status.CANCELLED, Fact.FAILED})


def rank(status: str) -> int:
    """The place of `status` in the life cycle; 0 for one that is not known yet."""
    return RANK.get(status, 0)


def useful_for(event: str) -> timedelta:
    """How long a message about `event` stays worth sending."""
    return USEFUL_FOR.get(event, timedelta(hours=2))
