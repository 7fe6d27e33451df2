"""Tenants, orders and what happened to them. Rows here are the truth; nothing else is."""

from orders.models.connections import SourceConnection
from orders.models.keys import new_key, new_token
from orders.models.orders import FulfilmentGroup, Order, OrderAlias, OrderLine
from orders.models.people import Customer, CustomerIdentity
from orders.models.tenants import ApiToken, Brand, IdempotentCall, StaffMembership, Store
from orders.models.timeline import InboundEvent, StatusChange

__all__ = [
    "ApiToken",
    "Brand",
    "Customer",
    "CustomerIdentity",
    "FulfilmentGroup",
    "IdempotentCall",
    "InboundEvent",
    "Order",
    "OrderAlias",
    "OrderLine",
    "SourceConnection",
    "StaffMembership",
    "StatusChange",
    "Store",
    "new_key",
    "new_token",
]
