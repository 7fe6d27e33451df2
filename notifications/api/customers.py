"""`/api/v1/customers/`: whom a brand knows, and how they can be reached."""

from hashlib import sha256
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from channels_app.contract import AddressKind
from consents import addresses, recording
from consents.models import ContactPoint
from orders.api import paging
from orders.api.authentication import principal
from orders.api.bodies import object_in
from orders.api.events import KEY_PARAMETER
from orders.api.idempotency import Call, idempotent
from orders.models import Brand, Customer

JOINED_KINDS = (
    "push, telegram, or the slug of a provider whose people have ids of its own, like fcm"
)


class ContactPointFields(serializers.ModelSerializer[ContactPoint]):
    """An address in full: a token with the right `read` may see it."""

    class Meta:
        model = ContactPoint
        fields = [
            "id",
            "kind",
            "address",
            "proxy",
            "verified_at",
            "invalid_at",
            "invalid_why",
            "created_at",
        ]


class CustomerFields(serializers.ModelSerializer[Customer]):
    """A customer and their addresses."""

    contact_points = ContactPointFields(many=True, read_only=True)

    class Meta:
        model = Customer
        fields = [
            "id",
            "name",
            "given_name",
            "language",
            "time_zone",
            "created_at",
            "contact_points",
        ]
        read_only_fields = fields


class CustomerPage(serializers.Serializer[Any]):
    """One page of customers."""

    results = CustomerFields(many=True)
    next = serializers.URLField(allow_null=True)


FILTERS = [
    OpenApiParameter("address", description="Exactly a phone in E.164, an email, a chat id."),
    *paging.PARAMETERS,
]


class CustomerList(APIView):
    """The brand's customers, newest first."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="customers_list", parameters=FILTERS, responses=CustomerPage)
    def get(self, request: Request) -> Response:
        """List customers, newest first."""
        brand = principal(request).brand
        rows = _customers(brand)
        if address := paging.text(request, "address"):
            rows = rows.filter(pk__in=_reached_by(brand, address))
        return paging.page(
            request, rows, lambda found: list(CustomerFields(list(found), many=True).data)
        )


class CustomerOne(APIView):
    """One customer of the brand."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="customers_get", responses=CustomerFields)
    def get(self, request: Request, pk: int) -> Response:
        """Get one customer."""
        customer = get_object_or_404(_customers(principal(request).brand), pk=pk)
        return Response(CustomerFields(customer).data)


class AddressSubmission(serializers.Serializer[Any]):
    """An address that a customer has joined with elsewhere: an app's push token, a chat id."""

    kind = serializers.CharField(max_length=12, help_text=f"Not phone or email: {JOINED_KINDS}")
    address = serializers.CharField(max_length=addresses.MAX_LENGTH)

    def validate_kind(self, value: str) -> str:
        """Numbers and emails come with orders; joining is for the rest."""
        if value in (AddressKind.PHONE, AddressKind.EMAIL) or not addresses.is_personal(value):
            raise serializers.ValidationError(f"It is one of: {JOINED_KINDS}.")
        return value


class CustomerAddresses(APIView):
    """Where else a customer can be reached."""

    rights: ClassVar[dict[str, str]] = {"POST": "write"}

    @extend_schema(
        operation_id="customers_add_address",
        request=AddressSubmission,
        responses={201: ContactPointFields},
        parameters=[KEY_PARAMETER],
    )
    @idempotent
    def post(self, request: Request, call: Call, pk: int) -> Response:
        """Register an address that the customer has joined with; it counts as their yes."""
        brand = principal(request).brand
        customer = get_object_or_404(Customer, brand=brand, pk=pk)
        form = AddressSubmission(data=object_in(call.body))
        form.is_valid(raise_exception=True)
        kind, address = form.validated_data["kind"], form.validated_data["address"]
        if not addresses.normalise(kind, address):
            raise ValidationError({"address": f"This is not an address of kind {kind}."})
        point = recording.join(
            brand.pk,
            customer.pk,
            kind,
            address,
            call.now,
            source_event_id=_source(call, customer),
        )
        return Response(ContactPointFields(point).data, status=201)


def _source(call: Call, customer: Customer) -> str:
    """What the yes goes back to. A key is one write of one token, for one customer."""
    return sha256(f"{call.token.pk}:{customer.pk}:{call.key}".encode()).hexdigest()


def _customers(brand: Brand) -> QuerySet[Customer]:
    return Customer.objects.filter(brand=brand).prefetch_related("contact_points")


def _reached_by(brand: Brand, address: str) -> list[int]:
    """Ids of customers with exactly this address, whatever kind it is of."""
    kinds = addresses.personal_kinds()
    digests = [addresses.digest(kind, address, brand.country) for kind in kinds]
    points = ContactPoint.objects.filter(
        brand=brand, kind__in=kinds, digest__in=digests, customer__isnull=False
    )
    return [pk for pk in points.values_list("customer_id", flat=True)[:100] if pk is not None]
