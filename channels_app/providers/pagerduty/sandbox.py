"""The stand-in PagerDuty: takes events, keeps alerts, and posts what a responder does.

An alert is open from its trigger until it is resolved; a late acknowledgement or
resolve of one that is not there is taken and dropped, as the real one does it.
"""

import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import CallbackRequest
from channels_app.providers.pagerduty.callbacks import HEADER, signature
from channels_app.providers.pagerduty.provider import LONGEST_KEY, LONGEST_SUMMARY, PATH
from channels_app.sandbox.contract import Account, Call, Reply, SandboxEnd, Taken
from channels_app.wire.reading import json_object, part, text_of

JSON = {"content-type": "application/json"}
KEY = re.compile(r"[A-Za-z0-9]{32}\Z")
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
LARGEST = 512 * 1024
KEPT_ALERTS = 1000
# What a responder does, in our words and in PagerDuty's -> the event and the state after it.
EVENTS = {
    "acknowledge": ("incident.acknowledged", "acknowledged"),
    "resolve": ("incident.resolved", "resolved"),
    "unacknowledge": ("incident.unacknowledged", "triggered"),
    "reopen": ("incident.reopened", "triggered"),
    "trigger": ("incident.triggered", "triggered"),
}
_WORDS = {event: verb for verb, (event, _state) in EVENTS.items()}
_WORDS |= {event.removeprefix("incident."): verb for event, verb in _WORDS.items()}
ERRORS = {
    400: ("invalid event", "Event object is invalid"),
    429: ("throttle exceeded", "Requests for this integration key arrive too quickly"),
}


class Refused(Exception):
    """What is wrong with an event, each in a sentence."""


@dataclass(slots=True)
class Opened:
    """An alert that was triggered, and the incident that PagerDuty made of it."""

    source: str
    summary: str
    state: str = "triggered"
    number: int = 0
    id: str = field(default_factory=lambda: f"Q{secrets.token_hex(6).upper()}")


def demo_credentials() -> dict[str, str]:
    """A service that exists nowhere else."""
    return {"routing_key": secrets.token_hex(16), "webhook_secret": secrets.token_urlsafe(32)}


class PagerDutySandbox(SandboxEnd):
    """The one path that we call, and webhooks about what is open."""

    slug = "pagerduty"

    def __init__(self) -> None:
        self._alerts: OrderedDict[str, Opened] = OrderedDict()

    def handle(self, call: Call, accounts: Sequence[Account]) -> tuple[Reply, Taken | None]:
        """Check an event as PagerDuty does, and let it open, change or close an alert."""
        if call.path != PATH or call.method != "POST":
            return Reply(404), None
        if len(call.body) > LARGEST:
            return Reply(413), None
        try:
            event = checked(call.body, accounts)
        except Refused as no:
            return Reply(400, error_body(400, no.args), JSON), None
        key = text_of(event.get("dedup_key")) or secrets.token_hex(16)
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Reply(202, json.dumps(answer).encode(), JSON), self._take(key, event)

    def receipt(self, taken: Taken, status: str, account: Account) -> CallbackRequest | None:
        """A responder acts on the alert of `taken`: "acknowledged", "resolved", "reopened"..."""
        verb = _WORDS.get(status, status)
        return self._webhook(taken.id, verb, "Robin Responder", account) if verb in EVENTS else None

    def inbound(self, sender: str, text: str, account: Account) -> CallbackRequest | None:
        """`sender` acts on the newest alert: "acknowledge", "resolve", "unacknowledge", "reopen".

        A token after a colon, "resolve:<token>", means the alert with this key.
        """
        verb, _colon, key = text.removeprefix("button:").strip().partition(":")
        if verb not in EVENTS:
            return None
        newest = next(reversed(self._alerts), "")
        if (key or newest) not in self._alerts:
            raise LookupError("No such alert has been triggered.")
        return self._webhook(key or newest, verb, sender, account)

    def fault_body(self, status: int) -> bytes:
        """An error in PagerDuty's form."""
        return error_body(status, ())

    def _take(self, key: str, event: Mapping[str, Any]) -> Taken:
        action, payload = event["event_action"], part(event, "payload")
        if action == "trigger":
            return self._trigger(key, payload)
        known = self._alerts.get(key)
        if known is not None and known.state != "resolved":
            known.state = EVENTS[action][1]
        source, summary = (known.source, known.summary) if known else ("", "")
        text = EVENTS[action][1] if known else f"dropped: there is no alert to {action}"
        return Taken(key, source, text, subject=summary, extra={"action": action})

    def _trigger(self, key: str, payload: Mapping[str, Any]) -> Taken:
        known = self._alerts.get(key)
        if known is None or known.state == "resolved":
            known = Opened(payload["source"], payload["summary"], number=len(self._alerts) + 1)
        self._alerts[key] = known
        self._alerts.move_to_end(key)
        while len(self._alerts) > KEPT_ALERTS:
            self._alerts.popitem(last=False)
        text = text_of(part(payload, "custom_details").get("message"), 10_000)
        shown = {"action": "trigger", "severity": payload["severity"]}
        return Taken(
            key, payload["source"], text or known.summary, subject=payload["summary"], extra=shown
        )

    def _webhook(self, key: str, verb: str, who: str, account: Account) -> CallbackRequest:
        event_type, state = EVENTS[verb]
        known = self._alerts.get(key) or Opened("", "An alert")
        known.state = state
        body = json.dumps({"event": webhook_event(key, event_type, who, known)}).encode()
        headers = {
            "content-type": "application/json",
            "x-webhook-id": secrets.token_hex(16),
            HEADER: signature(account.credentials.get("webhook_secret", ""), body),
        }
        return CallbackRequest("POST", account.callback_url, headers, body)


