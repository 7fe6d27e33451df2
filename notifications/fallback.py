"""The next way to reach someone, when one did not work."""

from datetime import datetime
from typing import Any

from django.db import transaction

from channels_app.models import Channel
from consents.models import ContactPoint
from notifications import failover, library
from notifications.deciding import decide
from notifications.models import Decision, Delivery, Notification
from notifications.owing import new_delivery
from notifications.reasons import Reason
from notifications.unreached import not_told

# Of a delivery that was sent, and of which neither a receipt nor a look at the page told in time.
UNCONFIRMED = "unconfirmed"
BROKEN = (Reason.FALLBACK, Reason.FAILED)
UNPROVEN = (Reason.UNCONFIRMED, Reason.UNHEARD)
Reasons = tuple[Reason, Reason]  # another route takes over; there is none


def next_route(
    notification: Notification,
    failed: Delivery,
    why: str,
    now: datetime,
    before: str,
    reasons: Reasons = BROKEN,
    account: bool = False,
) -> Delivery | None:
    """Queue the notification's next route; None, and a decision saying so, when there is none.

    `why` is the sentence of what went wrong, `before` the family that did not work. With `account`
    it was the account's fault: another one of the family tries the same address first.
    """
    with transaction.atomic():
        # As it is now: a receipt and our own settling may both have come here.
        rows = Notification.objects.select_for_update(no_key=True, of=("self",))
        related = rows.select_related("rule", "customer", "destination")
        fresh = related.get(pk=notification.pk)
        if account and (delivery := _other_account(fresh, failed, why, now)):
            return delivery
        return _next_route(fresh, failed, why, now, before, reasons)


def _other_account(
    notification: Notification, failed: Delivery, why: str, now: datetime
) -> Delivery | None:
    """The same address by another account of the family, which has not tried it."""
    if notification.state == Notification.State.CANCELLED or notification.useful_until <= now:
        return None
    route = failover.same_address(notification, failed, now)
    if route is None:
        return None
    delivery = _queue(notification, route, now)
    before, other = library.channel(failed.channel_id), library.channel(route["channel"])
    decide(
        notification,
        Decision.Verdict.SEND,
        Reason.FAILOVER,
        now,
        delivery=delivery,
        channel=before.name,
        why=why.rstrip("."),
        other=other.name,
    ).save()
    return delivery


def _next_route(
    notification: Notification,
    failed: Delivery,
    why: str,
    now: datetime,
    before: str,
    reasons: Reasons,
) -> Delivery | None:
    if notification.state == Notification.State.CANCELLED:
        return None
    route = _take_route(notification, now) if notification.useful_until > now else None
    if route is None:
        _give_up(notification, failed, why, now, before, reasons[1])
        return None
    delivery = _queue(notification, route, now)
    decide(
        notification,
        Decision.Verdict.SEND,
        reasons[0],
        now,
        delivery=delivery,
        before=before,
        why=why.rstrip("."),
        family=route["family"],
    ).save()
    return delivery


def _queue(notification: Notification, route: dict[str, Any], now: datetime) -> Delivery:
    """A delivery over `route`, due at once; the notification is under way (again)."""
    notification.state = Notification.State.OPEN
    notification.save(update_fields=["routes", "state"])
    delivery = new_delivery(notification, route, now)
    delivery.created_at = now
    delivery.save()
    return delivery


def _take_route(notification: Notification, now: datetime) -> dict[str, Any] | None:
    """The first route left whose channel and address are still there; it is taken off the list."""
    while notification.routes:
        route: dict[str, Any] = notification.routes[0]
        notification.routes = notification.routes[1:]
        point = route.get("contact_point")
        if not Channel.objects.filter(pk=route["channel"], enabled=True).exists():
            continue
        if point is None or ContactPoint.objects.filter(pk=point).exists():
            return failover.working(route, notification.order_id or notification.pk, now)
    return None


def _give_up(
    notification: Notification,
    failed: Delivery,
    why: str,
    now: datetime,
    before: str,
    reason: Reason,
) -> None:
    others = notification.deliveries.exclude(pk=failed.pk).exclude(
        state__in=[Delivery.State.FAILED, Delivery.State.CANCELLED, Delivery.State.EXPIRED]
    )
    others = others.exclude(state=Delivery.State.SENT, failure=UNCONFIRMED)
    if others.exists():
        return  # another route of the same notification is under way, or has worked
    notification.state = Notification.State.FAILED
    notification.save(update_fields=["routes", "state"])
    decide(
        notification,
        Decision.Verdict.DROP,
        reason,
        now,
        delivery=failed,
        family=before,
        why=why.rstrip("."),
    ).save()
    not_told(notification, why, now)
