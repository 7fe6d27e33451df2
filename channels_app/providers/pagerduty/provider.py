"""PagerDuty Events API v2: one call that opens, acknowledges or resolves an alert."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.validators import MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from channels_app.contract import (
    Accepted,
    AddressKind,
    Capabilities,
    Credentials,
    Family,
    Idempotency,
    Message,
    Provider,
    Request,
    Response,
)
from channels_app.failures import FailureKind, SendError, kind_of_status
from channels_app.wire.alerts import Alert, alert_label, alert_of
from channels_app.wire.markup import cut, is_web_link, link_label
from channels_app.wire.reading import id_of, part, text_of

LONGEST_SUMMARY = 1024
LONGEST_TEXT = 10_000  # of ours: with all else far below PagerDuty's 512 KB for an event
LONGEST_KEY = 255
PATH = "/v2/enqueue"
# Where each service region takes events.
REGIONS = {
    "us": "https://events.pagerduty.com",
    "eu": "https://events.eu.pagerduty.com",
}
# An incident's state -> what PagerDuty is to do. Only a trigger opens an alert, so the others
# are harmless when there is none.
ACTIONS = {"resolved": "resolve", "acknowledged": "acknowledge"}
# By the kind of incident.
SEVERITIES = {
    "channel": "critical",
    "silent": "critical",
    "unreached": "error",
    "late": "warning",
    "unknown": "warning",
}
# PagerDuty names no time to wait after a 429; it counts events over a minute.
THROTTLED_SECONDS = 30.0
# A 400 that speaks of one of these is about the channel's key, not about the event.
KEY_WORDS = ("routing_key", "routing key", "integration key", "service key", "invalid key")
# Parts of an event that an error may name.
FIELDS = ("dedup_key", "event_action", "summary", "source", "severity", "links", "payload")


class PagerDutyCredentials(Credentials):
    """What a service's pages at PagerDuty show."""

    secret = frozenset({"routing_key", "webhook_secret"})

    routing_key = forms.CharField(
        label=_("Integration key"),
        help_text=_("Of an Events API V2 integration of your service: 32 letters and digits."),
        validators=[RegexValidator(r"^[A-Za-z0-9]{32}\Z")],
    )
    webhook_secret = forms.CharField(
        label=_("Webhook secret"),
        required=False,
        help_text=_(
            "Shown once when the webhook subscription is made. Without it, what people do at "
            "PagerDuty does not come back."
        ),
        validators=[MinLengthValidator(16)],
    )
    region = forms.ChoiceField(
        label=_("Service region"),
        required=False,
        choices=[("us", "US"), ("eu", "EU")],
        help_text=_("EU if your account's address has .eu. in it. Empty: US."),
    )


