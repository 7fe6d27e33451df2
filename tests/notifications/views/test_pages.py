"""What the pages show, what they cost, and that looking changes nothing."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from channels_app.models import Channel
from notifications.models import Attempt, Delivery, Notification, ReceiptRecord
from orders.models import InboundEvent, Order, SourceConnection, StatusChange
from tests.factories import ChannelFactory, ConnectionFactory, CustomerFactory, StoreFactory
from tests.notifications.views.rows import (
    make_change,
    make_contact,
    make_decision,
    make_delivery,
    make_event,
    make_notification,
    make_order,
    make_told,
    make_written,
)

LISTS = ["home", "board", "orders", "deliveries", "inbox", "phones"]
HOSTILE = "<script>alert('x')</script>"
ESCAPED = "&lt;script&gt;"
pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(brand) -> Channel:
    return ChannelFactory(brand_id=brand.pk, name="Text messages")


def page_of(client, name, *args, **query) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def fill(connection, channel, count: int) -> None:
    """`count` orders with all that can hang on one, each of a customer of its own."""
    for _ in range(count):
        order = make_order(connection=connection)
        order.lines.create(line_id="1", name="Margherita", quantity=1)
        make_contact(order)
        event = make_event(connection, order=order, state="failed", error="Not known.")
        change = make_change(order, event=event)
        note = make_notification(order, change, state="failed")
        make_delivery(note, channel=channel, state="unknown")
        make_decision(order, change)
        staff = make_notification(order, change, audience="staff", customer=None)
        make_delivery(staff, channel=channel)
        make_written(order, "Where is it?", channel)


def queries_of(client, address: str) -> int:
    with CaptureQueriesContext(
        database,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_the_same_number_of_queries_with_more_rows(staff, connection, channel, name):
    fill(connection, channel, 2)
    few = queries_of(staff, reverse(name))
    fill(connection, channel, 9)
    assert queries_of(staff, reverse(name)) <= few
    assert few <= 20


def test_an_order_page_costs_the_same_with_a_longer_story(staff, connection, channel):
    order = make_order(connection=connection)
    address = reverse("order", args=[order.pk])

    def go_on() -> None:
        change = make_change(order, event=make_event(connection, order=order))
        delivery = make_delivery(make_notification(order, change), channel=channel)
        make_decision(order, change, delivery=delivery, verdict="drop")
        ReceiptRecord.objects.create(
            channel=channel, delivery=delivery, event_key=f"r{delivery.pk}", at=timezone.now()
        )
        make_written(order, "Hello", channel, reply=make_notification(order))

    go_on()
    few = queries_of(staff, address)
    for _ in range(8):
        go_on()
    assert queries_of(staff, address) <= few
    assert few <= 20


def rungs(client, order) -> list[str]:
    """The steps of an order's page as a person reads them, each with its sign."""
    (shown,) = re.findall(r'<ol class="ladder">(.*?)</ol>', page_of(client, "order", order.pk))
    found = re.findall(r'<li class="step-(\w+)".*?</span><span>(.*?)</span></li>', shown)
    return [f"{place}: {step}" for place, step in found]


@pytest.mark.parametrize(("end", "word"), [("cancelled", "Cancelled"), ("refunded", "Refunded")])
def test_an_order_that_was_called_off_shows_only_what_really_happened(staff, connection, end, word):
    order = make_order(connection=connection, status=end, fulfilment_type="pickup")
    assert rungs(staff, order) == ["done: Placed", f"now: {word}"]
    make_change(order, "preparing")
    make_change(order, "ready", applied=False)
    make_change(order, "confirmed", group_key="another")
    make_change(order, end)
    assert rungs(staff, order) == ["done: Placed", "done: Preparing", f"now: {word}"]


def test_an_order_under_way_still_shows_what_is_ahead(staff, connection):
    order = make_order(connection=connection, status="preparing", fulfilment_type="pickup")
    shown = ["done: Placed", "now: Preparing", "ahead: Ready", "ahead: Picked up"]
    assert rungs(staff, order) == shown


