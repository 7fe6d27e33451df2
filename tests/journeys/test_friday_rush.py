"""500 orders on a Friday, two providers away for a while: everything ends, and says why."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from channels_app.providers.sendgrid.sandbox import SendGridSandbox
from channels_app.providers.twilio.sandbox import TwilioSandbox
from channels_app.sandbox.server import SandboxServer
from notifications.models import Decision, Delivery, Incident, Notification
from orders.models import Order, StatusChange
from orders.statuses import FINAL
from tests.journeys.bodies import connected, post_generic
from tests.journeys.friday import Evening
from tests.journeys.shop import Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)
BEGAN = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)  # 18:00 in New York
State = Delivery.State
TOLD = [State.SENT, State.DELIVERED, State.READ, State.HANDED_OFF]
ENDED = [*TOLD, State.FAILED, State.CANCELLED, State.EXPIRED]
# provider -> (minute in which it goes away, minute in which it is back)
OUTAGES = {"twilio": (15, 75), "sendgrid": (20, 80)}


@pytest.fixture
def clock() -> Iterator[Any]:
    """Six o'clock; it moves when it is told to."""
    with time_machine.travel(BEGAN, tick=False) as clock:
        yield clock


@pytest.fixture
def shop(
    clock: Any, sandbox: SandboxServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """Texts and emails; nobody reports receipts, so that `sent` is the end."""
    for end in (TwilioSandbox, SendGridSandbox):
        monkeypatch.setattr(end, "progress", ())
    return open_shop(sandbox, client)


@pytest.mark.parametrize(
    "orders", [40, pytest.param(500, marks=pytest.mark.drill)], ids=["short", "whole"]
)
def test_a_friday_rush_ends_with_everybody_told_or_a_person_asked(
    shop: Shop, clock: Any, orders: int
) -> None:
    _live_through(shop, clock, Evening(orders, 7, BEGAN))
    assert Order.objects.filter(display_number__startswith="#F").count() == orders
    _everything_has_ended()
    _nothing_was_told_twice(shop)
    _nothing_stale_was_told()
    _who_was_not_reached_is_somebodys_task_once()


def _live_through(shop: Shop, clock: Any, evening: Evening) -> None:
    connection = connected(shop, "generic")
    told = evening.by_minute()
    for minute in range(max(told) + 2):
        clock.move_to(BEGAN + timedelta(minutes=minute))
        _weather(shop, minute)
        for said in told.get(minute, []):
            answer = post_generic(shop, connection, said.body, said.event_id, _now(minute))
            assert answer.status_code == 200, answer.content
        shop.pump()
    for hours in range(1, 28):
        clock.move_to(BEGAN + timedelta(minutes=minute) + timedelta(hours=hours))
        shop.pump()


def _now(minute: int) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def _weather(shop: Shop, minute: int) -> None:
    """Two providers go away and come back."""
    if minute in [at for span in OUTAGES.values() for at in span]:
        shop.sandbox.faults.clear()
        for provider, (gone, back) in OUTAGES.items():
            if gone <= minute < back:
                shop.sandbox.set_fault(provider, "status", status=503)


def _everything_has_ended() -> None:
    states = Counter(Delivery.objects.values_list("state", flat=True))
    assert set(states) <= set(ENDED), states
    assert states[State.SENT] > 0
    assert not Notification.objects.filter(state="open").exists()
    for delivery in Delivery.objects.exclude(state__in=TOLD):
        assert delivery.reason, delivery
    for notification in Notification.objects.filter(state__in=["failed", "cancelled"]):
        assert Decision.objects.filter(notification=notification).exclude(sentence="").exists()


def _nothing_was_told_twice(shop: Shop) -> None:
    accepted = [m for p in ("twilio", "sendgrid") for m in shop.sandbox.messages(p)]
    told = Delivery.objects.filter(state__in=TOLD, channel__slug__in=["twilio", "sendgrid"])
    assert len(accepted) == told.count()
    per_notification = Counter(told.values_list("notification_id", flat=True))
    assert set(per_notification.values()) == {1}


def _nothing_stale_was_told() -> None:
    """When it left, nothing was known that made it untrue, and it was still worth telling."""
    told = Delivery.objects.filter(state__in=TOLD, notification__audience="customer")
    for delivery in told.select_related("notification__change"):
        notification = delivery.notification
        assert delivery.sent_at is not None
        assert delivery.sent_at <= notification.useful_until
        ended = StatusChange.objects.filter(
            order_id=delivery.order_id, group_key="", status__in=FINAL, applied=True,
            fact="status", recorded_at__lt=delivery.sent_at,
        )  # fmt: skip
        assert notification.event in FINAL or not ended.exists(), notification


def _who_was_not_reached_is_somebodys_task_once() -> None:
    """The engine may judge some news too small for a task; what matters has exactly one."""
    matters = ["ready", "out_for_delivery", "delayed", "cancelled"]
    failed = Notification.objects.filter(state="failed", audience="customer", event__in=matters)
    tasks = Incident.objects.filter(kind="unreached")
    assert failed.exists(), "Nobody was missed: the outage was too short to show anything."
    about = Counter(tasks.values_list("about", flat=True))
    assert set(about.values()) <= {1}
    assert {one.order_id for one in failed} <= set(tasks.values_list("order_id", flat=True))
    assert {task.order_id for task in tasks} <= set(
        Notification.objects.filter(state="failed").values_list("order_id", flat=True)
    )
