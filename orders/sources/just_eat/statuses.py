"""Just Eat's events, and what they are in ours.

An event goes by the name of its webhook or by the member `Event` of its body;
both are written like `order-accepted` here.
"""

import re
from collections.abc import Mapping

from orders.statuses import Fact, Status

ORDER = "order"  # a whole order whose event nobody names
STATUSES: Mapping[str, str] = {
    ORDER: Status.PLACED,
    "acceptance-requested": Status.PLACED,
    "order-accepted": Status.CONFIRMED,
    "order-ready-for-preparation": Status.CONFIRMED,
    "order-ready-for-preparation-sync": Status.CONFIRMED,
    "order-ready-for-preparation-async": Status.CONFIRMED,
    "order-is-ready-for-pickup": Status.READY,
    "ready-for-pickup": Status.READY,
    "on-its-way": Status.OUT_FOR_DELIVERY,
    "driver-on-their-way-to-delivery-address": Status.OUT_FOR_DELIVERY,
    "at-delivery-address": Status.OUT_FOR_DELIVERY,
    "driver-at-delivery-address": Status.OUT_FOR_DELIVERY,
    "delivered": Status.DELIVERED,
    "driver-has-delivered-order": Status.DELIVERED,
    "order-rejected": Status.CANCELLED,
    "order-cancelled": Status.CANCELLED,
}
FACTS: Mapping[str, str] = {"delivery-failed": Fact.FAILED}
# What a driver does before the food leaves: shown to staff, no status.
SILENT = frozenset({"driver-assigned", "driver-assigned-to-delivery", "driver-at-restaurant"})
ARRIVING = frozenset({"at-delivery-address", "driver-at-delivery-address"})
LOCATION = "driver-location"
# Nothing that an order's customer or its staff would wait for.
NOT_ORDERS = frozenset(
    {
        LOCATION,
        "order-requires-delivery-acceptance",
        "order-eligible-for-restaurant-compensation",
        "menu-ingestion-complete",
        "restaurant-online-status",
        "restaurant-offline-status",
        "late-order-query",
        "late-order-compensation-query",
        "attempted-delivery-query-resolved",
        "redelivery-requested",
    }
)
TEST_ORDER = "system_cancelled_test_order"
METHODS: Mapping[str, str] = {"delivery": "delivery", "collection": "pickup"}
IGNORE = "ignore"


def spelled(word: str) -> str:
    """`OrderAccepted` and `Ready for pickup` as order-accepted and ready-for-pickup."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", word.strip())
    return re.sub(r"[\s_-]+", "-", parted).lower()
