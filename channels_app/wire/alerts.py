"""What an alert carries besides its words: the incident, and what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_app.wire.reading import part, text_of

SNOOZE_MINUTES = 15
LONGEST_URL = 3000
# In the order in which they are shown.
VERBS = ("acknowledge", "snooze", "resolve")
_LABELS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "acknowledge": "Acknowledge",
        "snooze": "Snooze {minutes} min",
        "resolve": "Resolve",
        "open": "Open alert",
    },
    "es": {
        "acknowledge": "Me encargo",
        "snooze": "Posponer {minutes} min",
        "resolve": "Resuelto",
        "open": "Abrir aviso",
    },
}
# What is still worth offering; a resolved incident needs nothing any more.
_OFFERED: Mapping[str, tuple[str, ...]] = {
    "resolved": (),
    "acknowledged": ("resolve",),
    "snoozed": ("acknowledge", "resolve"),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """The incident that a message is about."""

    token: str
    state: str
    kind: str = ""
    title: str = ""
    url: str = ""

    @property
    def verbs(self) -> tuple[str, ...]:
        """What a person can do about it now."""
        return offered(self.state)


def offered(state: str) -> tuple[str, ...]:
    """What a person can do about an incident in this state."""
    return _OFFERED.get(state, VERBS)


def alert_of(data: Mapping[str, Any]) -> Alert | None:
    """The incident in a message's fields; None when the message is about none."""
    incident = part(data.get("incident"))
    token = text_of(incident.get("token"), 255)
    if not token:
        return None
    return Alert(
        token=token,
        state=text_of(incident.get("state"), 20) or "open",
        kind=text_of(incident.get("kind"), 20),
        title=text_of(incident.get("title"), 200),
        url=text_of(incident.get("url"), LONGEST_URL),
    )


def alert_label(what: str, language: str, minutes: int = SNOOZE_MINUTES) -> str:
    """The words on the button for `what`, a verb or "open", in `language` or English."""
    words = _LABELS.get(language.split("-")[0].lower(), _LABELS["en"])
    return words[what].format(minutes=minutes)
