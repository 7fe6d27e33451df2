"""What a page is told: the order in fields, small enough, and no more than the listeners may know.

The customer, the order's attributes and the token are never in it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire.reading import part

LARGEST = 10_000  # bytes; Pusher takes 10 kB
ORDER_OPEN = ("number", "status", "previous_status", "fulfilment")
ORDER = (
    "id",
    "external_id",
    *ORDER_OPEN,
    "currency",
    "total_minor",
    "refunded_minor",
    "placed_at",
)
LISTS: Mapping[str, Sequence[str]] = {
    "items": ("id", "name", "quantity"),
    "tracking": ("number", "carrier", "url"),
    "groups": ("key", "status", "ready_at", "deliver_from", "deliver_to"),
}
# What is given up first when it is too much.
SHRINKS = ("items", "tracking", "groups", "text")


def payload(message: Message, everybody_listens: bool) -> str:
    """The event's data as JSON; `left_out` in it names what was there and is not sent."""
    found = facts(message, ORDER_OPEN if everybody_listens else ORDER)
    more = details(message)
    dropped = list(more) if everybody_listens else []
    if not everybody_listens:
        found |= more
    waiting = [name for name in SHRINKS if name in found]
    while len(written(found, dropped).encode()) > LARGEST:
        if not waiting:
            raise SendError(
                FailureKind.CONTENT_REJECTED,
                "too_large",
                "The order's fields are more than Pusher takes (10 kB). Shorten its number or ids.",
            )
        dropped.append(waiting.pop(0))
        del found[dropped[-1]]
    return written(found, dropped)


def written(found: Mapping[str, Any], dropped: Sequence[str]) -> str:
    """The JSON text; times in it as they are written."""
    whole = {**found, **({"left_out": list(dropped)} if dropped else {})}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=str)


def facts(message: Message, order: Sequence[str]) -> dict[str, Any]:
    """What changed. `id` is the same for a repeat, so that a page can leave it out."""
    data = message.data
    found = {
        "id": message.ref,
        "event": data.get("event"),
        "occurred_at": data.get("occurred_at"),
        "brand": data.get("brand"),
        "order": chosen(part(data.get("order")), order),
        "part": data.get("part"),
        "store": chosen(part(data.get("store")), ("slug", "name")),
    }
    return {name: value for name, value in found.items() if value not in (None, "", {})}


def details(message: Message) -> dict[str, Any]:
    """The lists of an order, and the sentence for people."""
    found: dict[str, Any] = {}
    for name, fields in LISTS.items():
        rows = message.data.get(name)
        if isinstance(rows, list | tuple) and rows:
            found[name] = [chosen(part(row), fields) for row in rows]
    if message.text:
        found["text"] = message.text
    return found


def chosen(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of `names` that `value` has."""
    return {name: value[name] for name in names if value.get(name) not in (None, "")}
