"""What the page of a mapping shows: rows of fields, the sample, words and earlier versions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.values import moment
from notifications.views import steps
from notifications.views.paging import CAP, capped
from orders import mapping, mapping_preview, registry
from orders.contract import OrderEvent
from orders.mapping_preview import Preview
from orders.models import SourceConnection
from orders.sources.generic import mapped
from orders.statuses import Status

LONGEST_RESULT = 240
MOST_LINES = 6
_GROUPS: tuple[tuple[Any, str, str], ...] = (
    (gettext_lazy("The order and its clock"), "id", "customer.name"),
    (gettext_lazy("The customer"), "customer.name", "fulfilment"),
    (gettext_lazy("When and how it reaches them"), "fulfilment", "lines"),
    (gettext_lazy("What was ordered, and money"), "lines", "groups"),
    (gettext_lazy("Everything else"), "groups", ""),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What is in the boxes of the page."""

    fields: Mapping[str, str]
    sample: str
    base: int
    chosen: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One field: its box, and what its expression finds."""

    name: str
    key: str
    help: str
    written: str
    result: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together."""

    title: str
    rows: Sequence[Row]
    open: bool


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier mapping, and what the one in use does otherwise."""

    number: int
    by: str
    at: datetime | None
    other: mapping.Saved


@dataclass(frozen=True, slots=True)
class Word:
    """One line of the table of words."""

    word: str
    meaning: str
    seen: int
    choices: Sequence[tuple[str, str]]


def box(name: str) -> str:
    """The name of a field's box in the form."""
    return f"field-{name.replace('.', '-')}"


def whole(connection: SourceConnection, typed: Typed) -> dict[str, Any]:
    """Everything for the page."""
    count = capped(mapping.failed(connection))
    context = {
        "connection": connection,
        "source": registry.source(connection.source),
        "words": _words(connection),
        "blank": Word("", "", 0, _choices("")),
        "failed": f"{CAP}+" if count > CAP else count,
    }
    if connection.source != "generic":
        return context
    return {
        **context,
        **tried(connection, typed),
        "events": mapping_preview.latest(connection),
        "versions": _versions(connection),
        "saved": _saved(connection),
        "clashes": _clashes(connection, typed),
    }


def tried(connection: SourceConnection, typed: Typed) -> dict[str, Any]:
    """What changes while somebody types."""
    shown = mapping_preview.preview(typed.sample, typed.fields, connection.settings)
    return {
        "connection": connection,
        "typed": typed,
        "groups": _groups(typed.fields, shown),
        "shown": shown,
        "understood": _understood(shown.event) if shown.event else (),
        "event": shown.event,
    }


# --- The sample ------------------------------------------------------------------------


def sample_of(connection: SourceConnection, chosen: int | None) -> str:
    """The chosen or the newest body, as a person reads JSON."""
    rows = connection.inbound_events.order_by("-id")
    event = rows.filter(pk=chosen).first() if chosen else None
    event = event or rows.first()
    return readable(mapping_preview.sample_text(event)) if event else ""


def readable(body: bytes) -> str:
    """JSON indented, unless that would change how a number is written."""
    written = body.decode("utf-8-sig", "replace")
    if len(written) > mapping_preview.LARGEST_SAMPLE:
        return written
    try:
        value = json.loads(written, parse_float=_same)
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return written


def _same(number: str) -> float:
    if repr(float(number)) != number:
        raise ValueError(number)
    return float(number)


# --- Rows of fields --------------------------------------------------------------------


def _groups(fields: Mapping[str, str], shown: Preview) -> list[Group]:
    """The fields under their headings; the first group and those in use are open."""
    names = list(mapped.FIELDS)
    found = []
    for title, first, after in _GROUPS:
        end = names.index(after) if after else len(names)
        rows = [_row(name, fields, shown) for name in names[names.index(first) : end]]
        used = first == "id" or any(row.written for row in rows)
        found.append(Group(str(title), rows, used))
    return found


