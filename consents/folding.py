"""What the acts about one address add up to. Pure, and blind to the order of arrival."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from consents.models import ConsentEvent, Purpose

Action = ConsentEvent.Action
Scope = tuple[str, str]  # channel, purpose; "*" stands for all
EVERYTHING: Scope = ("*", "*")

# Messages for these purposes need a grant; the others rest on the order itself.
NEEDS_GRANT = frozenset({Purpose.MARKETING.value, Purpose.FEEDBACK.value})
# Ways by which only the holder of the address itself can have acted.
OWN_ACT = frozenset({"keyword", "page", "join", "provider"})
IMPORTED = "import"

# A worse act hides a milder one of the same scope until it is lifted.
SEVERITY: dict[str, int] = {
    Action.ERASE: 6,
    Action.RESTRICT: 5,
    Action.HARD_BOUNCE: 4,
    Action.PROVIDER_BLOCK: 3,
    Action.COMPLAINT: 2,
    Action.WITHDRAW: 1,
}
GRANTS = frozenset({Action.GRANT.value, Action.PROVIDER_UNBLOCK.value})

# Which ways of granting lift which denial. Erasure is lifted by nothing.
_LIFTED_BY: dict[str, frozenset[str]] = {
    Action.ERASE: frozenset(),
    Action.RESTRICT: frozenset({"staff", "page", "api"}),
    Action.HARD_BOUNCE: frozenset({"keyword", "page", "join"}),
    Action.PROVIDER_BLOCK: frozenset({"keyword", "join"}),
    Action.COMPLAINT: frozenset({"keyword", "page"}),
}


@dataclass(frozen=True, slots=True)
class Act:
    """What the fold needs of a consent event."""

    id: int
    action: str
    channel: str
    purpose: str
    method: str
    effective_at: datetime

    @property
    def scope(self) -> Scope:
        """Channel and purpose."""
        return self.channel, self.purpose


def fold(acts: Iterable[Act]) -> dict[Scope, Act]:
    """The deciding act of every scope that the acts speak of."""
    known = list(acts)
    denials = [act for act in known if act.action in SEVERITY]
    grants = [act for act in known if act.action in GRANTS]
    standing = [act for act in denials if not any(_lifts(grant, act) for grant in grants)]
    decided = {scope: _decide(scope, standing, denials, grants) for scope in _scopes(known)}
    return {scope: act for scope, act in sorted(decided.items()) if act is not None}


def _scopes(acts: Sequence[Act]) -> set[Scope]:
    """Every scope named, and each channel crossed with the purposes that need a grant.

    Crossing them shows that a STOP by text also ended a marketing grant given for all channels.
    """
    channels = {act.channel for act in acts} - {"*"}
    needing = {act.purpose for act in acts} & NEEDS_GRANT
    return {act.scope for act in acts} | {(c, p) for c in channels for p in needing}


def _decide(
    scope: Scope, standing: Sequence[Act], denials: Sequence[Act], grants: Sequence[Act]
) -> Act | None:
    """The worst denial that stands; else the newest grant that holds; else what ended it."""
    own = [act for act in standing if act.scope == scope]
    if own:
        return max(own, key=_weight)
    candidates = [grant for grant in grants if _covers(grant, scope)]
    if not candidates:
        return None
    withdrawals = [act for act in denials if act.action == Action.WITHDRAW and _covers(act, scope)]
    holding = [g for g in candidates if not any(_ends(w, g) for w in withdrawals)]
    return max(holding or withdrawals, key=_weight)


def _weight(act: Act) -> tuple[int, datetime, str, str, str, int]:
    """Worse, then newer; the rest only makes the choice the same whatever came first."""
    severity = SEVERITY.get(act.action, 0)
    return severity, act.effective_at, act.method, act.channel, act.purpose, act.id


def _covers(act: Act, scope: Scope) -> bool:
    """Whether `act` speaks about `scope`. A general yes is no yes to marketing."""
    channel, purpose = scope
    if act.channel not in ("*", channel):
        return False
    if act.purpose == purpose:
        return True
    return act.purpose == "*" and (act.action in SEVERITY or purpose not in NEEDS_GRANT)


def _ends(withdrawal: Act, grant: Act) -> bool:
    """A withdrawal ends every grant that is not newer, and any imported one."""
    return grant.method == IMPORTED or withdrawal.effective_at >= grant.effective_at


def _lifts(grant: Act, denial: Act) -> bool:
    """Whether `grant` undoes `denial`: newer, of the same channel, and given in a way that may.

    A yes to everything takes back "stop everything"; a STOP on one channel it leaves alone.
    """
    if grant.effective_at <= denial.effective_at or grant.channel != denial.channel:
        return False
    if not _covers(grant, denial.scope):
        return False
    if denial.action == Action.WITHDRAW:
        return _lifts_withdrawal(grant, denial)
    unblocked = grant.action == Action.PROVIDER_UNBLOCK
    if unblocked or denial.action == Action.PROVIDER_BLOCK:
        return denial.action == Action.PROVIDER_BLOCK and (
            unblocked or grant.method in _LIFTED_BY[denial.action]
        )
    return grant.method in _LIFTED_BY[denial.action]


def _lifts_withdrawal(grant: Act, withdrawal: Act) -> bool:
    """A STOP by text or at the provider needs an act from the same address."""
    if withdrawal.purpose == "*" and withdrawal.method in ("keyword", "provider"):
        return grant.method in OWN_ACT
    return grant.action == Action.GRANT and grant.method != IMPORTED
