"""The filters that templates may use: few, on plain values, each with a ceiling."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from liquid import Undefined
from liquid.exceptions import FilterArgumentError

# No single value in a message grows beyond this many characters, or a list beyond this many items.
TEXT_CEILING = 20_000
LIST_CEILING = 500
NUMBER_CEILING = 10**12


def _text(value: Any) -> str:
    """`value` as it would be printed."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "".join(_text(item) for item in value[:LIST_CEILING])
    return _within(str(value))


def _within(text: str) -> str:
    if len(text) > TEXT_CEILING:
        raise FilterArgumentError("the text became too long", token=None)
    return text


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        text = _text(value).strip()
        number = int(text) if text.lstrip("-").isdecimal() and len(text) < 14 else 0
    if abs(number) > NUMBER_CEILING:
        raise FilterArgumentError("the number became too large", token=None)
    return number


def _items(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else []
    if len(items) > LIST_CEILING:
        raise FilterArgumentError("the list is too long", token=None)
    return items


def _default(value: Any, other: Any = "") -> Any:
    """`value`, or `other` when there is none."""
    empty = isinstance(value, Undefined) or value in (None, False, "", [])
    return other if empty else value


def _truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    text, tail, room = _text(value), _text(end), max(_number(length), 0)
    return text if len(text) <= room else text[: max(room - len(tail), 0)] + tail


def _truncatewords(value: Any, count: Any = 15, end: Any = "...") -> str:
    words, most = _text(value).split(), max(_number(count), 1)
    return " ".join(words) if len(words) <= most else " ".join(words[:most]) + _text(end)


def _replace(value: Any, old: Any, new: Any = "") -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before:
        return text
    # Counted first: the text must not be built to learn that it is too long.
    if len(text) + text.count(before) * max(len(after) - len(before), 0) > TEXT_CEILING:
        raise FilterArgumentError("the text became too long", token=None)
    return text.replace(before, after)


def _join(value: Any, glue: Any = " ") -> str:
    parts, between = [_text(item) for item in _items(value)], _text(glue)
    if sum(map(len, parts)) + len(between) * len(parts) > TEXT_CEILING:
        raise FilterArgumentError("the text became too long", token=None)
    return between.join(parts)


def _map(value: Any, name: Any) -> list[Any]:
    key = _text(name)
    return [item.get(key) for item in _items(value) if isinstance(item, Mapping)]


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


FILTERS: dict[str, Callable[..., Any]] = {
    "append": lambda value, more: _within(_text(value) + _text(more)),
    "capitalize": lambda value: _text(value)[:1].upper() + _text(value)[1:],
    "default": _default,
    "downcase": lambda value: _text(value).lower(),
    "first": lambda value: next(iter(_items(value)), None),
    "join": _join,
    "last": lambda value: next(reversed(_items(value)), None),
    "map": _map,
    "minus": lambda value, other: _number(_number(value) - _number(other)),
    "plus": lambda value, other: _number(_number(value) + _number(other)),
    "prepend": lambda value, more: _within(_text(more) + _text(value)),
    "remove": lambda value, old: _replace(value, old),
    "replace": _replace,
    "size": _size,
    "strip": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "truncatewords": _truncatewords,
    "upcase": lambda value: _text(value).upper(),
    "url_encode": lambda value: quote(_text(value), safe=""),
}
