"""Webhooks of an app as HubSpot sends them, of our own writing."""

from typing import Any

OPEN = "4b27b500-f031-4927-9811-68a0b525cbae"
SHIPPED = "aa99e8d0-c1d5-4071-b915-d240bbb1aed9"


def change(**more: Any) -> dict[str, Any]:
    """An order went to another stage."""
    return {
        "eventId": 3816279340,
        "subscriptionId": 25,
        "portalId": 33,
        "appId": 1160452,
        "occurredAt": 1795285800000,
        "subscriptionType": "order.propertyChange",
        "attemptNumber": 0,
        "objectId": 4002,
        "changeSource": "CRM",
        "propertyName": "hs_pipeline_stage",
        "propertyValue": SHIPPED,
        **more,
    }


def of_any_object(type_id: str, **more: Any) -> dict[str, Any]:
    """The same, as newer subscriptions name it."""
    return change(**{"subscriptionType": "object.propertyChange", "objectTypeId": type_id, **more})


def creation(**more: Any) -> dict[str, Any]:
    """A record was made, deleted or brought back: no property is named."""
    plain = change(**{"subscriptionType": "order.creation", **more})
    return {name: one for name, one in plain.items() if not name.startswith("property")}
