"""Reading what a provider calls us with: JSON that may be hostile, text that may be broken."""

import json
from typing import Any, NoReturn

LARGEST = 1_000_000  # bytes; no provider's notice comes near it


def json_object(body: bytes, largest: int = LARGEST) -> dict[str, Any]:
    """The JSON object in `body`; raises ValueError for anything else."""
    if len(body) > largest:
        raise ValueError("The body is larger than this provider ever sends.")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None
    if not isinstance(value, dict):
        raise ValueError("The body is not a JSON object.")
    return value


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, of an answer that may hold anything; empty when there is none."""
    try:
        return json_object(body)
    except ValueError:
        return {}


def part(value: Any, *names: str) -> dict[str, Any]:
    """The object at `names` below `value`; empty when there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """`value` as a list; empty when it is none."""
    return list(value) if isinstance(value, list | tuple) else []


def first_of(value: Any) -> dict[str, Any]:
    """The object that a list begins with; empty when there is none."""
    return part(value[0]) if isinstance(value, list) and value else {}


def text_of(value: Any, longest: int = 4096) -> str:
    """`value` as text that a database takes (no NUL, no lone surrogate); empty for others."""
    if not isinstance(value, str):
        return ""
    return value[:longest].replace("\x00", "").encode("utf-8", "replace").decode()


def id_of(value: Any, longest: int = 120) -> str:
    """An outside id, number or text, as text; empty when it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= 64 else ""
    return text_of(value, longest)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"The body holds {name}, which is not JSON.")
