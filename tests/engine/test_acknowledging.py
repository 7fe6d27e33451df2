"""What people do about an incident counts once, whoever presses and however often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications import acknowledging, incidents
from notifications.models import Incident, IncidentEvent
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.fixture
def incident() -> Incident:
    trouble = incidents.Trouble(BrandFactory().pk, "silent", "silent:1", "No orders for 41 min")
    return incidents.raise_incident(trouble, NOW)


def act(incident: Incident, verb: str, minute: int = 1, **more: Any) -> Incident:
    found = acknowledging.act(incident.token, verb, "kim", NOW + timedelta(minutes=minute), **more)
    assert found is not None
    return found


def history() -> list[str]:
    return list(IncidentEvent.objects.order_by("id").values_list("kind", flat=True))


def test_acknowledged_once_with_a_name(incident: Incident):
    found = act(incident, "acknowledge")
    again = act(incident, "acknowledge", minute=9)
    assert (found.state, found.acknowledged_by, found.due_at) == ("acknowledged", "kim", None)
    assert again.acknowledged_at == NOW + timedelta(minutes=1)
    assert history() == ["opened", "acknowledged"]


def test_snoozed_until_a_moment_and_a_second_press_adds_nothing(incident: Incident):
    found = act(incident, "snooze", minutes=60)
    act(incident, "snooze", minutes=60)
    assert (found.state, found.due_at) == ("snoozed", NOW + timedelta(minutes=61))
    assert history() == ["opened", "snoozed"]


def test_a_snooze_has_a_length_by_itself_and_a_limit(incident: Incident):
    assert act(incident, "snooze").due_at == NOW + timedelta(minutes=16)
    longest = NOW + timedelta(minutes=1, days=1)
    assert act(incident, "snooze", minutes=99_999).due_at == longest


def test_resolved_with_an_outcome_and_nothing_brings_it_back(incident: Incident):
    act(incident, "resolve", outcome="Reached by phone.")
    for verb in acknowledging.VERBS:
        found = act(incident, verb, minute=5)
    assert (found.state, found.resolved_why) == ("resolved", "Reached by phone.")
    assert found.resolved_at == NOW + timedelta(minutes=1)
    assert history() == ["opened", "resolved"]


def test_an_unknown_token_does_nothing(incident: Incident):
    assert acknowledging.act("no-such-token", "resolve", "kim", NOW) is None
    assert acknowledging.act("", "resolve", "kim", NOW) is None
    assert history() == ["opened"]


def test_only_three_things_can_be_done(incident: Incident):
    with pytest.raises(ValueError, match="known: acknowledge, snooze, resolve"):
        acknowledging.act(incident.token, "delete", "kim", NOW)
