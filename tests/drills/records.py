"""The three records of a drill: what the source posted, the database, what the provider took."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.drills.source import Post

Ask = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Since:
    """The highest ids when a drill began: what came before is not its business."""

    event: int = 0
    change: int = 0
    notification: int = 0
    ledger: int = 0


@dataclass(frozen=True)
class Taken:
    """A message that the stand-in of a provider accepted; `ref` is ours, "" where it has none."""

    provider: str
    ref: str
    to: str
    text: str
    at: float


@dataclass(frozen=True)
class Intent:
    """A notification; one without an order's change may be an alert about an incident."""

    id: int
    state: str
    useful_until: float
    incident: int | None = None
    purpose: str = "order"


@dataclass(frozen=True)
class Delivery:
    """One route of an intent; `said` is the text that was accepted, `lost` its lost attempts.

    `number` is how the order calls itself in texts.
    """

    id: int
    intent: int
    provider: str
    ref: str
    state: str
    address: str
    reason: str
    failure: str
    may_duplicate: bool
    ended: float | None
    said: str
    lost: int
    number: str


@dataclass(frozen=True)
class Change:
    """An entry of a timeline, in the order in which it was written."""

    order: int
    group: str
    fact: str
    status: str
    applied: bool
    planned: bool
    decisions: int


@dataclass(frozen=True)
class OptOut:
    """A withdrawal that binds from `at` on; `channel` is a family, or `*`."""

    address: str
    channel: str
    at: float


@dataclass(frozen=True)
class Records:
    """Everything the invariants are checked on."""

    posts: Sequence[Post] = ()
    events: Mapping[str, str] = field(default_factory=dict)  # event key -> state
    changes: Sequence[Change] = ()
    intents: Sequence[Intent] = ()
    deliveries: Sequence[Delivery] = ()
    opt_outs: Sequence[OptOut] = ()
    taken: Sequence[Taken] = ()
    logs: Mapping[str, str] = field(default_factory=dict)  # where -> words
    connections: frozenset[tuple[str, int]] = frozenset()
    paused: Sequence[str] = ()  # channels that wait for somebody
    swept_at: float | None = None
    over_at: float = 0.0  # when the fault was over
    hands: Sequence[str] = ()  # what a person had to do

    def but(self, **changes: Any) -> "Records":
        """The same records, doctored."""
        return replace(self, **changes)

    def without_alerts(self) -> "Records":
        """Only what was owed to orders."""
        intents = [one for one in self.intents if one.incident is None]
        known = {one.id for one in intents}
        return self.but(
            intents=intents, deliveries=[one for one in self.deliveries if one.intent in known]
        )

    def taken_of(self, delivery: Delivery) -> list[Taken]:
        """How often the provider accepted this delivery."""
        mine = [one for one in self.taken if one.provider == delivery.provider]
        if any(one.ref for one in mine):
            return [one for one in mine if one.ref == delivery.ref]
        if delivery.said:
            return [one for one in mine if one.text == delivery.said]
        return [one for one in mine if delivery.number in re.findall(r"#\w+", one.text)]


def highest(ask: Ask) -> Since:
    """Where the database stands now."""
    tables = "orders_inboundevent", "orders_statuschange", "notifications_notification"
    found = [
        ask(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]
        for table in (*tables, "consents_consentevent")
    ]
    return Since(*found)


def read_database(ask: Ask, since: Since) -> Records:
    """The part of the records that the database holds."""
    return Records(
        events=dict(
            ask(f"SELECT event_key, state FROM orders_inboundevent WHERE id > {since.event}")
        ),
        changes=_changes(ask, since.change),
        intents=[
            Intent(pk, state, seconds(until), incident, purpose)
            for pk, state, until, incident, purpose in ask(
                "SELECT id, state, useful_until, incident_id, purpose"
                " FROM notifications_notification"
                f" WHERE id > {since.notification} ORDER BY id"
            )
        ],
        deliveries=_deliveries(ask, since.notification),
        opt_outs=_opt_outs(ask, since.ledger),
        paused=[slug for (slug,) in ask("SELECT slug FROM channels_app_channel WHERE NOT enabled")],
        swept_at=swept_at(ask),
    )


