"""Bodies of any shape: an expression for each field makes our own shape of them.

A connection's setting `mapping` is `{"fields": {"id": "data.order.uuid", ...}, "version": 3}`.
What comes out is read like a body that was written as the guide says, with the same refusals.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_noop as _

from orders.contract import Unmappable
from orders.parsing import text
from orders.sources.generic.expressions import Budget, Interpreter, Wrong, compiled, found

# field -> what it is; those of the order and of its customer, and those of the message around it
FIELDS: Mapping[str, str] = {
    "id": _("The order's own id at the sender. Needed."),
    "number": _("The number that people say."),
    "status": _("Where it is; words that are not ours get a meaning in the table of words."),
    "version": _("A whole number that grows with each change: the best clock."),
    "updated_at": _("When the order was last changed, with a time zone."),
    "occurred_at": _("When this happened."),
    "event_id": _("The message's own id. A second one with the same id is taken for a repeat."),
    "type": _("What happened, such as order.ready."),
    "customer.name": _("The whole name."),
    "customer.given_name": _("The first name."),
    "customer.family_name": _("The last name."),
    "customer.phone": _("As they write it; with a country code if possible."),
    "customer.email": _("The email address."),
    "customer.language": _("A code such as en or pt-BR."),
    "customer.country": _("Two letters, to read a national phone number."),
    "customer.id": _("Their own id of the customer."),
    "customer.time_zone": _("Such as Europe/Berlin."),
    "customer.phone_pin": _("The code of a masked number."),
    "customer.proxy": _("True when the number is a masked one."),
    "fulfilment": _("pickup, curbside, delivery, shipping, dine_in or digital."),
    "placed_at": _("When it was ordered."),
    "ready_at": _("When it can be collected."),
    "deliver_from": _("From when it is brought."),
    "deliver_to": _("Until when it is brought."),
    "eta": _("One time: ready for collection, or brought, as the kind of order says."),
    "delayed": _("True when it is late."),
    "delay_reason": _("Why it is late."),
    "courier": _("Who brings it."),
    "tracking": _("Parcels: a list of {number, carrier, url}."),
    "lines": _("What was ordered: a list of {id, name, quantity, sku, note}."),
    "lines_complete": _("True when a line that is missing was removed."),
    "total": _("The amount in the currency's main unit: 21.50."),
    "total_minor": _("The amount in its smallest unit: 2150."),
    "currency": _("Three letters: USD."),
    "refunds": _("A list of {id, amount, reason, at}."),
    "refunded_in_full": _("True when all of it went back."),
    "groups": _("Parts that move on their own: a list of {key, status, method, lines}."),
    "cancel_reason": _("Why it was cancelled."),
    "location": _("The store's slug, or one of its outside ids."),
    "note": _("What the customer wrote."),
    "status_page": _("The address of the sender's own tracking page."),
    "attributes": _("Anything else that templates need: {colour: data.colour}."),
    "completeness": _("full, partial or pointer."),
    "archived": _("True: off the board."),
    "test": _("True: kept, and nobody is told."),
}
AROUND = frozenset(
    {"type", "event_id", "version", "updated_at", "occurred_at", "completeness", "test"}
)
_WHOLE = frozenset({"version", "total_minor"})
_FLAGS = frozenset(
    {"customer.proxy", "delayed", "lines_complete", "refunded_in_full", "archived", "test"}
)
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
HISTORY_KEPT = 10
_KEYS = frozenset({"fields", "version", "saved_at", "by"})


def fields_of(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """field -> expression of a connection; empty when its bodies are in our own shape."""
    mapping = settings.get("mapping")
    fields = mapping.get("fields") if isinstance(mapping, dict) else None
    return fields if isinstance(fields, dict) else {}


def version_of(settings: Mapping[str, Any]) -> int:
    """The number of the mapping in use; 0 for none."""
    mapping = settings.get("mapping")
    version = mapping.get("version") if isinstance(mapping, dict) else 0
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


def own_shape(value: Any, fields: Mapping[str, str]) -> dict[str, Any]:
    """The body in our own shape. Raises Unmappable with the name of the field."""
    budget = Budget()
    body: dict[str, Any] = {"order": {}}
    for field, written in fields.items():
        put(body, field, one(field, written, value, budget))
    if "id" not in body["order"]:
        raise Unmappable(f"id: nothing is at {fields.get('id', '')} in this body.")
    return body


def one(
    field: str,
    written: Any,
    value: Any,
    budget: Budget,
    walker: type[Interpreter] | None = None,
) -> Any:
    """What one field's expression finds, as the reader takes it. Raises Unmappable."""
    if field not in FIELDS:
        raise Unmappable(f"{text(field, 60)}: there is no such field.")
    if not isinstance(written, str):
        raise Unmappable(f"{field}: an expression is a text.")
    try:
        return _fitting(field, found(written, value, budget, walker))
    except Wrong as problem:
        raise Unmappable(f"{field}: {problem}") from None


