"""A Toast order, and the guest order status, as order events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.contract import Clock, Group, OrderEvent, Unmappable
from orders.parsing import currency_code, dig, identifier, text, timestamp, unique
from orders.sources.toast.checks import (
    all_refunded,
    display_number,
    last_change,
    read_contact,
    read_lines,
    read_refunds,
    read_total,
)
from orders.sources.toast.statuses import Meaning, guest_status, meaning, word_of
from orders.statuses import BROUGHT, Status

# What webhooks leave out and only the API may tell.
EXTRAS = ("deliveryInfo", "curbsidePickupInfo", "externalId")
METHODS = ("pickup", "curbside", "delivery", "dine_in")
BEHAVIOURS = {"TAKE_OUT": "pickup", "DELIVERY": "delivery", "DINE_IN": "dine_in"}
DEFAULT_CURRENCY = "USD"


def order_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """The order as it stands, from a webhook, the API, or both."""
    order = newest(body)
    method = fulfilment_type(order, settings)
    means = meaning(order, method, settings)
    changed = last_change(order) or timestamp(body.get("timestamp"))
    currency = currency_code(settings.get("currency")) or DEFAULT_CURRENCY
    gone = order.get("deleted") is True
    return OrderEvent(
        external_id=_guid(order),
        topic=topic,
        clock=Clock(at=changed),
        occurred_at=_happened(order, means) or changed,
        display_number=display_number(order),
        aliases=unique([identifier(order.get("externalId"), "externalId")], _guid(order)),
        location=text(dig(body, "details", "restaurantGuid"), 120),
        **_of(means, gone),
        fulfilment_type=method,
        currency=currency,
        total_minor=read_total(order, currency),
        placed_at=timestamp(order.get("createdDate")) or timestamp(order.get("openedDate")),
        contact=read_contact(dig(body, "details", "fetched") or order, settings),
        lines=read_lines(order),
        lines_complete=isinstance(order.get("checks"), list),
        groups=read_groups(order, method),
        refunds=read_refunds(order, currency),
        refunded_in_full=all_refunded(order),
        attributes=_attributes(order),
        test=order.get("createdInTestMode") is True,
        archived=gone,
    )


def _of(means: Meaning, gone: bool) -> dict[str, Any]:
    """A deleted order (its bills were put on another one) leaves the board; nobody is told."""
    return {
        "status": "" if gone else str(means.status),
        "source_status": "deleted" if gone else means.source_status,
        "unmapped_status": "" if gone else means.unmapped,
        "cancel_reason": "" if gone else means.cancel_reason,
        "may_create": not gone,
    }


def newest(body: Mapping[str, Any]) -> dict[str, Any]:
    """The order in `body`: the API's answer, unless the webhook already knew more."""
    ordered, fetched = dig(body, "details", "order"), dig(body, "details", "fetched")
    order = ordered if isinstance(ordered, dict) else fetched
    if not isinstance(order, dict) or not _guid(order):
        raise Unmappable(
            "The body holds no order with a guid. Ask Toast to subscribe this address to the "
            "orders webhook only."
        )
    if isinstance(fetched, dict) and fetched is not order:
        missing = [name for name in EXTRAS if order.get(name) is None and name in fetched]
        return {**order, **{name: fetched[name] for name in missing}}
    return order


def _guid(order: Mapping[str, Any]) -> str:
    return identifier(order.get("guid"), "guid")


def _happened(order: Mapping[str, Any], means: Meaning) -> datetime | None:
    if means.status == Status.CANCELLED:
        return timestamp(order.get("voidDate"))
    return None


def fulfilment_type(order: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How the guest gets the order: by the connection's list, else by what the order has."""
    option = order.get("diningOption")
    listed = settings.get("dining_options")
    own = listed.get(text(dig(option, "guid"), 120)) if isinstance(listed, dict) else None
    if own in METHODS:
        return str(own)
    for member, method in (("curbsidePickupInfo", "curbside"), ("deliveryInfo", "delivery")):
        if isinstance(order.get(member), dict):
            return method
    behaviour = BEHAVIOURS.get(word_of(dig(option, "behavior")), "")
    if behaviour or isinstance(order.get("table"), dict):
        return behaviour or "dine_in"
    other = text(settings.get("other_dining_options"), 20)
    return other if other in METHODS else ""


def read_groups(order: Mapping[str, Any], method: str) -> list[Group]:
    """The order in one part, when there is a time to look forward to."""
    at = _expected(order)
    if at is None or method == "dine_in":
        return []
    brought = method in BROUGHT
    return [Group(ready_at=None if brought else at, deliver_to=at if brought else None)]


def _expected(order: Mapping[str, Any]) -> datetime | None:
    """The kitchen's estimate, else the time promised. An order opened in the shop gets its own
    opening as an estimate: that is no promise."""
    opened = timestamp(order.get("openedDate"))
    estimate = timestamp(order.get("estimatedFulfillmentDate"))
    promised = timestamp(order.get("promisedDate"))
    if estimate and (promised or not opened or estimate > opened):
        return estimate
    return promised


def _attributes(order: Mapping[str, Any]) -> dict[str, str]:
    kept = {
        "placed_through": text(order.get("source"), 60),
        "business_date": text(order.get("businessDate"), 8),
        "dining_option": text(dig(order, "diningOption", "guid"), 120),
    }
    return {name: value for name, value in kept.items() if value}


# -- the guest order status ---------------------------------------------------------------------

# The published page names the status and its time; where the order's guid is, it does not say.
ORDER_GUIDS = (("orderGuid",), ("order", "guid"), ("guid",))


def is_guest_status(body: Mapping[str, Any]) -> bool:
    """Whether the body is the guest order fulfilment status webhook."""
    return bool(dig(body, "details", "guestOrderStatus"))


def guest_status_event(
    topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent:
    """Only a status: useless before the order is known."""
    details = body["details"]
    guids = (identifier(dig(details, *path), "guid") for path in ORDER_GUIDS)
    order_id = next((guid for guid in guids if guid), "")
    if not order_id:
        raise Unmappable("The guest order status does not say which order it is about.")
    word = word_of(details["guestOrderStatus"])
    method = fulfilment_type(dig(details, "order") or {}, settings)
    means = guest_status(word, method, settings)
    at = timestamp(details.get("lastUpdated")) or timestamp(body.get("timestamp"))
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at,
        location=text(details.get("restaurantGuid"), 120),
        cancel_reason=means.cancel_reason,
        unmapped_status=means.unmapped,
        # Of the part, not of the order: the next order update knows nothing of it, and must
        # not take it back.
        groups=[Group(status=means.status, source_status=word, sub_status=word.lower()[:40])],
        may_create=False,
    )
