"""Deliveroo's words for an order and for its riders, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Status

# The order's own words. An order that is not for now is accepted first, and confirmed when the
# kitchen starts.
ORDER: Mapping[str, str] = {
    "pending": Status.PLACED,
    "placed": Status.PLACED,
    "accepted": Status.CONFIRMED,
    "confirmed": Status.PREPARING,
    "rejected": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "delivered": Status.DELIVERED,
}
RIDER: Mapping[str, str] = {
    "rider_in_transit": Status.OUT_FOR_DELIVERY,
    "rider_nearby": Status.OUT_FOR_DELIVERY,
    "rider_delivered": Status.DELIVERED,
}
STATUSES: Mapping[str, str] = {**ORDER, **RIDER}
# What riders do before the food leaves: of interest to staff, no place in the life of an order.
RIDER_SILENT = frozenset(
    {"rider_assigned", "rider_arrived", "rider_confirmed_at_restaurant", "rider_check_in"}
)
RIDER_GONE = "rider_unassigned"
ARRIVING = "arriving"
SUB_STATUSES: Mapping[str, str] = {"rider_nearby": ARRIVING}

# Who brings it.
METHODS: Mapping[str, str] = {
    "deliveroo": "delivery",
    "restaurant": "delivery",
    "customer": "pickup",
    "table_service": "dine_in",
}
IGNORE = "ignore"
