"""PagerDuty's webhooks, version 3: what people did about an incident."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from channels_app.contract import (
    CallbackRefused,
    CallbackRequest,
    Callbacks,
    IncidentAction,
)
from channels_app.wire.reading import id_of, json_object, part, text_of

HEADER = "x-pagerduty-signature"
MOST_SIGNATURES = 10  # two while a secret is changed
# PagerDuty's word -> ours. An acknowledgement that ran out makes it nobody's again.
VERBS: Mapping[str, str] = {
    "incident.acknowledged": "acknowledge",
    "incident.resolved": "resolve",
    "incident.unacknowledged": "reopen",
    "incident.reopened": "reopen",
}
# Where a webhook names the key under which we opened the alert; the first that is there counts.
KEY_FIELDS = ("incident_key",)


def signature(secret: str, body: bytes) -> str:
    """PagerDuty's signature, version 1."""
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class PagerDutyCallbacks(Callbacks):
    """One event in each call. It carries no time of signing: doing it twice must do no harm."""

    def verify(
        self, request: CallbackRequest, credentials: Mapping[str, str], now: datetime
    ) -> None:
        """One of the signatures is right: there are several while a secret is changed."""
        secret = credentials.get("webhook_secret", "")
        if not secret:
            raise CallbackRefused("The channel has no webhook secret.")
        wanted = signature(secret, request.body).encode()
        given = request.headers.get(HEADER, "").split(",")[:MOST_SIGNATURES]
        found = [
            hmac.compare_digest(wanted, one.strip().encode("utf-8", "replace")) for one in given
        ]
        if not any(found):
            raise CallbackRefused("The signature is missing or wrong.")

    def read(self, request: CallbackRequest) -> Sequence[IncidentAction]:
        """What somebody did. Other events, and the test that PagerDuty sends, tell nothing."""
        event = part(json_object(request.body), "event")
        verb = VERBS.get(text_of(event.get("event_type"), 60))
        data = part(event.get("data"))
        token = next((key for name in KEY_FIELDS if (key := id_of(data.get(name), 255))), "")
        if verb is None or not token:
            return ()
        agent = part(event.get("agent"))
        actor = text_of(agent.get("summary"), 80) or id_of(agent.get("id"), 80)
        return (IncidentAction(token, verb, actor, event_id=id_of(event.get("id"))),)


CALLBACKS = PagerDutyCallbacks()
