"""I1 to I8: what must hold after every fault, whatever it was."""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from channels_app import registry
from channels_app.contract import Idempotency
from channels_app.registry import provider_class
from orders.statuses import rank
from tests.drills.records import Change, Delivery, Records
from tests.drills.source import CANARY_HOST, CANARY_NAME, CANARY_PHONE

WAITING_STATES = frozenset({"queued", "sending", "unknown"})
ACCEPTED_STATES = frozenset({"sent", "delivered", "read", "handed_off"})
GRACE = 60.0  # seconds after its end of use in which an intent may still be closed
IN_FLIGHT = 10.0  # seconds of a call that had begun when the opt-out came
ANSWERED = 300.0  # seconds in which a stop may be confirmed
CANARIES = (CANARY_NAME, CANARY_HOST, CANARY_PHONE, CANARY_PHONE[1:])
SURE = frozenset({Idempotency.KEY, Idempotency.LOOKUP})


def check_invariants(records: Records) -> None:
    """Fail with every invariant that does not hold, and where."""
    broken = [f"{name}: {fault}" for name, check in INVARIANTS.items() for fault in check(records)]
    if broken:
        more = f"\n... and {len(broken) - 20} more" if len(broken) > 20 else ""
        raise AssertionError("\n".join(broken[:20]) + more)


def events_are_kept(records: Records) -> Iterator[str]:
    """I1: every event answered 2xx exists, processed or parked; what it owes is decided."""
    for post in records.posts:
        if post.taken and records.events.get(post.key) in (None, "received"):
            state = records.events.get(post.key, "missing")
            yield f"event {post.key} of order {post.number} was answered {post.status}: {state}"
    for change in records.changes:
        if not change.planned or not change.decisions:
            yield f"{change.status or change.fact} of order {change.order} was never decided on"


def intents_end(records: Records) -> Iterator[str]:
    """I2: every intent ends in one terminal state in time, and `told` means accepted."""
    useful = {intent.id: intent.useful_until for intent in records.intents}
    for intent in records.intents:
        if intent.state == "open":
            yield f"intent {intent.id} is still open"
    for one in records.deliveries:
        if one.state in WAITING_STATES:
            yield f"delivery {one.id} is still {one.state}: {one.reason}"
        elif one.ended is not None and one.ended > useful[one.intent] + GRACE:
            yield f"delivery {one.id} ended only after its use"
        if one.state in ACCEPTED_STATES and not records.taken_of(one):
            yield f"delivery {one.id} is {one.state}, and {one.provider} never had it"


def nobody_is_told_twice(records: Records) -> Iterator[str]:
    """I3: accepted at most once, but for what the crash window explains."""
    by_intent: dict[int, list[Delivery]] = defaultdict(list)
    for one in records.deliveries:
        by_intent[one.intent].append(one)
        count = len(records.taken_of(one))
        if count > 1 + _explained(one):
            yield f"{one.provider} accepted delivery {one.id} {count} times"
    for intent, routes in by_intent.items():
        told = [one for one in routes if records.taken_of(one)]
        if sum(one.state in ACCEPTED_STATES for one in told) > 1:
            yield f"intent {intent} was told over {', '.join(one.provider for one in told)}"


def _explained(delivery: Delivery) -> int:
    """One repeat, flagged, where the provider has neither a key nor a search."""
    how = provider_class(delivery.provider).capabilities.idempotency
    return int(delivery.may_duplicate and how not in SURE)


def opt_outs_are_obeyed(records: Records) -> Iterator[str]:
    """I4: no accepted send after an effective opt-out, but for the one that confirms it."""
    families = registry.families()
    about_consent = {one.id for one in records.intents if one.purpose == "consent_admin"}
    answers = {one.ref for one in records.deliveries if one.intent in about_consent}
    for out in records.opt_outs:
        for one in records.taken:
            same = one.to == out.address and out.channel in ("*", families[one.provider])
            late = one.at - out.at > (ANSWERED if one.ref in answers else IN_FLIGHT)
            if same and late:
                yield f"{one.provider} took a message {one.at - out.at:.1f} s after an opt-out"


def timelines_only_move_forward(records: Records) -> Iterator[str]:
    """I5: applied statuses of a part of an order never lose rank, unless said to move back."""
    parts: dict[tuple[int, str], list[Change]] = defaultdict(list)
    for change in records.changes:
        if change.fact in ("status", "reverted") and change.applied:
            parts[change.order, change.group].append(change)
    for (order, _group), steps in parts.items():
        for before, after in pairwise(steps):
            if after.fact == "status" and rank(after.status) < rank(before.status):
                yield f"order {order} went from {before.status} to {after.status}"


def logs_name_nobody(records: Records) -> Iterator[str]:
    """I6: canary personal data appear in no log."""
    for where, words in records.logs.items():
        for canary in CANARIES:
            if canary in words:
                yield f"{where} holds {canary!r}"


def nothing_leaves_the_machine(records: Records) -> Iterator[str]:
    """I7: no connection outside the allowlist, which is this machine."""
    for host, port in records.connections:
        if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            yield f"a process connected to {host}:{port}"


def no_hand_was_needed(records: Records) -> Iterator[str]:
    """I8: the engine goes round again after the fault, and nobody had to do anything."""
    if records.swept_at is None or records.swept_at < records.over_at:
        yield "no pump has gone all the way round since the fault was over"
    yield from (f"somebody had to {act}" for act in records.hands)
    yield from (f"channel {slug} was switched off" for slug in records.paused)


INVARIANTS: dict[str, Callable[[Records], Iterator[str]]] = {
    "I1": events_are_kept,
    "I2": intents_end,
    "I3": nobody_is_told_twice,
    "I4": opt_outs_are_obeyed,
    "I5": timelines_only_move_forward,
    "I6": logs_name_nobody,
    "I7": nothing_leaves_the_machine,
    "I8": no_hand_was_needed,
}
