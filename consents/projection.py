"""The states that the ledger adds up to, kept beside it for quick reading. Rebuilt at any time."""

from collections.abc import Iterable
from itertools import groupby

from django.db import models, transaction

from consents.folding import Act, fold
from consents.models import ConsentEvent, ConsentState
from orders.models import Brand

AddressKey = tuple[str, str]  # kind, digest


def locked(brand_id: int) -> Brand:
    """The brand, held until commit, so that its chain grows one by one.

    On SQLite the transaction already holds the one write lock (mode IMMEDIATE). `no_key` lets
    others go on inserting rows that point at the brand.
    """
    return Brand.objects.select_for_update(no_key=True).get(pk=brand_id)


def rebuild(brand_id: int) -> int:
    """Compute the whole projection of a brand anew; how many rows were not as they should be."""
    with transaction.atomic():
        locked(brand_id)
        return project(brand_id, None)


def project(brand_id: int, only: AddressKey | None) -> int:
    """Make the states of one address (None: of all) what the ledger adds up to."""
    events = ConsentEvent.objects.filter(brand_id=brand_id)
    states = ConsentState.objects.filter(brand_id=brand_id)
    if only is not None:
        address = {"address_kind": only[0], "address_digest": only[1]}
        events, states = events.filter(**address), states.filter(**address)
    right = {
        (*key, *scope): act for key, acts in _acts(events) for scope, act in fold(acts).items()
    }
    now_there = {
        (s.address_kind, s.address_digest, s.channel, s.purpose): s for s in states.iterator()
    }
    wrong = [s.pk for key, s in now_there.items() if not _same(s, right.get(key))]
    ConsentState.objects.filter(pk__in=wrong).delete()
    missing = [
        _state(brand_id, key, act)
        for key, act in right.items()
        if key not in now_there or not _same(now_there[key], act)
    ]
    ConsentState.objects.bulk_create(missing)
    return max(len(wrong), len(missing))


def _acts(events: models.QuerySet[ConsentEvent]) -> Iterable[tuple[AddressKey, list[Act]]]:
    rows = events.order_by("address_kind", "address_digest", "id").values_list(
        "address_kind",
        "address_digest",
        "id",
        "action",
        "channel",
        "purpose",
        "method",
        "effective_at",
    )
    for key, group in groupby(rows.iterator(), key=lambda row: (row[0], row[1])):
        yield key, [Act(*row[2:]) for row in group]


def _same(state: ConsentState, act: Act | None) -> bool:
    return act is not None and (state.state, state.effective_at, state.event_id) == (
        act.action,
        act.effective_at,
        act.id,
    )


def _state(brand_id: int, key: tuple[str, ...], act: Act) -> ConsentState:
    kind, digest, channel, purpose = key
    return ConsentState(
        brand_id=brand_id,
        address_kind=kind,
        address_digest=digest,
        channel=channel,
        purpose=purpose,
        state=act.action,
        effective_at=act.effective_at,
        event_id=act.id,
    )
