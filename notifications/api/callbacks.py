"""`/receipts/<key>/`: where providers report what became of messages, and what people did."""

import hmac
import logging
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db import Error as DatabaseFailure
from django.db.models import F
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from channels_app import callbacks, registry
from channels_app.contract import (
    Answer,
    CallbackRefused,
    CallbackRequest,
    InboundMessage,
    IncidentAction,
    Receipt,
    Told,
)
from channels_app.models import Channel
from notifications import alert_answers, receipts, replying
from orders.api.bodies import lower_case_headers, read_body
from orders.api.hooks import NOT_FOUND, UNPROVEN, EdgeView
from orders.api.problems import problem_response, unavailable

logger = logging.getLogger(__name__)


class ReceiptView(EdgeView):
    """One channel's callbacks, under its unguessable key."""

    def post(self, request: Request, key: str) -> HttpResponseBase:
        """Read a verified callback: move deliveries forward, take in what people wrote."""
        return _answer(request, key)

    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Answer a provider that proves the address by GET, or calls back by it."""
        return _answer(request, key)

    def head(self, request: Request, key: str) -> HttpResponseBase:
        """Say whether the address exists."""
        return HttpResponse(status=200 if Channel.objects.filter(key=key).exists() else 404)


def _answer(request: Request, key: str) -> HttpResponseBase:
    now = timezone.now()
    try:
        call = _call(request)
        channel = Channel.objects.filter(key=key).first()
        if channel is None:
            hmac.digest(b"nobody", call.body, "sha256")  # as much work as for a known one
            return problem_response(404, NOT_FOUND)
        return _read(channel, call, now)
    except DatabaseFailure:
        return unavailable()


def _call(request: Request) -> CallbackRequest:
    bare = request._request
    return CallbackRequest(
        method=str(bare.method),
        # Signatures are over the address that the provider called, not the one behind the proxy.
        url=settings.PUBLIC_BASE_URL + bare.get_full_path(),
        headers=lower_case_headers(bare),
        body=read_body(bare, settings.MAX_WEBHOOK_BYTES),
        query=bare.GET.dict(),
    )


def _read(channel: Channel, call: CallbackRequest, now: datetime) -> HttpResponseBase:
    try:
        told, answer = callbacks.read(channel, call, now)
    except CallbackRefused:
        _count_refusal(channel, now)
        reader = registry.callbacks(channel.provider)
        return problem_response(reader.refusal_status if reader else 401, UNPROVEN)
    except ValueError:
        # The reason may quote the body, and the caller knows what it sent.
        return problem_response(400, "The body is not what this provider sends.")
    _apply(channel, told, now)
    return _response(answer)


def _apply(channel: Channel, told: Sequence[Told], now: datetime) -> None:
    heard = [one for one in told if isinstance(one, Receipt)]
    written = [one for one in told if isinstance(one, InboundMessage)]
    acted = [one for one in told if isinstance(one, IncidentAction)]
    if heard:
        receipts.apply(channel, heard, now)
    if written:
        replying.answer(channel, written, now)
    if acted:
        alert_answers.perform(channel, acted, now)


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def _count_refusal(channel: Channel, now: datetime) -> None:
    try:
        Channel.objects.filter(pk=channel.pk).update(
            refused_count=F("refused_count") + 1, refused_at=now
        )
    except DatabaseError:
        logger.warning("could not count a refusal on channel %s", channel.pk)
