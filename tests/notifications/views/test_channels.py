"""The page of channels: what works, what is being tried, why, and the button that resumes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_app.failures import FailureKind, SendError
from channels_app.models import Channel, ChannelEvent, ChannelHealth, ChannelMinute
from notifications import breaker, library
from notifications.models import Attempt, Incident
from orders.models import Brand
from tests.factories import ChannelFactory, UserFactory
from tests.notifications.views.rows import make_delivery, make_notification, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(brand: Brand) -> Channel:
    return ChannelFactory(brand_id=brand.pk, name="Text messages")


def page_of(client: Client) -> str:
    response = client.get(reverse("channels"))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def minute(channel: Channel, ago: int, **counts: int) -> None:
    at = (timezone.now() - timedelta(minutes=ago)).replace(second=0, microsecond=0)
    ChannelMinute.objects.create(channel=channel, minute=at, **counts)


def trip(channel: Channel) -> None:
    error = SendError(FailureKind.MISCONFIGURED, "401", "Authenticate")
    breaker.trip(channel, "401 Authenticate.", timezone.now(), error)
    library.clear()


def test_a_channel_that_works_says_so_with_its_calls_of_the_last_hour(
    staff: Client, channel: Channel
):
    minute(channel, 3, accepted=40, failed=2, milliseconds=4200, delivered=10, delivered_seconds=50)
    minute(channel, 30, accepted=5, throttled=1)
    minute(channel, 90, accepted=1000)
    page = page_of(staff)
    assert "Text messages" in page
    assert "Working" in page
    assert "Last hour: 45 accepted, 1 slowed down, 2 failed" in page
    assert "arrives after 5 s" in page
    for band in ("good", "wait", "bad"):
        assert f'class="band-{band}"' in page
    assert "Use it again" not in page


def test_a_channel_that_is_left_alone_says_until_when_and_why_and_can_be_used_again(
    staff: Client, channel: Channel
):
    trip(channel)
    page = page_of(staff)
    assert "Not used for now until" in page
    assert "401 Authenticate." in page
    assert "Not used for 4 min." in page
    answer = staff.post(reverse("channel_use_again", args=[channel.pk]))
    assert answer.status_code == 302
    row = ChannelHealth.objects.get()
    assert (row.breaker, row.opened_times) == ("closed", 0)
    channel.refresh_from_db()
    assert channel.paused_until is None
    assert Incident.objects.get().state == "resolved"
    assert "says that it works. It is used again." in page_of(staff)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"breaker": "half_open"}, "Being tried"),
        ({"breaker": "open", "open_until": -1}, "Being tried"),
        ({"breaker": "open", "open_until": 60}, "Not used for now"),
        ({"resting_until": 60}, "Resting"),
        ({}, "Working"),
    ],
)
def test_each_state_has_its_words(
    staff: Client, channel: Channel, fields: dict[str, Any], word: str
):
    now = timezone.now()
    times = {k: now + timedelta(seconds=v) for k, v in fields.items() if isinstance(v, int)}
    ChannelHealth.objects.create(channel=channel, **{**fields, **times})
    assert f"</svg>{word}" in page_of(staff)


def test_a_pause_of_staff_and_a_switched_off_channel(staff: Client, channel: Channel):
    channel.paused_until, channel.paused_why = timezone.now() + timedelta(hours=1), "Stock-taking."
    channel.save()
    page = page_of(staff)
    assert "</svg>Paused" in page
    assert "Stock-taking." in page
    Channel.objects.update(enabled=False)
    assert "Switched off" in page_of(staff)


def test_accounts_that_share_say_how_much_each_takes(staff: Client, brand: Brand, channel: Channel):
    other = ChannelFactory(brand_id=brand.pk, name="Second")
    ChannelHealth.objects.create(channel=other, share=50)
    page = page_of(staff)
    assert "takes 67 % of the messages" in page
    assert "takes 33 % of the messages" in page
    trip(channel)
    page = page_of(staff)
    assert "takes 0 % of the messages" in page
    assert "takes 100 % of the messages" in page


def test_what_went_wrong_is_counted_by_class_and_code(
    staff: Client, connection: Any, channel: Channel
):
    order = make_order(connection=connection)
    delivery = make_delivery(make_notification(order), channel=channel)
    for code in ("503", "503", "500"):
        Attempt.objects.create(delivery=delivery, channel=channel, ending="transient", code=code)
    page = page_of(staff)
    assert '2 × Provider has a hiccup <span class="code">503</span>' in page
    assert "× Accepted" not in page


def test_the_table_of_endings_is_on_the_page_and_in_the_admin(staff: Client, channel: Channel):
    page = page_of(staff)
    boss = Client()
    boss.force_login(UserFactory(is_superuser=True))
    admin = boss.get(reverse("admin:channels_app_channelhealth_changelist")).content.decode()
    for found in (page, admin):
        for kind in FailureKind:
            assert f'<span class="code">{kind}</span>' in found
        assert "opt-out written into the ledger" in found


def test_channels_of_others_are_not_there(stranger: Client, channel: Channel):
    assert "Text messages" not in page_of(stranger)
    assert stranger.post(reverse("channel_use_again", args=[channel.pk])).status_code == 404


def test_a_get_changes_nothing(staff: Client, channel: Channel):
    trip(channel)
    assert staff.get(reverse("channel_use_again", args=[channel.pk])).status_code == 405
    assert ChannelHealth.objects.get().breaker == "open"


def test_without_a_login_there_is_only_the_login(client: Client, channel: Channel):
    assert client.get(reverse("channels")).status_code == 302


def test_the_page_costs_the_same_however_many_channels_there_are(
    staff: Client, brand: Brand, channel: Channel, django_assert_max_num_queries: Any
):
    for _number in range(12):
        trip(ChannelFactory(brand_id=brand.pk))
    with django_assert_max_num_queries(14):
        page_of(staff)


def test_new_credentials_in_the_admin_let_the_next_message_try(brand: Brand):
    credentials = {
        "bot_token": "xoxb-1111111111-2222222222-abcdefghijkl",
        "signing_secret": "0123456789abcdef0123456789abcdef",
    }
    channel = ChannelFactory(brand_id=brand.pk, provider="slack", credentials=credentials)
    trip(channel)
    boss = Client()
    boss.force_login(UserFactory(is_superuser=True))
    url = reverse("admin:channels_app_channel_change", args=[channel.pk])
    form = boss.get(url).context["adminform"].form
    values = {name: form.get_initial_for_field(f, name) for name, f in form.fields.items()}
    values = {name: value for name, value in values.items() if value not in (None, "")}
    values |= {
        "credential_bot_token": "xoxb-1111111111-2222222222-renewedrenew",
        "country_caps": "{}",
    }
    paused = timezone.localtime(values.pop("paused_until"))
    moment = {
        "paused_until_0": paused.date(),
        "paused_until_1": paused.time().replace(microsecond=0),
    }
    answer = boss.post(url, {**values, **moment})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    channel.refresh_from_db()
    assert channel.credentials["bot_token"] == "xoxb-1111111111-2222222222-renewedrenew"
    assert channel.paused_until is None
    row = ChannelHealth.objects.get()
    assert row.open_until is not None
    assert row.open_until <= timezone.now()
    assert ChannelEvent.objects.first().detail.endswith("The next message tries it.")  # type: ignore[union-attr]


def test_resuming_in_the_admin_ends_what_the_breaker_began(brand: Brand, channel: Channel):
    trip(channel)
    boss = Client()
    boss.force_login(UserFactory(is_superuser=True, username="kim"))
    url = reverse("admin:channels_app_channel_changelist")
    boss.post(url, {"action": "resume", "_selected_action": [channel.pk]})
    assert ChannelHealth.objects.get().breaker == "closed"
    assert ChannelEvent.objects.get(kind="resumed").detail.startswith("kim says")
