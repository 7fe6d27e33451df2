"""An order as plain fields: for a partner's endpoint, a staff room, the operator's systems."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from channels_app.contract import Family
from notifications.context import Job
from orders.models import FulfilmentGroup, Order


def data_for(job: Job, now: datetime) -> dict[str, Any]:
    """The fields that a message of this channel's family carries, besides its words."""
    family = job.channel.family
    if family == Family.EVENT:
        return event_data(job, now)
    if family in (Family.WEBHOOK, Family.TEAM):
        return plain_data(job, now)
    return push_data(job) if family == Family.PUSH else {}


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


def event_data(job: Job, now: datetime) -> dict[str, Any]:
    """What the operator's own systems get; the customer only where the provider needs them."""
    data = plain_data(job, now)
    order = job.order
    if order is None:
        return data
    connection = job.shelf.connections.get(order.connection_id)
    store = job.shelf.stores.get(order.store_id or 0)
    data["order"] |= {
        "placed_at": _iso(order.placed_at),
        "token": order.token,
        "tracking_url": f"{settings.PUBLIC_BASE_URL}/t/{order.token}/",
        "source": connection[0] if connection else "",
        "connection": connection[1] if connection else "",
        "attributes": {},
    }
    data["groups"] = [_group(group) for group in job.groups]
    data["items"] = [
        {
            "id": line.line_id,
            "name": line.name,
            "quantity": _plain(line.quantity - line.removed_quantity),
        }
        for line in job.lines
        if line.quantity > line.removed_quantity
    ]
    data["tracking"] = [one for group in job.groups for one in _tracking(group)]
    data["store"] = {"slug": store.slug, "name": store.name} if store else {}
    if job.channel.speaker.capabilities.personal:
        data["customer"] = job.person
    return data


def push_data(job: Job) -> dict[str, Any]:
    """What an app needs to open the right page."""
    order: Order | None = job.order
    if order is None:
        return {"event": job.notification.event}
    return {
        "event": job.notification.event,
        "order": {
            "external_id": order.external_id,
            "number": order.display_number,
            "status": order.status,
        },
    }


def _group(group: FulfilmentGroup) -> dict[str, Any]:
    return {
        "key": group.key,
        "status": group.status,
        "ready_at": _iso(group.ready_at),
        "deliver_from": _iso(group.deliver_from),
        "deliver_to": _iso(group.deliver_to),
    }


def _tracking(group: FulfilmentGroup) -> list[dict[str, str]]:
    known: Mapping[str, Any] = group.tracking or {}
    return [
        {"number": number, "carrier": str(one.get("carrier", "")), "url": str(one.get("url", ""))}
        for number, one in known.items()
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _plain(quantity: Any) -> str:
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
