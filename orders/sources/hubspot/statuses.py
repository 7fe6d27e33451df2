"""HubSpot's stages of orders and deals, and which properties hold what we read."""

from collections.abc import Mapping, Sequence

from orders.automation import STATUS_WORDS
from orders.automation_members import NAMES
from orders.statuses import Status

# The order pipeline that every account begins with; its stages have the same ids everywhere.
# Stages of deals, and of pipelines that a company makes, are its own: `status_map`.
STATUSES: Mapping[str, str] = {
    **STATUS_WORDS,
    "4b27b500-f031-4927-9811-68a0b525cbae": Status.PLACED.value,  # Open
    "937ea84d-0a4f-4dcf-9028-3f9c2aafbf03": Status.CONFIRMED.value,  # Processed
    "aa99e8d0-c1d5-4071-b915-d240bbb1aed9": Status.OUT_FOR_DELIVERY.value,  # Shipped
    "3725360f-519b-4b18-a593-494d60a29c9f": Status.DELIVERED.value,  # Delivered
    "3c85a297-e9ce-400b-b42e-9f16853d69d6": Status.CANCELLED.value,  # Cancelled
}
# What a subscription calls an object -> what the API calls it.
OBJECTS: Mapping[str, str] = {
    "order": "orders",
    "0-123": "orders",
    "deal": "deals",
    "0-3": "deals",
}
STAGE: Mapping[str, str] = {"orders": "hs_pipeline_stage", "deals": "dealstage"}
PIPELINE: Mapping[str, str] = {"orders": "hs_pipeline", "deals": "pipeline"}
_ORDERS: Mapping[str, Sequence[str]] = {
    "order_id": ("hs_external_order_id",),
    "order_number": ("hs_order_name",),
    "status": (STAGE["orders"],),
    "updated_at": ("hs_lastmodifieddate",),
    "placed_at": ("hs_external_created_date", "hs_createdate"),
    "currency": ("hs_currency_code",),
    "total": ("hs_total_price",),
    "tracking_number": ("hs_shipping_tracking_number",),
    "customer_name": ("hs_shipping_address_name", "hs_billing_address_name"),
    "customer_email": ("hs_billing_address_email",),
    "customer_phone": ("hs_shipping_address_phone", "hs_billing_address_phone"),
}
_DEALS: Mapping[str, Sequence[str]] = {
    "order_id": (),
    "order_number": ("dealname",),
    "status": (STAGE["deals"],),
    "updated_at": ("hs_lastmodifieddate",),
    "placed_at": ("createdate",),
    "currency": ("deal_currency_code",),
    "total": ("amount",),
}
# Our members that a record can hold; those without a name here only when `fields` says where.
MEMBERS = (
    *("order_id", "order_number", "status", "updated_at", "placed_at", "currency", "total"),
    *("fulfilment", "location", "ready_at", "deliver_from", "deliver_to", "delayed"),
    *("delay_reason", "cancel_reason", "note", "also_known_as", "status_page", "courier"),
    *("tracking_number", "tracking_carrier", "tracking_url", "test"),
    *("customer_id", "customer_name", "customer_given_name", "customer_email"),
    *("customer_phone", "customer_language", "customer_country", "customer_time_zone"),
)
RECORD_NAMES: Mapping[str, Mapping[str, Sequence[str]]] = {
    kind: {**dict.fromkeys(MEMBERS, ()), "record_id": ("hs_object_id",), **own}
    for kind, own in (("orders", _ORDERS), ("deals", _DEALS))
}
TEMPLATE_NAMES: Mapping[str, Sequence[str]] = {
    **NAMES,
    "record_id": ("record_id", "hs_object_id"),
}
