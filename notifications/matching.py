"""Whether a rule is about a change. Pure; the first condition that fails is the reason."""

from typing import Any

from notifications.library import RuleCard
from notifications.models import Audience, Rule
from notifications.reasons import Reason
from orders.models import Order, StatusChange
from orders.statuses import CORRECTION, Fact

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
    if not _is_about(card, change):
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


def _is_about(card: RuleCard, change: StatusChange) -> bool:
    if takes_back(card, change) or change.event_name in card.events:
        return True
    return not card.events and change.fact == Fact.STATUS


def takes_back(card: RuleCard, change: StatusChange) -> bool:
    """Whether the rule corrects by itself what `change` made false."""
    return change.fact == Fact.REVERTED and CORRECTION in card.events


def _silence(change: StatusChange, rule: Rule) -> Miss | None:
    """Changes of which nobody hears; staff do hear that an order moved back."""
    if change.silent_why:
        return _SILENT[change.silent_why], {}
    told = rule.audience == Audience.CUSTOMER and CORRECTION not in rule.events
    if change.fact == Fact.REVERTED and told:
        return Reason.REVERTED, {}
    if change.fact == Fact.UNMAPPED and rule.audience == Audience.CUSTOMER:
        return Reason.UNMAPPED, {}
    return None


def _total_fits(rule: Rule, total: int) -> bool:
    low, high = rule.min_total_minor, rule.max_total_minor
    return (low is None or total >= low) and (high is None or total <= high)
