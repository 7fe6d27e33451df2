"""Toast's words for an order, its kitchen, its delivery and its guest, and what they are in ours.

An approval never goes back and an item never says that it was handed over, so the
status of an order is the furthest that any of its words has come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orders.contract import Unmappable
from orders.parsing import dig, objects, text, translate
from orders.statuses import BROUGHT, Status, rank

APPROVALS: Mapping[str, str] = {
    "NEEDS_APPROVAL": Status.PLACED,
    "FUTURE": Status.PLACED,
    "APPROVED": Status.CONFIRMED,
    "NOT_APPROVED": Status.CANCELLED,
}
# Of one item. What is NEW or on HOLD is not in the kitchen yet: that says nothing of the order.
KITCHEN: Mapping[str, str] = {
    "SENT": Status.PREPARING,
    "READY": Status.READY,
}
# Here PICKED_UP is said of the driver, not of the guest.
DELIVERY: Mapping[str, str] = {
    "IN_PROGRESS": Status.OUT_FOR_DELIVERY,
    "PICKED_UP": Status.OUT_FOR_DELIVERY,
    "DELIVERED": Status.DELIVERED,
}
GUEST: Mapping[str, str] = {
    "RECEIVED": Status.PLACED,
    "IN_PREPARATION": Status.PREPARING,
    "READY_FOR_PICKUP": Status.READY,
    "VOIDED": Status.CANCELLED,
}
STATUSES: Mapping[str, str] = {**APPROVALS, **KITCHEN, **DELIVERY, **GUEST}
CLOSED = "CLOSED"
# Items that wait for the kitchen, a delivery that nobody has taken yet, and the end of an order,
# which depends on how the guest gets it.
SILENT = frozenset({"NEW", "HOLD", "PENDING", CLOSED})
READY_CHOICES = ("all", "sent")
CLOSED_CHOICES = ("nothing", "handed_over")
IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an order's words say together."""

    status: str = ""
    source_status: str = ""
    unmapped: str = ""
    cancel_reason: str = ""


def meaning(order: Mapping[str, Any], method: str, settings: Mapping[str, Any]) -> Meaning:
    """The status of `order`: voided beats all, then the furthest of its words."""
    if is_void(order):
        return Meaning(_own("VOIDED", settings), "VOIDED", cancel_reason="voided")
    approval = word_of(order.get("approvalStatus"))
    delivery = word_of(dig(order, "deliveryInfo", "deliveryState"))
    words = [word for word in (approval, kitchen_word(order, settings), delivery) if word]
    statuses = {word: _own(word, settings) for word in words}
    known = [status for status in statuses.values() if status]
    if _is_closed(order, settings):
        known.append(_own(CLOSED, settings) or handed_over(method))
    status = max(known, key=rank, default="")
    return Meaning(
        status=status,
        source_status=" / ".join(words),
        unmapped=_first_unknown(words, settings),
        cancel_reason=approval.lower() if status == Status.CANCELLED else "",
    )


def is_void(order: Mapping[str, Any]) -> bool:
    """Whether the order is void: itself, or each of its bills."""
    checks = [one for one in objects(order.get("checks")) if one.get("deleted") is not True]
    return order.get("voided") is True or (
        bool(checks) and all(one.get("voided") is True for one in checks)
    )


def kitchen_word(order: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How far the kitchen is with all items: as far as the slowest, once one is begun.

    Items that the kitchen never sees stay NEW for ever. With `ready_when` "sent"
    they are not waited for.
    """
    words = [word_of(one.get("fulfillmentStatus")) for one in living_selections(order)]
    words = [word for word in words if word]
    unknown = [word for word in words if word not in (*KITCHEN, *SILENT)]
    if unknown:
        return unknown[0]
    begun = [word for word in words if word in ("SENT", "READY")]
    if not begun:
        return words[0] if words else ""
    counted = begun if _choice(settings, "ready_when", READY_CHOICES) == "sent" else words
    return "READY" if all(word == "READY" for word in counted) else "SENT"


def living_selections(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of the order that are neither void nor on a bill that is."""
    return [
        selection
        for check in objects(order.get("checks"))
        if check.get("voided") is not True and check.get("deleted") is not True
        for selection in objects(check.get("selections"))
        if selection.get("voided") is not True
    ]


def guest_status(word: str, method: str, settings: Mapping[str, Any]) -> Meaning:
    """What the guest order status `word` says."""
    status = _own(word, settings)
    if word == CLOSED and not status:
        return Meaning(handed_over(method), word)
    unmapped = _first_unknown([word], settings)
    reason = "voided" if status == Status.CANCELLED else ""
    return Meaning(status, word, unmapped, reason)


def handed_over(method: str) -> str:
    """The good end of an order by the way it takes; "" when nobody has said which that is."""
    if method in ("pickup", "curbside"):
        return Status.PICKED_UP
    return Status.DELIVERED if method in BROUGHT or method == "dine_in" else ""


def word_of(value: Any) -> str:
    """A word of Toast as it is written in the tables."""
    return text(value, 60).upper()


def _own(word: str, settings: Mapping[str, Any]) -> str:
    """`word` in our vocabulary, "" when it says nothing or is not known."""
    mapped = translate(word, STATUSES, settings)
    return str(mapped) if mapped in Status.values else ""


def _first_unknown(words: Sequence[str], settings: Mapping[str, Any]) -> str:
    return next((word for word in words if _is_unknown(word, settings)), "")


def _is_unknown(word: str, settings: Mapping[str, Any]) -> bool:
    mapped = translate(word, STATUSES, settings)
    if mapped is None:
        return word not in SILENT
    return mapped not in Status.values and mapped != IGNORE


def _is_closed(order: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the order is paid and closed, where that means that the guest has it."""
    means = _choice(settings, "closed_means", CLOSED_CHOICES)
    return means == "handed_over" and bool(order.get("closedDate"))


def _choice(settings: Mapping[str, Any], name: str, choices: Iterable[str]) -> str:
    known = tuple(choices)
    value = text(settings.get(name), 30) or known[0]
    if value not in known:
        raise Unmappable(f"{name} is {value!r}; it must be one of {', '.join(known)}.")
    return value
