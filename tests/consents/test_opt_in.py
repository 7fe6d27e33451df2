"""A channel whose provider wants a recorded yes (WhatsApp): having the number is not enough."""

from datetime import UTC, datetime, timedelta

import pytest

from consents import policy, recording
from consents.models import ContactPoint
from consents.policy import FamilyOption, Routes
from consents.recording import Wanted, ensure_contact_points
from orders.models import Customer
from tests.factories import CustomerFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OPTIONS = (FamilyOption("chat", "phone", needs_opt_in=True), FamilyOption("sms", "phone"))
USER_ID = "US.13491208655302741918"


class World:
    """Ada with a number, where chat goes over WhatsApp."""

    def __init__(self) -> None:
        self.ada: Customer = CustomerFactory()
        self.phone = self.add("+12025550143")

    def add(self, address: str) -> ContactPoint:
        want = Wanted(self.ada.brand_id, self.ada.pk, "phone", address)
        return next(iter(ensure_contact_points([want]).values()))

    def routes(self, purpose: str = "order") -> Routes:
        points = list(ContactPoint.objects.filter(customer=self.ada).order_by("id"))
        return policy.routes(
            policy.load(self.ada.brand_id, points, [self.ada.pk]),
            customer_id=self.ada.pk,
            points=points,
            families=OPTIONS,
            order=("chat", "sms"),
            purpose=purpose,
            now=LATER,
            zone="America/New_York",
            live=True,
        )

    def open(self, purpose: str = "order") -> list[tuple[str, str]]:
        found = self.routes(purpose).allowed
        return [(route.family, route.contact_point.address) for route in found]

    def refused(self, purpose: str = "order") -> list[tuple[str, str]]:
        return [(no.family, no.reason) for no in self.routes(purpose).refused]

    def recheck(self, needs_opt_in: bool = True) -> str:
        """The reason of the last look before a chat message is handed over."""
        facts = policy.load(self.ada.brand_id, [self.phone], [self.ada.pk])
        no = policy.recheck(facts, self.phone, "chat", "order", LATER, needs_opt_in=needs_opt_in)
        return no.reason if no else ""


@pytest.fixture
def world() -> World:
    return World()


def test_without_a_yes_the_number_gets_texts_only(world: World) -> None:
    assert world.open() == [("sms", "+12025550143")]
    assert world.refused() == [("chat", "no_basis")]


def test_the_last_look_asks_for_the_yes_as_well(world: World) -> None:
    assert world.recheck() == "no_basis"
    assert world.recheck(needs_opt_in=False) == ""


@pytest.mark.parametrize("method", ["form", "api", "staff", "checkbox"])
def test_a_yes_to_chat_opens_it(world: World, method: str) -> None:
    recording.opt_in(world.phone, method=method, now=NOW, channel="chat")
    assert world.open() == [("chat", "+12025550143"), ("sms", "+12025550143")]
    assert world.recheck() == ""


def test_a_yes_to_news_of_the_order_in_chat_opens_it(world: World) -> None:
    recording.opt_in(world.phone, method="form", now=NOW, channel="chat", purpose="order")
    assert world.recheck() == ""


@pytest.mark.parametrize("purpose", ["marketing", "feedback"])
def test_a_yes_to_another_purpose_opens_nothing(world: World, purpose: str) -> None:
    recording.opt_in(world.phone, method="form", now=NOW, channel="chat", purpose=purpose)
    assert world.recheck() == "no_basis"


def test_a_yes_to_texts_is_no_yes_to_chat(world: World) -> None:
    recording.opt_in(world.phone, method="form", now=NOW, channel="sms")
    assert world.refused() == [("chat", "no_basis")]


def test_a_stop_in_chat_closes_it_again_and_leaves_texts(world: World) -> None:
    recording.opt_in(world.phone, method="form", now=NOW, channel="chat")
    recording.opt_out(world.phone, method="keyword", now=LATER, channel="chat")
    assert world.open() == [("sms", "+12025550143")]
    assert world.refused() == [("chat", "channel_stop")]


def test_a_start_by_themselves_is_a_yes_and_takes_back_the_stop(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW, channel="chat")
    recording.opt_in(world.phone, method="keyword", now=LATER, channel="chat")
    assert world.recheck() == ""


def test_a_form_does_not_take_back_what_they_stopped_in_chat(world: World) -> None:
    recording.opt_out(world.phone, method="keyword", now=NOW, channel="chat")
    recording.opt_in(world.phone, method="form", now=LATER, channel="chat")
    assert world.recheck() == "channel_stop"


def test_the_yes_of_one_number_is_not_that_of_another(world: World) -> None:
    recording.opt_in(world.add("+12025550144"), method="form", now=NOW, channel="chat")
    assert ("chat", "+12025550144") in world.open()
    assert ("chat", "+12025550143") not in world.open()


def test_a_user_id_is_written_to_and_never_texted(world: World) -> None:
    recording.opt_in(world.add(USER_ID), method="keyword", now=NOW, channel="chat")
    assert world.open() == [("chat", USER_ID), ("sms", "+12025550143")]


def test_somebody_known_by_a_user_id_only_has_no_number_for_texts(world: World) -> None:
    world.phone.delete()
    world.add(USER_ID)
    assert world.open() == []
    assert sorted(world.refused()) == [("chat", "no_basis"), ("sms", "no_address")]
