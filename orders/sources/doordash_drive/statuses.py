"""The events of DoorDash Drive, and what they are in ours. Names are compared in capitals."""

from collections.abc import Mapping

from orders.statuses import Fact, Status

# Before the Dasher has the goods, the shop's word counts: those events move nothing.
STATUSES: Mapping[str, str] = {
    "DASHER_PICKED_UP": Status.OUT_FOR_DELIVERY,
    "DASHER_ENROUTE_TO_DROPOFF": Status.OUT_FOR_DELIVERY,
    "DASHER_CONFIRMED_DROPOFF_ARRIVAL": Status.OUT_FOR_DELIVERY,
    "DASHER_DROPPED_OFF": Status.DELIVERED,
}
# What staff see beside the status.
WHERE: Mapping[str, str] = {
    "DELIVERY_CREATED": "courier_wanted",
    "DASHER_CONFIRMED": "courier_assigned",
    "DASHER_ENROUTE_TO_PICKUP": "courier_assigned",
    "DASHER_CONFIRMED_PICKUP_ARRIVAL": "courier_at_store",
    "DASHER_PICKED_UP": "on_the_way",
    "DASHER_ENROUTE_TO_DROPOFF": "on_the_way",
    "DASHER_CONFIRMED_DROPOFF_ARRIVAL": "arriving",
    "DASHER_DROPPED_OFF": "delivered",
    "DELIVERY_CANCELLED": "courier_cancelled",
    "DELIVERY_RETURN_INITIALIZED": "coming_back",
    "DASHER_ENROUTE_TO_RETURN": "coming_back",
    "DASHER_CONFIRMED_RETURN_ARRIVAL": "coming_back",
    "DELIVERY_RETURNED": "back_at_store",
    "DELIVERY_BATCHED": "batched",
}
# A delivery that was called off is no cancelled order. A return is told when it begins, once.
FACTS: Mapping[str, str] = {
    "DELIVERY_CANCELLED": Fact.FAILED,
    "DELIVERY_RETURN_INITIALIZED": Fact.RETURNED,
}
OVER = frozenset(
    {
        "DASHER_DROPPED_OFF",
        "DELIVERY_CANCELLED",
        "DELIVERY_RETURN_INITIALIZED",
        "DASHER_ENROUTE_TO_RETURN",
        "DASHER_CONFIRMED_RETURN_ARRIVAL",
        "DELIVERY_RETURNED",
    }
)
NOT_REACHED = "failed_to_return"  # the reason of a cancellation that ends a return
