"""Freshdesk: the simple and the written content of a rule, and tickets that are no orders."""

from typing import Any

import pytest

from orders.contract import Contact, Malformed, OrderEvent, Raw, Unmappable
from orders.sources.freshdesk.source import SOURCE
from tests.orders.sources.automation_bodies import written

SIMPLE = {
    "ticket_id": 42,
    "ticket_subject": "Order 1001",
    "ticket_status": "Open",
    "ticket_requester_email": "ada@example.com",
    "ticket_cf_order_id": "1001",
    "ticket_cf_order_status": "Out for delivery",
}


def read(value: dict[str, Any], settings: Any = None) -> OrderEvent:
    (event,) = SOURCE.map("order.updated", {}, written(value), settings or {})
    return event


def test_the_simple_content_of_a_rule_is_read() -> None:
    event = read({"freshdesk_webhook": SIMPLE})
    assert (event.external_id, event.status) == ("1001", "out_for_delivery")
    assert event.contact == Contact(email="ada@example.com")
    assert event.aliases == ["freshdesk:42"]


def test_the_tickets_own_status_is_not_the_orders() -> None:
    plain = {n: one for n, one in SIMPLE.items() if n != "ticket_cf_order_status"}
    event = read({"freshdesk_webhook": plain})
    assert (event.status, event.unmapped_status, event.source_status) == ("", "", "")
    mine = {"fields": {"status": "ticket_status"}, "status_map": {"Open": "confirmed"}}
    assert read({"freshdesk_webhook": plain}, mine).status == "confirmed"


def test_fields_with_other_names_are_found_where_the_connection_says() -> None:
    value = {"ticket_id": 42, "ticket_cf_number123": "7", "ticket_cf_state": "Ready"}
    mine = {"fields": {"order_id": "ticket_cf_number123", "status": "ticket_cf_state"}}
    event = read({"freshdesk_webhook": value}, mine)
    assert (event.external_id, event.status) == ("7", "ready")


def test_a_ticket_without_an_order_only_moves_one_that_it_named_before() -> None:
    event = read({"freshdesk_webhook": {"ticket_id": 42, "ticket_cf_order_status": "ready"}})
    assert (event.external_id, event.may_create) == ("freshdesk:42", False)


def test_a_ticket_that_says_neither_is_shown_to_a_person() -> None:
    with pytest.raises(Unmappable, match="order_id"):
        read({"freshdesk_webhook": {"ticket_subject": "hello"}})


def test_quotation_marks_that_break_the_json_are_refused_not_guessed() -> None:
    body = b'{"order_id": "1", "customer_name": "Ada "the" Lovelace"}'
    with pytest.raises(Malformed, match="not valid JSON"):
        SOURCE.identify(Raw({}, body))


def test_the_same_words_count_once_and_others_again() -> None:
    keys = [
        SOURCE.identify(Raw({}, written({"freshdesk_webhook": one})))[0].event_key
        for one in (SIMPLE, SIMPLE, {**SIMPLE, "ticket_cf_order_status": "Delivered"})
    ]
    assert keys[0] == keys[1] != keys[2]
