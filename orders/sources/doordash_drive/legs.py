"""An event of DoorDash Drive as an event about the shop's order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from orders.contract import Clock, Group, OrderEvent, Tracking, Unmappable
from orders.parsing import (
    currency_code,
    identifier,
    text,
    timestamp,
    translate,
    unique,
    web_address,
)
from orders.sources.doordash_drive.statuses import FACTS, OVER, STATUSES, WHERE
from orders.statuses import Status

PART = "main"


def leg_event(name: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """What the event called `name` says of the order that the Dasher brings."""
    delivery_id = identifier(body.get("external_delivery_id"), "external_delivery_id")
    if not delivery_id:
        raise Unmappable("The event has no external_delivery_id, so it belongs to no order.")
    at = timestamp(body.get("created_at"))
    status = translate(name, STATUSES, settings)
    own = settings.get("creates_orders") is True
    event = OrderEvent(
        external_id=delivery_id,
        topic=name,
        clock=Clock(at=at),
        occurred_at=at,
        aliases=[] if own else unique([reference(delivery_id, settings)], delivery_id),
        groups=[_part(name, delivery_id, body, status or "", at)],
        facts=_facts(name, delivery_id, body),
        unmapped_status="" if name in WHERE or status else name,
        may_create=False,
    )
    return _with_order(event, name, body) if own else event


def reference(delivery_id: str, settings: Mapping[str, Any]) -> str:
    """The shop's name for the order, out of the id that each delivery of it must have anew.

    >>> reference("nonna-1001_2", {"id_prefix": "nonna-", "id_mark": "_"})
    '1001'
    """
    prefix, mark = (settings.get(name) for name in ("id_prefix", "id_mark"))
    bare = delivery_id.removeprefix(prefix) if isinstance(prefix, str) else delivery_id
    if isinstance(mark, str) and mark and mark in bare:
        bare = bare.rpartition(mark)[0]
    return bare


def _part(
    name: str, delivery_id: str, body: Mapping[str, Any], status: str, at: datetime | None
) -> Group:
    tracking_url = web_address(body.get("tracking_url"))
    arrives = None if name in OVER else timestamp(body.get("dropoff_time_estimated"))
    return Group(
        PART,
        method="delivery",
        status=status,
        source_status=name[:80],
        sub_status=WHERE.get(name, ""),
        deliver_to=arrives,
        tracking=[Tracking(delivery_id, "DoorDash", tracking_url)] if tracking_url else (),
        courier=text(body.get("dasher_name"), 120),
        clock=Clock(at=at),
    )


def _facts(
    name: str, delivery_id: str, body: Mapping[str, Any]
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    fact = FACTS.get(name)
    if fact is None:
        return ()
    said = body.get("reason") or body.get("cancellation_reason")
    return [(fact, {"group": PART, "reason": text(said, 200), "delivery": delivery_id})]


def _with_order(event: OrderEvent, name: str, body: Mapping[str, Any]) -> OrderEvent:
    """The leg as an order of its own, for shops whose orders come from nowhere else."""
    currency = currency_code(body.get("currency"))
    value = body.get("order_value")
    whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return replace(
        event,
        display_number=event.external_id[:60],
        status="" if name in OVER else Status.CONFIRMED,
        fulfilment_type="delivery",
        currency=currency,
        total_minor=value if whole and currency else None,
        may_create=True,
    )