def snapshot() -> list[list[tuple]]:
    models = (Order, StatusChange, InboundEvent, Notification, Delivery, Attempt, SourceConnection)
    return [list(model.objects.order_by("pk").values_list()) for model in models]


def test_looking_changes_nothing(staff, connection, channel):
    fill(connection, channel, 2)
    order, event = Order.objects.first(), InboundEvent.objects.first()
    before = snapshot()
    for name in LISTS:
        page_of(staff, name)
        page_of(staff, name, live="old")
    page_of(staff, "order", order.pk)
    page_of(staff, "inbox_event", event.pk)
    page_of(staff, "tracking", order.token)
    assert snapshot() == before
    for address in (reverse("move", args=[order.pk]), reverse("replay"), reverse("answer")):
        assert staff.get(address).status_code == 405


@pytest.mark.parametrize("name", LISTS)
def test_a_live_part_answers_204_until_something_changes(staff, connection, name):
    first = page_of(staff, name, live="old")
    digest = first.split("live=")[1].split('"')[0]
    assert staff.get(reverse(name), {"live": digest}).status_code == 204
    order = make_order(connection=connection, external_id="NEWCOMER")
    make_told(order, channel=ChannelFactory(brand_id=order.brand_id))
    make_event(connection, state="failed", error="NEWCOMER")
    changed = staff.get(reverse(name), {"live": digest})
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()
    assert digest not in changed.content.decode().split("hx-trigger")[0]


# --- Order page -------------------------------------------------------------------


def test_the_exact_text_is_shown_and_what_people_wrote_is_escaped(staff, connection, channel):
    order = make_order(
        connection=connection,
        contact_name=HOSTILE,
        contact_given_name=HOSTILE,
        display_number=HOSTILE,
        customer=CustomerFactory(brand=connection.brand, name=HOSTILE, given_name=HOSTILE),
        note=HOSTILE,
    )
    order.lines.create(line_id="1", name=HOSTILE, quantity=1)
    make_contact(order)
    make_told(order, text=f"Ready, {HOSTILE}!  Two  spaces.", channel=channel)
    make_written(order, HOSTILE, channel)
    event = make_event(connection, body=HOSTILE.encode(), topic=HOSTILE, error=HOSTILE)
    pages = [page_of(staff, name) for name in LISTS]
    pages += [page_of(staff, "order", order.pk), page_of(staff, "inbox_event", event.pk)]
    pages.append(page_of(staff, "tracking", order.token))
    for page in pages:
        assert "<script>alert" not in page
        assert ESCAPED in page
    exact = "Ready, &lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;!  Two  spaces."
    assert exact in page_of(staff, "order", order.pk)


def test_an_order_says_who_was_told_and_why_another_rule_kept_silent(staff, connection, channel):
    order = make_order(connection=connection, status="ready")
    change = make_change(order)
    note = make_notification(order, change)
    failed = {"state": "failed", "reason": "The number is a landline."}
    make_delivery(note, "First words", channel, **failed)
    make_delivery(note, "Second words", channel, state="read")
    sent = "Ada likes texts."
    make_decision(order, change, verdict="send", sentence=sent, notification=note)
    make_decision(order, change, rule_name="Review", sentence="No agreement is on record.")
    make_decision(
        order, change, rule_name="Partner", reason="other_event", sentence="It is about refunds."
    )
    page = page_of(staff, "order", order.pk).partition('class="timeline"')[2]
    places = [
        page.index(words)
        for words in (
            sent,
            "First words",
            "The number is a landline.",
            "Second words",
            "No agreement is on record.",
            "1 other rule did not apply",
            "It is about refunds.",
        )
    ]
    assert places == sorted(places)


def test_what_a_customer_wrote_stands_on_the_timeline_with_its_answer(staff, connection, channel):
    order = make_order(connection=connection)
    reply = make_notification(order)
    make_delivery(reply, "It is in the oven.", channel)
    make_written(order, "Where is it?", channel, understood_as="status", reply=reply)
    page = page_of(staff, "order", order.pk)
    assert page.count("It is in the oven.") == 2  # on the timeline, and as what was told last
    assert page.index("asked where the order is") < page.index("Where is it?")


