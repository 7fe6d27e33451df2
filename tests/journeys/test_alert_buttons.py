"""Somebody is needed: the alert arrives in Slack and at PagerDuty, and is answered there."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.models import Channel
from notifications import escalating, incidents
from notifications.models import (
    Delivery,
    Destination,
    EscalationPolicy,
    EscalationStep,
    Incident,
    IncidentEvent,
    Rule,
)
from orders.models import Brand
from tests.factories import BrandFactory, MembershipFactory
from tests.journeys.alerts import alarmed, buttons, events, history, needed, reached, respond
from tests.journeys.shop import Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)


# --- From Slack ---------------------------------------------------------------------
def test_a_button_in_the_room_takes_the_incident_and_the_room_hears_who_is_on_it(
    shop: Shop,
) -> None:
    incident = alarmed(shop, "kitchen")
    assert buttons(shop, 0) == ["incident_acknowledge", "incident_snooze_15", "incident_resolve"]
    shop.sandbox_inbound("button:acknowledge", sender="U0ADA", provider="slack")
    taken = reached(shop, incident, "acknowledged")
    assert (taken.acknowledged_by, taken.due_at) == ("u0ada (Slack)", None)
    assert history(taken) == [("acknowledged", "u0ada (Slack)")]
    shop.pump()
    assert shop.texts("slack")[1].startswith("u0ada (Slack) is on it: Ada was not told")
    assert buttons(shop, 1) == ["incident_resolve"]


def test_an_alert_can_be_put_off_and_ended_from_the_room(shop: Shop) -> None:
    incident = alarmed(shop, "kitchen")
    before = timezone.now()
    shop.sandbox_inbound("button:snooze", sender="U0ADA", provider="slack")
    later = reached(shop, incident, "snoozed").due_at
    assert later is not None and later >= before + timedelta(minutes=15)
    Incident.objects.filter(pk=incident.pk).update(due_at=None)
    shop.sandbox_inbound("button:resolve", sender="U0ADA", provider="slack")
    over = reached(shop, incident, "resolved")
    assert over.resolved_why == "Resolved by u0ada (Slack)."
    shop.pump()
    assert shop.texts("slack")[1].startswith("Resolved: Ada was not told")
    assert buttons(shop, 1) == []


def test_who_is_on_it_in_slack_is_told_at_pagerduty_and_its_end_as_well(
    shop: Shop, pager: Destination
) -> None:
    incident = alarmed(shop, "kitchen", "on-call")
    shop.sandbox_inbound("button:acknowledge", sender="U0ADA", provider="slack")
    reached(shop, incident, "acknowledged")
    shop.pump()
    incidents.resolve(shop.brand.pk, incident.about, "The receipt came.", timezone.now())
    shop.pump()
    sent = events(shop)
    assert [one["event_action"] for one in sent] == ["trigger", "acknowledge", "resolve"]
    assert {one["dedup_key"] for one in sent} == {incident.token}
    assert [one["text"] for one in shop.sandbox.messages("pagerduty")][1:] == [
        "acknowledged",
        "resolved",
    ]


# --- From PagerDuty -----------------------------------------------------------------
def test_a_responder_takes_the_incident_gives_it_back_and_ends_it(
    shop: Shop, pager: Destination
) -> None:
    incident = alarmed(shop, "on-call")
    (message,) = shop.sandbox.messages("pagerduty")
    assert (message["id"], message["to"]) == (incident.token, "harbour")
    respond(shop, incident.token, "acknowledged")
    taken = reached(shop, incident, "acknowledged")
    assert taken.acknowledged_by == "Robin Responder (Pagerduty)"
    respond(shop, incident.token, "unacknowledged")
    shop.until(lambda: not Incident.objects.filter(pk=incident.pk, state="acknowledged").exists())
    incident.refresh_from_db()
    assert incident.due_at is not None, "the next step is due"
    Incident.objects.filter(pk=incident.pk).update(due_at=None)
    respond(shop, incident.token, "resolved")
    reached(shop, incident, "resolved")
    kinds = [kind for kind, actor in history(incident) if actor == "Robin Responder (Pagerduty)"]
    assert kinds == ["acknowledged", "reopened", "resolved"]


def test_what_ends_here_ends_at_pagerduty_under_the_same_key(
    shop: Shop, pager: Destination
) -> None:
    incident = alarmed(shop, "on-call")
    incidents.resolve(shop.brand.pk, incident.about, "The order has moved on.", timezone.now())
    shop.pump()
    sent = events(shop)
    assert [one["event_action"] for one in sent] == ["trigger", "resolve"]
    assert sent[1] == {
        "routing_key": shop.channels["pagerduty"].credentials["routing_key"],
        "event_action": "resolve",
        "dedup_key": incident.token,
    }


# --- The whole way, with a policy ---------------------------------------------------
def kitchen_then_pager(brand: Brand) -> None:
    """The room at once; five minutes later, whoever is on call."""
    EscalationPolicy.objects.filter(brand=brand).delete()
    policy = EscalationPolicy.objects.create(brand=brand, slug="all", name="All")
    for position, (slug, minutes) in enumerate([("kitchen", 0), ("on-call", 5)], 1):
        step = EscalationStep.objects.create(
            policy=policy, position=position, after_minutes=minutes
        )
        step.destinations.add(Destination.objects.get(brand=brand, slug=slug))


def step_on(shop: Shop) -> None:
    """Whatever is due by now happens."""
    escalating.run_due(timezone.now())
    shop.pump()


def begun(shop: Shop) -> Incident:
    """An incident that the policy has taken up: the room is told."""
    kitchen_then_pager(shop.brand)
    incident = needed(shop.brand)
    Incident.objects.filter(pk=incident.pk).update(due_at=timezone.now())
    step_on(shop)
    assert (len(shop.texts("slack")), events(shop)) == (1, [])
    return incident


def test_a_button_in_the_room_keeps_the_pager_quiet(shop: Shop, pager: Destination) -> None:
    incident = begun(shop)
    shop.sandbox_inbound("button:acknowledge", sender="U0ADA", provider="slack")
    reached(shop, incident, "acknowledged")
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=True):
        step_on(shop)
    assert events(shop) == []


def test_when_nobody_answers_the_pager_rings_and_is_quiet_at_the_end(
    shop: Shop, pager: Destination
) -> None:
    incident = begun(shop)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        step_on(shop)
        assert [one["event_action"] for one in events(shop)] == ["trigger"]
        respond(shop, incident.token, "acknowledged")
        taken = reached(shop, incident, "acknowledged")
        assert taken.acknowledged_by == "Robin Responder (Pagerduty)"
        shop.sandbox_inbound("button:resolve", sender="U0ADA", provider="slack")
        reached(shop, incident, "resolved")
        shop.pump()
    assert [one["event_action"] for one in events(shop)][-1] == "resolve"
    assert shop.texts("slack")[-1].startswith("Resolved: Ada was not told")


def test_what_a_responder_gives_back_rings_again(shop: Shop, pager: Destination) -> None:
    incident = begun(shop)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True):
        step_on(shop)
        respond(shop, incident.token, "acknowledged")
        reached(shop, incident, "acknowledged")
        respond(shop, incident.token, "unacknowledged")
        given_back = IncidentEvent.objects.filter(incident=incident, kind="reopened")
        shop.until(given_back.exists)
        step_on(shop)
        # That Robin was on it is not told any more.
        assert [one["event_action"] for one in events(shop)] == ["trigger", "trigger"]
    assert {one["dedup_key"] for one in events(shop)} == {incident.token}


# --- On the page with the phones ----------------------------------------------------
def signed_in(brand: Brand, name: str = "kim") -> Client:
    """Somebody of the brand's staff."""
    client = Client()
    client.force_login(MembershipFactory(brand=brand, user__username=name).user)
    return client


