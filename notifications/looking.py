"""A person looks at the tracking page: that they did is evidence, kept once a minute at most.

Only the page's own script says so, after the page was visible for some seconds. What
merely fetches the page (a link scanner, a preview, a prefetch) never counts.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction

from notifications import confirming, promising
from notifications.models import PageView
from orders.deriving import active
from orders.models import Order

ONCE_IN = timedelta(minutes=1)
SOONEST = timedelta(seconds=2)  # after the page was made; its script waits longer
LATEST = timedelta(hours=24)
_SIGNER = signing.Signer(salt="notifications.looking")
_AHEAD_OF_A_PERSON = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_MACHINE = re.compile(
    r"bot\b|crawl|spider|preview|scanner|headless|facebookexternalhit|whatsapp/|slackbot|curl|wget"
    r"|python-|okhttp|go-http",
    re.IGNORECASE,
)


def stamp(order_id: int, now: datetime) -> str:
    """What the page's script hands back: proof of when this very page was made."""
    return _SIGNER.sign(f"{order_id}.{int(now.timestamp())}")


def is_a_person(headers: Mapping[str, str], stamped: str, order_id: int, now: datetime) -> bool:
    """Whether a call comes from a page that somebody has had before their eyes for a while."""
    if any(headers.get(name) for name in _AHEAD_OF_A_PERSON):
        return False
    if _MACHINE.search(headers.get("User-Agent", "")):
        return False
    try:
        owner, _dot, at = _SIGNER.unsign(stamped).partition(".")
    except signing.BadSignature:
        return False
    age = now.timestamp() - int(at)
    return owner == str(order_id) and SOONEST.total_seconds() <= age <= LATEST.total_seconds()


def note(order: Order, now: datetime) -> bool:
    """Keep that a person sees the page now, and call off what would tell them the same.

    At most one row per order and minute; a new status within it is put on that row. True
    when a row was written.
    """
    with transaction.atomic():
        held = Order.objects.select_for_update(no_key=True).filter(pk=order.pk)
        status = held.values_list("status", flat=True).get()
        written = _written(order, status, now)
        if written:
            groups = active(list(order.lines.all()), list(order.groups.all()))
            promising.shown(order, groups, now)
        confirming.seen(order.pk, now)
    return written


def _written(order: Order, status: str, now: datetime) -> bool:
    last = PageView.objects.filter(order=order).order_by("-id").first()
    if last is None or now - last.seen_at >= ONCE_IN:
        PageView.objects.create(order=order, status=status, seen_at=now)
    elif last.status != status:
        PageView.objects.filter(pk=last.pk).update(status=status, seen_at=now)
    else:
        return False
    return True
