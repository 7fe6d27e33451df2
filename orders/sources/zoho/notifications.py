"""Notifications of a channel: which records changed, and sometimes what in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from orders.automation import read_order
from orders.automation_members import NAMES, Members, written
from orders.contract import Clock, Item, Malformed, OrderEvent, Unmappable
from orders.parsing import dig, objects, text, timestamp

MOST_IDS = 1000
DELETED = "delete"
# Where the standard modules hold what we read; "fields" of the connection replaces any.
RECORD_NAMES: Mapping[str, Sequence[str]] = {
    **NAMES,
    "record_id": ("id",),
    "order_id": (),  # no standard field: say in `fields` where the number of a shop is
    "order_number": ("SO_Number", "Deal_Name", "Subject"),
    "status": ("Stage", "Status"),
    "total": ("Grand_Total", "Amount"),
    "currency": ("Currency",),
    "updated_at": ("Modified_Time",),
    "placed_at": ("Created_Time",),
    "customer_id": ("Contact_Name_id",),
    "customer_name": ("Contact_Name_name",),
}


def is_notification(value: Mapping[str, Any]) -> bool:
    """Whether this came from a notification channel."""
    return "channel_id" in value and "ids" in value


def is_pointer(value: Mapping[str, Any]) -> bool:
    """Whether this is one record of a notification, as we keep it."""
    return "zoho_record" in value


def items(value: Mapping[str, Any]) -> Sequence[Item]:
    """One event for each record, without the channel's token."""
    module, operation = text(value.get("module"), 80), text(value.get("operation"), 20).lower()
    said, listed = value.get("server_time"), value.get("ids")
    ids = [text(one, 40) for one in listed] if isinstance(listed, list) else []
    if not module or not ids or not all(ids) or len(ids) > MOST_IDS:
        raise Malformed("A notification names a module and the ids of 1 to 1000 records.")
    changed = {text(one.get("record_id"), 40): one.get("values") for one in _affected(value)}
    pointers = [
        {
            "zoho_record": one,
            "module": module,
            "operation": operation,
            "server_time": said,
            "values": changed.get(one) or {},
        }
        for one in dict.fromkeys(ids)
    ]
    channel = text(value.get("channel_id"), 40)
    return [
        Item(
            f"{channel}:{one['zoho_record']}:{operation}:{text(said, 40)}",
            f"{module}.{operation}"[:120],
            written(one),
        )
        for one in pointers
    ]


def _affected(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """(record, its new values); some channels call the list affected_values."""
    return objects(value.get("affected_values")) or objects(value.get("affected_fields"))


def needs_record(value: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the record must be read to know what happened."""
    if value.get("operation") == DELETED or not _is_order(value, settings):
        return False
    values = value.get("values")
    return not (isinstance(values, dict) and _members(values, settings).find("status"))


def event(topic: str, value: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent | None:
    """What the notification says; None for modules that hold no orders."""
    if not _is_order(value, settings):
        return None
    record_id, at = text(value.get("zoho_record"), 40), timestamp(value.get("server_time"))
    if value.get("operation") == DELETED:
        gone = f"zoho:{record_id}"
        return OrderEvent(gone, topic, Clock(at=at), at, archived=True, may_create=False)
    record = value.get("record")
    if isinstance(record, dict):
        return read_order(topic, _members({**record, "id": record_id}, settings), "zoho")
    return _change(topic, value, record_id, settings)


def _change(
    topic: str, value: Mapping[str, Any], record_id: str, settings: Mapping[str, Any]
) -> OrderEvent | None:
    """The new values alone: enough for an order that is known, never for a new one."""
    values = value.get("values")
    known = values if isinstance(values, dict) else {}
    if not _members(known, settings).find("status"):
        raise Unmappable(
            "The notification does not say what changed. Fill in the credentials, so that the "
            "record can be read, or ask the channel for return_affected_field_values."
        )
    pointing = {"Modified_Time": value.get("server_time"), **known, "id": record_id}
    members = _members(pointing, {**settings, "creates_orders": False})
    return read_order(topic, members, "zoho", record_is_order=False)


def _members(values: Mapping[str, Any], settings: Mapping[str, Any]) -> Members:
    """The fields of a record; a lookup's name and id count as fields of their own."""
    lookups = {
        f"{name}_{part}": dig(one, part)
        for name, one in values.items()
        if isinstance(one, dict)
        for part in ("id", "name")
    }
    plain = {name: one for name, one in values.items() if not isinstance(one, dict)}
    return Members({**plain, **lookups}, settings, RECORD_NAMES)


def _is_order(value: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    listed = settings.get("modules")
    modules = listed if isinstance(listed, list) and listed else ["Deals", "Sales_Orders"]
    return value.get("module") in modules