def webhook_event(key: str, event_type: str, who: str, known: Opened) -> dict[str, Any]:
    """The event of a webhook about the incident of alert `key`."""
    return {
        "id": secrets.token_hex(13).upper(),
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "agent": {"id": "P0DEMO", "type": "user_reference", "summary": who},
        "client": None,
        "data": {
            "id": known.id,
            "type": "incident",
            "number": known.number,
            "status": known.state,
            "incident_key": key,
            "title": known.summary,
        },
    }


def checked(body: bytes, accounts: Sequence[Account]) -> dict[str, Any]:
    """The event in `body`; raises Refused with all that is wrong."""
    try:
        event = json_object(body)
    except ValueError:
        raise Refused("JSON parse error") from None
    errors = [*key_errors(event, accounts), *action_errors(event)]
    if event.get("event_action") == "trigger":
        errors += payload_errors(event)
    if errors:
        raise Refused(*errors)
    return event


def key_errors(event: Mapping[str, Any], accounts: Sequence[Account]) -> list[str]:
    """What is wrong with the integration key."""
    given = text_of(event.get("routing_key"))
    if not given:
        return ["'routing_key' is missing or blank"]
    if not KEY.match(given):
        return ["Length of 'routing_key' is incorrect (should be 32 characters)"]
    known = [account.credentials.get("routing_key") for account in accounts]
    return ["Invalid routing key"] if known and given not in known else []


def action_errors(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with the action and the key of the alert."""
    action, key = event.get("event_action"), event.get("dedup_key")
    errors = [] if action in ACTIONS else ["'event_action' is not one of trigger, ..."]
    if action != "trigger" and not text_of(key):
        errors.append("'dedup_key' is missing or blank")
    if key is not None and not (isinstance(key, str) and len(key) <= LONGEST_KEY):
        errors.append(f"Length of 'dedup_key' exceeds {LONGEST_KEY}")
    return errors


def payload_errors(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with the words of a trigger."""
    payload = part(event, "payload")
    errors = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if not text_of(payload.get(name)).strip()
    ]
    if len(str(payload.get("summary", ""))) > LONGEST_SUMMARY:
        errors.append(f"Length of 'payload.summary' exceeds {LONGEST_SUMMARY}")
    if payload.get("severity") not in (None, *SEVERITIES):
        errors.append("'payload.severity' is invalid")
    links = event.get("links", [])
    if not isinstance(links, list) or not all(text_of(part(one).get("href")) for one in links):
        errors.append("'links' is invalid")
    return errors


def error_body(status: int, errors: Sequence[str]) -> bytes:
    """The body of a refusal."""
    word, message = ERRORS.get(status, ("internal error", "An error occurred on a request"))
    return json.dumps({"status": word, "message": message, "errors": list(errors)}).encode()


SANDBOX = PagerDutySandbox()
