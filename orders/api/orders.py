"""`/api/v1/orders/`: what we know of a brand's orders."""

from typing import ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api import paging
from orders.api.authentication import principal
from orders.api.serializers import OrderDetail, OrderPage, OrderSummary
from orders.models import Brand, Order
from orders.statuses import Status

MOST_MATCHES = 500

FILTERS = [
    OpenApiParameter("status", enum=Status.values),
    OpenApiParameter("store", description="A store's slug."),
    OpenApiParameter("q", description="Exactly a display number, or the source's own id."),
    OpenApiParameter("updated_since", OpenApiTypes.DATETIME),
    *paging.PARAMETERS,
]


class OrderList(APIView):
    """The brand's orders, newest first."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="orders_list", parameters=FILTERS, responses=OrderPage)
    def get(self, request: Request) -> Response:
        """List orders, newest first."""
        rows = _filtered(request, brand_orders(principal(request).brand))
        return paging.page(
            request, rows, lambda found: list(OrderSummary(list(found), many=True).data)
        )


class OrderOne(APIView):
    """One order of the brand."""

    rights: ClassVar[dict[str, str]] = {"GET": "read"}

    @extend_schema(operation_id="orders_get", responses=OrderDetail)
    def get(self, request: Request, pk: int) -> Response:
        """Get one order with its parts and lines."""
        rows = brand_orders(principal(request).brand).prefetch_related("groups", "lines")
        return Response(OrderDetail(get_object_or_404(rows, pk=pk)).data)


def brand_orders(brand: Brand) -> QuerySet[Order]:
    """The orders that a token of `brand` may see."""
    return Order.objects.filter(brand=brand).select_related("store", "connection")


def _filtered(request: Request, rows: QuerySet[Order]) -> QuerySet[Order]:
    if status := paging.choice(request, "status", Status.values):
        rows = rows.filter(status=status)
    if store := paging.text(request, "store"):
        rows = rows.filter(store__slug=store)
    if since := paging.moment(request, "updated_since"):
        rows = rows.filter(changed_at__gte=since)
    if wanted := paging.text(request, "q"):
        rows = rows.filter(pk__in=_named(principal(request).brand, wanted))
    return rows


def _named(brand: Brand, wanted: str) -> list[int]:
    """Ids of orders called `wanted`: two look-ups, because each has an index of its own."""
    connections = list(brand.connections.values_list("pk", flat=True))
    by_number = Order.objects.filter(brand=brand, display_number=wanted)
    by_id = Order.objects.filter(connection_id__in=connections, external_id=wanted)
    return [
        pk
        for found in (by_number, by_id)
        for pk in found.order_by("-pk").values_list("pk", flat=True)[:MOST_MATCHES]
    ]
