"""Values for the fields of records in other systems."""

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from channels_app.contract import Message
from channels_app.failures import FailureKind, SendError
from channels_app.wire import lines, record_fields

LONGEST = 40
DATA: dict[str, Any] = {
    "event": "ready",
    "brand": "Nonna",
    "order": {
        "number": "#1024",
        "external_id": "5501",
        "total_minor": 2150,
        "currency": "EUR",
        "attributes": {"table": "12", "on": True, "guests": 3},
    },
    "items": [{"name": "Margherita", "quantity": 2}, {"name": "Tea"}],
    "tracking": [{"number": "Z1"}, {"number": "Z2", "url": None}],
    "customer": {"phone": None, "opted_out": ["sms", "email", None]},
}
MESSAGE = Message(to="Deals", text="Order #1024 is ready.", ref="ref-1", data=DATA)


def with_order(**order: Any) -> Message:
    return Message(to="", text="", ref="", data={"order": order})


@pytest.mark.parametrize(
    ("minor", "currency", "number", "text", "shown"),
    [
        (2150, "EUR", 21.5, "21.50", "21.50 EUR"),
        (2100, "EUR", 21, "21.00", "21.00 EUR"),
        (1200, "JPY", 1200, "1200", "1200 JPY"),
        (12345, "KWD", 12.345, "12.345", "12.345 KWD"),
        (12345, "OMR", 12.345, "12.345", "12.345 OMR"),  # a rial has 1,000 baisa
        (-50, "usd", -0.5, "-0.50", "-0.50 USD"),
        (0, "EUR", 0, "0.00", "0.00 EUR"),
        (100, "", "", "", ""),
        (None, "EUR", "", "", ""),
        (True, "EUR", "", "", ""),
        ("9", "EUR", "", "", ""),
    ],
)
def test_an_amount_is_a_number_or_a_text(
    minor: Any, currency: str, number: Any, text: str, shown: str
) -> None:
    for name in ("total", "refunded"):
        message = with_order(**{f"{name}_minor": minor, "currency": currency})
        found = record_fields.value(message, f"order.{name}", LONGEST)
        assert (found, type(found)) == (number, type(number))
        assert record_fields.text(message, f"order.{name}", LONGEST) == text
        assert record_fields.value(message, f"order.{name}_text", LONGEST) == shown


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("text", "Order #1024 is ready."),
        ("to", "Deals"),
        ("ref", "ref-1"),
        ("title", "#1024 · Nonna"),
        ("items", "2 × Margherita, 1 × Tea"),
        ("event", "ready"),
        ("event.deeper", ""),
        ("order", ""),
        ("order.total_minor", 2150),
        ("order.attributes.table", "12"),
        ("order.attributes.guests", 3),
        ("order.attributes.on", ""),
        ("tracking.number", "Z2"),
        ("tracking.url", ""),
        ("customer.opted_out", "email;sms"),
        ("customer.phone", ""),
        ("store.name", ""),
    ],
)
def test_a_value_is_found_by_its_path(path: str, expected: Any) -> None:
    assert record_fields.value(MESSAGE, path, LONGEST) == expected
    assert record_fields.text(MESSAGE, path, LONGEST) == str(expected)


def test_a_long_text_is_cut_and_what_is_not_known_is_left_out() -> None:
    message = Message(to="", text="x" * 50, ref="", data={"order": {"total_minor": 0}})
    wanted = {"A": "text", "B": "order.total_minor", "C": "order.number"}
    assert record_fields.values(message, wanted, LONGEST) == {"A": "x" * 40, "B": 0}
    assert record_fields.texts(message, wanted, LONGEST) == {"A": "x" * 40, "B": "0"}


def test_a_record_is_known_by_the_chosen_id() -> None:
    assert record_fields.key(MESSAGE, "", LONGEST) == "5501"
    assert record_fields.key(MESSAGE, "order.number", LONGEST) == "#1024"
    with pytest.raises(SendError) as caught:
        record_fields.key(MESSAGE, "order.id", LONGEST)
    assert caught.value.kind is FailureKind.CONTENT_REJECTED
    assert caught.value.code == "no_external_id"


def test_lines_are_read_as_the_system_names_its_fields() -> None:
    text = "a_b = text\n\n  c=order.attributes.table  "
    found = record_fields.fields(text, "[a-z_]+", "No.")
    assert found == {"a_b": "text", "c": "order.attributes.table"}


@pytest.mark.parametrize(
    "line", ["a b", "A = text", "a = secret.key", "a == text", "a = texts", "a = order.b.c.d"]
)
def test_a_line_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"^Write it so\.$"):
        record_fields.fields(f"a = text\n{line}", "[a-z_]+", "Write it so.")


def test_a_form_says_what_is_wrong_with_a_line() -> None:
    def read(text: str) -> dict[str, str]:
        return lines.table(text, re.compile("([a-z]+)=([0-9]+)"))

    assert lines.checked("a=1", read) == "a=1"
    with pytest.raises(ValidationError, match="Look at b=x again"):
        lines.checked("a=1\nb=x", read, "Look at %s again")
