"""The normalised body as a whole, in its flat form and in that of the published schema."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orders.contract import Clock, Group, Malformed, OrderEvent, Unmappable
from orders.parsing import currency_code, plain
from orders.sources.generic.parts import (
    read_clock,
    read_contact,
    read_groups,
    read_lines,
    read_refunds,
)
from orders.sources.generic.reading import Node
from orders.sources.generic.words import (
    DELAYED,
    TYPE_FACTS,
    is_about_orders,
    method_word,
    short_type,
    spelled,
    status_word,
)
from orders.statuses import Fact, Status

ATTRIBUTES_LIMIT = 10_000
DEFAULT_TYPE = "order.updated"
# Members by which the timeline is steered; a body may not set them.
RESERVED = frozenset({"find_by_group_alias"})
_WHOLE_TYPES = frozenset({"order.snapshot", "order.created", "order.placed"})


class Envelope:
    """What a transport knows beside the body; the body's own word counts more."""

    def __init__(
        self,
        name: str = "",
        subject: str = "",
        version: int | None = None,
        time: datetime | None = None,
    ) -> None:
        self.name, self.subject, self.version, self.time = name, subject, version, time


def read_event(
    value: Any, settings: Mapping[str, Any], envelope: Envelope | None = None
) -> OrderEvent:
    """The event in a parsed body. Raises Malformed with the name of the member that is wrong."""
    around = envelope or Envelope()
    if not isinstance(value, dict):
        raise Malformed("The body must be an object with the member order.")
    top = Node(value)
    name = top.text("type", limit=120) or around.name
    if not is_about_orders(name):
        raise Unmappable(f"type: {name} is not about an order. Send types such as order.ready.")
    order, ref = _order_of(top), top.child("order_ref")
    reader = _Reader(top, order, ref, name or DEFAULT_TYPE, around, settings)
    return reader.event()


def _order_of(top: Node) -> Node:
    """The member `order`, or the body itself when somebody wrote it flat."""
    if top.has("order"):
        return top.child("order") or top
    return Node({}, "order") if top.has("order_ref") else top


