"""An order as a ticket: the destination's address, and what is said of the customer."""

import re
from typing import Any

import pytest

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire import tickets

FIELDS = {"group": "group_id", "form": "ticket_form_id"}
TAG = re.compile(r"[\w:]{1,10}")


def about(**data: Any) -> Message:
    return Message(to="", text="", ref="", data=data)


def test_an_address_names_ids_and_tags() -> None:
    found = tickets.place_of("group:21, form:5 Harbour,at:noon", FIELDS, TAG)
    assert found.ids == {"group_id": 21, "ticket_form_id": 5}
    assert found.tags == ["Harbour", "at:noon"]


@pytest.mark.parametrize("word", ["group:", "group:x", "form:1x", "group:" + "1" * 19, "a<b"])
def test_a_word_that_is_neither_is_refused_with_what_may_stand_there(word: str) -> None:
    with pytest.raises(SendError, match=r"group:<id>, form:<id>\.$") as caught:
        tickets.place_of(f"vip {word}", FIELDS, TAG)
    assert caught.value.kind is FailureKind.RECIPIENT_INVALID


def test_a_ticket_is_found_by_our_id_or_the_shops() -> None:
    assert tickets.order_of(about(order={"id": 7, "external_id": "x"}), "Desk") == "7"
    assert tickets.order_of(about(order={"external_id": "x"}), "Desk") == "x"
    with pytest.raises(SendError, match="to Desk") as caught:
        tickets.order_of(about(order=[]), "Desk")
    assert caught.value.code == "no_order"


@pytest.mark.parametrize(
    ("subject", "order", "expected"),
    [("It is\n ready", {"number": "#1"}, "It is ready"), ("", {"number": "#1"}, "Order #1"),
     ("", None, "Order")],
)  # fmt: skip
def test_a_subject_is_one_line(subject: str, order: Any, expected: str) -> None:
    message = Message(to="", text="", ref="", subject=subject, data={"order": order})
    assert tickets.subject_of(message) == expected


def test_a_customer_has_a_name_and_wishes() -> None:
    assert tickets.name_of({"name": " Ada Lovelace ", "given_name": "Ada"}) == "Ada Lovelace"
    assert tickets.name_of({"name": "", "given_name": "Ada"}) == "Ada"
    assert tickets.name_of({"name": None}) == ""
    assert tickets.wishes(about(customer={"opted_out": ["sms", "email"]})) == ["no_sms", "no_email"]
    assert tickets.wishes(about(customer={"opted_out": "sms"})) == []
