"""Whether a rule is about a change. Pure; the first condition that fails is the reason."""

from typing import Any

from notifications.library import RuleCard
from notifications.models import Audience, Rule
from notifications.reasons import Reason
from orders.models import Order, StatusChange
from orders.statuses import Fact

Miss = tuple[Reason, dict[str, Any]]

_SILENT = {
    "stale": Reason.STALE,
    "test": Reason.TEST,
    "import": Reason.IMPORT,
    "reconcile": Reason.IMPORT,
    "replay": Reason.REPLAY,
    "announced": Reason.ANNOUNCED,
    "archived": Reason.ARCHIVED,
    "covered": Reason.COVERED,
}


def miss(card: RuleCard, change: StatusChange, order: Order, source: str) -> Miss | None:
    """Why `card` says nothing about `change`; None when it matches."""
    rule = card.rule
    if change.event_name not in card.events and (card.events or change.fact != Fact.STATUS):
        return Reason.EVENT, {"event": change.event_name}
    if silent := _silence(change, rule):
        return silent
    if card.stores and order.store_id not in card.stores:
        return Reason.STORE, {}
    kind = order.fulfilment_type
    if rule.fulfilment_types and kind not in rule.fulfilment_types:
        return Reason.FULFILMENT, {"fulfilment": kind or "unknown"}
    if rule.sources and source not in rule.sources:
        return Reason.SOURCE, {"source": source}
    if not _total_fits(rule, order.total_minor or 0):
        return Reason.TOTAL, {}
    if rule.part == Rule.Part.WHOLE and change.part:
        return Reason.PART, {"part": "a single part"}
    if rule.part == Rule.Part.PART and not change.part:
        return Reason.PART, {"part": "the order as a whole"}
    return None


def _silence(change: StatusChange, rule: Rule) -> Miss | None:
    """Changes of which nobody hears; staff do hear that an order moved back."""
    if change.silent_why:
        return _SILENT[change.silent_why], {}
    if change.fact == Fact.REVERTED and rule.audience == Audience.CUSTOMER:
        return Reason.REVERTED, {}
    if change.fact == Fact.UNMAPPED and rule.audience == Audience.CUSTOMER:
        return Reason.UNMAPPED, {}
    return None


def _total_fits(rule: Rule, total: int) -> bool:
    low, high = rule.min_total_minor, rule.max_total_minor
    return (low is None or total >= low) and (high is None or total <= high)
