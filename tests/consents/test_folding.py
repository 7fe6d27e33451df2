"""What acts add up to, in whatever order they come."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consents import policy
from consents.folding import Act, fold
from tests.consents.acts import PURPOSES, START, acts, facts, phone_of


def act(
    action: str,
    method: str,
    minute: int,
    channel: str = "sms",
    purpose: str = "*",
) -> Act:
    return Act(minute + 1, action, channel, purpose, method, START + timedelta(minutes=minute))


def state(*told: Act, scope: tuple[str, str] = ("sms", "*")) -> str:
    return fold(told)[scope].action


@settings(max_examples=300, deadline=None)
@given(st.lists(acts(), max_size=8).flatmap(lambda a: st.tuples(st.just(a), st.permutations(a))))
def test_the_order_of_arrival_never_changes_the_final_state(
    pair: tuple[list[Act], list[Act]],
) -> None:
    first, second = pair

    assert fold(first) == fold(second)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(acts(), max_size=7),
    st.lists(acts(("grant", "withdraw", "restrict", "erase")), max_size=2),
    acts(("withdraw",)),
    st.booleans(),
)
def test_adding_a_withdrawal_never_turns_a_refusal_into_a_send(
    told: list[Act], about_person: list[Act], more: Act, of_person: bool
) -> None:
    point, now = phone_of(), START + timedelta(hours=1)
    before = facts(told, about_person)
    after = facts(told, [*about_person, more]) if of_person else facts([*told, more], about_person)

    for family in ("sms", "chat"):
        for purpose in (*PURPOSES[1:], "critical", "consent_admin"):
            if policy.recheck(before, point, family, purpose, now) is not None:
                assert policy.recheck(after, point, family, purpose, now) is not None


def test_at_the_same_instant_the_withdrawal_wins() -> None:
    assert state(act("grant", "keyword", 0), act("withdraw", "keyword", 0)) == "withdraw"


def test_a_grant_from_before_a_withdrawal_does_not_win_however_late_it_arrives() -> None:
    assert state(act("withdraw", "keyword", 5), act("grant", "keyword", 3)) == "withdraw"


@pytest.mark.parametrize("method", ["keyword", "page", "join", "provider"])
def test_a_stop_by_text_is_lifted_by_an_act_from_the_same_address(method: str) -> None:
    assert state(act("withdraw", "keyword", 0), act("grant", method, 1)) == "grant"


@pytest.mark.parametrize("method", ["checkbox", "api", "import", "staff"])
def test_a_stop_by_text_is_not_lifted_by_a_box_a_program_or_staff(method: str) -> None:
    assert state(act("withdraw", "keyword", 0), act("grant", method, 1)) == "withdraw"
    assert state(act("withdraw", "provider", 0), act("grant", method, 1)) == "withdraw"


@pytest.mark.parametrize(("method", "outcome"), [("checkbox", "grant"), ("import", "withdraw")])
def test_a_ticked_box_lifts_a_purpose_stop_and_an_import_does_not(
    method: str, outcome: str
) -> None:
    stop = act("withdraw", "keyword", 0, purpose="marketing")
    yes = act("grant", method, 1, purpose="marketing")

    assert state(stop, yes, scope=("sms", "marketing")) == outcome


def test_a_provider_unblock_lifts_the_block_and_a_stop_made_at_the_provider() -> None:
    unblock = act("provider_unblock", "provider", 2)

    assert state(act("provider_block", "provider", 0), unblock) == "provider_unblock"
    assert state(act("withdraw", "provider", 1), unblock) == "provider_unblock"
    assert state(act("withdraw", "page", 1), unblock) == "withdraw"


def test_a_page_does_not_lift_a_block_that_only_the_provider_can_lift() -> None:
    assert state(act("provider_block", "provider", 0), act("grant", "page", 1)) == "provider_block"
    assert state(act("provider_block", "provider", 0), act("grant", "keyword", 1)) == "grant"


@pytest.mark.parametrize(
    ("method", "outcome"),
    [("staff", "complaint"), ("api", "complaint"), ("checkbox", "complaint"), ("page", "grant")],
)
def test_a_complaint_is_lifted_by_the_person_and_never_by_staff(method: str, outcome: str) -> None:
    told = [act("complaint", "provider", 0, "email"), act("grant", method, 1, "email")]

    assert state(*told, scope=("email", "*")) == outcome


def test_erasure_is_lifted_by_nothing() -> None:
    told = [act("erase", "staff", 0, "*"), act("grant", "page", 1, "*")]

    assert state(*told, scope=("*", "*")) == "erase"


def test_a_stop_by_text_ends_a_marketing_grant_and_start_does_not_bring_it_back() -> None:
    told = [
        act("grant", "checkbox", 0, "*", "marketing"),
        act("withdraw", "keyword", 1),
        act("grant", "keyword", 2),
    ]

    assert state(*told) == "grant"
    assert state(*told, scope=("sms", "marketing")) == "withdraw"
    again = act("grant", "checkbox", 3, "sms", "marketing")
    assert state(*told, again, scope=("sms", "marketing")) == "grant"


def test_resuming_everything_leaves_a_stop_on_one_channel_alone() -> None:
    told = [
        act("withdraw", "keyword", 0),
        act("withdraw", "page", 1, "*"),
        act("grant", "page", 2, "*"),
    ]

    assert state(*told, scope=("*", "*")) == "grant"
    assert state(*told) == "withdraw"
