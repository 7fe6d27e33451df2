"""`/hooks/<key>/`: where sources deliver. Checks nothing itself but size; stores or refuses."""

import hmac
import json
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders import intake, registry
from orders.api.bodies import lower_case_headers, read_body
from orders.api.problems import problem_response, unavailable
from orders.contract import BadSignature, Malformed, Raw
from orders.models import SourceConnection

NOT_FOUND = "There is no such address."
UNPROVEN = "The request is not signed as this address expects."
DELIVERS = ("POST", "PUT")


class AnyAccept(BaseContentNegotiation):
    """Machines that post to us get JSON whatever their Accept header says."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """No parser: bodies are read raw."""
        return None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        """The first one."""
        return renderers[0], renderers[0].media_type


class EdgeView(APIView):
    """Base of the two unauthenticated inbound addresses: the body is read raw and capped."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    content_negotiation_class = AnyAccept
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing to authenticate, throttle or negotiate: the signature decides."""

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        """Our own answers are ready as they are; only those that need a renderer get one."""
        if isinstance(response, Response):
            return super().finalize_response(request, response, *args, **kwargs)
        return response


class HookView(EdgeView):
    """One connection of a source, under its unguessable key."""

    def post(self, request: Request, key: str) -> HttpResponseBase:
        """Store the events in the body, and say how many were new."""
        return _answer(request, key)

    put = post  # Just Eat sends what its drivers do by PUT

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Answer a source that proves the address by GET."""
        return _answer(request, key)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer a source that asks whether it may deliver here (the CloudEvents webhook way)."""
        return _answer(request, str(kwargs["key"]))

    def head(self, request: Request, key: str) -> HttpResponseBase:
        """Say whether the address exists; some senders look before they save it."""
        return HttpResponse(status=200) if _find(key, b"") else HttpResponse(status=404)


def _answer(request: Request, key: str) -> HttpResponseBase:
    try:
        raw = _raw(request)
        connection = _find(key, raw.body)
        if connection is None:
            return problem_response(404, NOT_FOUND)
        return _receive(connection, raw)
    except DatabaseFailure:
        return unavailable()


def _raw(request: Request) -> Raw:
    bare = request._request
    return Raw(
        headers=lower_case_headers(bare),
        body=read_body(bare, settings.MAX_WEBHOOK_BYTES),
        url=settings.PUBLIC_BASE_URL + bare.get_full_path(),
        method=str(bare.method),
        received_at=timezone.now(),
    )


def _find(key: str, body: bytes) -> SourceConnection | None:
    """The connection, or None after as much hashing as a known one would have cost."""
    connection = intake.find_connection(key)
    if connection is None:
        hmac.digest(b"nobody", body, "sha256")
    return connection


def _receive(connection: SourceConnection, raw: Raw) -> HttpResponseBase:
    now = raw.received_at or timezone.now()
    try:
        if raw.method not in DELIVERS:
            return _set_up(raw, intake.handshake(connection, raw, now))
        received = intake.receive(connection, raw, now)
    except BadSignature:
        return problem_response(401, UNPROVEN)
    except Malformed as problem:
        return problem_response(400, str(problem))
    if received.answer is not None:
        return _set_up(raw, received.answer)
    said = registry.source(connection.source).acknowledgement(raw)
    if said is not None:
        return HttpResponse(said[1], content_type=said[0])
    return _json({"received": len(received.ids), "duplicates": received.duplicates})


def _set_up(raw: Raw, answer: tuple[int, str] | None) -> HttpResponseBase:
    """The answer to a set-up request; CloudEvents wants its permission in headers."""
    if answer is None:
        return problem_response(405, f"{raw.method} does nothing here; POST the event.")
    status, body = answer
    kind = "application/json" if body[:1] in ("{", "[") else "text/plain"
    response = HttpResponse(body, status=status, content_type=kind)
    origin = raw.headers.get("webhook-request-origin", "")
    if raw.method == "OPTIONS" and origin:
        response["WebHook-Allowed-Origin"] = origin
        response["WebHook-Allowed-Rate"] = "*"
    return response


def _json(value: Any) -> HttpResponse:
    return HttpResponse(json.dumps(value), content_type="application/json")
