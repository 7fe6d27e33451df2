"""The pages of sources: how each one does, and what can be done about it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications import subscriptions
from notifications.models import Pulse
from notifications.silence import SLOT, slot_of
from notifications.views import connection_health
from orders.models import Brand, InboundEvent, SourceConnection, StaffMembership, Store
from tests.factories import ConnectionFactory, MembershipFactory
from tests.notifications.views.rows import make_change, make_event, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_learned():
    connection_health.forget_learned()
    yield
    connection_health.forget_learned()


def signed_in(brand: Brand, role: str, store: Store | None = None) -> Client:
    client = Client()
    member = MembershipFactory(brand=brand, role=role, store=store, user__is_staff=False)
    client.force_login(member.user)
    return client


def page_of(client: Client, name: str = "connections", *args: Any) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def since() -> str:
    """When the half hour before this one began."""
    return f"{slot_of(timezone.now()) - SLOT:%H:%M}"


def press(client: Client, name: str, connection: SourceConnection, **fields: Any) -> Any:
    return client.post(reverse(name, args=[connection.pk]), fields, follow=True)


# --- The list ---------------------------------------------------------------------------
def test_a_card_says_what_came_what_is_usual_and_what_was_lost(
    staff: Client, connection: SourceConnection
):
    now = timezone.now()
    slots = [slot_of(now) - SLOT * back for back in range(1, 48 * 7 * 4)]
    Pulse.objects.bulk_create(Pulse(connection=connection, slot=at, count=4) for at in slots)
    SourceConnection.objects.update(refused_count=3, duplicate_count=7)
    make_event(connection, state="failed", error="No.")
    late = make_event(connection)
    make_change(make_order(connection=connection), event=late, applied=False)
    page = page_of(staff)
    assert connection.name in page
    assert f"4 signs of life since {since()}; usually" in page
    assert 'class="usual"' in page and 'class="band-good"' in page
    numbers = [part.partition("</dd>")[0] for part in page.split("<dd>")[1:]]
    assert numbers == ["3", "7", "1", "1"]


def test_without_three_weeks_nothing_is_called_usual(staff: Client, connection: SourceConnection):
    Pulse.objects.create(connection=connection, slot=slot_of(timezone.now()), count=4)
    page = page_of(staff)
    assert f"4 since {since()}" in page and "not known before three weeks" in page
    assert 'class="usual"' not in page


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"mode": "test"}, "Test"),
        ({"mode": "import"}, "Importing"),
        ({"enabled": False}, "Paused"),
        ({}, "Nothing came yet"),
    ],
)
def test_each_state_has_its_word(
    staff: Client, connection: SourceConnection, fields: dict[str, Any], word: str
):
    SourceConnection.objects.update(**fields)
    assert f"</svg>{word}</span>" in page_of(staff)


def test_a_stranger_sees_no_source_of_others(stranger: Client, connection: SourceConnection):
    assert connection.name not in page_of(stranger)
    for name in ("connection", "connecting"):
        assert stranger.get(reverse(name, args=[connection.pk])).status_code == 404
    assert press(stranger, "connection_change", connection, to="pause").status_code == 404


def test_the_number_of_queries_of_the_list_is_bounded(
    staff: Client, brand: Brand, django_assert_max_num_queries: Any
):
    for _n in range(4):
        ConnectionFactory(brand=brand)
    page_of(staff)
    with django_assert_max_num_queries(30):
        page_of(staff)


# --- One source -------------------------------------------------------------------------
def test_what_was_not_understood_stands_beside_its_raw_body(
    staff: Client, connection: SourceConnection
):
    event = make_event(connection, body=b'{"state": "<b>odd</b>"}', state="failed", error="Odd.")
    make_event(connection, body=b'{"fine": true}')
    page = page_of(staff, "connection", connection.pk)
    assert "&lt;b&gt;odd&lt;/b&gt;" in page and "<b>odd</b>" not in page
    assert "Odd." in page and "fine" not in page
    press(staff, "connection", connection)  # a page takes no post
    staff.post(reverse("replay"), {"event": event.pk, "mode": "replay"})
    event.refresh_from_db()
    assert (event.state, event.mode) == ("received", "replay")


def test_a_page_never_shows_a_secret_or_a_credential(staff: Client, connection: SourceConnection):
    connection.source = "shopify"
    connection.credentials = {"access_token": "shpat_private"}
    connection.save()
    for name in ("connection", "connecting"):
        page = page_of(staff, name, connection.pk)
        assert "test_secret" not in page and "shpat_private" not in page
        assert f"/hooks/{connection.key}/" in page
        assert 'access_token</span> <span class="badge tone-good">' in page


def test_buttons_change_mode_and_pause(staff: Client, connection: SourceConnection):
    for to, mode, enabled in (
        ("test", "test", True),
        ("pause", "test", False),
        ("enable", "test", True),
        ("live", "live", True),
    ):
        assert press(staff, "connection_change", connection, to=to).status_code == 200
        connection.refresh_from_db()
        assert (connection.mode, connection.enabled) == (mode, enabled)
    assert (
        "Choose what to do"
        in press(staff, "connection_change", connection, to="x").content.decode()
    )


@pytest.mark.parametrize("role", ["agent", "integrator"])
def test_only_owners_and_managers_change_a_source(
    brand: Brand, connection: SourceConnection, role: str
):
    client = signed_in(brand, role)
    page = page_of(client, "connection", connection.pk)
    assert "Go live" not in page and "Back to test" not in page and "New secret" not in page
    assert "Connect a source" not in page_of(client)
    for name in ("change", "ask", "secret", "credentials", "replay"):
        assert press(client, f"connection_{name}", connection).status_code == 403
    assert client.get(reverse("connecting", args=[connection.pk])).status_code == 403
    assert client.get(reverse("connect")).status_code == 403
    assert client.get(reverse("connect_source", args=["generic"])).status_code == 403


def test_a_manager_of_one_store_changes_what_feeds_that_store_only(
    brand: Brand, store: Store, connection: SourceConnection
):
    client = signed_in(brand, StaffMembership.Role.MANAGER, store)
    own = ConnectionFactory(brand=brand, store=store)
    assert press(client, "connection_change", own, to="pause").status_code == 200
    assert press(client, "connection_change", connection, to="pause").status_code == 403
    own.refresh_from_db()
    connection.refresh_from_db()
    assert (own.enabled, connection.enabled) == (False, True)


def test_a_new_secret_is_shown_once_and_the_old_one_stays_good(
    staff: Client, connection: SourceConnection
):
    answer = press(staff, "connection_secret", connection)
    connection.refresh_from_db()
    fresh, old = connection.valid_secrets(timezone.now())
    assert old == "test_secret" and fresh.startswith("whsec_")
    assert f'value="{fresh}"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert fresh not in page_of(staff, "connection", connection.pk)


def test_the_secret_of_a_platform_is_pasted_and_not_made(
    staff: Client, connection: SourceConnection
):
    SourceConnection.objects.update(source="square")
    press(staff, "connection_secret", connection)
    connection.refresh_from_db()
    assert connection.valid_secrets(timezone.now()) == ["test_secret"]
    answer = press(staff, "connection_secret", connection, secret=" theirs ")
    connection.refresh_from_db()
    assert connection.valid_secrets(timezone.now()) == ["theirs", "test_secret"]
    assert "theirs" not in answer.content.decode()


def test_credentials_that_are_left_empty_stay(staff: Client, connection: SourceConnection):
    connection.source = "shopify"
    connection.credentials, connection.token = {"shop": "a.myshopify.com"}, {"value": "t"}
    connection.save()
    fields = {"credential-access_token": "shpat_new", "credential-shop": ""}
    answer = press(staff, "connection_credentials", connection, **fields)
    connection.refresh_from_db()
    known = {"shop": "a.myshopify.com", "access_token": "shpat_new"}
    assert (connection.credentials, connection.token) == (known, {})
    assert "shpat_new" not in answer.content.decode()


def test_a_question_is_written_down_and_its_answer_is_shown(
    staff: Client, connection: SourceConnection
):
    SourceConnection.objects.update(source="shopify", settings={"own_tags": "x:"})
    page = page_of(staff, "connection", connection.pk)
    assert "Subscribe again" in page and "Nobody has asked yet" in page
    press(staff, "connection_ask", connection, what="subscriptions")
    connection.refresh_from_db()
    assert connection.settings["ask"]["what"] == "subscriptions"
    assert connection.settings["own_tags"] == "x:"
    (asked,) = subscriptions.take(timezone.now())
    found = subscriptions.Answer(False, "Something is not sent.", ("orders/create",))
    subscriptions.keep(asked, found, timezone.now())
    page = page_of(staff, "connection", connection.pk)
    assert "Something is not sent." in page and "orders/create" in page
    assert "Asking…" not in page


def test_a_source_without_an_api_is_asked_nothing(staff: Client, connection: SourceConnection):
    assert "Test the connection" not in page_of(staff, "connection", connection.pk)


# --- Replaying a range ------------------------------------------------------------------
def at(**ago: int) -> str:
    return timezone.localtime(timezone.now() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M")


def ranged(connection: SourceConnection) -> dict[str, InboundEvent]:
    made = {}
    for name, hours, state in (
        ("old", 50, "failed"),
        ("failed", 5, "failed"),
        ("good", 4, "processed"),
        ("new", 0, "failed"),
    ):
        received = timezone.now() - timedelta(hours=hours)
        made[name] = make_event(connection, state=state, received_at=received)
    return made


@pytest.mark.parametrize(("which", "again"), [("failed", {"failed"}), ("all", {"failed", "good"})])
def test_a_range_is_read_again_and_no_customer_is_told(
    staff: Client, connection: SourceConnection, which: str, again: set[str]
):
    events = ranged(connection)
    other = make_event(
        ConnectionFactory(brand=connection.brand),
        state="failed",
        received_at=timezone.now() - timedelta(hours=5),
    )
    press(
        staff,
        "connection_replay",
        connection,
        since=at(hours=24),
        until=at(hours=1),
        which=which,
    )
    modes = {name: InboundEvent.objects.get(pk=row.pk).mode for name, row in events.items()}
    assert {name for name, mode in modes.items() if mode == "replay"} == again
    other.refresh_from_db()
    assert other.mode == "live"


def test_a_range_that_ends_before_it_begins_is_refused(staff: Client, connection: SourceConnection):
    fields = {"since": at(hours=1), "until": at(hours=24), "which": "all"}
    answer = press(staff, "connection_replay", connection, **fields)
    assert "comes after the beginning" in answer.content.decode()


def test_the_rest_of_a_long_range_is_named(
    staff: Client, connection: SourceConnection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("notifications.views.connection_acts.MOST", 1)
    ranged(connection)
    fields = {"since": at(hours=24), "until": at(hours=1), "which": "all"}
    answer = press(staff, "connection_replay", connection, **fields)
    assert "1 event is read again. That was not all" in answer.content.decode()
    assert InboundEvent.objects.filter(mode="replay").count() == 1
