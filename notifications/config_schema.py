"""What a configuration file may say of each thing: its keys, their types and their checks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from channels_app import registry as providers
from channels_app.contract import Family
from channels_app.models import Channel
from consents.models import Purpose
from notifications.config_reading import Block
from notifications.models import (
    Destination,
    EscalationPolicy,
    IncidentKind,
    MessageTemplate,
    PhaseTime,
    Rule,
)
from orders import registry as sources
from orders import validation
from orders.models import SourceConnection, Store
from orders.statuses import EVENTS, FINAL, Status


@dataclass(frozen=True, slots=True)
class Key:
    """One key: how it is read, what is checked, which model a slug refers to."""

    read: Callable[[Block, str], Any] = Block.text
    check: Callable[[Any], None] | None = None
    refers: type[Model] | None = None
    many: bool = False  # a list of slugs
    column: bool = True  # False: handled apart, not a column of that name


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of thing in a brand."""

    name: str  # the key in the file
    what: str
    model: type[Any]
    identity: tuple[str, ...]
    keys: Mapping[str, Key]


def _known(words: Callable[[], Any], what: str) -> Callable[[Any], None]:
    """A check that a text, or each of a list, is one of `words()`."""

    def check(value: Any) -> None:
        given = value if isinstance(value, list) else [value]
        known = [str(word) for word in words()]
        if strange := [word for word in given if word not in known]:
            raise ValidationError(f"no {what} is called {strange[0]!r}; known: {', '.join(known)}")

    return check


def _time(value: str) -> None:
    """A check that a text is a time of day like 09:30."""
    try:
        time.fromisoformat(value)
    except ValueError:
        raise ValidationError(f"{value!r} is not a time; write it like 09:30") from None


TEXT = Key()
NUMBER = Key(Block.number)
TRUTH = Key(Block.truth)
TEXTS = Key(Block.texts)
LANGUAGE = Key(Block.text, validation.language)
FAMILIES = Key(Block.texts, _known(lambda: [family.value for family in Family], "channel family"))
STORE = Key(Block.text, refers=Store)

BRAND: Mapping[str, Key] = {
    "slug": TEXT,
    "name": TEXT,
    "language": LANGUAGE,
    "country": Key(Block.text, validation.country),
    "contact_line": TEXT,
    "postal_address": TEXT,
    "channel_order": FAMILIES,
}
STAFF = ("username", "email", "role", "store", "password", "superuser")
SECTIONS: tuple[Section, ...] = (
    Section(
        "stores",
        "store",
        Store,
        ("slug",),
        {
            "slug": TEXT,
            "name": TEXT,
            "time_zone": Key(Block.text, validation.time_zone),
            "language": LANGUAGE,
            "currency": Key(Block.text, validation.currency),
            "phone": TEXT,
            "address": TEXT,
            "hours": Key(Block.written, validation.hours),
            "external_refs": TEXTS,
        },
    ),
    Section(
        "connections",
        "connection",
        SourceConnection,
        ("name",),
        {
            "name": TEXT,
            "source": Key(Block.text, validation.source),
            "store": STORE,
            "mode": TEXT,
            "enabled": TRUTH,
            "settings": Key(Block.anything),
            "credentials": Key(column=False),
            "secret": Key(column=False),
        },
    ),
    Section(
        "channels",
        "channel",
        Channel,
        ("slug",),
        {
            "slug": TEXT,
            "name": TEXT,
            "provider": Key(Block.text, _known(providers.slugs, "provider")),
            "mode": TEXT,
            "enabled": TRUTH,
            "position": NUMBER,
            "max_in_flight": NUMBER,
            "weight": NUMBER,
            "daily_cap": NUMBER,
            "country_caps": Key(Block.anything, validation.country_caps),
            "max_per_second": Key(Block.anything, validation.rate),
            "hold_unknown": Key(Block.texts, _known(lambda: Purpose.values, "purpose")),
            "credentials": Key(column=False),
        },
    ),
    Section(
        "destinations",
        "destination",
        Destination,
        ("slug",),
        {
            "slug": TEXT,
            "name": TEXT,
            "audience": TEXT,
            "channel": Key(Block.text, refers=Channel),
            "address": TEXT,
            "store": STORE,
            "language": LANGUAGE,
            "enabled": TRUTH,
        },
    ),
    Section(
        "rules",
        "rule",
        Rule,
        ("slug",),
        {
            "slug": TEXT,
            "name": TEXT,
            "active": TRUTH,
            "events": Key(Block.texts, _known(lambda: EVENTS, "event")),
            "stores": Key(Block.texts, refers=Store, many=True),
            "fulfilment_types": TEXTS,
            "sources": Key(Block.texts, _known(sources.slugs, "source")),
            "min_total_minor": NUMBER,
            "max_total_minor": NUMBER,
            "part": TEXT,
            "audience": TEXT,
            "destinations": Key(Block.texts, refers=Destination, many=True),
            "purpose": TEXT,
            "template": TEXT,
            "strategy": TEXT,
            "families": FAMILIES,
            "hold_seconds": NUMBER,
            "useful_minutes": NUMBER,
            "confirm_minutes": NUMBER,
            "eta_tolerance_minutes": NUMBER,
            "position": NUMBER,
        },
    ),
    Section(
        "escalation_policies",
        "escalation policy",
        EscalationPolicy,
        ("slug",),
        {
            "slug": TEXT,
            "name": TEXT,
            "active": TRUTH,
            "kinds": Key(Block.texts, _known(lambda: IncidentKind.values, "kind of incident")),
            "statuses": Key(Block.texts, _known(lambda: Status.values, "status")),
            "stores": Key(Block.texts, refers=Store, many=True),
            "open_hours_only": TRUTH,
            "position": NUMBER,
            "steps": Key(column=False),
        },
    ),
    Section(
        "templates",
        "template",
        MessageTemplate,
        ("name", "event", "family", "language", "store"),
        {
            "name": TEXT,
            "event": TEXT,
            "family": TEXT,
            "language": LANGUAGE,
            "store": STORE,
            "subject": TEXT,
            "body": TEXT,
            "provider_texts": Key(Block.anything),
            "active": TRUTH,
        },
    ),
    Section(
        "phase_times",
        "phase time",
        PhaseTime,
        ("status", "store", "source", "fulfilment_type"),
        {
            "status": Key(
                Block.text, _known(lambda: [s for s in Status if s not in FINAL], "phase")
            ),
            "store": STORE,
            "source": Key(Block.text, _known(lambda: ["", *sources.slugs()], "source")),
            "fulfilment_type": TEXT,
            "minutes": NUMBER,
        },
    ),
)
# The steps of an escalation policy, and whole weeks of shifts: read apart.
STEP: Mapping[str, Key] = {
    "after_minutes": NUMBER,
    "on_shift": TRUTH,
    "destinations": Key(Block.texts, refers=Destination, many=True),
}
SHIFT: Mapping[str, Key] = {
    "store": STORE,
    "destination": Key(Block.text, refers=Destination),
    "days": Key(Block.texts, _known(lambda: validation.DAYS, "day")),
    "starts": Key(Block.text, _time),
    "ends": Key(Block.text, _time),
}
BRAND_KEYS = (*BRAND, "defaults", "staff", *(section.name for section in SECTIONS), "shifts")
