"""Reading request bodies that nobody vouches for: capped before they are buffered."""

from typing import Any

from django.http import HttpRequest

from orders.api.problems import Problem
from orders.contract import Malformed
from orders.parsing import parse_json, plain

CHUNK = 65_536
_NAMED = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The body as it was sent. Raises Problem: 400 cut short, 411, 413 over `limit`, 415 encoded.

    A declared length over `limit` is refused before a byte is read; an undeclared
    one as soon as `limit` is passed.
    """
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in (
        "",
        "identity",
    ):
        raise Problem(415, "Send the body without Content-Encoding.")
    declared = _declared_length(request.META.get("CONTENT_LENGTH"))
    if declared is not None and declared > limit:
        raise _too_large(limit)
    try:
        body = _read_at_most(_stream(request, declared), limit + 1)
    except OSError:  # includes UnreadablePostError: the sender went away
        raise Problem(400, "The body ended early.") from None
    if len(body) > limit:
        raise _too_large(limit)
    if declared is not None and len(body) < declared:
        raise Problem(400, "The body is shorter than its Content-Length.")
    return body


def lower_case_headers(request: HttpRequest) -> dict[str, str]:
    """The request's headers with their names in lower case."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in request.META.items()
        if name.startswith("HTTP_")
    }
    for meta, name in _NAMED.items():
        if request.META.get(meta):
            headers[name] = str(request.META[meta])
    return headers


def _declared_length(value: str | None) -> int | None:
    if value in (None, ""):
        return None
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem(400, "The Content-Length is not a number.")
    return int(text)


def _stream(request: HttpRequest, declared: int | None) -> Any:
    """Where the bytes come from. Django reads nothing without a Content-Length; servers can."""
    if declared is None and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    if declared is None and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise Problem(411, "Send a Content-Length.")
    return request


def _read_at_most(stream: Any, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        part = stream.read(min(CHUNK, size))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"The body is larger than {limit:,} bytes.")


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; raises Problem 400 with the reason."""
    try:
        value = plain(parse_json(body))
    except Malformed as problem:
        raise Problem(400, str(problem)) from None
    if not isinstance(value, dict):
        raise Problem(400, "The body must be a JSON object.")
    return value
