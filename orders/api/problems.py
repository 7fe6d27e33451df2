"""Every error of the HTTP edge as application/problem+json (RFC 9457)."""

import logging
import traceback
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import Error as DatabaseFailure
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5


class Problem(exceptions.APIException):
    """An error with a status of its own and a sentence that says what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        super().__init__(detail)
        self.headers = dict(headers or {})


def describe(
    status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The members of a problem."""
    about = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return {**about, "errors": errors} if errors else about


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """A problem as a plain Django response, for views that do without DRF's rendering."""
    return JsonResponse(
        describe(status, detail),
        status=status,
        content_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def unavailable() -> JsonResponse:
    """The answer while the database cannot take anything: try again, nothing was accepted."""
    return problem_response(
        503,
        "Nothing was stored. Please send it again.",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """What DRF calls for every exception of a view."""
    status, detail, errors, headers = _read(exc)
    if status == 500:
        # Frames without values: an exception's own text may hold what a customer wrote.
        frames = "".join(traceback.format_tb(exc.__traceback__))
        view = type(context.get("view")).__name__
        logger.error("unexpected %s in %s\n%s", type(exc).__name__, view, frames)
    return Response(
        describe(status, detail, errors), status=status, headers=headers, content_type=MEDIA_TYPE
    )


def _read(exc: Exception) -> tuple[int, str, list[dict[str, str]] | None, dict[str, str]]:
    if isinstance(exc, exceptions.ValidationError):
        detail = "Some members are not usable; see `errors`."
        return 400, detail, list(_members(exc.detail)), {}
    if isinstance(exc, exceptions.APIException):
        return exc.status_code, str(exc.detail), None, _headers(exc)
    if isinstance(exc, Http404):
        return 404, "There is nothing here, or it is not yours.", None, {}
    if isinstance(exc, PermissionDenied):
        return 403, "Not allowed.", None, {}
    if isinstance(exc, RequestDataTooBig):
        return 413, "The body is too large.", None, {}
    if isinstance(exc, DatabaseFailure):
        retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return 503, "The database cannot answer just now. Please try again.", None, retry
    return 500, "Something went wrong on our side. It has been logged.", None, {}


def _headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(exc, "headers", {}))
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(getattr(exc, "auth_header", ""))
    if getattr(exc, "wait", None):
        headers["Retry-After"] = f"{getattr(exc, 'wait', 1):.0f}"
    return headers


def _members(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested error detail to (member, sentence) pairs."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _members(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list | tuple):
        for inner in detail:
            yield from _members(inner, path)
    else:
        yield {"member": path or "body", "detail": str(detail)}


class NothingHere(APIView):
    """Any other address below /api/: a problem like all others, not a page for people."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """404, whatever the method."""
        raise Http404