def _changes(ask: Ask, since: int) -> list[Change]:
    return [
        Change(order, group, fact, status, bool(applied), planned is not None, told)
        for order, group, fact, status, applied, planned, told in ask(
            "SELECT c.order_id, c.group_key, c.fact, c.status, c.applied, c.planned_at,"
            " (SELECT count(*) FROM notifications_decision d WHERE d.change_id = c.id)"
            f" FROM orders_statuschange c WHERE c.id > {since} ORDER BY c.id"
        )
    ]


def _deliveries(ask: Ask, since: int) -> list[Delivery]:
    accepted = (
        "SELECT a.text FROM notifications_attempt a"
        " WHERE a.delivery_id = d.id AND a.ending = 'accepted' ORDER BY a.id LIMIT 1"
    )
    lost = "SELECT count(*) FROM notifications_attempt a WHERE a.delivery_id = d.id AND a.ending ="
    return [
        Delivery(*row[:8], bool(row[8]), seconds(row[9]), row[10] or "", row[11], row[12] or "")
        for row in ask(
            "SELECT d.id, d.notification_id, c.provider, d.ref, d.state, d.address, d.reason,"
            " d.failure, d.may_duplicate, coalesce(d.ended_at, d.sent_at),"
            f" ({accepted}), ({lost} 'lost'),"
            " (SELECT o.display_number FROM orders_order o WHERE o.id = d.order_id)"
            " FROM notifications_delivery d JOIN channels_app_channel c ON c.id = d.channel_id"
            f" WHERE d.notification_id > {since} ORDER BY d.id"
        )
    ]


def _opt_outs(ask: Ask, since: int) -> list[OptOut]:
    return [
        OptOut(address, channel, seconds(at) or 0.0)
        for address, channel, at in ask(
            "SELECT p.address, e.channel, e.received_at FROM consents_consentevent e"
            " JOIN consents_contactpoint p ON p.digest = e.address_digest"
            " WHERE e.action IN ('withdraw', 'provider_block', 'complaint')"
            f" AND e.id > {since}"
        )
    ]


def swept_at(ask: Ask) -> float | None:
    rows = ask("SELECT at FROM notifications_heartbeat WHERE name = 'sweep'")
    return seconds(rows[0][0]) if rows else None


def seconds(moment: Any) -> Any:
    """`moment` as the databases give it, in seconds since 1970; None stays None."""
    if moment is None:
        return None
    if isinstance(moment, str):  # SQLite
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def taken_from(messages: Iterable[Mapping[str, Any]]) -> list[Taken]:
    """What the stand-in's book says."""
    return [
        Taken(one["provider"], _reference(one), one["to"], one["text"], seconds(one["at"]))
        for one in messages
    ]


def _reference(message: Mapping[str, Any]) -> str:
    if message["provider"] == "webhook":
        return str(message["id"])
    if message["provider"] != "twilio":
        return ""
    form = parse_qs(message["request"]["body"])
    return parse_qs(urlsplit(form["StatusCallback"][0]).query)["ref"][0]


def read_logs(folder: Path) -> dict[str, str]:
    """The words of every process of a product."""
    return {path.name: path.read_text(errors="replace") for path in folder.glob("*.log")}


def read_connections(book: Path) -> frozenset[tuple[str, int]]:
    """Where its processes connected to; see watch/sitecustomize.py."""
    if not book.exists():
        return frozenset()
    pairs = (line.rsplit(" ", 1) for line in book.read_text().splitlines())
    return frozenset((host, int(port)) for host, port in pairs)


def duplicates(records: Records) -> int:
    """How many messages were accepted more often than once."""
    counts = Counter({d.id: len(records.taken_of(d)) for d in records.deliveries})
    return sum(count - 1 for count in counts.values() if count > 1)
