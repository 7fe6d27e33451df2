"""After a wrong tap: who was told, what is withdrawn, and the message that takes it back."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from consents import recording
from notifications import claims, context, correcting, library, outcomes
from notifications.composing import compose
from notifications.gating import gate
from notifications.models import Decision, Delivery, Notification, Rule
from notifications.planning import plan
from orders.models import Order, StatusChange
from orders.timeline import set_status
from tests.factories import (
    ChannelFactory,
    ConnectionFactory,
    DestinationFactory,
    GroupFactory,
    OrderFactory,
    RuleFactory,
    StoreFactory,
    TemplateFactory,
)

pytestmark = pytest.mark.django_db
State = Delivery.State
NOW = datetime(2026, 11, 21, 23, 42, tzinfo=UTC)  # 18:42 at the store
LATER = NOW + timedelta(minutes=2)
BODY = "{{ correction.told_at }} {{ correction.claim_key }} -> {{ part.status_key }}"


@pytest.fixture
def shop() -> Any:
    """A preparing order whose customer, three rooms and a partner hear when it is ready."""
    connection = ConnectionFactory()
    brand = connection.brand
    texts = ChannelFactory(brand_id=brand.pk, provider="twilio")
    rooms = ChannelFactory(brand_id=brand.pk, provider="slack")
    partner = ChannelFactory(brand_id=brand.pk, provider="webhook")
    for name, family in (("customer", "sms"), ("staff", "team")):
        for event, body in (("ready", "Ready."), ("preparing", "Soon."), ("correction", BODY)):
            TemplateFactory(brand=brand, name=name, event=event, family=family, body=body)
    events = ["preparing", "ready"]
    RuleFactory(brand=brand, name="Customer", events=events)
    RuleFactory(brand=brand, name="Staff", events=events, audience="staff", template="staff")
    RuleFactory(brand=brand, name="Partner", events=events, audience="partner")
    for number in range(3):
        DestinationFactory(brand=brand, channel=rooms, name=f"Room {number}")
    DestinationFactory(
        brand=brand, channel=partner, audience="partner", address="https://p.example"
    )
    order = OrderFactory(
        connection=connection, store=StoreFactory(brand=brand), status="preparing",
        fulfilment_type="pickup",
    )  # fmt: skip
    GroupFactory(order=order, status="preparing", own_status="preparing")
    library.clear()
    return SimpleNamespace(brand=brand, order=order, texts=texts, rooms=rooms)


def tap(shop: Any, status: str, now: datetime = NOW) -> None:
    """A person sets the status, and planning follows."""
    set_status(shop.order, "main", status, actor="kim", now=now)
    library.clear()
    plan(100, now)
    shop.order.refresh_from_db()


def arrive(rows: Any, state: str = State.DELIVERED) -> None:
    """What the pump and the receipts leave behind."""
    ids = [row.pk for row in rows]
    Delivery.objects.filter(pk__in=ids).update(state=state, sent_at=NOW)
    Notification.objects.filter(deliveries__in=ids).update(state="done")


def deliveries(event: str) -> list[Delivery]:
    rows = Delivery.objects.filter(notification__event=event).select_related("notification")
    return list(rows.order_by("id"))


def stop_of(delivery: Delivery, now: datetime = LATER) -> Any:
    return gate(context.load([delivery.pk])[0], now)


@pytest.fixture
def false_alarm(shop: Any) -> Any:
    """All five were told that it is ready; it is not."""
    tap(shop, "ready")
    arrive(deliveries("ready"))
    tap(shop, "preparing", LATER)
    return shop


# --- Who ---------------------------------------------------------------------------


def test_three_of_five_were_told_so_three_are_corrected_and_two_withdrawn(shop: Any):
    tap(shop, "ready")
    five = deliveries("ready")
    assert len(five) == 5
    arrive(five[:3])
    tap(shop, "preparing", LATER)
    for row in five[3:]:
        row.refresh_from_db()
        assert row.state == State.CANCELLED
        decision = Decision.objects.get(delivery=row)
        assert (decision.verdict, decision.reason) == ("drop", "withdrawn")
    correcting.send(shop.order.pk, "kim", LATER)
    sent = deliveries("correction")
    assert [(one.channel_id, one.address) for one in sent] == [
        (one.channel_id, one.address) for one in five[:3]
    ]
    assert {one.notification.corrects_id for one in sent} == {
        one.notification_id for one in five[:3]
    }


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "handed_off", "unknown"])
def test_whoever_may_have_read_it_counts_as_told(shop: Any, state: str):
    tap(shop, "ready")
    arrive(deliveries("ready")[:1], state)
    tap(shop, "preparing", LATER)
    assert len(correcting.find(shop.order).told) == 1


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_whoever_was_never_told_is_never_corrected(shop: Any, state: str):
    tap(shop, "ready")
    arrive(deliveries("ready"), state)
    tap(shop, "preparing", LATER)
    assert correcting.send(shop.order.pk, "kim", LATER) == []


def test_only_the_way_that_worked_gets_the_correction(shop: Any):
    tap(shop, "ready")
    first = deliveries("ready")[0]
    arrive([first], State.FAILED)
    other = ChannelFactory(brand_id=shop.brand.pk, provider="twilio")
    Delivery.objects.create(
        brand=shop.brand, notification=first.notification, order=shop.order, channel=other,
        address="+12025550199", ref="second", state=State.DELIVERED, sent_at=NOW,
    )  # fmt: skip
    tap(shop, "preparing", LATER)
    correcting.send(shop.order.pk, "kim", LATER)
    (only,) = deliveries("correction")
    assert (only.channel_id, only.address) == (other.pk, "+12025550199")


def test_what_is_still_true_is_not_taken_back(shop: Any):
    tap(shop, "ready")
    arrive(deliveries("ready"))
    assert correcting.find(shop.order).told == []


def test_whoever_was_told_the_truth_since_needs_no_correction(false_alarm: Any):
    tap(false_alarm, "confirmed", LATER + timedelta(minutes=1))
    tap(false_alarm, "preparing", LATER + timedelta(minutes=2))
    arrive(deliveries("preparing"))
    assert correcting.find(false_alarm.order).told == []


def test_one_false_claim_can_be_asked_for(false_alarm: Any):
    ready = StatusChange.objects.get(status="ready", fact="status")
    back = StatusChange.objects.get(fact="reverted")
    assert len(correcting.find(false_alarm.order, ready).told) == 5
    assert correcting.find(false_alarm.order, back).told == []


# --- The correction ------------------------------------------------------------------


def test_it_quotes_the_claim_and_says_what_is_true(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    job = context.load([deliveries("correction")[0].pk])[0]
    assert gate(job, LATER) is None
    assert compose(job, LATER).message.text == "18:42 ready -> preparing"


def test_a_machine_is_told_that_it_is_a_correction(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    row = next(one for one in deliveries("correction") if one.address == "https://p.example")
    data = compose(context.load([row.pk])[0], LATER).message.data
    assert (data["event"], data["corrects"]) == ("correction", "ready")
    assert data["order"]["status"] == "preparing"


def test_pressing_twice_sends_once(false_alarm: Any):
    assert len(correcting.send(false_alarm.order.pk, "kim", LATER)) == 5
    assert correcting.send(false_alarm.order.pk, "lee", LATER) == []
    assert len(deliveries("correction")) == 5


def test_the_decision_names_the_person_and_the_reason(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    row = Decision.objects.filter(reason="corrected", audience="customer").get()
    assert row.sentence == (
        "Ada was told “ready” at 18:42, which is not true any more. kim takes it back by sms."
    )
    assert row.change == StatusChange.objects.get(fact="reverted")


def test_a_second_wrong_tap_is_corrected_again(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    arrive(deliveries("correction"))
    tap(false_alarm, "ready", LATER + timedelta(minutes=1))
    arrive([one for one in deliveries("ready") if one.state == State.QUEUED])
    tap(false_alarm, "preparing", LATER + timedelta(minutes=2))
    assert len(correcting.send(false_alarm.order.pk, "kim", LATER)) == 5


def test_without_words_for_it_nothing_goes_out_and_the_reason_is_kept(false_alarm: Any):
    false_alarm.brand.templates.filter(event="correction").delete()
    library.clear()
    notes = correcting.send(false_alarm.order.pk, "kim", LATER)
    assert [note.audience for note in notes] == ["partner"]  # machines need no words
    assert Decision.objects.filter(reason="no_template").count() == 4


# --- At hand-over ---------------------------------------------------------------------


def test_it_is_withdrawn_when_the_claim_is_true_again(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    tap(false_alarm, "ready", LATER)
    stop = stop_of(deliveries("correction")[0])
    assert (stop.reason, stop.state) == ("not_needed", State.CANCELLED)
    assert "true again" in stop.sentence


def test_it_waits_while_the_claim_is_being_sent_and_ends_when_that_fails(shop: Any):
    tap(shop, "ready")
    first = deliveries("ready")[0]
    arrive([first], State.SENDING)
    tap(shop, "preparing", LATER)
    correcting.send(shop.order.pk, "kim", LATER)
    (correction,) = deliveries("correction")
    assert stop_of(correction).until == LATER + timedelta(seconds=15)
    arrive([first], State.FAILED)
    assert stop_of(correction).reason == "not_needed"
    arrive([first], State.DELIVERED)
    assert stop_of(correction) is None


def test_consent_is_asked_again(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    row = next(one for one in deliveries("correction") if one.contact_point)
    recording.opt_out(row.contact_point, method="keyword", now=LATER, channel="sms")
    assert stop_of(row).reason == "consent"


def test_what_the_gate_stops_is_explained_on_the_timeline(false_alarm: Any):
    correcting.send(false_alarm.order.pk, "kim", LATER)
    tap(false_alarm, "ready", LATER)
    row = deliveries("correction")[0]
    Delivery.objects.filter(pk=row.pk).update(state=State.SENDING)
    job = context.load([row.pk])[0]
    stop = gate(job, LATER)
    assert stop is not None
    outcomes.stopped([(job, stop)], LATER)
    row = Delivery.objects.get(pk=row.pk)
    assert (row.state, row.notification.state) == (State.CANCELLED, "cancelled")
    assert Decision.objects.get(delivery=row).reason == "not_needed"


def test_messages_that_correct_nothing_cost_no_query(shop: Any, django_assert_num_queries: Any):
    tap(shop, "ready")
    rows = deliveries("ready")
    with django_assert_num_queries(0):
        assert claims.of(rows) == {}


# --- By a rule -----------------------------------------------------------------------


def test_where_a_rule_says_so_the_customer_is_corrected_at_once(shop: Any):
    Rule.objects.create(
        brand=shop.brand, slug="oops", name="Oops", events=["correction"], position=9
    )
    tap(shop, "ready")
    arrive(deliveries("ready"))
    tap(shop, "preparing", LATER)
    (only,) = deliveries("correction")
    assert (only.channel, only.notification.audience) == (shop.texts, "customer")
    row = Decision.objects.get(notification=only.notification)
    assert (row.reason, row.rule_name) == ("corrected", "Oops")
    assert len(correcting.find(shop.order).told) == 4  # the rooms: a person decides


def test_a_rule_for_corrections_says_when_there_is_nothing_to_correct(shop: Any):
    Rule.objects.create(brand=shop.brand, slug="oops", name="Oops", events=["correction"])
    tap(shop, "ready")
    tap(shop, "preparing", LATER)
    assert not deliveries("correction")
    row = Decision.objects.get(rule_name="Oops", change__fact="reverted")
    assert row.sentence == "Nobody had been told of it. Nothing has to be taken back."
    other = Decision.objects.get(rule_name="Oops", change__fact="status")
    assert other.reason == "other_event"


def test_a_test_order_is_corrected_by_no_rule(shop: Any):
    Rule.objects.create(brand=shop.brand, slug="oops", name="Oops", events=["correction"])
    tap(shop, "ready")
    arrive(deliveries("ready"))
    Order.objects.update(is_test=True)
    tap(shop, "preparing", LATER)
    assert not deliveries("correction")
