"""Who may be told how: one named test for each row of the decision table that exists now."""

import time as clock
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consents import policy, recording
from consents.models import ContactPoint, Preference
from consents.policy import FamilyOption, Routes, family_order
from consents.recording import Wanted, ensure_contact_points
from orders.models import Customer
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)  # noon in New York
LATER = NOW + timedelta(minutes=5)
ZONE = "America/New_York"
OPTIONS = (
    FamilyOption("sms", "phone"),
    FamilyOption("email", "email"),
    FamilyOption("chat", "telegram", needs_join=True),
    FamilyOption("push", "push", needs_join=True),
)
ORDER = ("sms", "email")


class World:
    """Ada, her addresses, and the question whether she may be told."""

    def __init__(self) -> None:
        self.ada: Customer = CustomerFactory()
        self.phone = self.add("phone", "+12025550143")
        self.email = self.add("email", "ada@example.com")

    def add(self, kind: str, address: str, **more: Any) -> ContactPoint:
        want = Wanted(self.ada.brand_id, self.ada.pk, kind, address, **more)
        return next(iter(ensure_contact_points([want]).values()))

    def points(self) -> list[ContactPoint]:
        return list(ContactPoint.objects.filter(customer=self.ada).order_by("id"))

    def routes(
        self,
        purpose: str = "order",
        order: Sequence[str] = ORDER,
        now: datetime = LATER,
        live: bool = True,
    ) -> Routes:
        points = self.points()
        facts = policy.load(self.ada.brand_id, points, [self.ada.pk])
        return policy.routes(
            facts,
            customer_id=self.ada.pk,
            points=points,
            families=OPTIONS,
            order=order,
            purpose=purpose,
            now=now,
            zone=ZONE,
            live=live,
        )

    def open(self, purpose: str = "order", order: Sequence[str] = ORDER) -> list[str]:
        return [route.family for route in self.routes(purpose, order).allowed]

    def why(
        self, family: str, purpose: str = "order", order: Sequence[str] = ORDER
    ) -> tuple[str, str]:
        found = [r for r in self.routes(purpose, order).refused if r.family == family]
        assert len(found) == 1
        return found[0].reason, found[0].sentence


@pytest.fixture
def world() -> World:
    return World()


# --- The decision table, row by row


def test_order_goes_by_any_address_given_with_nothing_against(world: World) -> None:
    found = world.routes()

    assert [(r.family, r.contact_point.pk) for r in found.allowed] == [
        ("sms", world.phone.pk),
        ("email", world.email.pk),
    ]
    assert found.refused == []
    assert found.defer_until is None


def test_order_by_sms_after_stop_is_refused_and_email_remains(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW, evidence={"text": "stop"})

    assert world.open() == ["email"]
    assert world.why("sms") == (
        "channel_stop",
        "Ada opted out of SMS on 3 March by replying STOP.",
    )


@pytest.mark.parametrize(
    ("evidence", "how"),
    [
        ({"word": "Baja"}, "by replying BAJA"),
        ({"text": "/stop"}, "by replying /STOP"),
        ({"text": "stop it, I live at 5 Elm Street"}, "by writing to us"),
        ({}, "by writing to us"),
    ],
)
def test_the_sentence_names_a_keyword_and_never_quotes_a_letter(
    world: World, evidence: dict[str, str], how: str
) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW, evidence=evidence)

    assert world.why("sms")[1] == f"Ada opted out of SMS on 3 March {how}."


def test_a_sentence_about_another_year_says_which(world: World) -> None:
    recording.opt_out(world.phone, method="staff", now=NOW - timedelta(days=365))

    assert world.why("sms")[1] == ("Ada opted out of SMS on 3 March 2025, as your staff recorded.")


def test_order_by_sms_after_a_provider_only_stop_is_refused_and_email_remains(
    world: World,
) -> None:
    recording.provider_block(world.phone, NOW, why="21610")

    assert world.open() == ["email"]
    assert world.why("sms")[0] == "provider_block"


def test_order_by_email_goes_although_marketing_was_unsubscribed(world: World) -> None:
    recording.opt_out(world.email, method="one_click", now=NOW, purpose="marketing")

    assert world.open() == ["sms", "email"]


def test_order_by_email_after_one_click_unsubscribe_is_refused(world: World) -> None:
    recording.opt_out(world.email, method="one_click", now=NOW)

    assert world.open() == ["sms"]
    assert world.why("email") == (
        "channel_stop",
        "Ada opted out of email on 3 March with the unsubscribe link.",
    )


