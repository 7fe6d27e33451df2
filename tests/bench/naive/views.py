"""Webhooks the way the tutorials take them, and a view that does nothing at all."""

import base64
import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.bench.naive import celery, tasks  # noqa: F401 - the signal is connected
from tests.bench.naive.models import Order, WebhookEvent


@csrf_exempt
def bare(_request: HttpRequest) -> HttpResponse:
    """Nothing but Django."""
    return HttpResponse(b"ok")


class OrderBody(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField(max_length=40)
    total_price = serializers.DecimalField(max_digits=9, decimal_places=2)


class OrderWebhook(APIView):
    """Check the signature, validate, store one row; a repeat is fine."""

    def post(self, request: Request) -> Response:
        if not _signed(request):
            return Response(status=401)
        form = OrderBody(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            _store(request.headers["X-Shopify-Event-Id"], request.data)
        except IntegrityError:
            return Response({"duplicate": True})
        return Response({"ok": True}, status=201)


class OrderUpdate(OrderWebhook):
    """The same, and the order is ready: its customer is told by a task."""

    def post(self, request: Request) -> Response:
        answer = super().post(request)
        if answer.status_code == 201:
            order = Order.objects.get(number=request.data["name"])
            order.status = "ready"
            order.save()
        return answer


def _signed(request: Request) -> bool:
    key = settings.WEBHOOK_SECRET.encode()
    wanted = base64.b64encode(hmac.digest(key, request.body, hashlib.sha256))
    return hmac.compare_digest(wanted, request.headers.get("X-Shopify-Hmac-Sha256", "").encode())


def _store(event_id: str, payload: Any) -> None:
    with transaction.atomic():
        WebhookEvent.objects.create(source="shopify", event_id=event_id, payload=payload)
