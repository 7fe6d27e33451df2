"""Templates, rules, destinations, deliveries, incidents, promises."""

from notifications.models.deliveries import (
    Attempt,
    CustomerMessage,
    Decision,
    Delivery,
    Notification,
    ReceiptRecord,
)
from notifications.models.escalations import (
    BulkDelay,
    EscalationPolicy,
    EscalationStep,
    Incident,
    IncidentEvent,
    IncidentKind,
    Shift,
)
from notifications.models.heartbeats import Heartbeat, Restoration
from notifications.models.promises import Expectation, PageView, PhaseTime, Promise, Pulse
from notifications.models.rules import Audience, Destination, Rule
from notifications.models.templates import MessageTemplate

__all__ = [
    "Attempt",
    "Audience",
    "BulkDelay",
    "CustomerMessage",
    "Decision",
    "Delivery",
    "Destination",
    "EscalationPolicy",
    "EscalationStep",
    "Expectation",
    "Heartbeat",
    "Incident",
    "IncidentEvent",
    "IncidentKind",
    "MessageTemplate",
    "Notification",
    "PageView",
    "PhaseTime",
    "Promise",
    "Pulse",
    "ReceiptRecord",
    "Restoration",
    "Rule",
    "Shift",
]