def test_order_by_email_after_a_complaint_is_refused(world: World) -> None:
    recording.complaint(world.email, NOW)

    assert world.why("email") == (
        "complaint",
        "Ada reported email from us as spam on 3 March.",
    )


def test_order_by_email_after_a_hard_bounce_is_refused(world: World) -> None:
    recording.suppress_address(world.email, "550 no such user", NOW)

    code, sentence = world.why("email")
    assert code == "invalid_address"
    assert sentence == "The email address a•••@example.com does not work since 3 March."


def test_a_bounce_in_the_ledger_alone_refuses_too(world: World) -> None:
    recording.suppress_address(world.email, "550", NOW)
    ContactPoint.objects.update(invalid_at=None)

    assert world.why("email")[0] == "hard_bounce"


def test_order_by_telegram_before_start_is_refused(world: World) -> None:
    assert world.why("chat", order=["chat"]) == (
        "not_joined",
        "Ada has not started a chat with us.",
    )


def test_order_by_telegram_after_start_is_sent(world: World) -> None:
    recording.join(world.ada.brand_id, world.ada.pk, "telegram", "77001", NOW)

    assert world.open(order=["chat"]) == ["chat"]


def test_order_by_telegram_after_a_block_is_refused(world: World) -> None:
    chat = recording.join(world.ada.brand_id, world.ada.pk, "telegram", "77001", NOW)
    recording.provider_block(chat, NOW + timedelta(minutes=1))

    assert world.why("chat", order=["chat"]) == (
        "provider_block",
        "Ada has blocked our chat since 3 March.",
    )


def test_order_by_push_without_permission_is_refused(world: World) -> None:
    assert world.why("push", order=["push"]) == (
        "not_joined",
        "Ada has not allowed push notifications.",
    )


def test_order_by_push_with_permission_is_sent_until_the_subscription_is_gone(
    world: World,
) -> None:
    push = recording.join(
        world.ada.brand_id, world.ada.pk, "push", "https://push.example.com/a", NOW
    )
    assert world.open(order=["push"]) == ["push"]

    recording.suppress_address(push, "410 gone", NOW + timedelta(minutes=1))

    assert world.why("push", order=["push"])[0] == "invalid_address"


def quiet(world: World, **more: Any) -> None:
    Preference.objects.create(customer=world.ada, quiet_from=time(22), quiet_until=time(7), **more)


NIGHT = datetime(2026, 3, 4, 4, 30, tzinfo=UTC)  # 23:30 in New York


def test_order_that_is_live_is_sent_in_quiet_hours(world: World) -> None:
    quiet(world)

    assert world.routes(now=NIGHT).defer_until is None


def test_order_that_is_live_waits_when_the_customer_switched_the_exemption_off(
    world: World,
) -> None:
    quiet(world, live_order_exempt=False)

    assert world.routes(now=NIGHT).defer_until == datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_order_that_is_not_live_waits_for_the_end_of_quiet_hours(world: World) -> None:
    quiet(world)

    found = world.routes(now=NIGHT, live=False)

    assert found.defer_until == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert found.defer_sentence == "Ada asked for quiet until 07:00; it is sent then."
    assert [route.family for route in found.allowed] == ["sms", "email"]


def test_quiet_hours_follow_the_customers_zone_before_the_shops(world: World) -> None:
    quiet(world)
    world.ada.time_zone = "Europe/Madrid"  # 05:30 there
    world.ada.save()

    found = world.routes(now=NIGHT, live=False)

    assert found.defer_until == datetime(2026, 3, 4, 6, tzinfo=UTC)


def test_critical_by_sms_after_stop_is_refused_and_goes_by_another_channel(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW)

    assert world.open("critical") == ["email"]
    assert world.why("sms", "critical")[0] == "channel_stop"


def test_critical_is_sent_in_quiet_hours(world: World) -> None:
    quiet(world, live_order_exempt=False)

    assert world.routes("critical", now=NIGHT, live=False).defer_until is None


def test_critical_after_a_global_stop_is_refused_everywhere(world: World) -> None:
    recording.stop_everything(world.ada.pk, world.points(), method="page", now=NOW)

    found = world.routes("critical")

    assert found.allowed == []
    assert {r.reason for r in found.refused} == {"global_stop"}
    assert found.refused[0].sentence == (
        "Ada opted out of all messages on 3 March on the preference page."
    )


