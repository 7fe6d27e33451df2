"""The parts of the normalised body: customer, lines, groups, refunds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.contract import Clock, Contact, Group, Line, Malformed, Refund, Tracking
from orders.sources.generic.reading import Node
from orders.sources.generic.words import DELAYED, method_word, spelled, status_word

# What an order that is not split may say directly, as if it were its only group.
_GROUP_MEMBERS = (
    "eta",
    "ready_at",
    "deliver_from",
    "deliver_to",
    "delay",
    "delayed",
    "delay_reason",
    "on_hold",
    "tracking",
    "courier",
    "sub_status",
)


def read_clock(*nodes: Node | None) -> tuple[Clock, datetime | None]:
    """(clock, when it happened): the first of `nodes` that says so, for each member."""
    said = [node for node in nodes if node is not None]
    version = next((v for node in said if (v := node.whole("version")) is not None), None)
    updated = next((at for node in said if (at := node.time("updated_at"))), None)
    occurred = next((at for node in said if (at := node.time("occurred_at"))), None)
    return Clock(version, updated or occurred), occurred


def read_contact(order: Node) -> Contact | None:
    """Whom the order belongs to; None when the body does not say."""
    node = order.child("customer", "contact")
    if node is None:
        return None
    country = node.text("country", "country_code", limit=3).upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise Malformed(f"{node.where('country')}: must be a code of two letters such as US.")
    given, family = node.text("given_name", "first_name"), node.text("family_name", "last_name")
    return Contact(
        external_id=node.identifier("external_id", "id"),
        name=node.text("name", limit=200) or " ".join(filter(None, (given, family)))[:200],
        given_name=given[:100],
        email=node.text("email", limit=254),
        phone=node.text("phone", "phone_raw", limit=60),
        phone_pin=node.text("phone_pin", "phone_code", limit=20),
        proxy=bool(node.flag("proxy")) or node.text("kind") == "proxy",
        language=node.text("language", "locale", limit=10),
        country=country,
        time_zone=node.text("time_zone", limit=50),
    )


def read_lines(order: Node) -> list[Line]:
    """The lines; one without an id goes by its place in the list."""
    nodes = order.children("lines", "items", "line_items") or ()
    lines = [
        Line(
            line_id=node.identifier("line_id", "id") or str(n),
            name=node.text("name", "title", limit=300),
            quantity=node.quantity("quantity", default="1"),
            sku=node.text("sku", limit=120),
            removed_quantity=node.quantity("removed_quantity", default="0"),
            note=node.text("note", limit=500),
        )
        for n, node in enumerate(nodes, start=1)
    ]
    if len({line.line_id for line in lines}) < len(lines):
        raise Malformed(f"{order.where('lines')}: two lines have the same id.")
    return lines


def read_refunds(order: Node, currency: str) -> list[Refund]:
    """Refunds, each with an id of its own so that it is counted once."""
    return [_refund(node, currency) for node in order.children("refunds") or ()]


def _refund(node: Node, currency: str) -> Refund:
    refund_id = node.identifier("refund_id", "id")
    if not refund_id:
        raise Malformed(f"{node.where('id')}: is missing; without it a repeat would count twice.")
    minor = node.whole("amount_minor")
    amount = minor if minor is not None else node.money(currency, "amount", "total")
    if amount is None:
        raise Malformed(f"{node.where('amount')}: is missing.")
    return Refund(refund_id, abs(amount), node.text("reason", limit=200), node.time("at"))


def read_groups(
    order: Node, method: str, settings: Mapping[str, Any]
) -> tuple[list[Group], list[str]]:
    """(the groups, status words that we do not know).

    An order that is not split may say directly what its only group would say.
    """
    nodes = order.children("groups")
    if nodes is None:
        return _own_group(order, method), []
    read = [_group(node, len(nodes) == 1, settings) for node in nodes]
    groups = [group for group, _unknown in read]
    if len({group.key for group in groups}) < len(groups):
        raise Malformed(f"{order.where('groups')}: two groups have the same key.")
    return groups, [unknown for _group, unknown in read if unknown]


def _own_group(order: Node, method: str) -> list[Group]:
    delayed = spelled(order.text("status", limit=80)) == DELAYED
    if not delayed and not order.has(*_GROUP_MEMBERS):
        return []
    return [Group(method=method, **_promises(order, method, delayed))]


def _group(node: Node, alone: bool, settings: Mapping[str, Any]) -> tuple[Group, str]:
    key = node.identifier("key", "group_id", "id") or ("main" if alone else "")
    if not key:
        raise Malformed(f"{node.where('key')}: is missing; each of several groups needs one.")
    word = node.text("status", limit=80)
    status, unknown = status_word(word, settings)
    where, _value = node.find("method", "fulfilment", "fulfillment")
    method = method_word(node.text("method", "fulfilment", "fulfillment"), where)
    clock, _occurred = read_clock(node.child("clock"), node)
    group = Group(
        key=key,
        aliases=node.texts("aliases"),
        method=method,
        status=status,
        source_status=node.text("source_status", limit=80) or word,
        lines=_allocated(node),
        clock=clock if clock != Clock() else None,
        **_promises(node, method, spelled(word) == DELAYED),
    )
    return group, unknown


def _allocated(node: Node) -> list[tuple[str, str]]:
    """(line id, quantity) of what is in a group."""
    pairs = []
    for line in node.children("lines", "items") or ():
        line_id = line.identifier("line_id", "id")
        if not line_id:
            raise Malformed(f"{line.where('line_id')}: is missing.")
        pairs.append((line_id, line.quantity("quantity", default="1")))
    return pairs


def _promises(node: Node, method: str, delayed: bool) -> dict[str, Any]:
    """When it will be there, whether it is late, and who brings it."""
    ready_at, deliver_from, deliver_to = _times(node, method)
    late, reason = _delay(node)
    return {
        "sub_status": node.text("sub_status", limit=40),
        "ready_at": ready_at,
        "deliver_from": deliver_from,
        "deliver_to": deliver_to,
        "delayed": True if delayed else late,
        "delay_reason": reason,
        "tracking": _tracking(node),
        "courier": _courier(node),
    }


def _times(node: Node, method: str) -> Sequence[datetime | None]:
    """(ready at, delivered from, delivered to); `eta` may be one time or an object of them."""
    if isinstance(node.value.get("eta"), dict):
        node = node.child("eta") or node
    only = node.time("eta")
    brought = method in ("delivery", "shipping")
    return (
        node.time("ready_at") or (None if brought else only),
        node.time("deliver_from"),
        node.time("deliver_to") or (only if brought else None),
    )


def _delay(node: Node) -> tuple[bool | None, str]:
    delay = node.child("delay")
    reason = node.text("delay_reason", limit=200)
    if delay is not None:
        return True, reason or delay.text("reason", limit=200)
    late = node.flag("delayed", "on_hold")
    return (True if reason and late is None else late), reason


def _tracking(node: Node) -> list[Tracking]:
    """Parcels: a list of objects, or one object."""
    one = isinstance(node.value.get("tracking"), dict)
    parcels = [node.child("tracking")] if one else node.children("tracking") or ()
    return [
        Tracking(
            number=parcel.text("number", limit=120),
            carrier=parcel.text("carrier", limit=80),
            url=parcel.url("url"),
        )
        for parcel in parcels
        if parcel is not None
    ]


def _courier(node: Node) -> str:
    if isinstance(node.value.get("courier"), dict):
        courier = node.child("courier")
        return courier.text("name", limit=120) if courier else ""
    return node.text("courier", limit=120)
