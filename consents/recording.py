"""The only writer of addresses and consent: contact points, the ledger, its projection."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Coalesce

from consents import addresses
from consents.folding import Act, fold
from consents.ledger import Break, record, verify_chain
from consents.models import ConsentEvent, ContactPoint
from consents.points import PointKey, Wanted, ensure_contact_points, forget_proxies
from consents.projection import rebuild

__all__ = [
    "Act",
    "Break",
    "PointKey",
    "Wanted",
    "complaint",
    "ensure_contact_points",
    "fold",
    "forget_proxies",
    "join",
    "opt_in",
    "opt_out",
    "provider_block",
    "rebuild",
    "record",
    "resume_everything",
    "stop_everything",
    "suppress_address",
    "verify_chain",
]

Action = ConsentEvent.Action


def opt_out(
    point: ContactPoint,
    *,
    method: str,
    now: datetime,
    channel: str = "",
    purpose: str = "*",
    occurred_at: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    actor: str = "",
    source_event_id: str = "",
) -> ConsentEvent | None:
    """They want no more; without a `channel`: of the family that this address is for."""
    return _act(
        point,
        Action.WITHDRAW,
        method,
        now,
        channel=channel,
        purpose=purpose,
        occurred_at=occurred_at,
        evidence=evidence,
        actor=actor,
        source_event_id=source_event_id,
    )


def opt_in(
    point: ContactPoint,
    *,
    method: str,
    now: datetime,
    channel: str = "",
    purpose: str = "*",
    occurred_at: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    actor: str = "",
    source_event_id: str = "",
    wording_version: str = "",
) -> ConsentEvent | None:
    """They want messages (again). What this may lift depends on `method`: see `folding`."""
    return _act(
        point,
        Action.GRANT,
        method,
        now,
        channel=channel,
        purpose=purpose,
        basis="consent",
        occurred_at=occurred_at,
        evidence=evidence,
        actor=actor,
        source_event_id=source_event_id,
        wording_version=wording_version,
    )


def suppress_address(
    point: ContactPoint, why: str, now: datetime, *, channel: str = "", source_event_id: str = ""
) -> None:
    """The address does not work: remember it on the point and in the ledger.

    A number that is not on WhatsApp may still take texts: then only the ledger closes that family.
    """
    if channel in ("", addresses.family_of(point.kind)):
        ContactPoint.objects.filter(pk=point.pk).update(
            invalid_at=Coalesce("invalid_at", models.Value(now)), invalid_why=_brief(why)
        )
        point.invalid_at, point.invalid_why = point.invalid_at or now, _brief(why)
    _act(
        point,
        Action.HARD_BOUNCE,
        "provider",
        now,
        channel=channel,
        evidence={"why": why},
        source_event_id=source_event_id,
    )


def provider_block(
    point: ContactPoint,
    now: datetime,
    *,
    channel: str = "",
    why: str = "",
    source_event_id: str = "",
    occurred_at: datetime | None = None,
) -> ConsentEvent | None:
    """The provider, or the person at the provider, blocks us."""
    return _act(
        point,
        Action.PROVIDER_BLOCK,
        "provider",
        now,
        channel=channel,
        occurred_at=occurred_at,
        evidence={"why": why} if why else None,
        source_event_id=source_event_id,
    )


def complaint(
    point: ContactPoint,
    now: datetime,
    *,
    channel: str = "",
    source_event_id: str = "",
    occurred_at: datetime | None = None,
) -> ConsentEvent | None:
    """They reported a message as spam."""
    return _act(
        point,
        Action.COMPLAINT,
        "provider",
        now,
        channel=channel,
        occurred_at=occurred_at,
        source_event_id=source_event_id,
    )


def stop_everything(
    customer_id: int, points: Sequence[ContactPoint], *, method: str, now: datetime
) -> None:
    """No message of any kind, at any address that they have now or give later."""
    with transaction.atomic():
        for point in points:
            opt_out(point, method=method, now=now, channel="*")
        if points:
            _about_person(Action.WITHDRAW, points[0].brand_id, customer_id, method, now)


def resume_everything(
    customer_id: int, points: Sequence[ContactPoint], *, own: ContactPoint, now: datetime
) -> None:
    """Take back `stop_everything`. What was stopped channel by channel stays stopped.

    `own` is the address whose link they used; for the others it counts as a ticked box.
    """
    with transaction.atomic():
        for point in points:
            method = "page" if point.pk == own.pk else "checkbox"
            opt_in(point, method=method, now=now, channel="*")
        _about_person(Action.GRANT, own.brand_id, customer_id, "page", now)


def _about_person(
    action: str, brand_id: int, customer_id: int, method: str, now: datetime
) -> ConsentEvent | None:
    """Record an act about a whole person, whatever their addresses."""
    return record(
        brand_id=brand_id,
        kind=addresses.SUBJECT,
        digest=addresses.subject_digest(customer_id),
        action=action,
        method=method,
        customer_id=customer_id,
        occurred_at=now,
        now=now,
    )


def join(
    brand_id: int,
    customer_id: int | None,
    kind: str,
    address: str,
    now: datetime,
    *,
    data: Mapping[str, Any] | None = None,
    channel: str = "",
    source_event_id: str = "",
) -> ContactPoint:
    """They started our bot, or allowed push: their address, verified, with the grant recorded.

    `channel`: the family that they joined, where it is not what the address is for: WhatsApp.
    """
    with transaction.atomic():
        wanted = Wanted(brand_id, customer_id, kind, address, data=data)
        points = ensure_contact_points([wanted])
        if not points:
            raise ValueError(f"This is no address of kind {kind}: nothing can be sent to it.")
        point = next(iter(points.values()))
        if customer_id is not None:
            point.customer_id = customer_id
        point.verified_at, point.invalid_at, point.invalid_why = now, None, ""
        point.save(update_fields=["customer", "verified_at", "invalid_at", "invalid_why"])
        opt_in(point, method="join", now=now, channel=channel, source_event_id=source_event_id)
    return point


def _act(
    point: ContactPoint,
    action: str,
    method: str,
    now: datetime,
    *,
    channel: str = "",
    occurred_at: datetime | None = None,
    **details: Any,
) -> ConsentEvent | None:
    """Record an act about a known address."""
    return record(
        brand_id=point.brand_id,
        kind=point.kind,
        digest=point.digest,
        action=action,
        channel=channel or addresses.family_of(point.kind),
        method=method,
        customer_id=point.customer_id,
        occurred_at=occurred_at or now,
        now=now,
        **details,
    )


def _brief(why: str) -> str:
    """A reason that fits its column."""
    return why.replace("\0", "")[:200]