@pytest.mark.parametrize("purpose", ["feedback", "marketing"])
def test_feedback_and_marketing_without_a_grant_are_refused(world: World, purpose: str) -> None:
    assert world.open(purpose) == []
    assert world.why("sms", purpose)[0] == "no_basis"
    assert world.why("email", purpose)[0] == "no_basis"


def test_marketing_with_a_grant_for_that_channel_is_sent_by_that_channel(world: World) -> None:
    recording.opt_in(world.email, method="checkbox", now=NOW, purpose="marketing")

    assert world.open("marketing") == ["email"]
    assert world.why("sms", "marketing") == (
        "no_basis",
        "Ada has not agreed to marketing by SMS.",
    )


def test_a_general_grant_is_no_grant_for_marketing(world: World) -> None:
    recording.opt_in(world.phone, method="keyword", now=NOW)

    assert world.why("sms", "marketing")[0] == "no_basis"


def test_stop_ends_marketing_too_and_opens_no_other_channel_for_it(world: World) -> None:
    recording.opt_in(world.phone, method="checkbox", now=NOW, purpose="marketing")
    recording.opt_out(world.phone, method="keyword", now=NOW + timedelta(minutes=1))

    assert world.open("marketing") == []


@pytest.mark.parametrize(("action", "code"), [("restrict", "restricted"), ("erase", "erased")])
def test_any_purpose_but_consent_admin_for_a_restricted_or_erased_person_is_refused(
    world: World, action: str, code: str
) -> None:
    recording.record(
        brand_id=world.ada.brand_id,
        kind="customer",
        address=str(world.ada.pk),
        action=action,
        method="staff",
        occurred_at=NOW,
        now=NOW,
    )

    for purpose in ("order", "critical", "marketing"):
        assert {r.reason for r in world.routes(purpose).refused} == {code}
    assert world.open("consent_admin") == ["sms", "email"]


def test_import_without_basis_allows_order_messages_and_nothing_else(world: World) -> None:
    recording.opt_in(world.email, method="import", now=NOW)

    assert "email" in world.open("order")
    assert world.why("email", "marketing")[0] == "no_basis"


def test_consent_admin_by_sms_just_after_stop_is_sent(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW)

    assert world.open("consent_admin", ["sms"]) == ["sms"]


def test_consent_admin_by_sms_is_refused_where_the_network_blocks(world: World) -> None:
    recording.provider_block(world.phone, NOW)

    assert world.open("consent_admin", ["sms"]) == []


def test_consent_admin_start_after_stop_lifts_it(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW)
    recording.opt_in(world.phone, method="keyword", now=NOW + timedelta(minutes=1))

    assert world.open("order", ["sms"]) == ["sms"]


def test_staff_by_sms_after_stop_is_refused(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW)

    assert world.why("sms", "staff")[0] == "channel_stop"


def test_staff_in_a_team_room_is_nobodys_consent_to_ask() -> None:
    empty = policy.load(1, [])
    room = ContactPoint(brand_id=1, kind="room", address="C0KITCHEN", digest="d")

    assert policy.recheck(empty, room, "team", "staff", NOW) is None


# --- Precedence and the rest


def test_a_marketplaces_proxy_number_takes_no_text(world: World) -> None:
    world.add("phone", "+12025550143", proxy=True)

    code, sentence = world.why("sms")
    assert code == "proxy_number"
    assert "0143" not in sentence


def test_the_widest_reason_is_named_first(world: World) -> None:
    minute = timedelta(minutes=1)
    recording.opt_out(world.phone, method="page", now=NOW, purpose="order")
    assert world.why("sms")[0] == "purpose_stop"
    recording.opt_out(world.phone, method="keyword", now=NOW)
    assert world.why("sms")[0] == "channel_stop"
    recording.opt_out(world.phone, method="page", now=NOW, channel="*")
    assert world.why("sms")[0] == "global_stop"
    recording.provider_block(world.phone, NOW)
    assert world.why("sms")[0] == "provider_block"
    recording.suppress_address(world.phone, "landline", NOW)
    assert world.why("sms")[0] == "invalid_address"
    world.add("phone", "+12025550143", proxy=True)
    assert world.why("sms")[0] == "proxy_number"
    recording.record(
        brand_id=world.ada.brand_id,
        kind="phone",
        address="+12025550143",
        action="erase",
        method="staff",
        occurred_at=NOW + minute,
        now=NOW + minute,
    )
    assert world.why("sms")[0] == "erased"


