"""Somebody is needed: the alert arrives in Slack and at PagerDuty, and is answered there."""

import json
import urllib.request
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.contract import CallbackRequest
from channels_app.models import Channel
from channels_app.providers.slack.callbacks import signature as slack_signature
from channels_app.sandbox.server import demo_credentials
from notifications import alerting, incidents
from notifications.models import Delivery, Destination, Incident, IncidentEvent, Rule
from orders.models import Brand
from tests.channels_app.providers.pagerduty import cases as pagerduty
from tests.channels_app.providers.slack import cases as slack
from tests.factories import BrandFactory, MembershipFactory
from tests.journeys.shop import Shop, shopify_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pager(shop: Shop) -> Destination:
    """A service at PagerDuty, beside the kitchen's room."""
    channel = Channel.objects.create(
        brand_id=shop.brand.pk,
        slug="pagerduty",
        name="PagerDuty",
        provider="pagerduty",
        credentials=demo_credentials("pagerduty"),
    )
    shop.sandbox.add_account("pagerduty", channel.callback_url, channel.credentials)
    shop.channels["pagerduty"] = channel
    return Destination.objects.create(
        brand=shop.brand, slug="on-call", name="On call", channel=channel, address="harbour"
    )


def needed(brand: Brand, about: str = "unreached:1:main") -> Incident:
    """Something that needs a person; nobody has been told yet."""
    trouble = incidents.Trouble(
        brand_id=brand.pk,
        kind="unreached",
        about=about,
        title="Ada was not told that order 1001 is ready",
        next_act="Call Ada",
    )
    incident = incidents.raise_incident(trouble, timezone.now())
    # Only what a test does itself takes it on.
    Incident.objects.filter(pk=incident.pk).update(due_at=None)
    return incident


def alarmed(shop: Shop, *places: str) -> Incident:
    """An incident whose alert has arrived at `places`."""
    incident = needed(shop.brand)
    for place in Destination.objects.filter(brand=shop.brand, slug__in=places):
        alerting.tell(incident, place, "1", timezone.now())
    shop.pump()
    return incident


def events(shop: Shop) -> list[dict[str, Any]]:
    """What PagerDuty's stand-in was sent, oldest first."""
    bodies = [message["request"]["body"] for message in shop.sandbox.messages("pagerduty")]
    return [json.loads(body) for body in bodies]


def buttons(shop: Shop, nth: int) -> list[str]:
    """The buttons under the nth message in the kitchen's room."""
    body = json.loads(shop.sandbox.messages("slack")[nth]["request"]["body"])
    actions = [block for block in body["blocks"] if block["type"] == "actions"]
    return [one["action_id"] for block in actions for one in block["elements"] if "value" in one]


def reached(shop: Shop, incident: Incident, state: str) -> Incident:
    """The incident, once it has this state."""

    def there() -> bool:
        return Incident.objects.filter(pk=incident.pk, state=state).exists()

    shop.until(there)
    incident.refresh_from_db()
    return incident


def respond(shop: Shop, message_id: str, status: str) -> None:
    """A responder acts at PagerDuty; the stand-in posts it to us, signed."""
    body = json.dumps({"message_id": message_id, "status": status}).encode()
    call = urllib.request.Request(
        f"{shop.sandbox.base_url}/_control/receipt", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(call, timeout=5).close()


def post(client: Client, request: CallbackRequest, channel: Channel) -> Any:
    """`request` at the address of `channel`."""
    headers = dict(request.headers)
    kind = headers.pop("content-type")
    url = f"/receipts/{channel.key}/"
    return client.post(url, request.body, content_type=kind, headers=headers)


def history(incident: Incident) -> list[tuple[str, str]]:
    rows = IncidentEvent.objects.filter(incident=incident).values_list("kind", "actor")
    return [row for row in rows if row[0] != "opened"]


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
    assert taken.acknowledged_by == "Robin Responder (PagerDuty)"
    respond(shop, incident.token, "unacknowledged")
    shop.until(lambda: not Incident.objects.filter(pk=incident.pk, state="acknowledged").exists())
    incident.refresh_from_db()
    assert incident.due_at is not None, "the next step is due"
    Incident.objects.filter(pk=incident.pk).update(due_at=None)
    respond(shop, incident.token, "resolved")
    reached(shop, incident, "resolved")
    kinds = [kind for kind, actor in history(incident) if actor == "Robin Responder (PagerDuty)"]
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


# --- What must not happen -----------------------------------------------------------
def press(shop: Shop, token: str, verb: str) -> CallbackRequest:
    """A pressed button, signed as Slack signs it for this shop's channel."""
    button = {**slack.BUTTON, "action_id": f"incident_{verb}", "value": token}
    body = slack.press(button).body
    stamp, secret = str(int(timezone.now().timestamp())), "signing_secret"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": slack_signature(
            shop.channels["slack"].credentials[secret], stamp, body
        ),
    }
    return CallbackRequest("POST", "", headers, body)


