"""After a restore nothing that the copied past owes is sent until a person says so.

A restored database does not know what was sent after the copy was made. It is told from
one that went on by what lies outside it: the count of its heartbeats, which every pump
remembers and writes to a file beside the data, must never go back; and the database
itself must be the one that wrote the last heartbeat.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from notifications import incidents, library
from notifications.incidents import Trouble
from notifications.models import Delivery, Heartbeat, IncidentKind, Notification, Restoration
from notifications.words.alerts import alert_words
from orders.models import Brand, InboundEvent, StatusChange

NOTICED = 1000
FILE = "last_beat.json"
PAST_COUNTS_FOR = timedelta(days=2)  # events of the copied past may wait so long for their order
_OWED = (Delivery.State.QUEUED, Delivery.State.SENDING, Delivery.State.UNKNOWN)
_OPEN = (
    InboundEvent.State.RECEIVED,
    InboundEvent.State.FETCHING,
    InboundEvent.State.WAITING,
)
REASON = "The database was restored: it may have been sent before. A person decides."


def mark() -> str:
    """What tells this database from a copy of it elsewhere; empty where nothing does."""
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        (oid,) = cursor.fetchone()
        cursor.execute("SELECT has_function_privilege('pg_control_system()', 'execute')")
        if not cursor.fetchone()[0]:
            return f":{oid}"
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return f"{cursor.fetchone()[0]}:{oid}"


def remembered() -> int:
    """The count of the last heartbeat that this machine has seen; 0 when it has seen none."""
    try:
        return int(json.loads(_path().read_text())["count"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def remember(count: int) -> None:
    """Keep it outside the database. A disk that is full or read-only keeps nobody from working."""
    path = _path()
    try:
        path.with_suffix(".new").write_text(json.dumps({"count": count}))
        path.with_suffix(".new").replace(path)
    except OSError:
        return


def _path() -> Path:
    return Path(settings.DATA_DIR) / FILE


def notice(row: Heartbeat, known: int, now: datetime) -> Restoration | None:
    """Hold what is owed if the database of the heartbeat `row` is an earlier one, or a copy.

    `row` is locked by the caller, so that one process notices for all.
    """
    here = mark()
    why = ""
    if row.count < known:
        why = f"Its heartbeats go back from {known} to {row.count}."
    elif row.mark and here and row.mark != here:
        why = "It is another database than the one that wrote the last heartbeat."
    row.mark = here
    # Far ahead of what the others remember: one of them has noticed, and that is enough.
    row.count = max(row.count, known) + (NOTICED if why else 0)
    return hold(why, now) if why else None


def hold(why: str, now: datetime) -> Restoration | None:
    """Nothing of what is owed now is sent until a person decides; None when nothing is owed."""
    brands = _brands_that_owe()
    if not brands:
        return None
    with transaction.atomic():
        found = Restoration.objects.create(
            noticed_at=now,
            why=why,
            last_event_id=InboundEvent.objects.aggregate(top=Max("id"))["top"] or 0,
            last_change_id=StatusChange.objects.aggregate(top=Max("id"))["top"] or 0,
        )
        Delivery.objects.filter(state__in=_OWED).update(
            state=Delivery.State.QUEUED,
            apart=Delivery.Apart.HELD,
            lease_until=None,
            lease_token="",
            reason=REASON,
        )
        for brand in Brand.objects.filter(pk__in=brands):
            incidents.raise_incident(_trouble(brand, found), now)
    library.clear()
    return found


def _brands_that_owe() -> set[int]:
    changes = StatusChange.objects.filter(planned_at__isnull=True)
    events = InboundEvent.objects.filter(state__in=_OPEN)
    return {
        *Delivery.objects.filter(state__in=_OWED).values_list("brand_id", flat=True).distinct(),
        *changes.values_list("brand_id", flat=True).distinct(),
        *events.values_list("connection__brand_id", flat=True).distinct(),
    }


def _trouble(brand: Brand, found: Restoration) -> Trouble:
    words = alert_words(brand.language)
    held = Delivery.objects.filter(brand=brand, apart=Delivery.Apart.HELD)
    return Trouble(
        brand_id=brand.pk,
        kind=IncidentKind.RESTORED,
        about=f"restored:{found.pk}",
        title=words.restored.format(count=held.filter(state=Delivery.State.QUEUED).count()),
        detail=f"{words.restored_detail} {found.why}",
        next_act=words.restored_act,
    )


def latest(now: datetime) -> Restoration | None:
    """The restore whose past may still turn up."""
    return Restoration.objects.filter(noticed_at__gt=now - PAST_COUNTS_FOR).first()


def keep_back(
    notifications: Iterable[Notification], owed: Iterable[Delivery], now: datetime
) -> None:
    """What is planned now of a past that was copied shares the fate of the rest of it.

    Called before the rows are stored.
    """
    found = latest(now)
    if found is None or found.verdict == Restoration.Verdict.SEND:
        return
    old = {id(one) for one in notifications if _is_of_the_past(one, found)}
    dropped = found.verdict == Restoration.Verdict.DROP
    for delivery in owed:
        if id(delivery.notification) not in old:
            continue
        delivery.apart, delivery.reason = Delivery.Apart.HELD, REASON
        if dropped:
            delivery.state, delivery.apart = Delivery.State.CANCELLED, ""
            delivery.ended_at, delivery.reason = now, f"Decided by {found.decided_by}: not sent."


def _is_of_the_past(notification: Notification, found: Restoration) -> bool:
    change = notification.change
    if change is None:
        return False
    event_id = change.event_id
    if event_id is None:
        return change.pk <= found.last_change_id
    return event_id <= found.last_event_id


def decide(found_id: int, verdict: str, actor: str, now: datetime) -> None:
    """What a person wants to become of it, also of what is still to be planned."""
    Restoration.objects.filter(pk=found_id, verdict="").update(
        verdict=verdict, decided_at=now, decided_by=actor[:120]
    )
