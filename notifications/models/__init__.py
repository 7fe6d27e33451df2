"""Templates, rules, destinations, deliveries."""

from notifications.models.deliveries import (
    Attempt,
    CustomerMessage,
    Decision,
    Delivery,
    Notification,
    ReceiptRecord,
)
from notifications.models.heartbeats import Heartbeat
from notifications.models.rules import Audience, Destination, Rule
from notifications.models.templates import MessageTemplate

__all__ = [
    "Attempt",
    "Audience",
    "CustomerMessage",
    "Decision",
    "Delivery",
    "Destination",
    "Heartbeat",
    "MessageTemplate",
    "Notification",
    "ReceiptRecord",
    "Rule",
]
