"""What can be written on a Shopify order, and the one mutation that writes what is missing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire.reading import id_of, part, text_of

SOURCE = "shopify"
KINDS = ("event", "note", "tags", "metafield")
ORDER_ID = re.compile(r"(?:gid://shopify/Order/)?([0-9]{1,20})")
# How the source names the part of an order that is one fulfilment.
PART = re.compile(r"f([0-9]{1,20})")
LONGEST_NOTE = 5000  # characters of an order's note
MOST_FULFILMENTS = 10
MOST_EVENTS = 20
# What happened, in our words -> FulfillmentEventStatus. Our timeline takes the echo of each for
# what it knows already. Of no others: DELAYED, ATTEMPTED_DELIVERY and FAILURE would come back as
# news with our own words for a reason, and picked_up, which stable versions lack, as delivered.
# Customers would hear of them twice.
EVENTS: Mapping[str, str] = {
    "ready": "READY_FOR_PICKUP",
    "out_for_delivery": "OUT_FOR_DELIVERY",
    "delivered": "DELIVERED",
}
DEAD = frozenset({"CANCELLED", "ERROR", "FAILURE"})  # fulfilments that nobody waits for
# Where an order can be: only tags that end in one of these are ever taken off it.
STATUSES = (
    "placed",
    "confirmed",
    "preparing",
    "ready",
    "out_for_delivery",
    "delivered",
    "picked_up",
    "cancelled",
    "refunded",
)


@dataclass(frozen=True, slots=True)
class CourierEvent:
    """An entry in the history of a fulfilment; `fulfilment` is empty for all of the order's."""

    status: str
    message: str
    happened_at: datetime | None
    fulfilment: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a message wants to have on its order. Empty members are not to be touched."""

    order: str
    event: CourierEvent | None = None
    note: str = ""
    tag_prefix: str = ""
    status: str = ""
    metafield: str = ""  # namespace.key


@dataclass(frozen=True, slots=True)
class Write:
    """One field of the mutation, with the one variable that it has besides the order's id."""

    name: str
    type: str
    call: str
    answer: str
    value: Any


def wanted(message: Message, settings: Mapping[str, str]) -> Wanted:
    """What `message` is to write; raises SendError when that can never be written."""
    kinds = kinds_of(message.to)
    order = part(message.data, "order")
    return Wanted(
        order=order_gid(order),
        event=courier_event(message) if "event" in kinds else None,
        note=note_line(message) if "note" in kinds else "",
        tag_prefix=settings["tag_prefix"] if "tags" in kinds else "",
        status=status_of(order) if kinds & {"tags", "metafield"} else "",
        metafield=settings["metafield"] if "metafield" in kinds else "",
    )


def kinds_of(to: str) -> frozenset[str]:
    """The words of a destination, as in "event, note"."""
    words = frozenset(re.split(r"[\s,+]+", to.strip().lower()))
    if not words <= set(KINDS):
        known = ", ".join(KINDS)
        raise SendError(
            FailureKind.RECIPIENT_INVALID,
            "destination",
            f"A Shopify destination is one or several of these words: {known}. Correct it.",
        )
    return words


def order_gid(order: Mapping[str, Any]) -> str:
    """The order's global id; only for an order that came from Shopify."""
    if text_of(order.get("source")) != SOURCE:
        raise rejected(
            "other_source",
            "The order did not come from Shopify, so Shopify has no order to write on. "
            "Let the rule look at Shopify's orders only.",
        )
    found = ORDER_ID.fullmatch(id_of(order.get("external_id")))
    if found is None:
        raise rejected("no_order", "The order has no id of Shopify's, so it cannot be found there.")
    return f"gid://shopify/Order/{found[1]}"


def courier_event(message: Message) -> CourierEvent:
    """The entry for the history of the part that `message` is about."""
    data = message.data
    status = EVENTS.get(text_of(data.get("event")))
    method = text_of(part(data, "order").get("fulfilment"))
    if status is None or (status == "READY_FOR_PICKUP" and method not in ("", "pickup")):
        raise rejected(
            "no_courier_word",
            "In Shopify's history of a parcel this change is not written. Let the rule of this "
            "destination listen to ready, out for delivery and delivered alone, or write tags.",
        )
    key = text_of(data.get("part"))
    return CourierEvent(
        status=status,
        message=message.text.strip(),
        happened_at=moment(data.get("occurred_at")),
        fulfilment=fulfilment_gid(key) if key else "",
    )


def fulfilment_gid(key: str) -> str:
    """The fulfilment that a part of an order is; other parts have no history at Shopify."""
    found = PART.fullmatch(key)
    if found is None:
        raise no_fulfilment()
    return f"gid://shopify/Fulfillment/{found[1]}"


def note_line(message: Message) -> str:
    """The sentence with the time it is about: the same words later are another line."""
    words = " ".join(message.text.split())
    if not words:
        raise rejected("no_text", "The text is empty, so there is nothing to note.")
    at = moment(message.data.get("occurred_at"))
    return f"{at:%Y-%m-%d %H:%M} UTC: {words}" if at else words


def status_of(order: Mapping[str, Any]) -> str:
    """Where the order is."""
    status = text_of(order.get("status"))
    if status not in STATUSES:
        raise rejected("no_status", "The order has no status yet that could be written.")
    return status


def question(want: Wanted) -> tuple[str, dict[str, Any]]:
    """The query that shows what is on the order already, with its variables."""
    fields = "id note tags"
    if want.event:
        fields += (
            f" fulfillments(first: {MOST_FULFILMENTS}) {{ id status "
            f"events(first: {MOST_EVENTS}) {{ nodes {{ status }} }} }}"
        )
    if want.metafield:
        namespace, key = want.metafield.split(".")
        fields += f' metafield(namespace: "{namespace}", key: "{key}") {{ value }}'
    return f"query Order($id: ID!) {{ order(id: $id) {{ {fields} }} }}", {"id": want.order}


