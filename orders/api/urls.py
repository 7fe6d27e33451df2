"""Addresses of the inbound edge and of the orders part of the API."""

from django.urls import path, re_path

from orders.api.events import EventIntake
from orders.api.hooks import HookView
from orders.api.orders import OrderList, OrderOne
from orders.api.schema import BearerScheme

__all__ = ["BearerScheme", "urlpatterns"]  # the scheme registers itself by being imported

urlpatterns = [
    # With and without the slash: a redirect would lose a POST.
    re_path(r"^hooks/(?P<key>[0-9A-Za-z]{1,64})/?$", HookView.as_view(), name="hook"),
    path("api/v1/events/", EventIntake.as_view(), name="api-events"),
    path("api/v1/orders/", OrderList.as_view(), name="api-orders"),
    path("api/v1/orders/<int:pk>/", OrderOne.as_view(), name="api-order"),
]