def test_start_by_text_reopens_texts_after_everything_was_stopped(world: World) -> None:
    recording.stop_everything(world.ada.pk, world.points(), method="page", now=NOW)
    recording.opt_in(world.phone, method="keyword", now=NOW + timedelta(minutes=1))

    assert world.open() == ["sms"]


def test_stop_everything_covers_an_address_that_comes_later(world: World) -> None:
    recording.stop_everything(world.ada.pk, world.points(), method="page", now=NOW)
    world.add("email", "ada@work.example.com")

    assert world.open() == []


def test_a_stop_at_one_brand_says_nothing_about_another(world: World) -> None:
    other = World()
    recording.opt_out(other.phone, method="keyword", now=NOW)

    assert world.open() == ["sms", "email"]
    assert other.open() == ["email"]


def test_missing_address_and_missing_channel_have_their_reasons(world: World) -> None:
    ContactPoint.objects.filter(kind="email").delete()

    assert world.why("email") == ("no_address", "There is no email address for Ada.")
    assert world.why("webhook", order=["webhook"])[0] == "no_channel"


def test_no_sentence_or_data_carries_an_address(world: World) -> None:
    recording.suppress_address(world.email, "550", NOW)
    recording.opt_out(world.phone, method="keyword", now=NOW, evidence={"text": "+12025550143"})

    for refusal in world.routes(order=["sms", "email", "chat", "push"]).refused:
        said = f"{refusal.sentence} {dict(refusal.data)}"
        assert "ada@example.com" not in said
        assert "2025550143" not in said


def test_the_last_look_sees_what_happened_since(world: World) -> None:
    before = policy.load(world.ada.brand_id, world.points())
    assert policy.recheck(before, world.phone, "sms", "order", NOW) is None

    recording.opt_out(world.phone, method="keyword", now=NOW)

    after = policy.load(world.ada.brand_id, world.points())
    refusal = policy.recheck(after, world.phone, "sms", "order", NOW)
    assert refusal is not None
    assert refusal.reason == "channel_stop"


def test_facts_about_many_cost_two_queries_and_a_decision_costs_none(world: World) -> None:
    others = [CustomerFactory(brand=world.ada.brand) for _ in range(30)]
    wanted = [
        Wanted(o.brand_id, o.pk, "phone", f"+1202555{n + 100:04}") for n, o in enumerate(others)
    ]
    points = [*world.points(), *ensure_contact_points(wanted).values()]
    recording.opt_out(world.phone, method="keyword", now=NOW)

    with CaptureQueriesContext(connection) as queries:
        facts = policy.load(world.ada.brand_id, points)
    assert len(queries) == 2

    def decide() -> Routes:
        return policy.routes(
            facts,
            customer_id=world.ada.pk,
            points=points[:2],
            families=OPTIONS,
            order=["sms", "email"],
            purpose="order",
            now=LATER,
            zone=ZONE,
            live=True,
        )

    with CaptureQueriesContext(connection) as queries:
        assert [r.family for r in decide().allowed] == ["email"]
    assert len(queries) == 0
    best = min(_seconds(decide) for _ in range(200))
    assert best < 0.0005  # measured at about a twentieth of that; the rest is for busy machines


def _seconds(work: Any) -> float:
    begun = clock.perf_counter()
    work()
    return clock.perf_counter() - begun


@pytest.mark.parametrize(
    ("strategy", "liked", "of_rule", "of_brand", "expected"),
    [
        ("preferred", ["chat"], [], ["sms", "email"], ["chat", "sms", "email", "push"]),
        ("preferred", [], [], [], ["sms", "email", "chat", "push"]),
        ("preferred", ["chat", "email"], ["sms", "email"], ["push"], ["email", "sms"]),
        ("ordered", ["chat"], ["email", "sms"], ["push"], ["email", "sms"]),
        ("ordered", ["chat"], [], ["push", "sms"], ["push", "sms", "email", "chat"]),
        ("all", ["chat"], ["sms", "push"], [], ["sms", "push"]),
        ("ordered", [], ["fax"], [], []),
    ],
)
def test_families_are_tried_in_the_order_that_the_strategy_says(
    strategy: str, liked: list[str], of_rule: list[str], of_brand: list[str], expected: list[str]
) -> None:
    available = ["sms", "email", "chat", "push"]

    assert family_order(strategy, liked, of_rule, of_brand, available) == expected
