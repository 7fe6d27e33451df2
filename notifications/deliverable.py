"""An order as plain fields, for a partner's endpoint."""

from datetime import datetime
from typing import Any

from notifications.context import Job


def plain_data(job: Job, now: datetime) -> dict[str, Any]:
    """What a partner gets: the change and the order, without the customer's addresses."""
    order, change = job.order, job.change
    if order is None or change is None:
        return {"event": job.notification.event}
    return {
        "event": job.notification.event,
        **({"corrects": change.event_name} if job.claim else {}),
        "sent_at": now.isoformat(),
        "occurred_at": change.occurred_at.isoformat(),
        "order": {
            "id": str(order.pk),
            "external_id": order.external_id,
            "number": order.display_number,
            "status": order.status,
            "previous_status": change.previous_status,
            "fulfilment": order.fulfilment_type,
            "currency": order.currency,
            "total_minor": order.total_minor,
            "refunded_minor": order.refunded_minor,
        },
        "part": change.group_key if change.part else None,
        "groups": [{"key": group.key, "status": group.status} for group in job.groups],
    }