def missing(want: Wanted, order: Mapping[str, Any]) -> list[Write]:
    """What is wanted and not there yet, in the order in which it is written."""
    return [
        *(event_writes(want.event, order) if want.event else ()),
        *(tag_writes(want, order) if want.tag_prefix else ()),
        *(metafield_writes(want, order) if want.metafield else ()),
        *(note_writes(want, order) if want.note else ()),
    ]


def event_writes(event: CourierEvent, order: Mapping[str, Any]) -> list[Write]:
    """An entry for each fulfilment that `event` is about and that does not have it."""
    listed = order.get("fulfillments")
    live = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if part(one).get("status") not in DEAD and event.fulfilment in ("", part(one).get("id"))
    ]
    if not live:
        raise no_fulfilment()
    return [
        Write(
            name=f"event{number}",
            type="FulfillmentEventInput!",
            call=f"fulfillmentEventCreate(fulfillmentEvent: $event{number})",
            answer="fulfillmentEvent { id }",
            value=event_input(event, text_of(one.get("id"))),
        )
        for number, one in enumerate(live)
        if not happened(event, one)
    ]


def happened(event: CourierEvent, fulfilment: Mapping[str, Any]) -> bool:
    """Whether the history of `fulfilment` says so already, whoever wrote it."""
    nodes = part(fulfilment, "events").get("nodes")
    listed = nodes if isinstance(nodes, list) else []
    return any(part(one).get("status") == event.status for one in listed)


def event_input(event: CourierEvent, fulfilment: str) -> dict[str, str]:
    """A FulfillmentEventInput, without empty members."""
    members = {
        "fulfillmentId": fulfilment,
        "status": event.status,
        "message": event.message,
        "happenedAt": stamp(event.happened_at),
    }
    return {name: value for name, value in members.items() if value}


def tag_writes(want: Wanted, order: Mapping[str, Any]) -> list[Write]:
    """Puts the tag of the status on, and takes those of other statuses off; no other is touched."""
    listed = order.get("tags")
    tags = [text_of(tag) for tag in listed] if isinstance(listed, list) else []
    ours = {f"{want.tag_prefix}{status}".lower() for status in STATUSES}
    mine = f"{want.tag_prefix}{want.status}"
    stale = [tag for tag in tags if tag.lower() in ours and tag.lower() != mine.lower()]
    found = []
    if stale:
        found.append(tag_write("removed", "tagsRemove", stale))
    if mine.lower() not in {tag.lower() for tag in tags}:
        found.append(tag_write("added", "tagsAdd", [mine]))
    return found


def tag_write(name: str, field: str, tags: Sequence[str]) -> Write:
    """One of the two mutations that merge tags."""
    return Write(
        name, "[String!]!", f"{field}(id: $order, tags: ${name})", "node { id }", list(tags)
    )


def metafield_writes(want: Wanted, order: Mapping[str, Any]) -> list[Write]:
    """Sets the metafield to the status."""
    if part(order, "metafield").get("value") == want.status:
        return []
    namespace, key = want.metafield.split(".")
    value = {
        "ownerId": want.order,
        "namespace": namespace,
        "key": key,
        "type": "single_line_text_field",
        "value": want.status,
    }
    call = "metafieldsSet(metafields: $metafield)"
    return [Write("metafield", "[MetafieldsSetInput!]!", call, "metafields { id }", [value])]


def note_writes(want: Wanted, order: Mapping[str, Any]) -> list[Write]:
    """Adds a line. Shopify overwrites the whole note, so the old one goes along."""
    old = order.get("note") if isinstance(order.get("note"), str) else ""
    lines = str(old).rstrip()
    if want.note in lines.splitlines():
        return []
    new = f"{lines}\n{want.note}" if lines else want.note
    if len(new) > LONGEST_NOTE:
        raise rejected(
            "note_full", "The note of the order is full. Shorten it in Shopify, or write tags."
        )
    value = {"id": want.order, "note": new}
    return [Write("note", "OrderInput!", "orderUpdate(input: $note)", "order { id }", value)]


def mutation(order: str, writes: Sequence[Write]) -> tuple[str, dict[str, Any]]:
    """One document for all of `writes`, with its variables. Shopify runs them one by one."""
    types = {write.name: write.type for write in writes}
    values = {write.name: write.value for write in writes}
    if any("$order" in write.call for write in writes):
        types, values = {"order": "ID!", **types}, {"order": order, **values}
    head = ", ".join(f"${name}: {kind}" for name, kind in types.items())
    fields = " ".join(
        f"{write.name}: {write.call} {{ {write.answer} userErrors {{ field message }} }}"
        for write in writes
    )
    return f"mutation Write({head}) {{ {fields} }}", values


def rejected(code: str, detail: str) -> SendError:
    """This message can never be written; another route may take it."""
    return SendError(FailureKind.CONTENT_REJECTED, code, detail)


def no_fulfilment() -> SendError:
    """There is nothing yet whose history could have the event."""
    return rejected(
        "no_fulfilment",
        "The order has no such fulfilment in Shopify. Mark its items as fulfilled there, or let "
        "this destination write tags.",
    )


def moment(value: Any) -> datetime | None:
    """An ISO 8601 text as a time in UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def stamp(at: datetime | None) -> str:
    """A time as Shopify writes it, to the second; empty without one."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
