"""Rows of a told order, as the pump would have left them."""

import itertools
from typing import Any

from django.utils import timezone

from consents.models import ContactPoint
from notifications.models import Attempt, CustomerMessage, Decision, Delivery, Notification
from orders.models import InboundEvent, Order, SourceConnection, StatusChange
from tests.factories import ChannelFactory, GroupFactory, OrderFactory

_numbers = itertools.count(1)


def make_change(order: Order, status: str = "ready", **more: Any) -> StatusChange:
    fields = {
        "occurrence": str(next(_numbers)),
        "group_key": "main",
        "occurred_at": timezone.now(),
        "planned_at": timezone.now(),
    }
    return StatusChange.objects.create(
        order=order, brand=order.brand, status=status, **{**fields, **more}
    )


def make_order(**fields: Any) -> Order:
    order = OrderFactory(**fields)
    GroupFactory(order=order, status=order.status, own_status=order.status)
    return order


def make_contact(order: Order, **fields: Any) -> ContactPoint:
    return ContactPoint.objects.create(
        brand=order.brand,
        customer=order.customer,
        **{
            "kind": "phone",
            "address": "+12025550143",
            "digest": str(next(_numbers)),
            **fields,
        },
    )


def make_notification(
    order: Order, change: StatusChange | None = None, **more: Any
) -> Notification:
    fields = {
        "event": change.event_name if change else "reply",
        "audience": "customer",
        "purpose": "order",
        "customer": order.customer,
        "state": "done",
    }
    return Notification.objects.create(
        brand=order.brand,
        intent=f"intent-{next(_numbers)}",
        change=change,
        order=order,
        store=order.store,
        useful_until=timezone.now(),
        **{**fields, **more},
    )


def make_delivery(
    note: Notification, text: str = "Your order is ready.", channel: Any = None, **more: Any
) -> Delivery:
    fields = {"state": "delivered", "address": "+12025550143", "sent_at": timezone.now()}
    delivery = Delivery.objects.create(
        brand=note.brand,
        notification=note,
        order=note.order,
        channel=channel or ChannelFactory(brand_id=note.brand_id),
        ref=f"ref-{next(_numbers)}",
        **{**fields, **more},
    )
    if text:
        Attempt.objects.create(
            delivery=delivery, channel=delivery.channel, ending="accepted", text=text
        )
    return delivery


def make_told(order: Order, text: str = "Your order is ready.", **more: Any) -> Delivery:
    """A change, the message that it led to, its delivery and its text."""
    change = make_change(order)
    return make_delivery(make_notification(order, change), text, **more)


def make_decision(order: Order, change: StatusChange, **more: Any) -> Decision:
    fields = {
        "rule_name": "Ready",
        "audience": "customer",
        "verdict": "skip",
        "reason": "opted_out",
        "sentence": "They asked us to stop on 1 May.",
    }
    return Decision.objects.create(
        brand=order.brand, order=order, change=change, **{**fields, **more}
    )


def make_event(connection: SourceConnection, **more: Any) -> InboundEvent:
    fields = {
        "event_key": f"key-{next(_numbers)}",
        "topic": "orders/updated",
        "body": b'{"id": 7}',
        "state": "processed",
    }
    return InboundEvent.objects.create(connection=connection, **{**fields, **more})


def make_written(order: Order, text: str, channel: Any, **more: Any) -> CustomerMessage:
    return CustomerMessage.objects.create(
        brand=order.brand,
        channel=channel,
        customer=order.customer,
        order=order,
        text=text,
        provider_message_id=f"in-{next(_numbers)}",
        **more,
    )
