"""What the operator's own systems are told of a customer: who it is, and what they refused.

Only providers that declare `personal` get it. A person who asked to be forgotten, or not to
be processed, is left out.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from channels_app.contract import AddressKind, Family
from consents import addresses, policy
from consents.folding import EVERYTHING
from consents.models import ConsentEvent, ContactPoint, Purpose
from consents.reasons import Reason
from orders.models import Customer, Order

Block = dict[str, Any]
_GONE = (Reason.ERASED, Reason.RESTRICTED)
_ABOUT_THE_PERSON = (ConsentEvent.Action.ERASE.value, ConsentEvent.Action.RESTRICT.value)
# The families that an automation may use by itself, and the address that each needs.
_WAYS = (
    (Family.SMS, AddressKind.PHONE),
    (Family.EMAIL, AddressKind.EMAIL),
    (Family.CHAT, AddressKind.PHONE),
)


def load(orders: Mapping[int, Order], now: datetime) -> dict[int, Block]:
    """Order id -> the customer as the operator's systems see them. Five queries a brand."""
    by_brand: dict[int, list[Order]] = defaultdict(list)
    for order in orders.values():
        by_brand[order.brand_id].append(order)
    found: dict[int, Block] = {}
    for brand_id, some in by_brand.items():
        found |= _of_brand(brand_id, some, now)
    return found


def _of_brand(brand_id: int, orders: Sequence[Order], now: datetime) -> dict[int, Block]:
    points = _points(brand_id, orders)
    ids = {order.customer_id for order in orders if order.customer_id}
    customers = Customer.objects.in_bulk(ids)
    facts = policy.load(brand_id, points.values(), ids)
    blocks = {
        order.pk: _block(order, customers.get(order.customer_id or 0), points, facts, now)
        for order in orders
    }
    return {pk: block for pk, block in blocks.items() if block is not None}


def _points(brand_id: int, orders: Sequence[Order]) -> dict[tuple[str, str], ContactPoint]:
    """The addresses of `orders`. One that nobody was told at yet has no row, but may have a no."""
    points = {
        (kind.value, addresses.digest(kind, address)): ContactPoint(
            brand_id=brand_id,
            kind=kind.value,
            address=address,
            digest=addresses.digest(kind, address),
        )
        for order in orders
        for kind, address in _given(order)
    }
    rows = ContactPoint.objects.filter(
        brand_id=brand_id, digest__in={digest for _kind, digest in points}
    )
    return points | {(row.kind, row.digest): row for row in rows}


def _given(order: Order) -> list[tuple[AddressKind, str]]:
    pairs = [(AddressKind.PHONE, order.contact_phone), (AddressKind.EMAIL, order.contact_email)]
    return [(kind, address) for kind, address in pairs if address and not order.contact_proxy]


def _block(
    order: Order,
    customer: Customer | None,
    points: Mapping[tuple[str, str], ContactPoint],
    facts: policy.Facts,
    now: datetime,
) -> Block | None:
    if _is_gone(facts, order.customer_id):
        return None
    known = dict(_given(order))
    refused: list[str] = []
    for family, kind in _WAYS:
        address = known.get(kind)
        if not address:
            continue
        point = points[kind.value, addresses.digest(kind, address)]
        no = policy.recheck(facts, point, family, Purpose.ORDER, now, order.customer_id)
        if no is not None and no.reason in _GONE:
            return None
        if no is not None:
            refused.append(family.value)
    return {
        "id": str(customer.pk) if customer else "",
        "name": order.contact_name,
        "given_name": order.contact_given_name,
        "email": known.get(AddressKind.EMAIL, ""),
        "phone": known.get(AddressKind.PHONE, ""),
        "language": order.language or (customer.language if customer else ""),
        "opted_out": refused,
    }


def _is_gone(facts: policy.Facts, customer_id: int | None) -> bool:
    """Whether the whole person is erased or restricted, whatever addresses the order has."""
    standing = facts.subjects.get(customer_id or 0, {}).get(EVERYTHING)
    return standing is not None and standing.state in _ABOUT_THE_PERSON