class PagerDuty(Provider):
    """One service. `Message.to` is what PagerDuty shows as the source, such as a store."""

    slug = "pagerduty"
    name = "PagerDuty"
    family = Family.TEAM
    address = AddressKind.ROOM
    audiences = frozenset({"staff"})
    capabilities = Capabilities(max_text=LONGEST_TEXT, subject=True, idempotency=Idempotency.KEY)
    Credentials = PagerDutyCredentials
    base_url = REGIONS["us"]
    in_flight = 4  # about 120 events a minute and key
    resolves_incidents = True
    pages_people = True

    def __init__(
        self,
        credentials: Mapping[str, str],
        base_url: str = "",
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        """The region decides the host, unless `base_url` does."""
        super().__init__(credentials, base_url, allowed_hosts)
        if not base_url:
            self.base = REGIONS.get(credentials.get("region", ""), self.base_url)

    def request(self, message: Message) -> Request:
        """An event under the incident's key; a message about no incident is an alert by itself."""
        alert = alert_of(message.data)
        action = ACTIONS.get(alert.state, "trigger") if alert else "trigger"
        event: dict[str, Any] = {
            "routing_key": self.credentials["routing_key"],
            "event_action": action,
            "dedup_key": alert.token if alert else message.ref,
        }
        if action == "trigger":
            event |= opening(self.fit(message), alert)
        return Request.json(f"{self.base}{PATH}", event)

    def accepted(self, response: Response) -> Accepted:
        """A 202 that says "success". PagerDuty works on it afterwards and reports no errors."""
        answer = answer_of(response)
        if not response.ok:
            raise failure(response, answer)
        if answer.get("status") != "success":
            raise SendError(
                FailureKind.UNKNOWN, str(response.status), "PagerDuty does not say that it took it."
            )
        return Accepted(id_of(answer.get("dedup_key"), LONGEST_KEY))

    def fit(self, message: Message) -> Message:
        """Cut at a word; the heading to what a summary holds."""
        subject = cut(message.subject, LONGEST_SUMMARY)
        return replace(message, subject=subject, text=cut(message.text, LONGEST_TEXT))


def opening(message: Message, alert: Alert | None) -> dict[str, Any]:
    """What only a trigger carries: the words, how bad it is, and where to look."""
    found: dict[str, Any] = {
        "payload": payload(message, alert),
        "client": "Orderbell",
        "links": links(message, alert),
    }
    if alert and is_web_link(alert.url):
        found["client_url"] = alert.url
    return found


def payload(message: Message, alert: Alert | None) -> dict[str, Any]:
    """Summary, source, severity, and the fields that machines sort by."""
    summary = summary_of(message, alert)
    if not summary or not message.to.strip():
        raise SendError(FailureKind.CONTENT_REJECTED, "no_summary", "The text is empty.")
    kind = alert.kind if alert else ""
    found = {
        "summary": summary,
        "source": message.to,
        "severity": SEVERITIES.get(kind, "critical" if message.urgent else "error"),
        "component": name_of(message.data.get("store")),
        "group": text_of(message.data.get("brand"), 120),
        "class": kind,
    }
    return {
        **{name: value for name, value in found.items() if value},
        "custom_details": details(message),
    }


def summary_of(message: Message, alert: Alert | None) -> str:
    """The one line that a phone call reads out: the incident's title, else the first words."""
    words = (alert.title if alert else "") or message.text.strip().partition("\n")[0]
    return cut(words.strip() or message.subject.strip(), LONGEST_SUMMARY)


def details(message: Message) -> dict[str, str]:
    """The whole text, and which order it is about."""
    order = part(message.data.get("order"))
    found = {
        "message": message.text,
        "order": id_of(order.get("number")),
        "status": text_of(order.get("status"), 40),
    }
    return {name: value for name, value in found.items() if value}


def name_of(value: Any) -> str:
    """A store's name, given as an object or by itself."""
    return text_of(value.get("name") if isinstance(value, Mapping) else value, 120)


def links(message: Message, alert: Alert | None) -> list[dict[str, str]]:
    """The alert's own page, and the order's."""
    known = {message.url: link_label(message.language)}
    if alert:
        known = {alert.url: alert_label("open", message.language)} | {
            url: label for url, label in known.items() if url != alert.url
        }
    return [{"href": url, "text": label} for url, label in known.items() if is_web_link(url)]


def answer_of(response: Response) -> dict[str, Any]:
    """The answer's JSON object; by the status when there is none."""
    try:
        return part(response.json())
    except SendError as error:
        if response.ok:
            raise
        raise failure(response, {}) from error


def failure(response: Response, answer: Mapping[str, Any]) -> SendError:
    """What PagerDuty's answer means. Its own words may quote the event, so they are not kept."""
    status, said = response.status, words_of(answer)
    code = text_of(answer.get("status"), 60) or str(status)
    if status in (404, 405) or (status == 400 and any(word in said for word in KEY_WORDS)):
        hint = "PagerDuty does not know the integration key. Paste the key of an Events API V2 one."
        return SendError(FailureKind.MISCONFIGURED, code, hint)
    if status == 429:
        wait = response.retry_after or THROTTLED_SECONDS
        return SendError(FailureKind.THROTTLED, code, "Too many events in a minute.", wait)
    kind = kind_of_status(status)
    named = ", ".join(field for field in FIELDS if field in said)
    hint = f"PagerDuty refuses the event because of: {named}." if named else ""
    return SendError(kind, code, hint, response.retry_after)


def words_of(answer: Mapping[str, Any]) -> str:
    """Status, message and errors of an answer, in lower case, to look for words in."""
    errors = answer.get("errors")
    given = [answer.get("status"), answer.get("message")]
    given += errors[:20] if isinstance(errors, list) else [errors]
    return " ".join(text_of(one, 500) for one in given).lower()


PROVIDER = PagerDuty
