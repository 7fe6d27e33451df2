"""The timeline keeps one truth whatever the order of arrival."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.contract import Clock, Contact, Group, Line, OrderEvent, Refund, Tracking
from orders.loading import Word
from orders.models import Customer, Order, StatusChange
from orders.timeline import record, set_status
from tests.factories import ConnectionFactory, StoreFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(minutes: int) -> Clock:
    return Clock(at=NOON + timedelta(minutes=minutes))


def snapshot(status: str, minutes: int, external_id: str = "1", **rest) -> OrderEvent:
    return OrderEvent(
        external_id=external_id, topic="order.updated", status=status, clock=at(minutes), **rest
    )


def tell(connection, *events, mode="live", now=NOON + timedelta(hours=1)):
    return record([Word(event, connection, mode=mode) for event in events], now)


def moves(order):
    rows = StatusChange.objects.filter(order=order, fact="status", applied=True).order_by("id")
    return [(row.group_key, row.status) for row in rows]


def test_a_first_snapshot_makes_the_order_its_group_and_one_change():
    connection = ConnectionFactory()
    event = snapshot(
        "confirmed",
        0,
        display_number="#1",
        contact=Contact(name="Ada L", phone="(202) 555-0143", country="US", email="a@example.com"),
        lines=[Line("l1", "Margherita", "2")],
    )
    tell(connection, event)
    order = Order.objects.get()
    assert (order.status, order.display_number) == ("confirmed", "#1")
    assert (order.contact_phone, order.contact_email) == ("+12025550143", "a@example.com")
    assert [(g.key, g.status) for g in order.groups.all()] == [("main", "confirmed")]
    assert moves(order) == [("main", "confirmed")]
    assert order.customer is not None
    assert order.customer.name == "Ada L"


def test_an_older_snapshot_moves_nothing_but_its_tracking_and_refunds_are_kept():
    connection = ConnectionFactory()
    tell(connection, snapshot("ready", 10))
    late = snapshot(
        "confirmed",
        5,
        refunds=[Refund("r1", 300)],
        groups=[Group(key="main", tracking=[Tracking("1Z1", "UPS")])],
        total_minor=2000,
    )
    tell(connection, late)
    order = Order.objects.get()
    assert order.status == "ready"
    assert order.refunded_minor == 300
    assert "1Z1" in order.groups.get().tracking
    assert order.total_minor == 2000
    stale = StatusChange.objects.get(applied=False)
    assert (stale.status, stale.silent_why) == ("confirmed", "stale")


def test_the_same_snapshot_twice_changes_nothing():
    connection = ConnectionFactory()
    tell(connection, snapshot("ready", 10))
    tell(connection, snapshot("ready", 10), snapshot("ready", 10))
    assert StatusChange.objects.count() == 1


def test_a_newer_backward_move_is_applied_and_called_moved_back():
    connection = ConnectionFactory()
    tell(connection, snapshot("ready", 10), snapshot("preparing", 12))
    order = Order.objects.get()
    assert order.status == "preparing"
    assert StatusChange.objects.filter(fact="reverted", status="preparing").count() == 1


def test_reaching_a_status_again_after_moving_back_is_a_second_occurrence():
    connection = ConnectionFactory()
    tell(
        connection,
        snapshot("ready", 10),
        snapshot("preparing", 12),
        snapshot("ready", 15),
    )
    assert list(
        StatusChange.objects.filter(status="ready")
        .order_by("id")
        .values_list("occurrence", flat=True)
    ) == ["1", "2"]


def test_of_two_statuses_in_the_same_second_the_further_one_wins():
    for pair in (["confirmed", "preparing"], ["preparing", "confirmed"]):
        connection = ConnectionFactory()
        tell(connection, *[snapshot(status, 5) for status in pair])
        assert Order.objects.get(connection=connection).status == "preparing"


def test_events_without_any_clock_only_move_forward():
    connection = ConnectionFactory()
    for status in ("confirmed", "ready", "preparing"):
        tell(connection, OrderEvent(external_id="1", topic="x", status=status))
    assert Order.objects.get().status == "ready"


def test_replaying_what_was_understood_leaves_the_timeline_as_it_is():
    connection = ConnectionFactory()
    part = Group(key="main", status="confirmed", clock=at(0))
    told = [
        snapshot("confirmed", 0, groups=[part]),
        snapshot("preparing", 5),
        snapshot("ready", 10),
    ]
    for event in told:
        tell(connection, event)
    before = list(StatusChange.objects.order_by("id").values())
    for event in told:
        assert tell(connection, event, mode="replay").changes == []
    assert list(StatusChange.objects.order_by("id").values()) == before
    (late,) = tell(connection, told[1]).changes
    assert (late.status, late.applied, late.silent_why) == ("preparing", False, "stale")


def test_a_version_beats_a_later_time():
    connection = ConnectionFactory()
    newer = OrderEvent("1", "x", status="ready", clock=Clock(version=5, at=NOON))
    older = OrderEvent(
        "1", "x", status="confirmed", clock=Clock(version=4, at=NOON + timedelta(hours=1))
    )
    tell(connection, newer, older)
    assert Order.objects.get().status == "ready"


def test_what_staff_did_is_not_undone_by_a_shop_that_has_not_heard_of_it():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0))
    set_status(Order.objects.get(), "main", "ready", actor="kim", now=NOON + timedelta(minutes=5))
    tell(connection, snapshot("confirmed", 30, note="added a note"))
    order = Order.objects.get()
    assert (order.status, order.note) == ("ready", "added a note")


def test_a_cancelled_order_cancels_its_open_parts_but_not_what_was_delivered():
    connection = ConnectionFactory()
    lines = [Line("a", "Lamp", "1"), Line("b", "Desk", "1")]
    tell(connection, snapshot("confirmed", 0, lines=lines, lines_complete=True))
    one = Group(key="f1", lines=[("a", "1")], status="delivered", clock=at(5))
    tell(connection, OrderEvent("1", "fulfilment", groups=[one], clock=at(5)))
    tell(connection, snapshot("cancelled", 9))
    order = Order.objects.get()
    assert {g.key: g.status for g in order.groups.all()} == {"main": "cancelled", "f1": "delivered"}
    assert order.status == "delivered"


def test_a_parcel_with_all_lines_is_the_order_itself_and_no_split():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, lines=[Line("a", "Lamp", "1")]))
    parcel = Group(key="f9", aliases=["gid9"], lines=[("a", "1")], status="out_for_delivery")
    tell(connection, OrderEvent("1", "f", groups=[parcel], clock=at(3)))
    order = Order.objects.get()
    assert [(g.key, g.aliases) for g in order.groups.all()] == [("main", ["f9", "gid9"])]
    assert moves(order) == [("main", "confirmed"), ("main", "out_for_delivery")]


def test_two_parcels_give_two_parts_and_one_word_for_the_whole_at_the_end():
    connection = ConnectionFactory()
    lines = [Line("a", "Lamp", "1"), Line("b", "Desk", "1")]
    tell(connection, snapshot("confirmed", 0, lines=lines))
    for key, line, minute in (("f1", "a", 3), ("f2", "b", 4)):
        parcel = Group(key=key, lines=[(line, "1")], status="out_for_delivery", clock=at(minute))
        tell(connection, OrderEvent("1", "f", groups=[parcel], clock=at(minute)))
    for key, minute in (("f1", 30), ("f2", 40)):
        parcel = Group(key=key, status="delivered", clock=at(minute))
        tell(connection, OrderEvent("1", "f", groups=[parcel], clock=at(minute)))
    order = Order.objects.get()
    assert order.status == "delivered"
    assert moves(order)[-1] == ("", "delivered")
    parts = StatusChange.objects.filter(part=True, status="delivered").count()
    assert parts == 2


def test_a_full_refund_of_an_order_that_was_never_handed_over_makes_it_refunded():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, total_minor=1000, currency="USD"))
    tell(connection, OrderEvent("1", "refund", refunds=[Refund("r1", 1000)], clock=at(2)))
    assert Order.objects.get().status == "refunded"
    assert StatusChange.objects.get(fact="refund").silent_why == "covered"


def test_a_source_that_only_says_all_of_it_went_back_makes_the_order_refunded():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, total_minor=1000, currency="USD"))
    tell(connection, OrderEvent("1", "refund", refunded_in_full=True, clock=at(2)))
    assert Order.objects.get().status == "refunded"


def test_a_partial_refund_is_a_fact_and_no_status():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, total_minor=1000))
    tell(connection, OrderEvent("1", "refund", refunds=[Refund("r1", 400)], clock=at(2)))
    order = Order.objects.get()
    assert order.status == "confirmed"
    assert StatusChange.objects.get(fact="refund").data["amount_minor"] == 400


def test_a_test_order_and_an_import_are_silent():
    connection = ConnectionFactory()
    tell(connection, snapshot("ready", 0, "t", test=True))
    tell(connection, snapshot("ready", 0, "i"), mode="import")
    assert sorted(StatusChange.objects.values_list("silent_why", flat=True)) == ["import", "test"]


def test_changed_lines_of_a_known_order_are_an_edit_that_names_them():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, lines=[Line("a", "Lamp", "2")]))
    edited = [Line("a", "Lamp", "1"), Line("b", "Desk", "1")]
    tell(connection, snapshot("confirmed", 5, lines=edited, lines_complete=True))
    change = StatusChange.objects.get(fact="edited")
    assert change.data == {
        "added": [{"name": "Desk", "quantity": "1"}],
        "removed": [{"name": "Lamp", "quantity": "1"}],
    }


def test_a_new_time_is_told_once_and_a_delay_instead_of_it():
    connection = ConnectionFactory()
    tell(connection, snapshot("preparing", 0, groups=[Group(ready_at=NOON + timedelta(hours=2))]))
    later = Group(ready_at=NOON + timedelta(hours=3))
    tell(connection, OrderEvent("1", "eta", groups=[later], clock=at(5)))
    tell(connection, OrderEvent("1", "eta", groups=[later], clock=at(6)))
    late = Group(ready_at=NOON + timedelta(hours=4), delayed=True, delay_reason="Oven broke")
    tell(connection, OrderEvent("1", "delay", groups=[late], clock=at(7)))
    facts = (
        StatusChange.objects.exclude(fact="status").order_by("id").values_list("fact", flat=True)
    )
    assert list(facts) == ["eta", "delayed"]
    assert StatusChange.objects.get(fact="delayed").data["reason"] == "Oven broke"


TWINS = ("820982911946154508", "820982911946154509")
BOTH_ROUNDED = "820982911946154500"


def exact(number: str, status: str, minutes: int) -> OrderEvent:
    """An event whose sender knows the exact number, and the one that JavaScript makes of it."""
    return snapshot(
        status, minutes, number, aliases=[f"gid://shopify/Order/{number}", BOTH_ROUNDED]
    )


def test_two_orders_whose_numbers_round_alike_stay_two():
    connection = ConnectionFactory()
    first, second = TWINS
    tell(connection, exact(first, "confirmed", 0))
    tell(connection, exact(second, "confirmed", 1))
    tell(connection, exact(second, "ready", 2))
    found = {order.external_id: order.status for order in Order.objects.all()}
    assert found == {first: "confirmed", second: "ready"}
    # A sender that only knows the rounded number may mean either: nobody is moved by a guess.
    only_rounded = snapshot("cancelled", 3, BOTH_ROUNDED, may_create=False)
    assert tell(connection, only_rounded).orders == [None]


def test_a_number_that_javascript_rounded_still_finds_its_order():
    connection = ConnectionFactory()
    tell(connection, snapshot("confirmed", 0, "820982911946154508"))
    event = OrderEvent(
        "820982911946154500", "refund", refunds=[Refund("r", 5)], may_create=False, clock=at(1)
    )
    tell(connection, event)
    assert Order.objects.get().refunded_minor == 5


def test_a_word_about_an_unknown_order_that_may_not_create_it_is_given_back():
    connection = ConnectionFactory()
    got = tell(connection, OrderEvent("77", "refund", may_create=False, clock=at(1)))
    assert got.orders == [None]
    assert not Order.objects.exists()


def test_the_same_phone_is_the_same_customer_and_another_brand_knows_nobody():
    first, other = ConnectionFactory(), ConnectionFactory()
    contact = Contact(name="Ada", phone="+12025550143")
    for connection, number in ((first, "1"), (first, "2"), (other, "3")):
        tell(connection, snapshot("confirmed", 0, number, contact=contact))
    assert Customer.objects.filter(brand=first.brand).count() == 1
    assert Customer.objects.filter(brand=other.brand).count() == 1


def test_the_body_names_the_store():
    connection = ConnectionFactory()
    StoreFactory(brand=connection.brand)
    store = StoreFactory(brand=connection.brand, external_refs=["loc-7"])
    tell(connection, snapshot("confirmed", 0, location="loc-7"))
    assert Order.objects.get().store == store


HISTORY = [
    snapshot("placed", 0, total_minor=2000, lines=[Line("a", "Lamp", "1"), Line("b", "Desk", "1")]),
    snapshot("confirmed", 1, contact=Contact(name="Ada", email="a@example.com")),
    OrderEvent("1", "f", clock=at(3), groups=[Group("f1", lines=[("a", "1")], status="ready")]),
    OrderEvent("1", "f", clock=at(4), groups=[Group("f2", lines=[("b", "1")], status="preparing")]),
    OrderEvent("1", "f", clock=at(6), groups=[Group("f1", status="picked_up")]),
    OrderEvent("1", "r", clock=at(7), refunds=[Refund("r1", 100)]),
    OrderEvent("1", "f", clock=at(8), groups=[Group("f2", status="picked_up")]),
    snapshot("confirmed", 9, note="thanks"),
]


def picture(order: Order) -> dict[str, object]:
    """What an order is, without the names that its parts happened to get."""
    alive = [g for g in order.groups.all() if g.status]
    names = {line.line_id: f"{line.quantity:g}" for line in order.lines.all()}
    claimed = {line for g in alive for line in g.lines}
    parts = sorted(
        (sorted(g.lines) or sorted(set(names) - claimed), g.status)
        for g in alive
        if g.lines or set(names) - claimed or len(alive) == 1
    )
    return {
        "status": order.status,
        "parts": parts,
        "refunded": order.refunded_minor,
        "contact": (order.contact_name, order.contact_email),
        "note": order.note,
        "total": order.total_minor,
        "lines": names,
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(len(HISTORY))), repeats=st.lists(st.integers(0, 7), max_size=5))
def test_any_order_of_arrival_with_repeats_ends_in_the_same_state(db, order, repeats):
    truth = ConnectionFactory()
    for event in HISTORY:
        tell(truth, event)
    shuffled = ConnectionFactory()
    for index in [*order, *repeats]:
        tell(shuffled, HISTORY[index])
    expected, got = (Order.objects.get(connection=c) for c in (truth, shuffled))
    assert picture(got) == picture(expected)
    told = StatusChange.objects.filter(order=got, applied=True, fact="status")
    keys = list(told.values_list("group_key", "status", "occurrence"))
    assert len(keys) == len(set(keys))
    assert not told.exclude(occurrence="1").exists()


def test_all_orders_of_a_short_life_end_alike():
    events = [snapshot(s, i) for i, s in enumerate(("placed", "confirmed", "ready", "picked_up"))]
    for order in permutations(events):
        connection = ConnectionFactory()
        tell(connection, *order)
        assert Order.objects.get(connection=connection).status == "picked_up"
