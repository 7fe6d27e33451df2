"""Changes that an app subscribes to: each names a record and one property, and no more."""

from collections.abc import Mapping
from typing import Any

from orders.automation import read_order
from orders.automation_members import Members, names_of
from orders.contract import Clock, Malformed, OrderEvent, Unmappable
from orders.parsing import identifier, text, timestamp
from orders.sources.hubspot.statuses import MEMBERS, OBJECTS, PIPELINE, RECORD_NAMES, STATUSES

CHANGED, CREATED, DELETED, RESTORED = "propertyChange", "creation", "deletion", "restore"


def is_event(value: Any) -> bool:
    """Whether this is one event of an app's webhook."""
    return isinstance(value, dict) and "subscriptionType" in value and "objectId" in value


def key(value: Mapping[str, Any]) -> str:
    """What names a change. The event's id alone may stand for another one after a retry."""
    names = ("portalId", "subscriptionId", "eventId", "objectId", "propertyName", "occurredAt")
    parts = [text(value.get(name), 80) for name in names]
    if not parts[3] or not parts[5]:
        raise Malformed("An event of HubSpot has objectId and occurredAt.")
    return ":".join((topic(value), *parts))


def topic(value: Mapping[str, Any]) -> str:
    """order.propertyChange, also for what HubSpot calls object.propertyChange of 0-123."""
    subject, _, verb = text(value.get("subscriptionType"), 100).partition(".")
    if subject == "object":
        subject = text(value.get("objectTypeId"), 20)
    names = {"0-123": "order", "0-3": "deal"}
    return f"{names.get(subject, subject)}.{verb}"


def kind(value: Mapping[str, Any]) -> str:
    """orders or deals; "" for the records that are neither."""
    return OBJECTS.get(topic(value).partition(".")[0], "")


def verb(value: Mapping[str, Any]) -> str:
    """What happened to the record."""
    return topic(value).partition(".")[2]


def needs_record(value: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the record must be read: a change of a property that we do not read says nothing."""
    if not kind(value) or verb(value) not in (CHANGED, CREATED, RESTORED):
        return False
    return verb(value) != CHANGED or _is_read(value, settings)


def _is_read(value: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    return text(value.get("propertyName"), 120) in properties(kind(value), settings)


def properties(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """The properties of a record that we read."""
    read = (name for one in MEMBERS for name in names_of(one, settings, RECORD_NAMES[kind]))
    return list(dict.fromkeys((*read, PIPELINE[kind])))


def event(topic: str, value: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent | None:
    """What a change says by itself, when its record was not read: a status, or that it is gone."""
    if not kind(value):
        raise Unmappable(f"{topic} is not about an order or a deal. Delete that subscription.")
    record, at = identifier(value.get("objectId"), "objectId"), timestamp(value.get("occurredAt"))
    if verb(value) == DELETED:
        gone = f"hubspot:{record}"
        return OrderEvent(gone, topic, Clock(at=at), at, archived=True, may_create=False)
    if verb(value) != CHANGED:
        raise Unmappable("The event only points at a record. Fill in access_token to read it.")
    name = text(value.get("propertyName"), 120)
    if not _is_read(value, settings) or name == PIPELINE[kind(value)]:
        return None
    told = {name: value.get("propertyValue"), "hs_object_id": record}
    clock = {"occurred_at": value.get("occurredAt")}
    delta = {**settings, "creates_orders": False}
    members = Members({**told, **clock}, delta, RECORD_NAMES[kind(value)])
    return read_order(topic, members, "hubspot", STATUSES, record_is_order=False)
