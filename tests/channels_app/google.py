"""What tests of Google's interfaces share: a key file, a token, and their own descriptions."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from channels_app.contract import Access, Response
from channels_app.wire.google_stand_in import demo_key_file

# Made anew for each run; nothing in the tables depends on it.
KEY_FILE = demo_key_file("bella-napoli")
ACCESS = Access("ya29.test", datetime(2026, 11, 21, 13, tzinfo=UTC))
CONTRACTS = Path(settings.BASE_DIR).parent / "shared" / "contracts"
SCALARS = {"string", "integer", "number", "boolean"}


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    """An answer; `body` as JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def google_says(status: int, word: str, *details: dict[str, Any], said: str = "x") -> bytes:
    """The body of an error."""
    error = {"code": status, "status": word, "message": said, "details": list(details)}
    return json.dumps({"error": error}).encode()


def detail(kind: str, **fields: Any) -> dict[str, Any]:
    """One detail of an error, such as google.rpc.ErrorInfo."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


@lru_cache
def description(name: str) -> dict[str, Any]:
    """Google's own description of an interface; skips the test where it is absent."""
    path = CONTRACTS / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def check(name: str, schema: str, value: Any) -> None:
    """Raise unless `value` is a `schema` of the interface that `name` describes."""
    schemas = {key: as_json_schema(one) for key, one in description(name)["schemas"].items()}
    Draft202012Validator({"$ref": f"#/$defs/{schema}", "$defs": schemas}).validate(value)


def as_json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """A schema of a discovery document as JSON Schema. Members that are not named are refused."""
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    kind = node.get("type", "any")
    if kind == "array":
        return {"type": "array", "items": as_json_schema(node["items"])}
    if kind != "object":
        found = {"type": kind} if kind in SCALARS else {}
        return {**found, **({"enum": node["enum"]} if "enum" in node else {})}
    named = {key: as_json_schema(one) for key, one in node.get("properties", {}).items()}
    others = node.get("additionalProperties")
    rest = as_json_schema(others) if others else False
    return {"type": "object", "properties": named, "additionalProperties": rest}
