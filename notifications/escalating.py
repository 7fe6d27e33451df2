"""Step by step, until somebody answers: who is told of an incident, where, and when.

An incident that is due is taken by one process. Its step, the alerts and the moment of
the next step are one transaction, so that nobody is told twice and nobody is left out.
"""

import logging
from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from notifications import alerting, doorbell, incidents, shifts
from notifications.models import (
    Audience,
    Destination,
    EscalationPolicy,
    EscalationStep,
    Incident,
    IncidentEvent,
    Notification,
)
from orders import hours
from orders.claiming import claim
from orders.models import Store
from orders.normalising import where

log = logging.getLogger(__name__)
State = Incident.State
WAITING = (State.OPEN, State.SNOOZED)
AT_ONCE = 50  # incidents in one sweep
# So many steps about orders in so short a time are a flood: looked for among the newest events.
FLOOD = 20
FLOOD_TIME = timedelta(minutes=10)
FLOOD_WINDOW = 500
TAKEN_FOR = timedelta(minutes=1)  # then another process tries


def run_due(now: datetime) -> int:
    """Take the incidents that are due one step on; how many there were."""
    if not Incident.objects.filter(due_at__lte=now, state__in=WAITING).exists():
        return 0
    rows = claim(
        "notifications_incident",
        "due_at <= %s AND state IN ('open', 'snoozed')",
        "due_at",
        AT_ONCE,
        {"due_at": "%s"},
        params=[now],
        update_params=[now + TAKEN_FOR],
    )
    for (pk,) in rows:
        try:
            _step(pk, now)
        except OperationalError:
            raise
        except Exception as error:
            log.error("incident %s could not be taken on; it comes again: %s", pk, where(error))
    return len(rows)


def alert_failed(alert: Notification, now: datetime) -> None:
    """A place could not be told: no new incident; the next step comes now if nobody else was."""
    if alert.incident_id is None or alert.event != alerting.ALERT:
        return
    place = alert.destination.name if alert.destination else ""
    incidents.note(alert.incident_id, "unsent", now, detail=f"{place} could not be reached.")
    if not alerting.any_on_the_way(alert.incident_id):
        due = Incident.objects.filter(pk=alert.incident_id, state=State.OPEN, due_at__gt=now)
        due.update(due_at=now)


@transaction.atomic
def _step(pk: int, now: datetime) -> None:
    """The next step of one incident, or the moment when it will be due."""
    rows = Incident.objects.select_for_update(no_key=True, of=("self",))
    incident = rows.select_related("store", "order__store", "brand").get(pk=pk)
    if incident.state not in WAITING:
        return
    policy = find_policy(incident)
    if policy is None:
        _rest(incident, now, "No escalation policy is for it: it is shown on the dashboard only.")
        return
    steps = list(policy.steps.prefetch_related("destinations__channel", "destinations__brand"))
    put_off = incident.state == State.SNOOZED
    index = max(incident.step - 1, 0) if put_off else incident.step
    if index >= len(steps):
        _rest(incident, now, "")
    elif (later := _not_before(incident, policy, steps[index], now)) > now:
        Incident.objects.filter(pk=pk).update(due_at=later, policy=policy)
    else:
        _perform(incident, policy, steps, index, now)


def _perform(
    incident: Incident,
    policy: EscalationPolicy,
    steps: list[EscalationStep],
    index: int,
    now: datetime,
) -> None:
    """Tell everybody of this step. When that is nobody, the next one comes at once."""
    step = steps[index]
    name = str(step.pk)
    if incident.state == State.SNOOZED:
        name += f".{_times_put_off(incident)}"
    told = _tell(_places(step, incident, now), incident, name, now)
    following = steps[index + 1] if index + 1 < len(steps) else None
    wait = timedelta(minutes=following.after_minutes if following and told else 0)
    Incident.objects.filter(pk=incident.pk).update(
        state=State.OPEN,
        policy=policy,
        step=index + 1,
        due_at=now + wait if following else None,
    )
    whom = ", ".join(told) or "nobody is there to be told."
    incidents.note(incident.pk, "told", now, detail=f"{policy.name}, step {index + 1}: {whom}")
    transaction.on_commit(doorbell.ring)


