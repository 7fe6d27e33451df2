"""Refunds and payments: webhooks that carry the whole of it, but only the number of an order."""

from collections.abc import Mapping
from typing import Any

from orders.contract import Clock, OrderEvent, Refund
from orders.parsing import identifier, text, timestamp, unique
from orders.sources.square.orders import is_return, minor, source_order, told_once
from orders.statuses import Fact

PAYMENT_ENDS = frozenset({"COMPLETED", "CANCELED", "FAILED"})
REFUND_ENDS = frozenset({"REJECTED", "FAILED"})


def refund_events(
    topic: str, refund: Mapping[str, Any], order: Mapping[str, Any]
) -> list[OrderEvent]:
    """Money that went back. `order` is what the refund names: the sale, or the return of it.

    A return says which sale it belongs to; when it does not, the payment leads there.
    """
    status, at = text(refund.get("status"), 40).upper(), timestamp(refund.get("updated_at"))
    payment = identifier(refund.get("payment_id"), "payment_id", 192)
    refund_id = identifier(refund.get("id"), "refund id", 255)
    named = identifier(refund.get("order_id"), "order_id", 192)
    sale = (source_order(order) if is_return(order) else "") or named or payment
    aliases = unique([payment[:160]], sale)
    if status in REFUND_ENDS and sale:
        data = {"state": "refund_failed", "refund_id": refund_id[-60:]}
        return [told_once(topic, sale, at, Fact.PAYMENT, data, aliases=aliases)]
    amount = minor(refund.get("amount_money"))
    if status != "COMPLETED" or not amount or amount < 0 or not sale or not refund_id:
        return []
    created = timestamp(refund.get("created_at"))
    event = OrderEvent(
        external_id=sale,
        topic=topic,
        clock=Clock(at=at),
        occurred_at=at or created,
        aliases=aliases,
        refunds=[Refund(refund_id, amount, text(refund.get("reason"), 192), at or created)],
        may_create=False,
    )
    return [event]


def payment_events(topic: str, payment: Mapping[str, Any], order_id: str) -> list[OrderEvent]:
    """A payment that ended, one way or the other; nothing while it is under way."""
    status = text(payment.get("status"), 40).upper()
    if status not in PAYMENT_ENDS or not order_id:
        return []
    data = {"state": status.lower(), "payment_id": identifier(payment.get("id"), "payment id", 192)}
    return [
        told_once(topic, order_id, timestamp(payment.get("updated_at")), Fact.PAYMENT, data),
    ]
