"""Amounts for other systems."""

from typing import Any

import pytest

from channels_app.wire.money import DIGITS, LARGEST, code_of, number, shown, written
from orders.parsing import EXPONENTS, minor_units


def test_amounts_are_written_as_the_sources_read_them() -> None:
    assert dict(DIGITS) == EXPONENTS
    for currency in ("USD", "JPY", "OMR", "CLF", "ZZZ"):
        for minor in (0, 1, -5, 2150, 10**13):
            assert minor_units(written(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text", "value"),
    [
        (2150, "USD", "21.50", 21.5),
        (5, "eur", "0.05", 0.05),
        (-2150, "USD", "-21.50", -21.5),
        (0, "USD", "0.00", 0.0),
        (1200, "JPY", "1200", 1200),
        (0, "JPY", "0", 0),
        (1500, "KWD", "1.500", 1.5),
        (1, "OMR", "0.001", 0.001),
        (12345, "CLF", "1.2345", 1.2345),
        (1, "UYW", "0.0001", 0.0001),
        (123456789012345, "USD", "1234567890123.45", 1234567890123.45),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(
    minor: int, currency: str, text: str, value: float
) -> None:
    assert written(minor, currency) == text
    assert shown(minor, currency) == f"{text} {code_of(currency)}"
    found = number(minor, currency)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("minor", "currency"),
    [
        (None, "USD"),
        ("2150", "USD"),
        (21.5, "USD"),
        (True, "USD"),
        (LARGEST + 1, "USD"),
        (2150, ""),
        (2150, None),
        (2150, "US"),
        (2150, "U$D"),
        (2150, "ÜSD"),
        (2150, ["USD"]),
    ],
)
def test_what_is_no_amount_of_a_currency_is_left_out(minor: Any, currency: Any) -> None:
    assert written(minor, currency) == ""
    assert shown(minor, currency) == ""
    assert number(minor, currency) is None


@pytest.mark.parametrize(("given", "code"), [("eur", "EUR"), ("USD", "USD"), ("EURO", ""), (5, "")])
def test_a_currency_is_three_letters(given: Any, code: str) -> None:
    assert code_of(given) == code