def test_contacts_are_masked(staff, connection, channel):
    order = make_order(connection=connection, contact_phone="", contact_email="")
    make_contact(order, address="+12025550143")
    make_contact(order, kind="email", address="ada@example.com")
    make_told(order, channel=channel)
    for page in (page_of(staff, "order", order.pk), page_of(staff, "deliveries")):
        assert "2025550143" not in page
        assert "ada@example.com" not in page
    assert "a•••@example.com" in page_of(staff, "order", order.pk)


@pytest.mark.parametrize("query", ["#4711", "4711", "471", "#47"])
def test_an_order_is_found_by_its_number_or_its_beginning(staff, connection, query):
    make_order(connection=connection, external_id="4711")
    make_order(connection=connection, external_id="9944711")
    page = page_of(staff, "orders", q=query)
    assert "#4711" in page
    assert "#9944711" not in page


def test_a_page_of_orders_leads_to_the_older_ones(staff, connection):
    for number in range(53):
        make_order(connection=connection, external_id=f"N{number:03}")
    first = page_of(staff, "orders")
    older = first.split('href="?before=')[1].split('"')[0]
    second = page_of(staff, "orders", before=older)
    assert "#N003" in first
    assert "#N002" not in first
    assert [n for n in range(53) if f"#N{n:03}" in second] == [0, 1, 2]


# --- Delivery log -------------------------------------------------------------------


def test_the_log_pages_by_key_without_losing_or_repeating_a_row(staff, connection, channel):
    order = make_order(connection=connection)
    for number in range(120):
        make_delivery(make_notification(order), f"<{number:03}>", channel)
    seen, query = [], {}
    for _page in range(3):
        page = page_of(staff, "deliveries", **query)
        seen += [n for n in range(119, -1, -1) if f"&lt;{n:03}&gt;" in page]
        link = page.partition('href="?before=')[2]
        query = {"before": link.split('"')[0]}
    assert link == ""
    assert seen == list(range(119, -1, -1))


def test_the_log_is_filtered_by_state_channel_audience_and_store(staff, connection, channel, store):
    other = ChannelFactory(brand_id=connection.brand_id)
    order = make_order(connection=connection)
    in_store = make_order(connection=connection, store=store)
    make_delivery(make_notification(order), "words-failed", channel, state="failed")
    make_delivery(make_notification(order), "words-channel", other)
    make_delivery(make_notification(order, audience="staff"), "words-staff", channel)
    make_delivery(make_notification(in_store), "words-store", channel)
    wanted = [
        ({"state": "failed"}, "words-failed"),
        ({"channel": other.pk}, "words-channel"),
        ({"audience": "staff"}, "words-staff"),
        ({"store": store.pk}, "words-store"),
    ]
    everything = {words for _query, words in wanted}
    for query, words in wanted:
        page = page_of(staff, "deliveries", **query)
        assert {one for one in everything if one in page} == {words}


def test_a_day_of_the_log_is_a_day_on_the_clock_of_the_store(staff, connection, channel, brand):
    StoreFactory(brand=brand, time_zone="America/New_York")
    order = make_order(connection=connection)
    day = timezone.now().replace(year=2026, month=3, day=3, hour=4, minute=59)
    for index, at in enumerate((day, day + timedelta(minutes=2), day + timedelta(hours=24))):
        make_delivery(make_notification(order), f"words-{index}", channel, created_at=at)
    page = page_of(staff, "deliveries", date="2026-03-03")
    assert [n for n in range(3) if f"words-{n}" in page] == [1, 2]
    assert "words-0" in page_of(staff, "deliveries", date="2026-03-02")


