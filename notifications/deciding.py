"""A decision about a message that exists: what became of it, why, and for whom."""

from datetime import datetime
from typing import Any

from notifications.models import Decision, Delivery, Notification
from notifications.reasons import Reason, sentence


def recipient(notification: Notification) -> str:
    """Whom it is for, as a person calls them."""
    place, person = notification.destination, notification.customer
    if place is not None:
        return place.name
    return (person.given_name or person.name if person else "") or "the customer"


def decide(
    notification: Notification,
    verdict: str,
    reason: Reason,
    now: datetime,
    *,
    delivery: Delivery | None = None,
    inputs: dict[str, Any] | None = None,
    **values: Any,
) -> Decision:
    """The row, not stored yet. `values` fill the reason's sentence, which knows the recipient.

    Reads rule, destination and customer of `notification`: load them with it.
    """
    rule, who = notification.rule, recipient(notification)
    return Decision(
        brand_id=notification.brand_id,
        order_id=notification.order_id,
        change_id=notification.change_id,
        rule=rule,
        rule_name=rule.name if rule else "",
        notification=notification,
        delivery=delivery,
        audience=notification.audience,
        recipient=who[:160],
        verdict=verdict,
        reason=reason,
        sentence=sentence(reason, **{"recipient": who, **values}),
        inputs=inputs or {},
        decided_at=now,
    )
