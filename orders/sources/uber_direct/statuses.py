"""Uber Direct's words for a delivery, and what they are in ours."""

from collections.abc import Mapping

from orders.statuses import Fact, Status

# Before the courier has the goods, the shop's word counts: those words move nothing.
STATUSES: Mapping[str, str] = {
    "pickup_complete": Status.OUT_FOR_DELIVERY,
    "dropoff": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
}
# (word, the courier is a minute away) -> what staff see beside the status
WHERE: Mapping[tuple[str, bool], str] = {
    ("pending", False): "courier_wanted",
    ("pickup", False): "courier_assigned",
    ("pickup", True): "courier_near_store",
    ("shopping_completed", False): "shopping_completed",
    ("pickup_complete", False): "on_the_way",
    ("dropoff", False): "on_the_way",
    ("dropoff", True): "arriving",
    ("delivered", False): "delivered",
    ("canceled", False): "courier_cancelled",
    ("returned", False): "coming_back",
}
# A delivery that was called off is no cancelled order: the shop sends another courier.
FACTS: Mapping[str, str] = {"canceled": Fact.FAILED, "returned": Fact.RETURNED}
KNOWN = frozenset(word for word, _near in WHERE)
OVER = frozenset({"delivered", "canceled", "returned"})

# The words of the older notification `dapi.status_changed`.
OLDER: Mapping[str, str] = {
    "SCHEDULED": "pending",
    "EN_ROUTE_TO_PICKUP": "pickup",
    "ARRIVED_AT_PICKUP": "pickup",
    "EN_ROUTE_TO_DROPOFF": "dropoff",
    "ARRIVED_AT_DROPOFF": "dropoff",
    "COMPLETED": "delivered",
    "FAILED": "canceled",
}
ARRIVED = frozenset({"ARRIVED_AT_PICKUP", "ARRIVED_AT_DROPOFF"})
