"""What may have ended its process is tried alone; a restored database sends nothing by itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.contract import Idempotency
from notifications import context, held, library, restoring, suspects, taking, unknown
from notifications.health import Pulse
from notifications.lanes import Lanes
from notifications.models import (
    Attempt,
    Decision,
    Delivery,
    Heartbeat,
    Incident,
    Notification,
    Restoration,
)
from notifications.planning import plan
from orders.models import InboundEvent, StatusChange
from tests.engine.accounts import Accounts, open_accounts
from tests.engine.accounts import owe as owe_one
from tests.factories import ConnectionFactory

pytestmark = pytest.mark.django_db(transaction=True)
State, Apart = Delivery.State, Delivery.Apart


def owe(scene: Accounts, count: int) -> list[Delivery]:
    """Messages that are due."""
    return [owe_one(scene, state=State.QUEUED, lease_token="") for _number in range(count)]


def lost(row: Delivery, times: int) -> Delivery:
    """The process that sent it has died so often."""
    for _time in range(times):
        Attempt.objects.create(delivery=row, channel=row.channel, ending=Attempt.LOST)
    Delivery.objects.filter(pk=row.pk).update(
        state=State.UNKNOWN, lease_until=timezone.now() - timedelta(seconds=1)
    )
    row.refresh_from_db()
    return row


def decided(row: Delivery) -> Delivery:
    """What becomes of it once its provider could not be asked, or does not have it."""
    (job,) = context.load([row.pk])
    unknown.again(job, "Sent again.", timezone.now())
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(
    ("how", "losses", "expected"),
    [
        (Idempotency.LOOKUP, 1, ""),
        (Idempotency.LOOKUP, 2, Apart.ALONE),
        (Idempotency.KEY, 1, ""),
        (Idempotency.KEY, 3, Apart.ALONE),
        (Idempotency.RECEIPT, 1, Apart.ALONE),
        (Idempotency.NONE, 1, Apart.ALONE),
        (Idempotency.NONE, 0, ""),
    ],
)
def test_where_a_repeat_does_no_harm_the_first_loss_proves_little(
    how: Idempotency, losses: int, expected: str
) -> None:
    assert suspects.place(how, losses) == expected


def test_a_suspect_is_not_claimed_with_the_others_and_is_taken_alone() -> None:
    scene = open_accounts()
    others, suspect = owe(scene, 3), decided(lost(owe(scene, 1)[0], 2))
    assert (suspect.state, suspect.apart) == (State.QUEUED, Apart.ALONE)
    now = timezone.now()
    taken = taking.Taker().take(Lanes(), {}, now)
    assert set(taken) == {row.pk for row in others}
    assert suspects.waiting(now)
    assert suspects.take_one(now) == [suspect.pk]
    assert suspects.take_one(now) == []
    assert not suspects.waiting(now)


def test_a_message_that_is_lost_too_often_is_set_aside_and_never_tried_again() -> None:
    row = decided(lost(owe(open_accounts(), 1)[0], unknown.MOST_LOST))
    assert row.state == State.FAILED
    assert "too often" in row.reason


# --- A person decides ---------------------------------------------------------
def held_one() -> tuple[Delivery, Incident]:
    scene = open_accounts()
    scene.email.hold_unknown = ["order"]
    scene.email.save()
    library.clear()
    (row,) = owe(scene, 1)
    Delivery.objects.filter(pk=row.pk).update(channel=scene.email, state=State.UNKNOWN)
    (job,) = context.load([row.pk])
    unknown.decide(job, timezone.now())
    row.refresh_from_db()
    return row, Incident.objects.get(kind="unknown")


def test_where_the_owner_wants_to_decide_a_message_of_unknown_fate_waits_for_them() -> None:
    row, incident = held_one()
    assert (row.state, row.apart) == (State.QUEUED, Apart.HELD)
    assert str(row.order.display_number) in incident.title
    now = timezone.now()
    assert taking.Taker().take(Lanes(), {}, now) == []
    assert suspects.take_one(now) == []
    assert held.decide_on(incident, "send", "kim", now) == 1
    row.refresh_from_db()
    incident.refresh_from_db()
    assert (row.apart, incident.state) == ("", "resolved")
    assert taking.Taker().take(Lanes(), {}, timezone.now()) == [row.pk]


def test_what_is_not_released_is_cancelled_with_the_name_of_who_decided() -> None:
    row, incident = held_one()
    held.decide_on(incident, "drop", "kim", timezone.now())
    row.refresh_from_db()
    said = Decision.objects.get(delivery=row, reason="not_released")
    assert row.state == State.CANCELLED
    assert said.sentence.startswith("kim ")
    assert row.notification.__class__.objects.get().state == Notification.State.FAILED


def test_what_nobody_decides_on_ends_when_it_is_no_news() -> None:
    row, _incident = held_one()
    now = timezone.now()
    assert held.expire(now) == 0
    later = Notification.objects.get(pk=row.notification_id).useful_until + timedelta(seconds=1)
    assert held.expire(later) == 1
    row.refresh_from_db()
    assert row.state == State.CANCELLED
    assert held.expire(later) == 0


def test_staff_release_it_from_the_page_of_the_alert(admin_client: Client) -> None:
    row, incident = held_one()
    page = admin_client.get(f"/dashboard/incidents/{incident.pk}/?brand={row.brand_id}")
    assert 'value="held-send"' in page.content.decode()
    admin_client.post(f"/dashboard/incidents/{incident.pk}/act/", {"act": "held-send"})
    row.refresh_from_db()
    assert row.apart == ""


# --- After a restore ----------------------------------------------------------
def beat(count: int, mark: str | None = None) -> None:
    changes: dict[str, Any] = {"count": count, "at": timezone.now()}
    if mark is not None:
        changes["mark"] = mark
    Heartbeat.objects.update_or_create(name="sweep", defaults=changes)


def test_a_database_whose_heartbeats_go_back_sends_nothing_that_it_owes() -> None:
    rows = owe(open_accounts(), 2)
    beat(7)
    restoring.remember(9)
    Pulse(watches=True).beat(timezone.now())
    found = Restoration.objects.get()
    assert "from 9 to 7" in found.why
    assert {row.apart for row in Delivery.objects.all()} == {Apart.HELD}
    assert taking.Taker().take(Lanes(), {}, timezone.now()) == []
    incident = Incident.objects.get(kind="restored")
    assert "2" in incident.title
    # Another pump that remembers as much does not take it for a second restore.
    Pulse(watches=True).beat(timezone.now())
    assert Restoration.objects.count() == 1
    held.decide_on(incident, "send", "kim", timezone.now())
    assert set(taking.Taker().take(Lanes(), {}, timezone.now())) == {row.pk for row in rows}


def test_a_copy_in_another_place_is_known_by_the_mark_of_the_database() -> None:
    owe(open_accounts(), 1)
    beat(7, "another cluster:1")
    Pulse(watches=True).beat(timezone.now())
    assert Restoration.objects.exists() == bool(restoring.mark())


def test_a_database_that_goes_on_is_no_restored_one() -> None:
    owe(open_accounts(), 1)
    pulse = Pulse(watches=True)
    pulse.beat(timezone.now())
    assert restoring.remembered() == 1
    Pulse(watches=True).beat(timezone.now())
    assert not Restoration.objects.exists()


def test_nothing_is_held_when_nothing_is_owed() -> None:
    beat(1)
    restoring.remember(5)
    Pulse(watches=True).beat(timezone.now())
    assert not Restoration.objects.exists()


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("", ("queued", "held")), ("send", ("queued", "")), ("drop", ("cancelled", ""))],
)
def test_what_is_planned_later_of_the_copied_past_shares_its_fate(
    verdict: str, expected: tuple[str, str]
) -> None:
    scene = open_accounts()
    connection = ConnectionFactory(brand=scene.order.brand)
    old, new = (
        InboundEvent.objects.create(connection=connection, event_key=key, body=b"{}")
        for key in ("old", "new")
    )
    Restoration.objects.create(
        noticed_at=timezone.now(), why="x", last_event_id=old.pk, verdict=verdict
    )
    for number, event in enumerate((old, new)):
        (row,) = owe(scene, 1)
        note = row.notification
        note.change = StatusChange(
            pk=number + 1, order=scene.order, brand_id=scene.order.brand_id, event=event
        )
        restoring.keep_back([note], [row], timezone.now())
        seen = (row.state, row.apart)
        # Events that came in after the restore are sent as always.
        assert seen == (expected if event is old else ("queued", ""))
    assert plan(10, timezone.now()) == 0
