"""`/api/v1/orders/<id>/timeline/`: all that happened to an order, and why, in one list."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.api import deliveries
from notifications.api.deliveries import DeliveryFields
from notifications.models import CustomerMessage, Decision, Delivery
from orders.api.authentication import principal
from orders.api.orders import brand_orders
from orders.models import Order, StatusChange

# No real order comes near; a source gone wild must not make one page of a million entries.
MOST_OF_A_KIND = 1000


class ChangeFields(serializers.ModelSerializer[StatusChange]):
    """Something that changed, as the source told it."""

    event = serializers.CharField(source="event_name")
    inbound_event = serializers.IntegerField(source="event_id", allow_null=True)

    class Meta:
        model = StatusChange
        fields = [
            "id",
            "event",
            "fact",
            "status",
            "previous_status",
            "group_key",
            "part",
            "applied",
            "silent_why",
            "data",
            "actor",
            "inbound_event",
            "occurred_at",
            "recorded_at",
        ]


class DecisionFields(serializers.ModelSerializer[Decision]):
    """Why somebody was, or was not, told."""

    class Meta:
        model = Decision
        fields = [
            "id",
            "change",
            "notification",
            "delivery",
            "rule",
            "rule_name",
            "audience",
            "recipient",
            "verdict",
            "reason",
            "sentence",
            "inputs",
            "decided_at",
        ]


class CustomerMessageFields(serializers.ModelSerializer[CustomerMessage]):
    """What the customer wrote, and what we made of it."""

    channel = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = CustomerMessage
        fields = ["id", "channel", "text", "understood_as", "reply", "received_at"]


def _entry(kind: str, member: serializers.BaseSerializer[Any]) -> Any:
    """The schema of one kind of entry."""
    return inline_serializer(
        f"Timeline{kind.title().replace('_', '')}",
        {
            "at": serializers.DateTimeField(),
            "kind": serializers.ChoiceField(choices=[kind]),
            kind: member,
        },
    )


ENTRY = PolymorphicProxySerializer(
    component_name="TimelineEntry",
    serializers=[
        _entry("change", ChangeFields()),
        _entry("message", DeliveryFields()),
        _entry("decision", DecisionFields()),
        _entry("customer_message", CustomerMessageFields()),
    ],
    resource_type_field_name=None,
    many=True,
)


class OrderTimeline(APIView):
    """Changes, messages with their exact words, decisions with reasons, and answers."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="orders_timeline", responses=ENTRY)
    def get(self, request: Request, pk: int) -> Response:
        """Get an order's whole story, oldest first."""
        order = get_object_or_404(brand_orders(principal(request).brand), pk=pk)
        story = sorted(_entries(order), key=lambda entry: entry[0])
        return Response([{"at": at, "kind": kind, kind: shown} for at, kind, shown in story])


def _entries(order: Order) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    changes = StatusChange.objects.filter(order=order).order_by("pk")[:MOST_OF_A_KIND]
    for change in changes:
        yield change.occurred_at, "change", ChangeFields(change).data
    for decision in Decision.objects.filter(order=order).order_by("pk")[:MOST_OF_A_KIND]:
        yield decision.decided_at, "decision", DecisionFields(decision).data
    messages = deliveries.whole_deliveries(Delivery.objects.filter(order=order))
    for message in messages.order_by("pk")[:MOST_OF_A_KIND]:
        yield message.created_at, "message", DeliveryFields(message).data
    written = CustomerMessage.objects.filter(order=order).select_related("channel")
    for one in written.order_by("pk")[:MOST_OF_A_KIND]:
        yield one.received_at, "customer_message", CustomerMessageFields(one).data
