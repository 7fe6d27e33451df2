"""Customers whom no channel reached become tasks for a person, with the next best act.

One task for an order's part and phase, as soon as the last route has failed. It closes by
itself when a receipt comes after all, when they look at the tracking page, or when the
order moves on.
"""

import re
from datetime import datetime

from channels_app.failures import FailureKind
from notifications import escalating, incidents
from notifications.incidents import Trouble
from notifications.models import Audience, Incident, IncidentKind, Notification, PageView
from notifications.words.alerts import AlertWords, alert_words
from orders.models import FulfilmentGroup, Order
from orders.statuses import FINAL, Fact, Status, rank

# News that somebody waits for, or would come in vain without.
MATTERS = frozenset(
    {
        Status.READY.value,
        Status.OUT_FOR_DELIVERY.value,
        Status.CANCELLED.value,
        Fact.DELAYED.value,
        Fact.ATTEMPTED.value,
        Fact.FAILED.value,
    }
)

# What the tracking page does not say.
UNSEEN = frozenset({Fact.ATTEMPTED.value, Fact.FAILED.value})
# What a provider says of a failure may name the very address.
_ADDRESS = re.compile(r"\+?\d[\d ().-]{6,}\d|\S+@\S+")


def not_told(notification: Notification, why: str, now: datetime) -> Incident | None:
    """All routes of `notification` have failed: the task for a person, if one is needed."""
    if notification.incident_id is not None:
        escalating.alert_failed(notification, now)
        return None
    if notification.audience != Audience.CUSTOMER or notification.event not in MATTERS:
        return None
    orders = Order.objects.select_related("brand", "store").filter(pk=notification.order_id or 0)
    order = orders.filter(is_test=False, archived_at__isnull=True).first()
    if order is None or _needs_nobody(order, notification):
        return None
    return incidents.raise_incident(_trouble(order, notification, why), now)


def about(notification: Notification) -> str:
    """One for each phase of a part: `unreached:<order id>:<event>:<part>`."""
    part = notification.group_key
    return f"unreached:{notification.order_id}:{notification.event}:{part}"[:200]


def reached(notification: Notification, now: datetime) -> int:
    """A receipt says that it has arrived after all; how many tasks that closed."""
    why = "A receipt came after all: the message has arrived."
    return incidents.resolve(notification.brand_id, about(notification), why, now)


def seen(order_id: int, now: datetime) -> int:
    """They looked at the tracking page, so they know; how many tasks that closed."""
    rows = Incident.objects.filter(order_id=order_id, about__startswith=f"unreached:{order_id}:")
    why = "They looked at the tracking page: they know."
    return sum(
        incidents.resolve_one(one, why, now)
        for one in rows.exclude(state=Incident.State.RESOLVED)
        if one.about.split(":")[2] not in UNSEEN
    )


def _needs_nobody(order: Order, notification: Notification) -> bool:
    """They know by other means, the order has gone on, or this phase had its task already."""
    change = notification.change
    since = change.occurred_at if change else notification.created_at
    other = Notification.objects.filter(
        order_id=order.pk,
        change_id=notification.change_id,
        audience=Audience.CUSTOMER,
        state=Notification.State.DONE,
    )
    earlier = Incident.objects.filter(order_id=order.pk, about=about(notification))
    return (
        _moved_on(order, notification)
        or (notification.change_id is not None and other.exists())
        or (notification.event not in UNSEEN and _looked(order, since))
        or earlier.filter(state=Incident.State.RESOLVED).exists()
    )


def _looked(order: Order, since: datetime) -> bool:
    return PageView.objects.filter(order_id=order.pk, seen_at__gte=since).exists()


def _moved_on(order: Order, notification: Notification) -> bool:
    """Whether what they were to be told is history."""
    current = _status(order, notification.group_key)
    if rank(notification.event):
        return rank(current) > rank(notification.event)
    return current in FINAL


def _status(order: Order, group_key: str) -> str:
    parts = FulfilmentGroup.objects.filter(order_id=order.pk, key=group_key)
    return parts.values_list("status", flat=True).first() or order.status


def _trouble(order: Order, notification: Notification, why: str) -> Trouble:
    words = alert_words((order.store and order.store.language) or order.brand.language)
    unsure = notification.deliveries.filter(failure=FailureKind.UNKNOWN).exists()
    title = (words.unsure if unsure else words.untold).format(
        who=order.contact_given_name or words.nobody,
        order=order.display_number or order.external_id,
        phase=words.phases[notification.event],
    )
    return Trouble(
        brand_id=order.brand_id,
        kind=IncidentKind.UNKNOWN if unsure else IncidentKind.UNREACHED,
        about=about(notification),
        title=title,
        detail=_ADDRESS.sub("…", why),
        next_act=_next_act(words, order, notification.event),
        store_id=order.store_id,
        order_id=order.pk,
    )


def _next_act(words: AlertWords, order: Order, event: str) -> str:
    """The best thing that a person can do now."""
    if order.contact_phone:
        name = order.contact_given_name
        return words.acts["call"].format(who=name) if name else words.acts["call_nobody"]
    if order.status == Status.OUT_FOR_DELIVERY:
        return words.acts["driver"]
    if event == Status.READY:
        return words.acts["counter"]
    return words.acts["source"]
