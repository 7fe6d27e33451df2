"""The hostile boundary: what is refused, what stays exact."""

import contextlib
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.contract import Malformed, Unmappable
from orders.parsing import (
    first_phone,
    html_text,
    identifier,
    js_rounded,
    minor_units,
    parse_json,
    plain,
    possible_phone,
    quantity,
    text,
    timestamp,
    web_address,
)

REFUSED = [
    pytest.param(b"", "not valid JSON", id="empty"),
    pytest.param(b'{"a": 1', "line 1, column", id="truncated"),
    pytest.param(b'{"a": 1} x', "not valid JSON", id="something behind"),
    pytest.param(b'{"a": NaN}', "NaN", id="NaN"),
    pytest.param(b'{"a": Infinity}', "Infinity", id="Infinity"),
    pytest.param(b'{"a": -Infinity}', "Infinity", id="minus Infinity"),
    pytest.param(b"\xff\xfe", "UTF-8 at byte 0", id="UTF-16 mark"),
    pytest.param(b'{"a": "\xc3\x28"}', "UTF-8 at byte 7", id="broken UTF-8"),
    pytest.param(b'{"a": "\xed\xa0\x80"}', "UTF-8", id="surrogate in UTF-8"),
    pytest.param(b'{"a": {"b": ["x", "\\ud800"]}}', "a.b[1] holds half", id="lone surrogate"),
    pytest.param(b'{"a": "\\udc00\\ud800"}', "a holds half", id="swapped surrogates"),
    pytest.param(b'{"a\\ud800": 1}', "the name of", id="lone surrogate in a name"),
    pytest.param(b'{"a": "x\\u0000y"}', "a holds a NUL", id="escaped NUL"),
    pytest.param(b'{"a\\u0000": 1}', "NUL", id="NUL in a name"),
    pytest.param(b'{"a": "x\x00y"}', "not valid JSON", id="bare NUL"),
    pytest.param(b'{"a": "x\ny"}', "not valid JSON", id="bare line break in a text"),
    pytest.param(b'{"a": ' + b"9" * 101 + b"}", "101 digits", id="endless number"),
    pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "5000 digits", id="number over Python's limit"),
    pytest.param(b'{"a": 0.' + b"1" * 200 + b"}", "characters", id="endless fraction"),
    pytest.param(b'{"a": 1e99999999}', "out of range", id="huge exponent"),
    pytest.param(b'{"a": 1e401}', "out of range", id="exponent over the limit"),
    pytest.param(b"[" * 65 + b"]" * 65, "deeper than 64", id="65 levels"),
    pytest.param(b"[" * 5000 + b"]" * 5000, "deeper than 64", id="5,000 levels of lists"),
    pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, "deeper", id="5,000 levels of objects"),
    pytest.param(b"[" * 200_000, "deeper than 64", id="never closed"),
    pytest.param(b'{"a": "' + b"[" * 9000, "", id="text that never ends"),
]


