"""Contact points, made and completed in bulk. Called through `recording`, the only writer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from consents import addresses
from consents.models import ContactPoint
from orders.models import Brand

PointKey = tuple[int, str, str]  # brand, kind, normalised address


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that an order, a form or a chat has shown us."""

    brand_id: int
    customer_id: int | None
    kind: str
    address: str
    proxy: bool = False
    data: Mapping[str, Any] | None = None


def ensure_contact_points(wanted: Sequence[Wanted]) -> dict[PointKey, ContactPoint]:
    """The contact points of `wanted`, made where missing; key: brand, kind, normalised address.

    Addresses that cannot be used are left out. Two queries when all are known, whatever the number.
    """
    regions = _regions(wanted)
    asked: dict[PointKey, Wanted] = {}
    for want in wanted:
        known = addresses.normalise(want.kind, want.address, regions.get(want.brand_id, "US"))
        if known:
            key = (want.brand_id, want.kind, known)
            asked[key] = _merged(asked.get(key), want)
    digests = {key: addresses.digest(key[1], key[2]) for key in asked}
    found = _find_points(digests)
    missing = [key for key in asked if key not in found]
    if missing:
        rows = [_new_point(key, asked[key], digests[key]) for key in missing]
        ContactPoint.objects.bulk_create(rows, ignore_conflicts=True)
        found |= _find_points({key: digests[key] for key in missing})
    _learn(found, asked)
    return found


def forget_proxies(brand_id: int, kind: str, given: Iterable[str]) -> int:
    """Remove the masked addresses among `given`; how many. Consent is kept by digest, and stays."""
    digests = {addresses.digest(kind, address) for address in given}
    if not digests:
        return 0
    rows = ContactPoint.objects.filter(brand_id=brand_id, kind=kind, digest__in=digests, proxy=True)
    return rows.delete()[1].get(ContactPoint._meta.label, 0)


def _regions(wanted: Sequence[Wanted]) -> dict[int, str]:
    """Brand id -> country, asked for only when a number comes without its country."""
    bare = {w.brand_id for w in wanted if w.kind == "phone" and not w.address.startswith("+")}
    if not bare:
        return {}
    return dict(Brand.objects.filter(pk__in=bare).values_list("pk", "country"))


def _merged(first: Wanted | None, second: Wanted) -> Wanted:
    """One wish from two for the same address."""
    if first is None:
        return second
    return Wanted(
        second.brand_id,
        first.customer_id or second.customer_id,
        second.kind,
        second.address,
        first.proxy or second.proxy,
        second.data or first.data,
    )


def _find_points(digests: Mapping[PointKey, str]) -> dict[PointKey, ContactPoint]:
    if not digests:
        return {}
    rows = ContactPoint.objects.filter(
        brand_id__in={key[0] for key in digests},
        kind__in={key[1] for key in digests},
        digest__in=set(digests.values()),
    )
    by_digest = {(row.brand_id, row.kind, row.digest): row for row in rows}
    pairs = ((key, by_digest.get((key[0], key[1], digest))) for key, digest in digests.items())
    return {key: row for key, row in pairs if row is not None}


def _new_point(key: PointKey, want: Wanted, digest: str) -> ContactPoint:
    return ContactPoint(
        brand_id=key[0],
        kind=key[1],
        address=key[2],
        digest=digest,
        customer_id=want.customer_id,
        proxy=want.proxy,
        data=dict(want.data or {}),
    )


def _learn(found: Mapping[PointKey, ContactPoint], asked: Mapping[PointKey, Wanted]) -> None:
    """Fill in what a known point lacked: its customer, that it is a proxy, newer push keys."""
    owners: dict[int, int] = {}
    for key, point in found.items():
        want = asked[key]
        if point.customer_id is None and want.customer_id is not None:
            owners[point.pk] = point.customer_id = want.customer_id
        changed = {"proxy": True} if want.proxy and not point.proxy else {}
        if want.data and dict(want.data) != point.data:
            changed["data"] = dict(want.data)  # type: ignore[assignment]
        if changed:
            ContactPoint.objects.filter(pk=point.pk).update(**changed)
            point.proxy, point.data = point.proxy or want.proxy, dict(want.data or point.data)
    if owners:
        choice = models.Case(*(models.When(pk=pk, then=owner) for pk, owner in owners.items()))
        ContactPoint.objects.filter(pk__in=owners, customer__isnull=True).update(customer=choice)