class _Reader:
    """One body on its way to an event."""

    def __init__(
        self,
        top: Node,
        order: Node,
        ref: Node | None,
        name: str,
        around: Envelope,
        settings: Mapping[str, Any],
    ) -> None:
        self.top, self.order, self.ref = top, order, ref or Node({}, "order_ref")
        self.name, self.around, self.settings = name, around, settings
        self.money = order.child("money") or Node({}, order.where("money"))

    def event(self) -> OrderEvent:
        order, ref = self.order, self.ref
        clock, occurred_at = self.clock()
        status, unmapped = self.status()
        method = self.method()
        groups, unknown = read_groups(order, method, self.settings)
        currency = self.currency()
        edited = self.edited()
        contact = read_contact(order)
        lines = read_lines(order)
        return OrderEvent(
            external_id=self.external_id(),
            topic=self.name,
            clock=clock,
            occurred_at=occurred_at,
            display_number=(
                ref.text("display_number", limit=60)
                or order.text("number", "display_number", limit=60)
            ),
            aliases=ref.texts("aliases") or order.texts("aliases"),
            location=ref.identifier("location") or order.identifier("location", "store"),
            status=status,
            source_status=order.text("source_status", "status", limit=80),
            unmapped_status=unmapped or next(iter(unknown), ""),
            cancel_reason=self.cancel_reason(),
            fulfilment_type=method,
            currency=currency,
            total_minor=self.total(currency),
            placed_at=order.time("placed_at", "created_at"),
            contact=contact,
            lines=lines,
            lines_complete=self.lines_complete(),
            groups=self.delayed(groups),
            refunds=read_refunds(order, currency),
            refunded_in_full=bool(order.flag("refunded_in_full")),
            edited=edited,
            facts=self.facts(groups),
            status_page=(order.child("links") or order).url("status_page"),
            note=order.text("note", limit=1000),
            attributes=self.attributes(),
            test=self.is_test(),
            may_create=self.may_create(bool(contact or lines or groups)),
            archived=order.flag("archived"),
        )

    def external_id(self) -> str:
        found = self.ref.identifier("external_id", "id") or self.order.identifier(
            "id", "external_id", "order_id"
        )
        if not (found or self.around.subject):
            raise Malformed(f"{self.order.where('id')}: is missing. Say which order this is about.")
        return found or self.around.subject

    def clock(self) -> tuple[Clock, datetime | None]:
        clock, occurred = read_clock(self.top.child("clock"), self.top, self.order)
        occurred = occurred or self.around.time
        version = clock.version if clock.version is not None else self.around.version
        return Clock(version, clock.at or occurred), occurred

    def status(self) -> tuple[str, str]:
        """The status that the body writes, or else the one that its type ends in."""
        word = self.order.text("status", limit=80)
        if word or self.order.has("groups"):
            return status_word(word, self.settings)
        if self.order.has("cancelled"):
            return Status.CANCELLED.value, ""
        last = spelled(short_type(self.name).rpartition(".")[2])
        subject = short_type(self.name).partition(".")[0]
        named = last in Status.values and subject in ("order", "orders")
        return (last, "") if named else ("", "")

    def method(self) -> str:
        names = ("fulfilment", "fulfillment", "fulfilment_type", "fulfillment_type", "method")
        where, _value = self.order.find(*names)
        return method_word(self.order.text(*names), where)

    def currency(self) -> str:
        node = self.money if self.money.has("currency") else self.order
        written = node.text("currency", limit=4)
        if written and not currency_code(written):
            raise Malformed(f"{node.where('currency')}: must be a code of three letters: USD.")
        return currency_code(written) or currency_code(self.settings.get("currency"))

    def total(self, currency: str) -> int | None:
        minor = self.money.whole("total_minor")
        if minor is None:
            minor = self.order.whole("total_minor")
        total = minor if minor is not None else self.order.money(currency, "total")
        if total is not None and total < 0:
            raise Malformed(f"{self.order.where('total')}: must not be negative.")
        return total

    def cancel_reason(self) -> str:
        cancelled = self.order.child("cancelled")
        own = self.order.text("cancel_reason", limit=80)
        return own or (cancelled.text("reason", "by", limit=80) if cancelled else "")

    def lines_complete(self) -> bool:
        said = self.order.flag("lines_complete")
        if said is not None or not self.order.has("lines", "items", "line_items"):
            return bool(said)
        whole = self.top.text("completeness") == "full"
        return whole or short_type(self.name) in _WHOLE_TYPES

    def delayed(self, groups: Sequence[Group]) -> Sequence[Group]:
        """A type that ends in `delayed` says so of all parts that do not say otherwise."""
        if short_type(self.name).rpartition(".")[2] != DELAYED:
            return groups
        return [
            replace(group, delayed=True) if group.delayed is None else group
            for group in groups or [Group()]
        ]

    def edited(self) -> Mapping[str, Any] | None:
        node = self.order.child("edited")
        if node is None:
            return None
        return {
            side: [
                {
                    "line_id": line.identifier("line_id", "id"),
                    "quantity": line.quantity("quantity", default="1"),
                }
                for line in node.children(side) or ()
            ]
            for side in ("added", "removed")
        }

    def facts(self, groups: Sequence[Group]) -> Sequence[tuple[str, Mapping[str, Any]]]:
        fact = TYPE_FACTS.get(short_type(self.name))
        if fact is None:
            return ()
        data: dict[str, Any] = {"reason": self.order.text("reason", limit=200)}
        if fact == Fact.SPLIT:
            data["kind"] = short_type(self.name).rpartition(".")[2]
        if len(groups) == 1:
            data["group"] = groups[0].key
        return [(fact, data)]

    def may_create(self, tells_something: bool) -> bool:
        """A pointer, a delta or a lone fact is of no use before its order is known."""
        if self.top.text("completeness") == "pointer":
            return False
        told = self.order.has("status", "number", "total", "total_minor", "placed_at")
        named = bool(self.status()[0])
        return (tells_something or told or named) and short_type(self.name) not in TYPE_FACTS

    def attributes(self) -> dict[str, Any]:
        node = self.order.child("attributes")
        own = {k: plain(v) for k, v in (node.value if node else {}).items() if k not in RESERVED}
        if len(json.dumps(own)) > ATTRIBUTES_LIMIT:
            where = self.order.where("attributes")
            raise Malformed(f"{where}: must not be longer than {ATTRIBUTES_LIMIT} characters.")
        parent = self.ref.identifier("parent_external_id")
        return {**own, "parent_external_id": parent} if parent else own

    def is_test(self) -> bool:
        source = self.top.value.get("source")
        mode = source.get("mode") if isinstance(source, dict) else ""
        flags = [self.top.flag("test"), self.order.flag("test")]
        return mode == "test" or any(flags)
