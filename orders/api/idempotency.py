"""Idempotency-Key on every write: the first call acts, a repeat gets the same answer."""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.http import http_date
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.authentication import principal
from orders.api.bodies import read_body
from orders.api.problems import Problem
from orders.models import ApiToken, IdempotentCall

logger = logging.getLogger(__name__)

LIFE = IdempotentCall.LIFE
# A call that has no answer after this long died with its process.
ABANDONED_AFTER = timedelta(seconds=60)
HEADER = "Idempotency-Key"

P = ParamSpec("P")
V = TypeVar("V", bound=APIView)
Handler = Callable[Concatenate[V, Request, "Call", P], Response]
Method = Callable[Concatenate[V, Request, P], Response]


class Call:
    """One write as its handler sees it: the raw body, the key, and the time."""

    def __init__(self, token: ApiToken, key: str, body: bytes, now: datetime) -> None:
        self.token = token
        self.key = key
        self.body = body
        self.now = now


def idempotent(handler: Handler[V, P]) -> Method[V, P]:
    """Make a write safe to repeat. What it changes and its answer commit together."""

    @wraps(handler)
    def method(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        body = _json_body(request)
        call = Call(
            principal(request).token,
            parse_key(request.headers.get(HEADER)),
            body,
            timezone.now(),
        )
        scope = f"{request.method} {request.path}"[:120]
        claimed = _claim(call, scope)
        if isinstance(claimed, Response):
            return claimed
        return _run(claimed, lambda: handler(view, request, call, *args, **kwargs))

    return method


def parse_key(value: str | None) -> str:
    """The key, quoted (a structured-field string) or bare. Raises Problem 400."""
    text = (value or "").strip()
    if text.startswith('"'):
        text = _unquote(text)
    if not text:
        raise Problem(400, f"Send the header {HEADER}: a value of your own, new for each write.")
    if len(text) > 255 or not (text.isascii() and text.isprintable()):
        raise Problem(400, f"{HEADER} takes up to 255 printable ASCII characters.")
    return text


def _unquote(text: str) -> str:
    inner, escaped = [], False
    for position, letter in enumerate(text[1:], start=1):
        if escaped:
            inner.append(letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"' and position == len(text) - 1:
            return "".join(inner)
        else:
            inner.append(letter)
            if letter == '"':
                break
    raise Problem(400, f'{HEADER} is not a quoted string: write it as "your-key".')


def _json_body(request: Request) -> bytes:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, "Send the body as application/json.")
    return read_body(request._request, settings.MAX_WEBHOOK_BYTES)


def _claim(call: Call, scope: str) -> IdempotentCall | Response:
    """The row that says we act, or the answer that was given before."""
    fresh = {"fingerprint": sha256(call.body).hexdigest(), "created_at": call.now}
    try:
        with transaction.atomic():
            return IdempotentCall.objects.create(
                token=call.token, scope=scope, key=call.key, **fresh
            )
    except IntegrityError:
        known = IdempotentCall.objects.filter(token=call.token, scope=scope, key=call.key).first()
    if known is None:  # the first one has just failed and let go
        raise _still_running()
    age = call.now - known.created_at
    if age > LIFE:
        return _take_over(known, fresh)
    if known.fingerprint != fresh["fingerprint"]:
        raise Problem(422, f"This {HEADER} was used with another body. Use a new key.")
    if known.status is not None:
        return _replay(known)
    if age > ABANDONED_AFTER:
        return _take_over(known, fresh)
    raise _still_running()


def _take_over(known: IdempotentCall, fresh: dict[str, Any]) -> IdempotentCall:
    """Make an expired or abandoned row ours; one of several racing callers wins."""
    same = IdempotentCall.objects.filter(pk=known.pk, created_at=known.created_at)
    if not same.update(status=None, body=b"", **fresh):
        raise _still_running()
    known.status = None
    known.fingerprint, known.created_at = fresh["fingerprint"], fresh["created_at"]
    return known


def _run(row: IdempotentCall, act: Callable[[], Response]) -> Response:
    mine = IdempotentCall.objects.filter(pk=row.pk, created_at=row.created_at, status=None)
    try:
        with transaction.atomic():
            response = act()
            body = JSONRenderer().render(response.data)
            if not mine.update(status=response.status_code, body=body):
                raise _still_running()  # it took so long that a repeat has taken over
    except BaseException:
        _let_go(row)
        raise
    response["Idempotency-Expires"] = http_date((row.created_at + LIFE).timestamp())
    return response


def _let_go(row: IdempotentCall) -> None:
    """Nothing was changed, so the same key may be tried again at once."""
    try:
        IdempotentCall.objects.filter(pk=row.pk, created_at=row.created_at, status=None).delete()
    except DatabaseFailure:
        logger.warning("idempotent call %s stays claimed for a minute", row.pk)


def _replay(known: IdempotentCall) -> Response:
    headers = {
        "Idempotency-Replayed": "true",
        "Idempotency-Expires": http_date((known.created_at + LIFE).timestamp()),
    }
    return Response(json.loads(bytes(known.body)), status=known.status, headers=headers)


def _still_running() -> Problem:
    return Problem(409, "The first call with this key is still running.", {"Retry-After": "1"})