def _tell(places: list[Destination], incident: Incident, step: str, now: datetime) -> list[str]:
    """Alert the places; in a flood of alerts about orders, with one message for all of them."""
    if not _is_flood(incident, now):
        return [place.name for place in places if alerting.tell(incident, place, step, now)]
    for place in places:
        alerting.tell_of_many(incident, place, now)
    return [f"{place.name} (many at once: one message for all)" for place in places]


def _is_flood(incident: Incident, now: datetime) -> bool:
    """Whether the brand's staff were alerted of so many orders lately that more would not help."""
    if incident.order_id is None:
        return False
    newest = IncidentEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
    lately = IncidentEvent.objects.filter(
        id__gt=newest - FLOOD_WINDOW,
        kind="told",
        at__gt=now - FLOOD_TIME,
        incident__brand_id=incident.brand_id,
        incident__order__isnull=False,
    )
    return len(lately.values_list("id", flat=True)[:FLOOD]) >= FLOOD


def _rest(incident: Incident, now: datetime, why: str) -> None:
    """No further step: it stays open on the dashboard."""
    Incident.objects.filter(pk=incident.pk).update(state=State.OPEN, due_at=None)
    if why:
        incidents.note(incident.pk, "note", now, detail=why)


def _not_before(
    incident: Incident, policy: EscalationPolicy, step: EscalationStep, now: datetime
) -> datetime:
    """When the step may come: after its first minutes, and if so wished in opening hours."""
    begin = now
    if not incident.step and incident.state == State.OPEN:
        begin = max(now, incident.opened_at + timedelta(minutes=step.after_minutes))
    store = store_of(incident)
    if not policy.open_hours_only or store is None:
        return begin
    spans = hours.spans(store.hours, hours.place(store.time_zone), begin, begin + hours.LOOK_AHEAD)
    opens = next((start for start, _end in spans), begin)
    if opens <= begin:
        return begin
    at = opens.strftime("%Y-%m-%d %H:%M UTC")
    incidents.note(incident.pk, "waits", now, detail=f"{store.name} is closed until {at}.")
    return opens


def find_policy(incident: Incident) -> EscalationPolicy | None:
    """The first active policy of the brand, in their order, whose conditions all hold."""
    policies = EscalationPolicy.objects.filter(brand_id=incident.brand_id, active=True)
    status, store = incident.order.status if incident.order else "", store_of(incident)
    for policy in policies.prefetch_related("stores", "steps"):
        stores = {one.pk for one in policy.stores.all()}
        if (
            (not policy.kinds or incident.kind in policy.kinds)
            and (not policy.statuses or status in policy.statuses)
            and (not stores or (store is not None and store.pk in stores))
            and policy.steps.all()
        ):
            return policy
    return None


def store_of(incident: Incident) -> Store | None:
    """The store that it happened at."""
    return incident.store or (incident.order.store if incident.order else None)


def _places(step: EscalationStep, incident: Incident, now: datetime) -> list[Destination]:
    """The step's places and who is on shift, each once; if it names neither, all of the staff's."""
    store = store_of(incident)
    named = list(step.destinations.all())
    if not named and not step.on_shift:
        staff = Destination.objects.filter(brand_id=incident.brand_id, audience=Audience.STAFF)
        named = list(staff.select_related("channel", "brand"))
    if step.on_shift and store is not None:
        named += shifts.on_shift(store, now)
    return [
        place
        for place in dict.fromkeys(named)
        if place.enabled
        and place.channel.enabled
        and (store is None or place.store_id in (None, store.pk))
    ]


def _times_put_off(incident: Incident) -> int:
    kinds = ["snoozed", "reopened"]
    return IncidentEvent.objects.filter(incident_id=incident.pk, kind__in=kinds).count()
