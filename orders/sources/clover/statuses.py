"""Clover's few words, and what they are in ours."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Unmappable
from orders.parsing import dig, text, translate
from orders.statuses import Status

# Clover checks nothing in `state`: apps write words of their own, see `status_map`.
STATUSES: Mapping[str, str] = {"open": Status.PLACED, "locked": Status.CONFIRMED}
REFUNDED = "REFUNDED"  # paymentState: everything went back

IGNORE = "ignore"
METHODS = ("pickup", "curbside", "delivery", "shipping", "dine_in", "digital")
# Order types are the merchant's own. These are Clover's, and how people commonly name theirs.
ORDER_TYPES: Mapping[str, str] = {
    "pick up": "pickup",
    "pickup": "pickup",
    "take out": "pickup",
    "takeout": "pickup",
    "to go": "pickup",
    "online pickup": "pickup",
    "curbside": "curbside",
    "curbside pickup": "curbside",
    "delivery": "delivery",
    "online delivery": "delivery",
    "dine in": "dine_in",
    "for here": "dine_in",
}
_CLUTTER = ("com.clover.order.type.", "-type")
WALK_IN_CHOICES = ("track", IGNORE)
DELETED_CHOICES = ("archived", "cancelled")


def status_of(word: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """(our status, the word if nobody has translated it)."""
    for spelled in (word, word.lower()):
        mapped = translate(spelled, STATUSES, settings)
        if mapped is not None:
            return (mapped, "") if mapped in Status.values else ("", "")
    return "", word


def order_type(order: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """How the order reaches the customer, by its type; `ignore` for one that nobody wants to see.

    The connection's `order_types` come first, by label or id; what is not in either table is "".
    """
    kind = order.get("orderType")
    names = [text(dig(kind, name), 80) for name in ("label", "id", "systemOrderTypeId", "labelKey")]
    own = settings.get("order_types")
    chosen = {str(name): method for name, method in own.items()} if isinstance(own, dict) else {}
    for name in names:
        if chosen.get(name) in (*METHODS, IGNORE):
            return str(chosen[name])
    return next((method for name in names if (method := ORDER_TYPES.get(_plain(name)))), "")


def _plain(name: str) -> str:
    """DINE-IN-TYPE, com.clover.order.type.dine_in and Dine-in are one name."""
    name = name.lower()
    for clutter in _CLUTTER:
        name = name.replace(clutter, "")
    return " ".join(name.replace("-", " ").replace("_", " ").split())


def choice(settings: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """What the connection has chosen; the first of `choices` by default."""
    chosen = text(settings.get(name), 30) or choices[0]
    if chosen not in choices:
        raise Unmappable(f"{name} is {chosen!r}; it must be one of {', '.join(choices)}.")
    return chosen
