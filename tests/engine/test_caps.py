"""A channel's messages a day, in all and by country: counted once, over all workers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError

from channels_app.failures import FailureKind, SendError
from channels_app.models import ChannelDay
from notifications import caps, context
from notifications.caps import Counts, country_of
from notifications.models import Decision, Delivery, Notification
from notifications.pump import Pump
from notifications.taking import Taker, claim_oldest
from tests.engine.backlog import Scene, at_once, midnight, needs_postgresql, scene

START = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)
FRANCE, BRITAIN, PREMIUM, SATELLITE = (
    "+33612345678",
    "+447400123456",
    "+19002345678",
    "+881612345678",
)


@pytest.fixture
def shop(sandbox: Any, travel: Any) -> Scene:
    travel(START)
    return scene(sandbox)


def counted(country: str = "") -> int:
    """What is counted today."""
    rows = ChannelDay.objects.filter(day=START.date(), country=country)
    return sum(rows.values_list("count", flat=True))


def ready(rows: Sequence[Delivery]) -> list[tuple[context.Job, str]]:
    """As the pump has them before they leave."""
    return [(job, "words") for job in context.load([row.pk for row in rows])]


# --- In all ----------------------------------------------------------------------
def test_what_is_over_the_cap_waits_for_the_next_day(shop: Scene, travel: Any):
    channel = shop.channel("twilio", daily_cap=3)
    shop.owe(channel, 5, useful=timedelta(hours=12))
    Pump().drain()
    assert shop.sent(channel) == len(shop.sandbox.messages("twilio")) == counted() == 3  # type: ignore[union-attr]
    waiting = Delivery.objects.filter(state="queued")
    assert {one.due_at for one in waiting} == {midnight(START)}
    decision = Decision.objects.filter(reason="day_full").first()
    assert decision is not None
    assert (decision.verdict, decision.sentence) == (
        "defer",
        "Channel Twilio has sent its 3 messages for today.",
    )
    travel(midnight(START))
    Pump().drain()
    assert shop.sent(channel) == 5


def test_another_way_is_taken_rather_than_the_next_day(shop: Scene):
    sms, email = shop.channel("twilio", daily_cap=0), shop.channel("sendgrid")
    route = {"family": "email", "channel": email.pk, "address": "ada@example.com"}
    shop.owe(sms, 1, routes=[route])
    Pump().drain()
    assert (shop.sent(sms), shop.sent(email)) == (0, 1)


def test_what_is_no_news_the_next_day_and_has_no_other_way_is_not_told_and_says_so(shop: Scene):
    channel = shop.channel("twilio", daily_cap=1)
    shop.owe(channel, 2, useful=timedelta(hours=1))
    Pump().drain()
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["expired", "sent"]
    assert Notification.objects.filter(state="failed").count() == 1
    told = Decision.objects.get(reason="failed").sentence
    assert "has sent its 1 messages for today" in told


def test_what_the_provider_did_not_take_does_not_count(shop: Scene):
    channel = shop.channel("twilio", daily_cap=2)
    shop.sandbox.set_fault("twilio", "status", status=500, count=2)  # type: ignore[union-attr]
    shop.owe(channel, 2)
    Pump().drain()
    assert (shop.sent(channel), counted()) == (0, 0)
    Delivery.objects.update(due_at=START)
    Pump().drain()
    assert (shop.sent(channel), counted()) == (2, 2)


def test_a_message_of_unknown_fate_counts(shop: Scene):
    counts, channel = Counts(), shop.channel("twilio", daily_cap=2)
    pairs = ready(shop.owe(channel, 2))
    assert counts.reserve(pairs, START) == (pairs, [])
    unknown, refused = SendError(FailureKind.UNKNOWN), SendError(FailureKind.RECIPIENT_INVALID)
    counts.settled([(pairs[0][0], unknown), (pairs[1][0], refused)])
    assert counted() == 1
    counts.give_back([one.pk for one in Delivery.objects.all()])
    assert counted() == 1  # each is given back once at most


def test_what_is_put_back_unsent_does_not_count(shop: Scene):
    worker, channel = Taker(), shop.channel("twilio", daily_cap=9)
    rows = shop.owe(channel, 3)
    ids = [pk for pk, _late in claim_oldest(channel.pk, 3, START)]
    worker.counts.reserve(ready(rows), START)
    assert counted() == 3
    worker.put_back(ids)
    assert counted() == 0
    assert Delivery.objects.filter(state="queued").count() == 3


def test_what_could_not_be_given_back_is_given_back_later(
    shop: Scene, monkeypatch: pytest.MonkeyPatch
):
    counts, channel = Counts(), shop.channel("twilio", daily_cap=9)
    rows = shop.owe(channel, 2)
    counts.reserve(ready(rows), START)

    def away() -> Any:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(caps.transaction, "atomic", away)
        counts.give_back([rows[0].pk])
    assert counted() == 2
    counts.give_back([rows[1].pk])
    assert counted() == 0


def test_it_is_given_back_to_the_day_on_which_it_was_counted(shop: Scene):
    counts, channel = Counts(), shop.channel("twilio", daily_cap=9)
    pairs = ready(shop.owe(channel, 1))
    counts.reserve(pairs, START)
    counts.reserve(ready(shop.owe(channel, 1)), midnight(START))
    counts.settled([(pairs[0][0], SendError(FailureKind.TRANSIENT))])
    days = dict(ChannelDay.objects.values_list("day", "count"))
    assert days == {START.date(): 0, midnight(START).date(): 1}


@needs_postgresql
def test_workers_at_the_same_moment_do_not_exceed_the_cap(shop: Scene):
    channel = shop.channel("twilio", daily_cap=7, country_caps={"US": 5})
    pairs = ready(shop.owe(channel, 12))
    found = at_once(4, lambda: Counts().reserve(pairs[:3], START)[0])
    assert sum(len(passed) for passed in found) == counted() == counted("US") == 5


# --- By country ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12025550143", "US"),
        ("+16135550123", "CA"),
        (FRANCE, "FR"),
        (BRITAIN, "GB"),
        ("+390612345678", "IT"),
        ("+1202555014", "US"),  # too short to be real, still America's
        (PREMIUM, ""),
        ("+448712345678", ""),  # shared cost
        (SATELLITE, ""),
        ("+979123456789", ""),
        ("+9991234567", ""),
        ("12345", ""),
        ("ada@example.com", ""),
        ("", ""),
    ],
)
def test_the_country_of_a_number(number: str, country: str):
    assert country_of(number) == country


def test_each_country_has_its_cap_and_the_others_share_one(shop: Scene):
    channel = shop.channel("twilio", country_caps={"us": 1, "FR": 5, "*": 1})
    numbers = ["+12025550143", "+12025550144", FRANCE, FRANCE, BRITAIN, "+390612345678"]
    shop.owe(channel, addresses=numbers)
    Pump().drain()
    taken = sorted(one["to"] for one in shop.sandbox.messages("twilio"))  # type: ignore[union-attr]
    assert taken == sorted(["+12025550143", FRANCE, FRANCE, BRITAIN])
    assert [counted(name) for name in ("US", "FR", "*", "")] == [1, 2, 1, 4]
    told = Decision.objects.get(reason="country_full", delivery__address="+390612345678").sentence
    assert told == "Channel Twilio has sent its 1 messages to IT for today."


@pytest.mark.parametrize("others", [{}, {"*": 0}, {"*": 100}])
@pytest.mark.parametrize("number", [PREMIUM, SATELLITE])
def test_premium_numbers_get_nothing_where_countries_are_capped(
    shop: Scene, number: str, others: dict[str, int]
):
    sms, email = shop.channel("twilio", country_caps={"US": 9, **others}), shop.channel("sendgrid")
    route = {"family": "email", "channel": email.pk, "address": "ada@example.com"}
    shop.owe(sms, addresses=[number], routes=[route], useful=timedelta(days=3))
    Pump().drain()
    assert (shop.sent(sms), shop.sent(email)) == (0, 1)
    told = Decision.objects.get(reason="not_sent_there").sentence
    assert told == "Channel Twilio sends nothing to premium and satellite services."


def test_a_country_that_gets_nothing_is_refused_at_once_and_does_not_wait(shop: Scene):
    channel = shop.channel("twilio", country_caps={"US": 9, "*": 0})
    shop.owe(channel, addresses=[FRANCE], useful=timedelta(days=3))
    Pump().drain()
    assert Delivery.objects.get().state == "cancelled"
    assert Notification.objects.get().state == "failed"


def test_a_country_that_is_not_named_has_no_cap_when_no_others_are(shop: Scene):
    channel = shop.channel("twilio", country_caps={"US": 0})
    shop.owe(channel, addresses=[FRANCE, BRITAIN])
    Pump().drain()
    assert shop.sent(channel) == 2


@pytest.mark.parametrize("cap", ["many", None, [1], -4, "0"])
def test_a_cap_that_cannot_be_read_lets_nothing_through(shop: Scene, cap: Any):
    channel = shop.channel("twilio", country_caps={"US": cap})
    shop.owe(channel, 1)
    Pump().drain()
    assert shop.sent(channel) == 0


def test_countries_do_not_count_where_no_numbers_are_dialled(shop: Scene):
    channel = shop.channel("sendgrid", country_caps={"*": 0})
    shop.owe(channel, 2)
    Pump().drain()
    assert shop.sent(channel) == 2
    assert not ChannelDay.objects.exists()
