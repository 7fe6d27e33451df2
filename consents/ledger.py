"""The append-only ledger of consent, chained by hash. Called through `recording`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from consents import addresses, projection
from consents.folding import EVERYTHING, Scope
from consents.models import ConsentEvent, ContactPoint

Action = ConsentEvent.Action

# What a provider says of an address is about one family of channel, never about all.
_PROVIDER_WORDS = frozenset(
    {Action.HARD_BOUNCE, Action.PROVIDER_BLOCK, Action.PROVIDER_UNBLOCK, Action.COMPLAINT}
)
_ABOUT_THE_PERSON = frozenset({Action.RESTRICT, Action.ERASE})
# An act that could only come from a working address proves that it works.
_PROVES_ADDRESS = frozenset({"keyword", "page", "join"})
_CHAINED = (
    "brand_id",
    "address_kind",
    "address_digest",
    "channel",
    "purpose",
    "action",
    "basis",
    "method",
    "evidence",
    "actor",
    "source_event_id",
    "wording_version",
    "occurred_at",
    "received_at",
    "effective_at",
)


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the ledger is not what was written."""

    event_id: int
    why: str


def record(
    *,
    brand_id: int,
    kind: str,
    address: str = "",
    digest: str = "",
    action: str,
    channel: str = "*",
    purpose: str = "*",
    method: str,
    basis: str = "",
    evidence: Mapping[str, Any] | None = None,
    actor: str = "",
    source_event_id: str = "",
    customer_id: int | None = None,
    occurred_at: datetime,
    now: datetime,
    wording_version: str = "",
) -> ConsentEvent | None:
    """Append one act and bring the projection up to date; None when it was recorded before.

    Name the address, or its `digest`. A claimed time in the future counts from `now`.
    """
    if not (digest or address.strip()):
        raise ValueError("Consent needs an address or its digest: pass one of them.")
    channel, purpose = _scope(kind, action, channel, purpose)
    event = ConsentEvent(
        brand_id=brand_id,
        customer_id=customer_id,
        address_kind=str(kind),
        address_digest=digest,
        channel=str(channel),
        purpose=str(purpose),
        action=str(action),
        basis=basis,
        method=str(method),
        evidence=_clean(dict(evidence or {})),
        actor=_clean(actor)[:120],
        source_event_id=_short(source_event_id),
        wording_version=wording_version,
        occurred_at=occurred_at.astimezone(UTC),
        received_at=now.astimezone(UTC),
        effective_at=min(occurred_at, now).astimezone(UTC),
    )
    with transaction.atomic():
        return _append(event, address)


def _append(event: ConsentEvent, address: str) -> ConsentEvent | None:
    """Chain, store and project `event`, unless its source has told us before."""
    brand = projection.locked(event.brand_id)
    if event.source_event_id and _known(event):
        return None
    if not event.address_digest:
        event.address_digest = addresses.digest(event.address_kind, address, brand.country)
    event.prev_hash = _last_hash(event.brand_id)
    event.row_hash = _row_hash(event)
    event.save(force_insert=True)
    projection.project(event.brand_id, (event.address_kind, event.address_digest))
    _note_on_points(event)
    return event


def _known(event: ConsentEvent) -> bool:
    return ConsentEvent.objects.filter(
        brand_id=event.brand_id, method=event.method, source_event_id=event.source_event_id
    ).exists()


def _scope(kind: str, action: str, channel: str, purpose: str) -> Scope:
    """Where an act of this sort can count at all."""
    if action in _ABOUT_THE_PERSON:
        return EVERYTHING
    if action in _PROVIDER_WORDS:
        family = addresses.family_of(kind) if channel == "*" else channel
        return family, "*"
    return channel, purpose


def _short(source_event_id: str) -> str:
    """An outside id that fits its column; a long one by its hash."""
    clean = str(_clean(source_event_id))
    return clean if len(clean) <= 200 else hashlib.sha256(clean.encode()).hexdigest()


def _clean(value: Any, depth: int = 0) -> Any:
    """`value` as every database can keep it: no NUL, no lone surrogate, nothing huge or deep."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()[:2000]
    if isinstance(value, Mapping) and depth < 6:
        pairs = list(value.items())[:50]
        return {str(_clean(str(k), depth + 1)): _clean(v, depth + 1) for k, v in pairs}
    if isinstance(value, list | tuple) and depth < 6:
        return [_clean(item, depth + 1) for item in value[:50]]
    return value if value is None or isinstance(value, bool | int) else str(value)[:2000]


def _last_hash(brand_id: int) -> str:
    last = ConsentEvent.objects.filter(brand_id=brand_id).order_by("-id")
    return last.values_list("row_hash", flat=True).first() or ""


def _row_hash(event: ConsentEvent) -> str:
    """The hash of what was written and of the row before.

    The customer is no part of it: the link of an erased customer is cleared, and the act stays
    proven by the digest of the address.
    """
    fields = {name: _canonical(getattr(event, name)) for name in _CHAINED}
    text = json.dumps([event.prev_hash, fields], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def verify_chain(brand_id: int) -> list[Break]:
    """Every row that was changed, and every place where rows are missing or out of order."""
    breaks: list[Break] = []
    previous = ""
    events = ConsentEvent.objects.filter(brand_id=brand_id).order_by("id")
    for event in events.iterator(chunk_size=1000):
        if event.prev_hash != previous:
            breaks.append(Break(event.pk, "The row before this one is missing or was replaced."))
        if event.row_hash != _row_hash(event):
            breaks.append(Break(event.pk, "This row was changed after it was written."))
        previous = event.row_hash
    return breaks


def _note_on_points(event: ConsentEvent) -> None:
    """An act from the address itself proves that it works again."""
    if event.action == Action.GRANT and event.method in _PROVES_ADDRESS:
        ContactPoint.objects.filter(
            brand_id=event.brand_id,
            kind=event.address_kind,
            digest=event.address_digest,
            invalid_at__lt=event.effective_at,
        ).update(invalid_at=None, invalid_why="")
