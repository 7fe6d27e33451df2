"""Which statuses a person is offered next, and the order in which a customer sees them."""

from collections.abc import Collection, Sequence

from orders.models import FulfilmentGroup, Order
from orders.statuses import FINAL, HANDED_OVER, RANK, Status

OPEN: tuple[str, ...] = tuple(s for s in Status.values if s not in FINAL)
COLLECTED = frozenset({"pickup", "curbside", "dine_in"})
CALLED_OFF = FINAL - HANDED_OVER
BROUGHT = frozenset({"delivery", "shipping"})

_ON_THE_WAY = (Status.OUT_FOR_DELIVERY, Status.DELIVERED)
_LADDERS: dict[bool | None, tuple[Status, ...]] = {
    True: (Status.CONFIRMED, Status.PREPARING, Status.READY, Status.PICKED_UP),
    False: (Status.CONFIRMED, Status.PREPARING, Status.READY, *_ON_THE_WAY),
}


def _collected(method: str) -> bool | None:
    if method in COLLECTED:
        return True
    return False if method in BROUGHT else None


def next_statuses(method: str, status: str) -> Sequence[Status]:
    """At most two steps that usually follow `status`, the likelier one first."""
    if status in FINAL:
        return ()
    if status in (Status.PLACED, ""):
        return (Status.PREPARING, Status.CONFIRMED)
    collected = _collected(method)
    if collected is None:
        if status == Status.READY:
            return (Status.PICKED_UP, Status.OUT_FOR_DELIVERY)
        collected = status != Status.OUT_FOR_DELIVERY
    later = [step for step in _LADDERS[collected] if RANK[step] > RANK.get(status, 0)]
    return tuple(later[:1])


def method_of(order: Order, group: FulfilmentGroup | None = None) -> str:
    """How the order reaches its customer, as far as we were told."""
    return (group.method if group else "") or order.fulfilment_type


def ladder(method: str, status: str, happened: Collection[str] = ()) -> list[tuple[Status, str]]:
    """The steps a customer goes through, each `done`, `now` or `ahead`.

    Of what was called off only those that `happened` are shown, and then its end.
    """
    if status in CALLED_OFF:
        been = [step for step in Status if step == Status.PLACED or step in happened]
        return [*((step, "done") for step in been if step != status), (Status(status), "now")]
    collected = _collected(method)
    if collected is None:
        collected = status not in _ON_THE_WAY
    steps = [Status.PLACED, *_LADDERS[collected]]
    reached = RANK.get(status, 0)
    return [(step, _place(step, status, reached)) for step in steps if _shown(step, status)]


def _shown(step: Status, status: str) -> bool:
    """A shop that never says "confirmed" should not seem to have skipped it."""
    return step != Status.CONFIRMED or status == step


def _place(step: Status, status: str, reached: int) -> str:
    if step == status:
        return "done" if step in HANDED_OVER else "now"
    return "done" if RANK[step] < reached else "ahead"


def words(status: str) -> str:
    """The status in words, also for one that we do not know."""
    return str(Status(status).label) if status in Status.values else status or "—"
