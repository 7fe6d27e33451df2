"""Whom a change concerns, and by which addresses they can be reached."""

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import QuerySet

from channels_app.contract import AddressKind
from channels_app.registry import provider_class
from consents import addresses, recording
from consents.models import ContactPoint
from notifications.library import Library, RuleCard
from notifications.models import Destination
from orders.models import Order


def contact_points(orders: Sequence[Order]) -> dict[int, list[ContactPoint]]:
    """Order id -> the addresses given with it, and those its customer joined with."""
    wanted = {order.pk: _given_with(order) for order in orders}
    rows = recording.ensure_contact_points([one for some in wanted.values() for one in some])
    joined: dict[int, list[ContactPoint]] = defaultdict(list)
    people = {order.customer_id for order in orders if order.customer_id}
    for point in _joined(people):
        joined[point.customer_id or 0].append(point)
    found: dict[int, list[ContactPoint]] = {}
    for order in orders:
        own = [rows[key] for one in wanted[order.pk] if (key := _key(one)) in rows]
        found[order.pk] = own + joined[order.customer_id or 0]
    return found


def _joined(people: set[int]) -> QuerySet[ContactPoint]:
    """What customers have joined with: all but the numbers and emails, which orders bring."""
    rows = ContactPoint.objects.filter(customer_id__in=people)
    return rows.exclude(kind=AddressKind.EMAIL).exclude(
        kind=AddressKind.PHONE, address__startswith="+"
    )


def _key(one: recording.Wanted) -> recording.PointKey:
    return one.brand_id, one.kind, addresses.normalise(one.kind, one.address)


def _given_with(order: Order) -> list[recording.Wanted]:
    """The phone and the email of an order, as addresses of its customer."""
    given = [
        (AddressKind.PHONE.value, order.contact_phone),
        (AddressKind.EMAIL.value, order.contact_email),
    ]
    return [
        recording.Wanted(
            order.brand_id, order.customer_id, kind, address, proxy=order.contact_proxy
        )
        for kind, address in given
        if address
    ]


def destinations(shelf: Library, card: RuleCard, order: Order) -> list[Destination]:
    """The rooms and endpoints that a rule speaks to, for an order of this store.

    Where a message wakes somebody, the rule has to name the place.
    """
    pagers = {one.pk for one in shelf.channels if provider_class(one.provider).pages_people}
    return [
        place
        for place in shelf.destinations
        if place.audience == card.rule.audience
        and (place.pk in card.destinations if card.destinations else place.channel_id not in pagers)
        and (place.store_id is None or place.store_id == order.store_id)
    ]
