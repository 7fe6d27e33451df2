"""Scenes of alerts that arrive in Slack and at PagerDuty, for stories."""

import json
import urllib.request
from typing import Any

from django.utils import timezone

from notifications import alerting, incidents
from notifications.models import Destination, Incident, IncidentEvent
from orders.models import Brand
from tests.journeys.shop import Shop, sandbox_channel


def call_in_a_pager(shop: Shop) -> Destination:
    """A service at PagerDuty, beside the kitchen's room."""
    channel = sandbox_channel(shop.brand, "pagerduty", shop.sandbox)
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


def history(incident: Incident) -> list[tuple[str, str]]:
    """What was done about it, and by whom."""
    rows = IncidentEvent.objects.filter(incident=incident).values_list("kind", "actor")
    return [row for row in rows if row[0] != "opened"]
