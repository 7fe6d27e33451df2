"""Does a channel work? Staff ask on the page; the pump finds out at the stand-in, and says."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app import registry
from channels_app.contract import AddressKind, Provider
from channels_app.models import Channel, ChannelAccess, ChannelCheck
from channels_app.sandbox.server import SandboxServer, demo_credentials
from notifications import checking, library
from notifications.models import Attempt, Delivery
from notifications.pump import Pump
from orders.models import Brand
from tests.factories import BrandFactory, ChannelFactory, MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Channel]
PHONE = "+12025550143"
# Providers that have no harmless question to ask.
UNPROVABLE = {
    slug
    for slug in registry.slugs()
    if registry.provider_class(slug).verification is Provider.verification
}


@pytest.fixture
def brand(settings: Any) -> Brand:
    settings.ALLOWED_HOSTS = ["*"]
    return BrandFactory()


@pytest.fixture
def staff(brand: Brand) -> Client:
    client = Client()
    client.force_login(MembershipFactory(brand=brand, user__username="kim").user)
    return client


@pytest.fixture
def channel_of(brand: Brand, sandbox: SandboxServer) -> Make:
    """A channel that the stand-in knows; `wrong` credentials are ours only."""

    def make(provider: str, **wrong: str) -> Channel:
        right = demo_credentials(provider)
        row: Channel = ChannelFactory(
            brand_id=brand.pk, provider=provider, credentials={**right, **wrong}
        )
        sandbox.add_account(provider, row.callback_url, right)
        return row

    return make


def ask(client: Client, channel: Channel, **form: str) -> Any:
    return client.post(reverse("channel_check", args=[channel.pk]), form)


def answered(client: Client, channel: Channel, **form: str) -> ChannelCheck:
    """Ask, let the pump work, and read what it wrote."""
    assert ask(client, channel, **form).status_code == 302
    library.clear()
    Pump().drain()
    return ChannelCheck.objects.latest("id")


def card(client: Client) -> str:
    return client.get(reverse("channels")).content.decode()


# --- the credentials ---


def test_good_credentials_are_proved_without_a_message(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    channel = channel_of("whatsapp")
    check = answered(staff, channel)
    assert check.state == "good"
    assert check.sentence == (
        "The number is +1 555-078-3881 (Orderbell demo). Its quality rating is green."
    )
    assert (check.send_to, check.asked_by, check.lease_until) == ("", "kim", None)
    assert sandbox.messages() == []
    assert "Its quality rating is green." in card(staff)


def test_wrong_credentials_are_said_with_what_follows(staff: Client, channel_of: Make) -> None:
    channel = channel_of("whatsapp", access_token="EAA" + "0" * 80)
    check = answered(staff, channel)
    assert check.state == "bad"
    assert check.sentence.startswith("190 ")
    assert "EAA000" not in check.sentence
    channel.refresh_from_db()
    assert channel.paused_until is None  # a question stops nothing that is under way


def test_a_token_is_fetched_for_the_question(staff: Client, channel_of: Make) -> None:
    check = answered(staff, channel_of("zoho"))
    assert (check.state, check.sentence) == ("good", "Zoho CRM answers for Sandbox Company.")
    assert ChannelAccess.objects.get().expires_at is not None


def test_wrong_credentials_for_a_token_are_said(staff: Client, channel_of: Make) -> None:
    check = answered(staff, channel_of("zoho", client_secret="0" * 42))
    assert check.state == "bad"
    assert check.sentence.startswith("invalid_client_secret The client secret is wrong.")


def test_a_token_that_was_withdrawn_says_nothing_about_the_credentials(
    staff: Client, channel_of: Make
) -> None:
    channel = channel_of("zoho")
    ChannelAccess.objects.create(
        channel=channel,
        value={"token": "withdrawn", "data": {"api_domain": "https://www.zohoapis.eu"}},
        expires_at=timezone.now() + timedelta(minutes=30),
    )
    check = answered(staff, channel)
    assert (check.state, check.sentence) == ("good", "Zoho CRM answers for Sandbox Company.")
    assert ChannelAccess.objects.get().value["token"] != "withdrawn"


@pytest.mark.parametrize("provider", registry.slugs())
def test_a_channel_without_credentials_has_an_answer_too(
    staff: Client, brand: Brand, sandbox: SandboxServer, provider: str
) -> None:
    bare = ChannelFactory(brand_id=brand.pk, provider=provider, credentials={})
    check = answered(staff, bare)
    assert check.state in ("good", "bad")
    assert check.sentence


def test_a_provider_that_is_away_is_no_good_answer(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    channel = channel_of("whatsapp")
    sandbox.set_fault("whatsapp", "status", status=503)
    assert answered(staff, channel).state == "bad"


@pytest.mark.parametrize("provider", registry.slugs())
def test_every_provider_has_an_answer(staff: Client, channel_of: Make, provider: str) -> None:
    check = answered(staff, channel_of(provider))
    assert check.state == "good"
    assert check.sentence
    if provider in UNPROVABLE:
        assert check.sentence.startswith("Nothing but a message can prove")
    else:
        assert not check.sentence.startswith("Nothing but")


# --- with a message ---


def test_with_an_address_one_message_goes_out_and_says_what_it_is(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    check = answered(staff, channel_of("twilio"), send="1", to=f" {PHONE} ")
    (message,) = sandbox.messages("twilio")
    assert message["to"] == PHONE
    assert message["text"].startswith("This is a test from Orderbell.")
    assert (check.state, check.send_to) == ("good", PHONE)
    assert f"The test message was taken. {message['id']}" in check.sentence
    assert not Delivery.objects.exists()
    assert not Attempt.objects.exists()


def test_a_message_over_a_system_with_tokens_and_fields(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    assert answered(staff, channel_of("zoho"), send="1", to="Sales_Orders").state == "good"
    (message,) = sandbox.messages("zoho")
    assert "TEST" in json.dumps(json.loads(message["request"]["body"]))


def test_an_address_that_does_not_work_is_said_and_not_put_on_any_list(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    check = answered(staff, channel_of("twilio"), send="1", to="not a number")
    assert check.state == "bad"
    assert check.sentence
    assert sandbox.messages() == []


def test_a_message_is_not_sent_when_the_credentials_are_wrong(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    channel = channel_of("whatsapp", access_token="EAA" + "0" * 80)
    assert answered(staff, channel, send="1", to=PHONE).state == "bad"
    assert sandbox.messages() == []


def test_an_address_without_the_wish_to_send_sends_nothing(
    staff: Client, channel_of: Make, sandbox: SandboxServer
) -> None:
    assert answered(staff, channel_of("twilio"), to=PHONE).send_to == ""
    assert sandbox.messages() == []


def test_who_wants_to_send_has_to_say_where(staff: Client, channel_of: Make) -> None:
    answer = ask(staff, channel_of("twilio"), send="1", to="  ")
    said = [str(one) for one in get_messages(answer.wsgi_request)]
    assert said == ["Say where the test message goes."]
    assert not ChannelCheck.objects.exists()


# --- who may ask, and who answers ---


def test_a_channel_of_another_brand_is_not_found(staff: Client, channel_of: Make) -> None:
    assert ask(staff, ChannelFactory()).status_code == 404
    assert not ChannelCheck.objects.exists()


def test_a_stranger_is_sent_to_the_login_and_a_get_asks_nothing(
    staff: Client, channel_of: Make
) -> None:
    channel = channel_of("twilio")
    assert ask(Client(), channel).url.startswith("/login/")
    assert staff.get(reverse("channel_check", args=[channel.pk])).status_code == 405
    assert not ChannelCheck.objects.exists()


def test_a_question_is_answered_by_one_worker(staff: Client, channel_of: Make) -> None:
    ask(staff, channel_of("twilio"))
    now = timezone.now()
    assert len(checking.take(now)) == 1
    assert checking.take(now) == []
    assert len(checking.take(now + checking.LEASE + timedelta(seconds=1))) == 1


def test_an_answered_question_stays_answered(staff: Client, channel_of: Make) -> None:
    check = answered(staff, channel_of("whatsapp"))
    checking.answer(check.pk, False, "Too late.")
    check.refresh_from_db()
    assert (check.state, checking.take(timezone.now())) == ("good", [])


def test_only_people_are_asked_for_an_address(channel_of: Make) -> None:
    for provider in ("twilio", "sendgrid"):
        assert checking.needs_address(channel_of(provider))
    assert registry.provider_class("slack").address == AddressKind.ROOM
    assert not checking.needs_address(channel_of("slack"))
