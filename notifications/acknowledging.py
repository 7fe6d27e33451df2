"""What people do about an incident: acknowledge, put off, resolve. One way in for all of them.

The dashboard, the link in an alert, Slack's buttons and PagerDuty's webhook all call `act`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from notifications import alerting, doorbell, incidents
from notifications.models import Incident

State = Incident.State
VERBS = ("acknowledge", "snooze", "resolve", "reopen")
SNOOZE_MINUTES = 15
LONGEST_SNOOZE = 24 * 60  # minutes
SAME_PRESS = timedelta(minutes=1)


def act(
    token: str,
    verb: str,
    actor: str,
    now: datetime,
    minutes: int | None = None,
    outcome: str = "",
) -> Incident | None:
    """Do `verb` about the incident called `token`; the incident after it, None when unknown.

    Doing it twice changes nothing. `minutes` is for "snooze" (15 when left out), `outcome`
    a sentence for "resolve". Raises ValueError for another verb.
    """
    if verb not in VERBS:
        raise ValueError(f"Nobody can {verb!r} an incident; known: {', '.join(VERBS)}.")
    incident = Incident.objects.filter(token=token).first() if token else None
    if incident is None:
        return None
    what: dict[str, Callable[[], bool]] = {
        "acknowledge": partial(_acknowledge, incident, actor, now),
        "snooze": partial(_snooze, incident, actor, now, minutes or SNOOZE_MINUTES),
        "resolve": partial(_resolve, incident, actor, now, outcome),
        "reopen": partial(_reopen, incident, actor, now),
    }
    with transaction.atomic():
        if what[verb]():
            transaction.on_commit(doorbell.ring)
    incident.refresh_from_db()
    return incident


def _acknowledge(incident: Incident, actor: str, now: datetime) -> bool:
    """Somebody is on it: no further step."""
    waiting = Incident.objects.filter(pk=incident.pk, state__in=[State.OPEN, State.SNOOZED])
    done = waiting.update(
        state=State.ACKNOWLEDGED,
        acknowledged_at=now,
        acknowledged_by=actor[:120],
        due_at=None,
    )
    if done:
        incidents.note(incident.pk, "acknowledged", now, actor)
        incident.refresh_from_db()
        alerting.tell_elsewhere(incident, now)
    return bool(done)


def _snooze(incident: Incident, actor: str, now: datetime, minutes: int) -> bool:
    """Quiet for so long; then those who were told last are told again."""
    minutes = max(1, min(minutes, LONGEST_SNOOZE))
    until = now + timedelta(minutes=minutes)
    rows = Incident.objects.filter(pk=incident.pk).exclude(state=State.RESOLVED)
    rows = rows.exclude(state=State.SNOOZED, due_at__gte=until - SAME_PRESS)
    done = rows.update(state=State.SNOOZED, due_at=until)
    if done:
        incidents.note(incident.pk, "snoozed", now, actor, f"{minutes} min")
    return bool(done)


def _reopen(incident: Incident, actor: str, now: datetime) -> bool:
    """It is nobody's again: those who were told last are told at once. Resolved stays resolved."""
    taken = Incident.objects.filter(pk=incident.pk, state=State.ACKNOWLEDGED)
    done = taken.update(state=State.SNOOZED, due_at=now, acknowledged_by="", acknowledged_at=None)
    if done:
        incidents.note(incident.pk, "reopened", now, actor)
    return bool(done)


def _resolve(incident: Incident, actor: str, now: datetime, outcome: str) -> bool:
    """It is over, says a person."""
    why = outcome.strip() or f"Resolved by {actor or 'somebody'}."
    return bool(incidents.resolve_one(incident, why, now, actor))