@pytest.mark.parametrize(
    "query",
    [
        {"before": "x"},
        {"before": "9" * 40},
        {"state": "nonsense"},
        {"channel": "1'"},
        {"date": "?"},
    ],
)
def test_nonsense_in_the_address_breaks_nothing(staff, connection, channel, query):
    make_told(make_order(connection=connection), channel=channel)
    for name in LISTS:
        page_of(staff, name, **query)
    page_of(staff, "inbox", connection="9" * 18)


# --- Inbox ----------------------------------------------------------------------------


def test_the_inbox_shows_why_and_the_raw_body_beside_what_it_became(staff, connection):
    order = make_order(connection=connection)
    error = "Status “cooking” is not known."
    event = make_event(connection, body=b'{"a":{"b":1}}', order=order, error=error, state="failed")
    make_change(order, "preparing", event=event)
    make_event(connection, topic="fine/one")
    page = page_of(staff, "inbox", state="failed")
    assert error in page
    assert "fine/one" not in page
    detail = page_of(staff, "inbox_event", event.pk)
    assert "{\n  &quot;a&quot;: {\n    &quot;b&quot;: 1\n  }\n}" in detail
    assert detail.index("What it became") < detail.index("<strong>Preparing</strong>")


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00 not json", b"[" * 50_000, b'{"x": "' + b"y" * 90_000 + b'"}', b""]
)
def test_any_body_can_be_looked_at_and_a_large_one_is_cut(staff, connection, body):
    event = make_event(connection, body=body)
    page = page_of(staff, "inbox_event", event.pk)
    assert len(page) < 60_000


def test_replay_puts_chosen_events_back_in_line_quietly_by_default(staff, connection):
    chosen = make_event(connection, state="failed", error="Oh.", attempts=3)
    other = make_event(connection, state="failed")
    answer = staff.post(reverse("replay"), {"event": chosen.pk})
    assert answer.status_code == 302
    chosen.refresh_from_db()
    other.refresh_from_db()
    assert (chosen.state, chosen.error, chosen.mode) == ("received", "", "replay")
    assert other.state == "failed"


def test_replay_as_new_keeps_the_mode_and_a_wrong_mode_is_refused(staff, connection):
    event = make_event(connection, state="failed", mode="live")
    staff.post(reverse("replay"), {"event": event.pk, "mode": "live'"})
    event.refresh_from_db()
    assert event.state == "failed"
    staff.post(reverse("replay"), {"event": event.pk, "mode": ""})
    event.refresh_from_db()
    assert (event.state, event.mode) == ("received", "live")


def test_a_connection_that_refuses_calls_says_so(staff, brand):
    ConnectionFactory(brand=brand, refused_count=3, refused_why="Bad signature.")
    page = page_of(staff, "inbox")
    assert "3 calls refused" in page
    assert "Bad signature." in page


# --- Home -----------------------------------------------------------------------------


def test_a_calm_home_says_that_nothing_waits(staff):
    assert "Nothing waits for you." in page_of(staff, "home")


def test_home_lists_what_needs_a_person_with_capped_counts(staff, connection, channel):
    order = make_order(connection=connection)
    for _ in range(101):
        make_notification(order, state="failed")
    make_delivery(make_notification(order), channel=channel, state="unknown")
    channel.paused_until = timezone.now() + timedelta(minutes=5)
    channel.paused_why = "The key is not accepted."
    channel.save()
    SourceConnection.objects.update(refused_count=1, refused_at=timezone.now())
    make_event(connection, state="failed")
    page = page_of(staff, "home")
    for words in (
        "99+</span> messages reached nobody",
        "1</span> message with an unknown fate",
        "1</span> order update not understood",
        "1</span> channel is paused",
        "Text messages: The key is not accepted.",
        "1</span> address refused calls",
    ):
        assert words in page
    assert 'class="band-bad"' in page


def test_old_failures_no_longer_ask_for_attention(staff, connection):
    order = make_order(connection=connection)
    make_notification(order, state="failed", created_at=timezone.now() - timedelta(days=3))
    assert "Nothing waits for you." in page_of(staff, "home")
