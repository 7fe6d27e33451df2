"""Calls that claim to come from Slack or PagerDuty: forged, repeated, about another brand."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.contract import CallbackRequest
from channels_app.models import Channel
from channels_app.providers.slack.callbacks import signature as slack_signature
from notifications import incidents
from notifications.models import Destination, Incident
from tests.channels_app.providers.pagerduty import cases as pagerduty
from tests.channels_app.providers.slack import cases as slack
from tests.factories import BrandFactory
from tests.journeys.alerts import history, needed
from tests.journeys.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def post(client: Client, request: CallbackRequest, channel: Channel) -> Any:
    """`request` at the address of `channel`."""
    headers = dict(request.headers)
    kind = headers.pop("content-type")
    url = f"/receipts/{channel.key}/"
    return client.post(url, request.body, content_type=kind, headers=headers)


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
