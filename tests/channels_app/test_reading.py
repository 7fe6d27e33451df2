"""Reading answers that may hold anything."""

from typing import Any

import pytest

from channels_app.wire.reading import first_of, list_of, object_in


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"", {}), (b"<html>", {}), (b"\xff", {}),
     (b'{"a": NaN}', {}), (b'{"a":' * 100_000, {})],
)  # fmt: skip
def test_an_answer_without_an_object_is_an_empty_one(body: bytes, expected: Any) -> None:
    assert object_in(body) == expected


@pytest.mark.parametrize(
    ("value", "whole", "first"),
    [([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}], {"a": 1}), ([], [], {}), (["a"], ["a"], {}),
     ("ab", [], {}), ({"a": 1}, [], {}), (None, [], {})],
)  # fmt: skip
def test_a_list_is_read_only_where_there_is_one(value: Any, whole: Any, first: Any) -> None:
    assert list_of(value) == whole
    assert first_of(value) == first
