"""Uber Eats' words for orders and deliveries, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Status

# `current_state` of an order. FINISHED says that Uber closed it, not whether it was handed over.
STATUSES: Mapping[str, str] = {
    "CREATED": Status.PLACED,
    "ACCEPTED": Status.CONFIRMED,
    "DENIED": Status.CANCELLED,
    "CANCELED": Status.CANCELLED,
}
SILENT = frozenset({"FINISHED"})

# `current_state` of a delivery. Empty: the courier has not got it yet, the kitchen's word counts.
DELIVERY: Mapping[str, str] = {
    "SCHEDULED": "",
    "EN_ROUTE_TO_PICKUP": "",
    "ARRIVED_AT_PICKUP": "",
    "EN_ROUTE_TO_DROPOFF": Status.OUT_FOR_DELIVERY,
    "ARRIVED_AT_DROPOFF": Status.OUT_FOR_DELIVERY,
    "COMPLETED": Status.DELIVERED,
    "FAILED": "",
}
WHERE: Mapping[str, str] = {
    "SCHEDULED": "courier_wanted",
    "EN_ROUTE_TO_PICKUP": "courier_assigned",
    "ARRIVED_AT_PICKUP": "courier_at_store",
    "EN_ROUTE_TO_DROPOFF": "on_the_way",
    "ARRIVED_AT_DROPOFF": "arriving",
    "COMPLETED": "delivered",
    "FAILED": "delivery_failed",
}
METHODS: Mapping[str, str] = {
    "DELIVERY_BY_UBER": "delivery",
    "DELIVERY_BY_RESTAURANT": "delivery",
    "DELIVERY_BY_MERCHANT": "delivery",
    "PICK_UP": "pickup",
    "DINE_IN": "dine_in",
}
# What a notification says by itself, whatever the order looks like when it is fetched.
ENDED = frozenset({"orders.cancel", "orders.failure"})
RELEASED = "orders.release"
ABOUT_ORDERS = ENDED | {
    RELEASED,
    "orders.notification",
    "orders.scheduled.notification",
    "orders.customer_order_edit",
    "order.fulfillment_issues.resolved",
}
