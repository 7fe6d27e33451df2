"""Olo's event types that its partners name in public, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Status

# All other types are asked about in the inbox: a connection's `status_map` gives them a meaning.
STATUSES: Mapping[str, str] = {
    "OrderPlaced": Status.PLACED,
    "OrderPickedUp": Status.PICKED_UP,
    "OrderCancelled": Status.CANCELLED,
}
METHODS: Mapping[str, str] = {"pickup": "pickup", "delivery": "delivery"}
IGNORE = "ignore"
