"""Trying a mapping on a body: what each field finds, what it would mean, what nothing uses."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orders import registry
from orders.contract import OrderEvent, SourceError
from orders.mapping import status_map
from orders.models import InboundEvent, SourceConnection
from orders.parsing import parse_json, plain
from orders.sources.generic import mapped
from orders.sources.generic.body import read_event
from orders.sources.generic.unused import Sample, tried

SAMPLES = 20
LOOKED_AT = 50
LARGEST_SAMPLE = 200_000
LARGEST_LOOK = 2_000_000  # bytes
LONGEST_LOOK = 1.0  # seconds: a page that opens counts more than a complete count


@dataclass(slots=True)
class Preview:
    """What a mapping makes of a sample."""

    results: Mapping[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    event: OrderEvent | None = None
    problem: str = ""
    unused: Sequence[tuple[str, str]] = ()
    paths: Sequence[str] = ()


def preview(sample: str, fields: Mapping[str, str], settings: Mapping[str, Any]) -> Preview:
    """What `fields` make of `sample`; without any field it is read in our own shape."""
    if not sample.strip():
        return Preview(wrong=mapped.wrong_fields(fields))
    if len(sample) > LARGEST_SAMPLE:
        return Preview(problem=f"A sample may have {LARGEST_SAMPLE} characters at most.")
    try:
        value = parse_json(sample.encode("utf-8", "replace"))
    except SourceError as problem:
        return Preview(problem=str(problem))
    found = Sample(value)
    body, results, wrong = tried(fields, found)
    shown = Preview({name: plain(one) for name, one in results.items()}, wrong)
    shown.paths = list(found.leaves)
    shown.unused = found.unused() if fields else ()
    if not wrong:
        _understand(shown, body if fields else value, fields, settings)
    return shown


def _understand(
    shown: Preview, body: Any, fields: Mapping[str, str], settings: Mapping[str, Any]
) -> None:
    """Read the body as the inbox would; a refusal goes to its field where it names one."""
    if fields and "id" not in body["order"]:
        at = fields.get("id")
        shown.wrong["id"] = f"id: nothing is at {at} here." if at else "id: is needed."
        return
    try:
        shown.event = read_event(body, settings)
    except SourceError as problem:
        shown.problem = str(problem)
        name = _field_named(shown.problem)
        if name in fields:
            shown.wrong[name] = shown.problem


def _field_named(sentence: str) -> str:
    """The field that a refusal of the reader is about: `order.lines[0].quantity: ...` is lines."""
    where = sentence.partition(":")[0].removeprefix("order.")
    return where if where in mapped.FIELDS else where.partition("[")[0].partition(".")[0]


# --- Samples and words of a connection -----------------------------------------------------


def latest(connection: SourceConnection) -> list[InboundEvent]:
    """The events to choose a sample from, the newest first."""
    rows = InboundEvent.objects.filter(connection=connection).order_by("-id")
    return list(rows.defer("body", "headers", "fetched")[:SAMPLES])


def sample_text(event: InboundEvent) -> bytes:
    """The body that is mapped: what a pointer led to, else what came."""
    return bytes(event.fetched or event.body)


def words_without_meaning(connection: SourceConnection) -> list[tuple[str, int]]:
    """(word, how often) of the statuses in the last bodies that mean nothing here yet."""
    counted: Counter[str] = Counter()
    for row in _last(connection, LOOKED_AT):
        counted.update(set(_unmapped(row, connection)))
    known = status_map(connection.settings)
    return [(word, count) for word, count in counted.most_common() if word not in known]


def _last(connection: SourceConnection, most: int) -> Iterator[InboundEvent]:
    """Its last events with their bodies, as many as can be looked at while somebody waits."""
    rows = InboundEvent.objects.filter(connection=connection).order_by("-id")
    until, looked = time.monotonic() + LONGEST_LOOK, 0
    for row in rows[:most].iterator(chunk_size=5):
        looked += len(row.body)
        if looked > LARGEST_LOOK or time.monotonic() > until:
            return
        yield row


def _unmapped(row: InboundEvent, connection: SourceConnection) -> list[str]:
    """The words of one body; none of one that cannot be read."""
    try:
        source = registry.source(connection.source)
        events = source.map(row.topic, row.headers, sample_text(row), connection.settings)
    except Exception:
        return []  # its own page says what is wrong with it
    return [event.unmapped_status for event in events if event.unmapped_status]


def shared_event_ids(connection: SourceConnection, written: str) -> int:
    """In how many of the last bodies the same `event_id` stands for something else.

    Of those, all but the first would be taken for repeats and not be kept.
    """
    seen: dict[str, bytes] = {}
    clashes = 0
    for row in _last(connection, SAMPLES):
        body = bytes(row.body)
        try:
            key = mapped.said(
                {"mapping": {"fields": {"event_id": written}}}, "event_id", parse_json(body), 2000
            )
        except SourceError:
            continue
        clashes += bool(key) and seen.setdefault(key, body) != body
    return clashes