@pytest.mark.parametrize(("slug", "place"), [("slack", "kitchen"), ("pagerduty", "on-call")])
def test_the_wall_shows_an_alert_and_presses_its_buttons_in_the_sandbox(
    shop: Shop, pager: Destination, slug: str, place: str
) -> None:
    incident, kim = alarmed(shop, place), signed_in(shop.brand)
    alert = Delivery.objects.get(channel=shop.channels[slug])
    wall = kim.get(reverse("phones")).content.decode().split("wall-bar")[1]
    assert "Ada was not told that order 1001 is ready" in wall
    assert f'id="press-{alert.pk}-acknowledge"' in wall
    form = {"alert": alert.pk, "verb": "acknowledge"}
    assert kim.get(reverse("press"), form).status_code == 405
    kim.post(reverse("press"), form)
    taken = reached(shop, incident, "acknowledged")
    assert taken.acknowledged_by == f"kim ({shop.channels[slug].name})"
    assert f'id="press-{alert.pk}-acknowledge"' not in kim.get(reverse("phones")).content.decode()
    too_late = kim.post(reverse("press"), form, follow=True)
    assert "Somebody was faster: look again." in too_late.content.decode()


def test_nobody_presses_a_button_for_another_brand_or_over_a_live_channel(shop: Shop) -> None:
    incident = alarmed(shop, "kitchen")
    form = {"alert": Delivery.objects.get().pk, "verb": "resolve"}
    assert signed_in(BrandFactory()).post(reverse("press"), form).status_code == 404
    Channel.objects.update(mode="live")
    ours = signed_in(shop.brand, "lou")
    assert ours.post(reverse("press"), form).status_code == 404
    assert ours.post(reverse("press"), {"alert": "x"}).status_code == 404
    incident.refresh_from_db()
    assert incident.state == "open"


# --- What is no alert ---------------------------------------------------------------
def test_a_pager_hears_of_orders_only_from_a_rule_that_names_it(
    shop: Shop, pager: Destination
) -> None:
    shop.post(shopify_order(1001))
    shop.pump()
    assert len(shop.texts("slack")) == 1
    assert events(shop) == []
    Rule.objects.get(brand=shop.brand, slug="staff-new-orders").destinations.add(pager)
    shop.post(shopify_order(1002))
    shop.pump()
    (event,) = events(shop)
    assert event["event_action"] == "trigger"
    assert "1002" in event["payload"]["summary"]
