"""Notifications as Zoho CRM's channels send them, of our own writing."""

from typing import Any


def notification(*ids: str, **more: Any) -> dict[str, Any]:
    """Sales orders were edited."""
    return {
        "server_time": 1795285800000,
        "query_params": {},
        "module": "Sales_Orders",
        "resource_uri": "https://www.zohoapis.com/crm/v8/Sales_Orders",
        "ids": list(ids or ("6001",)),
        "affected_fields": [],
        "affected_values": [],
        "operation": "update",
        "channel_id": "1000000068001",
        "token": "the-secret-of-this-connection",
        **more,
    }


def affected(record: str, **values: Any) -> dict[str, Any]:
    """What changed in a record, when the channel was asked to say so."""
    return {"record_id": record, "values": values}
