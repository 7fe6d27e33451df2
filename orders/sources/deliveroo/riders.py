"""What Deliveroo says of the riders of an order. Some orders need more than one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orders.contract import Clock, Group, OrderEvent, Unmappable
from orders.parsing import dig, identifier, objects, text, translate
from orders.sources.deliveroo.orders import latest_word
from orders.sources.deliveroo.statuses import (
    IGNORE,
    RIDER,
    RIDER_GONE,
    RIDER_SILENT,
    SUB_STATUSES,
)
from orders.statuses import Status, rank

Said = tuple[str, datetime | None, str]  # word, when, who


def rider_event(topic: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent:
    """Where the food is: never further than the slowest of its riders."""
    order_id = identifier(dig(body, "body", "order_id"), "order_id")
    if not order_id:
        raise Unmappable("The body does not say which order the rider brings.")
    said = [_said(rider) for rider in objects(dig(body, "body", "riders"))]
    working = [one for one in said if one[0] and one[0] != RIDER_GONE]
    word, _at, name = min(working, key=lambda one: _rank(one, settings), default=("", None, ""))
    status, unmapped = _meaning(word, settings)
    at = max((at for _word, at, _name in said if at), default=None)
    clock = Clock(at=at)
    group = Group(
        status=status,
        source_status=word,
        sub_status=SUB_STATUSES.get(word, word)[:40],
        courier=name,
        clock=clock,
    )
    return OrderEvent(
        external_id=order_id,
        topic=topic,
        clock=clock,
        occurred_at=at,
        unmapped_status=unmapped,
        groups=[group] if working else [],
        may_create=False,
    )


def _said(rider: Mapping[str, Any]) -> Said:
    word, at = latest_word(rider.get("status_log"))
    return word, at, text(rider.get("full_name"), 120)


def _rank(said: Said, settings: Mapping[str, Any]) -> int:
    return rank(_meaning(said[0], settings)[0])


def _meaning(word: str, settings: Mapping[str, Any]) -> Sequence[str]:
    """(our status, the word when we do not know it)."""
    mapped = translate(word, RIDER, settings)
    if mapped in Status.values:
        return mapped or "", ""
    silent = not word or mapped == IGNORE or word in RIDER_SILENT
    return "", "" if silent else word
