"""Parts of a Shopify order: fulfilments, their courier events, and fulfilment orders."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.contract import Clock, Group, OrderEvent, Tracking, Unmappable
from orders.parsing import (
    dig,
    identifier,
    objects,
    quantity,
    text,
    timestamp,
    unique,
    web_address,
)
from orders.sources.shopify.naming import aliases, exact_id, names
from orders.sources.shopify.statuses import (
    FULFILLED,
    FULFILMENT,
    FULFILMENT_FAILED,
    METHODS,
    shipment_status,
)
from orders.statuses import Fact, Status

Facts = Sequence[tuple[str, Mapping[str, Any]]]


def group_key(fulfilment_id: str) -> str:
    """The key of the group that a fulfilment is."""
    return f"f{fulfilment_id}"


def read_group(body: Mapping[str, Any], method: str = "") -> tuple[Group, str]:
    """(the group, a word that we do not know) of a fulfilment, alone or inside its order.

    Without `method` a finished fulfilment only counts as under way when it has a
    parcel number: on a pickup order it means something else.
    """
    fulfilment_id, others = names(body, "Fulfillment")
    if not fulfilment_id:
        raise Unmappable("The fulfilment has no id.")
    word = text(body.get("status"), 40).lower()
    courier_word = text(body.get("shipment_status"), 40).lower()
    tracking = read_tracking(body)
    known, unknown = shipment_status(courier_word)
    status = known or _fulfilment_status(word, method or ("shipping" if tracking else ""))
    group = Group(
        key=group_key(fulfilment_id),
        aliases=unique([fulfilment_id, *others, *_parts_that_it_ended(body)]),
        method=method,
        status=Status.CANCELLED.value if word == "cancelled" else status,
        source_status=courier_word or word,
        sub_status=courier_word[:40],
        lines=read_lines(body),
        delayed=True if courier_word == "delayed" else None,
        deliver_to=timestamp(body.get("estimated_delivery_at")),
        tracking=tracking,
        clock=Clock(at=timestamp(body.get("updated_at")) or timestamp(body.get("created_at"))),
    )
    return group, unknown


def _parts_that_it_ended(body: Mapping[str, Any]) -> list[str]:
    """The fulfilment orders that it stands for; only an answer of the API says so."""
    listed = body.get("fulfillment_orders")
    return [text(gid, 120) for gid in listed] if isinstance(listed, list) else []


def _fulfilment_status(word: str, method: str) -> str:
    return FULFILLED.get(method, "") if word == "success" else FULFILMENT.get(word, "")


def read_lines(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(line id, quantity) of each line that a fulfilment holds."""
    lines = objects(body.get("line_items"))
    pairs = [(exact_id(line, "line id"), quantity(line.get("quantity")) or "1") for line in lines]
    return [(line_id, amount) for line_id, amount in pairs if line_id and amount != "0"]


def read_tracking(body: Mapping[str, Any]) -> list[Tracking]:
    """One entry per parcel; the plural members win over the singular ones."""
    numbers = _texts(body, "tracking_number")
    urls = [web_address(url) for url in _texts(body, "tracking_url", 500)]
    carrier = text(body.get("tracking_company"), 80)
    if not numbers:
        return [Tracking("", carrier, url) for url in urls if url]
    padded = [*urls, *[""] * len(numbers)]
    return [Tracking(number, carrier, padded[n]) for n, number in enumerate(numbers)]


def _texts(body: Mapping[str, Any], name: str, limit: int = 120) -> list[str]:
    several = body.get(f"{name}s")
    values = several if isinstance(several, list) and several else [body.get(name)]
    return unique(text(value, limit) for value in values)


# -- topics -------------------------------------------------------------------------------------


