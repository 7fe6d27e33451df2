"""The Freshdesk source: what an automation rule posts, in its simple or its own words."""

from collections.abc import Mapping, Sequence

from orders.automation import AutomationSource
from orders.automation_members import NAMES

# The simple content of a rule lists chosen fields under Freshdesk's own names. The ticket's
# own status (open, pending, resolved) says nothing of an order and is never read by itself.
FRESHDESK_NAMES: Mapping[str, Sequence[str]] = {
    **NAMES,
    "order_id": (*NAMES["order_id"], "ticket_cf_order_id"),
    "status": ("status", "ticket_cf_order_status"),
    "record_id": ("record_id", "ticket_id"),
    "customer_email": ("customer_email", "ticket_requester_email"),
}


class Freshdesk(AutomationSource):
    """Automation rules on tickets that stand for orders."""

    slug = "freshdesk"
    name = "Freshdesk"
    mapper_version = "freshdesk/automation-1/1"
    NAMES = FRESHDESK_NAMES
    WRAPPERS = ("order", "freshdesk_webhook")
    RECORD_IS_ORDER = False


SOURCE = Freshdesk()