def webhook(shop: Shop, token: str, verb: str) -> CallbackRequest:
    """A webhook, signed as PagerDuty signs it for this shop's channel."""
    words = {"acknowledge": "incident.acknowledged", "resolve": "incident.resolved"}
    body = {"event": pagerduty.event(words[verb], data={"incident_key": token})}
    secret = shop.channels["pagerduty"].credentials["webhook_secret"]
    return pagerduty.signed(json.dumps(body).encode(), secret)


WAYS_IN = pytest.mark.parametrize(
    ("slug", "call"), [("slack", press), ("pagerduty", webhook)], ids=["slack", "pagerduty"]
)


@WAYS_IN
@pytest.mark.parametrize("verb", ["acknowledge", "resolve"])
def test_a_forged_call_is_a_401_and_changes_nothing(
    shop: Shop, pager: Destination, slug: str, call: Any, verb: str
) -> None:
    incident, channel = needed(shop.brand), shop.channels[slug]
    genuine = call(shop, incident.token, verb)
    proof = next(name for name in genuine.headers if name.endswith("signature"))
    other = needed(shop.brand, "unreached:2:main")
    forged = [
        replace(genuine, body=genuine.body.replace(b"a", b"b", 1)),
        replace(genuine, body=genuine.body.replace(incident.token.encode(), other.token.encode())),
        replace(genuine, headers={**genuine.headers, proof: genuine.headers[proof][:-1]}),
        replace(genuine, headers={**genuine.headers, proof: ""}),
    ]
    for request in forged:
        assert post(shop.client, request, channel).status_code == 401
    assert {row.state for row in Incident.objects.all()} == {"open"}
    assert history(incident) == history(other) == []
    channel.refresh_from_db()
    assert channel.refused_count == len(forged)


@WAYS_IN
def test_whoever_can_sign_for_one_brand_touches_nothing_of_another(
    shop: Shop, pager: Destination, slug: str, call: Any
) -> None:
    theirs = needed(BrandFactory())
    for token in (theirs.token, "no-such-token", "x" * 255):
        answer = post(shop.client, call(shop, token, "resolve"), shop.channels[slug])
        assert (answer.status_code, answer.content) == (200, b"")
    theirs.refresh_from_db()
    assert (theirs.state, history(theirs)) == ("open", [])


@WAYS_IN
def test_the_same_call_twice_acts_once(
    shop: Shop, pager: Destination, slug: str, call: Any
) -> None:
    incident = needed(shop.brand)
    request = call(shop, incident.token, "acknowledge")
    for _ in range(2):
        assert post(shop.client, request, shop.channels[slug]).status_code == 200
    incident.refresh_from_db()
    assert incident.state == "acknowledged"
    assert [kind for kind, _actor in history(incident)] == ["acknowledged"]


@WAYS_IN
def test_what_is_over_stays_over(shop: Shop, pager: Destination, slug: str, call: Any) -> None:
    incident = needed(shop.brand)
    incidents.resolve(shop.brand.pk, incident.about, "The receipt came.", timezone.now())
    request = call(shop, incident.token, "acknowledge")
    assert post(shop.client, request, shop.channels[slug]).status_code == 200
    incident.refresh_from_db()
    assert (incident.state, incident.resolved_why) == ("resolved", "The receipt came.")


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
