"""Ticket events of a subscription: which change of a ticket is one of its order."""

from collections.abc import Mapping
from typing import Any

from orders.automation import STATUS_WORDS, read_order
from orders.automation_members import Members
from orders.contract import OrderEvent, Unmappable
from orders.parsing import dig, text
from orders.sources.zendesk.naming import order_of

TYPE_PREFIX = "zen:event-type:"
OWN_STATUS = "status"  # the setting's word for the ticket's own status


def is_event(value: Mapping[str, Any]) -> bool:
    """Whether this is an event of a subscription, no template of a trigger."""
    return text(value.get("type"), 120).startswith(TYPE_PREFIX)


def short_type(value: Mapping[str, Any]) -> str:
    """ticket.status_changed."""
    return text(value.get("type"), 120).removeprefix(TYPE_PREFIX)


def ticket_event(
    topic: str, value: Mapping[str, Any], settings: Mapping[str, Any]
) -> OrderEvent | None:
    """The order's new status; None for the many changes of a ticket that say none."""
    if not topic.startswith("ticket."):
        raise Unmappable(f"{topic} is not about a ticket. Subscribe to ticket events only.")
    word = status_word(topic, value, settings)
    if not word:
        return None
    members = {
        "status": word,
        "order_id": order_of(dig(value, "detail", "external_id")),
        "record_id": dig(value, "detail", "id"),
        "occurred_at": value.get("time"),
        "test": value.get("test"),
    }
    # Their names are ours here, whatever `fields` says of the operator's own templates.
    plain = {name: one for name, one in settings.items() if name != "fields"}
    return read_order(topic, Members(members, plain), "zendesk", STATUS_WORDS, False)


def status_word(topic: str, value: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What the change says of the order's status; "" when it is another change."""
    wanted = text(settings.get("status_field"), 40)
    if topic == "ticket.custom_field_changed":
        return _new_value(value) if wanted and _field_id(value) == wanted else ""
    if wanted != OWN_STATUS:
        return ""
    if topic == "ticket.status_changed":
        return _new_value(value).lower()
    return text(dig(value, "detail", "status"), 80).lower() if topic == "ticket.created" else ""


def _new_value(value: Mapping[str, Any]) -> str:
    return text(dig(value, "event", "current"), 80)


def _field_id(value: Mapping[str, Any]) -> str:
    ids = (dig(value, "event", name, "id") for name in ("field", "custom_field"))
    return next((found for one in ids if (found := text(one, 40))), "")
