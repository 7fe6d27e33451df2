"""What people do about an alert where it reached them: a Slack button, PagerDuty's webhook."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from channels_app.contract import IncidentAction
from channels_app.models import Channel
from notifications import acknowledging, doorbell, incidents
from notifications.models import Incident

State = Incident.State


def perform(channel: Channel, actions: Sequence[IncidentAction], now: datetime) -> int:
    """Do what `actions` say about incidents of the channel's own brand; how many were known.

    Whoever can sign for a channel can still only touch its brand. Twice is harmless.
    """
    tokens = {action.token for action in actions}
    found = Incident.objects.filter(brand_id=channel.brand_id, token__in=tokens)
    known = {incident.token: incident for incident in found}
    told = [action for action in actions if action.token in known]
    for action in told:
        _act(channel, known[action.token], action, now)
    return len(told)


def _act(channel: Channel, incident: Incident, action: IncidentAction, now: datetime) -> None:
    actor = f"{action.actor or 'Somebody'} ({channel.name})"[:120]
    if action.verb == "reopen":
        _reopen(incident, actor, now)
    elif action.verb in acknowledging.VERBS:
        acknowledging.act(action.token, action.verb, actor, now, action.minutes)


def _reopen(incident: Incident, actor: str, now: datetime) -> None:
    """Whoever had acknowledged it gave it back: the next step is due at once.

    One that is resolved stays so: what was wrong is over, and would be found again if not.
    """
    with transaction.atomic():
        given_back = Incident.objects.filter(pk=incident.pk, state=State.ACKNOWLEDGED)
        if given_back.update(state=State.OPEN, due_at=now):
            incidents.note(incident.pk, "reopened", now, actor)
            transaction.on_commit(doorbell.ring)
