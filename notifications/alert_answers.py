"""What people do about an alert where it reached them: a Slack button, PagerDuty's webhook."""

from collections.abc import Sequence
from datetime import datetime

from channels_app.contract import IncidentAction
from channels_app.models import Channel
from notifications import acknowledging
from notifications.models import Incident


def perform(channel: Channel, actions: Sequence[IncidentAction], now: datetime) -> int:
    """Do what `actions` say about incidents of the channel's own brand; how many were known.

    Whoever can sign for a channel can still only touch its brand. Twice is harmless.
    """
    tokens = {action.token for action in actions}
    found = Incident.objects.filter(brand_id=channel.brand_id, token__in=tokens)
    known = set(found.values_list("token", flat=True))
    told = [action for action in actions if action.token in known]
    for action in told:
        _act(channel, action, now)
    return len(told)


def _act(channel: Channel, action: IncidentAction, now: datetime) -> None:
    if action.verb in acknowledging.VERBS:
        actor = f"{action.actor or 'Somebody'} ({channel.name})"
        acknowledging.act(action.token, action.verb, actor, now, action.minutes)