def _fitting(field: str, result: Any) -> Any:
    """Numbers and truths that were sent as texts, and the other way about."""
    if field in _WHOLE:
        return _whole(result)
    if field in _FLAGS and isinstance(result, str | int):
        return _TRUTHS.get(str(result).strip().lower(), result)
    return None if result == "" else result


def _whole(result: Any) -> Any:
    if isinstance(result, Decimal) and result == result.to_integral_value():
        return int(result)
    digits = result.strip() if isinstance(result, str) else ""
    if digits.isascii() and digits.isdigit() and len(digits) < 17:
        return int(digits)
    return result or None if isinstance(result, str) else result


def put(body: dict[str, Any], field: str, result: Any) -> None:
    """Write what was found to its place in our own shape; null was not said."""
    if result is None:
        return
    if field in AROUND:
        body[field] = result
    elif field.startswith("customer."):
        body["order"].setdefault("customer", {})[field.removeprefix("customer.")] = result
    else:
        body["order"][field] = result


def said(settings: Mapping[str, Any], field: str, value: Any, limit: int) -> str:
    """One field as a text, before anything is stored: empty rather than a refusal."""
    written = fields_of(settings).get(field)
    if not written:
        return ""
    try:
        return text(one(field, written, value, Budget()), limit)
    except Unmappable:
        return ""


# --- What may be written into the settings -------------------------------------------------


def problems(settings: Mapping[str, Any]) -> dict[str, str]:
    """field -> what is wrong with it, of `mapping` and `mapping_history`; empty when all is well.

    The key is empty for what is wrong with a mapping as a whole.
    """
    history = settings.get("mapping_history")
    if history and (not isinstance(history, list) or len(history) > HISTORY_KEPT):
        return {"": f"mapping_history is a list of {HISTORY_KEPT} earlier mappings at most."}
    mapping = settings.get("mapping")
    if not mapping and mapping in (None, {}):
        return {}
    shape = _wrong_shape(mapping)
    return {"": shape} if shape else wrong_fields(mapping["fields"])


def _wrong_shape(mapping: Any) -> str:
    if not isinstance(mapping, dict) or not isinstance(mapping.get("fields"), dict):
        return 'mapping is written {"fields": {"id": "data.order.uuid"}, "version": 1}.'
    if strange := sorted(set(mapping) - _KEYS):
        return f"mapping has no member {text(strange[0], 40)}."
    version = mapping.get("version", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        return "mapping: version is a whole number."
    return ""


def wrong_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """field -> what is wrong with its expression, in a sentence."""
    wrong = {}
    for field, written in fields.items():
        if sentence := _wrong_field(field, written):
            wrong[field] = sentence
    if fields and not fields.get("id"):
        wrong.setdefault("id", "id: is needed: it says which order a body is about.")
    return wrong


def _wrong_field(field: str, written: Any) -> str:
    if field not in FIELDS:
        return f"{text(field, 60)}: there is no such field; there are {', '.join(FIELDS)}."
    if not isinstance(written, str) or not written.strip():
        return f"{field}: an expression is a text."
    try:
        compiled(written)
    except Wrong as problem:
        return f"{field}: {problem}"
    return ""
