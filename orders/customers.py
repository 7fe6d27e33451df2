"""Who ordered: the same person is recognised by phone, email, or the source's own id."""

from collections.abc import Iterable, Sequence

from orders.aggregate import Aggregate
from orders.contract import Contact
from orders.models import Customer, CustomerIdentity, Order, SourceConnection

Identity = tuple[int, str, str]  # brand id, kind, value


def identities(
    order: Order, contact: Contact | None, connection: SourceConnection
) -> list[Identity]:
    """The ways to recognise the person behind `order`, strongest first. Masked numbers are none."""
    found: list[Identity] = []
    if contact and contact.external_id:
        found.append((order.brand_id, f"c{connection.pk}", contact.external_id[:254]))
    if order.contact_phone and not order.contact_proxy:
        found.append((order.brand_id, "phone", order.contact_phone))
    if order.contact_email and not order.contact_proxy:
        found.append((order.brand_id, "email", order.contact_email.lower()))
    return found


def assign(wanted: Sequence[tuple[Aggregate, list[Identity]]]) -> None:
    """Give each order its customer, making those that nobody knows yet. A handful of queries."""
    known = _load(identity for _whole, ids in wanted for identity in ids)
    fresh: dict[Identity, Customer] = {}
    for whole, ids in wanted:
        owner = next((known[one] for one in ids if one in known), None)
        if owner is None and ids:
            owner = next((fresh[one] for one in ids if one in fresh), None) or _new(whole.order)
        for one in ids:
            if owner is not None and one not in known:
                fresh[one] = owner
        if owner is not None:
            whole.order.customer = owner
    winners = _store(fresh)
    for whole, ids in wanted:
        known_by_now = next((winners[one] for one in ids if one in winners), None)
        if known_by_now is not None:
            whole.order.customer = known_by_now


def _load(ids: Iterable[Identity]) -> dict[Identity, Customer]:
    wanted = set(ids)
    rows = CustomerIdentity.objects.filter(
        brand_id__in={one[0] for one in wanted},
        kind__in={one[1] for one in wanted},  # without it the index would be of no use
        value__in={one[2] for one in wanted},
    ).select_related("customer")
    found = {(row.brand_id, row.kind, row.value): row.customer for row in rows}
    return {one: owner for one, owner in found.items() if one in wanted}


def _new(order: Order) -> Customer:
    return Customer(
        brand_id=order.brand_id,
        name=order.contact_name,
        given_name=order.contact_given_name,
        language=order.language,
    )


def _store(fresh: dict[Identity, Customer]) -> dict[Identity, Customer]:
    """Two workers may meet the same new person: the second one takes the first one's row.

    Returns the owners of those identities that somebody else was faster with.
    """
    people = {id(owner): owner for owner in fresh.values() if owner.pk is None}
    if people:
        Customer.objects.bulk_create(people.values())
    if not fresh:
        return {}
    CustomerIdentity.objects.bulk_create(
        [
            CustomerIdentity(brand_id=brand, kind=kind, value=value, customer=fresh[one])
            for one in sorted(fresh)
            for brand, kind, value in [one]
        ],
        ignore_conflicts=True,
    )
    stored = _load(fresh)
    lost = {one: owner for one, owner in stored.items() if owner.pk != fresh[one].pk}
    beaten = {fresh[one].pk for one in lost}
    holding = {owner.pk for owner in stored.values()}
    Customer.objects.filter(pk__in={p.pk for p in people.values()} & (beaten - holding)).delete()
    return lost
