"""`/api/v1/deliveries/`: what was sent, to whom, and what became of it."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import Attempt, Delivery, ReceiptRecord
from orders.api import paging
from orders.api.authentication import principal


class AttemptFields(serializers.ModelSerializer[Attempt]):
    """One try: the exact words, and how the provider answered."""

    class Meta:
        model = Attempt
        fields = [
            "started_at",
            "ending",
            "subject",
            "text",
            "provider_message_id",
            "code",
            "detail",
            "http_status",
            "milliseconds",
        ]


class ReceiptFields(serializers.ModelSerializer[ReceiptRecord]):
    """A later word of the provider."""

    class Meta:
        model = ReceiptRecord
        fields = ["at", "status", "code", "detail"]


class DeliveryFields(serializers.ModelSerializer[Delivery]):
    """One message over one channel."""

    channel = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    provider = serializers.CharField(source="channel.provider")
    event = serializers.CharField(source="notification.event")
    audience = serializers.CharField(source="notification.audience")
    purpose = serializers.CharField(source="notification.purpose")
    language = serializers.CharField(source="notification.language")
    text = serializers.SerializerMethodField(help_text="Exactly as last handed over; or empty.")
    attempts = AttemptFields(many=True, read_only=True)
    receipts = ReceiptFields(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "order",
            "notification",
            "channel",
            "provider",
            "event",
            "audience",
            "purpose",
            "language",
            "address",
            "ref",
            "state",
            "failure",
            "reason",
            "may_duplicate",
            "text",
            "created_at",
            "due_at",
            "sent_at",
            "ended_at",
            "attempts",
            "receipts",
        ]
        read_only_fields = fields

    def get_text(self, delivery: Delivery) -> str:
        """The words of the newest try that had any."""
        tries = sorted(delivery.attempts.all(), key=lambda attempt: attempt.pk, reverse=True)
        return next((attempt.text for attempt in tries if attempt.text), "")


class DeliveryPage(serializers.Serializer[Any]):
    """One page of deliveries."""

    results = DeliveryFields(many=True)
    next = serializers.URLField(allow_null=True)


FILTERS = [
    OpenApiParameter("state", enum=Delivery.State.values),
    OpenApiParameter("channel", description="A channel's slug."),
    OpenApiParameter("order", OpenApiTypes.INT),
    *paging.PARAMETERS,
]


class DeliveryList(APIView):
    """The brand's deliveries, newest first."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="deliveries_list", parameters=FILTERS, responses=DeliveryPage)
    def get(self, request: Request) -> Response:
        """List deliveries, newest first."""
        rows = whole_deliveries(Delivery.objects.filter(brand=principal(request).brand))
        if state := paging.choice(request, "state", Delivery.State.values):
            rows = rows.filter(state=state)
        if channel := paging.text(request, "channel"):
            rows = rows.filter(channel__slug=channel)
        if (order := paging.whole_number(request, "order")) is not None:
            rows = rows.filter(order_id=order)
        return paging.page(request, rows, show)


def whole_deliveries(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """`rows` with all that DeliveryFields shows, in four queries however many there are."""
    return rows.select_related("channel", "notification").prefetch_related("attempts", "receipts")


def show(rows: Iterable[Delivery]) -> list[dict[str, Any]]:
    """`rows` as the API shows them."""
    return list(DeliveryFields(list(rows), many=True).data)
