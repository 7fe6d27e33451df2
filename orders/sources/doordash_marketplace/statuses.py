"""The words of DoorDash's marketplace, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Status

# `event.status` of an order's notification.
STATUSES: Mapping[str, str] = {"NEW": Status.PLACED}

# `dasher_status`. Empty: the Dasher has not got it yet, the kitchen's word counts. DoorDash does
# not say whether `dropoff` means that the Dasher is there or that the food is handed over.
DASHER: Mapping[str, str] = {
    "dasher_confirmed": "",
    "arriving_at_store": "",
    "arrived_at_store": "",
    "dasher_out_for_delivery": Status.OUT_FOR_DELIVERY,
    "dropoff": "",
}
WHERE: Mapping[str, str] = {
    "dasher_confirmed": "courier_assigned",
    "arriving_at_store": "courier_near_store",
    "arrived_at_store": "courier_at_store",
    "dasher_out_for_delivery": "on_the_way",
    "dropoff": "arriving",
}
METHODS: Mapping[str, str] = {
    "dx_delivery": "delivery",
    "mx_delivery": "delivery",
    "pickup": "pickup",
    "dine_in": "dine_in",
}
CREATED = "ORDERCREATE"
CANCELLED = ("ORDERCANCEL", "ORDERCANCELED", "ORDERCANCELLED")
RELEASED = "order_release"  # our names for bodies that carry none
DASHER_STATUS = "dasher_status"
