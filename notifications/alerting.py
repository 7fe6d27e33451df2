"""Alerts: what is written to a place about an incident, and queued as any other message.

An alert that fails raises nothing about itself: the next step of the policy follows.
"""

import secrets
from datetime import datetime, timedelta

from django.conf import settings

from channels_app.registry import provider_class
from consents.models import Purpose
from notifications import alert_links
from notifications.models import Audience, Delivery, Destination, Incident, Notification
from notifications.values import zone
from notifications.words.alerts import AlertWords, alert_words
from orders.models import Brand, Store

MANY = "alerts"  # the event of one message in place of many alerts
MANY_FOR = timedelta(minutes=15)  # it is not repeated so soon
ALERT = "alert"  # the event of an alert; its end has the name of the state that ended it
ALERT_LIFE = timedelta(hours=2)  # how long an alert is worth sending
_NEVER_TOLD = (Delivery.State.FAILED, Delivery.State.CANCELLED, Delivery.State.EXPIRED)
# What is being sent at this moment arrives before its end does.
AFTER_A_CALL = timedelta(seconds=15)


def tell(incident: Incident, place: Destination, step: str, now: datetime) -> bool:
    """Queue the alert of one step to one place; False when it was queued before."""
    text = alert_text(incident, place, now)
    return _queue(incident, place, ALERT, f"incident:{incident.pk}:{step}:{place.pk}", text, now)


def tell_of_many(incident: Incident, place: Destination, now: datetime) -> bool:
    """Queue one message that leads to the dashboard, in place of this alert and those like it.

    False when the place was told so a few minutes ago.
    """
    words = alert_words(place.language or place.brand.language)
    url = f"{settings.PUBLIC_BASE_URL}/dashboard/incidents/"
    text = words.many.format(brand=place.brand.name, title=incident.title, url=url)
    slot = int(now.timestamp() // MANY_FOR.total_seconds())
    return _queue(incident, place, MANY, f"alerts:{place.pk}:{slot}", text, now)


def tell_elsewhere(incident: Incident, now: datetime) -> int:
    """Tell the providers that keep the incident open on their side that its state has changed.

    Only those that were told of it, and once for each state; how many there are.
    """
    told = Delivery.objects.filter(notification__incident=incident, notification__event=ALERT)
    rows = told.exclude(state__in=_NEVER_TOLD).values_list("state", "notification__destination_id")
    states = {destination: state for state, destination in rows if destination}
    places = Destination.objects.filter(pk__in=states).select_related("channel", "brand")
    count = 0
    for place in places:
        if provider_class(place.channel.provider).resolves_incidents:
            busy = states[place.pk] == Delivery.State.SENDING
            due = now + AFTER_A_CALL if busy else now
            count += _tell_over(incident, place, due, now)
    return count


def _tell_over(incident: Incident, place: Destination, due: datetime, now: datetime) -> bool:
    words = alert_words(place.language or place.brand.language).over[incident.state]
    text = words.format(
        title=incident.title, why=incident.resolved_why, actor=incident.acknowledged_by
    )
    intent = f"incident:{incident.pk}:{incident.state}:{place.pk}"
    return _queue(incident, place, incident.state, intent, text.strip(), now, due)


def _queue(
    incident: Incident,
    place: Destination,
    event: str,
    intent: str,
    text: str,
    now: datetime,
    due: datetime | None = None,
) -> bool:
    fields = {
        "brand_id": incident.brand_id,
        "incident": None if event == MANY else incident,
        "order_id": None if event == MANY else incident.order_id,
        "store_id": incident.store_id,
        "destination": place,
        "event": event,
        "template": "staff",
        "audience": Audience.STAFF,
        "purpose": Purpose.STAFF,
        "language": (place.language or place.brand.language)[:10],
        "text": text,
        "urgent": True,
        "useful_until": now + ALERT_LIFE,
        "created_at": now,
    }
    notification, made = Notification.objects.get_or_create(intent=intent, defaults=fields)
    if made:
        Delivery.objects.create(
            brand_id=incident.brand_id,
            notification=notification,
            order_id=notification.order_id,
            channel_id=place.channel_id,
            address=place.address,
            ref=secrets.token_urlsafe(18),
            urgent=True,
            due_at=due or now,
            created_at=now,
        )
    return made


def alert_text(incident: Incident, place: Destination, now: datetime) -> str:
    """What, where, since when, what to do, and the link; in the language of the place."""
    words = alert_words(place.language or place.brand.language)
    lines = [
        f"{place.brand.name}: {incident.title}",
        incident.detail,
        _since(words, incident, place.brand, now),
        words.act.format(act=incident.next_act.rstrip(".")) if incident.next_act else "",
        words.answer.format(url=alert_links.alert_url(incident.pk, place.pk)),
    ]
    return "\n".join(line for line in lines if line)


def _since(words: AlertWords, incident: Incident, brand: Brand, now: datetime) -> str:
    """Where and since when, on the clock of the store; and how long nobody has answered."""
    store = incident.store or Store.objects.filter(brand=brand).first()
    opened = incident.opened_at.astimezone(zone(store.time_zone if store else "UTC"))
    age = now - incident.opened_at
    time = opened.strftime("%H:%M" if age < timedelta(hours=18) else "%Y-%m-%d %H:%M")
    where = words.since_at if incident.store else words.since
    parts = [where.format(store=incident.store.name if incident.store else "", time=time)]
    if incident.state == Incident.State.SNOOZED:
        parts.append(words.put_off)
    elif incident.step:
        parts.append(words.unanswered.format(minutes=int(age.total_seconds() // 60)))
    return " ".join(parts)


def any_on_the_way(incident_id: int) -> bool:
    """Whether an alert about it has arrived, or still may."""
    alerts = Notification.objects.filter(incident_id=incident_id, event=ALERT)
    return alerts.filter(state__in=[Notification.State.OPEN, Notification.State.DONE]).exists()