@pytest.mark.parametrize(("body", "why"), REFUSED)
def test_what_is_no_clean_json_is_refused_with_a_reason(body: bytes, why: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_json(body)
    assert why in str(refusal.value)
    str(refusal.value).encode()  # can be shown and stored


def test_brackets_inside_texts_are_no_depth() -> None:
    deep = "[{" * 500 + '\\"' + "[" * 500
    assert parse_json(b'{"a": "' + deep.encode() + b'"}') == {"a": deep.replace("\\", "")}


def test_as_deep_as_allowed_is_read() -> None:
    value = parse_json(b"[" * 64 + b"]" * 64)
    for _ in range(63):
        (value,) = value
    assert value == []


def test_a_list_of_many_objects_is_not_deep() -> None:
    assert len(parse_json(b"[" + b",".join([b"{}"] * 500) + b"]")) == 500


def test_whole_numbers_stay_exact_and_others_become_decimal() -> None:
    value = parse_json(b'{"id": 820982911946154508, "price": 0.1, "e": 1E+2}')
    assert value == {"id": 820982911946154508, "price": Decimal("0.1"), "e": Decimal(100)}
    assert not any(isinstance(one, float) for one in value.values())


ENDLESS = {
    "escaped quotes": b'"' + b'\\"' * 2_000_000,
    "quotes": b'"a' * 1_500_001,
    "ends in a backslash": b'"' + b"x" * 3_000_000 + b"\\",
    "open objects in a text": b'["' + b'{\\"' * 1_000_000,
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_megabytes_of_quotes_are_refused_in_no_time(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Malformed, match="not valid JSON"):
        parse_json(body)
    assert time.process_time() - started < 5  # trying each quote again would take hours


def test_a_real_surrogate_pair_and_a_byte_order_mark_are_read() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": "\\ud83c\\udf55"}') == {"a": "🍕"}


def test_an_escaped_backslash_before_u_is_no_surrogate() -> None:
    assert parse_json(b'{"a": "\\\\ud800"}') == {"a": "\\ud800"}


def test_of_a_repeated_member_the_last_one_counts() -> None:
    assert parse_json(b'{"id": 1, "id": 2}') == {"id": 2}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_json(body)


MONEY = [
    ("21.50", "USD", 2150),
    ("21.5", "usd", 2150),
    (21, "USD", 2100),
    (Decimal("21.50"), "EUR", 2150),
    ("1200", "JPY", 1200),
    ("1200.00", "JPY", 1200),
    ("1.234", "KWD", 1234),
    ("1.5", "BHD", 1500),
    ("-9.00", "USD", -900),
    ("0", "USD", 0),
    ("9.995", "USD", 1000),
    (" 7.10 ", "USD", 710),
    (".5", "USD", 50),
    ("9999999999999.99", "USD", 999999999999999),
]


@pytest.mark.parametrize(("amount", "currency", "minor"), MONEY)
def test_money_becomes_minor_units(amount: object, currency: str, minor: int) -> None:
    assert minor_units(amount, currency) == minor


JUNK: list[object] = [
    "",
    "x",
    "1,200.00",
    "1e3",
    "NaN",
    "$5",
    None,
    True,
    1.5,
    [],
    "٣",
    "9" * 25,
    "1" * 16,
]


@pytest.mark.parametrize("amount", JUNK)
def test_what_is_no_amount_is_unmappable(amount: object) -> None:
    with pytest.raises(Unmappable):
        minor_units(amount, "USD")


@pytest.mark.parametrize("currency", ["", "US", "DOLLAR", "U$D", None])
def test_what_is_no_currency_is_unmappable(currency: str) -> None:
    with pytest.raises(Unmappable):
        minor_units("1", currency)


HALF_PAST_SEVEN = datetime(2026, 11, 21, 19, 30, tzinfo=UTC)
TIMES = [
    "2026-11-21T19:30:00Z",
    "2026-11-21t19:30:00z",
    "2026-11-21T19:30:00+00:00",
    "2026-11-21T19:30:00.000+0000",
    "2026-11-21T14:30:00-05:00",
    "2026-11-21 19:30:00 +0000",
    "2026-11-21 19:30:00 UTC",
    "2026-11-21T19:30:00.000000000Z",
    1795289400,
    "1795289400",
    1795289400000,
    "1795289400000",
    1795289400000000,
    Decimal("1795289400.0"),
]


@pytest.mark.parametrize("value", TIMES, ids=repr)
def test_times_are_read_in_the_forms_that_occur(value: object) -> None:
    assert timestamp(value) == HALF_PAST_SEVEN


NO_TIMES: list[object] = [
    None,
    True,
    "",
    "soon",
    "2026-13-01T00:00:00Z",
    "2026-11-21T19:30:00",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "2026-11-21T19:30:00+99:00",
    "٢٠٢٦-11-21T19:30:00Z",
    10**17 - 1,
    -5,
    [],
    "9" * 400,
]


@pytest.mark.parametrize("value", NO_TIMES, ids=lambda value: repr(value)[:40])
def test_what_is_no_believable_time_is_none(value: object) -> None:
    assert timestamp(value) is None


def test_a_time_without_zone_is_utc_only_when_asked() -> None:
    assert timestamp("2026-11-21T19:30:00", naive_is_utc=True) == HALF_PAST_SEVEN
    assert timestamp("2026-11-21T14:30:00-05:00", naive_is_utc=True) == HALF_PAST_SEVEN


@given(st.text(max_size=40) | st.integers() | st.decimals())
def test_no_value_makes_reading_a_time_fail(value: object) -> None:
    read = timestamp(value)
    assert read is None or read.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("  Ada \r\n Bcc: x ", "Ada   Bcc: x"),
        ("a\x00b\x1bc\x7fd\x9be", "abcde"),
        ("a\u202eb\u2066c", "abc"),
        ("a\u2028b", "a b"),
        ("\ud800x", "x"),
        ("Zoë 🍕", "Zoë 🍕"),
        (5, "5"),
        (Decimal("1E+2"), "100"),
        (None, ""),
        (True, ""),
        ({"a": 1}, ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_text_is_one_clean_line(value: object, clean: str) -> None:
    assert text(value) == clean


def test_html_entities_are_written_out() -> None:
    assert html_text("Ship Your Idea &ndash; Color: Black") == "Ship Your Idea – Color: Black"
    assert html_text("O&#039;Brien &amp; S&#10;ons") == "O'Brien & S ons"


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ("820982911946154508", "820982911946154500"),
        ("487817672276298554", "487817672276298560"),
        ("976318377106520349", "976318377106520300"),
        ("789012345678901234", "789012345678901200"),
        ("9007199254740993", "9007199254740992"),
        ("9007199254740992", "9007199254740992"),
        ("450789469", "450789469"),
        ("-820982911946154508", "-820982911946154500"),
        ("1" * 22, "1" * 22),
        ("abc", "abc"),
        ("", ""),
    ],
)
def test_an_id_is_known_again_after_javascript_rounded_it(exact: str, rounded: str) -> None:
    assert js_rounded(exact) == rounded


def test_ids_are_text_or_whole_numbers() -> None:
    assert identifier(820982911946154508) == "820982911946154508"
    assert identifier(" A-1 ") == "A-1"
    assert identifier(None) == identifier("") == ""
    wrong: list[object] = [Decimal("8.2E+17"), Decimal("1.0"), True, [], {}, "x" * 121]
    for bad in wrong:
        with pytest.raises(Unmappable, match="order_id"):
            identifier(bad, "order_id")


@pytest.mark.parametrize(
    ("value", "read"),
    [(2, "2"), ("1.50", "1.5"), (Decimal("0.3333"), "0.333"), (100, "100"), (0, "0")],
)
def test_quantities_are_plain_decimals(value: object, read: str) -> None:
    assert quantity(value) == read


@pytest.mark.parametrize("value", [None, -1, "x", True, "1e3", 10**9, []])
def test_what_is_no_quantity_is_empty(value: object) -> None:
    assert quantity(value) == ""


def test_a_vanity_number_is_no_phone_and_the_next_one_is_used() -> None:
    assert not possible_phone("555-555-SHIP", "US")
    assert first_phone(["555-555-SHIP", None, "123", "(555) 625-1199"], "US") == "(555) 625-1199"
    assert first_phone(["555-555-SHIP"], "US") == ""


def test_a_national_number_without_country_is_left_to_who_knows_the_country() -> None:
    assert possible_phone("020 7946 0958")
    assert not possible_phone("12345")
    assert possible_phone("+44 20 7946 0958")
    assert not possible_phone("+999 1")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://x", "http://", "https://a b", 'https://a"b', "x", None]
)
def test_only_http_addresses_are_addresses(url: object) -> None:
    assert web_address(url) == ""
    assert web_address("https://shop.example/o?key=1") == "https://shop.example/o?key=1"


def test_a_url_is_never_cut() -> None:
    assert web_address("https://a.example/" + "x" * 600) == ""


def test_plain_values_fit_a_json_column() -> None:
    assert plain({"a": [Decimal("1.10"), 2, "x", None]}) == {"a": ["1.10", 2, "x", None]}
