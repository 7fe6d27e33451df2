"""Salesforce's words for the standard objects, and where their records hold what we read."""

from collections.abc import Mapping, Sequence

from orders.automation import STATUS_WORDS
from orders.statuses import Status

# Order.Status as a new organisation has it. Opportunity stages are each company's own.
STATUSES: Mapping[str, str] = {
    **STATUS_WORDS,
    "draft": Status.PLACED.value,
    "activated": Status.CONFIRMED.value,
}
# The fields of Order and Opportunity that an outbound message may carry.
RECORD_NAMES: Mapping[str, Sequence[str]] = {
    "record_id": ("Id",),
    "order_id": ("External_Id__c",),
    "order_number": ("OrderNumber", "Name"),
    "status": ("Status", "StageName"),
    "updated_at": ("LastModifiedDate", "SystemModstamp"),
    "placed_at": ("CreatedDate",),
    "currency": ("CurrencyIsoCode",),
    "total": ("TotalAmount", "Amount"),
    "customer_id": ("ContactId", "BillToContactId", "AccountId"),
}
