"""A record of HubSpot as the order that it stands for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orders.automation import read_order
from orders.automation_members import Members
from orders.contract import OrderEvent, Unmappable
from orders.parsing import dig, objects, text, timestamp
from orders.sources.hubspot.events import RESTORED
from orders.sources.hubspot.statuses import PIPELINE, RECORD_NAMES, STATUSES


def event(topic: str, value: Mapping[str, Any], settings: Mapping[str, Any]) -> OrderEvent | None:
    """The order; None for a record of a pipeline that holds none."""
    kind, record = text(value.get("object"), 20), value["record"]
    if kind not in RECORD_NAMES or not isinstance(record, dict):
        raise Unmappable("The answer of HubSpot holds no order and no deal.")
    said = record.get("properties")
    told = said if isinstance(said, dict) else {}
    wanted = text(settings.get("pipeline"), 80)
    if wanted and text(told.get(PIPELINE[kind]), 80) != wanted:
        return None
    updated = told.get("hs_lastmodifieddate") or record.get("updatedAt")
    known = {**told, "hs_object_id": record.get("id"), "hs_lastmodifieddate": updated}
    members = Members({**known, **_person(record)}, settings, _names(kind))
    found = read_order(topic, members, "hubspot", STATUSES)
    if found is None:
        return None
    # When it happened is when the change was made, not when the record was last touched.
    at = timestamp(dig(value, "event", "occurredAt")) or found.occurred_at
    back = False if topic.endswith(f".{RESTORED}") else None
    return replace(found, occurred_at=at, archived=back)


def _names(kind: str) -> Mapping[str, Any]:
    own = RECORD_NAMES[kind]
    return {**own, "customer_id": (*own["customer_id"], "associated_contact")}


def _person(record: Mapping[str, Any]) -> dict[str, str]:
    """The id of the contact that the record belongs to: its address is in another record."""
    found = objects(dig(record, "associations", "contacts", "results"))
    return {"associated_contact": text(found[0].get("id"), 40)} if found else {}
