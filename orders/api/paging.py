"""Keyset pages: newest first, `?before=<id>&limit=<n>`. No counting, no offset."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
BIGGEST_ID = 2**63 - 1

M = TypeVar("M", bound=Model)

PARAMETERS = [
    OpenApiParameter("before", OpenApiTypes.INT, description="Only ids below this one."),
    OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 200 rows; 50 if not said."),
]


def page(
    request: Request, rows: QuerySet[M], show: Callable[[Iterable[M]], list[dict[str, Any]]]
) -> Response:
    """One page of `rows`, newest first, with the address of the next one."""
    limit = whole_number(request, "limit", DEFAULT_LIMIT) or DEFAULT_LIMIT
    limit = min(limit, MAX_LIMIT)
    before = whole_number(request, "before")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: limit + 1])
    more = len(found) > limit
    following = _next(request, found[limit - 1].pk) if more else None
    return Response({"results": show(found[:limit]), "next": following})


def whole_number(request: Request, name: str, default: int | None = None) -> int | None:
    """The query parameter `name` as a number that a database id can be."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > BIGGEST_ID:
        raise ValidationError({name: "Must be a whole number."})
    return int(text)


def moment(request: Request, name: str) -> datetime | None:
    """The query parameter `name` as a time; without an offset it is read as UTC."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    try:
        value = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        value = None
    if value is None:
        raise ValidationError({name: "Must be a time such as 2026-11-21T19:30:00Z."})
    return value if timezone.is_aware(value) else value.replace(tzinfo=UTC)


def text(request: Request, name: str) -> str:
    """The query parameter `name`, which may not hold a NUL (no database stores one)."""
    value = request.query_params.get(name, "")
    if "\x00" in value:
        raise ValidationError({name: "Must not hold a NUL character."})
    return value


def choice(request: Request, name: str, choices: Iterable[str]) -> str:
    """The query parameter `name`, one of `choices`, or empty."""
    value, known = request.query_params.get(name, ""), list(choices)
    if value and value not in known:
        raise ValidationError({name: f"Must be one of {', '.join(known)}."})
    return value


def _next(request: Request, before: int) -> str:
    query = {**request.query_params.dict(), "before": str(before)}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
