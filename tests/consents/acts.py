"""Acts and facts for tests, without a database where none is needed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from consents.folding import Act, fold
from consents.models import ContactPoint
from consents.policy import Facts, Person, Standing

START = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
ACTIONS = (
    "grant",
    "withdraw",
    "provider_block",
    "provider_unblock",
    "complaint",
    "hard_bounce",
    "restrict",
    "erase",
)
METHODS = ("keyword", "page", "one_click", "staff", "api", "import", "provider", "join", "checkbox")
CHANNELS = ("*", "sms", "email")
PURPOSES = ("*", "order", "marketing", "feedback")


@st.composite
def acts(draw: st.DrawFn, actions: tuple[str, ...] = ACTIONS) -> Act:
    """Any act as the ledger would scope it."""
    action = draw(st.sampled_from(actions))
    channel, purpose = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from(PURPOSES))
    if action in ("restrict", "erase"):
        channel, purpose = "*", "*"
    elif action not in ("grant", "withdraw"):
        channel, purpose = "sms", "*"
    return Act(
        draw(st.integers(1, 10_000)),
        action,
        channel,
        purpose,
        draw(st.sampled_from(METHODS)),
        START + timedelta(minutes=draw(st.integers(0, 6))),
    )


def standings(told: Iterable[Act]) -> dict[tuple[str, str], Standing]:
    """The states as `policy.load` would read them."""
    return {
        scope: Standing(act.action, act.effective_at, act.method, "")
        for scope, act in fold(told).items()
    }


def phone_of(customer_id: int = 1) -> ContactPoint:
    """An unsaved phone number."""
    return ContactPoint(
        pk=1,
        brand_id=1,
        customer_id=customer_id,
        kind="phone",
        address="+12025550143",
        digest="d1",
    )


def facts(told: Iterable[Act], about_person: Iterable[Act] = ()) -> Facts:
    """What is known of that phone number and its owner."""
    return Facts(
        1,
        {("phone", "d1"): standings(told)},
        {1: Person("Ada")},
        {1: standings(about_person)},
    )
