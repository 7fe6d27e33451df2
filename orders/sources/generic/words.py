"""The words of the normalised body: statuses, methods, types, and their other spellings."""

import re
from collections.abc import Mapping
from typing import Any

from orders.contract import Malformed
from orders.parsing import translate
from orders.statuses import Fact, Status

STATUSES: Mapping[str, str] = {
    **{status.value: status.value for status in Status},
    "canceled": Status.CANCELLED.value,
}
DELAYED = "delayed"  # written like a status, but it is none: the order stays where it is
UNSAID = "unknown"
IGNORE = "ignore"

METHODS = ("pickup", "curbside", "delivery", "shipping", "dine_in", "digital")
_METHOD_WORDS: Mapping[str, str] = {
    **{method: method for method in METHODS},
    "pick_up": "pickup",
    "takeaway": "pickup",
    "takeout": "pickup",
    "take_out": "pickup",
    "collection": "pickup",
    "click_and_collect": "pickup",
    "local_delivery": "delivery",
    "courier": "delivery",
    "ship": "shipping",
    "parcel": "shipping",
    "dinein": "dine_in",
    "eat_in": "dine_in",
    "download": "digital",
    UNSAID: "",
}
# Event types that say something besides a status.
TYPE_FACTS: Mapping[str, Fact] = {
    "delivery.attempted": Fact.ATTEMPTED,
    "delivery.failed": Fact.FAILED,
    "delivery.returned": Fact.RETURNED,
    "payment.changed": Fact.PAYMENT,
    "order.split": Fact.SPLIT,
    "order.merged": Fact.SPLIT,
}
# A type is about an order when one of its parts is one of these.
SUBJECTS = frozenset(
    {"order", "orders", "group", "delivery", "refund", "payment", "contact", "consent"}
)


def spelled(word: str) -> str:
    """A word as we write ours: "Out for delivery" is out_for_delivery."""
    return re.sub(r"[\s\-]+", "_", word.strip().lower())


def status_word(word: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    """(status of ours, the word itself when it means nothing to us)."""
    own = translate(word, {}, settings)
    known = own if own is not None else STATUSES.get(spelled(word))
    if known is not None and known in STATUSES:
        return STATUSES[known], ""
    silent = not word or known == IGNORE or spelled(word) in (DELAYED, UNSAID)
    return "", "" if silent else word


def method_word(word: str, where: str) -> str:
    """How an order reaches the customer. Raises Malformed on a word that is not listed."""
    if not word:
        return ""
    method = _METHOD_WORDS.get(spelled(word))
    if method is None:
        raise Malformed(f"{where}: must be one of {', '.join(METHODS)}.")
    return method


def short_type(name: str) -> str:
    """A type without version and prefixes: com.acme.order.ready.v1 is order.ready."""
    parts = name.strip().lower().split(".")
    if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
        parts.pop()
    return ".".join(parts[-2:])


def is_about_orders(name: str) -> bool:
    """Whether an event of type `name` can be about an order; one without a type can."""
    return not name or not SUBJECTS.isdisjoint(name.lower().split("."))
