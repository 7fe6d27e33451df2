"""What the API says about orders. Read-only: orders change through events."""

from typing import Any

from rest_framework import serializers

from orders.models import FulfilmentGroup, Order, OrderLine
from orders.statuses import Status
from orders.withheld import shown


class AcceptedEvent(serializers.Serializer[Any]):
    """The answer to a posted event: the inbox row, and whether it was there before."""

    id = serializers.IntegerField()
    duplicate = serializers.BooleanField()


class EventCustomer(serializers.Serializer[Any]):
    """Whom an order belongs to."""

    id = serializers.CharField(required=False, help_text="The sender's own id")
    name = serializers.CharField(required=False)
    given_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(required=False, help_text="With its country, as +12025550143")
    language = serializers.CharField(required=False)


class EventLine(serializers.Serializer[Any]):
    """Something ordered."""

    line_id = serializers.CharField(required=False)
    name = serializers.CharField()
    quantity = serializers.CharField(required=False, help_text="A decimal as text: 1.5 occurs")
    removed_quantity = serializers.CharField(required=False)


class EventGroup(serializers.Serializer[Any]):
    """A part of an order that moves on its own; an order that is not split needs none."""

    key = serializers.CharField()
    method = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    eta = serializers.DictField(required=False, help_text="ready_at, deliver_from, deliver_to")
    tracking = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="number, carrier, url"
    )


class EventOrder(serializers.Serializer[Any]):
    """The order as the sender knows it."""

    id = serializers.CharField(max_length=120)
    number = serializers.CharField(required=False, help_text="What people call it: #1001")
    status = serializers.CharField(
        required=False, help_text=f"{', '.join(Status.values)}; other words wait for a person"
    )
    version = serializers.IntegerField(required=False, help_text="Grows with every change")
    updated_at = serializers.DateTimeField(required=False)
    placed_at = serializers.DateTimeField(required=False)
    currency = serializers.CharField(required=False)
    total_minor = serializers.IntegerField(required=False)
    customer = EventCustomer(required=False)
    lines = EventLine(many=True, required=False)
    groups = EventGroup(many=True, required=False)


class EventSubmission(serializers.Serializer[Any]):
    """An order event. Members that are absent are not said; unknown ones are ignored."""

    type = serializers.CharField(
        required=False, help_text="order.snapshot, order.ready, delivery.failed, ..."
    )
    order = EventOrder()


class ContactFields(serializers.Serializer[Order]):
    """Whom an order belongs to, as the source said it."""

    name = serializers.CharField(source="contact_name")
    email = serializers.CharField(source="contact_email")
    phone = serializers.CharField(source="contact_phone", help_text="E.164, or empty")
    proxy = serializers.BooleanField(source="contact_proxy", help_text="A masked number")


class OrderSummary(serializers.ModelSerializer[Order]):
    """An order in a list."""

    source = serializers.CharField(source="connection.source")  # type: ignore[assignment]
    connection = serializers.CharField(source="connection.name")
    store = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    status = serializers.ChoiceField(choices=Status.choices, allow_blank=True)
    contact = ContactFields(source="*")
    refunded_minor = serializers.IntegerField()

    class Meta:
        model = Order
        fields = [
            "id",
            "external_id",
            "display_number",
            "source",
            "connection",
            "store",
            "status",
            "source_status",
            "fulfilment_type",
            "currency",
            "total_minor",
            "refunded_minor",
            "customer",
            "contact",
            "language",
            "is_test",
            "archived_at",
            "placed_at",
            "created_at",
            "changed_at",
        ]
        read_only_fields = fields


class LineFields(serializers.ModelSerializer[OrderLine]):
    """Something ordered; quantities are decimals as text."""

    class Meta:
        model = OrderLine
        fields = ["line_id", "name", "sku", "quantity", "removed_quantity", "note"]


class GroupFields(serializers.ModelSerializer[FulfilmentGroup]):
    """A part of an order that moves on its own."""

    status = serializers.ChoiceField(choices=Status.choices, allow_blank=True)
    lines = serializers.DictField(child=serializers.CharField())
    tracking = serializers.DictField(child=serializers.DictField())

    class Meta:
        model = FulfilmentGroup
        fields = [
            "key",
            "method",
            "status",
            "source_status",
            "sub_status",
            "lines",
            "ready_at",
            "deliver_from",
            "deliver_to",
            "delayed_since",
            "delay_reason",
            "tracking",
            "courier",
        ]


class Attributes(serializers.DictField):
    """What the source said besides; what is for staff only is left out."""

    def to_representation(self, value: Any) -> Any:
        """The attributes that an integrator may see."""
        return super().to_representation(shown(value))


class OrderDetail(OrderSummary):
    """An order with its parts and lines."""

    groups = GroupFields(many=True, read_only=True)
    lines = LineFields(many=True, read_only=True)
    refunds = serializers.DictField(child=serializers.DictField(), read_only=True)
    attributes = Attributes(read_only=True)

    class Meta(OrderSummary.Meta):
        fields = [
            *OrderSummary.Meta.fields,
            "cancel_reason",
            "status_page",
            "note",
            "attributes",
            "refunds",
            "groups",
            "lines",
        ]
        read_only_fields = fields


class OrderPage(serializers.Serializer[Any]):
    """One page of orders."""

    results = OrderSummary(many=True)
    next = serializers.URLField(allow_null=True)


class ProblemFields(serializers.Serializer[Any]):
    """An error, as RFC 9457 writes it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(), required=False
    )
