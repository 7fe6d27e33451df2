"""Olo's event types and the words of its deliveries, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Fact, Status

STATUSES: Mapping[str, str] = {
    "OrderPlaced": Status.PLACED,
    "ScheduledOrderFired": Status.CONFIRMED,
    "OrderPickedUp": Status.PICKED_UP,
    "OrderCancelled": Status.CANCELLED,
}
CLOSED = "OrderClosed"
CLOSED_CHOICES = ("auto", Status.DELIVERED, Status.PICKED_UP, "ignore")
ARRIVED = "CustomerArrived"
DISPATCH = "DispatchStatusUpdate"
# Only the words that can mean one thing; others are asked about in the inbox.
DISPATCH_STATUSES: Mapping[str, str] = {"delivered": Status.DELIVERED}
# The courier's trip ended, the order did not.
DISPATCH_FACTS: Mapping[str, str] = {
    "canceled": Fact.FAILED,
    "cancelled": Fact.FAILED,
    "returned": Fact.RETURNED,
}
# Events of the same webhook that are about guests, baskets and restaurants.
NOT_ORDERS = ("Test", "User", "Vendor", "Basket", "Guest", "Loyalty", "Coupon", "OrderAdjusted")

# How the order is handed over, in lower case without blanks and hyphens.
METHODS: Mapping[str, str] = {
    "pickup": "pickup",
    "curbside": "curbside",
    "drivethru": "pickup",
    "delivery": "delivery",
    "dispatch": "delivery",
    "dinein": "dine_in",
}
IGNORE = "ignore"
