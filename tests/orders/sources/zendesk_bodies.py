"""Ticket events as Zendesk's event subscriptions send them, of our own writing."""

from typing import Any


def ticket_event(kind: str, event: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """An event of a subscription about the ticket 4711 of order 1001."""
    return {
        "type": f"zen:event-type:ticket.{kind}",
        "account_id": 22129848,
        "id": f"ev-{kind}",
        "time": "2026-11-21T18:30:00.123456789Z",
        "zendesk_event_version": "2022-06-20",
        "subject": "zen:ticket:4711",
        "detail": {
            "id": "4711",
            "external_id": "order:1001",
            "status": "OPEN",
            "requester_id": "8",
            "tags": ["vip"],
            **detail,
        },
        "event": {"meta": {"sequence": {"id": "s1", "position": 1}}, **event},
    }


def field_changed(current: Any, field: str = "360001", **detail: Any) -> dict[str, Any]:
    """A ticket field got a new value."""
    event = {"current": current, "previous": "preparing", "field": {"id": field, "type": "tagger"}}
    return ticket_event("custom_field_changed", event, **detail)


def status_changed(current: str, **detail: Any) -> dict[str, Any]:
    """The ticket's own status changed."""
    return ticket_event("status_changed", {"current": current, "previous": "OPEN"}, **detail)
