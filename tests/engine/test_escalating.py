"""Step after step until somebody answers: on a clock that the test moves."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_app.providers.slack.provider import Slack
from notifications import acknowledging, context, escalating, incidents, unreached
from notifications.composing import compose
from notifications.gating import gate
from notifications.models import (
    Delivery,
    Destination,
    EscalationPolicy,
    EscalationStep,
    Incident,
    IncidentEvent,
    Notification,
    Shift,
)
from tests.factories import BrandFactory, ChannelFactory, OrderFactory, StoreFactory

pytestmark = pytest.mark.django_db(transaction=True)
# A Friday, 13:00 in New York.
NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.fixture
def scene() -> Any:
    """A store with three places, and an order."""
    brand = BrandFactory(name="Nonna")
    store = StoreFactory(brand=brand, name="Harbour")
    channel = ChannelFactory(brand_id=brand.pk, provider="slack")
    places = {
        name: Destination.objects.create(
            brand=brand, slug=name, name=name.title(), channel=channel, address=name.upper()
        )
        for name in ("kitchen", "manager", "owner")
    }
    order = OrderFactory(brand=brand, connection__brand=brand, store=store)
    return SimpleNamespace(brand=brand, store=store, order=order, channel=channel, **places)


def policy(scene: Any, *steps: tuple[int, list[Destination]], **fields: Any) -> EscalationPolicy:
    """A policy whose steps are (minutes, places)."""
    slug = f"policy-{EscalationPolicy.objects.count()}"
    found = EscalationPolicy.objects.create(
        brand=scene.brand, slug=slug, name=slug.title(), **fields
    )
    for position, (minutes, places) in enumerate(steps, 1):
        step = EscalationStep.objects.create(
            policy=found, position=position, after_minutes=minutes, on_shift=not places
        )
        step.destinations.set(places)
    return found


def trouble(scene: Any, **fields: Any) -> Incident:
    """An incident about the order, opened at NOW."""
    values = {
        "kind": "late",
        "about": f"late:{scene.order.pk}:main",
        "title": "#1042 is late",
        "detail": "Ready was expected at 12:40.",
        "next_act": "Ask the kitchen.",
        "order_id": scene.order.pk,
        **fields,
    }
    return incidents.raise_incident(incidents.Trouble(scene.brand.pk, **values), NOW)


def after(minutes: float) -> None:
    """Let `minutes` since NOW have gone by, with a sweep at their end."""
    escalating.run_due(NOW + timedelta(minutes=minutes))


def told(event: str = "alert") -> list[str]:
    rows = Delivery.objects.filter(notification__event=event).order_by("id")
    return list(rows.values_list("address", flat=True))


def history() -> list[str]:
    return list(IncidentEvent.objects.order_by("id").values_list("kind", flat=True))


# --- Steps ---


def test_each_step_comes_in_its_time_until_none_is_left(scene: Any):
    policy(scene, (0, [scene.kitchen]), (5, [scene.manager]), (10, [scene.owner, scene.kitchen]))
    incident = trouble(scene)
    after(0)
    assert told() == ["KITCHEN"]
    after(4.9)
    assert told() == ["KITCHEN"]
    after(5)
    assert told() == ["KITCHEN", "MANAGER"]
    after(15)
    assert sorted(told()[2:]) == ["KITCHEN", "OWNER"]
    for minutes in (16, 60, 600):
        after(minutes)
    incident.refresh_from_db()
    assert len(told()) == 4
    assert (incident.state, incident.step, incident.due_at) == ("open", 3, None)
    assert history() == ["opened", "told", "told", "told"]


def test_a_first_step_may_wait_for_a_while(scene: Any):
    policy(scene, (3, [scene.kitchen]))
    trouble(scene)
    after(0)
    after(2.9)
    assert told() == []
    after(3)
    assert told() == ["KITCHEN"]


@pytest.mark.parametrize("verb", ["acknowledge", "resolve"])
def test_whoever_answers_ends_it(scene: Any, verb: str):
    policy(scene, (0, [scene.kitchen]), (5, [scene.manager]))
    incident = trouble(scene)
    after(0)
    acknowledging.act(incident.token, verb, "kim", NOW + timedelta(minutes=1))
    after(60)
    assert told() == ["KITCHEN"]


def test_a_snooze_tells_the_same_people_again_and_then_goes_on(scene: Any):
    policy(scene, (0, [scene.kitchen]), (5, [scene.manager]))
    incident = trouble(scene)
    after(0)
    acknowledging.act(incident.token, "snooze", "kim", NOW + timedelta(minutes=1), 15)
    after(15.9)
    assert told() == ["KITCHEN"]
    after(16)
    assert told() == ["KITCHEN", "KITCHEN"]
    assert Notification.objects.order_by("id").last().text.count("put off") == 1
    after(21)
    assert told() == ["KITCHEN", "KITCHEN", "MANAGER"]


def test_what_is_given_back_is_told_again_at_once(scene: Any):
    policy(scene, (0, [scene.kitchen]))
    incident = trouble(scene)
    after(0)
    acknowledging.act(incident.token, "acknowledge", "kim", NOW + timedelta(minutes=1))
    acknowledging.act(incident.token, "reopen", "kim", NOW + timedelta(minutes=2))
    after(2)
    assert told() == ["KITCHEN", "KITCHEN"]


def test_two_pumps_tell_once(scene: Any):
    policy(scene, (0, [scene.kitchen]), (0, [scene.manager]))
    incident = trouble(scene)
    after(0)
    # A process that had read the incident before comes to it now.
    Incident.objects.filter(pk=incident.pk).update(step=0, due_at=NOW)
    after(0)
    assert told() == ["KITCHEN"]


def test_nothing_due_costs_one_question(scene: Any):
    trouble(scene)
    with CaptureQueriesContext(connection) as asked:
        escalating.run_due(NOW - timedelta(seconds=1))
    assert len(asked) == 1


# --- Which policy ---


def test_without_a_policy_it_is_only_shown(scene: Any):
    incident = trouble(scene)
    after(0)
    incident.refresh_from_db()
    assert (incident.state, incident.due_at, told()) == ("open", None, [])
    assert history() == ["opened", "note"]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ({}, True),
        ({"kinds": ["late", "silent"]}, True),
        ({"kinds": ["silent"]}, False),
        ({"statuses": ["placed", "ready"]}, True),
        ({"statuses": ["ready"]}, False),
        ({"active": False}, False),
    ],
)
def test_a_policy_is_for_its_kinds_and_phases(scene: Any, fields: dict[str, Any], fits: bool):
    policy(scene, (0, [scene.kitchen]), **fields)
    trouble(scene)
    after(0)
    assert told() == (["KITCHEN"] if fits else [])


def test_a_policy_is_for_its_stores_and_the_first_that_fits_counts(scene: Any):
    elsewhere = policy(scene, (0, [scene.owner]), position=1)
    elsewhere.stores.add(StoreFactory(brand=scene.brand))
    policy(scene, (0, [scene.manager]), position=3)
    policy(scene, (0, [scene.kitchen]), position=2)
    trouble(scene)
    after(0)
    assert told() == ["KITCHEN"]


def test_a_step_without_names_tells_all_staff_of_the_store(scene: Any):
    found = policy(scene, (0, [scene.kitchen]))
    step = found.steps.get()
    step.destinations.clear()
    other = StoreFactory(brand=scene.brand)
    Destination.objects.filter(pk=scene.owner.pk).update(store=other)
    Destination.objects.filter(pk=scene.manager.pk).update(audience="partner")
    trouble(scene)
    after(0)
    assert told() == ["KITCHEN"]


# --- Opening hours and shifts ---


def test_outside_opening_hours_a_step_waits_until_the_store_opens(scene: Any):
    # Open from 14:00 in New York, which is an hour after NOW.
    scene.store.hours = {"fri": [["14:00", "22:00"]]}
    scene.store.save()
    policy(scene, (0, [scene.kitchen]), open_hours_only=True)
    incident = trouble(scene)
    after(0)
    incident.refresh_from_db()
    assert (told(), incident.due_at) == ([], NOW + timedelta(hours=1))
    after(59)
    assert told() == []
    after(60)
    assert told() == ["KITCHEN"]
    assert history() == ["opened", "waits", "told"]


def on_shift(scene: Any, place: Destination, weekday: int, starts: str, ends: str) -> Shift:
    return Shift.objects.create(
        store=scene.store,
        destination=place,
        weekday=weekday,
        starts=time.fromisoformat(starts),
        ends=time.fromisoformat(ends),
    )


def test_whoever_is_on_shift_is_told(scene: Any):
    on_shift(scene, scene.manager, 4, "09:00", "17:00")
    on_shift(scene, scene.owner, 4, "17:00", "23:00")
    on_shift(scene, scene.kitchen, 5, "09:00", "17:00")
    policy(scene, (0, []))
    trouble(scene)
    after(0)
    assert told() == ["MANAGER"]


def test_with_nobody_on_shift_the_next_step_comes_at_once(scene: Any):
    policy(scene, (0, []), (30, [scene.owner]))
    trouble(scene)
    after(0)
    assert told() == []
    after(0)
    assert told() == ["OWNER"]
    assert "nobody is there" in IncidentEvent.objects.filter(kind="told").first().detail


# --- Words and links ---


def composed(delivery: Delivery, now: datetime) -> Any:
    return compose(context.load([delivery.pk])[0], now).message


def test_an_alert_says_what_where_since_when_what_to_do_and_where_to_answer(
    scene: Any, travel: Callable[..., Any]
):
    travel(NOW)
    policy(scene, (0, [scene.kitchen]))
    incident = trouble(scene)
    after(0)
    message = composed(Delivery.objects.get(), NOW)
    lines = message.text.splitlines()
    assert lines[:4] == [
        "Nonna: #1042 is late",
        "Ready was expected at 12:40.",
        "Harbour, since 13:00.",
        "To do: Ask the kitchen.",
    ]
    link = lines[4].removeprefix("Answer here: ")
    assert link.startswith(f"{settings.PUBLIC_BASE_URL}/a/")
    assert (message.subject, message.url) == ("#1042 is late", link)
    assert message.data["incident"] == {
        "token": incident.token,
        "kind": "late",
        "title": "#1042 is late",
        "state": "open",
        "url": link,
    }


def test_an_alert_speaks_the_language_of_its_place(scene: Any):
    Destination.objects.filter(pk=scene.kitchen.pk).update(language="es")
    policy(scene, (0, [scene.kitchen]))
    trouble(scene)
    after(0)
    assert "Harbour, desde las 13:00." in Notification.objects.get().text


# --- What is over is not announced ---


def stop_of(delivery: Delivery) -> Any:
    return gate(context.load([delivery.pk])[0], NOW + timedelta(minutes=2))


def test_an_alert_that_was_answered_meanwhile_is_not_sent(scene: Any):
    policy(scene, (0, [scene.kitchen, scene.manager]))
    incident = trouble(scene)
    after(0)
    first, second = Delivery.objects.order_by("id")
    assert stop_of(first) is None
    acknowledging.act(incident.token, "acknowledge", "kim", NOW + timedelta(minutes=1))
    assert "kim" in stop_of(second).sentence
    assert stop_of(second).state == "cancelled"


def test_a_provider_that_keeps_it_open_is_told_of_its_end_once(
    scene: Any, monkeypatch: pytest.MonkeyPatch
):
    other = ChannelFactory(brand_id=scene.brand.pk, provider="webhook")
    Destination.objects.filter(pk=scene.manager.pk).update(channel=other)
    monkeypatch.setattr(Slack, "resolves_incidents", True, raising=False)
    policy(scene, (0, [scene.kitchen, scene.manager]))
    incident = trouble(scene)
    after(0)
    acknowledging.act(incident.token, "acknowledge", "kim", NOW)
    for _twice in range(2):
        acknowledging.act(incident.token, "resolve", "kim", NOW, outcome="It is out now.")
    assert (told("acknowledged"), told("resolved")) == (["KITCHEN"], ["KITCHEN"])
    last = Delivery.objects.get(notification__event="resolved")
    assert last.notification.text == "Resolved: #1042 is late. It is out now."
    assert stop_of(last) is None
    assert composed(last, NOW).data["incident"]["state"] == "resolved"


def test_nobody_is_told_of_the_end_who_was_not_told_of_the_beginning(
    scene: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Slack, "resolves_incidents", True, raising=False)
    policy(scene, (0, [scene.kitchen]))
    incident = trouble(scene)
    after(0)
    Delivery.objects.update(state="failed")
    acknowledging.act(incident.token, "resolve", "kim", NOW)
    assert told("resolved") == []


# --- No loops ---


def fail(alert: Notification) -> None:
    Notification.objects.filter(pk=alert.pk).update(state="failed")
    alert.refresh_from_db()
    unreached.not_told(alert, "Slack is down.", NOW + timedelta(seconds=30))


def test_an_alert_that_fails_raises_nothing_and_the_next_step_comes_now(scene: Any):
    policy(scene, (0, [scene.kitchen, scene.manager]), (30, [scene.owner]))
    trouble(scene)
    after(0)
    first, second = Notification.objects.order_by("id")
    fail(first)
    after(1)
    assert len(told()) == 2, "another place was told: no hurry"
    fail(second)
    after(1)
    assert told()[2:] == ["OWNER"]
    assert Incident.objects.count() == 1
    assert history().count("unsent") == 2


def test_with_every_channel_broken_there_are_as_many_alerts_as_places(scene: Any):
    policy(scene, (0, [scene.kitchen]), (5, [scene.manager]), (5, [scene.owner]))
    trouble(scene)
    for minute in range(60):
        after(minute)
        for alert in Notification.objects.filter(event="alert", state="open"):
            fail(alert)
    assert (len(told()), Incident.objects.count()) == (3, 1)


def test_the_same_trouble_again_is_the_same_incident(scene: Any):
    policy(scene, (0, [scene.kitchen]))
    for _again in range(5):
        trouble(scene)
        after(0)
    assert (told(), Incident.objects.get().times_seen) == (["KITCHEN"], 5)


def test_a_flood_of_orders_becomes_one_message_to_each_place(scene: Any):
    policy(scene, (0, [scene.kitchen]))
    for number in range(30):
        trouble(scene, about=f"late:{number}")
    after(0)
    assert (len(told()), len(told("alerts"))) == (20, 1)
    message = composed(Delivery.objects.get(notification__event="alerts"), NOW)
    assert "many alerts at once" in message.text
    assert message.text.endswith("/dashboard/incidents/")
    assert "incident" not in message.data, "a button would answer only one of them"
    trouble(scene, kind="channel", about="channel:1", order_id=None)
    after(0)
    assert len(told()) == 21, "what is about no order is always told by itself"
    trouble(scene, about="late:later")
    after(11)
    assert len(told()) == 22, "the flood is over"


def test_the_store_of_an_incident_is_the_store_of_its_order(scene: Any):
    assert trouble(scene).store == scene.store