def _row(name: str, fields: Mapping[str, str], shown: Preview) -> Row:
    result = short(shown.results[name]) if name in shown.results else ""
    wrong = shown.wrong.get(name, "").removeprefix(f"{name}: ")
    return Row(name, box(name), _(mapped.FIELDS[name]), fields.get(name, ""), result, wrong)


def short(value: Any) -> str:
    """A result on one line."""
    if value is None:
        return _("nothing")
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= LONGEST_RESULT else written[: LONGEST_RESULT - 1] + "…"


def _understood(event: OrderEvent) -> list[tuple[str, Any]]:
    """The event in words, what was not said left out. Times are left to the template."""
    contact, clock = event.contact, event.clock
    number, customer = event.display_number, contact.name if contact else ""
    pairs: list[tuple[str, Any]] = [
        (_("Order"), f"{event.external_id} · {number}" if number else event.external_id),
        (_("What happened"), event.topic),
        (_("Clock"), _("version %d") % clock.version if clock.version is not None else clock.at),
        (_("Customer"), customer),
        (_("Phone"), contact.phone if contact else ""),
        (_("Email"), contact.email if contact else ""),
        (_("Kind"), event.fulfilment_type),
        (_("Ordered at"), event.placed_at),
        (_("Lines"), _lines(event)),
        (_("Total"), _total(event)),
        (_("Parts"), ", ".join(f"{part.key} {part.status}".strip() for part in event.groups)),
        (_("Ready at"), next((part.ready_at for part in event.groups if part.ready_at), None)),
        (_("Store"), event.location),
        (_("Note"), event.note[:200]),
    ]
    return [(label, value) for label, value in pairs if value]


def _lines(event: OrderEvent) -> str:
    lines = [f"{line.quantity} × {line.name or line.line_id}" for line in event.lines]
    more = len(lines) - MOST_LINES
    rest = [_("and %d more") % more] if more > 0 else []
    return ", ".join([*lines[:MOST_LINES], *rest])


def _total(event: OrderEvent) -> str:
    if event.total_minor is None:
        return ""
    return f"{event.total_minor} {event.currency} " + _("in the smallest unit")


# --- Words and versions ----------------------------------------------------------------


def _words(connection: SourceConnection) -> list[Word]:
    """Words without a meaning first, as often as they came; then the connection's own."""
    unknown = mapping_preview.words_without_meaning(connection)
    own = mapping.status_map(connection.settings)
    new = [Word(word, "", count, _choices("")) for word, count in unknown]
    old = [Word(word, str(value), 0, _choices(str(value))) for word, value in own.items()]
    return new + old


def _choices(meaning: str) -> list[tuple[str, str]]:
    ours = [(status.value, steps.words(status.value)) for status in Status]
    extra = [(meaning, meaning)] if meaning and meaning not in mapping.MEANINGS else []
    ignored = (mapping.IGNORE, _("Ignore it: it changes nothing"))
    return [("", _("No meaning yet")), *ours, ignored, *extra]


def _versions(connection: SourceConnection) -> list[Version]:
    """Earlier mappings, the newest first."""
    now = mapped.fields_of(connection.settings)
    return [
        Version(
            old.get("version", 0),
            str(old.get("by", "")),
            _at(old),
            mapping.difference(mapped.fields_of({"mapping": old}), now),
        )
        for old in mapping.history(connection.settings)
    ]


def _saved(connection: SourceConnection) -> dict[str, Any]:
    """The mapping in use: its number, who wrote it and when."""
    now = connection.settings.get("mapping")
    now = now if isinstance(now, dict) else {}
    version = mapped.version_of(connection.settings)
    used = bool(mapped.fields_of(connection.settings))
    return {"version": version, "by": str(now.get("by", "")), "at": _at(now), "used": used}


def _at(saved: Mapping[str, Any]) -> datetime | None:
    """When a mapping was saved; a file may have written anything there."""
    at = saved.get("saved_at")
    return moment(at) if isinstance(at, str) else None


def _clashes(connection: SourceConnection, typed: Typed) -> int:
    written = typed.fields.get("event_id", "")
    return mapping_preview.shared_event_ids(connection, written) if written else 0
