"""Bodies that only point at an order: what is asked for, and how the answer is kept for the reader.

The answer is kept as `{"said": the body, "order": the order, "part": the fulfilment order}`.
"""

import json
from collections.abc import Mapping
from typing import Any

from orders.contract import Api, Ask, Clock, Group, OrderEvent, Told, TryLater
from orders.parsing import dig, identifier, objects, parse_json, plain, quantity, text, timestamp
from orders.sources.shopify import documents
from orders.sources.shopify.calling import data_of, graphql
from orders.sources.shopify.fulfilments import INTERNAL, part_of, split_facts, words_of_part
from orders.sources.shopify.graph import DEAD, OVER, UNSEEN, nodes, order_body
from orders.sources.shopify.naming import exact_id, tail
from orders.sources.shopify.statuses import METHODS

LISTED = "orders/listed"  # our name for what the reconciling list shows
PART_TOPIC = "fulfillment_orders/"
PARCEL_TOPICS = frozenset({"fulfillments/create", "fulfillments/update"})


def ask_for(topic: str, body: bytes, api: Api) -> Ask | None:
    """The question that `body` leaves open; None when it says all that there is to say."""
    value = parse_json(body)
    if not isinstance(value, dict):
        return None
    if topic.startswith(PART_TOPIC):
        gid = text(dig(part_of(topic, value), "id"), 120)
        wanted = gid and topic.partition("/")[2] not in INTERNAL
        return graphql(api, documents.PART, {"id": gid}) if wanted else None
    order_id = _order_in_question(topic, value, api.settings)
    gid = f"gid://shopify/Order/{order_id}"
    return graphql(api, documents.ORDER, {"id": gid}) if order_id else None


def _order_in_question(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The id of the order to look at, or ""."""
    if topic == "orders/edited":
        return identifier(dig(body, "order_edit", "order_id"), "order_id")
    if topic == LISTED:
        return exact_id(body) if body.get(UNSEEN) else ""
    if settings.get("fetch_parts", True) is False:
        return ""
    if topic in PARCEL_TOPICS:
        return identifier(body.get("order_id"), "order_id")
    return exact_id(body) if topic.startswith("orders/") and _is_in_parts(body) else ""


def _is_in_parts(body: Mapping[str, Any]) -> bool:
    """Whether an order goes out in several parts: only the API says which part is which."""
    alive = [
        one
        for one in objects(body.get("fulfillments"))
        if text(one.get("status"), 40).upper() not in DEAD
    ]
    return len(alive) > 1 or (bool(alive) and body.get("fulfillment_status") != "fulfilled")


def kept(topic: str, body: bytes, told: Told) -> bytes:
    """The answer, with what was said in the first place."""
    is_part = topic.startswith(PART_TOPIC)
    found = data_of(told, "fulfillmentOrder" if is_part else "order")
    order = dig(found, "order") if is_part else found
    if not isinstance(order, dict):
        # Shopify rings before its own API knows the order. Later it may still be a lack of rights.
        raise TryLater(
            "Shopify does not show the order yet. If that stays so: orders older than 60 days "
            "need the right read_all_orders."
        )
    whole = {
        "said": parse_json(body),
        "order": order_body(order),
        "part": _part_body(found, order) if is_part else None,
    }
    return json.dumps(plain(whole)).encode()


def _part_body(part: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of a fulfilment order, and whether the order has others."""
    over = part.get("status") in OVER
    count = "totalQuantity" if over else "remainingQuantity"
    return {
        "id": part.get("id"),
        "status": part.get("status"),
        "method": dig(part, "deliveryMethod", "methodType"),
        "deliver_from": dig(part, "deliveryMethod", "minDeliveryDateTime"),
        "deliver_to": dig(part, "deliveryMethod", "maxDeliveryDateTime"),
        "fulfill_at": part.get("fulfillAt"),
        "alone": len(nodes(order, "fulfillmentOrders")) < 2,
        "lines": [
            {"admin_graphql_api_id": dig(one, "lineItem", "id"), "quantity": one.get(count)}
            for one in nodes(part, "lineItems")
        ],
    }


def split_of(body: Mapping[str, Any]) -> tuple[Any, Any, Any] | None:
    """(said, order, part) of a kept answer; None for a body as Shopify sent it."""
    whole = "said" in body and isinstance(body.get("order"), dict)
    return (body["said"], body["order"], body.get("part")) if whole else None


def part_event(
    topic: str, said: Mapping[str, Any], part: Mapping[str, Any], order: OrderEvent, at: Clock
) -> OrderEvent | None:
    """What a topic says of one fulfilment order, whose order we now know."""
    kind, gid = topic.partition("/")[2], text(part.get("id"), 120)
    known = any(gid in group.aliases for group in order.groups)
    if not gid or (part.get("status") == "CLOSED" and not known):
        return None  # handed over in parcels that tell of themselves
    if part.get("status") == "CANCELLED" and part.get("alone"):
        return None  # all of the order, which says so itself
    lines = [
        (tail(one.get("admin_graphql_api_id")), quantity(one.get("quantity")))
        for one in objects(part.get("lines"))
    ]
    words = words_of_part(kind, said)
    method = METHODS.get(text(part.get("method"), 40).lower(), "")
    group = Group(
        key=gid,
        aliases=[gid],
        source_status=text(part.get("status"), 80).lower(),
        lines=[] if known else [(line, count) for line, count in lines if line and count != "0"],
        deliver_from=timestamp(part.get("deliver_from")),
        deliver_to=timestamp(part.get("deliver_to")),
        ready_at=timestamp(part.get("fulfill_at")) if kind == "rescheduled" else None,
        **{"method": method, **words},
    )
    return OrderEvent(
        order.external_id,
        topic,
        clock=at,
        aliases=order.aliases,
        groups=[group],
        facts=split_facts(kind, gid, said),
        may_create=False,
    )
