"""`/api/docs/`: the API for people, from its OpenAPI schema; loads nothing from outside."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a body by its full name."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one address."""

    method: str
    path: str
    about: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, tuple[Field, ...]], ...]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The page."""
    context = {"endpoints": endpoints(), "base_url": settings.PUBLIC_BASE_URL}
    return render(request, "orders/api_docs.html", context)


@cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every endpoint of the schema, which does not change while a process runs."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    parts = schema.get("components", {}).get("schemas", {})
    return tuple(
        _endpoint(method, path, operations[method], parts)
        for path, operations in schema["paths"].items()
        for method in METHODS
        if method in operations
    )


def _endpoint(method: str, path: str, about: Mapping[str, Any], parts: Any) -> Endpoint:
    parameters = tuple(
        Field(one["name"], _kind(one["schema"]), bool(one.get("required")), _about(one))
        for one in about.get("parameters", ())
    )
    answers = tuple(
        (status, tuple(_body(answer, parts))) for status, answer in about["responses"].items()
    )
    body = tuple(_body(about.get("requestBody", {}), parts))
    return Endpoint(method.upper(), path, about.get("description", ""), parameters, body, answers)


def _body(holder: Mapping[str, Any], parts: Any) -> Iterator[Field]:
    for content in holder.get("content", {}).values():
        yield from _members(content.get("schema", {}), parts, "", 0)


def _members(schema: Mapping[str, Any], parts: Any, path: str, depth: int) -> Iterator[Field]:
    """The members of an object, those of its parts under dotted names."""
    schema = _resolved(schema, parts)
    if schema.get("type") == "array":
        yield from _members(schema["items"], parts, f"{path}[]", depth)
        return
    for variant in schema.get("oneOf", ()):
        yield from _members(variant, parts, path, depth)
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        full, inner = f"{path}.{name}".lstrip("."), _resolved(member, parts)
        yield Field(full, _kind(inner), name in required, _about(member) or _about(inner))
        if depth < DEEPEST:
            yield from _members(inner, parts, full, depth + 1)


def _resolved(schema: Mapping[str, Any], parts: Any) -> Mapping[str, Any]:
    for one in schema.get("allOf", ())[:1]:
        return _resolved(one, parts)
    if "$ref" in schema:
        found: Mapping[str, Any] = parts[schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value != "")
    return str(schema.get("format") or schema.get("type", ""))


def _about(schema: Mapping[str, Any]) -> str:
    """The first line: what follows lists the values once more."""
    lines = str(schema.get("description", "")).splitlines()
    return lines[0] if lines and not lines[0].startswith("* ") else ""