def fulfilment_event(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """fulfillments/create and /update: one part, useless before its order is known."""
    group, unknown = read_group(body)
    failed = text(body.get("status"), 40).lower() in FULFILMENT_FAILED
    facts: Facts = [(Fact.FAILED, {"group": group.key})] if failed else ()
    return OrderEvent(
        external_id=_order_id(body),
        topic=topic,
        clock=group.clock or Clock(),
        groups=[group],
        facts=facts,
        unmapped_status=unknown,
        may_create=False,
    )


def courier_event(topic: str, body: Mapping[str, Any]) -> OrderEvent:
    """fulfillment_events/create: the finest word there is about a parcel."""
    fulfilment_id = identifier(body.get("fulfillment_id"), "fulfillment_id")
    if not fulfilment_id:
        raise Unmappable("The courier's event names no fulfilment.")
    word = text(body.get("status"), 40).lower()
    status, unknown = shipment_status(word)
    clock = Clock(at=timestamp(body.get("happened_at")) or timestamp(body.get("created_at")))
    group = Group(
        key=group_key(fulfilment_id),
        aliases=unique([fulfilment_id, *aliases(fulfilment_id, "Fulfillment")]),
        status=status,
        source_status=word,
        sub_status=word,
        delayed=True if word == "delayed" else None,
        delay_reason=text(body.get("message"), 200) if word == "delayed" else "",
        deliver_to=timestamp(body.get("estimated_delivery_at")),
        clock=clock,
    )
    return OrderEvent(
        external_id=_order_id(body),
        topic=topic,
        clock=clock,
        occurred_at=clock.at,
        groups=[group],
        facts=_courier_facts(word, group.key, text(body.get("message"), 200)),
        unmapped_status=unknown,
        may_create=False,
    )


def _courier_facts(word: str, key: str, message: str) -> Facts:
    fact = {"attempted_delivery": Fact.ATTEMPTED, "failure": Fact.FAILED}.get(word)
    return [(fact, {"group": key, "reason": message})] if fact else ()


def _order_id(body: Mapping[str, Any]) -> str:
    order_id = identifier(body.get("order_id"), "order_id")
    if not order_id:
        raise Unmappable("The body does not say which order it belongs to.")
    return order_id


# -- fulfilment orders: bodies that name no order -----------------------------------------------

# topic -> what it says of the part
_PARTS: Mapping[str, Mapping[str, Any]] = {
    "line_items_prepared_for_pickup": {"status": Status.READY, "method": "pickup"},
    "line_items_prepared_for_local_delivery": {"status": Status.READY, "method": "delivery"},
    "progress_reported": {"status": Status.PREPARING},
    "placed_on_hold": {"delayed": True},
    "hold_released": {"delayed": False},
    "rescheduled": {},
    "moved": {},
    "cancelled": {"status": Status.CANCELLED},
    "split": {},
    "merged": {},
}
# Talk between the shop and its warehouse: nothing that anybody is waiting to hear.
INTERNAL = (
    "order_routing_complete",
    "fulfillment_request_submitted",
    "fulfillment_request_accepted",
    "fulfillment_request_rejected",
    "cancellation_request_submitted",
    "cancellation_request_accepted",
    "cancellation_request_rejected",
    "fulfillment_service_failed_to_complete",
    "scheduled_fulfillment_order_ready",
    "manually_reported_progress_stopped",
)


def fulfilment_order_events(
    topic: str, body: Mapping[str, Any], triggered_at: Clock
) -> list[OrderEvent]:
    """fulfillment_orders/*: a part by its global id; the timeline finds the order that has it."""
    kind = topic.partition("/")[2]
    if kind in INTERNAL:
        return []
    if kind not in _PARTS:
        raise Unmappable(f"{topic} has no meaning here. Unsubscribe it in Shopify.")
    part = part_of(topic, body)
    gid = text(dig(part, "id"), 120)
    if not gid:
        raise Unmappable("The body does not say which fulfilment order it is about.")
    event = OrderEvent(
        external_id="",
        topic=topic,
        clock=triggered_at,
        groups=[_order_part(kind, gid, part, body)],
        facts=split_facts(kind, gid, body),
        attributes={"find_by_group_alias": gid},
        may_create=False,
    )
    return [event]


def part_of(topic: str, body: Mapping[str, Any]) -> Any:
    """The fulfilment order that goes on: after a merge that is the target."""
    kind = topic.partition("/")[2]
    names_of_part = ("fulfillment_order", "original_fulfillment_order")
    if kind == "merged":
        target = dig(body, "fulfillment_order_merges")
        merged = [dig(one, "fulfillment_order") for one in objects(target)]
        return next((one for one in merged if one), body.get("fulfillment_order"))
    return next((body[name] for name in names_of_part if isinstance(body.get(name), dict)), None)


def words_of_part(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the topic itself says of its part, besides what the part is."""
    if kind not in _PARTS:
        raise Unmappable(f"{kind} of a fulfilment order has no meaning here. Unsubscribe it.")
    if kind == "cancelled" and isinstance(body.get("replacement_fulfillment_order"), dict):
        return {}  # it goes on under another id
    said = dict(_PARTS[kind])
    if kind == "placed_on_hold":
        holds = objects(dig(part_of(f"/{kind}", body), "fulfillment_holds"))
        said["delay_reason"] = next((text(hold.get("reason"), 200) for hold in holds), "")
    return said


def _order_part(kind: str, gid: str, part: Mapping[str, Any], body: Mapping[str, Any]) -> Group:
    said = words_of_part(kind, body)
    method = METHODS.get(text(dig(part, "delivery_method", "method_type"), 40).lower(), "")
    return Group(
        key=gid,
        aliases=[gid],
        source_status=text(part.get("status"), 80).lower(),
        ready_at=timestamp(part.get("fulfill_at")) if kind == "rescheduled" else None,
        **{"method": method, **said},
    )


def split_facts(kind: str, gid: str, body: Mapping[str, Any]) -> Facts:
    """A split or a merge, with the parts that there are now."""
    if kind not in ("split", "merged"):
        return ()
    others = [
        text(dig(body, name, "id"), 120)
        for name in ("remaining_fulfillment_order", "replacement_fulfillment_order")
    ]
    return [(Fact.SPLIT, {"kind": kind, "group": gid, "parts": unique([gid, *others])})]
